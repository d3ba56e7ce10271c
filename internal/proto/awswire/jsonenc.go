// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"encoding/base64"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// appendJSON appends the object that a structure is. Nil pointers, nil lists and maps
// and unset enums are left out; empty lists and maps that are not nil stay, and so do
// numbers and booleans that have no pointer.
func appendJSON(b []byte, p *structPlan, v reflect.Value) []byte {
	b = append(b, '{')
	open := len(b)
	for i := range p.fields {
		f := &p.fields[i]
		fv := v.Field(f.goField)
		if absent(&f.value, fv) {
			continue
		}
		if len(b) > open {
			b = append(b, ',')
		}
		b = appendJSONString(b, f.name)
		b = append(b, ':')
		b = appendJSONValue(b, &f.value, fv)
	}
	return append(b, '}')
}

// absent reports whether a member is left out of an answer.
func absent(p *valuePlan, v reflect.Value) bool {
	if p.pointer {
		return v.IsNil()
	}
	switch p.kind {
	case kindString:
		return v.Len() == 0
	case kindList, kindMap, kindBlob, kindUnion:
		return v.IsNil()
	}
	return false
}

func appendJSONValue(b []byte, p *valuePlan, v reflect.Value) []byte {
	if p.pointer {
		v = v.Elem()
	}
	switch p.kind {
	case kindString:
		return appendJSONString(b, v.String())
	case kindBool:
		return strconv.AppendBool(b, v.Bool())
	case kindInt:
		return strconv.AppendInt(b, v.Int(), 10)
	case kindFloat:
		return appendJSONFloat(b, v.Float())
	case kindTime:
		return appendEpoch(b, v.Interface().(time.Time))
	case kindBlob:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v.Bytes())
		return append(b, '"')
	case kindStruct:
		return appendJSON(b, p.object, v)
	case kindList:
		return appendJSONList(b, p, v)
	case kindMap:
		return appendJSONMap(b, p, v)
	}
	return appendJSONUnion(b, p, v)
}

func appendJSONList(b []byte, p *valuePlan, v reflect.Value) []byte {
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONValue(b, p.elem, v.Index(i))
	}
	return append(b, ']')
}

// appendJSONMap writes the entries by key, so that equal answers are equal bytes.
func appendJSONMap(b []byte, p *valuePlan, v reflect.Value) []byte {
	b = append(b, '{')
	for i, key := range sortedKeys(v) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONString(b, key)
		b = append(b, ':')
		b = appendJSONValue(b, p.elem, v.MapIndex(reflect.ValueOf(key)))
	}
	return append(b, '}')
}

func sortedKeys(v reflect.Value) []string {
	keys := make([]string, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		keys = append(keys, it.Key().String())
	}
	slices.Sort(keys)
	return keys
}

// appendJSONUnion writes the one variant that is set. A variant of a newer SDK that
// the plan does not know can't be in an answer of ours; it would be an empty object.
func appendJSONUnion(b []byte, p *valuePlan, v reflect.Value) []byte {
	b = append(b, '{')
	wrapper := v.Elem() // from the interface to *types.XMemberY
	for i := range p.object.fields {
		f := &p.object.fields[i]
		if wrapper.Type() == reflect.PointerTo(f.variant) {
			b = appendJSONString(b, f.name)
			b = append(b, ':')
			b = appendJSONValue(b, &f.value, wrapper.Elem().Field(f.goField))
		}
	}
	return append(b, '}')
}

// appendJSONFloat writes a number as SES does, always with a fraction; restJson1
// spells what JSON has no number for.
func appendJSONFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	}
	return appendFloat(b, f)
}

// appendFloat writes 200 as 200.0, and uses an exponent where digits would be many.
func appendFloat(b []byte, f float64) []byte {
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e15) {
		return strconv.AppendFloat(b, f, 'E', -1, 64)
	}
	b = strconv.AppendFloat(b, f, 'f', -1, 64)
	if f == math.Trunc(f) {
		b = append(b, ".0"...)
	}
	return b
}

// appendEpoch writes a time as epoch seconds to the millisecond, always with a
// fraction: 1700000000.0, 1700000000.123.
func appendEpoch(b []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	if ms < 0 {
		b = append(b, '-')
		ms = -ms
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	b = append(b, '.', byte('0'+ms/100%10))
	if ms%100 != 0 {
		b = append(b, byte('0'+ms/10%10))
	}
	if ms%10 != 0 {
		b = append(b, byte('0'+ms%10))
	}
	return b
}

// appendJSONString writes s quoted (RFC 8259 section 7). What is not UTF-8 becomes
// U+FFFD.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			b = append(append(b, s[start:i]...), "\uFFFD"...)
		} else {
			b = appendJSONEscape(append(b, s[start:i]...), c)
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

func appendJSONEscape(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
