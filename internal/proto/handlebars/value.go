// SPDX-License-Identifier: Apache-2.0

package handlebars

import (
	"cmp"
	"errors"
	"iter"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// value is one of JavaScript's: nil for null, undefined, bool, float64, string, *array or
// *object.
type value any

// undefined is what is not there.
type undefined struct{}

type array struct{ items []value }

// object has its own keys and no prototype, so "constructor" is there only if the data has
// it. After order the keys are in JavaScript's order: indexes ascending, then as they were
// set.
type object struct {
	keys   []string
	values map[string]value
}

// set adds or replaces.
func (o *object) set(key string, v value) {
	if o.values == nil {
		o.values = map[string]value{}
	}
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = v
}

// order ends a series of sets.
func (o *object) order() *object {
	indexes := 0
	for _, key := range o.keys {
		if _, ok := arrayIndex(key); ok {
			indexes++
		}
	}
	if indexes > 0 {
		slices.SortStableFunc(o.keys, func(a, b string) int {
			x, xIs := arrayIndex(a)
			y, yIs := arrayIndex(b)
			switch {
			case xIs && yIs:
				return cmp.Compare(x, y)
			case xIs:
				return -1
			case yIs:
				return 1
			}
			return 0
		})
	}
	return o
}

// arrayIndex is the number that the key is, if it is one in its shortest form below 2^32-1.
func arrayIndex(key string) (uint32, bool) {
	if key == "" || len(key) > 10 || key[0] == '0' && len(key) > 1 || digits(key) != len(key) {
		return 0, false
	}
	n, err := strconv.ParseUint(key, 10, 32)
	return uint32(n), err == nil && n < 1<<32-1
}

// property is v[key]: own properties alone, of objects, arrays and strings.
func property(v value, key string) value {
	switch v := v.(type) {
	case *object:
		if found, ok := v.values[key]; ok {
			return found
		}
	case *array:
		if key == "length" {
			return float64(len(v.items))
		}
		if i, ok := arrayIndex(key); ok && int64(i) < int64(len(v.items)) {
			return v.items[i]
		}
	case string:
		if key == "length" {
			return float64(stringLength(v))
		}
		if i, ok := arrayIndex(key); ok {
			return unitAt(v, i)
		}
	}
	return undefined{}
}

// stringLength counts UTF-16 units, as JavaScript does.
func stringLength(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// unitAt is the UTF-16 unit at i as a string.
func unitAt(s string, i uint32) value {
	for at, unit := range units(s) {
		if at == int(i) {
			return unit
		}
	}
	return undefined{}
}

// units are the UTF-16 units of s as strings. Half of a pair is no text.
func units(s string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		at := 0
		for _, r := range s {
			unit := string(r)
			n := utf16.RuneLen(r)
			if n == 2 {
				unit = string(utf8.RuneError)
			}
			for range n {
				if !yield(at, unit) {
					return
				}
				at++
			}
		}
	}
}

// isNil reports null and undefined.
func isNil(v value) bool {
	return v == nil || v == undefined{}
}

// truthy is JavaScript's: false, null, undefined, 0 and "" are not.
func truthy(v value) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case float64:
		return v != 0
	case string:
		return v != ""
	}
	return true
}

// isEmpty is what {{#if}} and {{#with}} have for false: what is not truthy except 0, and
// arrays without items.
func isEmpty(v value) bool {
	switch v := v.(type) {
	case float64:
		return false
	case *array:
		return len(v.items) == 0
	}
	return !truthy(v)
}

// nameOf is the property name that JavaScript makes of a value.
func nameOf(v value) string {
	switch v.(type) {
	case nil:
		return "null"
	case undefined:
		return "undefined"
	}
	var b strings.Builder
	// A builder takes everything.
	_ = writeText(&b, v)
	return b.String()
}

// textWriter takes text until it has too much.
type textWriter interface {
	WriteString(s string) (int, error)
}

// writeText writes the value as JavaScript's string concatenation does; null and undefined
// are nothing.
func writeText(w textWriter, v value) error {
	text := ""
	switch v := v.(type) {
	case string:
		text = v
	case float64:
		text = formatNumber(v)
	case bool:
		text = strconv.FormatBool(v)
	case *object:
		text = "[object Object]"
	case *array:
		for i, item := range v.items {
			if i > 0 {
				if _, err := w.WriteString(","); err != nil {
					return err
				}
			}
			if err := writeText(w, item); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := w.WriteString(text)
	return err
}

// formatNumber is Number::toString (ECMAScript, 6.1.6.1.20).
func formatNumber(f float64) string {
	switch {
	case f == 0:
		return "0" // also -0
	case f > maxFinite:
		return "Infinity"
	case f < -maxFinite:
		return "-Infinity"
	}
	format := byte('f')
	if abs := max(f, -f); abs >= 1e21 || abs < 1e-6 {
		format = 'e'
	}
	s := strconv.FormatFloat(f, format, -1, 64)
	// Go writes two digits of an exponent at least.
	s = strings.Replace(s, "e-0", "e-", 1)
	return strings.Replace(s, "e+0", "e+", 1)
}

const maxFinite = 0x1p1023 * (1 + (1 - 0x1p-52))

// looseEqual is JavaScript's ==. It decides whether a block has another context than what
// surrounds it, and so what ../ is.
func looseEqual(a, b value) bool {
	if isNil(a) || isNil(b) {
		return isNil(a) && isNil(b)
	}
	if _, ok := primitive(a); !ok {
		if _, ok := primitive(b); !ok {
			return a == b // the same object
		}
	}
	a, b = toPrimitive(a), toPrimitive(b)
	x, aString := a.(string)
	y, bString := b.(string)
	if aString && bString {
		return x == y
	}
	return toNumber(a) == toNumber(b)
}

func primitive(v value) (value, bool) {
	switch v.(type) {
	case *object, *array:
		return nil, false
	}
	return v, true
}

func toPrimitive(v value) value {
	if p, ok := primitive(v); ok {
		return p
	}
	return nameOf(v)
}

// toNumber is JavaScript's conversion of a boolean, a number or a string.
func toNumber(v value) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case bool:
		if v {
			return 1
		}
		return 0
	case string:
		s := strings.TrimFunc(v, isSpace)
		if s == "" {
			return 0
		}
		if n, ok := parseNumber(s); ok {
			return n
		}
	}
	return math.NaN()
}

// parseNumber reads a StringNumericLiteral (ECMAScript, 7.1.4.1).
func parseNumber(s string) (float64, bool) {
	switch strings.TrimLeft(s, "+-") {
	case "Infinity":
		n, err := strconv.ParseFloat(s, 64)
		return n, err == nil
	}
	if len(s) > 2 && s[0] == '0' && strings.IndexByte("xXoObB", s[1]) >= 0 {
		base := map[byte]int{'x': 16, 'o': 8, 'b': 2}[s[1]|0x20]
		n, ok := new(big.Int).SetString(s[2:], base)
		if !ok || s[2] == '-' || s[2] == '+' {
			return 0, false
		}
		f, _ := new(big.Float).SetInt(n).Float64()
		return f, true
	}
	if strings.Trim(s, "+-.0123456789eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}
