// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"sesame/internal/core/dispatch"
	"sesame/internal/core/spool"
	"sesame/internal/proto/smtpclient"
)

func TestStopFinishesWhatIsUnderWayAndReleasesTheRest(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.PerDestination = 3 }, func(f *fixture) {
		f.spool.accept(100, "first@x.example") // so that the destination is known to answer
		f.settled()
		f.transport.set("x.example", after(3*time.Second, says(smtpclient.Delivered, 250)))
		for i := range 20 {
			f.spool.accept(100, fmt.Sprintf("u%d@x.example", i))
		}
		f.settled()
		began := time.Now()
		f.stop()
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		if d, q := f.spool.count(spool.Delivered, ""), f.spool.count(spool.Queued, ""); d != 1+3 || q != 17 {
			t.Errorf("%d delivered, %d queued", d, q)
		}
		if r := f.spool.row("u19@x.example"); r.tried != 0 {
			t.Errorf("what was not begun counts %d attempts", r.tried)
		}
	})
}

func TestStopEndsWhatHangsAfterItsGrace(t *testing.T) {
	for _, c := range []struct {
		name    string
		ctx     time.Duration // how long the caller waits
		grace   time.Duration
		expects time.Duration
	}{
		{"the grace ends first", time.Minute, 4 * time.Second, 4 * time.Second},
		{"the caller's time ends first", 2 * time.Second, 4 * time.Second, 2 * time.Second},
		{"by default it is ten seconds", time.Minute, 0, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(o *dispatch.Options) { o.StopGrace = c.grace }, func(f *fixture) {
				f.transport.set("x.example", hangs())
				f.spool.accept(100, "u@x.example")
				f.settled()
				ctx, cancel := context.WithTimeout(context.Background(), c.ctx)
				defer cancel()
				began := time.Now()
				if err := f.Stop(ctx); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took != c.expects {
					t.Errorf("took %v, want %v", took, c.expects)
				}
				// It was our doing: nobody has to wait for a retry.
				if r := f.spool.row("u@x.example"); r.state != spool.Queued || r.due.After(time.Now()) || len(r.all) != 1 || r.all[0].Attempt.Cause != "canceled" {
					t.Errorf("state %v, due %v, %+v", r.state, r.due, r.all)
				}
			})
		})
	}
}

func TestALeaseUnderWayAtStopIsGivenBack(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		hold := make(chan struct{})
		f.spool.fail(faults{hold: hold})
		f.spool.store(100, "u@x.example")
		f.Kick()
		f.settled()
		done := make(chan error)
		go func() { done <- f.Stop(context.Background()) }()
		synctest.Wait()
		close(hold)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if f.spool.count(spool.Queued, "") != 1 || f.transport.total() != 0 {
			t.Error("it is still leased")
		}
	})
}

func TestWhatIsPushedAfterStopIsGivenBack(t *testing.T) {
	for _, c := range []struct {
		name string
		end  bool // Stop has returned
	}{
		{"while it stops", false},
		{"when it has stopped", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, nil, func(f *fixture) {
				f.transport.set("hangs.example", hangs())
				f.spool.accept(1, "u@hangs.example")
				if !f.Reserve("x.example", 10) || !f.Reserve("x.example", 20) {
					t.Fatal("no room")
				}
				f.settled()
				done := make(chan error, 1)
				go func() { done <- f.Stop(context.Background()) }()
				synctest.Wait()
				if c.end {
					if err := <-done; err != nil {
						t.Error(err)
					}
				}
				if f.Reserve("x.example", 1) {
					t.Error("room is promised after Stop")
				}
				f.Push([]*spool.Entry{f.spool.lend(message(10, "u@x.example"), time.Now().Add(leaseFor))})
				f.Cancel("x.example", 20)
				if r := f.spool.row("u@x.example"); r.state != spool.Queued {
					t.Errorf("state %v", r.state)
				}
			})
		})
	}
}

// TestStopLeavesADatabaseThatHangs, after the grace of the deliveries and that of their
// outcomes.
func TestStopLeavesADatabaseThatHangs(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.StopGrace = 4 * time.Second }, func(f *fixture) {
		hold := make(chan struct{})
		f.spool.fail(faults{hold: hold})
		f.spool.store(100, "u@x.example")
		f.Kick()
		f.settled()
		began := time.Now()
		if err := f.Stop(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != (4+5)*time.Second {
			t.Errorf("took %v", took)
		}
		close(hold)
	})
}

func TestStopSaysWhatItCouldNotGiveBack(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.PerDestination = 1 }, func(f *fixture) {
		f.transport.set("x.example", after(time.Second, says(smtpclient.Delivered, 250)))
		f.spool.accept(100, "u@x.example")
		f.spool.accept(100, "v@x.example")
		f.settled()
		f.spool.fail(faults{onRelease: func() error { return errAway }})
		if err := f.Stop(context.Background()); !errors.Is(err, errAway) {
			t.Errorf("Stop: %v", err)
		}
		if f.spool.row("u@x.example").state != spool.Delivered {
			t.Error("what was under way did not finish")
		}
		f.spool.fail(faults{})
	})
}
