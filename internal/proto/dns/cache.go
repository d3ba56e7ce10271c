// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"container/list"
	"sync"
	"time"

	mdns "github.com/miekg/dns"
)

// key is a question; name is fully qualified and in lower case.
type key struct {
	name  string
	qtype uint16
}

// answer is what the upstream said to a question, good or bad. It is never changed
// once it is made.
type answer struct {
	records   []mdns.RR
	aliases   []string // see Result
	authentic bool
	err       *Error // nil if there are records
	expires   time.Time
	size      int // octets of the messages
}

// maxCachedSize keeps messages out of the cache that would let a stranger's zone take
// much of the memory; with the number of entries it bounds the cache.
const maxCachedSize = 8 << 10

// cache holds the answers that were used last.
type cache struct {
	mu      sync.Mutex
	max     int
	entries map[key]*list.Element
	order   *list.List // of entry, the one used last at the front
}

type entry struct {
	key    key
	answer *answer
}

func newCache(size int) *cache {
	return &cache{max: size, entries: make(map[key]*list.Element), order: list.New()}
}

// get returns the answer to k, or nil if there is none that is good at now.
func (c *cache) get(k key, now time.Time) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[k]
	if !ok {
		return nil
	}
	a := el.Value.(entry).answer
	if !now.Before(a.expires) {
		c.order.Remove(el)
		delete(c.entries, k)
		return nil
	}
	c.order.MoveToFront(el)
	return a
}

// put stores an answer unless it is stale at now or too large, and drops the entry
// that was not used for longest if the cache is full.
func (c *cache) put(k key, a *answer, now time.Time) {
	if a.size > maxCachedSize || !now.Before(a.expires) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.entries[k]; ok {
		el.Value = entry{k, a}
		c.order.MoveToFront(el)
		return
	}
	if c.order.Len() >= c.max {
		last := c.order.Back()
		delete(c.entries, last.Value.(entry).key)
		c.order.Remove(last)
	}
	c.entries[k] = c.order.PushFront(entry{k, a})
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order.Len()
}
