// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonScanner reads JSON (RFC 8259) tokens from a body.
type jsonScanner struct {
	buf []byte
	pos int
}

// next skips white space and returns the byte that follows, or 0 at the end.
func (s *jsonScanner) next() byte {
	for s.pos < len(s.buf) {
		switch c := s.buf[s.pos]; c {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// literal consumes the word if it comes next.
func (s *jsonScanner) literal(word string) bool {
	if len(s.buf)-s.pos < len(word) || string(s.buf[s.pos:s.pos+len(word)]) != word {
		return false
	}
	s.pos += len(word)
	return true
}

// rawString is a string as it stands between its quotes.
type rawString struct {
	text    []byte
	escaped bool // has at least one backslash
}

// special marks in the high bits which of eight bytes, the first being the lowest,
// needs a closer look: a quote, a backslash, a control character or a byte over 0x7f.
// The lowest mark is exact; borrows may add marks above it.
func special(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return (w | (w - ones*0x20) | (quote - ones) | (slash - ones)) & highs
}

// rawString consumes the string that starts at the position's quote. It is valid
// UTF-8 and free of control characters (RFC 8259 section 7).
func (s *jsonScanner) rawString() (rawString, bool) {
	start := s.pos + 1
	i := start
	escaped, ascii := false, true
	for {
		for i+8 <= len(s.buf) {
			m := special(binary.LittleEndian.Uint64(s.buf[i:]))
			if m != 0 {
				i += bits.TrailingZeros64(m) / 8
				break
			}
			i += 8
		}
		if i >= len(s.buf) {
			return rawString{}, false
		}
		switch c := s.buf[i]; {
		case c == '"':
			text := s.buf[start:i]
			s.pos = i + 1
			return rawString{text: text, escaped: escaped}, ascii || utf8.Valid(text)
		case c == '\\':
			escaped = true
			i++ // the next byte is taken with it, whatever it is; unescape checks it
		case c < 0x20:
			return rawString{}, false
		case c >= 0x80:
			ascii = false
			i = skipHigh(s.buf, i)
			continue
		}
		i++
	}
}

// skipHigh returns the index of the first byte from i on that is ASCII.
func skipHigh(b []byte, i int) int {
	for i < len(b) && b[i] >= 0x80 {
		i++
	}
	return i
}

// string returns the string's value, or false for a malformed escape. The value does
// not share the body.
func (r rawString) string() (string, bool) {
	if !r.escaped {
		return string(r.text), true
	}
	var b strings.Builder
	b.Grow(len(r.text))
	rest := r.text
	for {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 {
			b.Write(rest)
			return b.String(), true
		}
		b.Write(rest[:i])
		if i+1 < len(rest) {
			if c := simpleEscape(rest[i+1]); c != 0 {
				b.WriteByte(c)
				rest = rest[i+2:]
				continue
			}
		}
		c, n := unescape(rest[i:])
		if n == 0 {
			return "", false
		}
		b.WriteRune(c)
		rest = rest[i+n:]
	}
}

// valid reports whether the string's escapes are well-formed.
func (r rawString) valid() bool {
	rest := r.text
	for r.escaped {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 {
			break
		}
		_, n := unescape(rest[i:])
		if n == 0 {
			return false
		}
		rest = rest[i+n:]
	}
	return true
}

// unescape reads the escape at the start of b: its character and its length, 0 if it
// is malformed. Half of a surrogate pair becomes U+FFFD.
func unescape(b []byte) (rune, int) {
	if len(b) < 2 {
		return 0, 0
	}
	if c := simpleEscape(b[1]); c != 0 {
		return rune(c), 2
	}
	if b[1] != 'u' {
		return 0, 0
	}
	c, ok := hex4(b[2:])
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(c) {
		return c, 6
	}
	if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
		if low, ok := hex4(b[8:]); ok {
			if pair := utf16.DecodeRune(c, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return utf8.RuneError, 6
}

// simpleEscape returns what a backslash and c stand for, or 0.
func simpleEscape(c byte) byte {
	switch c {
	case '"', '\\', '/':
		return c
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	}
	return 0
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		digit, ok := hexDigit(c)
		if !ok {
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	return r, true
}

// number consumes a number and returns its text, which is at most maxNumber bytes.
func (s *jsonScanner) number() ([]byte, bool) {
	const maxNumber = 64
	start := s.pos
	if s.pos < len(s.buf) && s.buf[s.pos] == '-' {
		s.pos++
	}
	whole := s.digits()
	if whole == 0 || (whole > 1 && s.buf[s.pos-whole] == '0') {
		return nil, false
	}
	if s.pos < len(s.buf) && s.buf[s.pos] == '.' {
		s.pos++
		if s.digits() == 0 {
			return nil, false
		}
	}
	if s.pos < len(s.buf) && s.buf[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.buf) && (s.buf[s.pos] == '+' || s.buf[s.pos] == '-') {
			s.pos++
		}
		if s.digits() == 0 {
			return nil, false
		}
	}
	return s.buf[start:s.pos], s.pos-start <= maxNumber
}

func (s *jsonScanner) digits() int {
	start := s.pos
	for s.pos < len(s.buf) && s.buf[s.pos] >= '0' && s.buf[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}

// skip consumes one value of any kind. It does not recurse, and remembers open
// brackets in a fixed number of bits.
func (s *jsonScanner) skip() bool {
	var objects uint64 // bit i: the i-th open bracket is an object
	depth := 0
	for {
		ok := true
		switch c := s.next(); {
		case c == '{' || c == '[':
			if depth == maxDepth {
				return false
			}
			s.pos++
			objects &^= 1 << depth
			if c == '{' {
				objects |= 1 << depth
			}
			depth++
			if s.next() != c+2 { // '}' is '{'+2, ']' is '['+2
				if c == '{' && !s.key() {
					return false
				}
				continue
			}
			s.pos++
			depth--
		case c == '"':
			var r rawString
			r, ok = s.rawString()
			ok = ok && r.valid()
		case c == 't':
			ok = s.literal("true")
		case c == 'f':
			ok = s.literal("false")
		case c == 'n':
			ok = s.literal("null")
		default:
			_, ok = s.number()
		}
		if !ok {
			return false
		}
		if depth, ok = s.after(depth, objects); !ok || depth == 0 {
			return ok
		}
	}
}

// after consumes what follows a value inside depth brackets: a comma, and the next
// key in an object, or closing brackets. It returns the brackets that are still open.
func (s *jsonScanner) after(depth int, objects uint64) (int, bool) {
	for depth > 0 {
		object := objects&(1<<(depth-1)) != 0
		switch c := s.next(); {
		case c == ',':
			s.pos++
			return depth, !object || s.key()
		case object && c == '}' || !object && c == ']':
			s.pos++
			depth--
		default:
			return depth, false
		}
	}
	return 0, true
}

// key consumes a member's name and its colon without looking at the name.
func (s *jsonScanner) key() bool {
	if s.next() != '"' {
		return false
	}
	r, ok := s.rawString()
	if !ok || !r.valid() || s.next() != ':' {
		return false
	}
	s.pos++
	return true
}
