// SPDX-License-Identifier: Apache-2.0

package handlebars

import "strings"

// trimWhitespace takes out what ~ asks for, and the lines on which nothing but a block's
// tag, a comment or a partial stands. It is handlebars.js's pass over the tree, in the
// same order, for one strip may hide the next.
func trimWhitespace(root *program) { trimProgram(root, true) }

// edges is how a statement meets its neighbours: a ~ towards them, and whether its first,
// its last or its only tag may be alone on a line.
type edges struct {
	strip                                             strip
	openStandalone, closeStandalone, inlineStandalone bool
}

func trimProgram(prog *program, isRoot bool) {
	if prog == nil {
		return
	}
	body := prog.body
	for i, n := range body {
		e, b := edgesOf(n)
		if e == nil {
			continue
		}
		before, after := endsLine(body, i, isRoot), beginsLine(body, i, isRoot)
		if e.strip.close {
			omitRight(body, i, true)
		}
		if e.strip.open {
			omitLeft(body, i, true)
		}
		if e.inlineStandalone && before && after {
			omitRight(body, i, false)
			if p, ok := n.(*partial); omitLeft(body, i, false) && ok {
				p.indent = trailingBlanks(body[i-1].(*content).original)
			}
		}
		if e.openStandalone && before {
			omitRight(first(b.program, b.inverse).body, -1, false)
			omitLeft(body, i, false)
		}
		if e.closeStandalone && after {
			omitRight(body, i, false)
			last := first(b.inverse, b.program)
			omitLeft(last.body, len(last.body), false)
		}
	}
}

// edgesOf trims within a statement and returns its edges, nil if it has none.
func edgesOf(n node) (*edges, *block) {
	switch n := n.(type) {
	case *mustache:
		return &edges{strip: n.strip}, nil
	case *comment:
		return &edges{strip: n.strip, inlineStandalone: true}, nil
	case *partial:
		if n.isBlock {
			return trimBlock(&n.block), &n.block
		}
		return &edges{strip: n.strip, inlineStandalone: true}, nil
	case *inline:
		return trimBlock(&n.block), &n.block
	case *block:
		return trimBlock(n), n
	}
	return nil, nil
}

func trimBlock(b *block) *edges {
	trimProgram(b.program, false)
	trimProgram(b.inverse, false)
	main := first(b.program, b.inverse)
	var inverse *program
	if b.program != nil {
		inverse = b.inverse
	}
	firstInverse, lastInverse := inverse, inverse
	if inverse != nil && inverse.chained {
		firstInverse = inverse.body[0].(*block).program
		for lastInverse.chained {
			lastInverse = lastInverse.body[len(lastInverse.body)-1].(*block).program
		}
	}
	closing := first(firstInverse, main).body
	e := &edges{
		strip:           strip{open: b.openStrip.open, close: b.closeStrip.close},
		openStandalone:  beginsLine(main.body, -1, false),
		closeStandalone: endsLine(closing, len(closing), false),
	}
	if b.openStrip.close {
		omitRight(main.body, -1, true)
	}
	if inverse == nil {
		if b.closeStrip.open {
			omitLeft(main.body, len(main.body), true)
		}
		return e
	}
	if b.inverseStrip.open {
		omitLeft(main.body, len(main.body), true)
	}
	if b.inverseStrip.close {
		omitRight(firstInverse.body, -1, true)
	}
	if b.closeStrip.open {
		omitLeft(lastInverse.body, len(lastInverse.body), true)
	}
	if endsLine(main.body, len(main.body), false) && beginsLine(firstInverse.body, -1, false) {
		omitLeft(main.body, len(main.body), false)
		omitRight(firstInverse.body, -1, false)
	}
	return e
}

// first is the first of the two that is there.
func first(a, b *program) *program {
	if a != nil {
		return a
	}
	return b
}

// textAt is the text at index i of body, nil if something else or nothing is there.
func textAt(body []node, i int) *content {
	if i < 0 || i >= len(body) {
		return nil
	}
	c, _ := body[i].(*content)
	return c
}

// endsLine reports whether nothing but whitespace is between the beginning of a line and
// the statement at i.
func endsLine(body []node, i int, isRoot bool) bool {
	if i == 0 {
		return isRoot
	}
	c := textAt(body, i-1)
	if c == nil {
		return false
	}
	rest := strings.TrimRightFunc(c.original, isSpace)
	return strings.Contains(c.original[len(rest):], "\n") || rest == "" && i == 1 && isRoot
}

// beginsLine reports whether nothing but whitespace is between the statement at i and the
// end of its line.
func beginsLine(body []node, i int, isRoot bool) bool {
	if i+1 >= len(body) {
		return isRoot
	}
	c := textAt(body, i+1)
	if c == nil {
		return false
	}
	space := c.original[:spaceLength(c.original)]
	return strings.Contains(space, "\n") || space == c.original && i+2 >= len(body) && isRoot
}

// omitRight strips the text after the statement at i: all its whitespace, or what is left
// of the line.
func omitRight(body []node, i int, all bool) {
	c := textAt(body, i+1)
	if c == nil || !all && c.rightStripped {
		return
	}
	before := len(c.value)
	if all {
		c.value = strings.TrimLeftFunc(c.value, isSpace)
	} else {
		c.value = strings.TrimLeft(c.value, " \t")
		c.value = strings.TrimPrefix(c.value, "\r")
		c.value = strings.TrimPrefix(c.value, "\n")
	}
	c.rightStripped = len(c.value) != before
}

// omitLeft strips the text before the statement at i: all its whitespace, or the blanks at
// the beginning of the line. It reports whether there was something to strip.
func omitLeft(body []node, i int, all bool) bool {
	c := textAt(body, i-1)
	if c == nil || !all && c.leftStripped {
		return false
	}
	before := len(c.value)
	if all {
		c.value = strings.TrimRightFunc(c.value, isSpace)
	} else {
		c.value = strings.TrimRight(c.value, " \t")
	}
	c.leftStripped = len(c.value) != before
	return c.leftStripped
}

// trailingBlanks is the blanks and tabs at the end of s.
func trailingBlanks(s string) string {
	return s[len(strings.TrimRight(s, " \t")):]
}
