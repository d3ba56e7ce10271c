// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"encoding/base64"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// What SES says about a value of the wrong kind. The words are those of its own
// deserialiser, down to the grammar.
const (
	textList      = "Start of list found where not expected"
	textStructure = "Start of structure or map found where not expected."
	textNoList    = "Expected list or null"
	textNoMap     = "Expected map or null"
	textNoStruct  = "Expected null"
)

// jsonDecoder fills the SDK's types from a JSON body.
type jsonDecoder struct {
	jsonScanner
	depth    int
	elements int
}

func serialization(text string) *Error {
	return &Error{Code: "SerializationException", Message: text, Status: http.StatusBadRequest}
}

// document decodes a body that is one structure.
func (d *jsonDecoder) document(p *structPlan, v reflect.Value) error {
	switch d.next() {
	case '{':
	case '[':
		return serialization(textList)
	default:
		return serialization("")
	}
	if err := d.structure(p, v); err != nil {
		return err
	}
	if d.next() != 0 || d.pos < len(d.buf) {
		return serialization("")
	}
	return nil
}

// enter and leave bound the nesting of one value.
func (d *jsonDecoder) enter() error {
	if d.depth++; d.depth > maxDepth {
		return serialization("")
	}
	d.pos++ // the opening bracket
	return nil
}

func (d *jsonDecoder) leave() {
	d.depth--
	d.pos++ // the closing bracket
}

// member reads a name and its colon and returns where the name stands in p, or -1.
func (d *jsonDecoder) member(p *structPlan) (int, error) {
	name, err := d.name()
	if err != nil {
		return 0, err
	}
	if !name.escaped {
		if i, ok := p.index[string(name.text)]; ok { // no copy is made for a map index
			return i, nil
		}
		return -1, nil
	}
	text, ok := name.string()
	if !ok {
		return 0, serialization("")
	}
	if i, ok := p.index[text]; ok {
		return i, nil
	}
	return -1, nil
}

func (d *jsonDecoder) name() (rawString, error) {
	if d.next() != '"' {
		return rawString{}, serialization("")
	}
	name, ok := d.rawString()
	if !ok || d.next() != ':' {
		return rawString{}, serialization("")
	}
	d.pos++
	return name, nil
}

// more steps to the next member or element, or reports the closing bracket. The
// position is behind the opening bracket or behind a value.
func (d *jsonDecoder) more(first bool, end byte) (bool, error) {
	c := d.next()
	if c == end {
		return false, nil
	}
	if first {
		return true, nil
	}
	if c != ',' {
		return false, serialization("")
	}
	d.pos++
	return true, nil
}

// structure decodes an object into v. Unknown members are ignored; of a member that
// comes twice, the last counts.
func (d *jsonDecoder) structure(p *structPlan, v reflect.Value) error {
	if err := d.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := d.more(first, '}')
		if err != nil {
			return err
		}
		if !more {
			d.leave()
			return nil
		}
		i, err := d.member(p)
		if err != nil {
			return err
		}
		if i < 0 {
			if !d.skip() {
				return serialization("")
			}
			continue
		}
		f := &p.fields[i]
		if err := d.field(f, v.Field(f.goField)); err != nil {
			return err
		}
	}
}

func (d *jsonDecoder) field(f *fieldPlan, v reflect.Value) error {
	if err := d.value(&f.value, v); err != nil {
		return err
	}
	if f.value.kind == kindList && f.keepEmpty {
		return nil
	}
	if (f.value.kind == kindList || f.value.kind == kindMap) && v.Len() == 0 {
		v.SetZero() // an empty list means absent
	}
	return nil
}

// value decodes one value into v, which has the Go type that p was made for.
func (d *jsonDecoder) value(p *valuePlan, v reflect.Value) error {
	if d.next() == 'n' {
		if !d.literal("null") || !p.optional() {
			return serialization("")
		}
		v.SetZero()
		return nil
	}
	switch p.kind {
	case kindString:
		s, err := d.stringValue()
		if err != nil {
			return err
		}
		setString(p, v, s)
		return nil
	case kindStruct:
		return d.structValue(p, v)
	case kindList:
		return d.list(p, v)
	case kindMap:
		return d.mapValue(p, v)
	case kindUnion:
		return d.union(p, v)
	case kindBlob:
		return d.blob(v)
	}
	target := v
	if p.pointer {
		target = reflect.New(p.typ)
		v.Set(target)
		target = target.Elem()
	}
	return d.scalar(p, target)
}

// setString stores s in a string, an enum or a *string.
func setString(p *valuePlan, v reflect.Value, s string) {
	if p.pointer {
		v.Set(reflect.ValueOf(&s))
		return
	}
	v.SetString(s)
}

func (d *jsonDecoder) scalar(p *valuePlan, v reflect.Value) error {
	switch p.kind {
	case kindBool:
		b, err := d.boolean()
		v.SetBool(b)
		return err
	case kindInt:
		n, err := d.integer(v.Type().Bits())
		v.SetInt(n)
		return err
	case kindFloat:
		f, err := d.float()
		v.SetFloat(f)
		return err
	}
	t, err := d.timestamp()
	if err != nil {
		return err
	}
	*v.Addr().Interface().(*time.Time) = t
	return nil
}

// wrong is the error for a value that can't be read as wanted ("a String").
func (d *jsonDecoder) wrong(wanted string) error {
	switch c := d.next(); {
	case c == '[':
		return serialization(textList)
	case c == '{':
		return serialization(textStructure)
	case c == '"':
		return serialization("STRING_VALUE can not be converted to " + wanted)
	case c == 't' && d.literal("true"):
		return serialization("TRUE_VALUE can not be converted to " + wanted)
	case c == 'f' && d.literal("false"):
		return serialization("FALSE_VALUE can not be converted to " + wanted)
	case c == '-' || c >= '0' && c <= '9':
		return serialization("NUMBER_VALUE can not be converted to " + wanted)
	}
	return serialization("")
}

func (d *jsonDecoder) stringValue() (string, error) {
	if d.next() != '"' {
		return "", d.wrong("a String")
	}
	raw, ok := d.rawString()
	if !ok {
		return "", serialization("")
	}
	s, ok := raw.string()
	if !ok {
		return "", serialization("")
	}
	return s, nil
}

// boolean takes a string for a boolean if it names one, as SES does.
func (d *jsonDecoder) boolean() (bool, error) {
	switch d.next() {
	case 't':
		if d.literal("true") {
			return true, nil
		}
	case 'f':
		if d.literal("false") {
			return false, nil
		}
	case '"':
		s, err := d.stringValue()
		if err != nil {
			return false, err
		}
		switch strings.ToLower(s) {
		case "true", "yes", "y", "t", "1":
			return true, nil
		case "false", "no", "n", "f", "0":
			return false, nil
		}
		return false, serialization("STRING_VALUE can not be converted to an Boolean")
	}
	return false, d.wrong("a Boolean")
}

func (d *jsonDecoder) integer(bits int) (int64, error) {
	if c := d.next(); c != '-' && (c < '0' || c > '9') {
		return 0, d.wrong("an Integer")
	}
	text, ok := d.number()
	if !ok {
		return 0, serialization("")
	}
	if n, err := strconv.ParseInt(string(text), 10, bits); err == nil {
		return n, nil
	}
	// 5.0 and 5e2 are integers too.
	f, err := strconv.ParseFloat(string(text), 64)
	if limit := math.Ldexp(1, bits-1); err != nil || f != math.Trunc(f) || f < -limit || f >= limit {
		return 0, serialization("")
	}
	return int64(f), nil
}

func (d *jsonDecoder) float() (float64, error) {
	c := d.next()
	if c == '"' { // restJson1 spells what JSON numbers can't say
		s, err := d.stringValue()
		if err != nil {
			return 0, err
		}
		switch s {
		case "NaN":
			return math.NaN(), nil
		case "Infinity":
			return math.Inf(1), nil
		case "-Infinity":
			return math.Inf(-1), nil
		}
		return 0, serialization("STRING_VALUE can not be converted to a Double")
	}
	if c != '-' && (c < '0' || c > '9') {
		return 0, d.wrong("a Double")
	}
	text, ok := d.number()
	if !ok {
		return 0, serialization("")
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, serialization("")
	}
	return f, nil
}

// timestamp reads epoch seconds with a fraction, to the millisecond.
func (d *jsonDecoder) timestamp() (time.Time, error) {
	if c := d.next(); c != '-' && (c < '0' || c > '9') {
		return time.Time{}, d.wrong("a Timestamp")
	}
	text, ok := d.number()
	if !ok {
		return time.Time{}, serialization("")
	}
	f, err := strconv.ParseFloat(string(text), 64)
	const year0, year10000 = -62135596800, 253402300800
	if err != nil || f < year0 || f >= year10000 {
		return time.Time{}, serialization("")
	}
	return time.UnixMilli(int64(math.Round(f * 1000))).UTC(), nil
}

// blob reads base64 (RFC 4648 section 4, with padding).
func (d *jsonDecoder) blob(v reflect.Value) error {
	if d.next() != '"' {
		return d.wrong("a Blob")
	}
	raw, ok := d.rawString()
	if !ok {
		return serialization("")
	}
	text := raw.text
	if raw.escaped { // PHP writes every slash as \/
		s, ok := raw.string()
		if !ok {
			return serialization("")
		}
		text = []byte(s)
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(out, text)
	if err != nil {
		return serialization("")
	}
	v.SetBytes(out[:n])
	return nil
}
