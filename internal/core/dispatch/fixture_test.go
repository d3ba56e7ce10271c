// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"sesame/internal/core/dispatch"
)

// Every test runs in a bubble of testing/synctest: time stands still while anything
// moves, and passes at once when everything waits.

const (
	leaseFor       = 30 * time.Minute
	attemptTimeout = 10 * time.Minute
)

// fixture is a running dispatcher with the parts around it.
type fixture struct {
	*dispatch.Dispatcher
	t         *testing.T
	spool     *fakeSpool
	transport *fakeTransport
	preparer  *fakePreparer
}

// bubble runs the test with a dispatcher, which must have nothing left in its books
// when the test has ended.
func bubble(t *testing.T, change func(*dispatch.Options), test func(f *fixture)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{t: t, spool: newSpool(t), transport: &fakeTransport{}, preparer: &fakePreparer{}}
		f.start(change)
		test(f)
		f.stop()
	})
}

func (f *fixture) start(change func(*dispatch.Options)) {
	o := dispatch.Options{
		Spool: f.spool, Transport: f.transport, Preparer: f.preparer, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		MaxConcurrent: 100, PerDestination: 20, MaxReady: 8000, MaxReadyBytes: 8 << 20, MaxAge: 14 * time.Hour,
		Retry: []time.Duration{time.Minute}, AttemptTimeout: attemptTimeout, Rescan: 15 * time.Second,
	}
	if change != nil {
		change(&o)
	}
	f.Dispatcher = dispatch.New(o)
	f.spool.begin(f.Dispatcher)
	go f.Run()
}

// stop stops the dispatcher and looks at what is left.
func (f *fixture) stop() {
	f.t.Helper()
	if err := f.Stop(context.Background()); err != nil {
		f.t.Errorf("stop: %v", err)
	}
	synctest.Wait()
	f.check()
	if s := f.Stats(); s.Active != 0 || s.Slow != 0 || s.Held != 0 || s.HeldBytes != 0 {
		f.t.Errorf("after the end: %+v", s)
	}
}

// settled waits until nothing moves that time does not move.
func (f *fixture) settled() {
	f.t.Helper()
	synctest.Wait()
	f.check()
}

// pass lets time go by.
func (f *fixture) pass(d time.Duration) {
	f.t.Helper()
	<-time.After(d)
	f.settled()
}

func (f *fixture) check() {
	f.t.Helper()
	f.spool.mu.Lock()
	largest := f.spool.largest
	f.spool.mu.Unlock()
	if err := f.Check(dispatch.MaxLeases * largest); err != nil {
		f.t.Error(err)
	}
}
