// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"context"
	"testing"
	"time"

	"sesame/internal/core/dispatch"
	"sesame/internal/core/spool"
)

// checker says what it is told, in turn; the last repeats.
type checker struct {
	says []struct {
		ok  bool
		err error
	}
	asked int
}

func (c *checker) Check(context.Context, *spool.Message) (bool, error) {
	says := c.says[min(c.asked, len(c.says)-1)]
	c.asked++
	return says.ok, says.err
}

func inTurn(say ...any) *checker {
	c := &checker{}
	for _, s := range say {
		err, _ := s.(error)
		ok, _ := s.(bool)
		c.says = append(c.says, struct {
			ok  bool
			err error
		}{ok, err})
	}
	return c
}

// TestNothingLeavesUnchecked: while the scanner is away the message waits, for a stated
// reason.
func TestNothingLeavesUnchecked(t *testing.T) {
	c := inTurn(errAway, true)
	bubble(t, func(o *dispatch.Options) { o.Check = c }, func(f *fixture) {
		f.spool.accept(100, "u@x.example")
		f.pass(30 * time.Second)
		if n := len(f.transport.attempts("u@x.example")); n != 0 {
			t.Fatalf("%d attempts", n)
		}
		r := f.spool.row("u@x.example")
		if st := r.all[0]; st.State != spool.Queued || st.Reason != "the content scanner does not answer, tried again later" || st.Attempt.Cause != "scan" {
			t.Errorf("%+v", st)
		}
		f.pass(2 * time.Minute)
		if r := f.spool.row("u@x.example"); r.state != spool.Delivered || c.asked != 2 {
			t.Errorf("state %v, asked %d times", r.state, c.asked)
		}
	})
}

// TestARejectedMessageIsSettledByTheCheck: the attempt ends without an outcome of its own.
func TestARejectedMessageIsSettledByTheCheck(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.Check = inTurn(false) }, func(f *fixture) {
		f.spool.accept(100, "u@x.example")
		f.pass(10 * time.Second)
		if n, all := f.transport.total(), f.spool.row("u@x.example").all; n != 0 || len(all) != 0 {
			t.Errorf("%d attempts, outcomes %+v", n, all)
		}
		if s := f.Stats(); s.Active != 0 || s.Held != 0 {
			t.Errorf("%+v", s)
		}
	})
}
