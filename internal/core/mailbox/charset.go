// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"bytes"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
)

// toUTF8 turns text in the named charset into valid UTF-8. Mail lies about its
// charset often, so no name and an unknown one mean UTF-8 if the bytes are that, else
// Windows-1252, in which every byte is a character.
func toUTF8(b []byte, charset string) string {
	enc := lookup(charset)
	if enc == nil {
		if utf8.Valid(b) {
			return string(b)
		}
		enc = charmap.Windows1252
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

// lookup returns nil where the bytes themselves tell best: for ASCII and UTF-8 and
// for names that nobody knows.
func lookup(charset string) encoding.Encoding {
	name := strings.ToLower(strings.TrimSpace(charset))
	switch name {
	case "", "us-ascii", "ascii", "utf-8", "utf8":
		return nil
	case "utf-16": // as its byte order mark says (RFC 2781 §4.3), which the web does not ask
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	}
	if enc, err := htmlindex.Get(name); err == nil {
		return enc
	}
	if enc, err := ianaindex.MIME.Encoding(name); err == nil {
		return enc // nil for those that x/text knows by name only
	}
	return nil
}

// decodeWords decodes the encoded words of a header field (RFC 2047). What is not
// well formed stays as it is.
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	out, err := wordDecoder().DecodeHeader(s)
	if err != nil {
		return s
	}
	return strings.ToValidUTF8(out, "\uFFFD")
}

func wordDecoder() *mime.WordDecoder {
	return &mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
		b, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		// RFC 2231 §5 lets a language follow the charset.
		charset, _, _ = strings.Cut(charset, "*")
		return strings.NewReader(toUTF8(b, charset)), nil
	}}
}

// decodeTransfer undoes a Content-Transfer-Encoding (RFC 2045 §6). It takes whatever
// comes: a reader of broken mail wants to see what is there.
func decodeTransfer(body []byte, name string) []byte {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "base64":
		return decodeBase64(body)
	case "quoted-printable":
		return decodeQuoted(body)
	}
	return body
}

// decodeBase64 skips what is not of the alphabet. Padding ends a group, not the text,
// since some senders join several.
func decodeBase64(body []byte) []byte {
	out := make([]byte, 0, len(body)/4*3+3)
	var bits uint32
	n := 0
	for _, c := range body {
		var v byte
		switch {
		case c >= 'A' && c <= 'Z':
			v = c - 'A'
		case c >= 'a' && c <= 'z':
			v = c - 'a' + 26
		case c >= '0' && c <= '9':
			v = c - '0' + 52
		case c == '+', c == '-':
			v = 62
		case c == '/', c == '_':
			v = 63
		case c == '=':
			bits, n = 0, 0
			continue
		default:
			continue
		}
		bits, n = bits<<6|uint32(v), n+6
		if n >= 8 {
			n -= 8
			out = append(out, byte(bits>>n))
		}
	}
	return out
}

// decodeQuoted keeps an = that begins no escape, and white space before a line's end
// that RFC 2045 §6.7 would have deleted.
func decodeQuoted(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for i := 0; i < len(body); i++ {
		c := body[i]
		if c != '=' {
			out = append(out, c)
			continue
		}
		if i+2 < len(body) {
			hi, lo := unhex(body[i+1]), unhex(body[i+2])
			if hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		if end, ok := softBreak(body[i+1:]); ok {
			i += end
			continue
		}
		out = append(out, c)
	}
	return out
}

// softBreak reports how long the white space and the line's end after an = are.
func softBreak(rest []byte) (int, bool) {
	spaces := len(rest) - len(bytes.TrimLeft(rest, " \t"))
	switch after := rest[spaces:]; {
	case len(after) == 0:
		return spaces, true
	case after[0] == '\n':
		return spaces + 1, true
	case len(after) > 1 && after[0] == '\r' && after[1] == '\n':
		return spaces + 2, true
	}
	return 0, false
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
