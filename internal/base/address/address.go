// SPDX-License-Identifier: Apache-2.0

// Package address holds e-mail addresses and domains as types of their own, so that
// they can't be confused with other strings or with each other.
package address

import (
	"errors"
	"strings"
)

// Limits of RFC 5321 §4.5.3.1.
const (
	MaxLocal   = 64
	MaxDomain  = 255
	MaxAddress = 254 // RFC 3696 erratum 1690: a path is 256 with its angle brackets
)

// Domain is a DNS domain in lower case, without a trailing dot. International
// domains are in their ASCII form (A-labels).
type Domain string

// Parent is the domain one label up, or "" for a top-level domain.
func (d Domain) Parent() Domain {
	if i := strings.IndexByte(string(d), '.'); i >= 0 {
		return d[i+1:]
	}
	return ""
}

// Address is a mailbox (addr-spec of RFC 5322 §3.4.1) in ASCII. Local is kept as it
// was written, quotes included, since SES compares it exactly; the domain is in
// lower case. The zero value is the null reverse-path.
//
// How the domain was written is kept too, and two addresses that differ in it are not
// equal: SES compares address identities by every letter. Whoever compares mailboxes
// takes Folded ones.
type Address struct {
	Local  string
	Domain Domain

	written string // the domain as Parse read it; "" where that is in lower case
}

// Errors of Parse.
var (
	ErrSyntax   = errors.New("address: not of the form local@domain")
	ErrNonASCII = errors.New("address: non-ASCII characters")
)

// String is local@domain, or "" for the zero value.
func (a Address) String() string {
	if a == (Address{}) {
		return ""
	}
	return a.Local + "@" + string(a.Domain)
}

// Written is the address in the letters that Parse read.
func (a Address) Written() string {
	if a.written == "" {
		return a.String()
	}
	return a.Local + "@" + a.written
}

// Folded is the address without its domain's own spelling, and without quotes and
// backslashes that its local part does not need (RFC 5321 §4.1.2): addresses of one mailbox
// are equal when they are folded.
func (a Address) Folded() Address { return Address{Local: unquoted(a.Local), Domain: a.Domain} }

// IsZero reports whether a is the null reverse-path.
func (a Address) IsZero() bool { return a == Address{} }

// Parse reads a bare address: local@domain, the local part a dot-string or a quoted
// string (RFC 5321 §4.1.2), the domain names or an address literal. It accepts no
// display name, comment or white space. International text gives ErrNonASCII: SES
// takes punycode in the domain and nothing else.
func Parse(s string) (Address, error) {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return Address{}, ErrNonASCII
		}
	}
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || len(s) > MaxAddress {
		return Address{}, ErrSyntax
	}
	local := s[:at]
	if len(local) > MaxLocal || !validLocal(local) {
		return Address{}, ErrSyntax
	}
	d, err := ParseDomain(s[at+1:])
	if err != nil {
		if len(s) <= at+1 || !validLiteral(s[at+1:]) {
			return Address{}, err
		}
		d = Domain(strings.ToLower(s[at+1:]))
	}
	a := Address{Local: local, Domain: d}
	if s[at+1:] != string(d) {
		a.written = s[at+1:]
	}
	return a, nil
}

// ParseDomain reads a domain name: LDH labels (and underscores, which the wild has)
// of 1 to 63 octets, 255 in all. A trailing dot is not accepted.
func ParseDomain(s string) (Domain, error) {
	if s == "" || len(s) > MaxDomain {
		return "", ErrSyntax
	}
	label := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 0x80:
			return "", ErrNonASCII
		case c == '.':
			if label == 0 || s[i-1] == '-' {
				return "", ErrSyntax
			}
			label = 0
			continue
		case c == '-':
			if label == 0 {
				return "", ErrSyntax
			}
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_':
		default:
			return "", ErrSyntax
		}
		if label++; label > 63 {
			return "", ErrSyntax
		}
	}
	if label == 0 || s[len(s)-1] == '-' {
		return "", ErrSyntax
	}
	return Domain(strings.ToLower(s)), nil
}

// validLiteral accepts an address literal by its shape only; whether it can be
// reached is the sender's matter.
func validLiteral(s string) bool {
	if len(s) < 3 || s[0] != '[' || s[len(s)-1] != ']' {
		return false
	}
	for _, c := range []byte(s[1 : len(s)-1]) {
		if c <= ' ' || c >= 0x7f || c == '[' || c == ']' || c == '\\' {
			return false
		}
	}
	return true
}

func validLocal(s string) bool {
	if s[0] == '"' {
		return validQuoted(s)
	}
	prev := byte('.')
	for i := range len(s) {
		c := s[i]
		if c == '.' && prev == '.' || c != '.' && !atext(c) {
			return false
		}
		prev = c
	}
	return prev != '.'
}

func validQuoted(s string) bool {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return false
	}
	for i := 1; i < len(s)-1; i++ {
		switch c := s[i]; {
		case c == '\\':
			if i++; i == len(s)-1 || s[i] < ' ' || s[i] > '~' {
				return false
			}
		case c < ' ' || c > '~' || c == '"':
			return false
		}
	}
	return true
}

// unquoted is a local part with as few quotes and backslashes as it can be written with.
func unquoted(s string) string {
	if s == "" || s[0] != '"' {
		return s
	}
	var plain, quoted strings.Builder
	quoted.WriteByte('"')
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' {
			i++
		}
		if s[i] == '\\' || s[i] == '"' {
			quoted.WriteByte('\\')
		}
		plain.WriteByte(s[i])
		quoted.WriteByte(s[i])
	}
	quoted.WriteByte('"')
	if p := plain.String(); p != "" && p[0] != '"' && validLocal(p) {
		return p
	}
	return quoted.String()
}

// atext is RFC 5322 §3.2.3.
func atext(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}
