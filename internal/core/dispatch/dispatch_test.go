// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"sesame/internal/core/delivery"
	"sesame/internal/core/dispatch"
	"sesame/internal/core/event"
	"sesame/internal/core/spool"
	"sesame/internal/proto/smtpclient"
)

func TestAnOutcomeDecidesWhatBecomesOfTheRecipient(t *testing.T) {
	for _, c := range []struct {
		name    string
		answer  answer
		state   spool.State
		event   event.Kind
		counter string
		cause   string
	}{
		{"250 is a delivery", says(smtpclient.Delivered, 250), spool.Delivered, event.Delivery, "", "reply"},
		{"550 is a hard bounce", says(smtpclient.Permanent, 550), spool.Bounced, event.Bounce, spool.BounceCounter, "reply"},
		{"451 is tried again", says(smtpclient.Temporary, 451), spool.Queued, event.Delay, "", "reply"},
		{"421 is tried again", says(smtpclient.Temporary, 421), spool.Queued, event.Delay, "", "reply"},
		{"a broken connection is tried again", mute(smtpclient.CauseClosed), spool.Queued, event.Delay, "", "closed"},
		{"a name that does not exist is tried again", mute(smtpclient.CauseNoDomain), spool.Queued, event.Delay, "", "no-domain"},
		{"what nobody knows is tried again", mute("something new"), spool.Queued, event.Delay, "", "something new"},
		{"a panic is tried again", func(context.Context, delivery.Delivery) delivery.Attempt { panic("boo") }, spool.Queued, event.Delay, "", "panic"},
		{"no outcome at all is tried again", func(context.Context, delivery.Delivery) delivery.Attempt { return delivery.Attempt{} }, spool.Queued, event.Delay, "", "panic"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, nil, func(f *fixture) {
				f.transport.set("x.example", c.answer)
				f.spool.accept(100, "u@x.example")
				f.settled()
				r := f.spool.row("u@x.example")
				if len(r.all) != 1 {
					t.Fatalf("%d settlements", len(r.all))
				}
				st := r.all[0]
				if st.State != c.state || st.Event != c.event || st.Counter != c.counter || st.Attempt.Cause != c.cause {
					t.Errorf("%+v", st)
				}
				if st.Reason == "" || st.Attempt.Started.IsZero() || st.Attempt.Class == "" {
					t.Errorf("the record is not complete: %+v", st)
				}
				if wait := time.Until(st.Due); st.State == spool.Queued && (wait < 57*time.Second || wait > 63*time.Second) {
					t.Errorf("tried again after %v, want about a minute", wait)
				}
			})
		})
	}
}

func TestTheReplyIsKeptWithTheOutcome(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.transport.set("x.example", says(smtpclient.Permanent, 550))
		f.spool.accept(100, "u@x.example")
		f.settled()
		st := f.spool.row("u@x.example").all[0]
		if st.Detail.Code != 550 || st.Detail.Enhanced != "5.1.1" || st.Detail.Reply != "550 text" || st.Detail.Remote != "mx.example" {
			t.Errorf("event: %+v", st.Detail)
		}
		if a := st.Attempt; a.Code != 550 || a.Enhanced != "5.1.1" || a.Reply != "550 text" || a.Host != "mx.example" || a.Command != "dot" || a.Class != "permanent" {
			t.Errorf("attempt: %+v", a)
		}
	})
}

func TestWhatIsSentIsThePrefixAndTheContent(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		var got delivery.Delivery
		f.transport.set("x.example", func(ctx context.Context, d delivery.Delivery) delivery.Attempt {
			got = d
			return says(smtpclient.Delivered, 250)(ctx, d)
		})
		m := message(0, "a@y.example", "u@x.example")
		m.Content, m.EightBit = []byte("hello\r\n"), true
		f.spool.acceptMessage(m)
		f.settled()
		want := "X-Prefix: " + m.ID + "\r\nhello\r\n"
		if all := bytes.Join(got.Content, nil); string(all) != want || got.Size != len(want) || !got.EightBit {
			t.Errorf("%q, size %d", all, got.Size)
		}
		if got.Domain != "x.example" || len(got.To) != 1 || got.To[0].String() != "u@x.example" || got.From.Local != m.ID+"+1" {
			t.Errorf("envelope %+v", got)
		}
	})
}

func TestTemporaryFailuresFollowTheScheduleUntilTheMessageIsTooOld(t *testing.T) {
	bubble(t, func(o *dispatch.Options) {
		o.Retry, o.MaxAge = []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute}, 40*time.Minute
	}, func(f *fixture) {
		f.transport.set("x.example", says(smtpclient.Temporary, 450))
		began := time.Now()
		f.spool.accept(100, "u@x.example")
		f.pass(2 * time.Hour)
		at := f.transport.attempts("u@x.example")
		// 0, 1, 6, 16, 26 and 36 minutes: the next would come after 40.
		sum := time.Duration(0)
		for i, w := range []time.Duration{0, 1, 5, 10, 10, 10} {
			sum += w * time.Minute
			if i >= len(at) {
				t.Fatalf("%d attempts, want 6", len(at))
			}
			if got := at[i].Sub(began); got < sum-sum/20 || got > sum+sum/20+2*time.Second {
				t.Errorf("attempt %d after %v, want about %v", i+1, got, sum)
			}
		}
		r := f.spool.row("u@x.example")
		if len(at) != 6 || r.state != spool.Expired || len(r.finals) != 1 {
			t.Fatalf("%d attempts, state %v, %d final outcomes", len(at), r.state, len(r.finals))
		}
		if st := r.finals[0]; st.Event != event.Bounce || !st.Detail.Expired || st.Counter != "" || st.Detail.Code != 450 {
			t.Errorf("%+v", st)
		}
		if s := f.Stats(); s.Expired != 1 || s.Retried != 5 || s.Delivered+s.Bounced != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWhatFailedTogetherIsNotTriedTogether(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.Retry = []time.Duration{time.Hour} }, func(f *fixture) {
		f.transport.all(says(smtpclient.Temporary, 450))
		for i := range 50 {
			f.spool.accept(100, fmt.Sprintf("u@d%d.example", i))
		}
		f.settled()
		var dues []time.Time
		for i := range 50 {
			dues = append(dues, f.spool.row(fmt.Sprintf("u@d%d.example", i)).due)
		}
		slices.SortFunc(dues, time.Time.Compare)
		if spread := dues[49].Sub(dues[0]); spread < time.Minute || spread > 6*time.Minute {
			t.Errorf("spread %v", spread)
		}
	})
}

func TestAMessageIsPreparedOnceForAllItsRecipients(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.preparer.takes = time.Second // so that all of them ask before there is an answer
		var to []string
		for i := range 40 {
			to = append(to, fmt.Sprintf("u%d@d%d.example", i, i%7))
		}
		m := f.spool.accept(100, to...)
		f.pass(time.Minute)
		if n := f.spool.count(spool.Delivered, ""); n != 40 || f.preparer.count(m.ID) != 1 {
			t.Errorf("%d delivered, prepared %d times", n, f.preparer.count(m.ID))
		}
	})
}

func TestWhatCannotBePreparedIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		name  string
		fail  func(*spool.Message) error
		cause string
	}{
		{"an error", func(*spool.Message) error { return errors.New("no key") }, "prepare"},
		{"a panic", func(*spool.Message) error { panic("no key") }, "panic"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, nil, func(f *fixture) {
				f.preparer.fail(c.fail)
				f.spool.accept(100, "u@x.example", "v@y.example")
				f.settled()
				for _, to := range []string{"u@x.example", "v@y.example"} {
					if st := f.spool.row(to).all[0]; st.State != spool.Queued || st.Attempt.Cause != c.cause && st.Attempt.Cause != "prepare" {
						t.Errorf("%+v", st)
					}
				}
				if f.transport.total() != 0 {
					t.Error("something was sent")
				}
				f.preparer.fail(nil)
				f.pass(2 * time.Minute)
				if f.spool.count(spool.Delivered, "") != 2 {
					t.Error("not delivered afterwards")
				}
			})
		})
	}
}

func TestAPanicHarmsNoNeighbour(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.transport.set("x.example", func(ctx context.Context, d delivery.Delivery) delivery.Attempt {
			if d.To[0].Local == "u3" {
				panic("poison")
			}
			return says(smtpclient.Delivered, 250)(ctx, d)
		})
		for i := range 10 {
			f.spool.accept(100, fmt.Sprintf("u%d@x.example", i))
		}
		f.settled()
		if n := f.spool.count(spool.Delivered, ""); n != 9 {
			t.Errorf("%d of 9 neighbours delivered", n)
		}
		if r := f.spool.row("u3@x.example"); r.state != spool.Queued || r.all[0].Reason != dispatch.ReasonAlien {
			t.Errorf("%+v", r)
		}
	})
}

func TestAPanicOfTheSpoolEndsNothingButTheAttempt(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		first := true
		f.spool.fail(faults{onSettle: func(spool.Settlement) (error, bool) {
			if first {
				first = false
				panic("in Settle")
			}
			return nil, false
		}})
		f.spool.accept(100, "u@x.example")
		f.settled()
		f.spool.accept(100, "v@x.example")
		f.pass(time.Second)
		if f.spool.row("v@x.example").state != spool.Delivered {
			t.Error("the next one is not delivered")
		}
		f.pass(leaseFor + time.Minute)
		if f.spool.row("u@x.example").state != spool.Delivered {
			t.Error("the lease did not bring it back")
		}
		panics := 1
		f.spool.fail(faults{onLease: func() error {
			if panics > 0 {
				panics--
				panic("in Lease")
			}
			return nil
		}})
		f.spool.store(100, "w@x.example")
		f.pass(time.Minute)
		if f.spool.row("w@x.example").state != spool.Delivered || panics != 0 {
			t.Error("not delivered after a panic in Lease")
		}
	})
}

func TestEntriesThatWaitedTooLongAreReleasedAndNotDialled(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.PerDestination = 1 }, func(f *fixture) {
		// Each attempt takes as long as it may, so that the others wait.
		f.transport.set("x.example", after(attemptTimeout-time.Second, says(smtpclient.Delivered, 250)))
		const n = 6
		for i := range n {
			f.spool.accept(100, fmt.Sprintf("u%d@x.example", i))
		}
		f.pass(21 * time.Minute)
		if f.spool.seen().released == 0 {
			t.Error("nothing was released")
		}
		f.pass(2 * time.Hour)
		for i := range n {
			to := fmt.Sprintf("u%d@x.example", i)
			if at := f.transport.attempts(to); len(at) != 1 || f.spool.row(to).state != spool.Delivered || f.spool.row(to).all[0].Entry.Attempt != 1 {
				t.Errorf("%s was tried at %v, state %v", to, at, f.spool.row(to).state)
			}
		}
		if f.spool.seen().lost != 0 {
			t.Errorf("%d outcomes came after their lease", f.spool.seen().lost)
		}
	})
}

func TestAnEntryWhoseTurnDoesNotComeIsReleasedBeforeItsLeaseEnds(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.MaxConcurrent = 1 }, func(f *fixture) {
		f.spool.fail(faults{onSettle: func(spool.Settlement) (error, bool) { return errAway, false }})
		f.spool.accept(10, "u@x.example") // holds the only slot while its outcome can't be recorded
		f.spool.accept(10, "u@y.example")
		f.settled()
		first := f.spool.row("u@y.example").until
		f.pass(leaseFor - attemptTimeout + time.Second)
		if r := f.spool.row("u@y.example"); f.spool.seen().released != 1 || !r.until.After(first) || r.tried != 1 {
			t.Errorf("%d released, leased until %v, attempt %d", f.spool.seen().released, r.until, r.tried)
		}
		f.spool.fail(faults{})
	})
}

func TestAnEntryThatIsLateWhenItsTurnComesIsReleased(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		m := message(10, "u@x.example")
		if !f.Reserve("x.example", 10) {
			t.Fatal("no room")
		}
		f.Push([]*spool.Entry{f.spool.lend(m, time.Now().Add(attemptTimeout-time.Second))})
		f.settled()
		if f.spool.seen().released != 1 || f.spool.row("u@x.example").state != spool.Delivered {
			t.Errorf("released %d, state %v; want it released, leased anew and delivered", f.spool.seen().released, f.spool.row("u@x.example").state)
		}
	})
}

func TestReleaseIsTriedAgainWhileTheDatabaseIsAway(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.transport.set("x.example", hangs())
		f.spool.fail(faults{onRelease: func() error { return errAway }})
		for i := range 50 {
			f.spool.accept(100, fmt.Sprintf("u%d@x.example", i))
		}
		f.pass(dispatch.Patience + 5*time.Second) // silent by now: all but a few are given back
		if n := f.spool.count(spool.Queued, ""); n != 0 {
			t.Fatalf("%d are queued", n)
		}
		f.spool.fail(faults{})
		f.pass(10 * time.Second)
		if n := f.spool.count(spool.Queued, ""); n < 40 {
			t.Errorf("only %d are queued again", n)
		}
	})
}

func TestAnOutcomeIsRecordedWhenTheDatabaseIsBack(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		back := time.Now().Add(5 * time.Minute)
		f.spool.fail(faults{onSettle: func(spool.Settlement) (error, bool) {
			if time.Now().Before(back) {
				return errAway, false
			}
			return nil, false
		}})
		f.spool.accept(100, "u@x.example")
		f.pass(4 * time.Minute)
		if s := f.Stats(); s.Active != 1 || s.Delivered != 0 {
			t.Errorf("while it is away: %+v", s)
		}
		f.pass(2 * time.Minute)
		if at := f.transport.attempts("u@x.example"); len(at) != 1 || f.spool.row("u@x.example").state != spool.Delivered {
			t.Errorf("tried at %v, state %v", at, f.spool.row("u@x.example").state)
		}
		if s := f.Stats(); s.Active != 0 || s.Delivered != 1 || s.Slow != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestAnOutcomeOfUnknownFateIsNotRecordedTwice(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		first := true
		f.spool.fail(faults{onSettle: func(spool.Settlement) (error, bool) {
			if first {
				first = false
				return errAway, true // committed, and the answer was lost
			}
			return nil, false
		}})
		f.spool.accept(100, "u@x.example")
		f.pass(time.Minute)
		if r := f.spool.row("u@x.example"); len(r.finals) != 1 || f.spool.seen().lost != 1 || len(f.transport.attempts("u@x.example")) != 1 {
			t.Errorf("%d outcomes, %d lost", len(r.finals), f.spool.seen().lost)
		}
	})
}

func TestALeaseBoundsHowLongAnOutcomeIsKept(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		back := time.Now().Add(leaseFor + time.Minute)
		f.spool.fail(faults{onSettle: func(st spool.Settlement) (error, bool) {
			if late := time.Since(st.Entry.LeaseUntil); late > dispatch.LastWait {
				t.Errorf("an outcome is recorded %v after its lease", late)
			}
			if time.Now().Before(back) {
				return errAway, false
			}
			return nil, false
		}})
		f.spool.accept(100, "u@x.example")
		f.pass(leaseFor + 2*time.Minute)
		if at := f.transport.attempts("u@x.example"); len(at) != 2 || f.spool.row("u@x.example").state != spool.Delivered {
			t.Errorf("tried at %v, state %v: want a second attempt under a new lease", at, f.spool.row("u@x.example").state)
		}
	})
}

func TestAnOutcomeThatTheDatabaseRefusesIsRecordedWithoutItsTexts(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		tries := 0
		f.spool.fail(faults{onSettle: func(st spool.Settlement) (error, bool) {
			tries++
			if st.Attempt.Reply != "" || st.Detail.Reply != "" {
				return errors.New("invalid byte sequence"), false
			}
			return nil, false
		}})
		f.transport.set("x.example", says(smtpclient.Permanent, 550))
		f.spool.accept(100, "u@x.example")
		f.pass(time.Minute)
		r := f.spool.row("u@x.example")
		if r.state != spool.Bounced || tries != dispatch.WholeTries+1 || r.finals[0].Detail.Code != 550 {
			t.Errorf("state %v after %d tries: %+v", r.state, tries, r.finals)
		}
	})
}

func TestWhatFallsDueInTheDatabaseIsFound(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.spool.store(100, "u@x.example") // by another node
		f.pass(16 * time.Second)
		if f.spool.row("u@x.example").state != spool.Delivered {
			t.Error("the rescan did not find it")
		}
		f.spool.store(100, "v@x.example")
		f.Kick()
		f.settled()
		if f.spool.row("v@x.example").state != spool.Delivered {
			t.Error("Kick did not find it")
		}
	})
}

func TestALeaseThatFailsIsTriedAgain(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		calls := 0
		f.spool.fail(faults{onLease: func() error {
			if calls++; calls <= 30 {
				return errAway
			}
			return nil
		}})
		for i := range 20 {
			f.spool.store(100, fmt.Sprintf("u@d%d.example", i))
		}
		f.Kick()
		f.pass(3 * time.Second)
		if n := f.spool.seen().leases; n > 4*dispatch.MaxLeases {
			t.Errorf("%d leases in 3 s while the database is away", n)
		}
		f.pass(30 * time.Second)
		if n := f.spool.count(spool.Delivered, ""); n != 20 {
			t.Errorf("%d delivered", n)
		}
	})
}

func TestALeaseThatFailsForOneDestinationStopsNoOther(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		n := 0
		f.spool.fail(faults{onLease: func() error { // the first fails, whosever it is
			if n++; n == 1 {
				return errors.New("a bad row")
			}
			return nil
		}})
		f.settled() // the rescan at the start is over
		f.spool.store(100, "u@a.example", "u@b.example")
		f.Kick()
		f.settled()
		if f.spool.count(spool.Delivered, "") != 1 {
			t.Error("the other one waits")
		}
		f.pass(2 * time.Second)
		if f.spool.count(spool.Delivered, "") != 2 {
			t.Error("it was not tried again")
		}
	})
}

func TestPausedItTakesNothingAndDeliversNothing(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.Paused = true }, func(f *fixture) {
		if f.Reserve("x.example", 1) {
			t.Error("room was promised")
		}
		f.spool.accept(100, "u@x.example")
		f.pass(time.Hour)
		if f.transport.total() != 0 || f.spool.seen().leases != 0 || f.spool.count(spool.Queued, "") != 1 || f.Stats().Known != 0 {
			t.Errorf("%d attempts, %d leases, %+v", f.transport.total(), f.spool.seen().leases, f.Stats())
		}
	})
}

// TestTheTermsOfAMessage has destinations that fail for now, and messages with terms.
func TestTheTermsOfAMessage(t *testing.T) {
	type terms = dispatch.Terms
	for name, c := range map[string]struct {
		terms    terms
		waited   time.Duration // before the dispatcher had it
		attempts int
		reason   string
		tls      bool
	}{
		"none":                    {terms{}, 0, 6, "temporary failure, message too old", false}, // 0 to 5 minutes
		"TLS":                     {terms{RequireTLS: true}, 0, 6, "temporary failure, message too old", true},
		"a shorter time":          {terms{MaxAge: 150 * time.Second}, 0, 3, "temporary failure, message too old", false},
		"no more than the server": {terms{MaxAge: time.Hour}, 0, 6, "temporary failure, message too old", false},
		"the time was over":       {terms{MaxAge: 150 * time.Second}, 4 * time.Minute, 0, "the configuration set's maximum delivery time is over", false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(o *dispatch.Options) {
				o.MaxAge = 330 * time.Second
				o.Terms = func(context.Context, *spool.Message) (terms, error) { return c.terms, nil }
			}, func(f *fixture) {
				var tls []bool
				f.transport.set("x.example", func(ctx context.Context, d delivery.Delivery) delivery.Attempt {
					tls = append(tls, d.RequireTLS)
					return says(smtpclient.Temporary, 450)(ctx, d)
				})
				m := message(100, "u@x.example")
				m.AcceptedAt = m.AcceptedAt.Add(-c.waited)
				f.spool.acceptMessage(m)
				f.pass(time.Hour)
				r := f.spool.row("u@x.example")
				if len(tls) != c.attempts || slices.Contains(tls, !c.tls) || r.state != spool.Expired || len(r.finals) != 1 {
					t.Fatalf("attempts with TLS required: %v, state %v, %d final outcomes", tls, r.state, len(r.finals))
				}
				if st := r.finals[0]; st.Reason != c.reason || st.Event != event.Bounce || !st.Detail.Expired {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

// TestTermsThatCannotBeReadHoldTheMessageBack: who knows whether it may leave in clear?
func TestTermsThatCannotBeReadHoldTheMessageBack(t *testing.T) {
	asked := 0
	bubble(t, func(o *dispatch.Options) {
		o.Terms = func(context.Context, *spool.Message) (dispatch.Terms, error) {
			if asked++; asked == 1 {
				return dispatch.Terms{}, errAway
			}
			return dispatch.Terms{}, nil
		}
	}, func(f *fixture) {
		f.spool.accept(100, "u@x.example")
		f.pass(30 * time.Second)
		if n := len(f.transport.attempts("u@x.example")); n != 0 {
			t.Errorf("%d attempts", n)
		}
		f.pass(2 * time.Minute)
		if r := f.spool.row("u@x.example"); r.state != spool.Delivered {
			t.Errorf("state %v", r.state)
		}
	})
}
