// SPDX-License-Identifier: Apache-2.0

// Package dispatch decides who is tried when. It keeps a queue in memory for each
// destination (a recipient domain), fills it with what was just accepted or with
// leases from the spool, runs a bounded number of deliveries at once, and settles each
// outcome: delivered, bounced, or to be tried again, for a stated reason. What does not
// fit in memory waits in the database. Recipients of a message who share a return path and a
// destination are tried in one attempt, which counts as one.
//
// A destination that hangs delays no other. Two things are scarce: the slots of
// MaxConcurrent, and the room of MaxReady and MaxReadyBytes. Both are given by one rule:
//
//   - destinations that are silent use a quarter at most, these and the ones that are
//     unknown half: the other half is for destinations that answer;
//   - whoever has something already gets nothing of the last quarter, and no
//     destination has more than an eighth of the room, or than its limit of slots.
//
// A destination is unknown until something is heard of it. It answers once an attempt
// ended with a reply, whatever it said. It is silent when its attempts ended without
// one until its limit came down to 1, or when all that it may have last longer than
// patience. One that does not answer gets one slot; the queue of one that is silent, or
// unknown while room is short, is given back to the database but for a few. The limit of the others begins at 5, grows by one with each
// delivery up to PerDestination, and is halved by each attempt that ended without a
// reply, or with 421 (RFC 5321 §3.8: the server closes the channel).
//
// An attempt that lasts longer than patience hands its slot on. It counts as slow from
// then on, and three times MaxConcurrent may be slow at once. So a destination that
// answers waits for others that do, or for patience; one that is unknown waits, at worst,
// patience for every half of MaxConcurrent that came before it and hangs. Only where more
// unknown ones than three times MaxConcurrent hang at once do further unknown ones wait
// for the ends of their attempts.
package dispatch

import (
	"container/list"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/drain"
	"sesame/internal/core/delivery"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/proto/smtpclient"
)

// Spool is what the dispatcher asks of core/spool.
type Spool interface {
	Due(ctx context.Context, limit int) ([]spool.Due, error)
	Lease(ctx context.Context, d address.Domain, limit, maxBytes int) ([]*spool.Entry, time.Time, error)
	Release(ctx context.Context, entries []*spool.Entry) error
	Settle(ctx context.Context, st spool.Settlement) error
	Reclaim(ctx context.Context) (int64, error)
}

// Transport makes one attempt. It must return soon after ctx ends.
type Transport interface {
	Deliver(ctx context.Context, d delivery.Delivery) delivery.Attempt
}

// Preparer gives what is put before a message's content when it leaves (trace and
// signature fields, each ending in CRLF), and the return path of a recipient.
type Preparer interface {
	Prepare(ctx context.Context, m *spool.Message) ([]byte, error)
	ReturnPath(ctx context.Context, m *spool.Message, n int) (address.Address, error)
}

// Suppressor gives what is written in the commit that settles a recipient who was refused
// for good: the address may go on suppression lists.
type Suppressor interface {
	Bounced(ctx context.Context, f suppression.Feedback, o *smtpclient.Outcome) []func(*store.Tx) error
}

// Checker has the content of a message looked at before its first attempt. It returns false
// when every recipient of the message has been rejected. After an error the message waits.
type Checker interface {
	Check(ctx context.Context, m *spool.Message) (bool, error)
}

// Terms are how a message may be delivered, beyond what holds for all.
type Terms struct {
	MaxAge     time.Duration // as Options.MaxAge, and shorter; 0 for that one
	RequireTLS bool          // it does not leave in clear text
}

// Options configure a Dispatcher. All bounds must be positive.
type Options struct {
	Spool     Spool
	Transport Transport
	Preparer  Preparer
	Suppress  Suppressor // nil: nothing goes on suppression lists
	Check     Checker    // nil: nobody looks at content
	Clock     clock.Clock
	Log       *slog.Logger

	// Terms tells the terms of a message, anew for each attempt; nil means none. After an
	// error the attempt is made later.
	Terms func(ctx context.Context, m *spool.Message) (Terms, error)

	MaxConcurrent  int             // deliveries at once; three times as many more may be slow
	PerDestination int             // deliveries at once to one destination, slow ones too
	MaxReady       int             // recipients in memory, those being tried too
	MaxReadyBytes  int             // their content; each lease under way may go over by one message
	MaxAge         time.Duration   // of a message; after it a recipient expires
	Retry          []time.Duration // waits between attempts; the last repeats
	AttemptTimeout time.Duration   // bound on one attempt; leases must last longer
	Rescan         time.Duration   // how often the database is asked for what this node does not know of
	StopGrace      time.Duration   // how long Stop lets attempts go on; 0 means 10 s
	Paused         bool            // accept and keep, deliver nothing
}

const (
	// patience is how long an attempt keeps its slot. Most deliveries take less than a
	// second; some servers greet late on purpose.
	patience = 10 * time.Second
	// slowFactor times MaxConcurrent is how many attempts may be slow at once. They cost
	// a connection and the message that is in memory anyway.
	slowFactor = 3
	// firstLimit is how many deliveries a destination gets at once when it has answered
	// for the first time.
	firstLimit = 5
	// memory is how long a destination without mail is known to answer.
	memory = time.Hour
	// tickEvery is how often the queues are looked through for what time has changed.
	tickEvery = 250 * time.Millisecond
	// stopGrace is the default of Options.StopGrace. With it a server ends before most
	// supervisors lose their patience.
	stopGrace = 10 * time.Second
	// settleGrace is how long the attempts that Stop ends may take to end and to settle.
	settleGrace = 5 * time.Second

	// maxDestinations bounds how many destinations with waiting mail are known at once;
	// the others are found by a later rescan.
	maxDestinations = 100_000
	// maxHeard bounds how many destinations without mail are known to answer.
	maxHeard = 10_000
)

// Dispatcher runs deliveries. It is safe for concurrent use.
type Dispatcher struct {
	o Options

	mu       sync.Mutex
	dests    map[address.Domain]*destination
	heard    map[address.Domain]hearing // those that have no mail now
	heldBy   [trusts]room
	stopping bool

	// Slots: see slots.go.
	lines    [lines]*list.List // of *destination
	running  *list.List        // of *run that hold a slot and wait for their peer, longest first
	active   int
	activeBy [trusts]int // by what the destination was when the attempt began
	slow     int

	// Leases: see refill.go.
	hungry  *list.List // of *destination
	leases  int
	resting time.Time // no lease before then: the database is away

	preparations preparations
	kick         chan struct{}
	ctx          context.Context
	cancel       context.CancelFunc
	wg           sync.WaitGroup

	stats counters
}

type counters struct{ delivered, bounced, expired, retried atomic.Int64 }

// Stats are counters since the start and present values. Active deliveries hold a slot;
// slow ones are beside them.
type Stats struct {
	Delivered, Bounced, Expired, Retried      int64
	Active, Slow, Held, HeldBytes, Known      int
	MaxActive, MaxSlow, MaxHeld, MaxHeldBytes int
}

// New returns a dispatcher that does nothing until Run.
func New(o Options) *Dispatcher {
	if o.StopGrace == 0 {
		o.StopGrace = stopGrace
	}
	d := &Dispatcher{
		o: o, dests: map[address.Domain]*destination{}, heard: map[address.Domain]hearing{},
		running: list.New(), hungry: list.New(), kick: make(chan struct{}, 1),
		preparations: preparations{under: map[*spool.Message]*preparation{}},
	}
	for i := range d.lines {
		d.lines[i] = list.New()
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// Stats returns the present values.
func (d *Dispatcher) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := d.held(answers)
	return Stats{
		Delivered: d.stats.delivered.Load(), Bounced: d.stats.bounced.Load(), Expired: d.stats.expired.Load(), Retried: d.stats.retried.Load(),
		Active: d.active, Slow: d.slow, Held: held.entries, HeldBytes: held.bytes, Known: len(d.dests),
		MaxActive: d.o.MaxConcurrent, MaxSlow: slowFactor * d.o.MaxConcurrent, MaxHeld: d.o.MaxReady, MaxHeldBytes: d.o.MaxReadyBytes,
	}
}

// Run looks for work until Stop: what falls due, what another node or an earlier
// start left. It returns after Stop.
func (d *Dispatcher) Run() {
	d.rescan()
	tick := time.NewTicker(min(tickEvery, d.o.Rescan))
	defer tick.Stop()
	rescan := time.NewTicker(d.o.Rescan)
	defer rescan.Stop()
	for {
		select {
		case <-d.ctx.Done():
			return
		case <-tick.C:
			d.tick()
		case <-d.kick:
			d.tick()
			d.rescan()
		case <-rescan.C:
			d.rescan()
		}
	}
}

// Kick makes Run look for work now, for instance after the clock was moved.
func (d *Dispatcher) Kick() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// tick does what time alone brings: attempts become slow, entries wait too long for
// their lease, recipients fall due.
func (d *Dispatcher) tick() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return
	}
	now := d.o.Clock()
	d.markSlow(now)
	d.squeeze()
	var late []*spool.Entry
	for _, dest := range d.dests {
		late = append(late, d.removeLate(dest, now)...)
		d.refill(dest, now)
		d.forget(dest)
	}
	d.feed(now)
	d.release(late)
}

// rescan asks the database for queued recipients and for leases that ran out.
func (d *Dispatcher) rescan() {
	if d.o.Paused {
		return
	}
	if n, err := d.o.Spool.Reclaim(d.ctx); err != nil {
		d.complain("reclaim", err)
	} else if n > 0 {
		d.o.Log.Warn("leases ran out and were queued again", "recipients", n)
	}
	due, err := d.o.Spool.Due(d.ctx, maxDestinations)
	if err != nil {
		d.complain("rescan", err)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.o.Clock()
	for _, w := range due {
		if dest := d.dest(w.Domain); dest != nil {
			dest.next = earlier(dest.next, w.At)
			d.refill(dest, now)
		}
	}
	for domain, h := range d.heard {
		if now.Sub(h.at) > memory {
			delete(d.heard, domain)
		}
	}
}

// complain logs an error of the spool, unless it comes from being told to end.
func (d *Dispatcher) complain(what string, err error, args ...any) {
	if d.ctx.Err() == nil {
		d.o.Log.Error(what, append(args, "error", err)...)
	}
}

// Stop ends Run, lets the deliveries that are under way finish for StopGrace or until
// ctx ends, and queues again what was leased and not begun. What is reserved may still
// be pushed or cancelled afterwards. Where the database does not answer, Stop leaves it,
// with an error, settleGrace later: the next start of the node finds the leases.
func (d *Dispatcher) Stop(ctx context.Context) error {
	d.mu.Lock()
	d.stopping = true
	var left []*spool.Entry
	for _, dest := range d.dests {
		left = append(left, d.removeReady(dest, 0)...)
		d.forget(dest)
	}
	d.mu.Unlock()
	var err error
	d.wg.Go(func() { _, err = d.giveBack(ctx, left) })
	grace, cancel := context.WithTimeout(ctx, d.o.StopGrace)
	defer cancel()
	ended := drain.Done(&d.wg)
	inTime := drain.Wait(grace, ended) == nil
	d.cancel() // the attempts end as temporary failures and settle
	if inTime {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleGrace)
	defer cancel()
	if late := drain.Wait(last, ended); late != nil {
		return fmt.Errorf("outcomes or leases could not be recorded in time: %w", late)
	}
	return err
}
