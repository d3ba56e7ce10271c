// SPDX-License-Identifier: Apache-2.0

package message

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Line lengths of a header section, line ends not counted (RFC 5322 §2.1.1, RFC 2047
// §2).
const (
	foldAt      = 76
	maxLine     = 998
	maxWord     = 75
	maxAtomName = 126 // SES: MessageHeader
)

// Errors of what is to be written into a header section.
var (
	ErrFieldName = errors.New("message: header name has characters other than printable ASCII")
	ErrLineBreak = errors.New("message: control character or line break in a header value")
	ErrTooLong   = errors.New("message: header value can't be folded into lines of 998 octets")
)

// headerWriter writes header fields, folding them at the white space that they have.
type headerWriter struct {
	b     []byte
	line  int  // where the present line begins
	name  int  // length of a field name and colon on this line
	blank bool // no word is on this line yet
	err   error
}

// begin writes a field's name and colon.
func (w *headerWriter) begin(name string) {
	if !validFieldName(name) && w.err == nil {
		w.err = fmt.Errorf("%w: %q", ErrFieldName, name)
	}
	w.line, w.name, w.blank = len(w.b), len(name)+1, true
	w.b = append(w.b, name...)
	w.b = append(w.b, ':')
}

// word writes a space and s, which stays in one piece, on this line or the next.
func (w *headerWriter) word(s string) {
	w.spaced(" ", s)
}

// spaced writes the white space before a word and the word. A line never holds white
// space alone, since it could be taken for the end of the header section; and a first
// word leaves the name's line only if there is no other way.
func (w *headerWriter) spaced(space, s string) {
	length := len(w.b) - w.line + len(space) + len(s)
	if length > foldAt && !w.blank || length > maxLine && w.name > 0 {
		w.b = append(w.b, '\r', '\n')
		w.line, w.name, w.blank = len(w.b), 0, true
	}
	w.b = append(w.b, space...)
	w.b = append(w.b, s...)
	w.blank = w.blank && s == ""
	if w.err == nil && len(w.b)-w.line > maxLine {
		w.err = ErrTooLong
	}
}

// end finishes the field.
func (w *headerWriter) end() { w.b = append(w.b, '\r', '\n') }

// ascii writes a value that is printable ASCII, keeping the spaces inside it.
func (w *headerWriter) ascii(value string) {
	space := " "
	for value != "" {
		n := strings.IndexAny(value, " \t")
		if n < 0 {
			n = len(value)
		}
		w.spaced(space, value[:n])
		rest := strings.TrimLeft(value[n:], " \t")
		space = value[n : len(value)-len(rest)]
		value = rest
	}
}

// text writes an unstructured value, as encoded words if it is not ASCII. ASCII goes
// as it is, so what is encoded already stays so.
func (w *headerWriter) text(value string, c charset) {
	if w.err != nil {
		return
	}
	if hasControl(value) {
		w.err = ErrLineBreak
		return
	}
	value = strings.Trim(value, " \t")
	if isASCII(value) {
		w.ascii(value)
		return
	}
	w.encoded(value, c)
}

// phrase is text for people: a word that no line has room for is encoded, since encoded
// words can be cut anywhere.
func (w *headerWriter) phrase(value string, c charset) {
	if w.err == nil && !hasControl(value) && longestWord(value) >= maxLine {
		w.encoded(value, c)
		return
	}
	w.text(value, c)
}

func (w *headerWriter) encoded(value string, c charset) {
	words, err := encodeWords(value, c, len(w.b)-w.line)
	if err != nil {
		w.err = err
		return
	}
	for _, word := range words {
		w.word(word)
	}
}

func longestWord(s string) (n int) {
	for word := range strings.FieldsSeq(s) {
		n = max(n, len(word))
	}
	return n
}

// mailboxes writes an address list.
func (w *headerWriter) mailboxes(list []Mailbox) {
	for i, m := range list {
		if hasControl(m.Name) && w.err == nil {
			w.err = ErrLineBreak
			return
		}
		pieces := m.pieces()
		if i < len(list)-1 {
			pieces[len(pieces)-1] += ","
		}
		for _, p := range pieces {
			w.word(p)
		}
	}
}

// pieces are the words of a mailbox; a header field can be folded between them.
func (m Mailbox) pieces() []string {
	addr := m.Address.Written()
	switch {
	case m.Name == "":
		return []string{addr}
	case !isASCII(m.Name) || strings.Contains(m.Name, "=?"):
		words, err := encodeWords(strings.ToValidUTF8(m.Name, "\ufffd"), charset{label: utf8Label}, 0)
		if err != nil {
			return []string{addr}
		}
		return append(words, "<"+addr+">")
	case isAtoms(m.Name):
		return append(strings.Fields(m.Name), "<"+addr+">")
	}
	return append(strings.Split(quote(m.Name), " "), "<"+addr+">")
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}

// isAtoms reports whether s is atoms with single spaces between them.
func isAtoms(s string) bool {
	prev := byte(' ')
	for i := range len(s) {
		c := s[i]
		if c == ' ' && prev == ' ' || c != ' ' && !isAtext(c) {
			return false
		}
		prev = c
	}
	return prev != ' '
}

// isAtext is atext of RFC 5322 §3.2.3.
func isAtext(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// hasControl reports a control character other than tab: the first thing that header
// injection needs.
func hasControl(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

func validFieldName(s string) bool {
	if s == "" || len(s) > maxAtomName {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' {
			return false
		}
	}
	return true
}

// encodeWords makes encoded words (RFC 2047) of at most 75 characters, the first one
// shorter by what its line holds already. No character is split between two words, and
// each word begins in the initial state of its character set.
func encodeWords(text string, c charset, used int) ([]string, error) {
	all, err := c.encode([]byte(text))
	if err != nil {
		return nil, err
	}
	q := qLength(all) <= base64.StdEncoding.EncodedLen(len(all))*5/4 // can be read if short
	room := maxWord - len("=?") - len(c.label) - len("?q?") - len("?=")
	var words []string
	for text != "" {
		n, chunk, err := fitting(text, c, q, max(room-used, room/2))
		if err != nil {
			return nil, err
		}
		words = append(words, encodeWord(chunk, c.label, q))
		text, used = text[n:], 0
	}
	return words, nil
}

// fitting returns the length of the longest beginning of text that fits into room
// characters of an encoded word, but at least one character, and its octets.
func fitting(text string, c charset, q bool, room int) (n int, best []byte, err error) {
	for n < len(text) {
		_, size := utf8.DecodeRuneInString(text[n:])
		chunk := best
		if c.enc == nil {
			chunk = append(best, text[n:n+size]...)
		} else if chunk, err = c.encode([]byte(text[:n+size])); err != nil {
			return 0, nil, err
		}
		length := base64.StdEncoding.EncodedLen(len(chunk))
		if q {
			length = qLength(chunk)
		}
		if length > room && n > 0 {
			break
		}
		n, best = n+size, chunk
	}
	return n, best, nil
}

func encodeWord(chunk []byte, label string, q bool) string {
	b := make([]byte, 0, maxWord)
	b = append(b, "=?"...)
	b = append(b, label...)
	if q {
		b = append(b, "?q?"...)
		b = appendQ(b, chunk)
	} else {
		b = append(b, "?b?"...)
		b = base64.StdEncoding.AppendEncode(b, chunk)
	}
	return string(append(b, "?="...))
}

// qSafe are the octets that the Q encoding leaves alone wherever an encoded word may
// stand (RFC 2047 §5 rule 3).
func qSafe(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '!' || c == '*' || c == '+' || c == '-' || c == '/'
}

func qLength(b []byte) int {
	n := len(b)
	for _, c := range b {
		if !qSafe(c) && c != ' ' {
			n += 2
		}
	}
	return n
}

const upperHex = "0123456789ABCDEF"

func appendQ(dst, b []byte) []byte {
	for _, c := range b {
		switch {
		case c == ' ':
			dst = append(dst, '_')
		case qSafe(c):
			dst = append(dst, c)
		default:
			dst = append(dst, '=', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}
