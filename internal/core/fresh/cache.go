// SPDX-License-Identifier: Apache-2.0

package fresh

import (
	"context"
	"sync"
	"sync/atomic"

	"sesame/internal/base/fault"
	"sesame/internal/core/store"
)

// Cache keeps values by their keys, and for which keys there are none. It is safe for
// concurrent use. The values are shared: nobody changes them.
type Cache[K comparable, V any] struct {
	changes *Changes
	o       Options[V]

	mu      sync.RWMutex
	entries map[K]*entry[V]
}

// Options configure a Cache.
type Options[V any] struct {
	Size int // entries; at the bound the cache starts anew

	// Owner tells the account of a value, for keys that do not: these are asked for with
	// the account "". That there is no value then holds until anything of any account
	// changes.
	Owner func(V) string

	// Absent tells the errors that say that there is no value, which is kept like a value,
	// from those that say nothing; nil is fault.NotFound.
	Absent func(error) bool
}

// NewCache returns an empty cache.
func NewCache[K comparable, V any](c *Changes, o Options[V]) *Cache[K, V] {
	if o.Absent == nil {
		o.Absent = func(err error) bool { return fault.Is(err, fault.NotFound) }
	}
	return &Cache[K, V]{changes: c, o: o, entries: map[K]*entry[V]{}}
}

// entry is a value, or one that is being loaded. It is good until its home's epoch moves;
// then it is overwritten by who asks for it next.
type entry[V any] struct {
	home *epoch // whose changes end it
	at   uint64 // what home was before the value was loaded

	done   chan struct{} // is closed when the value has been loaded
	loaded atomic.Bool   // done is closed, and nothing here changes any more
	value  V
	err    error
	kept   bool // value or err is the answer for everybody
}

func (e *entry[V]) good() bool { return e.home.Load() == e.at }

// Get returns what load gives for a key of an account, or gave since the account last
// changed. However many ask at once, one loads while the others wait; an error that says
// nothing about the value is not shared: they then load for themselves.
func (c *Cache[K, V]) Get(ctx context.Context, account string, key K, load func() (V, error)) (v V, err error) {
	if err := c.changes.follow(ctx); err != nil {
		return v, err
	}
	c.mu.RLock()
	e := c.entries[key]
	c.mu.RUnlock()
	if e != nil && e.loaded.Load() && e.good() {
		return e.value, e.err
	}
	e, mine := c.enter(account, key)
	if mine {
		c.fill(key, e, load)
		return e.value, e.err
	}
	select {
	case <-e.done:
	case <-ctx.Done():
		return v, store.Wrap("fresh.Get", ctx.Err())
	}
	if e.kept {
		return e.value, e.err
	}
	return load()
}

// enter returns the key's entry, or one that the caller is to fill.
func (c *Cache[K, V]) enter(account string, key K) (e *entry[V], mine bool) {
	home, at := c.changes.epoch(account)
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil && e.good() {
		return e, false
	}
	if len(c.entries) >= c.o.Size {
		clear(c.entries)
	}
	e = &entry[V]{home: home, at: at, done: make(chan struct{})}
	c.entries[key] = e
	return e, true
}

// fill loads an entry's value.
func (c *Cache[K, V]) fill(key K, e *entry[V], load func() (V, error)) {
	defer c.finish(key, e)
	e.value, e.err = load()
	e.kept = e.err == nil || c.o.Absent(e.err)
}

// finish hands the entry to those who wait for it, and takes out one that is no answer.
func (c *Cache[K, V]) finish(key K, e *entry[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !e.kept:
		if c.entries[key] == e {
			delete(c.entries, key)
		}
	case c.o.Owner != nil && e.err == nil:
		c.settle(e)
	}
	e.loaded.Store(true)
	close(e.done)
}

// settle makes the owner of an entry's value its home, if nobody's epoch has moved since
// before it was loaded: the owner's had not, either, when it was read, for Forget moves
// that of all accounts first.
func (c *Cache[K, V]) settle(e *entry[V]) {
	owner, at := c.changes.epoch(c.o.Owner(e.value))
	if e.good() {
		e.home, e.at = owner, at
	}
}
