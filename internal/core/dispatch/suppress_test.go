// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"sesame/internal/core/dispatch"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/proto/smtpclient"
)

// suppressor wants to write something for every recipient that it hears of.
type suppressor struct{ heard []suppression.Feedback }

func (s *suppressor) Bounced(ctx context.Context, f suppression.Feedback, o *smtpclient.Outcome) []func(*store.Tx) error {
	if o.Code == 0 || ctx.Err() != nil {
		return nil
	}
	s.heard = append(s.heard, f)
	return []func(*store.Tx) error{func(*store.Tx) error { return nil }}
}

// TestWhoIsRefusedForGoodMayGoOnTheSuppressionLists in the commit of the outcome, and
// nobody else.
func TestWhoIsRefusedForGoodMayGoOnTheSuppressionLists(t *testing.T) {
	s := &suppressor{}
	bubble(t, func(o *dispatch.Options) { o.Suppress = s }, func(f *fixture) {
		for domain, a := range map[string]answer{
			"gone.example": says(smtpclient.Permanent, 550), "busy.example": says(smtpclient.Temporary, 451), "good.example": says(smtpclient.Delivered, 250),
		} {
			f.transport.set(domain, a)
			f.spool.accept(100, "u@"+domain)
		}
		f.settled()
		for to, want := range map[string]int{"u@gone.example": 1, "u@busy.example": 0, "u@good.example": 0} {
			if got := len(f.spool.row(to).all[0].Also); got != want {
				t.Errorf("%s: %d writes", to, got)
			}
		}
		m := f.spool.row("u@gone.example").m
		if len(s.heard) != 1 || s.heard[0].MessageID != m.ID || s.heard[0].Address.String() != "u@gone.example" {
			t.Errorf("heard of %+v", s.heard)
		}
	})
}

// TestABounceWithoutItsDetailGoesOnTheSuppressionList: what the database does not take is
// left out, and nothing else.
func TestABounceWithoutItsDetailGoesOnTheSuppressionList(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.Suppress = &suppressor{} }, func(f *fixture) {
		f.spool.fail(faults{onSettle: func(st spool.Settlement) (error, bool) {
			if st.Attempt.Reply != "" {
				return errors.New("invalid byte sequence"), false
			}
			return nil, false
		}})
		f.transport.set("x.example", says(smtpclient.Permanent, 550))
		f.spool.accept(100, "u@x.example")
		f.pass(time.Minute)
		if r := f.spool.row("u@x.example"); r.state != spool.Bounced || len(r.all) != 1 || len(r.all[0].Also) != 1 {
			t.Errorf("state %v, outcomes %+v", r.state, r.all)
		}
	})
}

// TestAListThatCannotBeWrittenHoldsUpNoOutcome.
func TestAListThatCannotBeWrittenHoldsUpNoOutcome(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.Suppress = &suppressor{} }, func(f *fixture) {
		f.spool.fail(faults{onSettle: func(st spool.Settlement) (error, bool) {
			if len(st.Also) > 0 {
				return errors.New("no such table"), false
			}
			return nil, false
		}})
		f.transport.set("x.example", says(smtpclient.Permanent, 550))
		f.spool.accept(100, "u@x.example")
		f.pass(time.Minute)
		if r := f.spool.row("u@x.example"); r.state != spool.Bounced {
			t.Errorf("state %v", r.state)
		}
	})
}
