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
	keepFor   = time.Second // how long another node's change may go unseen
	maxStates = 10_000      // accounts in regions; at the bound they start anew
)

// states are what sending knows of the lists without asking the database: whether they
// have any entry at all, and the account's reasons.
type states struct {
	mu     sync.RWMutex
	own    map[scope.Scope]own
	global map[string]global // by region
	drops  uint64            // what was read before the last one is not kept
}

// own is of an account in a region.
type own struct {
	reasons []Reason
	any     bool // its list has an entry
	until   time.Time
}

// global is of the global list of a region.
type global struct {
	any   bool
	until time.Time
}

// forget drops what is known of an account, since it may be otherwise now.
func (s *states) forget(sc scope.Scope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.own, sc)
	s.drops++
}

// filled notes that the account's list has an entry.
func (s *states) filled(sc scope.Scope) {
	s.mu.RLock()
	known := s.own[sc].any
	s.mu.RUnlock()
	if !known {
		s.forget(sc)
	}
}

// filledGlobal notes that the global list has an entry.
func (s *states) filledGlobal(region string) {
	s.mu.RLock()
	known := s.global[region].any
	s.mu.RUnlock()
	if known {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.global, region)
	s.drops++
}

// ownState is what is known of an account, at most keepFor old.
func (l *Lists) ownState(ctx context.Context, sc scope.Scope) (own, error) {
	s, now := &l.states, l.now()
	s.mu.RLock()
	st, drops := s.own[sc], s.drops
	s.mu.RUnlock()
	if now.Before(st.until) {
		return st, nil
	}
	var reasons sql.NullString
	err := l.o.DB.QueryRow(ctx, `SELECT (SELECT reasons FROM suppression_attributes WHERE account = ? AND region = ?),
		EXISTS (SELECT 1 FROM suppressed WHERE account = ? AND region = ? AND tenant = '')`,
		sc.Account, sc.Region, sc.Account, sc.Region).Scan(&reasons, &st.any)
	if err != nil {
		return own{}, store.Wrap("suppression.Check", err)
	}
	if st.reasons = defaults(); reasons.Valid {
		st.reasons = splitReasons(reasons.String)
	}
	st.until = now.Add(keepFor)
	s.mu.Lock()
	defer s.mu.Unlock()
	if drops == s.drops {
		if len(s.own) >= maxStates {
			clear(s.own)
		}
		s.own[sc] = st
	}
	return st, nil
}

// globalState is what is known of the global list of a region, at most keepFor old.
func (l *Lists) globalState(ctx context.Context, region string) (global, error) {
	s, now := &l.states, l.now()
	s.mu.RLock()
	st, drops := s.global[region], s.drops
	s.mu.RUnlock()
	if now.Before(st.until) {
		return st, nil
	}
	err := l.o.DB.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM suppressed_globally WHERE region = ? AND expires_at > ?)`,
		region, store.Millis(now)).Scan(&st.any)
	if err != nil {
		return global{}, store.Wrap("suppression.Check", err)
	}
	st.until = now.Add(keepFor)
	s.mu.Lock()
	defer s.mu.Unlock()
	if drops == s.drops {
		s.global[region] = st // as many as regions are served
	}
	return st, nil
}
