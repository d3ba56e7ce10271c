// SPDX-License-Identifier: Apache-2.0

package handlebars

import "strconv"

// scope is the inline partials of a program that is being rendered and, above them, those
// of what called it.
type scope struct {
	inlines map[string]*inline
	at      closure // what they see: what surrounds their program, and its block parameters
	up      *scope
}

// partialBlock is what {{> @partial-block}} renders: the block of the partial's call.
type partialBlock struct {
	closure
	outer *partialBlock // what it is within the block itself
}

// find is the inline partial of the name that can be called now. Paths in it see what is
// around its definition; the partials it can call are those of its caller.
func (r *renderer) find(name string) (closure, bool, error) {
	for s := r.partials; s != nil; s = s.up {
		if err := r.spend(1); err != nil {
			return closure{}, false, err
		}
		if n, ok := s.inlines[name]; ok {
			return closure{n.program, s.at.data, s.at.params, s.at.depths}, true, nil
		}
	}
	return closure{}, false, nil
}

// partial calls an inline partial, or @partial-block. The block of a call is what is
// rendered if there is no such partial.
func (r *renderer) partial(e *env, n *partial) error {
	name, err := r.partialName(e, n)
	if err != nil {
		return err
	}
	context, err := r.partialContext(e, n)
	if err != nil {
		return err
	}
	called, found, err := r.find(name)
	if err != nil {
		return err
	}
	data := e.data
	if n.isBlock {
		data = data.child()
		data.partialBlock = &partialBlock{
			closure: closure{n.program, e.data, e.params, e.depths}, outer: e.data.partialBlock,
		}
	}
	var block *partialBlock
	switch {
	case found:
	case n.dynamic == nil && name == "@partial-block" && e.data.partialBlock != nil:
		block = e.data.partialBlock
	case n.isBlock:
		block = data.partialBlock
	}
	if block != nil {
		called, found = block.closure, true
		data = data.child()
		data.partialBlock = block.outer
	}
	if !found {
		return faultf(n.pos, "the inline partial %q is not defined here", name).in(r.source)
	}
	if n.indent == "" {
		return r.run(called, context, data, nil)
	}
	r.out.indents = append(r.out.indents, indent{text: n.indent, begin: true})
	err = r.run(called, context, data, nil)
	r.out.indents = r.out.indents[:len(r.out.indents)-1]
	return err
}

func (r *renderer) partialName(e *env, n *partial) (string, error) {
	if n.dynamic == nil {
		return n.name, nil
	}
	v, err := r.call(e, n.dynamic)
	if err != nil {
		return "", err
	}
	if !truthy(v) {
		v = undefined{}
	}
	return nameOf(v), r.weigh(v)
}

// partialContext is the context that a partial is called with. key=value pairs make a new
// object of it.
func (r *renderer) partialContext(e *env, n *partial) (value, error) {
	context := e.context
	if len(n.params) > 0 {
		var err error
		if context, err = r.expr(e, n.params[0]); err != nil {
			return nil, err
		}
	}
	if len(n.hash) == 0 {
		return context, nil
	}
	o, err := r.copyOf(context)
	if err != nil {
		return nil, err
	}
	return o, r.addHash(e, o, n.hash)
}

// addHash sets the pairs as handlebars.js does: from the last to the first, and of equal
// keys the first counts.
func (r *renderer) addHash(e *env, o *object, hash []pair) error {
	own := &object{}
	for i := len(hash) - 1; i >= 0; i-- {
		v, err := r.expr(e, hash[i].value)
		if err != nil {
			return err
		}
		own.set(hash[i].key, v)
	}
	own.order()
	for _, key := range own.keys {
		if key != prototype {
			o.set(key, own.values[key])
		}
	}
	o.order()
	return nil
}

// prototype is the one key that JavaScript does not copy: setting it does something else.
const prototype = "__proto__"

// copyOf makes an object of the value's own properties.
func (r *renderer) copyOf(v value) (*object, error) {
	o := &object{}
	switch v := v.(type) {
	case *object:
		if err := r.spend(len(v.keys)); err != nil {
			return nil, err
		}
		for _, key := range v.keys {
			if key != prototype {
				o.set(key, v.values[key])
			}
		}
	case *array:
		if err := r.spend(len(v.items)); err != nil {
			return nil, err
		}
		for i, item := range v.items {
			o.set(strconv.Itoa(i), item)
		}
	case string:
		if err := r.spend(len(v)); err != nil {
			return nil, err
		}
		for i, unit := range units(v) {
			o.set(strconv.Itoa(i), unit)
		}
	}
	return o, nil
}
