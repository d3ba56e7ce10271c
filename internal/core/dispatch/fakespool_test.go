// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/core/dispatch"
	"sesame/internal/core/spool"
)

// row is a recipient in the fake spool.
type row struct {
	m      *spool.Message
	n      int
	to     address.Address
	state  spool.State
	due    time.Time
	tried  int
	owner  int
	until  time.Time
	finals []spool.Settlement
	all    []spool.Settlement
}

// fakeSpool is core/spool in memory, with faults. It complains about what no
// dispatcher may do.
type fakeSpool struct {
	t       *testing.T
	mu      sync.Mutex
	rows    []*row
	byID    map[string][]*row // by message
	ready   *dispatch.Dispatcher
	owner   int // the dispatcher's start
	largest int

	counts
	faults
}

// counts are what the spool has seen.
type counts struct{ released, lost, unknown, reclaimed, leases, leasesUnder, mostLeases int }

// faults are called with the spool's lock held; nil for none.
type faults struct {
	onLease, onRelease, onReclaim func() error
	onSettle                      func(spool.Settlement) (err error, after bool) // after: the change is made all the same
	hold                          chan struct{}                                  // Lease waits for it after its commit
}

// fail replaces the faults.
func (s *fakeSpool) fail(f faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

func (s *fakeSpool) seen() counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

func newSpool(t *testing.T) *fakeSpool { return &fakeSpool{t: t, byID: map[string][]*row{}} }

// add adds a row; s.mu is held.
func (s *fakeSpool) add(r *row) {
	s.largest = max(s.largest, len(r.m.Content))
	s.rows = append(s.rows, r)
	s.byID[r.m.ID] = append(s.byID[r.m.ID], r)
}

// begin connects a new start of the node, and recovers what the one before had leased.
func (s *fakeSpool) begin(d *dispatch.Dispatcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = d
	s.owner++
	for _, r := range s.rows {
		if r.state == spool.Leased {
			r.state, r.due = spool.Queued, time.Now()
		}
	}
}

var errAway = &fault.Error{Kind: fault.Unavailable, Text: "away", Err: errors.New("away")}

// lend puts a leased recipient into the database, and returns its entry.
func (s *fakeSpool) lend(m *spool.Message, until time.Time) *spool.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&row{m: m, to: m.Recipients[0], state: spool.Leased, tried: 1, owner: s.owner, until: until})
	return &spool.Entry{Message: m, Address: m.Recipients[0], Attempt: 1, LeaseUntil: until}
}

// accept is spool.Accept.
func (s *fakeSpool) accept(size int, to ...string) *spool.Message {
	m := message(size, to...)
	s.acceptMessage(m)
	return m
}

func message(size int, to ...string) *spool.Message {
	m := &spool.Message{ID: rand.Text(), AcceptedAt: time.Now(), Content: make([]byte, size)}
	for _, a := range to {
		parsed, err := address.Parse(a)
		if err != nil {
			panic(err)
		}
		m.Recipients = append(m.Recipients, parsed)
	}
	return m
}

func (s *fakeSpool) acceptMessage(m *spool.Message) {
	s.mu.Lock()
	s.largest = max(s.largest, len(m.Content)) // it may be promised room before it is there
	ready, owner := s.ready, s.owner
	s.mu.Unlock()
	direct := make([]bool, len(m.Recipients))
	for i, a := range m.Recipients {
		direct[i] = ready.Reserve(a.Domain, len(m.Content))
	}
	until := time.Now().Add(leaseFor)
	s.mu.Lock()
	for i, a := range m.Recipients {
		r := &row{m: m, n: i, to: a, due: m.AcceptedAt, owner: owner}
		if direct[i] {
			r.state, r.tried, r.until = spool.Leased, 1, until
		}
		s.add(r)
	}
	s.mu.Unlock()
	var entries []*spool.Entry
	for i, a := range m.Recipients {
		if direct[i] {
			entries = append(entries, &spool.Entry{Message: m, N: i, Address: a, Attempt: 1, LeaseUntil: until})
		} else {
			ready.Waiting(a.Domain)
		}
	}
	ready.Push(entries)
}

// store puts a recipient into the database alone, as another node would.
func (s *fakeSpool) store(size int, to ...string) { s.storeMessage(message(size, to...)) }

func (s *fakeSpool) storeMessage(m *spool.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, a := range m.Recipients {
		s.add(&row{m: m, n: i, to: a, due: m.AcceptedAt})
	}
}

func (s *fakeSpool) Due(_ context.Context, limit int) ([]spool.Due, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := map[address.Domain]time.Time{}
	for _, r := range s.rows {
		if at, ok := first[r.to.Domain]; r.state == spool.Queued && (!ok || r.due.Before(at)) {
			first[r.to.Domain] = r.due
		}
	}
	var due []spool.Due
	for d, at := range first {
		if len(due) < limit {
			due = append(due, spool.Due{Domain: d, At: at})
		}
	}
	return due, nil
}

func (s *fakeSpool) Lease(ctx context.Context, d address.Domain, limit, maxBytes int) ([]*spool.Entry, time.Time, error) {
	entries, next, hold, err := s.lease(d, limit, maxBytes)
	if hold != nil {
		<-hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leasesUnder--
	return entries, next, err
}

func (s *fakeSpool) lease(d address.Domain, limit, maxBytes int) (entries []*spool.Entry, next time.Time, hold chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases++
	s.leasesUnder++
	s.mostLeases = max(s.mostLeases, s.leasesUnder)
	if err := fails(s.onLease); err != nil {
		return nil, time.Time{}, nil, err
	}
	now := time.Now()
	var queued []*row
	for _, r := range s.rows {
		if r.to.Domain == d && r.state == spool.Queued {
			queued = append(queued, r)
		}
	}
	slices.SortStableFunc(queued, func(a, b *row) int { return cmp.Compare(a.due.UnixNano(), b.due.UnixNano()) })
	bytes, loaded := 0, map[*spool.Message]*spool.Message{}
	for _, r := range queued {
		if r.due.After(now) || len(entries) == limit || bytes > maxBytes {
			next = r.due
			break
		}
		bytes += len(r.m.Content)
		r.state, r.owner, r.until = spool.Leased, s.owner, now.Add(leaseFor)
		r.tried++
		if loaded[r.m] == nil {
			loaded[r.m] = &spool.Message{ID: r.m.ID, AcceptedAt: r.m.AcceptedAt, Content: r.m.Content, Recipients: r.m.Recipients, SharedReturnPath: r.m.SharedReturnPath}
		}
		entries = append(entries, &spool.Entry{Message: loaded[r.m], N: r.n, Address: r.to, Attempt: r.tried, LeaseUntil: r.until})
	}
	return entries, next, s.hold, nil
}

func fails(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

// find returns the row of an entry; s.mu is held.
func (s *fakeSpool) find(e *spool.Entry) *row {
	for _, r := range s.byID[e.Message.ID] {
		if r.n == e.N && r.to == e.Address {
			return r
		}
	}
	panic("an entry that the spool never gave")
}

func (s *fakeSpool) Release(ctx context.Context, entries []*spool.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(ctx.Err(), fails(s.onRelease)); err != nil {
		return err
	}
	for _, e := range entries {
		r := s.find(e)
		if r.state != spool.Leased || !r.until.Equal(e.LeaseUntil) {
			s.t.Errorf("%s is released in state %v of a lease until %v with one until %v", e.Address, r.state, r.until, e.LeaseUntil)
			continue
		}
		s.released++
		r.state, r.due = spool.Queued, time.Now()
		r.tried--
	}
	return nil
}

func (s *fakeSpool) Settle(_ context.Context, st spool.Settlement) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fault error
	if s.onSettle != nil {
		var after bool
		if fault, after = s.onSettle(st); fault != nil && !after {
			return fault
		}
		if fault != nil {
			s.unknown++ // it will be settled again
		}
	}
	r := s.find(st.Entry)
	if r.state != spool.Leased || !r.until.Equal(st.Entry.LeaseUntil) {
		s.lost++
		return fault
	}
	r.all = append(r.all, st)
	r.state, r.due = st.State, st.Due
	if st.State != spool.Queued {
		r.finals = append(r.finals, st)
	}
	return fault
}

func (s *fakeSpool) Reclaim(context.Context) (n int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := fails(s.onReclaim); err != nil {
		return 0, err
	}
	for _, r := range s.rows {
		if r.state == spool.Leased && r.until.Before(time.Now()) {
			r.state, r.due = spool.Queued, time.Now()
			s.reclaimed++
			n++
		}
	}
	return n, nil
}

// row returns the row of the address.
func (s *fakeSpool) row(to string) row {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		if r.to.String() == to {
			return *r
		}
	}
	panic("no recipient " + to)
}

// count is how many recipients of the domain (all if empty) are in the state.
func (s *fakeSpool) count(state spool.State, dom string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		if r.state == state && (dom == "" || string(r.to.Domain) == dom) {
			n++
		}
	}
	return n
}
