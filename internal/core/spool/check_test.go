// SPDX-License-Identifier: Apache-2.0

package spool_test

import (
	"testing"
	"time"

	"sesame/internal/core/spool"
)

// TestBadContentRejectsTheWholeMessage: one recipient is queued, one is leased, one has been
// delivered before the scanner was there.
func TestBadContentRejectsTheWholeMessage(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		m := f.accept(t, "Subject: x\r\n\r\n", "a@one.example", "b@two.example", "c@three.example")
		done, leased := f.lease(t, "three.example", 1)[0], f.lease(t, "two.example", 1)[0]
		if err := f.Settle(ctx, spool.Settlement{Entry: done, State: spool.Delivered, Event: "Delivery"}); err != nil {
			t.Fatal(err)
		}
		bad := spool.Check{At: f.clock.Now(), Virus: "Own.Test", Cause: spool.CauseVirus}
		if got, err := f.RecordCheck(ctx, m, bad); err != nil || got != bad {
			t.Fatalf("%+v, %v", got, err)
		}
		// What comes too late changes nothing.
		if err := f.Settle(ctx, spool.Settlement{Entry: leased, State: spool.Delivered, Event: "Delivery"}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what, query string
			want        int
		}{
			{"who had no outcome is rejected", `SELECT count(*) FROM recipients WHERE n IN (0, 1) AND state = 4 AND settled_at > 0 AND lease_owner = ''`, 2},
			{"who had one keeps it", `SELECT count(*) FROM recipients WHERE n = 2 AND state = 2`, 1},
			{"the record says why", `SELECT count(*) FROM attempts WHERE attempt = 0 AND cause = 'virus' AND reason = 'a virus was found: Own.Test'`, 2},
			{"one event names both", `SELECT count(*) FROM outbox WHERE kind = 'Reject' AND payload LIKE '%["a@one.example","b@two.example"]%"reason":"Bad content"%'`, 1},
			{"there is no other", `SELECT count(*) FROM outbox WHERE kind = 'Reject'`, 1},
			{"both count", `SELECT value FROM counters WHERE name = 'reject'`, 2},
		} {
			if n := f.count(t, c.query); n != c.want {
				t.Errorf("%s: %d, want %d", c.what, n, c.want)
			}
		}
		points, err := f.SendStatistics(ctx, sc)
		if err != nil || len(points) != 1 || points[0].Rejects != 2 {
			t.Errorf("the statistics show %+v, %v", points, err)
		}
	})
}

func TestTheFirstCheckStands(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		m := f.accept(t, "Subject: x\r\n\r\n", "a@one.example")
		if _, ok, err := f.Checked(ctx, m.Scope, m.ID); ok || err != nil {
			t.Fatalf("a check of what nobody has looked at: %v", err)
		}
		first := spool.Check{At: f.clock.Now(), Scored: true, Spam: true, Score: 7.25, Rules: "GTUBE", Unscanned: "clamd: no answer"}
		if _, err := f.RecordCheck(ctx, m, first); err != nil {
			t.Fatal(err)
		}
		got, err := f.RecordCheck(ctx, m, spool.Check{At: f.clock.Now().Add(time.Second), Virus: "later", Cause: spool.CauseVirus})
		first.Scored = false // is not kept
		if err != nil || !got.At.Equal(first.At) || got.Score != first.Score || got.Cause != "" || !got.Spam || got.Unscanned != first.Unscanned {
			t.Errorf("%+v stands, %v; want %+v", got, err, first)
		}
		if n := f.count(t, `SELECT count(*) FROM recipients WHERE state = 0`); n != 1 {
			t.Error("a later check has rejected the message")
		}
		for _, name := range []string{spool.CheckedCounter, spool.SpamCounter} {
			if n := f.count(t, `SELECT value FROM counters WHERE name = '`+name+`'`); n != 1 {
				t.Errorf("%s: %d", name, n)
			}
		}
	})
}

func TestAMessageIdMayBeLongerThanAnIndexTakes(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		_, err := fated(f, func(m *spool.Message) {
			long := make([]byte, 20_000)
			for i := range long {
				long[i] = byte('a' + i*i%26)
			}
			m.OriginalID = "<" + string(long) + "@example.com>"
		})
		if err != nil {
			t.Error(err)
		}
	})
}
