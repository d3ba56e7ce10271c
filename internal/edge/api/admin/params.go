// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"math"
	"net/url"
	"strconv"
	"time"

	"sesame/internal/base/fault"
)

// number reads a whole number; an absent parameter is 0.
func number(q url.Values, name string) (int, error) {
	s := q.Get(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fault.InField(fault.Invalid, name, "The parameter %s must be a whole number.", name)
	}
	return n, nil
}

// maxSeconds keeps seconds within what a Duration and a time in milliseconds hold.
const maxSeconds = 1e9 * 9

// seconds reads a number of seconds, which may have a fraction.
func seconds(q url.Values, name string) (v float64, set bool, err error) {
	s := q.Get(name)
	if s == "" {
		return 0, false, nil
	}
	v, err = strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || v < 0 || v > maxSeconds {
		return 0, false, fault.InField(fault.Invalid, name, "The parameter %s must be a number of seconds.", name)
	}
	return v, true, nil
}

// duration reads seconds; absent means def and more than most means most.
func duration(q url.Values, name string, def, most time.Duration) (time.Duration, error) {
	v, set, err := seconds(q, name)
	if err != nil || !set {
		return def, err
	}
	return min(time.Duration(v*float64(time.Second)), most), nil
}

// moment reads epoch seconds; absent is the zero time.
func moment(q url.Values, name string) (time.Time, error) {
	v, set, err := seconds(q, name)
	if err != nil || !set {
		return time.Time{}, err
	}
	return time.UnixMilli(int64(math.Round(v * 1000))), nil
}

// decimal reads a number in its only form.
func decimal(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && strconv.Itoa(n) == s
}
