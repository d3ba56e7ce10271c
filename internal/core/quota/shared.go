// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"sync"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/drain"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// How a node holds a part of the quotas.
const (
	// useFor is how long a node gives out what it took; then it asks again. holdFor is
	// how long the others leave it to the node: longer by the wait of a delayed send, a
	// commit, and what the nodes' clocks may differ.
	useFor  = 20 * time.Second
	holdFor = 2 * time.Minute

	slices  = 200                    // a slice is this part of the 24 hours' quota, or less where little is left
	chunk   = 250 * time.Millisecond // and a chunk is what the rate gives in this time
	askLeft = time.Second            // how long a node takes the database's word that the 24 hours' quota is used up

	worthAhead = 8 // what is smaller is not taken ahead of use
)

// shared is the ledger of nodes that share a database: the token bucket of the rate is
// there, and each node's held recipients are, in rows that a lock on the bucket's row
// guards. In memory is what this node took and has not used.
//
// For each scope the database makes sure of
//
//	sent in 24 hours + held by all nodes <= quota
//
// whenever it gives a slice, where a node's held is what is left of its slice and what
// it reserved and has not settled. What a node uses moves from held to sent, so that it
// is counted twice at worst, until the node asks again. The rate's tokens leave the
// bucket when they are taken ahead; so in any time t, at most size + rate*t + a chunk for
// each node are used.
type shared struct {
	db   *store.DB
	now  clock.Clock
	node string

	shares scopes[share]

	mu     sync.Mutex
	ahead  sync.WaitGroup // what is being taken ahead of use
	ctx    context.Context
	closed context.CancelFunc // ends ctx: nothing is taken ahead any more
}

// share is this node's part of one scope's quotas.
type share struct {
	granting sync.Mutex // held by who asks the database

	mu       sync.Mutex
	slice    stock // of the recipients in 24 hours
	inFlight int64 // reserved and not settled
	tokens   stock // of the rate
	renewing bool

	// What the database said when it had too little.
	left     float64 // of the 24 hours' quota
	leftAt   time.Time
	bucket   float64 // tokens, at bucketAt
	bucketAt time.Time
}

// stock is what was taken ahead.
type stock struct {
	left  float64
	until time.Time // the end of its use
	whole float64   // how much it was
}

// has reports whether n can be given out.
func (s *stock) has(n float64, now time.Time) bool {
	return n <= 0 || now.Before(s.until) && s.left >= n-1e-9
}

// low reports whether more should be taken before it is needed.
func (s *stock) low(now time.Time) bool {
	return s.whole >= worthAhead && (s.left < s.whole/2 || s.until.Sub(now) < useFor/2)
}

// lapse gives up what is left when the time of its use is over; a debt stays.
func (s *stock) lapse(now time.Time) {
	if !now.Before(s.until) {
		s.left = min(s.left, 0)
	}
}

func (s *stock) put(n float64, now time.Time) {
	s.left, s.until = s.left+n, now.Add(useFor)
	s.whole = s.left
}

func newShared(o Options) *shared {
	l := &shared{db: o.DB, now: o.Clock, node: o.Node}
	l.ctx, l.closed = context.WithCancel(context.Background())
	return l
}

// take leaves the share in use until the hold is settled.
func (l *shared) take(ctx context.Context, sc scope.Scope, c claim) (verdict, error) {
	k := l.shares.use(sc, l.now())
	s := &k.of
	s.mu.Lock()
	v, done := s.spend(l.now(), c)
	ahead := done && v.text == "" && s.aheadOf(l.now(), c.limits)
	s.mu.Unlock()
	if ahead {
		l.takeAhead(sc, c.limits)
	}
	var err error
	if !done {
		v, err = l.ask(ctx, sc, s, c)
	}
	if err != nil || v.text != "" {
		k.done()
		return v, err
	}
	v.hold.from, v.hold.use = l, k
	return v, nil
}

// spend gives the claim out of what the node has, or refuses what the database lately
// had too little for. It reports false where the database must be asked.
func (s *share) spend(now time.Time, c claim) (verdict, bool) {
	n := float64(c.counted())
	if c.patience == 0 {
		if c.limits.Daily > 0 && n > 0 && now.Sub(s.leftAt) < askLeft && !s.slice.has(n, now) && n > s.left {
			return verdict{text: dailyText}, true
		}
		if s.paced(now, c) {
			return verdict{text: rateText}, true
		}
	}
	if c.Bytes > large || c.limits.Daily > 0 && !s.slice.has(n, now) || c.limits.Rate > 0 && !s.tokens.has(float64(c.Recipients), now) {
		return verdict{}, false
	}
	return verdict{hold: s.give(c)}, true
}

// paced reports whether the bucket can't have the tokens by now that it lacked.
func (s *share) paced(now time.Time, c claim) bool {
	rate, n := c.limits.Rate, float64(c.Recipients)
	if rate <= 0 || s.bucketAt.IsZero() || s.tokens.has(n, now) {
		return false
	}
	if now.Before(s.tokens.until) {
		n -= s.tokens.left
	}
	by := s.bucket + max(0, now.Sub(s.bucketAt).Seconds())*rate
	return by < min(n, size(rate))-1e-9
}

// give moves the claim out of the stocks; ask lets them go below zero.
func (s *share) give(c claim) Hold {
	s.move(c, 1)
	return Hold{load: c.Load}
}

// move moves the claim out of the stocks, or with -1 back. Without a quota there is no
// stock of it.
func (s *share) move(c claim, sign float64) {
	if c.limits.Daily > 0 {
		s.slice.left -= sign * float64(c.counted())
	}
	if c.limits.Rate > 0 {
		s.tokens.left -= sign * float64(c.Recipients)
	}
	s.inFlight += int64(sign) * c.counted()
}

// aheadOf reports whether something should be taken ahead now, and nobody does.
func (s *share) aheadOf(now time.Time, l Limits) bool {
	if s.renewing || !(l.Daily > 0 && s.slice.low(now)) && !(l.Rate > 0 && s.tokens.low(now)) {
		return false
	}
	s.renewing = true
	return true
}

// takeAhead asks the database while the node goes on with what it has.
func (l *shared) takeAhead(sc scope.Scope, limits Limits) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return
	}
	k := l.shares.use(sc, l.now())
	l.ahead.Go(func() {
		defer k.done()
		s := &k.of
		// An outage shows when something is needed.
		_, _ = l.ask(l.ctx, sc, s, claim{limits: limits})
		s.mu.Lock()
		defer s.mu.Unlock()
		s.renewing = false
	})
}

// ask gives the claim, at first on credit, and has the database fill the stocks up. What
// the database has not, is taken back.
func (l *shared) ask(ctx context.Context, sc scope.Scope, s *share, c claim) (verdict, error) {
	s.granting.Lock()
	defer s.granting.Unlock()
	s.mu.Lock()
	now := l.now()
	if c.Recipients > 0 { // who asked before may have got enough for this one
		if v, done := s.spend(now, c); done {
			s.mu.Unlock()
			return v, nil
		}
	}
	s.slice.lapse(now)
	s.tokens.lapse(now)
	h := s.give(c)
	r := request{claim: c, scope: sc, node: l.node, now: now,
		slice:  c.limits.Daily > 0 && (s.slice.left < 0 || s.slice.low(now)),
		tokens: c.limits.Rate > 0 && (s.tokens.left < 0 || s.tokens.low(now)),
	}
	s.mu.Unlock()
	var g grant
	err := l.db.Write(ctx, func(tx *store.Tx) (err error) {
		g, err = r.run(tx, s)
		return err
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.move(c, -1)
		return verdict{}, err
	}
	if r.slice {
		s.slice.put(g.slice, now)
	}
	if r.tokens {
		s.tokens.put(g.tokens, now)
	}
	switch g.text {
	case dailyText:
		s.left, s.leftAt = g.left, now
	case rateText:
		s.bucket, s.bucketAt = g.left, now
	default:
		return verdict{hold: h, wait: g.wait}, nil
	}
	s.move(c, -1)
	v := verdict{text: g.text}
	if g.text == dailyText {
		v.wait = min(askLeft, c.patience)
	}
	return v, nil
}

func (l *shared) settle(h Hold, accepted bool) {
	k := h.use.(*kept[share])
	defer k.done()
	s := &k.of
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight -= h.load.counted()
	if !accepted {
		// Its recipients are not of the slice any more: nobody may know whether they were
		// counted. The next slice is as large as the count allows.
		s.tokens.left += float64(h.load.Recipients)
	}
}

func (l *shared) sent(ctx context.Context, sc scope.Scope) (int64, error) {
	var n int64
	err := l.db.QueryRow(ctx, windowSum, windowArgs(sc, l.now())...).Scan(&n)
	return n, store.Wrap("quota.Sent", err)
}

// close waits for what is being taken ahead and drops this node's holds. At the end of
// ctx it leaves them: they come free by themselves.
func (l *shared) close(ctx context.Context) error {
	l.mu.Lock()
	l.closed()
	l.mu.Unlock()
	if err := drain.Wait(ctx, drain.Done(&l.ahead)); err != nil {
		return err
	}
	return l.db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`DELETE FROM quota_slices WHERE node = ?`, l.node)
		return err
	})
}
