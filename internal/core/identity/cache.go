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

// cache keeps identities, and the names that are none, for cacheFor: the send path
// looks up each sender and its parent domains.
type cache struct {
	mu      sync.RWMutex
	entries map[cacheKey]cacheEntry
}

type cacheKey struct {
	scope scope.Scope
	name  string
}

type cacheEntry struct {
	id    Identity
	found bool
	until time.Time
}

func newCache() *cache { return &cache{entries: map[cacheKey]cacheEntry{}} }

func (c *cache) get(sc scope.Scope, name string, now time.Time) (id Identity, found, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.entries[cacheKey{sc, name}]
	if !ok || now.After(e.until) {
		return Identity{}, false, false
	}
	return e.id, e.found, true
}

func (c *cache) put(sc scope.Scope, name string, id Identity, found bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= cacheSize {
		clear(c.entries)
	}
	c.entries[cacheKey{sc, name}] = cacheEntry{id, found, now.Add(cacheFor)}
}

func (c *cache) drop(sc scope.Scope, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, cacheKey{sc, name})
}
