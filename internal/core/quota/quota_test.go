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

func reserve(t *testing.T, q *quota.Quotas, n int, want string) {
	t.Helper()
	err := q.Reserve(ctx, sc, n)
	if want == "" && err != nil {
		t.Fatalf("reserve %d: %v", n, err)
	}
	if want != "" && (!fault.Is(err, fault.Throttled) || fault.PeerText(err) != want) {
		t.Fatalf("reserve %d: got %v, want %q", n, err, want)
	}
}

const (
	daily = "Daily message quota exceeded."
	rate  = "Maximum sending rate exceeded."
)

func TestDailyQuotaIsARollingWindowOfRecipients(t *testing.T) {
	t.Parallel()
	c := newClock()
	q := quota.New(storetest.SQLite(t), c.Now, quota.Limits{Daily: 10})
	reserve(t, q, 6, "")
	c.Advance(12 * time.Hour)
	reserve(t, q, 4, "")
	reserve(t, q, 1, daily)
	c.Advance(12*time.Hour - time.Minute)
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
	q := quota.New(storetest.SQLite(t), c.Now, quota.Limits{Rate: 5})
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
	q := quota.New(storetest.SQLite(t), c.Now, quota.Limits{Daily: 10, Rate: 5})
	reserve(t, q, 11, daily)
	reserve(t, q, 10, "")
	q.Release(sc, 10)
	reserve(t, q, 10, "")
}

func TestAMessageLargerThanTheBurstGoesWhenNothingElseDid(t *testing.T) {
	t.Parallel()
	c := newClock()
	q := quota.New(storetest.SQLite(t), c.Now, quota.Limits{Rate: 1})
	reserve(t, q, 50, "")
	c.Advance(20 * time.Second)
	reserve(t, q, 1, rate)
	c.Advance(40 * time.Second)
	reserve(t, q, 1, "")
}

func TestAccountsAndRegionsAreApart(t *testing.T) {
	t.Parallel()
	q := quota.New(storetest.SQLite(t), newClock().Now, quota.Limits{Daily: 1})
	reserve(t, q, 1, "")
	reserve(t, q, 1, daily)
	if err := q.Reserve(ctx, scope.Scope{Account: sc.Account, Region: "eu-west-1"}, 1); err != nil {
		t.Error(err)
	}
	if err := q.Reserve(ctx, scope.Scope{Account: "210987654321", Region: sc.Region}, 1); err != nil {
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
		q := quota.New(db, c.Now, quota.Limits{Daily: 10})
		if n, err := q.Sent(ctx, sc); err != nil || n != 8 {
			t.Fatalf("sent %d, %v", n, err)
		}
		reserve(t, q, 3, daily)
	})
}

func TestReportedQuotasWithoutLimits(t *testing.T) {
	t.Parallel()
	if d, r := (quota.Limits{}).Reported(); d != -1 || r <= 0 {
		t.Errorf("%v %v: clients need -1 for no daily quota and a positive rate", d, r)
	}
}
