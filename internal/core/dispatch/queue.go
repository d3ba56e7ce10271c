// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"container/list"
	"context"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/core/spool"
)

// trust is what is known of a destination.
type trust int

// In this order each may use what those before it may, and more.
const (
	silent trust = iota
	unknown
	answers
	trusts
)

// share is how much of a bound destinations of at most this trust use together.
func (t trust) share(bound int) int {
	switch t {
	case silent:
		return max(bound/4, 1)
	case unknown:
		return max(bound/2, 1)
	}
	return bound
}

// beyondFirst is how much of a bound goes to those who have something already.
func beyondFirst(bound int) int { return bound - bound/4 }

// room is memory: entries and the bytes of their content.
type room struct{ entries, bytes int }

func (r *room) add(entries, bytes int) {
	r.entries += entries
	r.bytes += bytes
}

// lower makes r no larger than what is left of a bound.
func (r *room) lower(bound room, used room) {
	r.entries = min(r.entries, bound.entries-used.entries)
	r.bytes = min(r.bytes, bound.bytes-used.bytes)
}

// hearing is what is remembered of a destination that has no mail now.
type hearing struct {
	at    time.Time // of its last reply
	limit int
}

// destination is the queue of one recipient domain.
type destination struct {
	domain address.Domain
	trust  trust
	limit  int       // deliveries at once when it answers
	heard  time.Time // its last reply

	ready  []*spool.Entry
	held   room // ready entries, those being tried, and promised room
	active int  // attempts that hold a slot
	slow   int  // attempts that held one

	line    int // where place is
	place   *list.Element
	hungry  bool      // is in Dispatcher.hungry
	leasing bool      // a lease is under way
	more    bool      // the database holds recipients that are due
	next    time.Time // when the next one known is due; zero if none is
}

// allowed is how many attempts dest may have at once.
func (dest *destination) allowed() int {
	if dest.trust == answers {
		return dest.limit
	}
	return 1
}

// dest returns the queue of dom, nil if no more destinations can be known; d.mu is held.
func (d *Dispatcher) dest(dom address.Domain) *destination {
	dest := d.dests[dom]
	if dest == nil && len(d.dests) < maxDestinations {
		dest = &destination{domain: dom, trust: unknown, limit: min(firstLimit, d.o.PerDestination)}
		if h, ok := d.heard[dom]; ok && d.o.Clock().Sub(h.at) <= memory {
			dest.trust, dest.limit, dest.heard = answers, h.limit, h.at
		}
		delete(d.heard, dom)
		d.dests[dom] = dest
	}
	return dest
}

// forget drops a destination that has nothing to do, but for the memory of an answer;
// d.mu is held.
func (d *Dispatcher) forget(dest *destination) {
	if dest.held.entries > 0 || dest.active+dest.slow > 0 || dest.hungry || dest.leasing || dest.more || !dest.next.IsZero() {
		return
	}
	delete(d.dests, dest.domain)
	if dest.trust == answers && len(d.heard) < maxHeard {
		d.heard[dest.domain] = hearing{dest.heard, dest.limit}
	}
}

// book changes what dest holds; d.mu is held.
func (d *Dispatcher) book(dest *destination, entries, bytes int) {
	dest.held.add(entries, bytes)
	d.heldBy[dest.trust].add(entries, bytes)
}

// setTrust moves dest and what it holds; d.mu is held.
func (d *Dispatcher) setTrust(dest *destination, t trust) {
	held := dest.held
	d.book(dest, -held.entries, -held.bytes)
	dest.trust = t
	d.book(dest, held.entries, held.bytes)
}

// held is what destinations of at most this trust hold; d.mu is held.
func (d *Dispatcher) held(most trust) (sum room) {
	for t := silent; t <= most; t++ {
		sum.add(d.heldBy[t].entries, d.heldBy[t].bytes)
	}
	return sum
}

// free is how much more dest may hold, zero or less if nothing; d.mu is held.
func (d *Dispatcher) free(dest *destination) room {
	all := room{d.o.MaxReady, d.o.MaxReadyBytes}
	left := all
	for t := dest.trust; t <= answers; t++ {
		left.lower(room{t.share(all.entries), t.share(all.bytes)}, d.held(t))
	}
	if dest.held.entries > 0 {
		left.lower(room{beyondFirst(all.entries), beyondFirst(all.bytes)}, d.held(answers))
		left.lower(room{max(all.entries/8, 1), max(all.bytes/8, 1)}, dest.held)
	}
	if dest.trust == silent {
		left.entries = min(left.entries, 1+few-dest.held.entries)
	}
	return left
}

// few is how many entries of a destination that does not answer wait in memory, and
// how many are leased at once for one that is unknown.
const few = 2

// batch is how many entries of dest are leased at once.
func batch(dest *destination) int {
	if dest.trust == answers {
		return 4 * dest.limit
	}
	return few
}

// Reserve promises room for one entry of a message of size bytes to dom, if there
// is any for it.
func (d *Dispatcher) Reserve(dom address.Domain, size int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping || d.o.Paused {
		return false
	}
	dest := d.dest(dom)
	if dest == nil {
		return false
	}
	// What is in the database is older and goes first.
	if free := d.free(dest); dest.more || free.entries < 1 || free.bytes < size {
		d.forget(dest)
		return false
	}
	d.book(dest, 1, size)
	return true
}

// Cancel gives back what Reserve promised.
func (d *Dispatcher) Cancel(dom address.Domain, size int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dest := d.dests[dom]
	d.book(dest, -1, -size)
	d.forget(dest)
}

// Push queues entries of a message, each of which Reserve promised room for.
func (d *Dispatcher) Push(entries []*spool.Entry) {
	if d.push(entries) {
		return
	}
	// An error is logged; the next start of the node finds the leases.
	_, _ = d.giveBack(context.WithoutCancel(d.ctx), entries)
}

// push is Push unless the dispatcher stops. No attempt begins before all are queued.
func (d *Dispatcher) push(entries []*spool.Entry) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range entries {
		dest := d.dests[e.Address.Domain]
		if d.stopping {
			d.book(dest, -1, -len(e.Message.Content))
			d.forget(dest)
			continue
		}
		dest.ready = append(dest.ready, e)
	}
	if d.stopping {
		return false
	}
	for _, e := range entries {
		if dest := d.dests[e.Address.Domain]; dest != nil {
			d.review(dest)
		}
	}
	return true
}

// Waiting tells that the database holds a due recipient of dom.
func (d *Dispatcher) Waiting(dom address.Domain) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping || d.o.Paused {
		return
	}
	if dest := d.dest(dom); dest != nil {
		dest.more = true
		d.refill(dest, d.o.Clock())
	}
}

// review draws the conclusions of a change of dest; d.mu is held.
func (d *Dispatcher) review(dest *destination) {
	d.lineUp(dest)
	d.grant()
	d.refill(dest, d.o.Clock())
	d.forget(dest)
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
