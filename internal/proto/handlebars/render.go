// SPDX-License-Identifier: Apache-2.0

package handlebars

import "strings"

// Limits bound a rendering. What is zero is the default.
type Limits struct {
	Output int // bytes; 10 MiB
	Steps  int // statements, iterations and lookups of size; 1 million
	Depth  int // blocks and partials within each other; 1000
}

func (l Limits) orDefault() Limits {
	for _, d := range []struct {
		limit *int
		value int
	}{{&l.Output, 10 << 20}, {&l.Steps, 1_000_000}, {&l.Depth, 1000}} {
		if *d.limit == 0 {
			*d.limit = d.value
		}
	}
	return l
}

// Render fills in the template. The error is a *MissingError, an *Error for a partial that
// is not to be found, or one of ErrTooLarge, ErrTooDeep and ErrTooManySteps.
func (t *Template) Render(data Data, limits Limits) (string, error) {
	limits = limits.orDefault()
	root := data.root
	if root == nil {
		root = &object{}
	}
	r := &renderer{
		source: t.source, out: writer{left: limits.Output},
		steps: limits.Steps, depth: limits.Depth, null: &object{},
	}
	r.out.text.Grow(min(len(t.source), limits.Output))
	main := closure{program: t.root, data: &frame{root: root}}
	if err := r.run(main, root, nil, nil); err != nil {
		return "", err
	}
	return r.out.text.String(), nil
}

// renderer is one rendering.
type renderer struct {
	source   string
	out      writer
	steps    int     // what is left
	depth    int     // what is left
	partials *scope  // that can be called now
	null     *object // what helpers have for this where it is null
}

// spend takes steps.
func (r *renderer) spend(n int) error {
	if r.steps < n {
		return ErrTooManySteps
	}
	r.steps -= n
	return nil
}

// closure is a program and what surrounds the place where it stands.
type closure struct {
	program *program
	data    *frame
	params  *params
	depths  *depths
}

// frame is what names with @ mean.
type frame struct {
	parent       *frame
	root         value
	loop         bool // the following are set
	key          value
	index        int
	first, last  bool
	partialBlock *partialBlock // may be nil
}

// child is a copy that knows its parent.
func (f *frame) child() *frame {
	c := *f
	c.parent = f
	return &c
}

// get is @name.
func (f *frame) get(name string) value {
	if name == "root" {
		return f.root
	}
	if f.loop {
		switch name {
		case "key":
			return f.key
		case "index":
			return float64(f.index)
		case "first":
			return f.first
		case "last":
			return f.last
		}
	}
	return undefined{}
}

// params are the block parameters of a block and, above it, of those around it.
type params struct {
	values []value
	up     *params
}

// depths is a context and, above it, what ../ leads to.
type depths struct {
	context value
	up      *depths
}

// env is where a statement runs.
type env struct {
	context value
	data    *frame
	params  *params
	depths  *depths
}

// run renders a program in a context. Data, if not nil, replaces that of the closure;
// values are those of the block's parameters.
func (r *renderer) run(c closure, context value, data *frame, values []value) error {
	if c.program == nil {
		return nil
	}
	if r.depth == 0 {
		return ErrTooDeep
	}
	r.depth--
	defer func() { r.depth++ }()
	e := env{context: context, data: c.data, params: c.params, depths: c.depths}
	if data != nil {
		e.data = data
	}
	if len(c.program.params) > 0 {
		e.params = &params{values: values, up: c.params}
	}
	another, err := r.another(context, c.depths)
	if err != nil {
		return err
	}
	if another {
		e.depths = &depths{context: context, up: c.depths}
	}
	if len(c.program.inlines) > 0 {
		outer := r.partials
		r.partials = &scope{inlines: c.program.inlines, at: c, up: outer}
		r.partials.at.params = e.params
		defer func() { r.partials = outer }()
	}
	for _, n := range c.program.body {
		if err := r.node(&e, n); err != nil {
			return err
		}
	}
	return nil
}

// another reports whether the context is a level of its own for ../, which it is unless
// it equals the one around it by JavaScript's ==.
func (r *renderer) another(context value, around *depths) (bool, error) {
	if around == nil {
		return !isNil(context), nil
	}
	if context == value(r.null) && around.context == nil {
		return false, nil
	}
	_, x := primitive(context)
	_, y := primitive(around.context)
	if x || y {
		if err := r.weigh(context); err != nil {
			return false, err
		}
		if err := r.weigh(around.context); err != nil {
			return false, err
		}
	}
	return !looseEqual(context, around.context), nil
}

// weigh spends the steps for making one text of a value.
func (r *renderer) weigh(v value) error {
	switch v := v.(type) {
	case string:
		return r.spend(len(v) / 64)
	case *array:
		if err := r.spend(len(v.items)); err != nil {
			return err
		}
		for _, item := range v.items {
			if err := r.weigh(item); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *renderer) node(e *env, n node) error {
	if err := r.spend(1); err != nil {
		return err
	}
	switch n := n.(type) {
	case *content:
		_, err := r.out.WriteString(n.value)
		return err
	case *mustache:
		return r.mustache(e, n)
	case *block:
		return r.block(e, n)
	case *partial:
		return r.partial(e, n)
	}
	return nil
}

func (r *renderer) mustache(e *env, n *mustache) error {
	if n.verbatim != "" {
		_, err := r.out.WriteString(n.verbatim)
		return err
	}
	v, err := r.call(e, &n.call)
	if err != nil {
		return err
	}
	if n.helper == noHelper && v == (undefined{}) {
		return &MissingError{Name: n.path.original}
	}
	return writeText(&r.out, v)
}

// call is the value of a path, or of a helper that has one.
func (r *renderer) call(e *env, c *call) (value, error) {
	switch c.helper {
	case noHelper:
		return r.path(e, c.path)
	case helpLookup:
		return r.lookup(e, c)
	}
	return undefined{}, nil // log
}

func (r *renderer) lookup(e *env, c *call) (value, error) {
	of, err := r.expr(e, c.params[0])
	if err != nil || !truthy(of) {
		return of, err
	}
	key, err := r.expr(e, c.params[1])
	if err != nil {
		return nil, err
	}
	if err := r.weigh(key); err != nil {
		return nil, err
	}
	return r.property(of, nameOf(key))
}

func (r *renderer) expr(e *env, x expr) (value, error) {
	switch x := x.(type) {
	case literal:
		return x.value, nil
	case *path:
		return r.path(e, x)
	case *call:
		if err := r.spend(1); err != nil {
			return nil, err
		}
		return r.call(e, x)
	}
	return undefined{}, nil
}

func (r *renderer) property(of value, key string) (value, error) {
	if s, ok := of.(string); ok {
		// Its characters have to be counted.
		if err := r.spend(len(s) / 64); err != nil {
			return nil, err
		}
	}
	return property(of, key), nil
}

// path is what the path leads to: undefined if it leads nowhere, null beneath null.
func (r *renderer) path(e *env, p *path) (value, error) {
	parts := p.parts
	var v value
	switch {
	case p.param != nil:
		v = e.param(p.param)
		parts = parts[1:]
	case p.data && len(parts) > 0:
		f := e.data
		for range p.depth {
			if f = f.parent; f == nil {
				return undefined{}, nil
			}
		}
		v = f.get(parts[0])
		for _, key := range parts[1:] {
			if !truthy(v) {
				return v, nil
			}
			var err error
			if v, err = r.property(v, key); err != nil {
				return nil, err
			}
		}
		return v, nil
	default:
		v = e.up(p.depth)
	}
	for _, key := range parts {
		if isNil(v) {
			return v, nil
		}
		var err error
		if v, err = r.property(v, key); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (e *env) param(ref *paramRef) value {
	p := e.params
	for range ref.up {
		p = p.up
	}
	if ref.index < len(p.values) {
		return p.values[ref.index]
	}
	return undefined{}
}

// up is the context that depth times ../ leads to.
func (e *env) up(depth int) value {
	if depth == 0 {
		return e.context
	}
	d := e.depths
	for range depth {
		if d == nil {
			break
		}
		d = d.up
	}
	if d == nil {
		return undefined{}
	}
	return d.context
}

// writer takes the output up to a bound. Within a partial that stands alone on a line it
// puts what stood before the partial at the beginning of each line.
type writer struct {
	text    strings.Builder
	left    int // bytes
	indents []indent
}

type indent struct {
	text  string
	begin bool // of a line
}

// WriteString writes all of s or fails with ErrTooLarge.
func (w *writer) WriteString(s string) (int, error) {
	if len(w.indents) == 0 {
		return len(s), w.put(s)
	}
	written := len(s)
	for s != "" {
		for i := range w.indents {
			if w.indents[i].begin {
				w.indents[i].begin = false
				if err := w.put(w.indents[i].text); err != nil {
					return 0, err
				}
			}
		}
		n := strings.IndexByte(s, '\n') + 1
		if n == 0 {
			return written, w.put(s)
		}
		if err := w.put(s[:n]); err != nil {
			return 0, err
		}
		for i := range w.indents {
			w.indents[i].begin = true
		}
		s = s[n:]
	}
	return written, nil
}

func (w *writer) put(s string) error {
	if len(s) > w.left {
		return ErrTooLarge
	}
	w.left -= len(s)
	w.text.WriteString(s)
	return nil
}
