// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"fmt"
	"reflect"
	"time"
)

// kind is what a member is on the wire.
type kind uint8

const (
	kindString kind = iota + 1 // enums too
	kindBool
	kindInt // int32 and int64
	kindFloat
	kindTime
	kindBlob
	kindList
	kindMap
	kindStruct
	kindUnion
)

// valuePlan says how a Go value of the SDK's types is read and written.
type valuePlan struct {
	kind    kind
	pointer bool         // the Go value is a pointer to typ, nil when absent
	typ     reflect.Type // without the pointer
	elem    *valuePlan   // of a list, and the value of a map
	object  *structPlan  // of a structure; of a union, its variants
}

// structPlan is a structure's members in the order of the Go fields.
type structPlan struct {
	typ    reflect.Type
	fields []fieldPlan
	index  map[string]int // wire name to position in fields
}

// fieldPlan is one member of a structure, or one variant of a union.
type fieldPlan struct {
	name    string // on the wire
	path    string // in validation messages: the name with its first letter lowered
	goField int
	value   valuePlan
	variant reflect.Type // of a union: the Go type that wraps the value in its field
	// keepEmpty marks a list in which empty means something else than absent.
	keepEmpty bool
}

// unionVariant is a Go type that implements a union's interface, such as
// types.SigningSchemeMemberSmimeScheme, with the variant's name on the wire.
type unionVariant struct {
	name string
	typ  reflect.Type
}

// planner compiles plans. wireName says how a member is called on the wire.
type planner struct {
	wireName  func(typ reflect.Type, field string) (string, error)
	unions    map[reflect.Type][]unionVariant
	keepEmpty map[string]bool // "Type.Field"
	done      map[reflect.Type]*structPlan
}

var (
	stringType = reflect.TypeFor[string]()
	timeType   = reflect.TypeFor[time.Time]()
)

// structure returns the plan of a structure type. Members that the SDK adds for itself
// (ResultMetadata, ErrorCodeOverride) and unexported ones are not on the wire.
func (p *planner) structure(t reflect.Type) (*structPlan, error) {
	if done, ok := p.done[t]; ok {
		return done, nil
	}
	plan := &structPlan{typ: t, index: map[string]int{}}
	p.done[t] = plan
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Name == "ResultMetadata" || f.Name == "ErrorCodeOverride" {
			continue
		}
		name, err := p.wireName(t, f.Name)
		if err != nil {
			return nil, err
		}
		value, err := p.value(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		plan.index[name] = len(plan.fields)
		plan.fields = append(plan.fields, fieldPlan{
			name: name, path: lowerFirst(name), goField: i, value: value,
			keepEmpty: p.keepEmpty[t.Name()+"."+f.Name],
		})
	}
	return plan, nil
}

// value returns the plan of a member's Go type, or an error for a type that the
// protocols here have no form for.
func (p *planner) value(t reflect.Type) (valuePlan, error) {
	v := valuePlan{typ: t}
	if t.Kind() == reflect.Pointer {
		v.pointer, v.typ = true, t.Elem()
	}
	var err error
	switch k := v.typ.Kind(); {
	case k == reflect.String && (!v.pointer || v.typ == stringType):
		v.kind = kindString
	case k == reflect.Bool:
		v.kind = kindBool
	case k == reflect.Int32 || k == reflect.Int64:
		v.kind = kindInt
	case k == reflect.Float64:
		v.kind = kindFloat
	case v.typ == timeType:
		v.kind = kindTime
	case k == reflect.Slice && !v.pointer && v.typ.Elem().Kind() == reflect.Uint8:
		v.kind = kindBlob
	case k == reflect.Slice && !v.pointer:
		v.kind = kindList
		v.elem, err = p.element(v.typ.Elem())
	case k == reflect.Map && !v.pointer && v.typ.Key() == stringType:
		v.kind = kindMap
		v.elem, err = p.element(v.typ.Elem())
	case k == reflect.Struct:
		v.kind = kindStruct
		v.object, err = p.structure(v.typ)
	case k == reflect.Interface && !v.pointer && p.unions[v.typ] != nil:
		v.kind = kindUnion
		v.object, err = p.union(v.typ)
	default:
		err = fmt.Errorf("no wire form for %s", t)
	}
	return v, err
}

func (p *planner) element(t reflect.Type) (*valuePlan, error) {
	v, err := p.value(t)
	return &v, err
}

// union returns a plan whose fields are the union's variants.
func (p *planner) union(t reflect.Type) (*structPlan, error) {
	plan := &structPlan{typ: t, index: map[string]int{}}
	for _, variant := range p.unions[t] {
		field, ok := variant.typ.FieldByName("Value")
		if !ok {
			return nil, fmt.Errorf("variant %s has no value", variant.typ)
		}
		value, err := p.value(field.Type)
		if err != nil {
			return nil, err
		}
		plan.index[variant.name] = len(plan.fields)
		plan.fields = append(plan.fields, fieldPlan{
			name: variant.name, path: lowerFirst(variant.name),
			goField: field.Index[0], value: value, variant: variant.typ,
		})
	}
	return plan, nil
}

// optional reports whether the Go type itself tells absent from the zero value. What
// is not optional is a primitive: SES refuses null for it.
func (v *valuePlan) optional() bool {
	switch v.kind {
	case kindBool, kindInt, kindFloat, kindTime:
		return v.pointer
	}
	return true
}

// lowerFirst is how SES writes a member in a message: only the first letter changes,
// so SNSAction is sNSAction.
func lowerFirst(s string) string {
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return s
	}
	return string(s[0]|0x20) + s[1:]
}
