// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"context"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/quota"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

var (
	ctx = context.Background()
	sc  = scope.Scope{Account: "123456789012", Region: "us-east-1"}
)

func newClock() *clock.Fake { return clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) }

func open(db *store.DB, c *clock.Fake, l quota.Limits) *quota.Quotas {
	return quota.New(quota.Options{DB: db, Clock: c.Now, Default: l})
}

func reserve(t *testing.T, q *quota.Quotas, n int, want string) quota.Hold {
	t.Helper()
	return take(t, q, quota.Load{Recipients: n}, want)
}

func take(t *testing.T, q *quota.Quotas, load quota.Load, want string) quota.Hold {
	t.Helper()
	h, err := q.Reserve(ctx, sc, load)
	n := load.Recipients
	if want == "" && err != nil {
		t.Fatalf("reserve %d: %v", n, err)
	}
	if want != "" && (!fault.Is(err, fault.Throttled) || fault.PeerText(err) != want) {
		t.Fatalf("reserve %d: got %v, want %q", n, err, want)
	}
	return h
}

const (
	daily = "Daily message quota exceeded."
	rate  = "Maximum sending rate exceeded."
)

func TestDailyQuotaIsARollingWindowOfRecipients(t *testing.T) {
	t.Parallel()
	c := newClock()
	q := open(storetest.SQLite(t), c, quota.Limits{Daily: 10})
	reserve(t, q, 6, "")
	c.Advance(12 * time.Hour)
	reserve(t, q, 4, "")
	reserve(t, q, 1, daily)
	c.Advance(12 * time.Hour) // a minute counts until its last second is a day old
	reserve(t, q, 1, daily)
	c.Advance(time.Minute)
	reserve(t, q, 6, "")
	reserve(t, q, 1, daily)
	if n, err := q.Sent(ctx, sc); err != nil || n != 10 {
		t.Errorf("sent %d, %v", n, err)
	}
}

func TestRateAllowsShortBurstsOnly(t *testing.T) {
	t.Parallel()
	c := newClock()
	q := open(storetest.SQLite(t), c, quota.Limits{Rate: 5})
	for range 10 {
		reserve(t, q, 1, "")
	}
	reserve(t, q, 1, rate)
	c.Advance(200 * time.Millisecond)
	reserve(t, q, 1, "")
	reserve(t, q, 1, rate)
}

func TestARefusedMessageConsumesNothing(t *testing.T) {
	t.Parallel()
	c := newClock()
	q := open(storetest.SQLite(t), c, quota.Limits{Daily: 10, Rate: 5})
	reserve(t, q, 11, daily)
	h := reserve(t, q, 10, "")
	q.Settle(h, false)
	h = reserve(t, q, 10, "")
	q.Settle(h, true)
	reserve(t, q, 1, daily)
}

func TestAMessageLargerThanTheBurstGoesWhenNothingElseDid(t *testing.T) {
	t.Parallel()
	c := newClock()
	q := open(storetest.SQLite(t), c, quota.Limits{Rate: 1})
	reserve(t, q, 50, "")
	c.Advance(20 * time.Second)
	reserve(t, q, 1, rate)
	c.Advance(40 * time.Second)
	reserve(t, q, 1, "")
}

func TestAccountsAndRegionsAreApart(t *testing.T) {
	t.Parallel()
	q := open(storetest.SQLite(t), newClock(), quota.Limits{Daily: 1})
	reserve(t, q, 1, "")
	reserve(t, q, 1, daily)
	if _, err := q.Reserve(ctx, scope.Scope{Account: sc.Account, Region: "eu-west-1"}, quota.Load{Recipients: 1}); err != nil {
		t.Error(err)
	}
	if _, err := q.Reserve(ctx, scope.Scope{Account: "210987654321", Region: sc.Region}, quota.Load{Recipients: 1}); err != nil {
		t.Error(err)
	}
}

func TestTheCountSurvivesARestart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		for range 2 {
			if err := db.Write(ctx, func(tx *store.Tx) error { tx.Count(sc, quota.Counter, c.Now(), 4); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		q := open(db, c, quota.Limits{Daily: 10})
		if n, err := q.Sent(ctx, sc); err != nil || n != 8 {
			t.Fatalf("sent %d, %v", n, err)
		}
		reserve(t, q, 3, daily)
	})
}

// TestReport has the numbers that clients read: -1 for no daily quota, and always a rate,
// which they divide by.
func TestReport(t *testing.T) {
	t.Parallel()
	for limits, want := range map[quota.Limits]quota.Report{
		{}:                    {Daily: -1, Rate: 1_000_000, Sent: 2},
		{Daily: 200, Rate: 5}: {Daily: 200, Rate: 5, Sent: 2},
	} {
		q := open(storetest.SQLite(t), newClock(), limits)
		q.Settle(reserve(t, q, 2, ""), true)
		if got, err := q.Report(ctx, sc); err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}
