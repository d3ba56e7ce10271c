// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"encoding/base64"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// formDecoder fills the SDK's types from a form's tree.
type formDecoder struct {
	elements int
}

func malformedInput(format string, args ...any) *Error {
	return malformed("MalformedInput", format, args...)
}

// structure decodes a node's children into the members of v. Unknown names, such as
// those of a presigned URL's signature, are ignored.
func (d *formDecoder) structure(p *structPlan, n *formNode, v reflect.Value) error {
	for _, kid := range n.kids {
		i, ok := p.index[kid.name]
		if !ok {
			continue
		}
		f := &p.fields[i]
		if err := d.value(&f.value, kid, v.Field(f.goField)); err != nil {
			return err
		}
	}
	return nil
}

// value decodes a node into v, which has the Go type that p was made for.
func (d *formDecoder) value(p *valuePlan, n *formNode, v reflect.Value) error {
	switch p.kind {
	case kindString:
		if !utf8.ValidString(n.value) {
			return malformedInput("")
		}
		setString(p, v, n.value)
		return nil
	case kindList:
		return d.list(p, n, v)
	case kindMap:
		return d.mapValue(p, n, v)
	case kindUnion:
		return d.union(p.object, n, v)
	case kindBlob:
		data, err := base64.StdEncoding.DecodeString(n.value)
		if err != nil {
			return malformedInput("")
		}
		v.SetBytes(data)
		return nil
	}
	target := v
	if p.pointer {
		pointer := reflect.New(p.typ)
		v.Set(pointer)
		target = pointer.Elem()
	}
	if p.kind == kindStruct {
		return d.structure(p.object, n, target)
	}
	return formScalar(p.kind, target, n.value)
}

// formScalar decodes text. The messages are those of SES.
func formScalar(k kind, v reflect.Value, s string) error {
	switch k {
	case kindBool:
		switch s {
		case "true", "1":
			v.SetBool(true)
		case "false", "0":
			v.SetBool(false)
		default:
			return malformedInput("boolean must follow xsd1.1 definition")
		}
		return nil
	case kindTime:
		t, ok := parseTime(s)
		if !ok {
			return malformedInput("timestamp must follow ISO8601")
		}
		*v.Addr().Interface().(*time.Time) = t
		return nil
	}
	if s == "" {
		return malformedInput("missing value for decimal type")
	}
	if k == kindInt {
		n, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			return malformedInput("")
		}
		v.SetInt(n)
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return malformedInput("")
	}
	v.SetFloat(f)
	return nil
}

// list decodes NAME.member.1, NAME.member.2, ... A gap becomes a zero element, as in
// SES; NAME= with no elements is how SDKs send an empty list, which means absent.
func (d *formDecoder) list(p *valuePlan, n *formNode, v reflect.Value) error {
	items := n.child("member")
	if items == nil {
		return nil
	}
	size, err := d.highest(items)
	if err != nil || size == 0 {
		return err
	}
	list := reflect.MakeSlice(v.Type(), size, size)
	for _, kid := range items.kids {
		i, _ := strconv.Atoi(kid.name)
		if err := d.value(p.elem, kid, list.Index(i-1)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

// highest returns the highest of the children's indexes, which start at 1.
func (d *formDecoder) highest(n *formNode) (int, error) {
	size := 0
	for _, kid := range n.kids {
		i, err := strconv.Atoi(kid.name)
		if err != nil || i < 1 || kid.name[0] == '+' || i > maxElements {
			return 0, malformedInput("%.32s is not a valid index", kid.name)
		}
		size = max(size, i)
	}
	if d.elements += size; d.elements > maxElements {
		return 0, malformedInput("Too many elements")
	}
	return size, nil
}

// mapValue decodes NAME.entry.1.key and NAME.entry.1.value, and so on.
func (d *formDecoder) mapValue(p *valuePlan, n *formNode, v reflect.Value) error {
	entries := n.child("entry")
	if entries == nil {
		return nil
	}
	if _, err := d.highest(entries); err != nil {
		return err
	}
	m := reflect.MakeMap(v.Type())
	for _, entry := range entries.kids {
		key, value := entry.child("key"), entry.child("value")
		if key == nil || value == nil {
			return malformedInput("")
		}
		if !utf8.ValidString(key.value) {
			return malformedInput("")
		}
		target := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(p.elem, value, target); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(key.value), target)
	}
	if m.Len() > 0 {
		v.Set(m)
	}
	return nil
}

// union decodes the one child that names a variant.
func (d *formDecoder) union(p *structPlan, n *formNode, v reflect.Value) error {
	if len(n.kids) != 1 {
		return malformedInput("Unions take exactly one member")
	}
	i, ok := p.index[n.kids[0].name]
	if !ok {
		return malformedInput("%.64s is no member of the union", n.kids[0].name)
	}
	f := &p.fields[i]
	variant := reflect.New(f.variant)
	if err := d.value(&f.value, n.kids[0], variant.Elem().Field(f.goField)); err != nil {
		return err
	}
	v.Set(variant)
	return nil
}
