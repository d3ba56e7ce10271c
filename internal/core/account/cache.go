// SPDX-License-Identifier: Apache-2.0

package account

import (
	"sync"
	"time"
)

const (
	cacheFor  = time.Second // how long another node's change may go unseen
	cacheSize = 10_000      // keys; at the bound the cache starts anew
)

// keyCache keeps looked-up keys, and the ids that are none, for cacheFor.
type keyCache struct {
	mu   sync.RWMutex
	keys map[string]cached
}

type cached struct {
	key   Key
	err   error
	until time.Time
}

func newKeyCache() keyCache { return keyCache{keys: map[string]cached{}} }

func (c *keyCache) get(id string, now time.Time) (Key, error, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.keys[id]
	if !ok || now.After(e.until) {
		return Key{}, nil, false
	}
	return e.key, e.err, true
}

func (c *keyCache) put(id string, k Key, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.keys) >= cacheSize {
		clear(c.keys)
	}
	c.keys[id] = cached{k, err, now.Add(cacheFor)}
}

func (c *keyCache) drop(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.keys, id)
}

func (c *keyCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.keys)
}
