// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"sesame/internal/core/account"
	"sesame/internal/core/keyring"
	"sesame/internal/core/quota"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

var policy = quota.Policy{Min: quota.Limits{Daily: 200, Rate: 1}, Max: quota.Limits{Daily: 10_000, Rate: 50}}

func TestReputationRaisesAndLowersQuotas(t *testing.T) {
	t.Parallel()
	start := quota.Limits{Daily: 1000, Rate: 10}
	raised, lowered := quota.Limits{Daily: 1500, Rate: 15}, quota.Limits{Daily: 500, Rate: 5}
	for _, c := range []struct {
		name string
		from quota.Limits
		s    quota.Standing
		want quota.Limits
	}{
		{"who sends near the quota and is welcome gets more", start, quota.Standing{Recipients: 8000, Bounces: 40, Complaints: 1, Peak: 900}, raised},
		{"who does not come near it needs no more", start, quota.Standing{Recipients: 8000, Peak: 700}, start},
		{"who is not known yet gets no more", start, quota.Standing{Recipients: 99, Peak: 900}, start},
		{"some bounces are no reason for more", start, quota.Standing{Recipients: 8000, Bounces: 240, Peak: 900}, start},
		{"nor are some complaints", start, quota.Standing{Recipients: 8000, Complaints: 6, Peak: 900}, start},
		{"many bounces lower the quota", start, quota.Standing{Recipients: 8000, Bounces: 800, Peak: 900}, lowered},
		{"many complaints do", start, quota.Standing{Recipients: 8000, Complaints: 40, Peak: 900}, lowered},
		{"one bounce of thirteen is chance", start, quota.Standing{Recipients: 13, Bounces: 1}, start},
		{"seven of a hundred may be chance", start, quota.Standing{Recipients: 100, Bounces: 7}, start},
		{"fifteen of a hundred are not", start, quota.Standing{Recipients: 100, Bounces: 15}, lowered},
		{"five complaints among 999 are too few to count", start, quota.Standing{Recipients: 999, Complaints: 5}, start},
		{"among 1000 they count", start, quota.Standing{Recipients: 1000, Complaints: 5}, lowered},
		{"no more than the maximum", quota.Limits{Daily: 9000, Rate: 40}, quota.Standing{Recipients: 90_000, Peak: 9000}, policy.Max},
		{"no less than the minimum", quota.Limits{Daily: 250, Rate: 1.5}, quota.Standing{Recipients: 1000, Bounces: 500}, policy.Min},
		{"above the maximum by the operator stays", quota.Limits{Daily: 50_000, Rate: 90}, quota.Standing{Recipients: 90_000, Peak: 50_000}, quota.Limits{Daily: 50_000, Rate: 90}},
		{"below the minimum by the operator stays", quota.Limits{Daily: 10, Rate: 0.5}, quota.Standing{Recipients: 1000, Bounces: 500}, quota.Limits{Daily: 10, Rate: 0.5}},
		{"no limit stays none", quota.Limits{}, quota.Standing{Recipients: 90_000, Bounces: 50_000, Peak: 90_000}, quota.Limits{}},
		{"no rate stays none", quota.Limits{Daily: 1000}, quota.Standing{Recipients: 8000, Bounces: 800}, quota.Limits{Daily: 500}},
	} {
		got, reason := policy.Next(c.from, c.s)
		if got != c.want || (reason != "") != (c.want != c.from) {
			t.Errorf("%s: %+v %q, want %+v", c.name, got, reason, c.want)
		}
	}
}

func TestTheAdjusterFollowsTheCounters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		accounts := account.New(db, keyring.Ephemeral(), c.Now, strings.NewReader(""))
		if err := accounts.EnsureAccount(ctx, sc.Account); err != nil {
			t.Fatal(err)
		}
		count := func(name string, at time.Time, n int64) {
			t.Helper()
			if err := db.Write(ctx, func(tx *store.Tx) error { tx.Count(sc, name, at, n); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		a := &quota.Adjuster{DB: db, Accounts: accounts, Clock: c.Now, Log: slog.New(slog.DiscardHandler), Policy: policy, Default: quota.Limits{Daily: 1000, Rate: 10}}
		want := func(what string, l account.Limits) {
			t.Helper()
			if err := a.Once(ctx); err != nil {
				t.Fatal(err)
			}
			if d, err := accounts.Current(ctx, sc); err != nil || d.Limits != l {
				t.Errorf("%s: %+v, %v, want %+v", what, d.Limits, err, l)
			}
		}
		initial := account.Limits{Daily: account.ServerDefault, Rate: account.ServerDefault}
		count(quota.Counter, c.Now(), 900)
		count(quota.Simulated, c.Now(), 200)
		want("mail to the simulator does not fill the quota", initial)
		count(quota.Counter, c.Now(), 200)
		want("near the quota", account.Limits{Daily: 1500, Rate: 15})
		count(quota.Counter, c.Now(), 1000)
		c.Advance(23 * time.Hour)
		count(quota.Counter, c.Now(), 1)
		want("not twice a day", account.Limits{Daily: 1500, Rate: 15})
		c.Advance(time.Hour)
		want("the next day", account.Limits{Daily: 2250, Rate: 22.5})
		c.Advance(24 * time.Hour)
		count(quota.Counter, c.Now(), 100)
		count(quota.Bounced, c.Now(), 500)
		want("bounces", account.Limits{Daily: 1125, Rate: 11.5})
		// What is older than two weeks does not count beside ten thousand recipients.
		c.Advance(15 * 24 * time.Hour)
		count(quota.Counter, c.Now(), 11_000)
		want("long ago", account.Limits{Daily: 1688, Rate: 17.5})
		if changes, err := accounts.Changes(ctx, sc.Account, 10); err != nil || len(changes) != 4 || changes[0].Actor != "reputation" {
			t.Errorf("%+v, %v", changes, err)
		}
		c.Advance(24 * time.Hour)
		count(quota.Counter, c.Now(), 2000)
		if err := accounts.SetSandbox(ctx, sc, account.Operator, true); err != nil {
			t.Fatal(err)
		}
		want("the sandbox", account.Limits{Daily: 1688, Rate: 17.5})
	})
}
