// SPDX-License-Identifier: Apache-2.0

package account

import (
	"errors"
	"sync"
	"time"

	"sesame/internal/base/fault"
)

const (
	cacheFor  = time.Second // how long another node's change may go unseen
	cacheSize = 10_000      // entries; at the bound the cache starts anew
)

// cache keeps what was loaded, and that there was nothing to load, for cacheFor. The
// zero value is an empty cache.
type cache[V any] struct {
	mu      sync.RWMutex
	entries map[string]cached[V]
	round   int // counts clear: what was being loaded meanwhile is not kept
}

type cached[V any] struct {
	value V
	err   error
	until time.Time
}

// get returns what load gave within the last cacheFor, or gives now.
func (c *cache[V]) get(key string, now time.Time, load func() (V, error)) (V, error) {
	c.mu.RLock()
	e, ok := c.entries[key]
	round := c.round
	c.mu.RUnlock()
	if ok && !now.After(e.until) {
		return e.value, e.err
	}
	v, err := load()
	if err == nil || errors.Is(err, ErrNoKey) || fault.Is(err, fault.NotFound) {
		c.put(key, cached[V]{v, err, now.Add(cacheFor)}, round)
	}
	return v, err
}

func (c *cache[V]) put(key string, e cached[V], round int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.round != round {
		return
	}
	if c.entries == nil || len(c.entries) >= cacheSize {
		c.entries = map[string]cached[V]{}
	}
	c.entries[key] = e
}

func (c *cache[V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = nil
	c.round++
}
