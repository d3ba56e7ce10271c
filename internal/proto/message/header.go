// SPDX-License-Identifier: Apache-2.0

// Package message reads and writes Internet messages: the header section and its
// fields (RFC 5322), addresses, encoded words (RFC 2047), parameters (RFC 2231) and
// the tree of MIME parts (RFC 2045, RFC 2046). It takes what the wild sends, obsolete
// syntax and missing pieces included, keeps every octet that it does not have to
// change, and bounds what hostile input can make it do. What a message is allowed to
// be is not its business.
package message

import (
	"bytes"
	"errors"
	"strings"
)

// Bounds of a header section. They are far above what mail has.
const (
	MaxHeaderBytes = 256 << 10
	MaxFields      = 2000

	maxFieldName = 998
)

// Errors of Split.
var (
	ErrHeaderTooLarge = errors.New("message: header section too large")
	ErrTooManyFields  = errors.New("message: too many header fields")
)

// Field is one header field. It holds on to the message's own octets.
type Field struct {
	raw  []byte
	name int // length of the name
	body int // where the value begins: after the colon
}

// NewField makes a field with its line end; the value has to be ASCII, of one line, and is
// not folded.
func NewField(name, value string) Field {
	return Field{raw: []byte(name + ": " + value + "\r\n"), name: len(name), body: len(name) + 1}
}

// Raw is the field as it stands in the message, folding and final line end included.
// A field that ends with the message may lack the line end.
func (f Field) Raw() []byte { return f.raw }

// Name is the field's name as it was written.
func (f Field) Name() string { return string(f.raw[:f.name]) }

// NameBytes is Name without a copy; it must not be changed.
func (f Field) NameBytes() []byte { return f.raw[:f.name] }

// RawValue is everything after the colon, line ends included.
func (f Field) RawValue() []byte { return f.raw[f.body:] }

// Value is the value unfolded (RFC 5322 §2.2.3) and without white space around it.
func (f Field) Value() string { return unfold(f.raw[f.body:]) }

// Is reports whether the field has this name; letter case does not count.
func (f Field) Is(name string) bool {
	return len(name) == f.name && equalFold(f.raw[:f.name], name)
}

// LongestLine is the length in octets of the field's longest line, line ends not
// counted.
func (f Field) LongestLine() int {
	longest := 0
	for rest := f.raw; len(rest) > 0; {
		line, n := cutLine(rest)
		longest = max(longest, len(line))
		rest = rest[n:]
	}
	return longest
}

// Header is a header section: its fields in their order.
type Header []Field

// Get is the value of the first field with this name, or "".
func (h Header) Get(name string) string {
	f, _ := h.First(name)
	return f.Value()
}

// First returns the first field with this name.
func (h Header) First(name string) (Field, bool) {
	for _, f := range h {
		if f.Is(name) {
			return f, true
		}
	}
	return Field{}, false
}

// Has reports whether there is a field with this name.
func (h Header) Has(name string) bool {
	_, ok := h.First(name)
	return ok
}

// Values are the values of all fields with this name.
func (h Header) Values(name string) []string {
	var v []string
	for _, f := range h {
		if f.Is(name) {
			v = append(v, f.Value())
		}
	}
	return v
}

// Split takes a message apart. Lines may end with CRLF or LF. A leading "From " line
// of the mbox format is left out. The header section ends with the first empty line,
// which is left out too, or before the first line that can't belong to a header
// section: such a line, and a message that begins with one, is body. So every message
// splits, unless its header section is out of bounds. Nothing is copied.
func Split(raw []byte) (Header, []byte, error) {
	h, n, err := scanHeader(skipMbox(raw), nil)
	if err != nil {
		return nil, nil, err
	}
	return h, skipMbox(raw)[n:], nil
}

// scanHeader reads a header section at the beginning of b and returns it and the
// length of it, its empty line included. If stop is given, a line that begins with
// "--" and for which stop is true ends the section.
func scanHeader(b []byte, stop func(line []byte) bool) (Header, int, error) {
	h := make(Header, 0, 16)
	at := 0
	for at < len(b) {
		rest := b[at:]
		if n := emptyLine(rest); n > 0 {
			return h, at + n, nil
		}
		if stop != nil && bytes.HasPrefix(rest, dashes) {
			if line, _ := cutLine(rest); stop(line) {
				return h, at, nil
			}
		}
		name, body := fieldName(rest)
		if body == 0 {
			return h, at, nil
		}
		n := fieldEnd(rest, body)
		if at+n > MaxHeaderBytes {
			return nil, 0, ErrHeaderTooLarge
		}
		if len(h) == MaxFields {
			return nil, 0, ErrTooManyFields
		}
		h = append(h, Field{raw: rest[:n:n], name: name, body: body})
		at += n
	}
	return h, at, nil
}

var dashes = []byte("--")

// skipMbox leaves out the line that the mbox format puts before a message. "From :" is
// a field with the white space that RFC 5322 §4.5 once allowed before the colon.
func skipMbox(raw []byte) []byte {
	if !bytes.HasPrefix(raw, []byte("From ")) {
		return raw
	}
	if _, body := fieldName(raw); body != 0 {
		return raw
	}
	_, n := cutLine(raw)
	return raw[n:]
}

// fieldName returns the length of the field name at the beginning of b and the place
// after its colon, which is 0 if there is no field.
func fieldName(b []byte) (name, body int) {
	limit := min(len(b), maxFieldName)
	for name < limit && b[name] > ' ' && b[name] < 0x7f && b[name] != ':' {
		name++
	}
	if name == 0 {
		return 0, 0
	}
	for i := name; i < len(b); i++ {
		switch b[i] {
		case ' ', '\t':
		case ':':
			return name, i + 1
		default:
			return 0, 0
		}
	}
	return 0, 0
}

// fieldEnd is where the field ends whose value begins at from: after the first line
// end that is not followed by white space.
func fieldEnd(b []byte, from int) int {
	for i := from; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return len(b)
		}
		i += n + 1
		if i == len(b) || b[i] != ' ' && b[i] != '\t' {
			return i
		}
	}
}

// emptyLine is the length of the empty line at the beginning of b, or 0.
func emptyLine(b []byte) int {
	switch {
	case b[0] == '\n':
		return 1
	case b[0] == '\r' && len(b) > 1 && b[1] == '\n':
		return 2
	}
	return 0
}

// cutLine returns the first line of b without its line end, and its length with it.
func cutLine(b []byte) ([]byte, int) {
	n := bytes.IndexByte(b, '\n')
	if n < 0 {
		return b, len(b)
	}
	if n > 0 && b[n-1] == '\r' {
		return b[:n-1], n + 1
	}
	return b[:n], n + 1
}

func unfold(v []byte) string {
	v = bytes.Trim(v, " \t\r\n")
	if bytes.IndexByte(v, '\n') < 0 {
		return string(v)
	}
	var s strings.Builder
	s.Grow(len(v))
	for len(v) > 0 {
		line, n := cutLine(v)
		s.Write(line)
		v = v[n:]
	}
	return s.String()
}

// equalFold compares ASCII without regard to case; the lengths are equal.
func equalFold(b []byte, s string) bool {
	for i := range b {
		if lower(b[i]) != lower(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
