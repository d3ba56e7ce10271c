// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/core/delivery"
	"sesame/internal/core/dispatch"
	"sesame/internal/core/spool"
	"sesame/internal/proto/smtpclient"
)

// TestRandomOperations plays random mail, peers, faults and restarts, and looks after
// each step at what must always hold: see Check and fakeSpool. In the end every
// recipient must have its one outcome. SESAME_SEED repeats a run.
func TestRandomOperations(t *testing.T) {
	seed := rand.Uint64()
	runs := uint64(12)
	if s := os.Getenv("SESAME_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
		runs = 1
	}
	for i := range runs {
		t.Run(fmt.Sprintf("seed %d", seed+i), func(t *testing.T) {
			g := &game{r: rand.New(rand.NewPCG(seed+i, 0))}
			bubble(t, g.options, g.play)
		})
	}
}

// game is one random run.
type game struct {
	*fixture
	r        *rand.Rand
	o        dispatch.Options
	n        int // recipients so far
	promised []promise
}

// promise is room that was reserved and is neither used nor given back.
type promise struct {
	dom  address.Domain
	size int
}

func (g *game) options(o *dispatch.Options) {
	if g.o.MaxConcurrent == 0 {
		o.MaxConcurrent, o.PerDestination = 1+g.r.IntN(12), 1+g.r.IntN(8)
		o.MaxReady, o.MaxReadyBytes = 1+g.r.IntN(60), 1+g.r.IntN(20_000)
		o.MaxAge, o.Retry = 3*time.Hour, []time.Duration{time.Minute, 20 * time.Minute}
		g.o = *o
	}
	same := g.o
	same.Spool, same.Transport, same.Preparer = o.Spool, o.Transport, o.Preparer
	*o = same
}

func (g *game) play(f *fixture) {
	g.fixture = f
	f.transport.all(g.peer)
	for range 150 {
		g.step()
		f.settled()
	}
	g.heal()
	for range 24 { // MaxAge, and some lease that runs out at the worst moment
		if f.pass(30 * time.Minute); f.spool.count(spool.Queued, "")+f.spool.count(spool.Leased, "") == 0 {
			break
		}
	}
	for _, r := range f.spool.rows {
		if len(r.finals) != 1 || r.state == spool.Queued || r.state == spool.Leased {
			f.t.Errorf("%s: state %v, %d outcomes", r.to, r.state, len(r.finals))
		}
	}
	if s := f.spool.seen(); s.lost > s.unknown+s.reclaimed {
		f.t.Errorf("%d outcomes for lost leases, but only %d of unknown fate and %d leases that ran out", s.lost, s.unknown, s.reclaimed)
	}
	f.t.Logf("%d recipients, %d released, %d outcomes of lost leases, %d attempts, bounds %d/%d/%d/%d",
		len(f.spool.rows), f.spool.released, f.spool.lost, f.transport.total(), g.o.MaxConcurrent, g.o.PerDestination, g.o.MaxReady, g.o.MaxReadyBytes)
}

// heal ends the faults; a dispatcher that starts anew finds what they left leased.
func (g *game) heal() {
	g.spool.fail(faults{})
	g.preparer.fail(nil)
	g.transport.mu.Lock()
	g.transport.answer, g.transport.other = nil, nil
	g.transport.mu.Unlock()
	for _, p := range g.promised {
		g.Cancel(p.dom, p.size)
	}
	g.promised = nil
}

func (g *game) domain() string { return fmt.Sprintf("d%d.example", g.r.IntN(12)) }

func (g *game) step() {
	switch n := g.r.IntN(100); {
	case n < 45:
		g.mail(g.spool.acceptMessage)
	case n < 50:
		g.mail(func(m *spool.Message) { g.spool.storeMessage(m) })
	case n < 55:
		p := promise{address.Domain(g.domain()), g.r.IntN(3000)}
		if g.Reserve(p.dom, p.size) {
			g.promised = append(g.promised, p)
		}
	case n < 60 && len(g.promised) > 0:
		p := g.promised[0]
		g.promised = g.promised[1:]
		g.Cancel(p.dom, p.size)
	case n < 65:
		g.Waiting(address.Domain(g.domain()))
	case n < 68:
		g.Kick()
	case n < 78:
		g.transport.set(g.domain(), []answer{
			says(smtpclient.Delivered, 250), after(time.Second, says(smtpclient.Delivered, 250)), hangs(), after(time.Hour, nil),
			mute(smtpclient.CauseRefused), says(smtpclient.Temporary, 421), says(smtpclient.Temporary, 450), says(smtpclient.Permanent, 550), g.peer,
		}[g.r.IntN(9)])
	case n < 83:
		g.fault()
	case n < 85:
		g.restart()
	default:
		<-time.After(time.Duration(g.r.ExpFloat64() * float64(20*time.Second)))
	}
}

func (g *game) mail(put func(*spool.Message)) {
	var to []string
	dom, together := g.domain(), g.r.IntN(3) == 0
	for range 1 + g.r.IntN(6) {
		if g.n++; !together || g.r.IntN(4) == 0 {
			dom = g.domain()
		}
		to = append(to, fmt.Sprintf("u%d@%s", g.n, dom))
	}
	m := message(g.r.IntN(3000), to...)
	m.SharedReturnPath = together
	put(m)
}

// peer answers by the recipient's number, since it may not share the game's chance.
func (g *game) peer(ctx context.Context, d delivery.Delivery) delivery.Attempt {
	sum := len(d.Content[1])
	for _, b := range []byte(d.To[0].Local) {
		sum = sum*31 + int(b)
	}
	switch sum % 7 {
	case 0:
		return says(smtpclient.Permanent, 550)(ctx, d)
	case 1:
		return after(time.Duration(sum%40)*time.Second, says(smtpclient.Delivered, 250))(ctx, d)
	case 2:
		if sum%3 == 0 {
			panic("a random panic")
		}
		return mute(smtpclient.CauseClosed)(ctx, d)
	}
	return says(smtpclient.Delivered, 250)(ctx, d)
}

// fault breaks something, or heals everything.
func (g *game) fault() {
	sometimes := func(err error) func() error {
		n := uint64(0)
		return func() error {
			if n++; rand.New(rand.NewPCG(n, 1)).IntN(2) == 0 {
				return err
			}
			return nil
		}
	}
	var f faults
	switch g.r.IntN(6) {
	case 0:
		f.onLease = sometimes(errAway)
	case 1:
		f.onRelease = sometimes(errAway)
	case 2:
		fail := sometimes(errAway)
		f.onSettle = func(spool.Settlement) (error, bool) { return fail(), false }
	case 3:
		fail := sometimes(errAway)
		f.onSettle = func(spool.Settlement) (error, bool) { return fail(), true }
	case 4:
		fail := sometimes(errors.New("no key"))
		g.preparer.fail(func(*spool.Message) error { return fail() })
		return
	case 5:
		all := func() error { return errAway }
		f = faults{onLease: all, onRelease: all, onReclaim: all, onSettle: func(spool.Settlement) (error, bool) { return errAway, false }}
	}
	g.spool.fail(f)
}

// restart stops the dispatcher and starts another.
func (g *game) restart() {
	for _, p := range g.promised {
		g.Cancel(p.dom, p.size)
	}
	g.promised = nil
	g.spool.fail(faults{})
	g.stop()
	g.start(g.options)
}
