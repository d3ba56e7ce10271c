// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"container/list"
	"time"

	"sesame/internal/core/spool"
)

// Destinations that want a slot stand in lines: for a first one, by their trust, and for
// a further one. Each line is served in turn, one slot at a time, the lines in the order
// of precedence.
const (
	further = int(trusts)
	lines   = int(trusts) + 1
)

func precedence() [lines]int { return [lines]int{int(answers), int(unknown), int(silent), further} }

// run is one attempt under way.
type run struct {
	dest    *destination
	entry   *spool.Entry
	entries []*spool.Entry // entry, and the others of its message that share the transaction
	trust   trust          // dest's when it began
	slow    bool           // has lost its slot
	asked   time.Time
	place   *list.Element // in Dispatcher.running, nil unless the peer is being waited for
	terms   Terms
	due     time.Time // of its entries' next attempt, once that is decided

	// Room for what most runs have: one entry and one outcome.
	oneEntry   [1]*spool.Entry
	oneOutcome [1]spool.Settlement
}

// lineOf is where dest belongs, -1 if it wants no slot.
func lineOf(dest *destination) int {
	switch under := dest.active + dest.slow; {
	case len(dest.ready) == 0 || under >= dest.allowed():
		return -1
	case under > 0:
		return further
	}
	return int(dest.trust)
}

// lineUp puts dest where it belongs; d.mu is held.
func (d *Dispatcher) lineUp(dest *destination) {
	line := lineOf(dest)
	if dest.place != nil {
		if dest.line == line {
			return
		}
		d.lines[dest.line].Remove(dest.place)
		dest.place = nil
	}
	if line >= 0 {
		dest.line, dest.place = line, d.lines[line].PushBack(dest)
	}
}

// open reports whether there is a slot for somebody of the line; d.mu is held.
func (d *Dispatcher) open(line int) bool {
	if line == further {
		return d.active < beyondFirst(d.o.MaxConcurrent)
	}
	used := 0
	for t := silent; t <= answers; t++ {
		used += d.activeBy[t]
		if int(t) >= line && used >= t.share(d.o.MaxConcurrent) {
			return false
		}
	}
	return true
}

// grant gives out the slots that are free; d.mu is held.
func (d *Dispatcher) grant() {
	if d.stopping {
		return
	}
	now := d.o.Clock()
	for _, line := range precedence() {
		for l := d.lines[line]; l.Len() > 0 && d.open(line); {
			dest := l.Remove(l.Front()).(*destination)
			dest.place = nil
			d.begin(dest)
			d.lineUp(dest)
			d.refill(dest, now)
		}
	}
}

// begin starts the attempt of dest's next entry; d.mu is held.
func (d *Dispatcher) begin(dest *destination) {
	r := &run{dest: dest, entry: dest.ready[0], trust: dest.trust}
	r.entries = append(r.oneEntry[:0], r.entry)
	dest.ready[0] = nil
	dest.ready = dest.ready[1:]
	if r.entry.Message.SharedReturnPath {
		r.entries = append(r.entries, dest.companions(r.entry)...)
	}
	if len(dest.ready) == 0 {
		dest.ready = nil
	}
	dest.active++
	d.active++
	d.activeBy[r.trust]++
	d.wg.Add(1)
	go d.attempt(r)
}

// waits says that from now on r's peer is being waited for.
func (d *Dispatcher) waits(r *run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.asked = d.o.Clock()
	r.place = d.running.PushBack(r)
}

// vacate takes a slot away from r; d.mu is held.
func (d *Dispatcher) vacate(r *run) {
	r.dest.active--
	d.active--
	d.activeBy[r.trust]--
}

// waited says that r's peer has had its say; d.mu is held.
func (d *Dispatcher) waited(r *run) {
	if r.place != nil {
		d.running.Remove(r.place)
		r.place = nil
	}
}

// end takes r out of the books and gives its slot to whoever is next.
func (d *Dispatcher) end(r *run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waited(r)
	if r.slow {
		r.dest.slow--
		d.slow--
	} else {
		d.vacate(r)
	}
	d.book(r.dest, -len(r.entries), -len(r.entries)*len(r.entry.Message.Content))
	d.review(r.dest)
}

// markSlow takes the slots of those whose peers take too long; d.mu is held.
func (d *Dispatcher) markSlow(now time.Time) {
	for d.running.Len() > 0 && d.slow < slowFactor*d.o.MaxConcurrent {
		r := d.running.Front().Value.(*run)
		if now.Sub(r.asked) < patience {
			return
		}
		d.waited(r)
		d.vacate(r)
		r.slow = true
		r.dest.slow++
		d.slow++
		if r.dest.slow >= r.dest.allowed() {
			d.silence(r.dest)
		}
		d.review(r.dest)
	}
}

// verdict is what an attempt tells about its destination.
type verdict int

const (
	nothing    verdict = iota // it was not asked
	delivered                 // it took the mail
	replied                   // it said something else
	closing                   // it said that it is too busy to talk
	unanswered                // it said nothing
)

// judge learns from an attempt whose peer has had its say.
func (d *Dispatcher) judge(r *run, v verdict) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waited(r)
	dest := r.dest
	switch v {
	case nothing:
		return
	case delivered:
		dest.limit = min(dest.limit+1, d.o.PerDestination)
	case closing, unanswered:
		dest.limit = max(dest.limit/2, 1)
	}
	switch {
	case v != unanswered:
		dest.heard = d.o.Clock()
		d.setTrust(dest, answers)
	case dest.trust == unknown || dest.limit == 1:
		d.silence(dest)
	}
	d.review(dest)
}

// silence makes dest silent and gives back most of what waits for it; d.mu is held.
func (d *Dispatcher) silence(dest *destination) {
	d.setTrust(dest, silent)
	d.release(d.removeReady(dest, few))
}

// squeeze gives back most of what waits for unknown destinations, if they and the silent
// ones leave little of their half to others like them; d.mu is held. Until then they may
// hold as much as any other, since most of them answer in a moment.
func (d *Dispatcher) squeeze() {
	held := d.held(unknown)
	if held.entries < beyondFirst(unknown.share(d.o.MaxReady)) && held.bytes < beyondFirst(unknown.share(d.o.MaxReadyBytes)) {
		return
	}
	var surplus []*spool.Entry
	for _, dest := range d.dests {
		if dest.trust == unknown {
			surplus = append(surplus, d.removeReady(dest, few)...)
		}
	}
	d.release(surplus)
}
