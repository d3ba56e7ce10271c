// SPDX-License-Identifier: Apache-2.0

package awswire

import "reflect"

var stringsType = reflect.TypeFor[[]string]()

// structValue decodes an object into a structure or a pointer to one.
func (d *jsonDecoder) structValue(p *valuePlan, v reflect.Value) error {
	if c := d.next(); c != '{' {
		if c == '[' {
			return serialization(textList)
		}
		return serialization(textNoStruct)
	}
	if !p.pointer {
		v.SetZero()
		return d.structure(p.object, v)
	}
	target := reflect.New(p.typ)
	if err := d.structure(p.object, target.Elem()); err != nil {
		return err
	}
	v.Set(target)
	return nil
}

// list decodes an array. An empty one becomes an empty slice, not nil.
func (d *jsonDecoder) list(p *valuePlan, v reflect.Value) error {
	if d.next() != '[' {
		return serialization(textNoList)
	}
	if err := d.enter(); err != nil {
		return err
	}
	if v.Type() == stringsType {
		return d.strings(v.Addr().Interface().(*[]string))
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for first := true; ; first = false {
		more, err := d.more(first, ']')
		if err != nil {
			return err
		}
		if !more {
			d.leave()
			return nil
		}
		if err := d.element(); err != nil {
			return err
		}
		n := v.Len()
		v.Grow(1)
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		if err := d.value(p.elem, v.Index(n)); err != nil {
			return err
		}
	}
}

// strings is list for the most common type, without reflection.
func (d *jsonDecoder) strings(list *[]string) error {
	out := []string{}
	for first := true; ; first = false {
		more, err := d.more(first, ']')
		if err != nil {
			return err
		}
		if !more {
			d.leave()
			*list = out
			return nil
		}
		if err := d.element(); err != nil {
			return err
		}
		s, err := d.stringValue()
		if err != nil {
			return err
		}
		out = append(out, s)
	}
}

// element counts an element or an entry. The Go types have no place for a null in a
// list or a map.
func (d *jsonDecoder) element() error {
	if d.elements++; d.elements > maxElements {
		return serialization("Too many elements")
	}
	if d.next() == 'n' {
		return serialization("")
	}
	return nil
}

func (d *jsonDecoder) mapValue(p *valuePlan, v reflect.Value) error {
	switch d.next() {
	case '{':
	case '[':
		return serialization(textList)
	default:
		return serialization(textNoMap)
	}
	if err := d.enter(); err != nil {
		return err
	}
	v.Set(reflect.MakeMap(v.Type()))
	for first := true; ; first = false {
		more, err := d.more(first, '}')
		if err != nil {
			return err
		}
		if !more {
			d.leave()
			return nil
		}
		name, err := d.name()
		if err != nil {
			return err
		}
		key, ok := name.string()
		if !ok {
			return serialization("")
		}
		if err := d.element(); err != nil {
			return err
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(p.elem, value); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key), value)
	}
}

// union decodes an object with exactly one member that is not null.
func (d *jsonDecoder) union(p *valuePlan, v reflect.Value) error {
	if c := d.next(); c != '{' {
		if c == '[' {
			return serialization(textList)
		}
		return serialization(textNoStruct)
	}
	if err := d.enter(); err != nil {
		return err
	}
	set := false
	for first := true; ; first = false {
		more, err := d.more(first, '}')
		if err != nil {
			return err
		}
		if !more {
			d.leave()
			if !set {
				return serialization("")
			}
			return nil
		}
		i, err := d.member(p.object)
		if err != nil {
			return err
		}
		if d.next() == 'n' && d.literal("null") {
			continue
		}
		if i < 0 || set {
			return serialization("")
		}
		set = true
		f := &p.object.fields[i]
		variant := reflect.New(f.variant)
		if err := d.value(&f.value, variant.Elem().Field(f.goField)); err != nil {
			return err
		}
		v.Set(variant)
	}
}
