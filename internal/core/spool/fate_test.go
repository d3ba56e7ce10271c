// SPDX-License-Identifier: Apache-2.0

package spool_test

import (
	"errors"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/core/event"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
)

// fated accepts a message to three recipients, of which the second is suppressed.
func fated(f *fixture, change func(*spool.Message)) (*spool.Message, error) {
	m := &spool.Message{Scope: sc, ID: "fated", AcceptedAt: f.clock.Now(), Content: []byte("Subject: x\r\n\r\n")}
	for _, local := range []string{"a", "b", "c"} {
		m.Recipients = append(m.Recipients, address.Address{Local: local, Domain: "example.com"})
	}
	m.Fates = []spool.Fate{{
		Recipients: []int{1}, State: spool.Suppressed, Cause: "suppressed", Reason: "bounced before",
		Event: event.Bounce, Detail: event.Detail{BounceType: "Permanent", BounceSubType: "Suppressed"}, Counter: spool.BounceCounter,
	}}
	if change != nil {
		change(m)
	}
	return m, f.Accept(ctx, m)
}

func TestARecipientWithAFateIsFinalFromTheStart(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		if _, err := fated(f, nil); err != nil {
			t.Fatal(err)
		}
		if got := f.lease(t, "example.com", 10); len(got) != 2 || got[0].Address.String() == "b@example.com" || got[1].Address.String() == "b@example.com" {
			t.Errorf("leased %v, want all but the suppressed one", got)
		}
		for _, c := range []struct {
			what, query string
			want        int
		}{
			{"the recipient is suppressed and settled", `SELECT count(*) FROM recipients WHERE n = 1 AND state = 5 AND settled_at > 0`, 1},
			{"its record says why", `SELECT count(*) FROM attempts WHERE n = 1 AND attempt = 0 AND cause = 'suppressed' AND reason = 'bounced before'`, 1},
			{"the Send event names all", `SELECT count(*) FROM outbox WHERE kind = 'Send' AND payload LIKE '%b@example.com%'`, 1},
			{"the Bounce event names it alone", `SELECT count(*) FROM outbox WHERE kind = 'Bounce' AND payload LIKE '%"recipients":["b@example.com"]%'`, 1},
			{"it counts as a bounce", `SELECT value FROM counters WHERE name = 'bounce'`, 1},
			{"all count against the quota", `SELECT value FROM counters WHERE name = 'sent'`, 3},
		} {
			if n := f.count(t, c.query); n != c.want {
				t.Errorf("%s: %d, want %d", c.what, n, c.want)
			}
		}
	})
}

func TestAMessageThatCouldNotBeRenderedHasNoSendEvent(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		_, err := fated(f, func(m *spool.Message) {
			m.Unrendered = true
			m.Fates = []spool.Fate{{Recipients: []int{0, 1, 2}, State: spool.Rejected, Cause: "rendering", Event: event.RenderingFailure,
				Detail: event.Detail{Template: "T", Error: "no such attribute"}}}
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := f.count(t, `SELECT count(*) FROM outbox`); n != 1 {
			t.Errorf("%d events, want the failure alone", n)
		}
		if n := f.count(t, `SELECT count(*) FROM outbox WHERE kind = 'Rendering Failure' AND payload LIKE '%["a@example.com","b@example.com","c@example.com"]%'`); n != 1 {
			t.Errorf("%d failures that name all recipients", n)
		}
		if n := f.count(t, `SELECT count(*) FROM counters`); n != 0 {
			t.Errorf("%d counters: what is not sent is not counted", n)
		}
	})
}

func TestWhatElseIsWrittenGoesWithTheMessage(t *testing.T) {
	refused := errors.New("refused")
	each(t, func(t *testing.T, f *fixture) {
		_, err := fated(f, func(m *spool.Message) {
			m.Also = []func(*store.Tx) error{
				func(tx *store.Tx) error { tx.Count(sc, "also", time.Time{}, 1); return nil },
				func(*store.Tx) error { return refused },
			}
		})
		if !errors.Is(err, refused) {
			t.Fatalf("%v, want the error of what else is written", err)
		}
		for _, table := range []string{"messages", "recipients", "attempts", "outbox", "counters"} {
			if n := f.count(t, `SELECT count(*) FROM `+table); n != 0 {
				t.Errorf("%d rows of %s are left of a message that was refused", n, table)
			}
		}
	})
}

func TestWhatElseIsWrittenGoesWithTheOutcome(t *testing.T) {
	refused := errors.New("refused")
	each(t, func(t *testing.T, f *fixture) {
		f.accept(t, "x", "u@one.example")
		e := f.lease(t, "one.example", 1)[0]
		count := func(tx *store.Tx) error { tx.Count(sc, "also", time.Time{}, 1); return nil }
		st := spool.Settlement{Entry: e, State: spool.Bounced, Event: event.Bounce,
			Also: []func(*store.Tx) error{count, func(*store.Tx) error { return refused }}}
		if err := f.Settle(ctx, st); !errors.Is(err, refused) {
			t.Fatalf("%v, want the error of what else is written", err)
		}
		const counted = `SELECT count(*) FROM counters WHERE name = 'also'`
		if f.count(t, `SELECT count(*) FROM recipients WHERE state = 1`) != 1 || f.count(t, counted) != 0 {
			t.Error("something of the refused outcome is left")
		}
		st.Also = st.Also[:1]
		for range 2 { // the second time the lease is lost
			if err := f.Settle(ctx, st); err != nil {
				t.Fatal(err)
			}
		}
		if n := f.count(t, `SELECT COALESCE(sum(value), 0) FROM counters WHERE name = 'also'`); n != 1 {
			t.Errorf("written %d times", n)
		}
	})
}
