// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"errors"
	"fmt"
)

// The constants that tests count with.
const (
	Patience    = patience
	MaxLeases   = maxLeases
	SlowFactor  = slowFactor
	FirstLimit  = firstLimit
	WholeTries  = wholeTries
	Memory      = memory
	Few         = few
	LastWait    = lastWait
	ReasonAlien = reasonPanic
)

// Check compares the books of the dispatcher with each other and with its bounds.
// Leases under way may hold more bytes than they were promised by over.
func (d *Dispatcher) Check(over int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	complain := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	var sum [trusts]room
	active, slow, lined, hungry, leasing := 0, 0, 0, 0, 0
	for name, dest := range d.dests {
		complain(name != dest.domain, "%s is kept as %s", dest.domain, name)
		complain(dest.held.entries < 0 || dest.held.bytes < 0 || dest.active < 0 || dest.slow < 0, "%s: less than nothing: %+v", name, *dest)
		complain(len(dest.ready)+dest.active+dest.slow > dest.held.entries, "%s holds %d, but %d are ready and %d+%d under way",
			name, dest.held.entries, len(dest.ready), dest.active, dest.slow)
		complain(dest.limit < 1 || dest.limit > d.o.PerDestination, "%s has limit %d", name, dest.limit)
		complain(dest.active+dest.slow > d.o.PerDestination, "%s has %d attempts", name, dest.active+dest.slow)
		complain((dest.place != nil) != (lineOf(dest) >= 0) || dest.place != nil && dest.line != lineOf(dest), "%s does not stand where it belongs", name)
		complain(dest.place != nil && d.open(dest.line) && !d.stopping, "%s waits although there is a slot", name)
		complain(dest.held == room{} && dest.active+dest.slow == 0 && !dest.hungry && !dest.leasing && !dest.more && dest.next.IsZero(),
			"%s has nothing and is not forgotten", name)
		sum[dest.trust].add(dest.held.entries, dest.held.bytes)
		active, slow = active+dest.active, slow+dest.slow
		for n, is := range map[*int]bool{&lined: dest.place != nil, &hungry: dest.hungry, &leasing: dest.leasing} {
			if is {
				*n++
			}
		}
	}
	complain(sum != d.heldBy, "held by trust: %v, by destination: %v", d.heldBy, sum)
	complain(active != d.active || slow != d.slow, "active %d, slow %d; by destination %d, %d", d.active, d.slow, active, slow)
	complain(hungry != d.hungry.Len() || leasing != d.leases, "hungry %d, leases %d; by destination %d, %d", d.hungry.Len(), d.leases, hungry, leasing)
	complain(leasing > maxLeases, "%d leases", leasing)
	for _, l := range d.lines {
		lined -= l.Len()
	}
	complain(lined != 0, "%d more destinations wait than stand in lines", lined)
	used := 0
	for t := silent; t <= answers; t++ {
		used += d.activeBy[t]
		complain(d.activeBy[t] < 0 || used > t.share(d.o.MaxConcurrent), "%d slots for trust %d and less", used, t)
	}
	complain(used != d.active, "active %d, by trust %v", d.active, d.activeBy)
	complain(d.running.Len() > d.active, "%d of %d wait for their peers", d.running.Len(), d.active)
	complain(d.slow > slowFactor*d.o.MaxConcurrent, "%d are slow", d.slow)
	held := d.held(answers)
	complain(held.entries > d.o.MaxReady, "%d entries", held.entries)
	complain(held.bytes > d.o.MaxReadyBytes+over, "%d bytes", held.bytes)
	return errors.Join(errs...)
}

// Limit is the limit of a destination that the dispatcher knows, 0 for others.
func (d *Dispatcher) Limit(dom string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, dest := range d.dests {
		if string(name) == dom {
			return dest.limit
		}
	}
	return 0
}

// Remembered is how many destinations without mail are known to answer.
func (d *Dispatcher) Remembered() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.heard)
}
