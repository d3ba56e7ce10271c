// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"fmt"
	"testing"
	"time"

	base "sesame/internal/base/address"
	"sesame/internal/core/dispatch"
	"sesame/internal/core/spool"
	"sesame/internal/proto/smtpclient"
)

// known makes the destinations d0.example to dN.example known as ones that answer.
func (f *fixture) known(n int) {
	f.t.Helper()
	for i := range n {
		f.spool.accept(1, fmt.Sprintf("first@d%d.example", i))
	}
	f.pass(time.Second)
	if got := f.spool.count(spool.Delivered, ""); got != n {
		f.t.Fatalf("%d of %d answered", got, n)
	}
}

// accept accepts one message for each of n recipients of the domain.
func (f *fixture) accept(n, size int, dom string) {
	for i := range n {
		f.spool.accept(size, fmt.Sprintf("u%d@%s", i, dom))
	}
}

func TestMaxConcurrentBoundsTheDeliveriesAtOnce(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.MaxConcurrent, o.PerDestination = 12, 4 }, func(f *fixture) {
		f.known(20)
		f.transport.all(after(time.Second, says(smtpclient.Delivered, 250)))
		for i := range 20 {
			f.accept(10, 10, fmt.Sprintf("d%d.example", i))
		}
		f.settled()
		if s := f.Stats(); s.Active != 12 || s.MaxActive != 12 {
			t.Errorf("%+v", s)
		}
		f.pass(time.Minute)
		if n := f.spool.count(spool.Delivered, ""); n != 20+200 || f.transport.peakOfAll() != 20 && f.transport.peakOfAll() != 12 {
			t.Errorf("%d delivered, at most %d at once", n, f.transport.peakOfAll())
		}
	})
}

func TestPerDestinationBoundsTheDeliveriesToOne(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.PerDestination = 7 }, func(f *fixture) {
		f.transport.set("x.example", after(100*time.Millisecond, says(smtpclient.Delivered, 250)))
		f.accept(100, 10, "x.example")
		f.pass(time.Minute)
		if n := f.spool.count(spool.Delivered, ""); n != 100 || f.transport.peak("x.example") != 7 {
			t.Errorf("%d delivered, at most %d at once", n, f.transport.peak("x.example"))
		}
	})
}

func TestTheLastQuarterOfTheSlotsIsForFirstOnes(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.MaxConcurrent, o.PerDestination = 16, 16 }, func(f *fixture) {
		f.transport.set("d0.example", after(10*time.Millisecond, says(smtpclient.Delivered, 250)))
		f.known(5)
		f.accept(30, 10, "d0.example") // the limit is up to 16 now
		f.pass(time.Second)
		f.transport.all(after(5*time.Second, says(smtpclient.Delivered, 250)))
		f.transport.set("d0.example", after(5*time.Second, says(smtpclient.Delivered, 250)))
		f.accept(40, 10, "d0.example")
		f.settled()
		if s := f.Stats(); s.Active != 12 {
			t.Errorf("one destination has %d of 16 slots", s.Active)
		}
		for i := 1; i < 5; i++ {
			f.accept(1, 10, fmt.Sprintf("d%d.example", i))
		}
		f.settled()
		if s := f.Stats(); s.Active != 16 {
			t.Errorf("%d slots: the others did not get theirs", s.Active)
		}
		f.pass(time.Minute)
	})
}

func TestMaxReadyBoundsTheRecipientsInMemory(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.MaxReady = 80 }, func(f *fixture) {
		f.known(40)
		f.transport.all(after(time.Second, says(smtpclient.Delivered, 250)))
		for i := range 40 {
			f.accept(20, 10, fmt.Sprintf("d%d.example", i))
			f.check()
		}
		f.settled()
		if s := f.Stats(); s.Held > 80 || s.Held < 60 || s.MaxHeld != 80 {
			t.Errorf("%+v", s)
		}
		f.pass(5 * time.Minute)
		if n := f.spool.count(spool.Delivered, ""); n != 40+800 {
			t.Errorf("%d delivered", n)
		}
	})
}

func TestMaxReadyBytesBoundsTheContentInMemory(t *testing.T) {
	const size = 1000
	bubble(t, func(o *dispatch.Options) { o.MaxReadyBytes = 80 * size }, func(f *fixture) {
		f.known(40)
		f.transport.all(after(time.Second, says(smtpclient.Delivered, 250)))
		for i := range 40 {
			f.accept(20, size, fmt.Sprintf("d%d.example", i))
			if s := f.Stats(); s.HeldBytes > 80*size+dispatch.MaxLeases*size {
				t.Fatalf("%+v", s)
			}
		}
		f.settled()
		f.pass(5 * time.Minute)
		if n := f.spool.count(spool.Delivered, ""); n != 40+800 {
			t.Errorf("%d delivered", n)
		}
	})
}

func TestAMessageLargerThanAnyShareIsDeliveredAllTheSame(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.MaxReadyBytes = 1000 }, func(f *fixture) {
		f.transport.set("silent.example", mute(smtpclient.CauseRefused))
		f.accept(3, 1, "silent.example") // silent by now
		f.settled()
		f.transport.set("silent.example", nil)
		for _, dom := range []string{"x.example", "silent.example"} {
			f.accept(3, 5000, dom)
		}
		f.pass(5 * time.Minute)
		if n := f.spool.count(spool.Delivered, ""); n != 3+6 {
			t.Errorf("%d delivered", n)
		}
	})
}

func TestADestinationHasAnEighthOfTheRoom(t *testing.T) {
	for _, c := range []struct {
		name  string
		size  int
		first int // promised
	}{
		{"by recipients", 1, 100},
		{"by bytes", 1000, 80},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(o *dispatch.Options) { o.MaxReady, o.MaxReadyBytes = 800, 640_000 }, func(f *fixture) {
				n := 0
				for f.Reserve("x.example", c.size) {
					n++
				}
				if n != c.first {
					t.Errorf("room for %d, want %d", n, c.first)
				}
				if !f.Reserve("y.example", c.size) {
					t.Error("no room for another one")
				}
				f.Cancel("y.example", c.size)
				for range n {
					f.Cancel("x.example", c.size)
				}
				if f.Stats().Known != 0 {
					t.Error("not forgotten")
				}
			})
		})
	}
}

func TestRoomByWhatIsKnownOfADestination(t *testing.T) {
	silent := func(f *fixture, n int) {
		f.transport.all(mute(smtpclient.CauseRefused))
		for i := range n {
			f.spool.accept(1, fmt.Sprintf("first@d%d.example", i))
			f.settled()
		}
	}
	for _, c := range []struct {
		name string
		n    int
		make func(f *fixture, n int) // destinations d0.example and so on
		want int
	}{
		{"those that are unknown have half", 20, func(*fixture, int) {}, 80},
		{"those that are silent have a quarter", 20, silent, 40},
		{"one that is silent has room for the one being tried and a few", 10, silent, 10 * (1 + dispatch.Few)},
		{"those that answer have three quarters, and the rest for their first ones", 20, func(f *fixture, n int) { f.known(n) }, 120 + 20 - 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(o *dispatch.Options) { o.MaxReady = 160 }, func(f *fixture) {
				c.make(f, c.n)
				promised := map[base.Domain]int{}
				sum := 0
				for i := range c.n {
					dom := base.Domain(fmt.Sprintf("d%d.example", i))
					for f.Reserve(dom, 1) {
						promised[dom]++
						sum++
					}
				}
				f.check()
				if sum != c.want {
					t.Errorf("room for %d, want %d: %v", sum, c.want, promised)
				}
				for dom, n := range promised {
					for range n {
						f.Cancel(dom, 1)
					}
				}
			})
		})
	}
}

func TestWhatIsInTheDatabaseGoesFirst(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.MaxReady, o.PerDestination = 800, 2 }, func(f *fixture) {
		f.transport.set("x.example", after(time.Second, says(smtpclient.Delivered, 250)))
		f.accept(150, 1, "x.example") // more than the eighth
		for f.spool.count(spool.Queued, "x.example") > 0 {
			if f.Reserve("x.example", 1) {
				t.Fatalf("a newer one has overtaken %d in the database; %+v", f.spool.count(spool.Queued, ""), f.Stats())
			}
			f.pass(time.Second)
		}
		f.pass(5 * time.Minute)
		if n := f.spool.count(spool.Delivered, ""); n != 150 {
			t.Errorf("%d delivered", n)
		}
		if !f.Reserve("x.example", 1) {
			t.Error("no room when the database has no more")
		}
		f.Cancel("x.example", 1)
	})
}

func TestAttemptsThatAreSlowAreBounded(t *testing.T) {
	bubble(t, func(o *dispatch.Options) { o.MaxConcurrent = 4 }, func(f *fixture) {
		f.transport.all(after(time.Hour, nil))
		for i := range 40 {
			f.accept(2, 10, fmt.Sprintf("d%d.example", i))
		}
		f.pass(5 * time.Minute)
		if s := f.Stats(); s.Slow != 12 || s.MaxSlow != 12 || s.Active > 4 {
			t.Errorf("%+v", s)
		}
	})
}

func TestLeasesAtOnceAreBounded(t *testing.T) {
	bubble(t, nil, func(f *fixture) {
		hold := make(chan struct{})
		f.spool.fail(faults{hold: hold})
		for i := range 1000 {
			f.spool.store(1, fmt.Sprintf("u@d%d.example", i))
		}
		f.Kick()
		f.settled()
		if n := f.spool.seen().leasesUnder; n != dispatch.MaxLeases {
			t.Errorf("%d leases", n)
		}
		f.spool.fail(faults{})
		close(hold)
		f.pass(10 * time.Second)
		if n := f.spool.count(spool.Delivered, ""); n != 1000 || f.spool.seen().mostLeases != dispatch.MaxLeases {
			t.Errorf("%d delivered, at most %d leases", n, f.spool.seen().mostLeases)
		}
	})
}

func TestOneSlotAndOneEntryAreEnough(t *testing.T) {
	bubble(t, func(o *dispatch.Options) {
		o.MaxConcurrent, o.PerDestination, o.MaxReady, o.MaxReadyBytes = 1, 1, 1, 1
	}, func(f *fixture) {
		for i := range 10 {
			f.accept(5, 100, fmt.Sprintf("d%d.example", i))
		}
		f.pass(10 * time.Minute)
		if n := f.spool.count(spool.Delivered, ""); n != 50 || f.transport.peakOfAll() != 1 {
			t.Errorf("%d delivered, at most %d at once", n, f.transport.peakOfAll())
		}
	})
}
