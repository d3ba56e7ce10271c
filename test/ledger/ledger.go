// SPDX-License-Identifier: Apache-2.0

// Package ledger is the book that proofs of reliability keep: what the server said it
// accepted, what arrived, and when the server was killed in between. It is for tests
// only.
//
// A recipient of a message is one line of the book, named by the message id of the
// server's answer and the address. Accepted lines that never arrive are lost. A second
// arrival is a duplicate; it is explained if the server was killed shortly after the
// first one, since its commit may then have been missing.
package ledger

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"
)

// Ledger is safe for concurrent use.
type Ledger struct {
	mu       sync.Mutex
	now      func() time.Time
	accepted map[string]time.Time
	arrived  map[string][]time.Time
	kills    []time.Time
}

// New returns an empty book that reads the time from now.
func New(now func() time.Time) *Ledger {
	return &Ledger{now: now, accepted: map[string]time.Time{}, arrived: map[string][]time.Time{}}
}

func line(id, recipient string) string { return id + " " + strings.ToLower(recipient) }

// Accept books that the server took the message id for recipient.
func (l *Ledger) Accept(id, recipient string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted[line(id, recipient)] = l.now()
}

// Arrive books that a copy of the message id reached recipient.
func (l *Ledger) Arrive(id, recipient string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := line(id, recipient)
	l.arrived[k] = append(l.arrived[k], l.now())
}

// Kill books that the server is about to be killed.
func (l *Ledger) Kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kills = append(l.kills, l.now())
}

// Report is the balance of a book.
type Report struct {
	Accepted    int      // lines that the server acknowledged
	Delivered   int      // of those, how many arrived
	Lost        []string // acknowledged and never arrived
	Unanswered  int      // arrived though no acknowledgement was seen: the answer was lost
	Duplicates  int      // arrivals after the first
	Unexplained []string // duplicates without a kill within the window after the copy before
	Kills       int
}

// Balance closes the book. A duplicate is explained by a kill that came no later than
// window after the copy before it arrived, and before the duplicate did.
func (l *Ledger) Balance(window time.Duration) Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := Report{Accepted: len(l.accepted), Kills: len(l.kills)}
	for k := range l.accepted {
		if len(l.arrived[k]) == 0 {
			r.Lost = append(r.Lost, k)
		} else {
			r.Delivered++
		}
	}
	for k, times := range l.arrived {
		if _, ok := l.accepted[k]; !ok {
			r.Unanswered++
		}
		for i := 1; i < len(times); i++ {
			r.Duplicates++
			if !l.killedBetween(times[i-1], times[i], window) {
				r.Unexplained = append(r.Unexplained, k)
			}
		}
	}
	sort.Strings(r.Lost)
	sort.Strings(r.Unexplained)
	return r
}

func (l *Ledger) killedBetween(first, second time.Time, window time.Duration) bool {
	for _, k := range l.kills {
		if !k.Before(first) && k.Before(second) && k.Sub(first) <= window {
			return true
		}
	}
	return false
}

// Outstanding is how many acknowledged lines have not arrived yet.
func (l *Ledger) Outstanding() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for k := range l.accepted {
		if len(l.arrived[k]) == 0 {
			n++
		}
	}
	return n
}

// Balanced reports whether nothing is lost and every duplicate is explained.
func (r Report) Balanced() bool { return len(r.Lost) == 0 && len(r.Unexplained) == 0 }

// String is the balance in one line, with the first offenders.
func (r Report) String() string {
	s := fmt.Sprintf("%d kills: accepted %d = delivered %d + lost %d; %d duplicates (%d unexplained), %d arrived without their answer",
		r.Kills, r.Accepted, r.Delivered, len(r.Lost), r.Duplicates, len(r.Unexplained), r.Unanswered)
	for _, l := range [][]string{r.Lost, r.Unexplained} {
		if len(l) > 0 {
			s += "\n  " + strings.Join(l[:min(5, len(l))], "\n  ")
		}
	}
	return s
}
