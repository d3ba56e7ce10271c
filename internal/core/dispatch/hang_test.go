// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	"sesame/internal/core/dispatch"
	"sesame/internal/core/spool"
	"sesame/internal/proto/smtpclient"
)

// wait is how long it takes until n recipients of the domain are delivered.
func (f *fixture) wait(dom string, n int, most time.Duration) time.Duration {
	f.t.Helper()
	began := time.Now()
	for f.spool.count(spool.Delivered, dom) < n {
		if time.Since(began) > most {
			f.t.Errorf("%s: %d of %d delivered after %v; %+v", dom, f.spool.count(spool.Delivered, dom), n, most, f.Stats())
			return time.Since(began)
		}
		f.pass(50 * time.Millisecond)
	}
	return time.Since(began)
}

// Healthy destinations answer within 100 ms in these tests.
const healthy = 100 * time.Millisecond

func TestDestinationsThatHangDelayNoOther(t *testing.T) {
	const slots = 100
	for _, c := range []struct {
		name    string
		hanging int // destinations with 20 messages each
		answers time.Duration
		unknown time.Duration // bounds
	}{
		{"a few", 5, time.Second, time.Second},
		{"as many as would have taken all slots by 20 each", 10, time.Second, time.Second},
		{"half as many as there are slots", slots / 2, time.Second, dispatch.Patience + time.Second},
		{"as many as there are slots", slots, time.Second, 2*dispatch.Patience + time.Second},
		{"three times as many", 3 * slots, time.Second, 6*dispatch.Patience + time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(o *dispatch.Options) { o.MaxConcurrent = slots }, func(f *fixture) {
				f.transport.all(hangs())
				f.transport.set("known.example", after(healthy, says(smtpclient.Delivered, 250)))
				f.transport.set("new.example", after(healthy, says(smtpclient.Delivered, 250)))
				f.spool.accept(100, "first@known.example")
				f.pass(time.Second)
				for i := range c.hanging {
					f.accept(20, 100, fmt.Sprintf("hangs%d.example", i))
				}
				f.settled()
				f.accept(20, 100, "new.example")
				f.accept(20, 100, "known.example")
				t.Logf("one that answers waited %v", f.wait("known.example", 21, c.answers))
				t.Logf("one that was unknown waited %v", f.wait("new.example", 20, c.unknown))
				// The same again, when all of them are known for what they are, at any moment of
				// the next half hour.
				for i := range 6 {
					f.pass(5 * time.Minute)
					dom := fmt.Sprintf("late%d.example", i)
					f.transport.set(dom, after(healthy, says(smtpclient.Delivered, 250)))
					f.accept(20, 100, dom)
					f.accept(20, 100, fmt.Sprintf("known%d.example", i))
					f.wait(dom, 20, 2*time.Second)
				}
			})
		})
	}
}

func TestLargeMessagesToDestinationsThatHangLeaveRoom(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.MaxReadyBytes = 8 << 20 }, func(f *fixture) {
		f.transport.all(hangs())
		for _, dom := range []string{"known.example", "new.example"} {
			f.transport.set(dom, after(healthy, says(smtpclient.Delivered, 250)))
		}
		f.spool.accept(100, "first@known.example")
		f.pass(time.Second)
		for i := range 40 {
			f.accept(60, 10_000, fmt.Sprintf("hangs%d.example", i)) // 24 MB
		}
		f.settled()
		f.accept(20, 10_000, "known.example")
		t.Logf("one that answers waited %v", f.wait("known.example", 21, 2*time.Second))
		f.accept(20, 10_000, "new.example")
		t.Logf("one that was unknown waited %v", f.wait("new.example", 20, dispatch.Patience+2*time.Second))
	})
}

func TestLongQueuesOfUnknownDestinationsLeaveRoom(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.MaxReady = 800 }, func(f *fixture) {
		f.transport.all(hangs())
		f.transport.set("new.example", after(healthy, says(smtpclient.Delivered, 250)))
		for i := range 5 {
			f.accept(200, 10, fmt.Sprintf("hangs%d.example", i)) // the eighth of four of them is all that unknown ones have
		}
		f.accept(5, 10, "new.example")
		t.Logf("waited %v", f.wait("new.example", 5, time.Second))
	})
}

func TestAnyReplyIsAnAnswer(t *testing.T) {
	for _, code := range []int{421, 450, 550} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			bubble(t, func(o *dispatch.Options) { o.Retry = []time.Duration{time.Hour} }, func(f *fixture) {
				class := smtpclient.Temporary
				if code == 550 {
					class = smtpclient.Permanent
				}
				f.transport.set("x.example", after(time.Second, says(class, code)))
				f.accept(20, 10, "x.example")
				f.pass(time.Minute)
				want := dispatch.FirstLimit
				if code == 421 {
					want = dispatch.FirstLimit / 2
				}
				if got := f.transport.peak("x.example"); got != want {
					t.Errorf("%d at once, want %d", got, want)
				}
			})
		})
	}
}

func TestManyThatAnsweredAndNowHangDelayNoOther(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.MaxConcurrent, o.PerDestination = 100, 20 }, func(f *fixture) {
		f.known(41)
		for i := range 40 {
			f.accept(40, 10, fmt.Sprintf("d%d.example", i)) // so that each may have 20
		}
		f.pass(10 * time.Second)
		f.transport.all(hangs()) // the network is cut
		f.transport.set("d40.example", after(healthy, says(smtpclient.Delivered, 250)))
		for i := range 40 {
			f.accept(200, 10, fmt.Sprintf("d%d.example", i))
		}
		f.settled()
		f.accept(20, 10, "d40.example")
		// Its first slot may have to wait until the others' first are slow.
		t.Logf("waited %v", f.wait("d40.example", 21, dispatch.Patience+2*time.Second))
		for range 6 {
			f.pass(5 * time.Minute)
			before := f.spool.count(spool.Delivered, "d40.example")
			f.accept(1, 10, "d40.example")
			f.wait("d40.example", before+1, 2*time.Second)
		}
	})
}

func TestOneThatWasSilentIsServedInFullWhenItAnswersAgain(t *testing.T) {
	for _, c := range []struct {
		name string
		down answer
		most time.Duration
	}{
		{"after connections were refused: each had its attempt and waits for its next", mute(smtpclient.CauseRefused), 6 * time.Minute},
		{"after it hung: one attempt at a time, the others wait for its end", hangs(), 2*time.Minute + 12*time.Second},
		{"after it hung for as long as an attempt may", after(time.Hour, nil), attemptTimeout + 12*time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(o *dispatch.Options) { o.Retry = []time.Duration{5 * time.Minute} }, func(f *fixture) {
				f.transport.set("x.example", c.down)
				f.accept(1000, 10, "x.example")
				f.pass(30 * time.Minute)
				if s := f.Stats(); s.Held > 10 {
					t.Errorf("it holds %d in memory", s.Held)
				}
				f.transport.set("x.example", after(healthy, says(smtpclient.Delivered, 250)))
				// The few that were tried just before have their own next time.
				t.Logf("took %v", f.wait("x.example", 980, c.most))
			})
		})
	}
}

func TestAHealthyDestinationIsServedInFullAtOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		n    int
	}{
		{"all in memory", 1000},
		{"most of it from the database", 5000},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, nil, func(f *fixture) {
				f.transport.set("x.example", after(healthy, says(smtpclient.Delivered, 250)))
				f.accept(c.n, 10, "x.example")
				began := time.Now()
				f.wait("x.example", c.n, time.Hour)
				ideal := time.Duration(c.n) * healthy / 20
				if took := time.Since(began); took > ideal+time.Second {
					t.Errorf("took %v, at full concurrency it takes %v", took, ideal)
				}
			})
		})
	}
}

func TestTheLimitFollowsWhatADestinationSays(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []answer
		limit   int
	}{
		{"a first delivery opens the limit", []answer{says(smtpclient.Delivered, 250)}, dispatch.FirstLimit + 1},
		{"deliveries raise it by one each", []answer{nil, nil, nil, nil}, dispatch.FirstLimit + 4},
		{"refusals of a recipient change nothing", []answer{nil, says(smtpclient.Permanent, 550), says(smtpclient.Temporary, 450)}, dispatch.FirstLimit + 1},
		{"421 halves it", []answer{nil, nil, nil, says(smtpclient.Temporary, 421)}, (dispatch.FirstLimit + 3) / 2},
		{"a refused connection halves it", []answer{nil, nil, nil, mute(smtpclient.CauseRefused)}, (dispatch.FirstLimit + 3) / 2},
		{"an unreachable host halves it", []answer{nil, nil, nil, mute(smtpclient.CauseUnreachable)}, (dispatch.FirstLimit + 3) / 2},
		{"a timeout halves it", []answer{nil, nil, nil, mute(smtpclient.CauseTimeout)}, (dispatch.FirstLimit + 3) / 2},
		{"a broken connection halves it", []answer{nil, nil, nil, mute(smtpclient.CauseClosed)}, (dispatch.FirstLimit + 3) / 2},
		{"a lookup without an answer halves it", []answer{nil, nil, nil, mute(smtpclient.CauseDNS)}, (dispatch.FirstLimit + 3) / 2},
		{"TLS that fails is an answer", []answer{nil, mute(smtpclient.CauseTLSRequired)}, dispatch.FirstLimit + 1},
		{"a name that does not exist says nothing", []answer{nil, mute(smtpclient.CauseNoDomain)}, dispatch.FirstLimit + 1},
		{"it does not fall below one", []answer{
			mute(smtpclient.CauseRefused), mute(smtpclient.CauseRefused), mute(smtpclient.CauseRefused), mute(smtpclient.CauseRefused),
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(o *dispatch.Options) { o.Retry = []time.Duration{time.Hour} }, func(f *fixture) {
				if !f.Reserve("x.example", 1) { // keeps the destination known
					t.Fatal("no room")
				}
				for i, a := range c.answers {
					f.transport.set("x.example", a)
					f.spool.accept(10, fmt.Sprintf("u%d@x.example", i))
					f.settled()
				}
				if got := f.Limit("x.example"); got != c.limit {
					t.Errorf("limit %d, want %d", got, c.limit)
				}
				f.Cancel("x.example", 1)
			})
		})
	}
}

func TestADestinationIsRememberedForAnHour(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		f.spool.accept(10, "u@x.example")
		f.pass(time.Second)
		if f.Stats().Known != 0 || f.Remembered() != 1 {
			t.Errorf("%d known, %d remembered", f.Stats().Known, f.Remembered())
		}
		f.pass(dispatch.Memory + time.Minute)
		if f.Remembered() != 0 {
			t.Error("still remembered")
		}
	})
}

func TestAQueueForADeadDestinationExpires(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.MaxAge = 2 * time.Hour }, func(f *fixture) {
		f.transport.set("dead.example", hangs())
		f.accept(500, 10, "dead.example") // at one attempt in two minutes: 17 hours
		f.pass(3 * time.Hour)
		if n := f.spool.count(spool.Expired, ""); n != 500 {
			t.Errorf("%d expired", n)
		}
		r := f.spool.row("u499@dead.example")
		if st := r.finals[0]; !st.Detail.Expired || st.Attempt.Cause != "not-tried" || st.Reason == "" {
			t.Errorf("%+v", st)
		}
	})
}

func TestAfterALongPauseOldMessagesAreTriedBeforeTheyExpire(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.Paused = true }, func(f *fixture) {
		f.accept(100, 10, "x.example")
		f.pass(20 * time.Hour)
		f.stop()
		f.start(nil)
		f.pass(time.Minute)
		if n := f.spool.count(spool.Delivered, ""); n != 100 {
			t.Errorf("%d delivered", n)
		}
	})
}
