// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/proto/smtpclient"
	"sesame/internal/proto/smtpclient/smtptest"
)

func TestSweepEndsWhatHasWaitedTooLong(t *testing.T) {
	t.Parallel()
	srv := smtptest.New(t, smtptest.Script{"S: 220 mx", "C: EHLO localhost", "S: 250 mx", "C: QUIT", "S: 221 bye"})
	now := clock.NewFake(time.Unix(1_700_000_000, 0))
	p := newPool(PoolOptions{IdleTimeout: time.Hour, MaxAge: 90 * time.Minute}, now.Now)
	add := func(key string) {
		t.Helper()
		c, err := smtpclient.Dial(t.Context(), smtpclient.Options{Addr: srv.Addr()})
		if err != nil {
			t.Fatal(err)
		}
		p.put(&session{conn: c, key: key, opened: now.Now()})
	}
	add("first")
	now.Advance(40 * time.Minute)
	add("second")
	add("second")
	for _, step := range []struct {
		wait time.Duration
		left int
	}{{19 * time.Minute, 3}, {time.Minute, 2}, {39 * time.Minute, 2}, {time.Minute, 0}} {
		now.Advance(step.wait)
		p.sweep()
		if n := p.len(); n != step.left {
			t.Fatalf("%d left after %v, want %d", n, step.wait, step.left)
		}
	}
	if err := p.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if srv.Close(); srv.Finished() != 3 || len(p.byDest) != 0 {
		t.Errorf("%d ended with QUIT; %d destinations remembered", srv.Finished(), len(p.byDest))
	}
	if err := p.close(t.Context()); err != nil {
		t.Errorf("second close: %v", err)
	}
}
