// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/quota"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

// sent is one accepted message of a run.
type sent struct {
	at time.Time
	n  int64
}

// fleet is some nodes on one database, and what they accepted.
type fleet struct {
	db       *store.DB
	clock    *clock.Fake
	limits   quota.Limits
	nodes    []*quota.Quotas
	open     []held
	accepted []sent
	starts   int
}

type held struct {
	node *quota.Quotas
	hold quota.Hold
	n    int64
}

func (f *fleet) start() *quota.Quotas {
	f.starts++
	return quota.New(quota.Options{DB: f.db, Clock: f.clock.Now, Default: f.limits, Shared: true, Node: fmt.Sprintf("node%d/1", f.starts)})
}

// send reserves at a node; what is let through stays open for a while, as a message on
// its way to its commit.
func (f *fleet) send(t *testing.T, node int, n int) bool {
	t.Helper()
	h, err := f.nodes[node].Reserve(ctx, sc, quota.Load{Recipients: n})
	if fault.Is(err, fault.Throttled) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	f.open = append(f.open, held{f.nodes[node], h, int64(n)})
	return true
}

// settle commits or refuses the oldest open messages until left are open.
func (f *fleet) settle(t *testing.T, r *rand.Rand, left int) {
	t.Helper()
	for len(f.open) > left {
		o := f.open[0]
		f.open = f.open[1:]
		ok := r.IntN(10) > 0
		if ok {
			now := f.clock.Now()
			if err := f.db.Write(ctx, func(tx *store.Tx) error { tx.Count(sc, quota.Counter, now, o.n); return nil }); err != nil {
				t.Fatal(err)
			}
			f.accepted = append(f.accepted, sent{now, o.n})
		}
		o.node.Settle(o.hold, ok)
	}
}

// most is the largest sum of accepted recipients in any time of this length.
func (f *fleet) most(in time.Duration) (most int64) {
	first, sum := 0, int64(0)
	for _, s := range f.accepted {
		sum += s.n
		for s.at.Sub(f.accepted[first].at) >= in {
			sum -= f.accepted[first].n
			first++
		}
		most = max(most, sum)
	}
	return most
}

// TestNodesTogetherKeepToTheQuotas has nodes send, stand still, die and come back at
// random, over days: no 24 hours hold more than the quota, and no time more than the
// rate gives in it with a burst.
func TestNodesTogetherKeepToTheQuotas(t *testing.T) {
	t.Parallel()
	const nodes, daily, rate = 4, 600, 5
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 1))
		f := &fleet{db: db, clock: newClock(), limits: quota.Limits{Daily: daily, Rate: rate}}
		for range nodes {
			f.nodes = append(f.nodes, f.start())
		}
		let, refused := 0, 0
		for range 1200 {
			switch r.IntN(20) {
			case 0:
				f.clock.Advance(time.Duration(r.Int64N(int64(4 * time.Hour))))
			case 1:
				f.clock.Advance(time.Duration(r.Int64N(int64(time.Minute))))
			case 2: // a node dies, with what it had under way, and another comes
				f.settle(t, r, 0)
				f.nodes[r.IntN(nodes)] = f.start()
			default:
				f.clock.Advance(time.Duration(r.Int64N(int64(300 * time.Millisecond))))
			}
			if f.send(t, r.IntN(nodes), 1+r.IntN(4)) {
				let++
			} else {
				refused++
			}
			f.settle(t, r, r.IntN(4))
		}
		f.settle(t, r, 0)
		if got := f.most(24 * time.Hour); got > daily {
			t.Errorf("%d recipients in 24 hours, the quota is %d", got, daily)
		}
		// A burst is two seconds' worth of the bucket, and a chunk that each node may hold.
		const chunk = 2 // rate/4, and one above for a message on its way
		for _, span := range []time.Duration{time.Second, 5 * time.Second, time.Minute} {
			if got, most := f.most(span), int64(rate*span.Seconds())+2*rate+(nodes+1)*chunk; got > most {
				t.Errorf("%d recipients in %s, want %d at most", got, span, most)
			}
		}
		if let < 100 || refused < 100 {
			t.Errorf("%d let through, %d refused: the run shows little", let, refused)
		}
	})
}

// TestTheWholeQuotaCanBeUsed: what nodes hold does not keep the last of it from being
// used, once those that do not send have given up theirs.
func TestTheWholeQuotaCanBeUsed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const daily = 800
		r := rand.New(rand.NewPCG(1, 1))
		f := &fleet{db: db, clock: newClock(), limits: quota.Limits{Daily: daily}}
		f.nodes = []*quota.Quotas{f.start(), f.start(), f.start()}
		for i := range 3 {
			f.send(t, i, 1)
		}
		total := int64(0)
		for range daily + 500 {
			if !f.send(t, 0, 1) {
				f.clock.Advance(time.Minute)
			}
			f.settle(t, r, 0)
		}
		for _, a := range f.accepted {
			total += a.n
		}
		if total != daily {
			t.Errorf("%d recipients were let through of %d", total, daily)
		}
	})
}

// TestANodeThatDiesGivesItsSliceBack, and one that is closed does so at once.
func TestANodeThatDiesGivesItsSliceBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := &fleet{db: db, clock: newClock(), limits: quota.Limits{Daily: 10}}
		f.nodes = []*quota.Quotas{f.start(), f.start(), f.start()}
		f.send(t, 0, 6) // and dies
		if f.send(t, 1, 5) {
			t.Error("the other node got what the first one holds")
		}
		f.clock.Advance(2*time.Minute + time.Second)
		if !f.send(t, 1, 5) {
			t.Error("a dead node still holds its slice")
		}
		if f.send(t, 2, 6) {
			t.Error("the quota was exceeded")
		}
		if err := f.nodes[1].Close(ctx); err != nil {
			t.Fatal(err)
		}
		f.clock.Advance(time.Second) // a node takes the database's word for as long
		if !f.send(t, 2, 6) {
			t.Error("a node that was closed still holds its slice")
		}
	})
}

func TestMostMessagesOfASharedQuotaCostNoRoundTrip(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		q := quota.New(quota.Options{DB: db, Clock: c.Now, Default: quota.Limits{Daily: 100_000, Rate: 1000}, Shared: true, Node: "a/1"})
		before := db.Stats().Ops
		for range 1000 {
			h := take(t, q, quota.Load{Recipients: 1}, "")
			q.Settle(h, true)
			c.Advance(time.Millisecond)
		}
		if err := q.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if n := db.Stats().Ops - before; n > 40 {
			t.Errorf("1000 messages cost %d commits of their own", n)
		}
	})
}

func TestRefusalsOfASharedQuotaCostNoRoundTrip(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]quota.Limits{"daily": {Daily: 10}, "rate": {Rate: 5}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.SQLite(t)
			q := quota.New(quota.Options{DB: db, Clock: newClock().Now, Default: l, Shared: true, Node: "a/1"})
			take(t, q, quota.Load{Recipients: 10}, "")
			for range 2 {
				if _, err := q.Reserve(ctx, sc, quota.Load{Recipients: 1}); !fault.Is(err, fault.Throttled) {
					t.Fatal(err)
				}
			}
			before := db.Stats().Ops
			for range 100 {
				if _, err := q.Reserve(ctx, sc, quota.Load{Recipients: 1}); !fault.Is(err, fault.Throttled) {
					t.Fatal(err)
				}
			}
			if n := db.Stats().Ops - before; n != 0 {
				t.Errorf("100 refusals cost %d commits", n)
			}
		})
	}
}

// TestASharedQuotaNeedsItsDatabase: without it nobody knows what others sent.
func TestASharedQuotaNeedsItsDatabase(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	q := quota.New(quota.Options{DB: db, Clock: newClock().Now, Default: quota.Limits{Daily: 10}, Shared: true, Node: "a/1"})
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := q.Reserve(ended, sc, quota.Load{Recipients: 1}); err == nil {
		t.Error("a slice was made up")
	}
	take(t, q, quota.Load{Recipients: 10}, "") // the failure left nothing behind
}
