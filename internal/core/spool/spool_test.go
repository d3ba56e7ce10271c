// SPDX-License-Identifier: Apache-2.0

package spool_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
	"sesame/internal/core/blob"
	"sesame/internal/core/event"
	"sesame/internal/core/quota"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

var (
	ctx   = context.Background()
	sc    = scope.Scope{Account: "123456789012", Region: "us-east-1"}
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// fixture is a spool with a clock that stands still and no memory queue.
type fixture struct {
	*spool.Spool
	db    *store.DB
	clock *clock.Fake
	blobs *blob.Dir
}

func newFixture(t *testing.T, db *store.DB, node string) *fixture {
	t.Helper()
	blobs, err := blob.Open(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{db: db, clock: clock.NewFake(start), blobs: blobs}
	f.Spool = f.onNode(node)
	return f
}

func (f *fixture) onNode(node string) *spool.Spool {
	return spool.New(spool.Options{
		DB: f.db, Blobs: f.blobs, Clock: f.clock.Now, Log: slog.New(slog.DiscardHandler), Node: node, LeaseFor: time.Minute, InRow: 1000, MaxAge: time.Hour,
	})
}

func (f *fixture) accept(t *testing.T, content string, to ...string) *spool.Message {
	t.Helper()
	id, err := msgid.New(sc.Region, f.clock.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m := &spool.Message{
		Scope: sc, ID: id, AcceptedAt: f.clock.Now(), Operation: "SendEmail", Sender: address.Address{Local: "a", Domain: "example.com"},
		ReturnPath: address.Address{Local: "a", Domain: "example.com"}, Identity: "example.com", IdentityAccount: "888888888888",
		Content: []byte(content), Tags: []spool.Tag{{Name: "k", Value: "v"}}, SharedReturnPath: true,
	}
	for _, s := range to {
		a, err := address.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		m.Recipients = append(m.Recipients, a)
	}
	if err := f.Accept(ctx, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func (f *fixture) lease(t *testing.T, d address.Domain, limit int) []*spool.Entry {
	t.Helper()
	entries, _, err := f.Lease(ctx, d, limit, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func (f *fixture) count(t *testing.T, query string, args ...any) int {
	t.Helper()
	var n int
	if err := f.db.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(t, newFixture(t, db, "n/1")) })
}

func TestAcceptedMessageIsLeasedAsItWas(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		m := f.accept(t, "Subject: x\r\n\r\nhello\r\n", "u@one.example", "v@two.example")
		if n := f.count(t, `SELECT count(*) FROM outbox WHERE kind = 'Send' AND message_id = ?`, m.ID); n != 1 {
			t.Errorf("%d Send events", n)
		}
		if n := f.count(t, `SELECT value FROM counters WHERE name = 'sent'`); n != 2 {
			t.Errorf("sent counter %d", n)
		}
		due, err := f.Due(ctx, 10)
		if err != nil || len(due) != 2 {
			t.Fatalf("due %v, %v", due, err)
		}
		e := f.lease(t, "two.example", 10)
		if len(e) != 1 || e[0].Address.String() != "v@two.example" || e[0].Attempt != 1 || e[0].N != 1 ||
			e[0].Message.Owner() != (scope.Scope{Account: "888888888888", Region: sc.Region}) || e[0].Message.Identity != m.Identity ||
			!bytes.Equal(e[0].Message.Content, m.Content) || e[0].Message.Tags[0] != m.Tags[0] || e[0].Message.Sender != m.Sender ||
			!e[0].Message.SharedReturnPath {
			t.Errorf("leased %+v", e)
		}
		if again := f.lease(t, "two.example", 10); len(again) != 0 {
			t.Errorf("leased twice: %v", again)
		}
	})
}

func TestLargeContentGoesToTheBlobStore(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		large := string(bytes.Repeat([]byte("x"), 5000))
		f.accept(t, large, "u@one.example")
		if n := f.count(t, `SELECT count(*) FROM messages WHERE length(content) > 0`); n != 0 {
			t.Errorf("%d contents in rows", n)
		}
		if e := f.lease(t, "one.example", 1); len(e) != 1 || string(e[0].Message.Content) != large {
			t.Error("content differs")
		}
	})
}

func TestOutcomesAreFinalAndWriteTheirEvent(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		m := f.accept(t, "x", "u@one.example")
		e := f.lease(t, "one.example", 1)[0]
		st := spool.Settlement{Entry: e, State: spool.Bounced, Reason: "refused", Event: event.Bounce, Counter: spool.BounceCounter}
		if err := f.Settle(ctx, st); err != nil {
			t.Fatal(err)
		}
		if n := f.count(t, `SELECT state FROM recipients WHERE message_id = ?`, m.ID); spool.State(n) != spool.Bounced {
			t.Errorf("state %v", spool.State(n))
		}
		if n := f.count(t, `SELECT count(*) FROM outbox WHERE kind = 'Bounce'`); n != 1 {
			t.Errorf("%d Bounce events", n)
		}
		st.State, st.Event = spool.Delivered, event.Delivery
		if err := f.Settle(ctx, st); err != nil {
			t.Fatal(err)
		}
		if n := f.count(t, `SELECT count(*) FROM outbox WHERE kind = 'Delivery'`); n != 0 || f.Stats().LostLeases != 1 {
			t.Errorf("a second outcome was taken: %d events, %+v", n, f.Stats())
		}
		points, err := f.SendStatistics(ctx, sc)
		if err != nil || len(points) != 1 || points[0].Attempts != 1 || points[0].Bounces != 1 || !points[0].Start.Equal(start.Truncate(15*time.Minute)) {
			t.Errorf("statistics %+v, %v", points, err)
		}
	})
}

func TestRetryWaitsUntilItIsDue(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.accept(t, "x", "u@one.example")
		e := f.lease(t, "one.example", 1)[0]
		due := start.Add(time.Hour)
		if err := f.Settle(ctx, spool.Settlement{Entry: e, State: spool.Queued, Due: due, Event: event.Delay}); err != nil {
			t.Fatal(err)
		}
		entries, next, err := f.Lease(ctx, "one.example", 1, 1<<20)
		if err != nil || len(entries) != 0 || !next.Equal(due) {
			t.Fatalf("before its time: %v, next %v, %v", entries, next, err)
		}
		f.clock.Advance(time.Hour)
		if e := f.lease(t, "one.example", 1); len(e) != 1 || e[0].Attempt != 2 {
			t.Errorf("at its time: %v", e)
		}
	})
}

func TestConcurrentLeasesNeverShareARecipient(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		const n = 60
		for i := range n {
			f.accept(t, "x", fmt.Sprintf("u%d@one.example", i))
		}
		var mu sync.Mutex
		seen := map[string]int{}
		var wg sync.WaitGroup
		for node := range 6 {
			s := f.onNode(fmt.Sprintf("n%d/1", node))
			wg.Go(func() {
				for range 10 {
					entries, _, err := s.Lease(ctx, "one.example", 3, 1<<20)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					for _, e := range entries {
						seen[e.Address.String()]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for a, c := range seen {
			if c != 1 {
				t.Errorf("%s was leased %d times", a, c)
			}
		}
		if len(seen) != n {
			t.Errorf("%d of %d were leased", len(seen), n)
		}
	})
}

func TestLeasesOfADeadNodeComeBack(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.accept(t, "x", "u@one.example", "v@one.example")
		dead := f.lease(t, "one.example", 1)[0]
		live := f.onNode("other/1")
		if e, _, err := live.Lease(ctx, "one.example", 1, 1<<20); err != nil || len(e) != 1 {
			t.Fatal(e, err)
		}
		restarted := f.onNode("n/2")
		n, err := restarted.Recover(ctx)
		if err != nil || n != 1 {
			t.Fatalf("recovered %d, %v; want only the own node's", n, err)
		}
		e, _, err := restarted.Lease(ctx, "one.example", 9, 1<<20)
		if err != nil || len(e) != 1 || e[0].Address != dead.Address || e[0].Attempt != 2 {
			t.Fatalf("%v, %v", e, err)
		}
		f.clock.Advance(2 * time.Minute)
		if n, err := restarted.Reclaim(ctx); err != nil || n != 2 {
			t.Errorf("reclaimed %d, %v; want both, whose time is over", n, err)
		}
	})
}

func TestReleasedRecipientsHaveMadeNoAttempt(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.accept(t, "x", "u@one.example")
		if err := f.Release(ctx, f.lease(t, "one.example", 1)); err != nil {
			t.Fatal(err)
		}
		if e := f.lease(t, "one.example", 1); len(e) != 1 || e[0].Attempt != 1 {
			t.Errorf("%+v", e)
		}
	})
}

func TestAMessageThatCannotBeReadWaitsAndThenExpires(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		m := f.accept(t, string(make([]byte, 5000)), "u@one.example")
		if err := f.blobs.Delete(m.ID); err != nil {
			t.Fatal(err)
		}
		entries, next, err := f.Lease(ctx, "one.example", 1, 1<<20)
		if err != nil || len(entries) != 0 {
			t.Fatalf("%v %v %v", entries, next, err)
		}
		due, err := f.Due(ctx, 10)
		if err != nil || len(due) != 1 || !due[0].At.Equal(start.Add(5*time.Minute)) {
			t.Fatalf("%v, %v: it must be tried again, later", due, err)
		}
		f.clock.Advance(2 * time.Hour)
		if e := f.lease(t, "one.example", 1); len(e) != 0 {
			t.Fatal(e)
		}
		if n := f.count(t, `SELECT state FROM recipients`); spool.State(n) != spool.Expired {
			t.Errorf("state %v", spool.State(n))
		}
		if n := f.count(t, `SELECT count(*) FROM outbox WHERE kind = 'Bounce'`); n != 1 {
			t.Errorf("%d Bounce events", n)
		}
	})
}

func TestAnOutcomeOfAnEarlierLeaseOfTheSameNodeIsLost(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		f.accept(t, "x", "u@one.example")
		first := f.lease(t, "one.example", 1)[0]
		f.clock.Advance(2 * time.Minute)
		if n, err := f.Reclaim(ctx); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		f.lease(t, "one.example", 1)
		if err := f.Settle(ctx, spool.Settlement{Entry: first, State: spool.Queued, Event: event.Delay}); err != nil {
			t.Fatal(err)
		}
		if again := f.lease(t, "one.example", 1); f.Stats().LostLeases != 1 || len(again) != 0 {
			t.Errorf("%d lost, leased %v while the second attempt is under way", f.Stats().LostLeases, again)
		}
	})
}

func TestDueGoesOnWhereItStopped(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for _, d := range []string{"c", "a", "b", "d", "e"} {
			f.accept(t, "x", "u@"+d+".example", "v@"+d+".example")
		}
		var got []string
		for range 4 {
			due, err := f.Due(ctx, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range due {
				got = append(got, string(d.Domain)[:1])
			}
		}
		if s := fmt.Sprint(got); s != "[a b c d e a b]" {
			t.Error(s)
		}
	})
}

func TestSweepRemovesOnlyBlobsWithoutARow(t *testing.T) {
	t.Parallel()
	f := newFixture(t, storetest.SQLite(t), "n/1")
	kept := f.accept(t, string(make([]byte, 5000)), "u@one.example")
	orphan, err := msgid.New(sc.Region, start, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.blobs.Put(orphan, []byte("x")); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(time.Since(start) + 2*time.Hour) // the files are of the machine's time
	if err := f.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := f.blobs.Get(orphan); err == nil {
		t.Error("the orphan is left")
	}
	if _, err := f.blobs.Get(kept.ID); err != nil {
		t.Error(err)
	}
}

func TestLeaseStopsAtTheBytesThatFit(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		for i := range 5 {
			f.accept(t, string(make([]byte, 400)), fmt.Sprintf("u%d@one.example", i))
		}
		entries, next, err := f.Lease(ctx, "one.example", 5, 700)
		if err != nil || len(entries) != 2 || !next.Equal(start) {
			t.Errorf("%d entries, next %v, %v", len(entries), next, err)
		}
	})
}

func TestPurgeRemovesOnlyWhatIsFinishedAndOld(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		large := string(make([]byte, 5000))
		f.accept(t, large, "done@one.example")
		if err := f.Settle(ctx, spool.Settlement{Entry: f.lease(t, "one.example", 1)[0], State: spool.Delivered, Event: event.Delivery}); err != nil {
			t.Fatal(err)
		}
		waiting := f.accept(t, large, "waits@two.example")
		f.clock.Advance(24 * time.Hour)
		young := f.accept(t, "x", "young@two.example")
		n, err := f.Purge(ctx, f.clock.Now().Add(-time.Hour))
		if err != nil || n != 1 {
			t.Fatalf("purged %d, %v", n, err)
		}
		if n := f.count(t, `SELECT count(*) FROM messages WHERE id IN (?, ?)`, waiting.ID, young.ID); n != 2 || f.count(t, `SELECT count(*) FROM messages`) != 2 {
			t.Error("the wrong messages are left")
		}
		if n := f.count(t, `SELECT count(*) FROM attempts`); n != 0 {
			t.Errorf("%d attempts are left", n)
		}
		if len(f.lease(t, "two.example", 5)) != 2 {
			t.Error("what waits can't be leased")
		}
	})
}

// TestPurgeRemovesTheCountersThatAreOld of whatever kind: those of the simulator are taken off
// those of all mail, and must not outlive them.
func TestPurgeRemovesTheCountersThatAreOld(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		names := []string{quota.Counter, quota.Simulated, quota.Bounced, quota.Complained, spool.RejectCounter, spool.CheckedCounter, "another"}
		count := func() {
			for _, name := range names {
				if err := f.db.Write(ctx, func(tx *store.Tx) error { tx.Count(sc, name, f.clock.Now(), 1); return nil }); err != nil {
					t.Fatal(err)
				}
			}
		}
		count()
		f.clock.Advance(14 * 24 * time.Hour)
		count()
		f.clock.Advance(time.Hour)
		if _, err := f.Purge(ctx, f.clock.Now()); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if n := f.count(t, `SELECT count(*) FROM counters WHERE name = ?`, name); n != 1 {
				t.Errorf("%d minutes of %s are left, want the one of the last two weeks", n, name)
			}
		}
	})
}

func TestPurgeFindsAnAccountWhoseMessagesCouldNotBeRendered(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		id, err := msgid.New(sc.Region, f.clock.Now(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		_, err = fated(f, func(m *spool.Message) {
			m.ID, m.Unrendered = id, true
			m.Fates = []spool.Fate{{Recipients: []int{0, 1, 2}, State: spool.Rejected, Cause: "rendering", Event: event.RenderingFailure}}
		})
		if err != nil {
			t.Fatal(err)
		}
		f.clock.Advance(24 * time.Hour)
		if n, err := f.Purge(ctx, f.clock.Now().Add(-time.Hour)); err != nil || n != 1 {
			t.Errorf("purged %d, %v", n, err)
		}
	})
}
