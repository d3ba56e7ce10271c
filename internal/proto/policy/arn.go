// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// arnParts is how many parts an ARN has; the last may have colons of its own.
const arnParts = 6

// arnPattern is an ARN with wildcards, which reach no further than the part that they are
// in. Parts that are missing at the end are any (IAM User Guide, Resource).
type arnPattern struct {
	any   bool     // "*"
	exact string   // an ARN without wildcards and variables
	whole *pattern // an ARN that comes from a variable
	parts []pattern
}

// newARNPattern compiles an ARN, with variables if the version of the document has them.
func newARNPattern(text string, variables bool) (arnPattern, error) {
	s := syntax{wildcards: true, variables: variables}
	if text == "*" {
		return arnPattern{any: true}, nil
	}
	if variables && strings.HasPrefix(text, "${") {
		p, err := newPattern(text, s)
		return arnPattern{whole: &p}, err
	}
	texts := s.arnParts(text)
	if len(texts) < 2 || texts[0] != "arn" {
		return arnPattern{}, invalid("Resource %s must be in ARN format or \"*\".", printable(text))
	}
	a := arnPattern{parts: make([]pattern, len(texts))}
	for i, t := range texts {
		p, err := newPattern(t, s)
		if err != nil {
			return arnPattern{}, err
		}
		a.parts[i] = p
	}
	if a.isExact() {
		a.exact = text
	}
	return a, nil
}

// isExact reports whether the ARN is whole and has nothing special.
func (a *arnPattern) isExact() bool {
	for i := range a.parts {
		if a.parts[i].form != exact {
			return false
		}
	}
	return len(a.parts) == arnParts
}

// arnParts splits at the colons that are not within a variable.
func (s syntax) arnParts(text string) []string {
	var parts []string
	start, depth := 0, 0
	for i := 0; i < len(text) && len(parts) < arnParts-1; i++ {
		switch {
		case s.variables && strings.HasPrefix(text[i:], "${"):
			depth = 1
		case text[i] == '}':
			depth = 0
		case text[i] == ':' && depth == 0:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}

// match reports whether the ARN of a request fits.
func (a *arnPattern) match(of *arn, ctx Context) bool {
	switch {
	case a.any:
		return true
	case a.exact != "":
		return a.exact == of.text
	case a.whole != nil:
		return a.whole.match(of.text, ctx)
	}
	parts, ok := of.apart()
	if !ok {
		return false
	}
	for i := len(a.parts) - 1; i >= 0; i-- { // what tells resources apart is at the end
		if !a.parts[i].match(parts[i], ctx) {
			return false
		}
	}
	return true
}

// arn is the ARN of a request, taken apart when that is needed.
type arn struct {
	text  string
	parts [arnParts]string
	split bool
	whole bool // text has all parts
}

func (a *arn) apart() (parts *[arnParts]string, whole bool) {
	if !a.split {
		a.split = true
		rest := a.text
		for i := range arnParts - 1 {
			if a.parts[i], rest, a.whole = strings.Cut(rest, ":"); !a.whole {
				break
			}
		}
		a.parts[arnParts-1] = rest
	}
	return &a.parts, a.whole
}

// costly sums that of the parts.
func (a *arnPattern) costly() int {
	n := 0
	for _, p := range a.parts {
		n += p.costly()
	}
	if a.whole != nil {
		n += a.whole.costly()
	}
	return n
}

// pieces are those of the parts that have variables.
func (a *arnPattern) pieces() (all []piece) {
	for _, p := range a.parts {
		all = append(all, p.pieces...)
	}
	if a.whole != nil {
		all = append(all, a.whole.pieces...)
	}
	return all
}
