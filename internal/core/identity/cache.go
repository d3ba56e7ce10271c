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
	drops   uint64 // changes made here: what was read before the last one is not kept
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

// get returns what is known of a name. Where nothing is, put takes what the caller then
// reads, with drops.
func (c *cache[V]) get(sc scope.Scope, name string, now time.Time) (e cacheEntry[V], drops uint64, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok = c.entries[cacheKey{sc, name}]
	return e, c.drops, ok && !now.After(e.until)
}

func (c *cache[V]) put(sc scope.Scope, name string, e cacheEntry[V], drops uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if drops != c.drops {
		return
	}
	if len(c.entries) >= cacheSize {
		clear(c.entries)
	}
	c.entries[cacheKey{sc, name}] = e
}

func (c *cache[V]) drop(sc scope.Scope, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, cacheKey{sc, name})
	c.drops++
}
