// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"sync"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

const (
	cacheFor  = time.Second // how long another node's change may go unseen
	cacheSize = 50_000      // entries; at the bound the cache starts anew
)

// cache keeps what is known of names, and the names of which nothing is: the send path looks
// up each sender and its parent domains. A change on this node drops the name, and all of
// its account within cacheFor; one on another node drops all of the account, as late.
type cache[V any] struct {
	mu       sync.RWMutex
	accounts map[string]map[cacheKey]cacheEntry[V]
	size     int    // entries of all accounts
	drops    uint64 // what was read before the last one is not kept
}

type cacheKey struct{ region, name string }

type cacheEntry[V any] struct {
	value V
	found bool
}

func newCache[V any]() *cache[V] {
	return &cache[V]{accounts: map[string]map[cacheKey]cacheEntry[V]{}}
}

// get returns what is known of a name. Where nothing is, put takes what the caller then
// reads, with drops.
func (c *cache[V]) get(sc scope.Scope, name string) (e cacheEntry[V], drops uint64, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok = c.accounts[sc.Account][cacheKey{sc.Region, name}]
	return e, c.drops, ok
}

func (c *cache[V]) put(sc scope.Scope, name string, e cacheEntry[V], drops uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if drops != c.drops {
		return
	}
	if c.size >= cacheSize {
		clear(c.accounts)
		c.size = 0
	}
	entries := c.accounts[sc.Account]
	if entries == nil {
		entries = map[cacheKey]cacheEntry[V]{}
		c.accounts[sc.Account] = entries
	}
	was := len(entries)
	entries[cacheKey{sc.Region, name}] = e
	c.size += len(entries) - was
}

// forget drops all that is known of an account: one region's identity may stand for
// another's, and a domain's for its addresses.
func (c *cache[V]) forget(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size -= len(c.accounts[account])
	delete(c.accounts, account)
	c.drops++
}

// changes follows the number that every change of an identity raises, on any node. So what
// is cached stays good for as long as nobody changes anything of the account, and one query
// a second is enough to know.
type changes struct {
	mu    sync.RWMutex
	n     int64
	until time.Time // then it is asked for again
}

// changed gives the account the next number, in the transaction of a change and before
// anything else there: so changes wait for each other here, and not in a ring for the rows
// that they are of, and their numbers are seen in their order.
func changed(tx *store.Tx, account string) error {
	if _, err := tx.Exec(`UPDATE identity_changes SET n = n + 1 WHERE account = ''`); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO identity_changes (account, n) SELECT CAST(? AS TEXT), n FROM identity_changes WHERE account = ''
		ON CONFLICT (account) DO UPDATE SET n = excluded.n`, account)
	return err
}

// follow drops what is cached of the accounts whose identities any node has changed since
// it looked last, which is at most cacheFor ago.
func (s *Identities) follow(ctx context.Context) error {
	c, now := &s.changes, s.o.Clock()
	c.mu.RLock()
	known := now.Before(c.until)
	c.mu.RUnlock()
	if known {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.until) { // another caller has looked
		return nil
	}
	rows, err := s.o.DB.Query(ctx, `SELECT account, n FROM identity_changes WHERE n > ?`, c.n)
	if err != nil {
		return store.Wrap("identity.follow", err)
	}
	defer rows.Close()
	n := c.n
	for rows.Next() {
		var account string
		var at int64
		if err := rows.Scan(&account, &at); err != nil {
			return store.Wrap("identity.follow", err)
		}
		s.cache.forget(account)
		s.policies.forget(account)
		n = max(n, at)
	}
	if err := rows.Err(); err != nil {
		return store.Wrap("identity.follow", err)
	}
	c.n, c.until = n, now.Add(cacheFor)
	return nil
}
