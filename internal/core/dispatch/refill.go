// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/core/spool"
)

const (
	// maxLeases bounds the leases under way, so that a long list of destinations that
	// are due leaves the database to those who send.
	maxLeases = 8
	// leaseBytes is the part of MaxReadyBytes that one lease asks for.
	leaseBytes = 32
	// rest is how long nothing is leased after the database was away.
	rest = time.Second
	// releaseBatch is how many entries one commit gives back.
	releaseBatch = 500
)

// due reports whether the database should have something for dest now.
func (dest *destination) due(now time.Time) bool {
	return dest.more || !dest.next.IsZero() && !dest.next.After(now)
}

// refill asks for a lease for dest if its queue runs low and the database has some;
// d.mu is held.
func (d *Dispatcher) refill(dest *destination, now time.Time) {
	if d.stopping || d.o.Paused || dest.hungry || dest.leasing || !dest.due(now) || len(dest.ready) > dest.allowed() {
		return
	}
	dest.hungry = true
	d.hungry.PushBack(dest)
	d.feed(now)
}

// feed starts the leases that there is room for, in the order in which they were asked
// for. Where there is no room for a destination, the next tick asks again; d.mu is held.
func (d *Dispatcher) feed(now time.Time) {
	for d.hungry.Len() > 0 && d.leases < maxLeases && !d.stopping && !now.Before(d.resting) {
		dest := d.hungry.Remove(d.hungry.Front()).(*destination)
		dest.hungry = false
		free := d.free(dest)
		if free.entries < 1 || free.bytes < 1 {
			continue
		}
		promised := room{min(free.entries, batch(dest)), min(free.bytes, max(d.o.MaxReadyBytes/leaseBytes, 1))}
		d.book(dest, promised.entries, promised.bytes)
		dest.leasing, dest.more, dest.next = true, false, time.Time{}
		d.leases++
		d.wg.Add(1)
		go d.lease(dest, promised)
	}
}

func (d *Dispatcher) lease(dest *destination, promised room) {
	defer d.wg.Done()
	entries, next, err := d.askSpool(dest.domain, promised)
	if err != nil {
		d.complain("lease", err, "destination", dest.domain)
	}
	if stopped := d.leased(dest, promised, entries, next, err); stopped {
		d.giveBackPatiently(entries)
	}
}

// askSpool is Spool.Lease whose panic is an error.
func (d *Dispatcher) askSpool(dom address.Domain, r room) (entries []*spool.Entry, next time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return d.o.Spool.Lease(d.ctx, dom, r.entries, r.bytes)
}

// leased queues what a lease gave, unless the dispatcher stops.
func (d *Dispatcher) leased(dest *destination, promised room, entries []*spool.Entry, next time.Time, err error) (stopped bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leases--
	dest.leasing = false
	d.book(dest, -promised.entries, -promised.bytes)
	now := d.o.Clock()
	switch {
	case err != nil:
		dest.next = earlier(dest.next, now.Add(rest))
		if fault.Is(err, fault.Unavailable) {
			d.resting = now.Add(rest)
		}
	case next.After(now):
		dest.next = earlier(dest.next, next)
	case !next.IsZero() && len(entries) > 0:
		dest.more = true
	case !next.IsZero():
		dest.next = earlier(dest.next, now.Add(rest)) // another node has it in hand
	}
	if !d.stopping {
		for _, e := range entries {
			d.book(dest, 1, len(e.Message.Content))
		}
		dest.ready = append(dest.ready, entries...)
	}
	d.review(dest)
	d.feed(now)
	return d.stopping
}

// removeReady takes the entries of dest's queue out of the books but for the first
// keep; d.mu is held.
func (d *Dispatcher) removeReady(dest *destination, keep int) []*spool.Entry {
	if len(dest.ready) <= keep {
		return nil
	}
	out := slices.Clone(dest.ready[keep:])
	clear(dest.ready[keep:])
	dest.ready = dest.ready[:keep]
	d.removed(dest, out)
	return out
}

// removeLate takes the entries that could not be tried within their lease out of dest's
// queue; d.mu is held. Whoever keeps one for longer holds what is another's by then.
func (d *Dispatcher) removeLate(dest *destination, now time.Time) (out []*spool.Entry) {
	if !slices.ContainsFunc(dest.ready, func(e *spool.Entry) bool { return d.late(e, now) }) {
		return nil
	}
	dest.ready = slices.DeleteFunc(dest.ready, func(e *spool.Entry) bool {
		if d.late(e, now) {
			out = append(out, e)
			return true
		}
		return false
	})
	d.removed(dest, out)
	return out
}

func (d *Dispatcher) removed(dest *destination, out []*spool.Entry) {
	for _, e := range out {
		d.book(dest, -1, -len(e.Message.Content))
	}
	d.lineUp(dest)
}

// late reports whether e's lease could end during an attempt.
func (d *Dispatcher) late(e *spool.Entry, now time.Time) bool {
	return e.LeaseUntil.Sub(now) < d.o.AttemptTimeout
}

// release gives entries back in the background; d.mu is held and Stop has not begun.
func (d *Dispatcher) release(entries []*spool.Entry) {
	if len(entries) == 0 {
		return
	}
	d.wg.Add(1)
	go func() {
		defer d.wg.Done()
		d.giveBackPatiently(entries)
	}()
}

// giveBackPatiently is giveBack that, while the database is away, tries again until the
// leases have run out: before that nobody else would try the recipients.
func (d *Dispatcher) giveBackPatiently(entries []*spool.Entry) {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		var err error
		if entries, err = d.giveBack(d.ctx, entries); err == nil || !d.o.Clock().Before(entries[0].LeaseUntil) || !d.pause(wait) {
			return
		}
	}
}

// giveBack queues leased entries again that were not tried, and returns those that it
// could not.
func (d *Dispatcher) giveBack(ctx context.Context, entries []*spool.Entry) (left []*spool.Entry, err error) {
	for len(entries) > 0 {
		some := entries[:min(len(entries), releaseBatch)]
		if err := d.o.Spool.Release(ctx, some); err != nil {
			d.o.Log.Error("leases can't be given back yet", "recipients", len(entries), "error", err)
			return entries, err
		}
		entries = entries[len(some):]
		var last address.Domain
		for _, e := range some {
			if e.Address.Domain != last {
				last = e.Address.Domain
				d.Waiting(last)
			}
		}
	}
	return nil, nil
}
