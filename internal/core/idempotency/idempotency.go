// SPDX-License-Identifier: Apache-2.0

// Package idempotency has things done once that are asked for twice: a client that did not
// read the answer asks again with the same key, and gets the answer of the first time.
//
// What was done is remembered in the commit that does it, so that no crash can come
// between; what was refused is not remembered. Of two requests with one key that come at
// the same time the second waits for the first, on this node in memory and on others in
// the database.
package idempotency

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// How long keys are remembered.
const (
	KeepKey   = 24 * time.Hour // those that clients choose
	KeepRetry = time.Hour      // those of the SDKs' own retries, which end after seconds; see recent
)

// MaxName is the longest name of a key, in octets.
const MaxName = 255

// Key names a request. Requests with equal scope, operation and name are one.
type Key struct {
	Scope     scope.Scope
	Operation string
	Name      string        // 1 to MaxName octets; beginnings "retry " are for the rows of retries
	Hash      string        // of the content: it must be the same
	Keep      time.Duration // since it was done
	New       bool          // by all that the client knows it is: it is not looked for before

	// Retry marks what an SDK calls all attempts of one call. Nearly every request has such
	// a key, and nearly none needs it. With another hash it is another key.
	Retry bool
}

// place is what a key is found by.
type place struct {
	scope           scope.Scope
	operation, name string
}

func (k Key) place() place { return place{k.Scope, k.Operation, k.Name} }

// Remember writes the answer in the transaction that does what was asked for. Its error
// must undo the transaction: somebody else has done it.
type Remember func(tx *store.Tx, answer string) error

// Keys remembers what was done. It is safe for concurrent use.
type Keys struct {
	db    *store.DB
	clock clock.Clock

	recent *recent // the retries; nil where nodes share the database and look there

	mu     sync.Mutex
	flying map[place]chan struct{} // closed when the request comes to its end
}

// New returns the keys that are kept in db.
func New(db *store.DB, c clock.Clock) *Keys {
	k := &Keys{db: db, clock: c, flying: map[place]chan struct{}{}}
	if !db.Shared() {
		k.recent = newRecent(maxRecent)
	}
	return k
}

// errTwin says that a request with one of the keys was faster.
var errTwin = errors.New("idempotency: done by a request with the same key")

// errPanic stands for a panic of what was to be done: that may have come after the commit.
var errPanic = fault.New(fault.Unavailable, "idempotency: a panic")

// Once returns the answer of the first request that had one of the keys, or has do make it.
// do must call the function that it gets in the transaction that does what is asked for. A
// key that was used with another hash is refused, with a fault of kind Invalid. Without
// keys do is called as it is.
func (k *Keys) Once(ctx context.Context, keys []Key, do func(Remember) (string, error)) (string, error) {
	if len(keys) == 0 {
		return do(func(*store.Tx, string) error { return nil })
	}
	for _, key := range keys {
		land, err := k.takeOff(ctx, key.place())
		if err != nil {
			return "", err
		}
		defer land()
	}
	if k.recent != nil {
		if err := k.recent.load(ctx, k.db, k.clock()); err != nil {
			return "", err
		}
	}
	if answer, found, err := k.find(ctx, keys, true); err != nil || found {
		return answer, err
	}
	at := k.clock().UnixNano()
	rows := k.rows(keys, at)
	ended := false
	defer func() {
		if !ended {
			k.note(keys, at, "", errPanic)
		}
	}()
	answer, err := do(func(tx *store.Tx, answer string) error { return k.remember(tx, rows, answer) })
	ended = true
	if !errors.Is(err, errTwin) {
		k.note(keys, at, answer, err)
		return answer, err
	}
	answer, found, err := k.find(ctx, keys, false)
	if err == nil && !found { // the twin's key ran out in between
		err = &fault.Error{Kind: fault.Unavailable, Op: "idempotency.Once", Text: "Temporary service failure", Err: errTwin}
	}
	return answer, err
}

// takeOff waits until no other request of this node has the key.
func (k *Keys) takeOff(ctx context.Context, p place) (land func(), err error) {
	for {
		k.mu.Lock()
		other, busy := k.flying[p]
		if !busy {
			mine := make(chan struct{})
			k.flying[p] = mine
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.flying, p)
				k.mu.Unlock()
				close(mine)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, &fault.Error{Kind: fault.Unavailable, Op: "idempotency.Once", Text: "Temporary service failure", Err: ctx.Err()}
		}
	}
}

// find looks for the answer of an earlier request; before it is made, new keys are not
// looked for in the database.
func (k *Keys) find(ctx context.Context, keys []Key, before bool) (answer string, found bool, err error) {
	for _, key := range keys {
		switch {
		case key.Retry && k.recent != nil:
			answer, found, err = k.attempted(ctx, key)
		case key.New && before:
			continue
		default:
			answer, found, err = k.look(ctx, key)
		}
		if err != nil || found {
			return answer, found, err
		}
	}
	return "", false, nil
}

// look reads the row of a key.
func (k *Keys) look(ctx context.Context, key Key) (answer string, found bool, err error) {
	var hash string
	err = k.db.QueryRow(ctx, `SELECT hash, answer FROM idempotency_keys
		WHERE account = ? AND region = ? AND operation = ? AND name = ? AND expires_at > ?`,
		key.Scope.Account, key.Scope.Region, key.Operation, key.Name, store.Millis(k.clock())).Scan(&hash, &answer)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", false, nil
	case err != nil:
		return "", false, store.Wrap("idempotency.Once", err)
	case hash != key.Hash:
		return "", false, fault.New(fault.Invalid, "The idempotency key was already used with other content.")
	}
	return answer, true, nil
}

// remember writes the keys. A row whose time is over makes room.
func (k *Keys) remember(tx *store.Tx, keys []Key, answer string) error {
	now := k.clock()
	for _, key := range keys {
		n, err := tx.Exec(`INSERT INTO idempotency_keys (account, region, operation, name, hash, answer, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (account, region, operation, name) DO UPDATE SET hash = excluded.hash, answer = excluded.answer, expires_at = excluded.expires_at
			WHERE idempotency_keys.expires_at <= ?`,
			key.Scope.Account, key.Scope.Region, key.Operation, key.Name, key.Hash, answer, store.Millis(now.Add(key.Keep)), store.Millis(now))
		if err != nil {
			return err
		}
		if n == 0 {
			return errTwin
		}
	}
	return nil
}

// purgeBatch is how many keys one commit removes.
const purgeBatch = 1000

// Purge removes the keys whose time is over and returns how many these were.
func (k *Keys) Purge(ctx context.Context) (int64, error) {
	now, total := store.Millis(k.clock()), int64(0)
	for {
		var n int64
		err := k.db.Write(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.Exec(`DELETE FROM idempotency_keys WHERE (account, region, operation, name) IN
				(SELECT account, region, operation, name FROM idempotency_keys WHERE expires_at <= ? LIMIT ?)`, now, purgeBatch)
			return err
		})
		total += n
		if err != nil || n < purgeBatch {
			return total, store.Wrap("idempotency.Purge", err)
		}
	}
}
