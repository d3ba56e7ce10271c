// SPDX-License-Identifier: Apache-2.0

// Package dispatch decides who is tried when. It keeps a queue in memory for each
// destination, fills it with what was just accepted or with leases from the spool,
// runs a bounded number of deliveries at once, and settles each outcome: delivered,
// bounced, or to be tried again, for a stated reason.
//
// A destination that hangs holds its own slots and its own share of memory, never
// another's. What does not fit in memory waits in the database.
package dispatch

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/core/delivery"
	"sesame/internal/core/spool"
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
	ReturnPath(m *spool.Message, n int) address.Address
}

// Options configure a Dispatcher. All bounds must be positive.
type Options struct {
	Spool     Spool
	Transport Transport
	Preparer  Preparer
	Clock     clock.Clock
	Log       *slog.Logger

	MaxConcurrent  int             // deliveries at once
	PerDestination int             // deliveries at once to one destination
	MaxReady       int             // recipients waiting in memory
	MaxReadyBytes  int             // their content
	MaxAge         time.Duration   // of a message; after it a recipient expires
	Retry          []time.Duration // waits between attempts; the last repeats
	AttemptTimeout time.Duration   // bound on one attempt
	Rescan         time.Duration   // how often the database is asked for what this node does not know of
	Paused         bool            // accept and keep, deliver nothing
}

// maxDestinations bounds how many destinations with waiting mail are known at once;
// the others are found by a later rescan.
const maxDestinations = 100_000

// Dispatcher runs deliveries. It is safe for concurrent use.
type Dispatcher struct {
	o Options

	mu       sync.Mutex
	dests    map[address.Domain]*destination
	waiting  []*destination // have ready entries and wait for a slot of MaxConcurrent
	active   int
	held     int // entries in memory or promised room
	bytes    int
	stopping bool

	kick   chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	stats counters
}

// destination is the queue of one recipient domain.
type destination struct {
	domain  address.Domain
	ready   []*spool.Entry
	held    int // ready entries and promised room
	active  int
	queued  bool      // is in Dispatcher.waiting
	leasing bool      // a lease is under way
	more    bool      // the database may hold recipients that are due
	next    time.Time // when the next one known is due; zero if none is
}

type counters struct{ delivered, bounced, expired, retried atomic.Int64 }

// Stats are counters since the start and present values.
type Stats struct {
	Delivered, Bounced, Expired, Retried int64
	Active, Held, HeldBytes, Known       int
	MaxActive, MaxHeld, MaxHeldBytes     int
}

// New returns a dispatcher that does nothing until Run.
func New(o Options) *Dispatcher {
	ctx, cancel := context.WithCancel(context.Background())
	return &Dispatcher{o: o, dests: map[address.Domain]*destination{}, kick: make(chan struct{}, 1), ctx: ctx, cancel: cancel}
}

// Stats returns the present values.
func (d *Dispatcher) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Stats{
		Delivered: d.stats.delivered.Load(), Bounced: d.stats.bounced.Load(), Expired: d.stats.expired.Load(), Retried: d.stats.retried.Load(),
		Active: d.active, Held: d.held, HeldBytes: d.bytes, Known: len(d.dests),
		MaxActive: d.o.MaxConcurrent, MaxHeld: d.o.MaxReady, MaxHeldBytes: d.o.MaxReadyBytes,
	}
}

// Reserve promises room for one entry of a message of size bytes to dom, if there
// is any. No destination may hold more than its share: an eighth of the room, so
// that one that hangs leaves room for the others.
func (d *Dispatcher) Reserve(dom address.Domain, size int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping || d.o.Paused || d.held >= d.o.MaxReady || d.bytes+size > d.o.MaxReadyBytes {
		return false
	}
	dest := d.dest(dom)
	if dest == nil || dest.more || dest.held >= max(d.o.MaxReady/8, 1) {
		return false // what is in the database is older and goes first
	}
	dest.held++
	d.held++
	d.bytes += size
	return true
}

// Cancel gives back what Reserve promised.
func (d *Dispatcher) Cancel(dom address.Domain, size int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free(d.dests[dom], size)
}

// free takes one entry out of the books; d.mu is held.
func (d *Dispatcher) free(dest *destination, size int) {
	dest.held--
	d.held--
	d.bytes -= size
	d.forget(dest)
}

// forget drops a destination that nothing is known of; d.mu is held.
func (d *Dispatcher) forget(dest *destination) {
	if dest.held == 0 && dest.active == 0 && !dest.leasing && !dest.more && dest.next.IsZero() && !dest.queued {
		delete(d.dests, dest.domain)
	}
}

// Push queues an entry that Reserve promised room for.
func (d *Dispatcher) Push(e *spool.Entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dest := d.dests[e.Address.Domain]
	dest.ready = append(dest.ready, e)
	d.start(dest)
}

// Waiting tells that the database holds a due recipient of dom.
func (d *Dispatcher) Waiting(dom address.Domain) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if dest := d.dest(dom); dest != nil {
		dest.more = true
		d.refill(dest)
	}
}

// dest returns the queue of dom, nil if no more destinations can be known.
func (d *Dispatcher) dest(dom address.Domain) *destination {
	dest := d.dests[dom]
	if dest == nil && len(d.dests) < maxDestinations {
		dest = &destination{domain: dom}
		d.dests[dom] = dest
	}
	return dest
}

// start gives dest as many workers as its entries and the bounds allow; d.mu is
// held. Where only MaxConcurrent is in the way, dest lines up for a slot.
func (d *Dispatcher) start(dest *destination) {
	for n := len(dest.ready); n > 0 && dest.active < d.o.PerDestination && !d.stopping; n-- {
		if d.active >= d.o.MaxConcurrent {
			d.lineUp(dest)
			return
		}
		d.active++
		dest.active++
		d.wg.Add(1)
		go d.work(dest)
	}
}

func (d *Dispatcher) lineUp(dest *destination) {
	if !dest.queued {
		dest.queued = true
		d.waiting = append(d.waiting, dest)
	}
}

// work delivers dest's entries until there are none or another destination's turn
// has come.
func (d *Dispatcher) work(dest *destination) {
	defer d.wg.Done()
	for {
		d.mu.Lock()
		e := d.take(dest)
		if e == nil {
			d.leave(dest)
			d.mu.Unlock()
			return
		}
		d.mu.Unlock()
		d.attempt(dest, e)
	}
}

// take returns the next entry for a worker of dest, nil if the worker shall end;
// d.mu is held.
func (d *Dispatcher) take(dest *destination) *spool.Entry {
	if d.stopping || len(dest.ready) == 0 {
		return nil
	}
	if len(d.waiting) > 0 && d.active >= d.o.MaxConcurrent {
		d.lineUp(dest)
		return nil
	}
	e := dest.ready[0]
	dest.ready[0] = nil
	dest.ready = dest.ready[1:]
	if len(dest.ready) == 0 {
		dest.ready = nil
	}
	d.refill(dest)
	return e
}

// leave ends a worker and gives its slot to whoever waits longest; d.mu is held.
func (d *Dispatcher) leave(dest *destination) {
	d.active--
	dest.active--
	for len(d.waiting) > 0 && d.active < d.o.MaxConcurrent {
		next := d.waiting[0]
		d.waiting = d.waiting[1:]
		next.queued = false
		d.start(next)
		d.forget(next)
	}
	d.forget(dest)
}

// refill leases more for dest when its queue runs low and the database has some;
// d.mu is held.
func (d *Dispatcher) refill(dest *destination) {
	due := dest.more || !dest.next.IsZero() && !dest.next.After(d.o.Clock())
	if !due || dest.leasing || d.stopping || d.o.Paused || len(dest.ready) > d.o.PerDestination {
		return
	}
	n := min(d.o.MaxReady-d.held, 4*d.o.PerDestination)
	if n <= 0 || d.bytes >= d.o.MaxReadyBytes {
		return // somebody's entries must go first; every rescan comes here again
	}
	dest.leasing, dest.more, dest.next = true, false, time.Time{}
	d.held += n // promised
	d.wg.Add(1)
	go d.lease(dest, n, (d.o.MaxReadyBytes-d.bytes)/4)
}

func (d *Dispatcher) lease(dest *destination, n, maxBytes int) {
	defer d.wg.Done()
	entries, next, err := d.o.Spool.Lease(d.ctx, dest.domain, n, maxBytes)
	if err != nil {
		d.o.Log.Error("lease", "destination", dest.domain, "error", err)
		next = d.o.Clock().Add(time.Second)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held -= n
	dest.leasing = false
	now := d.o.Clock()
	switch {
	case next.IsZero():
	case next.After(now):
		dest.next = earlier(dest.next, next)
	default:
		dest.more = true
	}
	for _, e := range entries {
		dest.held++
		d.held++
		d.bytes += len(e.Message.Content)
		dest.ready = append(dest.ready, e)
	}
	d.start(dest)
	if err == nil {
		d.refill(dest)
	}
	d.forget(dest)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// Run looks for work until Stop: what falls due, what another node or an earlier
// start left. It returns after Stop.
func (d *Dispatcher) Run() {
	d.rescan()
	due := time.NewTicker(min(250*time.Millisecond, d.o.Rescan))
	defer due.Stop()
	rescan := time.NewTicker(d.o.Rescan)
	defer rescan.Stop()
	for {
		select {
		case <-d.ctx.Done():
			return
		case <-due.C:
			d.wakeDue()
		case <-d.kick:
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

// wakeDue leases for the destinations whose time has come.
func (d *Dispatcher) wakeDue() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, dest := range d.dests {
		d.refill(dest)
	}
}

// rescan asks the database for queued recipients and for leases that ran out.
func (d *Dispatcher) rescan() {
	if d.o.Paused {
		return
	}
	if n, err := d.o.Spool.Reclaim(d.ctx); err != nil {
		d.o.Log.Error("reclaim", "error", err)
	} else if n > 0 {
		d.o.Log.Warn("leases ran out and were queued again", "recipients", n)
	}
	due, err := d.o.Spool.Due(d.ctx, maxDestinations)
	if err != nil {
		d.o.Log.Error("rescan", "error", err)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range due {
		if dest := d.dest(w.Domain); dest != nil {
			dest.next = earlier(dest.next, w.At)
			d.refill(dest)
		}
	}
}

// Stop ends Run, lets the deliveries that are under way finish until ctx ends, and
// queues again what was leased and not begun.
func (d *Dispatcher) Stop(ctx context.Context) error {
	d.mu.Lock()
	d.stopping = true
	var left []*spool.Entry
	for _, dest := range d.dests {
		left = append(left, dest.ready...)
		dest.ready = nil
	}
	d.mu.Unlock()
	var err error
	if len(left) > 0 {
		err = d.o.Spool.Release(ctx, left)
	}
	done := make(chan struct{})
	go func() { d.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		d.cancel() // the attempts end as temporary failures and settle
		<-done
	}
	d.cancel()
	return err
}

// backoff is the wait after an attempt, spread by a tenth so that what failed
// together is not tried together.
func (d *Dispatcher) backoff(attempt int) time.Duration {
	w := d.o.Retry[min(attempt-1, len(d.o.Retry)-1)]
	return w - w/20 + rand.N(w/10+1)
}
