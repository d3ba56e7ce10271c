// SPDX-License-Identifier: Apache-2.0

// Package ledger is the book that proofs of reliability keep: what the server said it
// accepted, what arrived, and when the server was killed in between. It is for tests
// only.
//
// A recipient of a message is one line of the book, named by the message id of the
// server's answer and the address. Accepted lines that never arrive are lost. A second
// arrival is a duplicate. It is explained if the server was killed between the two, and
// so soon after the first that the commit of its outcome may have been missing; what a
// killed server had on the wire may still arrive after its end, over the connections
// of its life.
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
	arrived  map[string][]arrival
	kills    []time.Time
}

// arrival is one copy: when it came, and over a connection of which life of the server.
type arrival struct {
	at   time.Time
	life int
}

// New returns an empty book that reads the time from now.
func New(now func() time.Time) *Ledger {
	return &Ledger{now: now, accepted: map[string]time.Time{}, arrived: map[string][]arrival{}}
}

func line(id, recipient string) string { return id + " " + strings.ToLower(recipient) }

// Accept books that the server took the message id for recipient.
func (l *Ledger) Accept(id, recipient string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted[line(id, recipient)] = l.now()
}

// Life is how often the server has been killed so far. Who receives its mail asks when
// a connection begins, and hands it to Arrive.
func (l *Ledger) Life() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.kills)
}

// Arrive books that a copy of the message id reached recipient.
func (l *Ledger) Arrive(id, recipient string, life int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := line(id, recipient)
	l.arrived[k] = append(l.arrived[k], arrival{l.now(), life})
}

// Kill books that the server was killed just now.
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
	Unexplained []string // duplicates that no kill explains
	Kills       int
}

// Balance closes the book. A duplicate is explained if it came from a later life than
// the copy before it, whose own life ended no later than window after that copy.
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
	for k, copies := range l.arrived {
		if _, ok := l.accepted[k]; !ok {
			r.Unanswered++
		}
		for i := 1; i < len(copies); i++ {
			r.Duplicates++
			if !l.explained(copies[i-1], copies[i], window) {
				r.Unexplained = append(r.Unexplained, k)
			}
		}
	}
	sort.Strings(r.Lost)
	sort.Strings(r.Unexplained)
	return r
}

func (l *Ledger) explained(first, second arrival, window time.Duration) bool {
	return second.life > first.life && l.kills[first.life].Sub(first.at) <= window
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
