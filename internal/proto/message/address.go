// SPDX-License-Identifier: Apache-2.0

package message

import (
	"errors"
	"fmt"
	"strings"

	"sesame/internal/base/address"
)

// MaxAddresses bounds the addresses of one field.
const MaxAddresses = 2000

// Errors of SplitAddressList, by what is wrong with the list.
var (
	ErrQuote            = errors.New("message: missing '\"'")
	ErrComment          = errors.New("message: missing ')'")
	ErrAngle            = errors.New("message: missing '>'")
	ErrNoAngle          = errors.New("message: missing '<'")
	ErrGroup            = errors.New("message: semicolon outside a group")
	ErrNestedGroup      = errors.New("message: group inside a group")
	ErrAddressList      = errors.New("message: text after an address")
	ErrTooManyAddresses = errors.New("message: too many addresses")
)

// Mailbox is an address with the name that is shown for it, decoded.
type Mailbox struct {
	Name    string
	Address address.Address
}

// String is the mailbox as a header field shows it.
func (m Mailbox) String() string { return strings.Join(m.pieces(), " ") }

// Entry is one address of a list as it was written.
type Entry struct {
	Name  string // the display name, decoded
	Spec  string // the address without comments; "" for "<>"
	Angle bool   // the address stood in angle brackets
	Group bool   // the address stood in a group
}

// SplitAddressList reads an unfolded address list (RFC 5322 §3.4, with the obsolete
// forms of §4.4): addresses with and without names, comments, groups, empty groups and
// empty elements. It does not look at the addresses themselves. The members of a group
// are part of the list, its name is not.
func SplitAddressList(value string) ([]Entry, error) {
	s := listScanner{s: value}
	var list []Entry
	for {
		e, ok, err := s.element()
		if err != nil || !ok {
			return list, err
		}
		if len(list) == MaxAddresses {
			return nil, ErrTooManyAddresses
		}
		list = append(list, e)
	}
}

// ParseAddressList reads an unfolded address list and the addresses in it. White space
// around the dots and the at sign is dropped, as is a route before the address.
func ParseAddressList(value string) ([]Mailbox, error) {
	entries, err := SplitAddressList(value)
	if err != nil {
		return nil, err
	}
	list := make([]Mailbox, 0, len(entries))
	for _, e := range entries {
		a, err := address.Parse(tightSpec(e.Spec))
		if err != nil {
			return nil, fmt.Errorf("%w: %q", err, e.Spec)
		}
		list = append(list, Mailbox{Name: e.Name, Address: a})
	}
	return list, nil
}

// listScanner reads an address list from left to right.
type listScanner struct {
	s       string
	i       int
	inGroup bool
}

// element returns the next address; ok is false at the end of the list.
func (l *listScanner) element() (Entry, bool, error) {
	for l.i < len(l.s) {
		switch c := l.s[l.i]; {
		case c == ' ' || c == '\t' || c == ',':
			l.i++
		case c == ';' && l.inGroup:
			l.inGroup = false
			l.i++
		case c == ';' && l.i == len(l.s)-1: // the wild ends lists so
			l.i++
		case c == ';':
			return Entry{}, false, ErrGroup
		default:
			inGroup := l.inGroup
			e, isName, err := l.address()
			if err != nil || !isName {
				e.Group = inGroup
				return e, err == nil, err
			}
		}
	}
	return Entry{}, false, nil
}

// address reads one address, or the name of a group up to its colon.
func (l *listScanner) address() (e Entry, isName bool, err error) {
	start := l.i
	for l.i < len(l.s) {
		switch l.s[l.i] {
		case '"', '(', '[':
			if err := l.skip(); err != nil {
				return e, false, err
			}
			continue
		case '<':
			e, err = l.angle(start)
			return e, false, err
		case '>':
			return e, false, ErrNoAngle
		case ':':
			if l.inGroup {
				return e, false, ErrNestedGroup
			}
			l.inGroup = true
			l.i++
			return e, true, nil
		case ',', ';':
			return bare(l.s[start:l.i]), false, nil
		}
		l.i++
	}
	return bare(l.s[start:]), false, nil
}

// angle reads "<address>" and what may follow it; the phrase before it began at start.
func (l *listScanner) angle(start int) (Entry, error) {
	phrase := l.s[start:l.i]
	l.i++
	begin := l.i
	for l.i < len(l.s) && l.s[l.i] != '>' {
		switch l.s[l.i] {
		case '"', '(', '[':
			if err := l.skip(); err != nil {
				return Entry{}, err
			}
		case '<':
			return Entry{}, ErrAngle
		default:
			l.i++
		}
	}
	if l.i == len(l.s) {
		return Entry{}, ErrAngle
	}
	spec, _ := dropComments(l.s[begin:l.i])
	l.i++
	e := Entry{Name: phraseText(phrase), Spec: spec, Angle: true}
	for l.i < len(l.s) {
		switch l.s[l.i] {
		case ' ', '\t':
			l.i++
		case '(':
			if err := l.skip(); err != nil {
				return Entry{}, err
			}
		case ',', ';':
			return e, nil
		default:
			return Entry{}, ErrAddressList
		}
	}
	return e, nil
}

// skip moves past the quoted string, comment or domain literal that begins here. A
// bracket without an end is one character.
func (l *listScanner) skip() error {
	n, err := quotedLen(l.s[l.i:])
	l.i += n
	return err
}

// quotedLen is the length of the quoted string, comment or domain literal at the
// beginning of s. A literal is short, and looking no further keeps the work linear.
func quotedLen(s string) (int, error) {
	if s[0] == '[' {
		s = s[:min(len(s), address.MaxDomain)]
	}
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && s[0] != '[':
			i++
		case s[0] == '"':
			if c == '"' && i > 0 {
				return i + 1, nil
			}
		case s[0] == '[':
			if c == ']' {
				return i + 1, nil
			}
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i + 1, nil
			}
		}
	}
	switch s[0] {
	case '"':
		return len(s), ErrQuote
	case '(':
		return len(s), ErrComment
	}
	return 1, nil
}

// bare is an address without angle brackets. A comment beside it is its name, as was
// the custom before RFC 822 had names.
func bare(s string) Entry {
	spec, comment := dropComments(s)
	return Entry{Name: DecodeText(comment), Spec: spec}
}

// dropComments takes the comments out of s, which are well-formed, and returns the
// text of the last one.
func dropComments(s string) (rest, comment string) {
	if strings.IndexByte(s, '(') < 0 {
		return strings.Trim(s, " \t"), ""
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 1
		if c := s[i]; c == '"' || c == '(' || c == '[' {
			n, _ = quotedLen(s[i:])
		}
		if s[i] == '(' && n > 1 {
			comment = strings.Trim(s[i+1:i+n-1], " \t")
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return strings.Trim(b.String(), " \t"), comment
}

// phraseText is the text of a display name: quotes and comments removed, encoded words
// decoded, even inside quotes, where the wild has them.
func phraseText(s string) string {
	if !strings.ContainsAny(s, `"(\`) {
		return DecodeText(strings.Trim(s, " \t"))
	}
	s, _ = dropComments(s)
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '"' {
			b.WriteByte(s[i])
			i++
			continue
		}
		text, rest := unquote(s[i:])
		b.WriteString(text)
		i = len(s) - len(rest)
	}
	return DecodeText(strings.Trim(b.String(), " \t"))
}

// tightSpec drops white space outside quotes and a route (RFC 5322 §4.4).
func tightSpec(s string) string {
	if strings.HasPrefix(s, "@") {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			s = s[i+1:]
		}
	}
	if !strings.ContainsAny(s, " \t") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 1
		if s[i] == '"' {
			n, _ = quotedLen(s[i:])
		}
		if s[i] != ' ' && s[i] != '\t' {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}
