// SPDX-License-Identifier: Apache-2.0

package handlebars

import "slices"

// helper is a built-in helper.
type helper uint8

const (
	noHelper helper = iota
	helpIf
	helpUnless
	helpEach
	helpWith
	helpLookup
	helpLog
)

// helperNamed is the built-in helper of the name.
func helperNamed(name string) helper {
	switch name {
	case "if":
		return helpIf
	case "unless":
		return helpUnless
	case "each":
		return helpEach
	case "with":
		return helpWith
	case "lookup":
		return helpLookup
	case "log":
		return helpLog
	}
	return noHelper
}

// checker decides what the names in a template mean, and refuses those that can mean
// nothing.
type checker struct {
	reserved []string
	params   [][]string // names of block parameters, the innermost block's first
	partials map[string]bool
	static   []*partial // partials that are called by their name
}

func check(root *program, reserved []string) error {
	c := &checker{reserved: reserved, partials: map[string]bool{}}
	if err := c.program(root); err != nil {
		return err
	}
	for _, p := range c.static {
		if !c.partials[p.name] && !p.isBlock && p.name != "@partial-block" {
			return faultf(p.pos, "there is no inline partial %q", p.name)
		}
	}
	return nil
}

func (c *checker) program(prog *program) error {
	if prog == nil {
		return nil
	}
	if len(prog.params) > 0 {
		outer := c.params
		c.params = append([][]string{prog.params}, outer...)
		defer func() { c.params = outer }()
	}
	for _, n := range prog.body {
		if err := c.node(prog, n); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) node(prog *program, n node) error {
	switch n := n.(type) {
	case *mustache:
		return c.mustache(n)
	case *block:
		if err := c.call(&n.call, false, true); err != nil {
			return err
		}
		return c.programs(n)
	case *inline:
		return c.inline(prog, n)
	case *partial:
		return c.partial(n)
	}
	return nil
}

func (c *checker) programs(b *block) error {
	if err := c.program(b.program); err != nil {
		return err
	}
	return c.program(b.inverse)
}

func (c *checker) mustache(n *mustache) error {
	if n.plain() && slices.Contains(c.reserved, n.path.original) {
		n.verbatim = "{{" + n.path.original + "}}"
		return nil
	}
	return c.call(&n.call, false, false)
}

// plain reports whether nothing follows the name.
func (c *call) plain() bool { return len(c.params) == 0 && len(c.hash) == 0 }

// inline adds to the partials of prog. The last one of a name counts, also for what stands
// before it.
func (c *checker) inline(prog *program, n *inline) error {
	if n.path.original != "inline" {
		return faultf(n.pos, "there is no decorator %q", n.path.original)
	}
	if len(n.params) != 1 {
		return faultf(n.pos, "an inline partial takes one name, not %d", len(n.params))
	}
	name, ok := n.params[0].(literal)
	if !ok {
		return faultf(n.pos, "the name of an inline partial has to be a string")
	}
	n.name = nameOf(name.value)
	c.partials[n.name] = true
	if prog.inlines == nil {
		prog.inlines = map[string]*inline{}
	}
	prog.inlines[n.name] = n
	return c.programs(&n.block)
}

func (c *checker) partial(n *partial) error {
	if n.dynamic != nil {
		if err := c.call(n.dynamic, true, false); err != nil {
			return err
		}
	} else {
		c.static = append(c.static, n)
	}
	if err := c.arguments(&n.call); err != nil {
		return err
	}
	return c.programs(&n.block)
}

func (c *checker) arguments(of *call) error {
	for _, p := range of.params {
		if err := c.expr(p); err != nil {
			return err
		}
	}
	for _, p := range of.hash {
		if err := c.expr(p.value); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) expr(e expr) error {
	switch e := e.(type) {
	case *path:
		c.resolve(e)
	case *call:
		return c.call(e, true, false)
	}
	return nil
}

// resolve finds the block parameter that the path begins with, if it does.
func (c *checker) resolve(p *path) {
	if p.depth > 0 || len(p.parts) == 0 || p.scoped() {
		return
	}
	for up, names := range c.params {
		if i := slices.Index(names, p.parts[0]); i >= 0 {
			p.param = &paramRef{up: up, index: i}
			return
		}
	}
}

// call decides between a helper and a path. As in handlebars.js the first name counts, so
// that {{this.if x}} is if; and what a block parameter names is no helper.
func (c *checker) call(of *call, sub, isBlock bool) error {
	c.resolve(of.path)
	if err := c.arguments(of); err != nil {
		return err
	}
	if of.path.param != nil && of.path.simple() {
		of.params, of.hash = nil, nil
		return nil
	}
	helps := sub || !of.plain() || of.path.simple()
	if !helps {
		return nil
	}
	if len(of.path.parts) > 0 {
		of.helper = helperNamed(of.path.parts[0])
	}
	if of.helper == noHelper {
		if of.plain() && !sub && !isHook(of.path) {
			return nil
		}
		return faultf(of.pos, "there is no helper %q", of.path.original)
	}
	return c.arity(of, isBlock)
}

// isHook reports the names that handlebars.js keeps for itself.
func isHook(p *path) bool {
	return p.parts[0] == "helperMissing" || p.parts[0] == "blockHelperMissing"
}

func (c *checker) arity(of *call, isBlock bool) error {
	want, text := 1, "one argument"
	switch of.helper {
	case helpLog:
		return nil
	case helpLookup:
		want, text = 2, "two arguments"
	default:
		if !isBlock {
			return faultf(of.pos, "%q needs a block: {{#%s …}}", of.path.original, of.path.original)
		}
	}
	if len(of.params) != want {
		return faultf(of.pos, "%q takes %s, not %d", of.path.original, text, len(of.params))
	}
	return nil
}
