// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"sync"
	"time"

	"sesame/internal/base/scope"
)

const (
	cacheFor  = time.Second // how long another node's change may go unseen
	cacheSize = 50_000      // entries; at the bound the cache starts anew
)

// cache keeps what is known of names, and the names of which nothing is, for cacheFor: the
// send path looks up each sender and its parent domains.
type cache[V any] struct {
	mu      sync.RWMutex
	entries map[cacheKey]cacheEntry[V]
}

type cacheKey struct {
	scope scope.Scope
	name  string
}

type cacheEntry[V any] struct {
	value V
	found bool
	until time.Time
}

func newCache[V any]() *cache[V] { return &cache[V]{entries: map[cacheKey]cacheEntry[V]{}} }

func (c *cache[V]) get(sc scope.Scope, name string, now time.Time) (value V, found, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.entries[cacheKey{sc, name}]
	if !ok || now.After(e.until) {
		return value, false, false
	}
	return e.value, e.found, true
}

func (c *cache[V]) put(sc scope.Scope, name string, value V, found bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= cacheSize {
		clear(c.entries)
	}
	c.entries[cacheKey{sc, name}] = cacheEntry[V]{value, found, now.Add(cacheFor)}
}

func (c *cache[V]) drop(sc scope.Scope, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, cacheKey{sc, name})
}
