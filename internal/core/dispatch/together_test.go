// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/core/delivery"
	"sesame/internal/core/dispatch"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/proto/smtpclient"
)

// shared is a message whose recipients have one return path.
func shared(to ...string) *spool.Message {
	m := message(100, to...)
	m.SharedReturnPath = true
	return m
}

// byRecipient is a peer that has an answer for each recipient by the first letter.
func byRecipient(_ context.Context, d delivery.Delivery) delivery.Attempt {
	a := attempt(smtpclient.Outcome{})
	a.Outcomes = nil
	for _, to := range d.To {
		o := smtpclient.Outcome{Class: smtpclient.Delivered, Code: 250, Cause: smtpclient.CauseReply}
		switch to.Local[0] {
		case 'g':
			o.Class, o.Code = smtpclient.Permanent, 550
		case 'f':
			o.Class, o.Code = smtpclient.Temporary, 452
		}
		a.Outcomes = append(a.Outcomes, o)
	}
	return a
}

// TestRecipientsWhoShareAReturnPathShareATransaction at each destination; each has an
// outcome of its own, and only who was put off is tried again.
func TestRecipientsWhoShareAReturnPathShareATransaction(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.transport.all(byRecipient)
		f.spool.acceptMessage(shared("full@x.example", "a@x.example", "c@y.example", "gone@x.example", "b@x.example"))
		f.settled()
		x, y := f.transport.transactions("x.example"), f.transport.transactions("y.example")
		if len(x) != 1 || strings.Join(x[0].to, " ") != "full@x.example a@x.example gone@x.example b@x.example" || len(y) != 1 || len(y[0].to) != 1 {
			t.Fatalf("%v and %v", x, y)
		}
		for to, want := range map[string]spool.State{
			"full@x.example": spool.Queued, "a@x.example": spool.Delivered, "gone@x.example": spool.Bounced, "b@x.example": spool.Delivered, "c@y.example": spool.Delivered,
		} {
			if r := f.spool.row(to); r.state != want || len(r.all) != 1 {
				t.Errorf("%s: state %v after %d outcomes", to, r.state, len(r.all))
			}
		}
		f.pass(2 * time.Minute)
		if x = f.transport.transactions("x.example"); len(x) < 2 || !slices.Equal(x[1].to, []string{"full@x.example"}) {
			t.Errorf("then %v", x)
		}
	})
}

// TestWhatSharesATransactionIsPutOffTogether by a failure that meets all.
func TestWhatSharesATransactionIsPutOffTogether(t *testing.T) {
	for name, broken := range map[string]answer{
		"the peer is busy": says(smtpclient.Temporary, 450),
		"nobody answers":   mute(smtpclient.CauseRefused),
		"a panic":          func(context.Context, delivery.Delivery) delivery.Attempt { panic("boo") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(f *fixture) {
				f.transport.set("x.example", broken)
				f.spool.acceptMessage(shared("a@x.example", "b@x.example"))
				f.settled()
				for _, to := range []string{"a@x.example", "b@x.example"} {
					if r := f.spool.row(to); r.state != spool.Queued || len(r.all) != 1 {
						t.Errorf("%s: state %v after %d outcomes", to, r.state, len(r.all))
					}
				}
				f.transport.set("x.example", byRecipient)
				f.pass(2 * time.Minute)
				if all := f.transport.transactions("x.example"); len(all) != 2 || len(all[1].to) != 2 {
					t.Errorf("%v", all)
				}
			})
		})
	}
}

// TestATransactionHasNoMoreRecipientsThanEveryServerTakes.
func TestATransactionHasNoMoreRecipientsThanEveryServerTakes(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		var to []string
		for n := range 150 {
			to = append(to, fmt.Sprintf("u%d@x.example", n))
		}
		f.spool.acceptMessage(shared(to...))
		f.settled()
		all := f.transport.transactions("x.example")
		if len(all) != 2 || len(all[0].to) != 100 || len(all[1].to) != 50 || f.spool.count(spool.Delivered, "") != 150 {
			t.Errorf("%d transactions, %d delivered", len(all), f.spool.count(spool.Delivered, ""))
		}
	})
}

// TestOthersHaveATransactionEach, as their return paths are their own.
func TestOthersHaveATransactionEach(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.spool.accept(100, "a@x.example", "b@x.example")
		f.settled()
		if all := f.transport.transactions("x.example"); len(all) != 2 || all[0].from == all[1].from {
			t.Errorf("%v", all)
		}
	})
}

// TestOneReplyForSeveralRecipientsPutsNobodyOnTheSuppressionLists: after the message a peer
// says once that there is no such user, of whomever. What it says to RCPT is of one.
func TestOneReplyForSeveralRecipientsPutsNobodyOnTheSuppressionLists(t *testing.T) {
	for name, c := range map[string]struct {
		accepted map[string]bool // by the local part
		want     string          // who goes on the lists
	}{
		"three were accepted": {map[string]bool{"a": true, "b": true, "c": true}, ""},
		"one was accepted":    {map[string]bool{"b": true}, "a@x.example b@x.example c@x.example"},
		"none was":            {nil, "a@x.example b@x.example c@x.example"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &suppressor{}
			bubble(t, func(o *dispatch.Options) { o.Suppress = s }, func(f *fixture) {
				f.transport.set("x.example", func(_ context.Context, d delivery.Delivery) delivery.Attempt {
					a := attempt(smtpclient.Outcome{})
					a.Outcomes = nil
					for _, to := range d.To {
						o := smtpclient.Outcome{Class: smtpclient.Permanent, Code: 550, Cause: smtpclient.CauseReply, Command: smtpclient.CommandRcpt}
						if c.accepted[to.Local] {
							o.Command = smtpclient.CommandDot
						}
						a.Outcomes = append(a.Outcomes, o)
					}
					return a
				})
				f.spool.acceptMessage(shared("a@x.example", "b@x.example", "c@x.example"))
				f.settled()
				var heard []string
				for _, h := range s.heard {
					heard = append(heard, h.Address.String())
				}
				if strings.Join(heard, " ") != c.want || f.spool.count(spool.Bounced, "") != 3 {
					t.Errorf("%v, %d bounced", heard, f.spool.count(spool.Bounced, ""))
				}
			})
		})
	}
}

// TestAPeerThatTakesFewRecipientsAtOnceGetsTheOthersAtOnce, whatever it says of them. One that
// takes nobody is left alone for a while.
func TestAPeerThatTakesFewRecipientsAtOnceGetsTheOthersAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		takes int
		full  smtpclient.Outcome
		want  int // delivered within a second
	}{
		"by its enhanced code":     {5, smtpclient.Outcome{Code: 452, Enhanced: smtpclient.Enhanced{4, 5, 3}}, 40},
		"by its words":             {5, smtpclient.Outcome{Code: 452, Lines: []string{"452 Error: too many recipients"}}, 40},
		"by the code of RFC 821":   {5, smtpclient.Outcome{Code: 552}, 40},
		"a mailbox that is full":   {5, smtpclient.Outcome{Code: 452, Enhanced: smtpclient.Enhanced{4, 2, 2}}, 5},
		"a peer that takes nobody": {0, smtpclient.Outcome{Code: 452, Enhanced: smtpclient.Enhanced{4, 5, 3}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(f *fixture) {
				f.transport.set("x.example", func(_ context.Context, d delivery.Delivery) delivery.Attempt {
					a := attempt(smtpclient.Outcome{})
					a.Outcomes = nil
					for n := range d.To {
						o := c.full
						o.Class, o.Cause, o.Command = smtpclient.Temporary, smtpclient.CauseReply, smtpclient.CommandRcpt
						if n < c.takes {
							o = smtpclient.Outcome{Class: smtpclient.Delivered, Code: 250, Cause: smtpclient.CauseReply, Command: smtpclient.CommandDot}
						}
						a.Outcomes = append(a.Outcomes, o)
					}
					return a
				})
				var to []string
				for n := range 40 {
					to = append(to, fmt.Sprintf("u%d@x.example", n))
				}
				f.spool.acceptMessage(shared(to...))
				f.pass(time.Second)
				if got := f.spool.count(spool.Delivered, ""); got != c.want {
					t.Errorf("%d delivered in %d transactions, want %d", got, len(f.transport.transactions("x.example")), c.want)
				}
			})
		})
	}
}

// TestAPeerThatHangsUpOnManyRecipientsGetsFewer: it would hang up each time, until all expire.
func TestAPeerThatHangsUpOnManyRecipientsGetsFewer(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.transport.set("x.example", func(ctx context.Context, d delivery.Delivery) delivery.Attempt {
			if len(d.To) > 2 {
				a := attempt(smtpclient.Outcome{Class: smtpclient.Temporary, Cause: smtpclient.CauseReply, Code: 421, Command: smtpclient.CommandRcpt})
				a.Outcomes = slices.Repeat(a.Outcomes, len(d.To))
				return a
			}
			return byRecipient(ctx, d)
		})
		var to []string
		for n := range 10 {
			to = append(to, fmt.Sprintf("u%d@x.example", n))
		}
		f.spool.acceptMessage(shared(to...))
		f.pass(12 * time.Hour)
		if got := f.spool.count(spool.Delivered, ""); got != 10 {
			t.Errorf("%d of 10 delivered in %d transactions", got, len(f.transport.transactions("x.example")))
		}
	})
}

// frail panics for one recipient.
type frail struct{ suppressor }

func (s *frail) Bounced(ctx context.Context, f suppression.Feedback, o *smtpclient.Outcome) []func(*store.Tx) error {
	if f.Address.Local == "gone" {
		panic("a nil list")
	}
	return s.suppressor.Bounced(ctx, f, o)
}

// TestAPanicAboutOneRecipientSendsToNoOtherAgain who has got the message with it.
func TestAPanicAboutOneRecipientSendsToNoOtherAgain(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.Suppress = &frail{} }, func(f *fixture) {
		f.transport.all(byRecipient)
		f.spool.acceptMessage(shared("a@x.example", "gone@x.example", "b@x.example"))
		f.pass(10 * time.Minute)
		for _, x := range f.transport.transactions("x.example")[1:] {
			if !slices.Equal(x.to, []string{"gone@x.example"}) {
				t.Fatalf("sent again to %v", x.to)
			}
		}
		if r := f.spool.row("gone@x.example"); r.state != spool.Queued || r.all[0].Attempt.Cause != "panic" || f.spool.count(spool.Delivered, "") != 2 {
			t.Errorf("state %v, outcomes %+v, %d delivered", r.state, r.all, f.spool.count(spool.Delivered, ""))
		}
	})
}
