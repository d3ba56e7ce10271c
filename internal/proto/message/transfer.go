// SPDX-License-Identifier: Apache-2.0

package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Encoding is a content transfer encoding (RFC 2045 §6).
type Encoding uint8

// The encodings. The zero value leaves the choice to Compose, which never chooses EightBit.
const (
	EncodingDefault Encoding = iota
	SevenBit
	QuotedPrintable
	Base64
	EightBit
)

// String is the encoding's name in a header field.
func (e Encoding) String() string {
	switch e {
	case QuotedPrintable:
		return "quoted-printable"
	case Base64:
		return "base64"
	case EightBit:
		return "8bit"
	}
	return "7bit"
}

// ErrEncoding says that data is not in the encoding that it is said to be in, or that
// nobody knows the encoding.
var ErrEncoding = errors.New("message: not in its transfer encoding")

// ParseEncoding reads the value of a Content-Transfer-Encoding field; "" is 7bit, and
// binary is no more than 8bit without limits to its lines.
func ParseEncoding(value string) (Encoding, error) {
	value = strings.TrimSpace(cutComment(value))
	for _, e := range []Encoding{SevenBit, QuotedPrintable, Base64, EightBit} {
		if strings.EqualFold(value, e.String()) {
			return e, nil
		}
	}
	switch {
	case value == "":
		return SevenBit, nil
	case strings.EqualFold(value, "binary"):
		return EightBit, nil
	}
	return EncodingDefault, ErrEncoding
}

// Decode takes data out of the encoding. What is wrong in quoted-printable stays as it
// is, as RFC 2045 §6.7 advises; base64 has to be whole, but for missing padding. The
// result may be data itself.
func (e Encoding) Decode(data []byte) ([]byte, error) {
	switch e {
	case QuotedPrintable:
		return decodeQP(data), nil
	case Base64:
		return decodeBase64(data)
	}
	return data, nil
}

// EncodeText writes text into an encoding that can carry it and does not take the text
// for a delimiter of the multiparts around it: that of its source if it will do. It
// returns the encoding beside the result, which may be text itself.
func EncodeText(text []byte, source Encoding, boundaries []string) ([]byte, Encoding) {
	e := source
	switch {
	case source == SevenBit && (!isSevenBit(text) || !IsCRLF(text)),
		source == EightBit && (LongestLine(text) > maxLine || bytes.IndexByte(text, 0) >= 0 || !IsCRLF(text)):
		if e = chooseText(text); e == SevenBit {
			e = QuotedPrintable
		}
	}
	encoded := text
	if e == QuotedPrintable || e == Base64 {
		encoded = appendEncoded(make([]byte, 0, encodedLen(len(text), e)), text, e)
	}
	if e != Base64 && HoldsDelimiter(encoded, boundaries) {
		return appendEncoded(nil, text, Base64), Base64
	}
	return encoded, e
}

// ErrNotSevenBit says that data can't go as 7bit: it has octets outside ASCII, NUL or
// lines of more than 998 octets.
var ErrNotSevenBit = errors.New("message: content is not 7bit")

const (
	encodedLine = 76                  // RFC 2045 §6.7 (5), §6.8
	base64Line  = encodedLine / 4 * 3 // octets in a full line
)

// isSevenBit reports whether text, with CRLF line ends, can go as it is (RFC 2045
// §2.7).
func isSevenBit(text []byte) bool {
	return !Is8Bit(text) && bytes.IndexByte(text, 0) < 0 && LongestLine(text) <= maxLine
}

// chooseText is the encoding for text with CRLF line ends: base64 where quoted-
// printable would be much longer, as it is in scripts other than Latin.
func chooseText(text []byte) Encoding {
	if isSevenBit(text) {
		return SevenBit
	}
	unsafe := 0
	for _, c := range text {
		if !qpSafe(c) {
			unsafe++
		}
	}
	if unsafe*10 > len(text)*3 {
		return Base64
	}
	return QuotedPrintable
}

// appendEncoded writes data in an encoding.
func appendEncoded(dst, data []byte, e Encoding) []byte {
	switch e {
	case QuotedPrintable:
		return appendQP(dst, data)
	case Base64:
		return appendBase64(dst, data)
	}
	return append(dst, data...)
}

// encodedLen is about the length of data in an encoding, never much less.
func encodedLen(n int, e Encoding) int {
	switch e {
	case QuotedPrintable:
		return n + n/4 + encodedLine
	case Base64:
		return base64.StdEncoding.EncodedLen(n) + 2*(n/base64Line+1)
	}
	return n
}

func appendBase64(dst, data []byte) []byte {
	for len(data) > 0 {
		n := min(len(data), base64Line)
		dst = base64.StdEncoding.AppendEncode(dst, data[:n])
		dst = append(dst, '\r', '\n')
		data = data[n:]
	}
	return dst
}

// qpSafe are the octets that quoted-printable leaves alone inside a line.
func qpSafe(c byte) bool { return c >= ' ' && c <= '~' && c != '=' || c == '\t' }

// appendQP writes data as quoted-printable (RFC 2045 §6.7). CRLF is a line end; a CR or
// LF by itself is data, so that any octets survive.
func appendQP(dst, data []byte) []byte {
	line := 0
	for i := 0; i < len(data); {
		if lineEnd(data, i) {
			dst = append(dst, '\r', '\n')
			line, i = 0, i+2
			continue
		}
		end := min(len(data), i+encodedLine-1-line)
		n := i
		for n < end && qpSafe(data[n]) {
			n++
		}
		if n > i && (n == len(data) || lineEnd(data, n)) && (data[n-1] == ' ' || data[n-1] == '\t') {
			n-- // white space at the end of a line may get lost
		}
		if n > i {
			dst = append(dst, data[i:n]...)
			line, i = line+n-i, n
			continue
		}
		// The line is full, or the octet has to be encoded.
		if line+3 > encodedLine-1 {
			dst = append(dst, '=', '\r', '\n')
			line = 0
			continue
		}
		dst = append(dst, '=', upperHex[data[i]>>4], upperHex[data[i]&15])
		line, i = line+3, i+1
	}
	return dst
}

func lineEnd(data []byte, i int) bool {
	return data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n'
}

// decodeQP undoes quoted-printable. White space at the end of a line is no data.
func decodeQP(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		line, n := cutLine(data)
		ended := n > len(line)
		lineBreak := data[len(line):n]
		data = data[n:]
		line = bytes.TrimRight(line, " \t")
		soft := ended && bytes.HasSuffix(line, []byte{'='})
		if soft {
			line = line[:len(line)-1]
		}
		out = appendUnquoted(out, line)
		if !soft {
			out = append(out, lineBreak...)
		}
	}
	return out
}

// appendUnquoted decodes what is inside a line of quoted-printable.
func appendUnquoted(dst, line []byte) []byte {
	for {
		n := bytes.IndexByte(line, '=')
		if n < 0 {
			return append(dst, line...)
		}
		dst = append(dst, line[:n]...)
		line = line[n:]
		if len(line) >= 3 {
			if hi, lo := unhex(line[1]), unhex(line[2]); hi >= 0 && lo >= 0 {
				dst = append(dst, byte(hi<<4|lo))
				line = line[3:]
				continue
			}
		}
		dst = append(dst, '=')
		line = line[1:]
	}
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

// decodeBase64 undoes base64 with line ends and white space in it.
func decodeBase64(data []byte) ([]byte, error) {
	dense := make([]byte, 0, len(data))
	for _, c := range data {
		if c != '\r' && c != '\n' && c != ' ' && c != '\t' {
			dense = append(dense, c)
		}
	}
	dense = bytes.TrimRight(dense, "=")
	n, err := base64.RawStdEncoding.Decode(dense, dense)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	return dense[:n], nil
}
