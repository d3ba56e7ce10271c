// SPDX-License-Identifier: Apache-2.0

package idempotency

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/store"
)

// maxRecent is how many retries a node keeps in mind, some 45 MB: at 1,000 messages a
// second those of four minutes.
const maxRecent = 250_000

// recent are the retries of a node that has its database for itself. Their rows go to the
// end of the table, one after the other: at the places that their random names would give
// them each costs a commit a page of its own, a third of what accepting a message costs. So
// the table is not searched for them; it is read once, after a start.
type recent struct {
	most int

	loading sync.Mutex
	loaded  bool

	mu      sync.Mutex
	entries map[digest]attempt
	order   []digest // oldest first
}

// digest stands for a key with its hash: the strings of both would keep the whole header
// section of a request in memory.
type digest [16]byte

func (k Key) digest() digest {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", k.Scope.Account, k.Scope.Region, k.Operation, k.Name, k.Hash))
	return digest(sum[:16])
}

// attempt is a request that was made, or may have been.
type attempt struct {
	at     int64  // nanoseconds since 1970, in the name of its row
	answer string // "" if nobody knows whether its commit came about
}

func newRecent(most int) *recent {
	return &recent{most: most, entries: map[digest]attempt{}}
}

// put notes an attempt; the oldest makes room.
func (r *recent) put(d digest, a attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.entries[d]; !ok {
		r.order = append(r.order, d)
	}
	r.entries[d] = a
	for len(r.order) > r.most {
		delete(r.entries, r.order[0])
		r.order = r.order[1:]
	}
}

func (r *recent) get(d digest) (attempt, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.entries[d]
	return a, ok
}

// load reads what an earlier start wrote.
func (r *recent) load(ctx context.Context, db *store.DB, now time.Time) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	if r.loaded {
		return nil
	}
	rows, err := db.Query(ctx, `SELECT account, region, operation, name, hash, answer FROM idempotency_keys
		WHERE expires_at > ? AND name >= ? AND name < ? ORDER BY expires_at DESC LIMIT ?`, store.Millis(now), retryPrefix, retryEnd, r.most)
	if err != nil {
		return store.Wrap("idempotency.Once", err)
	}
	defer rows.Close()
	var digests []digest // newest first
	var attempts []attempt
	for rows.Next() {
		var k Key
		var a attempt
		if err := rows.Scan(&k.Scope.Account, &k.Scope.Region, &k.Operation, &k.Name, &k.Hash, &a.answer); err != nil {
			return store.Wrap("idempotency.Once", err)
		}
		at, name, _ := strings.Cut(strings.TrimPrefix(k.Name, retryPrefix), " ")
		if _, err := fmt.Sscanf(at, "%d", &a.at); err != nil {
			return store.Wrap("idempotency.Once", fmt.Errorf("the row %q: %w", k.Name, err))
		}
		k.Name = name
		digests, attempts = append(digests, k.digest()), append(attempts, a)
	}
	if err := rows.Err(); err != nil {
		return store.Wrap("idempotency.Once", err)
	}
	for n, d := range slices.Backward(digests) {
		r.put(d, attempts[n])
	}
	r.loaded = true
	return nil
}

// The names of the rows of retries begin with the prefix and the time, and sort before the
// end.
const (
	retryPrefix = "retry "
	retryEnd    = "retry!"
)

func (k Key) row(at int64) string { return fmt.Sprintf("%s%020d %s", retryPrefix, at, k.Name) }

// rows are the keys by the names that their rows get at a time.
func (k *Keys) rows(keys []Key, at int64) []Key {
	if k.recent == nil {
		return keys
	}
	rows := slices.Clone(keys)
	for n, key := range rows {
		if key.Retry {
			rows[n].Name = key.row(at)
		}
	}
	return rows
}

// note keeps in mind that a request was made at a time, or that nobody knows.
func (k *Keys) note(keys []Key, at int64, answer string, err error) {
	if k.recent == nil || err != nil && !fault.Is(err, fault.Unavailable) {
		return
	}
	if err != nil {
		answer = ""
	}
	for _, key := range keys {
		if key.Retry {
			k.recent.put(key.digest(), attempt{at, answer})
		}
	}
}

// attempted looks for an earlier attempt. Where its outcome is not known, its row tells.
func (k *Keys) attempted(ctx context.Context, key Key) (answer string, found bool, err error) {
	a, ok := k.recent.get(key.digest())
	switch {
	case !ok || k.clock().UnixNano()-a.at >= int64(key.Keep):
		return "", false, nil
	case a.answer != "":
		return a.answer, true, nil
	}
	key.Name = key.row(a.at)
	return k.look(ctx, key)
}
