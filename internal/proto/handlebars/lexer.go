// SPDX-License-Identifier: Apache-2.0

package handlebars

import (
	"strings"
	"unicode/utf8"
)

// kind is what a token is.
type kind uint8

const (
	tokEOF kind = iota
	tokContent
	tokComment
	tokOpen             // {{ {{& {{*
	tokOpenUnescaped    // {{{
	tokOpenBlock        // {{# {{#*
	tokOpenInverse      // {{^ before a name
	tokOpenInverseChain // {{else before a name
	tokInverse          // {{else}} {{^}}
	tokOpenEnd          // {{/
	tokOpenPartial      // {{>
	tokOpenPartialBlock // {{#>
	tokOpenRaw          // {{{{
	tokCloseRaw         // }}}}
	tokEndRaw           // {{{{/name}}}}
	tokClose            // }}
	tokCloseUnescaped   // }}}
	tokOpenSexpr        // (
	tokCloseSexpr       // )
	tokID
	tokEquals
	tokSep // . or /
	tokData
	tokString
	tokNumber
	tokBoolean
	tokUndefined
	tokNull
	tokOpenParams  // as |
	tokCloseParams // |
	tokInvalid
)

// token is a piece of a template. Text is what the parser needs of it: the value of a
// string, the name of a raw block's end, else as it is written.
type token struct {
	kind kind
	text string
	pos  int
}

// The lexer's modes: in text, in a tag, in text after an escaped tag, in a raw block.
type mode uint8

const (
	inText mode = iota
	inTag
	inEscaped
	inRaw
)

// lexer cuts a template into the tokens of handlebars.js: same rules, same order.
type lexer struct {
	src  string
	pos  int
	mode mode
	raws int // how many raw blocks are open
}

func (l *lexer) take(k kind, n int) token {
	t := token{kind: k, text: l.src[l.pos : l.pos+n], pos: l.pos}
	l.pos += n
	return t
}

// next returns the next token; after the end it is always tokEOF.
func (l *lexer) next() (token, error) {
	for {
		switch l.mode {
		case inText:
			if t, ok := l.text(); ok {
				return t, nil
			}
		case inEscaped:
			return l.escaped(), nil
		case inRaw:
			return l.raw()
		default:
			if t, ok := l.tag(); ok {
				return t, l.check(t)
			}
		}
	}
}

func (l *lexer) check(t token) error {
	if t.kind != tokInvalid {
		return nil
	}
	if t.text == "" {
		return faultf(t.pos, "the comment is not closed")
	}
	return faultf(t.pos, "%q can't stand here", t.text)
}

// text is what comes before the next tag. A backslash before a tag escapes it, two are
// one backslash and no escape.
func (l *lexer) text() (token, bool) {
	n := strings.Index(l.src[l.pos:], "{{")
	if n < 0 {
		if l.pos == len(l.src) {
			return token{kind: tokEOF, pos: l.pos}, true
		}
		return l.take(tokContent, len(l.src)-l.pos), true
	}
	t := l.take(tokContent, n)
	l.mode = inTag
	switch {
	case strings.HasSuffix(t.text, `\\`):
		t.text = t.text[:n-1]
	case strings.HasSuffix(t.text, `\`):
		t.text = t.text[:n-1]
		l.mode = inEscaped
	}
	return t, t.text != ""
}

// escaped is the text from an escaped tag to the next tag or what escapes that.
func (l *lexer) escaped() token {
	l.mode = inText
	rest := l.src[l.pos+2:]
	n := strings.Index(rest, "{{")
	switch {
	case n < 0:
		n = len(rest)
	case strings.HasSuffix(rest[:n], `\\`):
		n -= 2
	case strings.HasSuffix(rest[:n], `\`):
		n--
	}
	return l.take(tokContent, n+2)
}

// raw is the text of a raw block, in pieces, and its end.
func (l *lexer) raw() (token, error) {
	s := l.src[l.pos:]
	if s == "" {
		return token{kind: tokEOF, pos: l.pos}, nil
	}
	if strings.HasPrefix(s, "{{{{") && len(s) > 4 && s[4] != '/' {
		l.raws++
		return l.take(tokContent, 4), nil
	}
	if n := rawEnd(s); n > 0 {
		l.raws--
		if l.raws > 0 {
			return l.take(tokContent, n), nil
		}
		l.mode = inText
		t := l.take(tokEndRaw, n)
		t.text = t.text[5 : n-4]
		return t, nil
	}
	n := strings.Index(s[1:], "{{{{")
	if n < 0 {
		return token{}, faultf(l.pos, "the raw block is not closed")
	}
	return l.take(tokContent, n+1), nil
}

// rawEnd is the length of the {{{{/name}}}} that s begins with, or 0.
func rawEnd(s string) int {
	if !strings.HasPrefix(s, "{{{{/") {
		return 0
	}
	n := idLength(s[5:])
	if n == 0 || !strings.HasPrefix(s[5+n:], "}}}}") {
		return 0
	}
	return 5 + n + 4
}

// tag is a token within a tag; false if it was whitespace.
func (l *lexer) tag() (token, bool) {
	s := l.src[l.pos:]
	if s == "" {
		return token{kind: tokEOF, pos: l.pos}, true
	}
	if n := spaceLength(s); n > 0 {
		l.pos += n
		return token{}, false
	}
	switch {
	case strings.HasPrefix(s, "{{"):
		return l.open(s), true
	case s[0] == '}' || s[0] == '~':
		return l.close(s), true
	}
	return l.inside(s), true
}

// open is the beginning of a tag, or one that is a single token.
func (l *lexer) open(s string) token {
	if strings.HasPrefix(s, "{{{{") {
		return l.take(tokOpenRaw, 4)
	}
	n := 2
	if strings.HasPrefix(s[n:], "~") {
		n++
	}
	t := s[n:]
	switch {
	case strings.HasPrefix(t, ">"):
		return l.take(tokOpenPartial, n+1)
	case strings.HasPrefix(t, "#>"):
		return l.take(tokOpenPartialBlock, n+2)
	case strings.HasPrefix(t, "#*"):
		return l.take(tokOpenBlock, n+2)
	case strings.HasPrefix(t, "#"):
		return l.take(tokOpenBlock, n+1)
	case strings.HasPrefix(t, "/"):
		return l.take(tokOpenEnd, n+1)
	case strings.HasPrefix(t, "^"):
		if end := closeLength(t[1:]); end > 0 {
			l.mode = inText
			return l.take(tokInverse, n+1+end)
		}
		return l.take(tokOpenInverse, n+1)
	case strings.HasPrefix(t, "{"):
		return l.take(tokOpenUnescaped, n+1)
	case strings.HasPrefix(t, "&"), strings.HasPrefix(t, "*"):
		return l.openElse(s, n, 1)
	case strings.HasPrefix(t, "!"):
		return l.comment(s, n)
	}
	return l.openElse(s, n, 0)
}

// openElse is {{else}}, {{else before a name, or an opening that has extra characters.
func (l *lexer) openElse(s string, n, extra int) token {
	t := s[n:]
	t = t[spaceLength(t):]
	if after, ok := strings.CutPrefix(t, "else"); ok && extra == 0 {
		if end := closeLength(after); end > 0 {
			l.mode = inText
			return l.take(tokInverse, len(s)-len(after)+end)
		}
		if after == "" || !isWord(after[0]) {
			return l.take(tokOpenInverseChain, len(s)-len(after))
		}
	}
	return l.take(tokOpen, n+extra)
}

// closeLength is the length of whitespace and }} or ~}} at the beginning of s, or 0.
func closeLength(s string) int {
	n := spaceLength(s)
	if strings.HasPrefix(s[n:], "~") {
		n++
	}
	if !strings.HasPrefix(s[n:], "}}") {
		return 0
	}
	return n + 2
}

// comment is a whole comment. One that begins {{!-- ends with --}}, so that it may hold
// tags.
func (l *lexer) comment(s string, n int) token {
	l.mode = inText
	if !strings.HasPrefix(s[n:], "!--") {
		if end := strings.Index(s[n:], "}}"); end >= 0 {
			return l.take(tokComment, n+end+2)
		}
		return token{kind: tokInvalid, pos: l.pos}
	}
	for at := n + 1; ; {
		dashes := strings.Index(s[at:], "--")
		if dashes < 0 {
			return token{kind: tokInvalid, pos: l.pos}
		}
		at += dashes
		if end := at + 2; strings.HasPrefix(s[end:], "}}") {
			return l.take(tokComment, end+2)
		} else if strings.HasPrefix(s[end:], "~}}") {
			return l.take(tokComment, end+3)
		}
		at++
	}
}

// close is the end of a tag.
func (l *lexer) close(s string) token {
	for _, c := range [...]struct {
		text string
		kind kind
		mode mode
	}{
		{"}}}}", tokCloseRaw, inRaw},
		{"}}}", tokCloseUnescaped, inText},
		{"}~}}", tokCloseUnescaped, inText},
		{"}}", tokClose, inText},
		{"~}}", tokClose, inText},
	} {
		if strings.HasPrefix(s, c.text) {
			l.mode = c.mode
			l.raws = 1
			return l.take(c.kind, len(c.text))
		}
	}
	return l.take(tokInvalid, 1)
}

// inside is a token between the beginning and the end of a tag.
func (l *lexer) inside(s string) token {
	switch s[0] {
	case '(':
		return l.take(tokOpenSexpr, 1)
	case ')':
		return l.take(tokCloseSexpr, 1)
	case '=':
		return l.take(tokEquals, 1)
	case '@':
		return l.take(tokData, 1)
	case '|':
		return l.take(tokCloseParams, 1)
	case '/':
		return l.take(tokSep, 1)
	case '.':
		switch {
		case strings.HasPrefix(s, ".."):
			return l.take(tokID, 2)
		case len(s) > 1 && endsID(s[1:]):
			return l.take(tokID, 1)
		}
		return l.take(tokSep, 1)
	case '"', '\'':
		if n := quotedLength(s, s[0]); n > 0 {
			t := l.take(tokString, n)
			t.text = strings.ReplaceAll(t.text[1:n-1], `\`+s[:1], s[:1])
			return t
		}
	case '[':
		if n := quotedLength(s, ']'); n > 0 {
			t := l.take(tokID, n)
			t.text = unescapeSegment(t.text)
			return t
		}
	}
	return l.word(s)
}

// word is a keyword, a number or a name.
func (l *lexer) word(s string) token {
	if n := numberLength(s); n > 0 && endsLiteral(s[n:]) {
		return l.take(tokNumber, n)
	}
	n := idLength(s)
	if rest, ok := strings.CutPrefix(s, "as"); ok {
		if space := spaceLength(rest); space > 0 && strings.HasPrefix(rest[space:], "|") {
			return l.take(tokOpenParams, 2+space+1)
		}
	}
	if n == len(s) {
		return l.take(tokID, n) // the parser will miss the end of the tag
	}
	if n == 0 || !endsID(s[n:]) {
		l.pos += n
		_, size := utf8.DecodeRuneInString(s[n:])
		return l.take(tokInvalid, size)
	}
	k := tokID
	if endsLiteral(s[n:]) {
		switch s[:n] {
		case "true", "false":
			k = tokBoolean
		case "undefined":
			k = tokUndefined
		case "null":
			k = tokNull
		}
	}
	return l.take(k, n)
}
