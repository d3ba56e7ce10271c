// SPDX-License-Identifier: Apache-2.0

package message

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// Errors of character sets.
var (
	ErrCharset   = errors.New("message: unknown character set")
	ErrNotInText = errors.New("message: the text has characters outside its character set")
)

// charset is a character set by its label. A nil enc means that text is UTF-8 as it
// is.
type charset struct {
	label string
	ascii bool // no octet above 0x7f is allowed
	enc   encoding.Encoding
}

const utf8Label = "UTF-8"

// lookupCharset finds a character set by its IANA name (RFC 2978) or by a name of the
// web; "" is UTF-8.
func lookupCharset(label string) (charset, error) {
	switch {
	case label == "" || strings.EqualFold(label, utf8Label) || strings.EqualFold(label, "utf8"):
		return charset{label: utf8Label}, nil
	case strings.EqualFold(label, "US-ASCII") || strings.EqualFold(label, "ASCII"):
		return charset{label: "US-ASCII", ascii: true}, nil
	}
	if !charsetLabel(label) {
		return charset{}, fmt.Errorf("%w: %q", ErrCharset, label)
	}
	enc, err := ianaindex.MIME.Encoding(label)
	if err != nil || enc == nil {
		enc, err = htmlindex.Get(label)
	}
	if err != nil || enc == nil || enc == encoding.Replacement {
		return charset{}, fmt.Errorf("%w: %q", ErrCharset, label)
	}
	return charset{label: label, enc: enc}, nil
}

// ExtendsASCII reports whether text in a character set, named as in lookupCharset or "" for
// US-ASCII, has its ASCII characters as octets of ASCII. It is false for those that shift
// (ISO-2022-JP, UTF-7), those of wide units (UTF-16) and those that nobody knows.
func ExtendsASCII(label string) bool {
	c, err := lookupCharset(label)
	if err != nil {
		return false
	}
	if c.enc == nil {
		return true
	}
	var all [128]byte
	for i := range all {
		all[i] = byte(i)
	}
	out, err := c.enc.NewDecoder().Bytes(all[:])
	return err == nil && string(out) == string(all[:])
}

// charsetLabel accepts mime-charset of RFC 2978 §2.3, within a length that leaves room
// in an encoded word.
func charsetLabel(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			strings.IndexByte("!#$%&'+-^_`{}~.:", c) >= 0) {
			return false
		}
	}
	return true
}

// encode turns text into octets of the character set, or fails. The result may be text
// itself.
func (c charset) encode(text []byte) ([]byte, error) {
	if c.enc == nil {
		if !utf8.Valid(text) || c.ascii && Is8Bit(text) {
			return nil, fmt.Errorf("%w %s", ErrNotInText, c.label)
		}
		return text, nil
	}
	b, err := c.enc.NewEncoder().Bytes(text)
	if err != nil {
		return nil, fmt.Errorf("%w %s", ErrNotInText, c.label)
	}
	return b, nil
}

// forWords is the character set for encoded words: UTF-8 in place of the other encodings of
// Unicode, since readers put the octets of adjacent words together, and the byte order
// mark of each would be a character of the text.
func (c charset) forWords() charset {
	if label := strings.ToLower(c.label); strings.HasPrefix(label, "utf-16") || strings.HasPrefix(label, "utf-32") {
		return charset{label: utf8Label}
	}
	return c
}

// decodeCharset turns octets of a character set into text, replacing what is wrong.
func decodeCharset(label string, b []byte) (string, bool) {
	c, err := lookupCharset(label)
	if err != nil {
		return "", false
	}
	if c.enc == nil {
		return strings.ToValidUTF8(string(b), "\ufffd"), true
	}
	out, err := c.enc.NewDecoder().Bytes(b)
	return string(out), err == nil
}

// DecodeText decodes the encoded words (RFC 2047) of an unstructured value. What can't
// be decoded stays as it is, but the result is always valid UTF-8.
func DecodeText(s string) string {
	if strings.Contains(s, "=?") {
		d := mime.WordDecoder{CharsetReader: charsetReader}
		if t, err := d.DecodeHeader(s); err == nil {
			s = t
		}
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

func charsetReader(label string, r io.Reader) (io.Reader, error) {
	c, err := lookupCharset(label)
	if err != nil {
		return nil, err
	}
	if c.enc == nil {
		return r, nil
	}
	return c.enc.NewDecoder().Reader(r), nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
