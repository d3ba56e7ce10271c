// SPDX-License-Identifier: Apache-2.0

package handlebars

import "slices"

// Names are the top-level attributes that a rendering may fail without, in the order of
// their first use. An attribute is not among them where the template itself asks whether
// it is there, as in {{#if x}}{{x}}{{/if}}; and nothing is that only the data can decide,
// such as what a section {{#x}} has for its context.
func (t *Template) Names() []string {
	w := &nameWalker{have: map[string]bool{}, seen: map[visit]bool{}, inlines: map[string]*inline{}}
	w.collect(t.root)
	w.program(t.root, contexts{true})
	return w.names
}

// contexts says of the current context, which is the last, and of those that ../ leads to,
// whether it is the data itself.
type contexts []bool

func (c contexts) isRoot(depth int) bool {
	return depth < len(c) && c[len(c)-1-depth]
}

func (c contexts) inner(isRoot bool) contexts {
	return append(slices.Clip(c), isRoot)
}

// visit is a program in the data's context or another.
type visit struct {
	program *program
	isRoot  bool
}

type nameWalker struct {
	names   []string
	have    map[string]bool // names
	asked   []string        // names that the blocks around have asked for
	inlines map[string]*inline
	seen    map[visit]bool // of inline partials, which may call themselves
}

// collect finds the inline partials, wherever they are.
func (w *nameWalker) collect(prog *program) {
	if prog == nil {
		return
	}
	for _, n := range prog.body {
		var b *block
		switch n := n.(type) {
		case *inline:
			w.inlines[n.name] = n
			b = &n.block
		case *partial:
			b = &n.block
		case *block:
			b = n
		default:
			continue
		}
		w.collect(b.program)
		w.collect(b.inverse)
	}
}

func (w *nameWalker) program(prog *program, c contexts) {
	if prog == nil {
		return
	}
	for _, n := range prog.body {
		switch n := n.(type) {
		case *mustache:
			if n.verbatim == "" && n.helper == noHelper {
				w.add(topLevel(n.path, c))
			}
		case *block:
			w.block(n, c)
		case *partial:
			w.partial(n, c)
		}
	}
}

func (w *nameWalker) add(name string, ok bool) {
	if ok && !w.have[name] && !slices.Contains(w.asked, name) {
		w.have[name] = true
		w.names = append(w.names, name)
	}
}

// topLevel is the attribute of the data that the path begins with, if it does.
func topLevel(p *path, c contexts) (string, bool) {
	switch {
	case p.param != nil:
	case p.data && len(p.parts) > 1 && p.parts[0] == "root" && p.depth == 0:
		return p.parts[1], true
	case !p.data && len(p.parts) > 0 && c.isRoot(p.depth):
		return p.parts[0], true
	}
	return "", false
}

func (w *nameWalker) block(n *block, c contexts) {
	asks := n.path
	inner := c.inner(false)
	switch n.helper {
	case helpLookup, helpLog:
		return
	case helpIf, helpUnless:
		inner = c
		asks, _ = n.params[0].(*path)
	case helpEach, helpWith:
		asks, _ = n.params[0].(*path)
	}
	outer := w.asked
	if asks != nil {
		if name, ok := topLevel(asks, c); ok {
			w.asked = append(slices.Clip(outer), name)
		}
	}
	w.program(n.program, inner)
	w.program(n.inverse, c)
	w.asked = outer
}

func (w *nameWalker) partial(n *partial, c contexts) {
	called := c
	if len(n.params) > 0 {
		called = c.inner(false)
	}
	outer := w.asked
	for _, p := range n.hash {
		w.asked = append(slices.Clip(w.asked), p.key)
	}
	w.program(n.program, called)
	if in := w.inlines[n.name]; in != nil && n.dynamic == nil {
		// What ../ is in it depends on where it is defined.
		v := visit{in.program, called.isRoot(0)}
		if !w.seen[v] {
			w.seen[v] = true
			w.program(in.program, contexts{v.isRoot})
		}
	}
	w.asked = outer
}
