// SPDX-License-Identifier: Apache-2.0

// Package quota enforces the two sending quotas of an account in a region (SES:
// managing sending limits): recipients in a rolling 24 hours, and recipients a
// second with short bursts. The 24-hour count is kept by minute in the database's
// counters, in the commit that accepts a message; this package holds the sum in
// memory.
package quota

import (
	"context"
	"sync"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Counter is the name of the counter of accepted recipients.
const Counter = "sent"

const (
	window  = 24 * 60         // minutes
	refresh = 5 * time.Second // how often a shared database is asked for others' sends
	burst   = 2               // seconds' worth of the rate that may go at once
)

// Limits are the quotas of an account in a region. 0 means none.
type Limits struct {
	Daily float64 // recipients in 24 hours
	Rate  float64 // recipients a second
}

// Quotas enforces Limits. It is safe for concurrent use.
type Quotas struct {
	db     *store.DB
	now    clock.Clock
	limits Limits

	mu     sync.Mutex
	usages map[scope.Scope]*usage
}

// New returns quotas with the same limits for every account and region.
func New(db *store.DB, now clock.Clock, limits Limits) *Quotas {
	return &Quotas{db: db, now: now, limits: limits, usages: map[scope.Scope]*usage{}}
}

// Limits returns the quotas of sc.
func (q *Quotas) Limits(scope.Scope) Limits { return q.limits }

// usage is what one scope has sent.
type usage struct {
	mu      sync.Mutex
	minutes map[int64]int64 // recipients by minute, as committed or on their way
	sum     int64
	swept   int64 // the minute of the last expire
	loaded  time.Time
	tokens  float64
	filled  time.Time
}

// Reserve takes n recipients from both quotas, or returns Throttled with SES's text
// and takes nothing. A send that fails afterwards gives them back with Release.
func (q *Quotas) Reserve(ctx context.Context, sc scope.Scope, n int) error {
	now := q.now()
	u, err := q.usage(ctx, sc, now)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.expire(now)
	if q.limits.Daily > 0 && float64(u.sum+int64(n)) > q.limits.Daily {
		return fault.New(fault.Throttled, "Daily message quota exceeded.")
	}
	if q.limits.Rate > 0 {
		u.fill(now, q.limits.Rate)
		// A message for more recipients than the bucket holds goes when it is full and
		// leaves a debt.
		if u.tokens < min(float64(n), bucket(q.limits.Rate)) {
			return fault.New(fault.Throttled, "Maximum sending rate exceeded.")
		}
		u.tokens -= float64(n)
	}
	u.add(now.Unix()/60, int64(n))
	return nil
}

// Release gives back what Reserve took for a message that was not accepted.
func (q *Quotas) Release(sc scope.Scope, n int) {
	now := q.now()
	q.mu.Lock()
	u := q.usages[sc]
	q.mu.Unlock()
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.add(now.Unix()/60, -int64(n))
	u.tokens += float64(n)
}

// Sent is the number of recipients of the last 24 hours.
func (q *Quotas) Sent(ctx context.Context, sc scope.Scope) (int64, error) {
	now := q.now()
	u, err := q.usage(ctx, sc, now)
	if err != nil {
		return 0, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.expire(now)
	return u.sum, nil
}

func bucket(rate float64) float64 { return max(1, rate*burst) }

func (u *usage) fill(now time.Time, rate float64) {
	if u.filled.IsZero() {
		u.tokens = bucket(rate)
	} else if d := now.Sub(u.filled); d > 0 {
		u.tokens = min(bucket(rate), u.tokens+d.Seconds()*rate)
	}
	u.filled = now
}

func (u *usage) add(minute, n int64) {
	u.minutes[minute] += n
	u.sum += n
}

// expire drops the minutes that left the window, once a minute.
func (u *usage) expire(now time.Time) {
	minute := now.Unix() / 60
	if minute == u.swept {
		return
	}
	u.swept = minute
	for m, n := range u.minutes {
		if m <= minute-window {
			u.sum -= n
			delete(u.minutes, m)
		}
	}
}

// usage returns sc's usage, read from the database at first and, if others share it,
// again every few seconds.
func (q *Quotas) usage(ctx context.Context, sc scope.Scope, now time.Time) (*usage, error) {
	q.mu.Lock()
	u := q.usages[sc]
	if u == nil {
		u = &usage{minutes: map[int64]int64{}}
		q.usages[sc] = u
	}
	q.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.loaded.IsZero() && (!q.db.Shared() || now.Sub(u.loaded) < refresh) {
		return u, nil
	}
	rows, err := q.db.Query(ctx, `SELECT minute, value FROM counters WHERE account = ? AND region = ? AND name = ? AND minute > ?`,
		sc.Account, sc.Region, Counter, now.Unix()/60-window)
	if err != nil {
		return nil, store.Wrap("quota", err)
	}
	defer rows.Close()
	minutes, sum := map[int64]int64{}, int64(0)
	for rows.Next() {
		var m, n int64
		if err := rows.Scan(&m, &n); err != nil {
			return nil, store.Wrap("quota", err)
		}
		minutes[m] = n
		sum += n
	}
	if err := rows.Err(); err != nil {
		return nil, store.Wrap("quota", err)
	}
	u.minutes, u.sum, u.loaded = minutes, sum, now
	return u, nil
}

// noRate is what the APIs report for an account without a rate: clients divide by it.
const noRate = 1_000_000

// Reported is the quotas as GetSendQuota and GetAccount tell them: -1 is an unlimited
// daily quota.
func (l Limits) Reported() (daily, rate float64) {
	daily, rate = l.Daily, l.Rate
	if daily == 0 {
		daily = -1
	}
	if rate == 0 {
		rate = noRate
	}
	return daily, rate
}
