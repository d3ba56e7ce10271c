// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"unicode/utf8"
)

// pattern is a text with wildcards ("*" for any characters, "?" for one) and policy
// variables.
type pattern struct {
	form   form
	text   string  // of one with at most an asterisk at one end
	glob   glob    // of one with more wildcards
	pieces []piece // of one with variables: the glob is made for each request
}

// form is what a pattern has in it. Most have nothing special.
type form uint8

const (
	exact form = iota
	prefix
	suffix
	wildcards
	variables
)

// piece is a part of a pattern.
type piece struct {
	kind     pieceKind
	text     string // the characters, or the variable's key in lower case
	fallback *string
}

type pieceKind uint8

const (
	literal pieceKind = iota
	anyRun            // "*"
	anyOne            // "?"
	variable
)

// syntax says what is special in a pattern's text.
type syntax struct{ wildcards, variables bool }

// newPattern compiles a text.
func newPattern(text string, s syntax) (pattern, error) {
	pieces, hasVariable, err := s.split(text)
	if err != nil || hasVariable {
		return pattern{form: variables, pieces: pieces}, err
	}
	g := newGlob(pieces)
	switch {
	case len(g) > 2 || g[0].runes != nil || g[len(g)-1].runes != nil:
	case len(g) == 1:
		return pattern{form: exact, text: g[0].text}, nil
	case g[1].text == "":
		return pattern{form: prefix, text: g[0].text}, nil
	case g[0].text == "":
		return pattern{form: suffix, text: g[1].text}, nil
	}
	return pattern{form: wildcards, glob: g}, nil
}

// split takes a text apart.
func (s syntax) split(text string) (pieces []piece, hasVariable bool, err error) {
	start := 0 // of the characters that are not in pieces yet
	flush := func(end int) {
		if end > start {
			pieces = append(pieces, piece{text: text[start:end]})
		}
	}
	for i := 0; i < len(text); {
		switch {
		case s.wildcards && text[i] == '*':
			flush(i)
			pieces = append(pieces, piece{kind: anyRun})
			i++
		case s.wildcards && text[i] == '?':
			flush(i)
			pieces = append(pieces, piece{kind: anyOne})
			i++
		case s.variables && strings.HasPrefix(text[i:], "${"):
			flush(i)
			n := strings.IndexByte(text[i:], '}')
			if n < 0 {
				return nil, false, invalid("The policy variable in %s has no end.", quoted(text))
			}
			p, err := newVariable(text[i+2 : i+n])
			if err != nil {
				return nil, false, err
			}
			hasVariable = hasVariable || p.kind == variable
			pieces = append(pieces, p)
			i += n + 1
		default:
			i++
			continue
		}
		start = i
	}
	flush(len(text))
	return pieces, hasVariable, nil
}

// newVariable reads what is between the braces: a key, a key with a default in single
// quotes, or one of the characters that are special otherwise (IAM User Guide, policy
// variables).
func newVariable(body string) (piece, error) {
	switch body {
	case "*", "?", "$":
		return piece{text: body}, nil
	}
	key, def, hasDefault := strings.Cut(body, ",")
	key = strings.TrimSpace(key)
	if key == "" || strings.ContainsAny(key, "${*? '\"") {
		return piece{}, invalid("The policy variable %s is not valid.", quoted("${"+body+"}"))
	}
	p := piece{kind: variable, text: strings.ToLower(key)}
	if hasDefault {
		def = strings.TrimSpace(def)
		if len(def) < 2 || def[0] != '\'' || def[len(def)-1] != '\'' {
			return piece{}, invalid("The default of the policy variable %s must be in single quotes.", quoted("${"+body+"}"))
		}
		def = def[1 : len(def)-1]
		p.fallback = &def
	}
	return p, nil
}

// match reports whether the whole of text fits. A pattern with a variable that has no
// value fits nothing; the value of a variable has no wildcards.
func (p *pattern) match(text string, ctx Context) bool {
	switch p.form {
	case exact:
		return p.text == text
	case prefix:
		return strings.HasPrefix(text, p.text)
	case suffix:
		return strings.HasSuffix(text, p.text)
	case wildcards:
		return p.glob.match(text)
	}
	pieces := make([]piece, len(p.pieces))
	for i, q := range p.pieces {
		if q.kind == variable {
			value, ok := q.value(ctx)
			if !ok {
				return false
			}
			q = piece{text: value}
		}
		pieces[i] = q
	}
	g := newGlob(pieces)
	return g.match(text)
}

// value is a variable's value: that of a key with exactly one, or the default.
func (p *piece) value(ctx Context) (string, bool) {
	if ctx != nil {
		if values, ok := ctx.Values(p.text); ok && len(values) == 1 {
			return values[0], true
		}
	}
	if p.fallback != nil {
		return *p.fallback, true
	}
	return "", false
}

// glob is a pattern without variables: what stands between its asterisks. To match, the
// first must be at the start, the last at the end, and those between are looked for from
// left to right, each once, so that no input makes it go back.
type glob []segment

// segment is a run of characters without asterisks.
type segment struct {
	text  string // where there is no question mark
	runes []rune // where there is: any rune for one
}

// one stands for a question mark.
const one rune = -1

func newGlob(pieces []piece) glob {
	g := glob{{}}
	for i := 0; i < len(pieces); i++ {
		last := &g[len(g)-1]
		switch p := pieces[i]; {
		case p.kind == anyRun:
			if i == 0 || pieces[i-1].kind != anyRun {
				g = append(g, segment{})
			}
		case p.kind == anyOne:
			last.runes = append(last.asRunes(), one)
		case last.runes != nil:
			last.runes = append(last.runes, []rune(p.text)...)
		default:
			last.text += p.text
		}
	}
	return g
}

func (s *segment) asRunes() []rune {
	if s.runes == nil {
		return []rune(s.text)
	}
	return s.runes
}

func (g glob) match(text string) bool {
	first, last := &g[0], &g[len(g)-1]
	n, ok := first.prefix(text)
	if !ok {
		return false
	}
	if len(g) == 1 {
		return n == len(text)
	}
	text = text[n:]
	n, ok = last.suffix(text)
	if !ok {
		return false
	}
	text = text[:n]
	for i := 1; i < len(g)-1; i++ {
		end := g[i].find(text)
		if end < 0 {
			return false
		}
		text = text[end:]
	}
	return true
}

// prefix reports whether text begins with the segment, and how long that is.
func (s *segment) prefix(text string) (n int, ok bool) {
	if s.runes == nil {
		return len(s.text), strings.HasPrefix(text, s.text)
	}
	for _, want := range s.runes {
		r, size := utf8.DecodeRuneInString(text[n:])
		if size == 0 || want != one && want != r {
			return 0, false
		}
		n += size
	}
	return n, true
}

// suffix reports whether text ends with the segment, and where that begins.
func (s *segment) suffix(text string) (at int, ok bool) {
	if s.runes == nil {
		return len(text) - len(s.text), strings.HasSuffix(text, s.text)
	}
	at = len(text)
	for i := len(s.runes) - 1; i >= 0; i-- {
		r, size := utf8.DecodeLastRuneInString(text[:at])
		if size == 0 || s.runes[i] != one && s.runes[i] != r {
			return 0, false
		}
		at -= size
	}
	return at, true
}

// find returns where the first occurrence of the segment in text ends, or -1.
func (s *segment) find(text string) int {
	if s.runes == nil {
		at := strings.Index(text, s.text)
		if at < 0 {
			return -1
		}
		return at + len(s.text)
	}
	for at := range text {
		if n, ok := s.prefix(text[at:]); ok {
			return at + n
		}
	}
	return -1
}

// costly is the length of what has to be compared at each place of a text: segments with
// question marks between two asterisks.
func (g glob) costly() int {
	n := 0
	for i := 1; i < len(g)-1; i++ {
		n += len(g[i].runes)
	}
	return n
}
