// SPDX-License-Identifier: Apache-2.0

package configset

import (
	"context"
	"sync"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

const (
	cacheFor  = time.Second // how long another node's change may go unseen
	cacheSize = 20_000      // sets; at the bound the cache starts anew
)

// cache keeps the sets that were asked for, and the names of which there is none. Every
// change of a set, on any node, raises the number of its account and region, and drops
// what is known of them: so what is cached stays good for as long as nobody changes
// anything there, and one query a second is enough to know.
type cache struct {
	mu     sync.RWMutex
	scopes map[scope.Scope]map[string]entry
	size   int       // entries of all scopes
	drops  uint64    // what was read before the last one is not kept
	n      int64     // the highest number seen
	until  time.Time // then it is asked for again
}

type entry struct {
	set   Set
	found bool
}

// get returns what is known of a name. Where nothing is, put takes what the caller then
// reads, with drops. Fresh says that other nodes' changes need not be asked for yet.
func (c *cache) get(sc scope.Scope, name string, now time.Time) (e entry, drops uint64, ok, fresh bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok = c.scopes[sc][name]
	return e, c.drops, ok, now.Before(c.until)
}

func (c *cache) put(sc scope.Scope, name string, e entry, drops uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if drops != c.drops {
		return
	}
	if c.size >= cacheSize {
		clear(c.scopes)
		c.size = 0
	}
	names := c.scopes[sc]
	if names == nil {
		names = map[string]entry{}
		c.scopes[sc] = names
	}
	was := len(names)
	names[name] = e
	c.size += len(names) - was
}

// forget drops all that is known of a scope.
func (c *cache) forget(sc scope.Scope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(sc)
}

func (c *cache) drop(sc scope.Scope) {
	c.size -= len(c.scopes[sc])
	delete(c.scopes, sc)
	c.drops++
}

// follow drops what other nodes have changed since it looked last.
func (c *cache) follow(ctx context.Context, db *store.DB, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.until) { // another caller has looked
		return nil
	}
	rows, err := db.Query(ctx, `SELECT account, region, n FROM configuration_set_changes WHERE n > ?`, c.n)
	if err != nil {
		return store.Wrap("configset.follow", err)
	}
	defer rows.Close()
	n := c.n
	for rows.Next() {
		var sc scope.Scope
		var at int64
		if err := rows.Scan(&sc.Account, &sc.Region, &at); err != nil {
			return store.Wrap("configset.follow", err)
		}
		c.drop(sc)
		n = max(n, at)
	}
	if err := rows.Err(); err != nil {
		return store.Wrap("configset.follow", err)
	}
	c.n, c.until = n, now.Add(cacheFor)
	return nil
}

// changed gives a scope the next number, in the transaction of a change and before
// anything else there: so changes wait for each other here, and not in a ring for the
// rows that they are of, and their numbers are seen in their order.
func changed(tx *store.Tx, sc scope.Scope) error {
	if _, err := tx.Exec(`UPDATE configuration_set_changes SET n = n + 1 WHERE account = ''`); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO configuration_set_changes (account, region, n)
		SELECT CAST(? AS TEXT), CAST(? AS TEXT), n FROM configuration_set_changes WHERE account = ''
		ON CONFLICT (account, region) DO UPDATE SET n = excluded.n`, sc.Account, sc.Region)
	return err
}
