// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"sync"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
)

// Calls throttles calls of the API: each operation of each account in each region has
// a token bucket of its own (SES: service quotas, API call rate). It is safe for
// concurrent use.
type Calls struct {
	now  clock.Clock
	rate float64

	mu           sync.Mutex
	buckets, old map[call]*bucket // old: not used since buckets was begun
}

type call struct {
	scope     scope.Scope
	operation string
}

// maxCalls bounds the buckets. When half of them are in use, those that were not used since
// the other half began go, all at once: a new one never waits for a search.
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
	b := c.bucket(k)
	b.fill(now, c.rate, size(c.rate))
	_, ok := b.take(1, c.rate, size(c.rate), 0)
	return ok
}

// bucket finds the bucket of a call, or begins one.
func (c *Calls) bucket(k call) *bucket {
	b := c.buckets[k]
	if b != nil {
		return b
	}
	if b = c.old[k]; b == nil {
		b = &bucket{}
	}
	delete(c.old, k)
	if len(c.buckets) >= maxCalls/2 {
		c.buckets, c.old = map[call]*bucket{}, c.buckets
	}
	c.buckets[k] = b
	return b
}
