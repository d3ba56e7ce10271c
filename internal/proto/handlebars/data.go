// SPDX-License-Identifier: Apache-2.0

package handlebars

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
)

// The bounds of ParseData. SES's own limit is 262,144 characters (EmailTemplateData).
const (
	MaxData      = 1 << 20 // bytes
	maxDataDepth = 500     // objects and arrays within each other
)

// What is wrong with data.
var (
	ErrNotObject    = errors.New("the rendering data is not a JSON object")
	ErrDataTooLarge = errors.New("the rendering data is too large")
	ErrDataTooDeep  = errors.New("the rendering data nests too deeply")
)

// Data is what a template is rendered with: a JSON object that keeps the order of its
// keys. It does not change and serves any number of renderings at once. The zero Data has
// no attributes.
type Data struct{ root *object }

// ParseData reads a JSON object of at most MaxData bytes. As in JavaScript the last of
// several equal keys counts, numbers are 64-bit floating point, and what is not Unicode
// becomes U+FFFD. The error is one of the above; ErrNotObject also stands for bad JSON.
func ParseData(text []byte) (Data, error) {
	if len(text) > MaxData {
		return Data{}, ErrDataTooLarge
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	r := dataReader{d}
	v, err := r.value(0)
	if errors.Is(err, ErrDataTooDeep) {
		return Data{}, err
	}
	root, ok := v.(*object)
	if err != nil || !ok {
		return Data{}, ErrNotObject
	}
	if _, err := d.Token(); err != io.EOF {
		return Data{}, ErrNotObject
	}
	return Data{root}, nil
}

// Merge returns the data with the top-level attributes of over, which replace those of the
// same name.
func (d Data) Merge(over Data) Data {
	switch {
	case d.root == nil:
		return over
	case over.root == nil:
		return d
	}
	merged := &object{}
	for _, from := range []*object{d.root, over.root} {
		for _, key := range from.keys {
			merged.set(key, from.values[key])
		}
	}
	return Data{merged.order()}
}

// Has reports whether there is a top-level attribute of the name; it may be null.
func (d Data) Has(name string) bool {
	if d.root == nil {
		return false
	}
	_, ok := d.root.values[name]
	return ok
}

// dataReader makes values of the decoder's tokens, which know the order of keys.
type dataReader struct{ *json.Decoder }

func (d dataReader) value(depth int) (value, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		// One that is too large is infinite, as in JavaScript.
		n, _ := strconv.ParseFloat(string(t), 64)
		return n, nil
	case json.Delim:
		if depth == maxDataDepth {
			return nil, ErrDataTooDeep
		}
		if t == '{' {
			return d.object(depth + 1)
		}
		return d.array(depth + 1)
	default:
		return t, nil
	}
}

func (d dataReader) array(depth int) (value, error) {
	a := &array{}
	for d.More() {
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		a.items = append(a.items, v)
	}
	_, err := d.Token()
	return a, err
}

func (d dataReader) object(depth int) (value, error) {
	o := &object{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		o.set(key.(string), v)
	}
	_, err := d.Token()
	return o.order(), err
}
