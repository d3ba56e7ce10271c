// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"fmt"
	"math"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxViolations = 100      // how many violations one message lists
	maxPattern    = 64 << 10 // bytes; no value of a pattern is longer
)

// structChecks are the checks of a structure's members, in the order in which SES
// reports them. Of a union, the fields are the variants.
type structChecks struct {
	fields []fieldCheck
	union  bool
}

type fieldCheck struct {
	field    *fieldPlan
	required bool
	check    *valueCheck // nil if the value itself has no constraint
}

// valueCheck is what a value must satisfy.
type valueCheck struct {
	plan        *valuePlan
	min, max    float64 // of a length or a number; infinite if there is none
	enum        []string
	pattern     *regexp.Regexp
	patternText string
	object      *structChecks
	key, elem   *valueCheck // of a list's and a map's entries; nil without constraints
}

// Validate checks an input against the operation's constraints: required members,
// lengths, ranges, patterns and enums, at all depths. The error is an *Error that names
// all violations in SES's words ("1 validation error detected: Value at 'source'
// failed to satisfy constraint: Member must not be null"), with the code
// BadRequestException for REST-JSON and ValidationError for Query. A required member
// that the Go type can't leave out (a plain bool or int) is not checked. What SES's
// handlers check themselves, with their own texts, is not checked here.
func (o *Operation) Validate(in any) error {
	if o.checks == nil {
		return nil
	}
	v := reflect.ValueOf(in)
	if !v.IsValid() || v.Type() != reflect.PointerTo(o.in.typ) || v.IsNil() {
		return fmt.Errorf("awswire: input of %s.%s is a %T", o.Service, o.Name, in)
	}
	var f validation
	f.structure(o.checks, v.Elem())
	if len(f.found) == 0 {
		return nil
	}
	noun := "errors"
	if len(f.found) == 1 {
		noun = "error"
	}
	return &Error{
		Code:    o.service.protocol.validationCode(),
		Message: fmt.Sprintf("%d validation %s detected: %s", len(f.found), noun, strings.Join(f.found, "; ")),
		Status:  http.StatusBadRequest,
	}
}

// validation is one walk through an input.
type validation struct {
	path  []step
	found []string
}

// step is a member's name, or the position of a list's element.
type step struct {
	name  string
	index int // from 1, if there is no name
}

// add notes a violation at the current place.
func (f *validation) add(constraint string) {
	if len(f.found) == maxViolations {
		return
	}
	b := []byte("Value at '")
	for i, s := range f.path {
		if i > 0 {
			b = append(b, '.')
		}
		if s.name == "" {
			b = append(strconv.AppendInt(b, int64(s.index), 10), ".member"...)
		}
		b = append(b, s.name...)
	}
	b = append(b, "' failed to satisfy constraint: "...)
	f.found = append(f.found, string(append(b, constraint...)))
}

func (f *validation) push(s step) { f.path = append(f.path, s) }
func (f *validation) pop()        { f.path = f.path[:len(f.path)-1] }

func (f *validation) structure(c *structChecks, v reflect.Value) {
	for i := range c.fields {
		fc := &c.fields[i]
		if !fc.required && fc.check == nil {
			continue
		}
		var fv reflect.Value
		if c.union {
			wrapper := v.Elem()
			if wrapper.Type() != reflect.PointerTo(fc.field.variant) {
				continue
			}
			fv = wrapper.Elem().Field(fc.field.goField)
		} else {
			fv = v.Field(fc.field.goField)
		}
		f.push(step{name: fc.field.path})
		if !absent(&fc.field.value, fv) {
			if fc.check != nil {
				f.value(fc.check, fv)
			}
		} else if fc.required {
			f.add("Member must not be null")
		}
		f.pop()
	}
}

func (f *validation) value(c *valueCheck, v reflect.Value) {
	if c.plan.pointer {
		v = v.Elem()
	}
	switch c.plan.kind {
	case kindStruct, kindUnion:
		f.structure(c.object, v)
		return
	case kindList:
		f.limits(c, v)
		f.list(c, v)
		return
	case kindMap:
		f.limits(c, v)
		f.entries(c, v)
		return
	}
	if !c.plan.optional() && v.IsZero() {
		return // absent and zero are one for a plain number
	}
	f.limits(c, v)
}

// limits adds what a value itself violates.
func (f *validation) limits(c *valueCheck, v reflect.Value) {
	short, long := c.outside(v)
	if short {
		f.add(c.minText())
	}
	if long {
		f.add(c.maxText())
	}
	if c.pattern != nil && (v.Len() > maxPattern || !c.pattern.MatchString(v.String())) {
		f.add(c.patternMessage())
	}
	if c.enum != nil && !slices.Contains(c.enum, v.String()) {
		f.add(c.enumText())
	}
}

// list checks elements. Structures have places of their own; other elements are
// reported once, at the list, with everything that they must satisfy.
func (f *validation) list(c *valueCheck, v reflect.Value) {
	if c.elem == nil {
		return
	}
	if c.elem.plan.kind == kindStruct {
		for i := range v.Len() {
			f.push(step{index: i + 1})
			f.value(c.elem, v.Index(i))
			f.pop()
		}
		return
	}
	for i := range v.Len() {
		if !c.elem.holds(v.Index(i)) {
			f.add("Member must satisfy constraint: " + c.elem.summary())
			return
		}
	}
}

func (f *validation) entries(c *valueCheck, v reflect.Value) {
	keys, values := true, true
	for it := v.MapRange(); it.Next(); {
		keys = keys && (c.key == nil || c.key.holds(it.Key()))
		values = values && (c.elem == nil || c.elem.holds(it.Value()))
	}
	if !keys {
		f.add("Map keys must satisfy constraint: " + c.key.summary())
	}
	if !values {
		f.add("Map value must satisfy constraint: " + c.elem.summary())
	}
}

// holds reports whether a value and all that it holds satisfy the check.
func (c *valueCheck) holds(v reflect.Value) bool {
	var f validation
	f.value(c, v)
	return len(f.found) == 0
}

// outside compares a number, or a length, with the limits. A string's length is its
// number of characters, which are only counted if the bytes leave a doubt.
func (c *valueCheck) outside(v reflect.Value) (short, long bool) {
	var size float64
	switch c.plan.kind {
	case kindInt:
		size = float64(v.Int())
	case kindFloat:
		size = v.Float()
	case kindString:
		size = float64(v.Len())
		if size > c.max || size < c.min*utf8.UTFMax {
			size = float64(utf8.RuneCountInString(v.String()))
		}
	default:
		size = float64(v.Len())
	}
	return size < c.min, size > c.max
}

func (c *valueCheck) minText() string {
	return "Member must have " + c.measure() + " greater than or equal to " + decimal(c.min)
}

func (c *valueCheck) maxText() string {
	return "Member must have " + c.measure() + " less than or equal to " + decimal(c.max)
}

func (c *valueCheck) patternMessage() string {
	return "Member must satisfy regular expression pattern: " + c.patternText
}

func (c *valueCheck) enumText() string {
	return "Member must satisfy enum value set: [" + strings.Join(c.enum, ", ") + "]"
}

func (c *valueCheck) measure() string {
	if c.plan.kind == kindInt || c.plan.kind == kindFloat {
		return "value"
	}
	return "length"
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// summary lists all that an element must satisfy, in brackets.
func (c *valueCheck) summary() string {
	var texts []string
	if !math.IsInf(c.max, 1) {
		texts = append(texts, c.maxText())
	}
	if !math.IsInf(c.min, -1) {
		texts = append(texts, c.minText())
	}
	if c.pattern != nil {
		texts = append(texts, c.patternMessage())
	}
	if c.enum != nil {
		texts = append(texts, c.enumText())
	}
	if c.elem != nil && c.plan.kind == kindList {
		texts = append(texts, "Member must satisfy constraint: "+c.elem.summary())
	}
	return "[" + strings.Join(texts, ", ") + "]"
}
