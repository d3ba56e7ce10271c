// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// equalTest is StringEquals.
type equalTest []pattern

func newEqual(values []string, variables bool) (test, error) {
	ps, err := patterns(values, syntax{variables: variables})
	return equalTest(ps), err
}

func patterns(values []string, s syntax) ([]pattern, error) {
	ps := make([]pattern, len(values))
	for i, v := range values {
		var err error
		if ps[i], err = newPattern(v, s); err != nil {
			return nil, err
		}
	}
	return ps, nil
}

func (t equalTest) match(value string, ctx Context) bool {
	for i := range t {
		if t[i].match(value, ctx) {
			return true
		}
	}
	return false
}

// newLike is StringLike.
func newLike(values []string, variables bool) (test, error) {
	ps, err := patterns(values, syntax{wildcards: true, variables: variables})
	return equalTest(ps), err
}

// foldTest is StringEqualsIgnoreCase.
type foldTest [][]piece

func newEqualFold(values []string, variables bool) (test, error) {
	t := make(foldTest, len(values))
	for i, v := range values {
		var err error
		if t[i], _, err = (syntax{variables: variables}).split(v); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t foldTest) match(value string, ctx Context) bool {
	for _, pieces := range t {
		if text, ok := expand(pieces, ctx); ok && strings.EqualFold(text, value) {
			return true
		}
	}
	return false
}

// expand is the text of pieces without wildcards.
func expand(pieces []piece, ctx Context) (string, bool) {
	if len(pieces) == 1 && pieces[0].kind == literal {
		return pieces[0].text, true
	}
	var b strings.Builder
	for i := range pieces {
		text, ok := pieces[i].text, true
		if pieces[i].kind == variable {
			text, ok = pieces[i].value(ctx)
		}
		if !ok {
			return "", false
		}
		b.WriteString(text)
	}
	return b.String(), true
}

// comparison is a set of ways in which a value may stand to another.
type comparison uint8

const (
	less comparison = 1 << iota
	equal
	greater
)

// orderTest compares numbers, or dates as seconds.
type orderTest struct {
	want   comparison
	values []float64
	parse  func(string) (float64, bool)
}

func newNumeric(c comparison) func([]string, bool) (test, error) {
	return func(values []string, _ bool) (test, error) { return newOrder(c, values, parseNumber, "number") }
}

func newDate(c comparison) func([]string, bool) (test, error) {
	return func(values []string, _ bool) (test, error) { return newOrder(c, values, parseDate, "date") }
}

func newOrder(c comparison, values []string, parse func(string) (float64, bool), what string) (test, error) {
	t := orderTest{want: c, parse: parse}
	for _, v := range values {
		n, ok := parse(v)
		if !ok {
			return nil, invalid("The condition value %s is not a valid %s.", quoted(v), what)
		}
		t.values = append(t.values, n)
	}
	return t, nil
}

func (t orderTest) match(value string, _ Context) bool {
	n, ok := t.parse(value)
	if !ok {
		return false
	}
	for _, v := range t.values {
		is := equal
		switch {
		case n < v:
			is = less
		case n > v:
			is = greater
		}
		if t.want&is != 0 {
			return true
		}
	}
	return false
}

// parseNumber reads a decimal number.
func parseNumber(s string) (float64, bool) {
	if len(s) == 0 || len(s) > 32 || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// dateLayouts are the forms of ISO 8601 that the W3C profile has, and thereby IAM.
func dateLayouts() []string {
	return []string{
		"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006",
	}
}

// parseDate reads a date, or seconds since 1970.
func parseDate(s string) (float64, bool) {
	if len(s) > 40 {
		return 0, false
	}
	if len(s) != 4 {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > -1<<40 && n < 1<<40 {
			return float64(n), true
		}
	}
	for _, layout := range dateLayouts() {
		if t, err := time.Parse(layout, s); err == nil {
			return float64(t.Unix()) + float64(t.Nanosecond())/1e9, true
		}
	}
	return 0, false
}

// boolTest holds which values fit.
type boolTest struct{ yes, no bool }

func newBool(values []string, _ bool) (test, error) {
	var t boolTest
	for _, v := range values {
		switch {
		case strings.EqualFold(v, "true"):
			t.yes = true
		case strings.EqualFold(v, "false"):
			t.no = true
		default:
			return nil, invalid("The condition value %s is not a valid boolean.", quoted(v))
		}
	}
	return t, nil
}

func (t boolTest) match(value string, _ Context) bool {
	return t.yes && strings.EqualFold(value, "true") || t.no && strings.EqualFold(value, "false")
}

// binaryTest compares octets, which are written in base64.
type binaryTest [][]byte

func newBinary(values []string, _ bool) (test, error) {
	t := make(binaryTest, len(values))
	for i, v := range values {
		b, err := base64.StdEncoding.DecodeString(v)
		if err != nil {
			return nil, invalid("The condition value %s is not valid base64.", quoted(v))
		}
		t[i] = b
	}
	return t, nil
}

func (t binaryTest) match(value string, _ Context) bool {
	got, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return false
	}
	for _, b := range t {
		if bytes.Equal(b, got) {
			return true
		}
	}
	return false
}

// addressTest holds the networks of IpAddress.
type addressTest []netip.Prefix

func newAddress(values []string, _ bool) (test, error) {
	t := make(addressTest, len(values))
	for i, v := range values {
		p, err := netip.ParsePrefix(v)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(v); err == nil && a.Zone() == "" {
				p = netip.PrefixFrom(a, a.BitLen())
			}
		}
		if !p.IsValid() {
			return nil, invalid("The condition value %s is not a valid IP address or range.", quoted(v))
		}
		t[i] = p.Masked()
	}
	return t, nil
}

func (t addressTest) match(value string, _ Context) bool {
	a, err := netip.ParseAddr(value)
	if err != nil {
		return false
	}
	a = a.WithZone("").Unmap()
	for _, p := range t {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// arnTest is ArnEquals and ArnLike, which do the same.
type arnTest []arnPattern

func newARN(values []string, variables bool) (test, error) {
	t := make(arnTest, len(values))
	for i, v := range values {
		a, err := newARNPattern(v, variables)
		if err == nil && len(a.parts) != 0 && len(a.parts) < arnParts {
			err = invalid("The condition value %s is not a valid ARN.", quoted(v))
		}
		if err != nil {
			return nil, err
		}
		t[i] = a
	}
	return t, nil
}

func (t arnTest) match(value string, ctx Context) bool {
	a := arn{text: value}
	for i := range t {
		if t[i].match(&a, ctx) {
			return true
		}
	}
	return false
}
