// SPDX-License-Identifier: Apache-2.0

package handlebars

// block renders a helper that has a block, or a section.
func (r *renderer) block(e *env, b *block) error {
	main := closure{b.program, e.data, e.params, e.depths}
	inverse := closure{b.inverse, e.data, e.params, e.depths}
	switch b.helper {
	case helpIf, helpUnless, helpEach, helpWith:
	case noHelper:
		v, err := r.path(e, b.path)
		if err != nil {
			return err
		}
		return r.section(e, v, main, inverse)
	default:
		v, err := r.call(e, &b.call)
		if err != nil {
			return err
		}
		return writeText(&r.out, v)
	}
	v, err := r.expr(e, b.params[0])
	if err != nil {
		return err
	}
	switch b.helper {
	case helpEach:
		return r.each(e, v, main, inverse)
	case helpWith:
		if isEmpty(v) {
			return r.run(inverse, r.this(e), nil, nil)
		}
		return r.run(main, v, nil, []value{v})
	case helpUnless:
		main, inverse = inverse, main
	}
	holds, err := r.holds(e, v, b.hash)
	if err != nil {
		return err
	}
	if holds {
		return r.run(main, r.this(e), nil, nil)
	}
	return r.run(inverse, r.this(e), nil, nil)
}

// this is the context as helpers see it, which is an object even for null.
func (r *renderer) this(e *env) value {
	if isNil(e.context) {
		return r.null
	}
	return e.context
}

// holds decides {{#if}}: 0 is false without includeZero.
func (r *renderer) holds(e *env, v value, hash []pair) (bool, error) {
	if truthy(v) || isEmpty(v) {
		return !isEmpty(v), nil
	}
	for _, p := range hash {
		if p.key == "includeZero" {
			include, err := r.expr(e, p.value)
			return truthy(include), err
		}
	}
	return false, nil
}

// section is {{#x}}, handlebars.js's blockHelperMissing.
func (r *renderer) section(e *env, v value, main, inverse closure) error {
	switch v := v.(type) {
	case nil, undefined:
		return r.run(inverse, e.context, nil, nil)
	case bool:
		if v {
			return r.run(main, e.context, nil, nil)
		}
		return r.run(inverse, e.context, nil, nil)
	case *array:
		if len(v.items) == 0 {
			return r.run(inverse, e.context, nil, nil)
		}
		return r.each(e, v, main, inverse)
	}
	return r.run(main, v, nil, nil)
}

// each renders main for the items of an array or the values of an object.
func (r *renderer) each(e *env, v value, main, inverse closure) error {
	f := e.data.child()
	f.loop = true
	iterate := func(i, n int, key, item value) error {
		if err := r.spend(1); err != nil {
			return err
		}
		f.key, f.index, f.first, f.last = key, i, i == 0, i == n-1
		return r.run(main, item, f, []value{item, key})
	}
	switch v := v.(type) {
	case *array:
		for i, item := range v.items {
			if err := iterate(i, len(v.items), float64(i), item); err != nil {
				return err
			}
		}
		if len(v.items) > 0 {
			return nil
		}
	case *object:
		for i, key := range v.keys {
			if err := iterate(i, len(v.keys), key, v.values[key]); err != nil {
				return err
			}
		}
		if len(v.keys) > 0 {
			return nil
		}
	}
	return r.run(inverse, r.this(e), nil, nil)
}
