// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

const (
	// maxStates bounds how many accounts in regions are known, and maxHashes how many
	// addresses of their lists, 40 MB of memory. At the bounds they start anew.
	maxStates = 10_000
	maxHashes = 2_000_000
)

// states are what sending knows of the lists of accounts.
type states struct {
	mu  sync.RWMutex
	own map[scope.Scope]*own
}

// own is what is known of an account in a region.
type own struct {
	*filter

	mu      sync.RWMutex
	reasons []Reason
	until   time.Time
	changes int // of the reasons by this node: what was read before the last one is not kept
}

// of is what is known of an account, nothing at first.
func (s *states) of(sc scope.Scope) *own {
	s.mu.RLock()
	o := s.own[sc]
	s.mu.RUnlock()
	if o != nil {
		return o
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o = s.own[sc]; o == nil {
		if len(s.own) >= maxStates || s.hashes() > maxHashes {
			clear(s.own)
		}
		o = &own{filter: newFilter()}
		s.own[sc] = o
	}
	return o
}

// hashes is how many addresses are known; s.mu is held.
func (s *states) hashes() (n int) {
	for _, o := range s.own {
		o.filter.mu.RLock()
		n += len(o.filter.hashes)
		o.filter.mu.RUnlock()
	}
	return n
}

// reasonsOf are the account's reasons, at most keepFor old.
func (l *Lists) reasonsOf(ctx context.Context, sc scope.Scope, o *own) ([]Reason, error) {
	now := l.now()
	o.mu.RLock()
	reasons, until, changes := o.reasons, o.until, o.changes
	o.mu.RUnlock()
	if now.Before(until) {
		return reasons, nil
	}
	reasons, err := l.Reasons(ctx, sc)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changes == changes {
		o.reasons, o.until = reasons, now.Add(keepFor)
	}
	return reasons, nil
}

// forgetReasons has the reasons read anew.
func (o *own) forgetReasons() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.until = time.Time{}
	o.changes++
}

// followOwn reads the changes of an account's list.
func (l *Lists) followOwn(ctx context.Context, sc scope.Scope, f *filter) error {
	return l.follow(ctx, f, func(ctx context.Context, behind position) ([]position, error) {
		rows, err := l.o.DB.Query(ctx, `SELECT updated_at, region, address FROM suppressed WHERE account = ? AND region = ? AND tenant = ''
			AND (updated_at, address) > (?, ?) ORDER BY updated_at, address LIMIT ?`, sc.Account, sc.Region, behind.at, behind.address, readAtOnce)
		return positions(rows, err)
	})
}

// followGlobal reads the changes of the global list of all regions.
func (l *Lists) followGlobal(ctx context.Context) error {
	return l.follow(ctx, l.global, func(ctx context.Context, behind position) ([]position, error) {
		rows, err := l.o.DB.Query(ctx, `SELECT bounced_at, region, address FROM suppressed_globally
			WHERE (bounced_at, region, address) > (?, ?, ?) ORDER BY bounced_at, region, address LIMIT ?`,
			behind.at, behind.region, behind.address, readAtOnce)
		return positions(rows, err)
	})
}

func positions(rows *sql.Rows, err error) (all []position, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p position
		if err := rows.Scan(&p.at, &p.region, &p.address); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}

// putIn puts an entry on the account's list, in a transaction. The filter knows it before
// anybody can.
func (l *Lists) putIn(tx *store.Tx, sc scope.Scope, e Entry) error {
	l.states.of(sc).add(l.hash(sc.Region, e.Address))
	return put(tx, sc, e)
}
