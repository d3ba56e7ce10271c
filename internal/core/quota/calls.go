// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"sync"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
)

// Calls throttles calls of the API: each operation of each account in each region has
// a token bucket of its own (SES: service quotas, API call rate). It is safe for
// concurrent use.
type Calls struct {
	now  clock.Clock
	rate float64

	mu      sync.Mutex
	buckets map[call]*bucket
}

type call struct {
	scope     scope.Scope
	operation string
}

// maxCalls bounds the buckets. At the bound the full ones go, which tell nothing; if
// there is none, all of them.
const maxCalls = 20_000

// NewCalls returns a throttle of rate calls a second, above 0, of which two seconds'
// worth may come at once.
func NewCalls(now clock.Clock, rate float64) *Calls {
	return &Calls{now: now, rate: rate, buckets: map[call]*bucket{}}
}

// Allow counts a call, unless it is over the rate.
func (c *Calls) Allow(sc scope.Scope, operation string) bool {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	k := call{sc, operation}
	b := c.buckets[k]
	if b == nil {
		if len(c.buckets) >= maxCalls {
			c.evict(now)
		}
		b = &bucket{}
		c.buckets[k] = b
	}
	b.fill(now, c.rate, size(c.rate))
	_, ok := b.take(1, c.rate, size(c.rate), 0)
	return ok
}

func (c *Calls) evict(now time.Time) {
	for k, b := range c.buckets {
		if b.fill(now, c.rate, size(c.rate)); b.tokens >= size(c.rate) {
			delete(c.buckets, k)
		}
	}
	if len(c.buckets) >= maxCalls {
		clear(c.buckets)
	}
}
