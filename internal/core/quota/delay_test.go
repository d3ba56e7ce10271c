// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/quota"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

// waits is a fake of waiting that moves the clock and remembers how long.
type waits struct {
	clock *clock.Fake
	all   []time.Duration
	err   error
}

func (w *waits) sleep(_ context.Context, d time.Duration) error {
	w.all = append(w.all, d)
	w.clock.Advance(d)
	return w.err
}

func (w *waits) total() (sum time.Duration) {
	for _, d := range w.all {
		sum += d
	}
	return sum
}

// eachLedger runs the test on a node alone and on one of several.
func eachLedger(t *testing.T, l quota.Limits, test func(t *testing.T, q *quota.Quotas, w *waits)) {
	t.Helper()
	for name, shared := range map[string]bool{"alone": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &waits{clock: newClock()}
			test(t, quota.New(quota.Options{
				DB: storetest.SQLite(t), Clock: w.clock.Now, Default: l, Shared: shared, Node: "a/1", MaxDelay: 20 * time.Second, Sleep: w.sleep,
			}), w)
		})
	}
}

func TestADelayedMessageWaitsForItsTokens(t *testing.T) {
	t.Parallel()
	eachLedger(t, quota.Limits{Rate: 5}, func(t *testing.T, q *quota.Quotas, w *waits) {
		for range 60 {
			take(t, q, quota.Load{Recipients: 1, Delay: true}, "")
		}
		// 10 go at once, 50 at 5 a second.
		if got := w.total(); got < 9*time.Second || got > 11*time.Second {
			t.Errorf("waited %s", got)
		}
	})
}

func TestADelayedMessageIsRefusedIfItWouldWaitTooLong(t *testing.T) {
	t.Parallel()
	eachLedger(t, quota.Limits{Rate: 1}, func(t *testing.T, q *quota.Quotas, w *waits) {
		take(t, q, quota.Load{Recipients: 30, Delay: true}, "") // leaves a debt of 28 s
		take(t, q, quota.Load{Recipients: 1, Delay: true}, rate)
		if len(w.all) != 0 {
			t.Errorf("it waited %s for nothing", w.total())
		}
		w.clock.Advance(15 * time.Second)
		take(t, q, quota.Load{Recipients: 1, Delay: true}, "")
		if got := w.total(); got < 13*time.Second || got > 15*time.Second {
			t.Errorf("waited %s", got)
		}
	})
}

// TestDelayedOverTheDailyQuota: it is worth while to wait only if something leaves the
// 24 hours soon.
func TestDelayedOverTheDailyQuota(t *testing.T) {
	t.Parallel()
	w := &waits{clock: newClock()} // at second 5 of its minute
	q := quota.New(quota.Options{DB: storetest.SQLite(t), Clock: w.clock.Now, Default: quota.Limits{Daily: 10}, MaxDelay: 20 * time.Second, Sleep: w.sleep})
	take(t, q, quota.Load{Recipients: 10, Delay: true}, "")
	take(t, q, quota.Load{Recipients: 1, Delay: true}, daily)
	w.clock.Advance(24*time.Hour + 45*time.Second) // ten seconds before it leaves
	take(t, q, quota.Load{Recipients: 1}, daily)
	take(t, q, quota.Load{Recipients: 1, Delay: true}, "")
	if got := w.total(); got != 10*time.Second {
		t.Errorf("waited %s, want 10s", got)
	}
}

func TestASharedDailyQuotaIsAskedForAgainWhileAMessageWaits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &waits{clock: newClock()}
		o := quota.Options{DB: db, Clock: w.clock.Now, Default: quota.Limits{Daily: 10}, Shared: true, Node: "a/1", MaxDelay: 5 * time.Second, Sleep: w.sleep}
		q := quota.New(o)
		o.Node = "b/1"
		other := quota.New(o)
		h := take(t, other, quota.Load{Recipients: 10}, "")
		take(t, q, quota.Load{Recipients: 1, Delay: true}, daily)
		if got := w.total(); got > 5*time.Second {
			t.Errorf("waited %s, longer than it may", got)
		}
		other.Settle(h, false)
		if err := other.Close(ctx); err != nil {
			t.Fatal(err)
		}
		take(t, q, quota.Load{Recipients: 1, Delay: true}, "")
	})
}

func TestWhoStopsWaitingGivesItsTokensBack(t *testing.T) {
	t.Parallel()
	eachLedger(t, quota.Limits{Rate: 1}, func(t *testing.T, q *quota.Quotas, w *waits) {
		take(t, q, quota.Load{Recipients: 2}, "")
		w.err = context.Canceled
		_, err := q.Reserve(ctx, sc, quota.Load{Recipients: 1, Delay: true}) // whose wait moves the clock by a second
		if !fault.Is(err, fault.Throttled) || !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		w.clock.Advance(time.Second)
		take(t, q, quota.Load{Recipients: 2}, "")
	})
}

// TestFewMayWait fills the seats of an account with sends that wait for ever.
func TestFewMayWait(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		sends, bytes int
	}{
		{"many sends", 100, 1 << 10},
		{"large messages", 6, 10 << 20}, // of 64 MiB
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			entered, release := make(chan struct{}), make(chan struct{})
			q := quota.New(quota.Options{DB: storetest.SQLite(t), Clock: c.Now, Default: quota.Limits{Rate: 100}, MaxDelay: 20 * time.Second,
				Sleep: func(context.Context, time.Duration) error { entered <- struct{}{}; <-release; return nil },
			})
			take(t, q, quota.Load{Recipients: 200}, "")
			load := quota.Load{Recipients: 1, Bytes: test.bytes, Delay: true}
			var all sync.WaitGroup
			for range test.sends {
				all.Go(func() {
					if _, err := q.Reserve(ctx, sc, load); err != nil {
						t.Error(err)
					}
				})
				<-entered
			}
			take(t, q, load, rate)
			close(release)
			all.Wait()
		})
	}
}

// TestLargeMessagesAreHeldToABandwidth: 40 MB a second, of messages above 10 MB alone.
func TestLargeMessagesAreHeldToABandwidth(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	eachLedger(t, quota.Limits{Daily: 100_000, Rate: 1000}, func(t *testing.T, q *quota.Quotas, w *waits) {
		take(t, q, quota.Load{Recipients: 1, Bytes: 20 * mb}, "")
		take(t, q, quota.Load{Recipients: 1, Bytes: 20 * mb}, "")
		take(t, q, quota.Load{Recipients: 1, Bytes: 11 * mb}, rate)
		take(t, q, quota.Load{Recipients: 1, Bytes: 10 * mb}, "")
		w.clock.Advance(time.Second)
		h := take(t, q, quota.Load{Recipients: 1, Bytes: 40 * mb}, "")
		take(t, q, quota.Load{Recipients: 1, Bytes: 11 * mb, Delay: true}, "")
		if got := w.total(); got < 200*time.Millisecond || got > 300*time.Millisecond {
			t.Errorf("11 MB waited %s", got)
		}
		q.Settle(h, true)
	})
}

func TestMailToTheSimulatorUsesTheRateAlone(t *testing.T) {
	t.Parallel()
	eachLedger(t, quota.Limits{Daily: 3, Rate: 100}, func(t *testing.T, q *quota.Quotas, _ *waits) {
		take(t, q, quota.Load{Recipients: 4, Simulated: 1}, "")
		take(t, q, quota.Load{Recipients: 1}, daily)
		take(t, q, quota.Load{Recipients: 190, Simulated: 190}, "")
		take(t, q, quota.Load{Recipients: 30, Simulated: 30}, rate)
	})
}
