// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"math"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// request is what a node asks the database for: the claim, and to have its stocks
// filled up. A claim of nothing only fills up.
type request struct {
	claim
	scope  scope.Scope
	node   string
	now    time.Time
	slice  bool // recipients of the 24 hours are wanted
	tokens bool // tokens of the rate are wanted
}

// grant is the answer. If text is not "", the claim can't be met, and left is what there
// is of what is short.
type grant struct {
	slice, tokens float64
	wait          time.Duration
	text          string
	left          float64
}

// run decides, in a transaction. It may run more than once.
func (r request) run(tx *store.Tx, s *share) (grant, error) {
	rate, bytes, err := r.lock(tx)
	if err != nil {
		return grant{}, err
	}
	var g grant
	if r.slice {
		if err := r.takeSlice(tx, s, &g); err != nil || g.text != "" {
			return g, err
		}
	}
	r.takeTokens(&g, &rate, &bytes, s)
	if g.text != "" {
		return g, nil
	}
	_, err = tx.Exec(`UPDATE quota_buckets SET tokens = ?, bytes = ?, filled_at = ? WHERE account = ? AND region = ?`,
		rate.tokens, bytes.tokens, store.Millis(rate.filled), r.scope.Account, r.scope.Region)
	return g, err
}

// lock locks the scope's row, which is made if need be, and returns its buckets, filled.
func (r request) lock(tx *store.Tx) (rate, bytes bucket, err error) {
	if _, err := tx.Exec(`INSERT INTO quota_buckets (account, region, tokens, bytes, filled_at) VALUES (?, ?, 0, 0, 0)
		ON CONFLICT (account, region) DO UPDATE SET filled_at = quota_buckets.filled_at`, r.scope.Account, r.scope.Region); err != nil {
		return rate, bytes, err
	}
	var filled int64
	err = tx.Get([]any{&rate.tokens, &bytes.tokens, &filled},
		`SELECT tokens, bytes, filled_at FROM quota_buckets WHERE account = ? AND region = ?`, r.scope.Account, r.scope.Region)
	rate.filled, bytes.filled = store.Time(filled), store.Time(filled)
	now := r.now.Truncate(time.Millisecond) // as it is stored
	rate.fill(now, r.limits.Rate, size(r.limits.Rate))
	bytes.fill(now, bandwidth, bandwidth)
	return rate, bytes, err
}

// takeSlice takes recipients of the 24 hours' quota and writes what this node holds.
func (r request) takeSlice(tx *store.Tx, s *share, g *grant) error {
	now := store.Millis(r.now)
	mine := s.holds() // before the sum: what is settled meanwhile is counted twice, not never
	if _, err := tx.Exec(`DELETE FROM quota_slices WHERE account = ? AND region = ? AND expires_at <= ?`,
		r.scope.Account, r.scope.Region, now); err != nil {
		return err
	}
	var sent, held, others int64
	if err := tx.Get([]any{&sent}, windowSum, windowArgs(r.scope, r.now)...); err != nil {
		return err
	}
	if err := tx.Get([]any{&held, &others}, `SELECT COALESCE(SUM(held), 0), COUNT(*) FROM quota_slices WHERE account = ? AND region = ? AND node <> ?`,
		r.scope.Account, r.scope.Region, r.node); err != nil {
		return err
	}
	free := math.Floor(r.limits.Daily) - float64(sent+held+mine.all)
	if need := max(0, -mine.left); need > max(0, free) {
		g.text, g.left = dailyText, max(0, free)+mine.left+float64(r.counted())
	} else {
		g.slice = max(need, sliceOf(r.limits.Daily, free, others+1))
	}
	_, err := tx.Exec(`INSERT INTO quota_slices (account, region, node, held, expires_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (account, region, node) DO UPDATE SET held = excluded.held, expires_at = excluded.expires_at`,
		r.scope.Account, r.scope.Region, r.node, mine.all+int64(g.slice), now+holdFor.Milliseconds())
	return err
}

// sliceOf is how many recipients a node takes at once: a part of the quota, and at the
// end of it a part of what is free, so that little is left lying with nodes that do not
// send.
func sliceOf(daily, free float64, nodes int64) float64 {
	if free < 1 {
		return 0
	}
	return math.Ceil(min(daily/slices, free/float64(2*nodes)))
}

// holding is what a node holds of the 24 hours' quota.
type holding struct {
	left float64 // of its slice; below zero with a claim on credit
	all  int64   // with what it reserved and has not settled
}

func (s *share) holds() holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return holding{s.slice.left, s.inFlight + int64(s.slice.left)}
}

// takeTokens takes the claim from the buckets, and tokens ahead where it need not wait.
func (r request) takeTokens(g *grant, rate, bytes *bucket, s *share) {
	if r.Bytes > large {
		wait, ok := bytes.take(float64(r.Bytes), bandwidth, bandwidth, r.patience)
		if !ok {
			g.text, g.left = rateText, rate.tokens
			return
		}
		g.wait = wait
	}
	if !r.tokens {
		return
	}
	per := r.limits.Rate
	if need := -s.debt(); need > 0 {
		wait, ok := rate.take(need, per, size(per), r.patience)
		if !ok {
			g.text, g.left = rateText, rate.tokens
			return
		}
		g.wait = max(g.wait, wait)
		g.tokens = need
	}
	if more := min(max(0, rate.tokens), math.Floor(per*chunk.Seconds())); more > 0 {
		rate.tokens -= more
		g.tokens += more
	}
}

// debt is what is left of the tokens; below zero with a claim on credit.
func (s *share) debt() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens.left
}

func windowArgs(sc scope.Scope, now time.Time) []any {
	return []any{Simulated, sc.Account, sc.Region, Counter, Simulated, minuteOf(now) - windowMinutes}
}
