// SPDX-License-Identifier: Apache-2.0

// Package fresh keeps what was read of an account for as long as nobody changes anything of
// it, on any node that shares the database. Every change raises a number in its own commit
// (Changed); nodes ask for the numbers once a second (Changes), and what they keep (Cache)
// is good until its account's number moves. So who decides about a message asks the
// database nothing, and yet goes by nothing that is older than Within.
package fresh

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/core/store"
)

// Within is how long another node's change may go unseen.
const Within = time.Second

// Table holds the accounts' numbers. An account's row outlives it: by its number the nodes
// learn that what they know is gone.
const Table = "changes"

// Changed gives the account the next number, in the transaction of a change and before
// anything else there: so changes wait for each other here, and not in a ring for the rows
// that they are of, and their numbers are seen in their order.
func Changed(tx *store.Tx, account string) error {
	if _, err := tx.Exec(`UPDATE changes SET n = n + 1 WHERE account = ''`); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO changes (account, n) SELECT CAST(? AS TEXT), n FROM changes WHERE account = ''
		ON CONFLICT (account) DO UPDATE SET n = excluded.n`, account)
	return err
}

// maxAccounts bounds the accounts that are followed; at the bound all is read anew.
const maxAccounts = 10_000

// Changes follows the numbers for some caches. It is safe for concurrent use.
type Changes struct {
	db    *store.DB
	clock clock.Clock

	asking chan struct{} // holds a token while the database is asked
	seen   int64         // the highest number that was seen; its owner has the token
	until  atomic.Int64  // Unix nanoseconds; then the database is asked again

	any      epoch // moves with every account's
	mu       sync.Mutex
	accounts map[string]*epoch
}

// epoch moves when something of its account has changed.
type epoch struct{ atomic.Uint64 }

// NewChanges follows the changes in db.
func NewChanges(db *store.DB, c clock.Clock) *Changes {
	return &Changes{db: db, clock: c, asking: make(chan struct{}, 1), accounts: map[string]*epoch{}}
}

// Forget drops what the caches keep of an account. Who has changed something of it calls it
// after the commit, so that this node sees the change at once.
func (c *Changes) Forget(account string) {
	c.any.Add(1) // first: see Cache.settle
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.accounts[account]; e != nil {
		e.Add(1)
	}
}

// epoch is the account's, and what it is now; that of "" moves with all of them.
func (c *Changes) epoch(account string) (e *epoch, at uint64) {
	if account == "" {
		return &c.any, c.any.Load()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e = c.accounts[account]; e != nil {
		return e, e.Load()
	}
	if len(c.accounts) >= maxAccounts { // they come from outside, too: from ARNs
		for _, old := range c.accounts {
			old.Add(1)
		}
		clear(c.accounts)
	}
	e = new(epoch)
	c.accounts[account] = e
	return e, 0
}

// follow forgets the accounts that any node has changed since it looked last, which is at
// most Within ago. One caller asks while the others wait.
func (c *Changes) follow(ctx context.Context) error {
	if c.clock().UnixNano() < c.until.Load() {
		return nil
	}
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return store.Wrap("fresh.follow", ctx.Err())
	}
	now := c.clock()
	if now.UnixNano() < c.until.Load() { // another caller has asked
		return nil
	}
	if err := c.ask(ctx); err != nil {
		return store.Wrap("fresh.follow", err)
	}
	c.until.Store(now.Add(Within).UnixNano())
	return nil
}

func (c *Changes) ask(ctx context.Context) error {
	rows, err := c.db.Query(ctx, `SELECT account, n FROM changes WHERE n > ?`, c.seen)
	if err != nil {
		return err
	}
	defer rows.Close()
	seen := c.seen
	for rows.Next() {
		var account string
		var n int64
		if err := rows.Scan(&account, &n); err != nil {
			return err
		}
		c.Forget(account)
		seen = max(seen, n)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	c.seen = seen
	return nil
}
