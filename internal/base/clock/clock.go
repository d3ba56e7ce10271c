// SPDX-License-Identifier: Apache-2.0

// Package clock makes time a dependency: parts take a Clock and never call
// time.Now themselves, so that behaviours of hours and days are tested without
// waiting.
package clock

import (
	"sync"
	"time"
)

// Clock tells the present time. It is safe for concurrent use.
type Clock func() time.Time

// System is the machine's clock.
func System() time.Time { return time.Now() }

// Fake is a clock that stands still until it is told to move. It is safe for
// concurrent use.
type Fake struct {
	mu  sync.Mutex
	now time.Time
}

// NewFake returns a clock that stands at t.
func NewFake(t time.Time) *Fake { return &Fake{now: t} }

// Now is the clock's reading; pass the method value where a Clock is wanted.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Advance moves the clock by d and returns the new reading.
func (f *Fake) Advance(d time.Duration) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
	return f.now
}
