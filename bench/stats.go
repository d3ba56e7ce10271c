// SPDX-License-Identifier: Apache-2.0

package main

import "slices"

// spread is what several runs of one case gave for one quantity.
type spread struct {
	median, low, high float64
	n                 int
}

// spreadOf summarises values; without any it is zero. The median of an even number
// is the mean of the two in the middle.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return spread{median: (v[(n-1)/2] + v[n/2]) / 2, low: v[0], high: v[n-1], n: n}
}
