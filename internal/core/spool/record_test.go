// SPDX-License-Identifier: Apache-2.0

package spool_test

import (
	"strings"
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/event"
	"sesame/internal/core/spool"
)

func TestARecordIsFoundByEveryIdOfTheMessage(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		long := "<" + strings.Repeat("é", 300) + "@example.org>"
		for _, id := range []string{"fated", "later"} {
			_, err := fated(f, func(m *spool.Message) { m.ID, m.OriginalID = id, long })
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := fated(f, func(m *spool.Message) { m.ID, m.OriginalID = "borrowed", "<fated@theirs.example>" }); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ id, want string }{
			{"fated", "fated"},
			{"<fated@email.amazonses.com>", "fated"},
			{"fated@email.amazonses.com", "fated"},
			{long, "later"}, // the youngest of those that bear it
			{strings.Trim(long, "<>"), "later"},
			{long[:500] + "@example.org>", ""},     // the same to the index
			{"<fated@ids.example.com>", "fated"},   // the setting MessageIDDomain makes such ones
			{"<fated@theirs.example>", "borrowed"}, // but whoever gave it himself comes first
			{"nobody@example.com", ""},
			{"a\x00b", ""},
			{"", ""},
			{"<>", ""},
		} {
			r, err := f.Record(ctx, sc, c.id)
			if c.want == "" && !fault.Is(err, fault.NotFound) || c.want != "" && (err != nil || r.Message.ID != c.want) {
				t.Errorf("%.40q: %+v, %v", c.id, r.Message, err)
			}
		}
		other := scope.Scope{Account: "999999999999", Region: sc.Region}
		if _, err := f.Record(ctx, other, "fated"); !fault.Is(err, fault.NotFound) {
			t.Errorf("another account's: %v", err)
		}
	})
}

func TestARecordTellsWhatBecameOfEachRecipient(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		m, err := fated(f, func(m *spool.Message) { m.Subject = "Hello" })
		if err != nil {
			t.Fatal(err)
		}
		got := f.lease(t, "example.com", 1)[0]
		if err := f.Settle(ctx, spool.Settlement{Entry: got, State: spool.Queued, Due: f.clock.Now().Add(60e9), Reason: "later", Event: event.Delay,
			Attempt: spool.Attempt{Started: f.clock.Now(), Reply: "450 busy"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.RecordCheck(ctx, m, spool.Check{At: f.clock.Now(), Scored: true, Score: 2.5}); err != nil {
			t.Fatal(err)
		}
		r, err := f.Record(ctx, sc, m.ID)
		if err != nil {
			t.Fatal(err)
		}
		if r.Message.Subject != "Hello" || r.Size != int64(len(m.Content)) || r.Check == nil || r.Check.Score != 2.5 || len(r.Recipients) != 3 {
			t.Fatalf("%+v", r)
		}
		tried, suppressed := r.Recipients[got.N], r.Recipients[1]
		if tried.State != spool.Queued || len(tried.Tries) != 1 || tried.Tries[0].Reason != "later" || tried.Tries[0].Reply != "450 busy" || !tried.Due.Equal(tried.Tries[0].Next) {
			t.Errorf("%+v", tried)
		}
		if suppressed.State != spool.Suppressed || len(suppressed.Tries) != 1 || suppressed.Tries[0].Number != 0 || suppressed.Tries[0].Reason != "bounced before" {
			t.Errorf("%+v", suppressed)
		}
		if len(r.Events) != 3 || r.Events[0].Kind != event.Send || r.Events[2].Kind != event.Delay {
			t.Errorf("%+v", r.Events)
		}
	})
}
