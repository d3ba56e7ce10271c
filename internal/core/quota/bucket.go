// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"math"
	"time"
)

// bucket is a token bucket. It may be in debt: by a message that takes more than the
// bucket holds, and by what was promised to sends that wait.
type bucket struct {
	tokens float64
	filled time.Time // zero for a new one, which is full
}

// size is how many tokens a bucket of the rate holds.
func size(rate float64) float64 { return max(1, rate*burst) }

// fill adds what has come since the last fill. A clock that stands behind adds nothing.
func (b *bucket) fill(now time.Time, rate, size float64) {
	switch d := now.Sub(b.filled); {
	case b.filled.IsZero():
		b.tokens, b.filled = size, now
	case d > 0:
		b.tokens, b.filled = min(size, b.tokens+d.Seconds()*rate), now
	}
}

// take takes n tokens of a filled bucket if they are there within patience, and returns
// how long that is. More than the bucket holds is taken when it is full. If it takes
// longer, ok is false, nothing is taken, and wait is how long.
func (b *bucket) take(n, rate, size float64, patience time.Duration) (wait time.Duration, ok bool) {
	const dust = 1e-9 // of adding up fractions
	if short := min(n, size) - b.tokens; short > dust {
		wait = time.Duration(math.Ceil(short / rate * float64(time.Second)))
		if wait > patience {
			return wait, false
		}
	}
	b.tokens -= n
	return wait, true
}
