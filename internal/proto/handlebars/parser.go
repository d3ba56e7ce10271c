// SPDX-License-Identifier: Apache-2.0

package handlebars

import (
	"errors"
	"strconv"
	"strings"
)

// parser reads the grammar of handlebars.js, one token ahead.
type parser struct {
	lex   lexer
	tok   token
	peek  *token // the token after tok, if it was looked at
	depth int
	err   error // of the lexer; tok is tokInvalid from then on
}

func parse(source string) (*program, error) {
	if at := strings.IndexByte(source, 0); at >= 0 {
		return nil, faultf(at, "a template can't hold a NUL character")
	}
	p := &parser{lex: lexer{src: source}}
	p.advance()
	root, err := p.program()
	if err == nil && p.tok.kind != tokEOF {
		err = p.stray()
	}
	// What the lexer found is why the parser got lost.
	return root, errors.Join(p.err, err)
}

func (p *parser) scan() token {
	if p.err != nil {
		return token{kind: tokInvalid, pos: p.tok.pos}
	}
	t, err := p.lex.next()
	if err != nil {
		p.err = err
		t.kind = tokInvalid
	}
	return t
}

// advance returns the token and goes to the next.
func (p *parser) advance() token {
	t := p.tok
	if p.peek != nil {
		p.tok, p.peek = *p.peek, nil
	} else {
		p.tok = p.scan()
	}
	return t
}

func (p *parser) after() token {
	if p.peek == nil {
		t := p.scan()
		p.peek = &t
	}
	return *p.peek
}

// expect takes a token of the kind; what says what it would be.
func (p *parser) expect(k kind, what string) (token, error) {
	if p.tok.kind != k {
		return p.tok, p.wanted(what)
	}
	return p.advance(), nil
}

func (p *parser) wanted(what string) error {
	if p.tok.kind == tokEOF {
		return faultf(p.tok.pos, "the template ends where %s should be", what)
	}
	return faultf(p.tok.pos, "%q stands where %s should be", p.tok.text, what)
}

// stray says why a token that ends a program ends none here.
func (p *parser) stray() error {
	switch p.tok.kind {
	case tokOpenEnd:
		return faultf(p.tok.pos, "this closes a block that is not open")
	case tokInverse, tokOpenInverseChain:
		return faultf(p.tok.pos, "an else stands outside of a block")
	}
	return faultf(p.tok.pos, "%q can't stand here", p.tok.text)
}

// deeper counts the nesting at pos; the result undoes it.
func (p *parser) deeper(pos int) (func(), error) {
	if p.depth >= maxNesting {
		return nil, faultf(pos, "blocks and subexpressions nest deeper than %d", maxNesting)
	}
	p.depth++
	return func() { p.depth-- }, nil
}

// program is statements up to what ends a block.
func (p *parser) program() (*program, error) {
	prog := &program{}
	for {
		n, err := p.statement()
		if err != nil {
			return nil, err
		}
		if n == nil {
			return prog, nil
		}
		prog.body = append(prog.body, n)
	}
}

// statement is nil at a token that begins none.
func (p *parser) statement() (node, error) {
	switch p.tok.kind {
	case tokContent:
		text := p.advance().text
		return &content{original: text, value: text}, nil
	case tokComment:
		t := p.advance()
		return &comment{strip: flags(t.text, t.text)}, nil
	case tokOpen:
		return p.mustache(tokClose)
	case tokOpenUnescaped:
		return p.mustache(tokCloseUnescaped)
	case tokOpenBlock, tokOpenInverse:
		return p.block()
	case tokOpenRaw:
		return p.rawBlock()
	case tokOpenPartial:
		return p.partial()
	case tokOpenPartialBlock:
		return p.partialBlock()
	}
	return nil, nil
}

// flags finds the ~ of a tag.
func flags(open, close string) strip {
	return strip{
		open:  len(open) > 2 && open[2] == '~',
		close: len(close) > 2 && close[len(close)-3] == '~',
	}
}

func (p *parser) mustache(end kind) (node, error) {
	open := p.advance()
	c, err := p.call(open.pos)
	if err != nil {
		return nil, err
	}
	closing, err := p.expect(end, "the end of the tag")
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(open.text, "*") {
		return nil, faultf(open.pos, "a decorator needs a block: {{#*%s …}}", c.path.original)
	}
	return &mustache{call: c, strip: flags(open.text, closing.text)}, nil
}

// tag is the inside of a tag that opens a block, and its end.
func (p *parser) tag(open token) (c call, params []string, s strip, err error) {
	if c, err = p.call(open.pos); err != nil {
		return c, nil, s, err
	}
	if params, err = p.blockParams(); err != nil {
		return c, nil, s, err
	}
	closing, err := p.expect(tokClose, "the end of the tag")
	return c, params, flags(open.text, closing.text), err
}

func (p *parser) block() (node, error) {
	open := p.advance()
	up, err := p.deeper(open.pos)
	if err != nil {
		return nil, err
	}
	defer up()
	b := block{}
	var params []string
	if b.call, params, b.openStrip, err = p.tag(open); err != nil {
		return nil, err
	}
	if b.program, err = p.program(); err != nil {
		return nil, err
	}
	b.program.params = params
	decorator := strings.HasSuffix(open.text, "*")
	if decorator && (p.tok.kind == tokInverse || p.tok.kind == tokOpenInverseChain) {
		return nil, faultf(p.tok.pos, "an inline partial has no else")
	}
	if p.tok.kind == tokOpenInverseChain && open.kind == tokOpenInverse {
		return nil, faultf(p.tok.pos, "an inverted block has no else with a condition")
	}
	if b.inverse, b.inverseStrip, err = p.inverse(); err != nil {
		return nil, err
	}
	if b.closeStrip, err = p.end(b.path, b.pos); err != nil {
		return nil, err
	}
	if b.inverse != nil && b.inverse.chained {
		b.inverse.body[0].(*block).closeStrip = b.closeStrip
	}
	if open.kind == tokOpenInverse {
		b.program, b.inverse = b.inverse, b.program
	}
	if decorator {
		return &inline{block: b}, nil
	}
	return &b, nil
}

// inverse is {{else}} with a program, a chain of {{else if}}, or nothing.
func (p *parser) inverse() (*program, strip, error) {
	switch p.tok.kind {
	case tokInverse:
		t := p.advance()
		prog, err := p.program()
		return prog, flags(t.text, t.text), err
	case tokOpenInverseChain:
		return p.chain()
	}
	return nil, strip{}, nil
}

// chain is {{else if}}: an inverse that holds one block, which ends where the outer block
// does.
func (p *parser) chain() (*program, strip, error) {
	open := p.advance()
	up, err := p.deeper(open.pos)
	if err != nil {
		return nil, strip{}, err
	}
	defer up()
	b := &block{}
	var params []string
	if b.call, params, b.openStrip, err = p.tag(open); err != nil {
		return nil, strip{}, err
	}
	if b.program, err = p.program(); err != nil {
		return nil, strip{}, err
	}
	b.program.params = params
	if b.inverse, b.inverseStrip, err = p.inverse(); err != nil {
		return nil, strip{}, err
	}
	b.closeStrip = b.inverseStrip
	if b.inverse != nil && b.inverse.chained {
		b.inverse.body[0].(*block).closeStrip = b.inverseStrip
	}
	return &program{body: []node{b}, chained: true}, b.openStrip, nil
}

// end is the closing tag of the block that was opened at pos.
func (p *parser) end(opened *path, pos int) (strip, error) {
	switch p.tok.kind {
	case tokOpenEnd:
	case tokEOF:
		return strip{}, faultf(pos, "the block %q is not closed", opened.original)
	case tokInverse, tokOpenInverseChain:
		return strip{}, faultf(p.tok.pos, "the block %q can't have this else", opened.original)
	default:
		return strip{}, p.stray()
	}
	open := p.advance()
	closed, err := p.name()
	if err != nil {
		return strip{}, err
	}
	closing, err := p.expect(tokClose, "the end of the tag")
	if err != nil {
		return strip{}, err
	}
	if !opened.same(closed) {
		return strip{}, faultf(open.pos, "%q closes the block %q", closed.original, opened.original)
	}
	return flags(open.text, closing.text), nil
}

func (p *parser) rawBlock() (node, error) {
	open := p.advance()
	c, err := p.call(open.pos)
	if err != nil {
		return nil, err
	}
	if _, err = p.expect(tokCloseRaw, "the end of the tag"); err != nil {
		return nil, err
	}
	b := &block{call: c, program: &program{}}
	for p.tok.kind == tokContent {
		text := p.advance().text
		b.program.body = append(b.program.body, &content{original: text, value: text})
	}
	end, err := p.expect(tokEndRaw, "the end of the raw block")
	if err != nil {
		return nil, err
	}
	if !c.path.same(&path{original: end.text}) {
		return nil, faultf(end.pos, "%q closes the block %q", end.text, c.path.original)
	}
	return b, nil
}

// partialTag is the inside of a partial's tag.
func (p *parser) partialTag(open token) (*partial, error) {
	n := &partial{}
	n.pos = open.pos
	var err error
	if p.tok.kind == tokOpenSexpr {
		if n.dynamic, err = p.subexpression(); err != nil {
			return nil, err
		}
		// What closes a block of such a partial in handlebars.js is {{/undefined}}.
		n.path = &path{original: "undefined", literal: 'u'}
	} else if n.path, err = p.name(); err != nil {
		return nil, err
	}
	n.name = n.path.original
	if err = p.arguments(&n.call); err != nil {
		return nil, err
	}
	if len(n.params) > 1 {
		return nil, faultf(open.pos, "a partial takes one context, not %d", len(n.params))
	}
	closing, err := p.expect(tokClose, "the end of the tag")
	n.strip = flags(open.text, closing.text)
	return n, err
}

func (p *parser) partial() (node, error) {
	n, err := p.partialTag(p.advance())
	if err != nil {
		return nil, err
	}
	return n, nil
}

func (p *parser) partialBlock() (node, error) {
	open := p.advance()
	up, err := p.deeper(open.pos)
	if err != nil {
		return nil, err
	}
	defer up()
	n, err := p.partialTag(open)
	if err != nil {
		return nil, err
	}
	n.isBlock, n.openStrip = true, n.strip
	if n.program, err = p.program(); err != nil {
		return nil, err
	}
	if n.closeStrip, err = p.end(n.path, n.pos); err != nil {
		return nil, err
	}
	return n, nil
}

// call is a name with its arguments.
func (p *parser) call(pos int) (c call, err error) {
	c.pos = pos
	if c.path, err = p.name(); err != nil {
		return c, err
	}
	return c, p.arguments(&c)
}

// arguments are values and then key=value pairs.
func (p *parser) arguments(c *call) error {
	for p.beginsArgument() {
		if p.tok.kind == tokID && p.after().kind == tokEquals {
			key := segment(p.advance().text)
			p.advance()
			v, err := p.argument()
			if err != nil {
				return err
			}
			c.hash = append(c.hash, pair{key: key, value: v})
			continue
		}
		if len(c.hash) > 0 {
			return p.wanted("a key=value pair")
		}
		v, err := p.argument()
		if err != nil {
			return err
		}
		c.params = append(c.params, v)
	}
	return nil
}

func (p *parser) beginsArgument() bool {
	switch p.tok.kind {
	case tokOpenSexpr, tokID, tokData, tokString, tokNumber, tokBoolean, tokUndefined, tokNull:
		return true
	}
	return false
}

func (p *parser) argument() (expr, error) {
	if p.tok.kind == tokOpenSexpr {
		return p.subexpression()
	}
	if v, ok := p.literal(); ok {
		p.advance()
		return literal{v}, nil
	}
	return p.pathExpression()
}

func (p *parser) subexpression() (*call, error) {
	open := p.advance()
	up, err := p.deeper(open.pos)
	if err != nil {
		return nil, err
	}
	defer up()
	c, err := p.call(open.pos)
	if err != nil {
		return nil, err
	}
	_, err = p.expect(tokCloseSexpr, "a closing parenthesis")
	return &c, err
}

// literal is the value of the token, if it is a literal.
func (p *parser) literal() (value, bool) {
	switch p.tok.kind {
	case tokString:
		return p.tok.text, true
	case tokNumber:
		// The lexer's numbers are all good; one that is too large is infinite.
		n, _ := strconv.ParseFloat(p.tok.text, 64)
		return n, true
	case tokBoolean:
		return p.tok.text == "true", true
	case tokUndefined:
		return undefined{}, true
	case tokNull:
		return nil, true
	}
	return nil, false
}

// name is what a tag begins with. A literal is the attribute of that name.
func (p *parser) name() (*path, error) {
	v, ok := p.literal()
	if !ok {
		return p.pathExpression()
	}
	t := p.advance()
	text := nameOf(v)
	kinds := map[kind]byte{tokString: 's', tokNumber: 'n', tokBoolean: 'b', tokUndefined: 'u', tokNull: '0'}
	return &path{pos: t.pos, original: text, parts: []string{text}, literal: kinds[t.kind]}, nil
}

func (p *parser) pathExpression() (*path, error) {
	out := &path{pos: p.tok.pos}
	var original strings.Builder
	if p.tok.kind == tokData {
		p.advance()
		out.data = true
		original.WriteByte('@')
	}
	for {
		t, err := p.expect(tokID, "a name")
		if err != nil {
			return nil, err
		}
		part := segment(t.text)
		original.WriteString(part)
		switch {
		case part != t.text || part != ".." && part != "." && part != "this":
			out.parts = append(out.parts, part)
		case len(out.parts) > 0:
			return nil, faultf(out.pos, "the path %q has %q in its middle", original.String(), part)
		case part == "..":
			out.depth++
		}
		if p.tok.kind != tokSep {
			out.original = original.String()
			return out, nil
		}
		original.WriteString(p.advance().text)
	}
}

// blockParams is "as |x y|", or nothing.
func (p *parser) blockParams() ([]string, error) {
	if p.tok.kind != tokOpenParams {
		return nil, nil
	}
	p.advance()
	var names []string
	for len(names) == 0 || p.tok.kind == tokID {
		t, err := p.expect(tokID, "the name of a block parameter")
		if err != nil {
			return nil, err
		}
		names = append(names, segment(t.text))
	}
	_, err := p.expect(tokCloseParams, "the end of the block parameters")
	return names, err
}
