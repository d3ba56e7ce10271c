// SPDX-License-Identifier: Apache-2.0

package handlebars

import (
	"strings"
	"unicode/utf8"
)

// isSpace is JavaScript's \s.
func isSpace(r rune) bool {
	switch {
	case '\t' <= r && r <= '\r', r == ' ':
		return true
	case r < 0xa0:
		return false
	case 0x2000 <= r && r <= 0x200a:
		return true
	}
	switch r {
	case 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff:
		return true
	}
	return false
}

// spaceLength is the length of the whitespace that s begins with.
func spaceLength(s string) int {
	return len(s) - len(strings.TrimLeftFunc(s, isSpace))
}

// idLength is the length of the name that s begins with, by the characters that may be in
// a name.
func idLength(s string) int {
	for i, r := range s {
		if isSpace(r) || r < utf8.RuneSelf && strings.IndexByte("!\"#%&'()*+,./;<=>@[\\]^`{|}~", byte(r)) >= 0 {
			return i
		}
	}
	return len(s)
}

// endsID reports whether a name may end before s.
func endsID(s string) bool {
	return s != "" && (strings.IndexByte("=~}/.)|", s[0]) >= 0 || spaceLength(s) > 0)
}

// endsLiteral reports whether a number or a keyword may end before s.
func endsLiteral(s string) bool {
	return s != "" && (strings.IndexByte("~})", s[0]) >= 0 || spaceLength(s) > 0)
}

// numberLength is the length of the number that s begins with, or 0.
func numberLength(s string) int {
	n := 0
	if strings.HasPrefix(s, "-") {
		n++
	}
	whole := digits(s[n:])
	if whole == 0 {
		return 0
	}
	n += whole
	if strings.HasPrefix(s[n:], ".") {
		if part := digits(s[n+1:]); part > 0 {
			n += 1 + part
		}
	}
	return n
}

func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// quotedLength is the length of what begins with a quote or a bracket and goes to the next
// end that has no backslash before it. If all have one, the last of them is the end. 0 if
// there is none.
func quotedLength(s string, end byte) int {
	last := 0
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == end:
			return i + 1
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == end:
			i++
			last = i + 1
		}
	}
	return last
}

// unescapeSegment takes the backslash off \\ and \] of a [segment].
func unescapeSegment(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == ']') {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// segment takes the brackets off a [segment]. handlebars.js does not see them if the
// segment has more than one line.
func segment(s string) string {
	if len(s) >= 2 && s[0] == '[' && s[len(s)-1] == ']' && !strings.ContainsAny(s, "\n\r\u2028\u2029") {
		return s[1 : len(s)-1]
	}
	return s
}
