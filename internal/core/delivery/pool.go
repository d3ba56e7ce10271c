// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/drain"
	"sesame/internal/proto/smtpclient"
)

// PoolOptions bound the connections that are kept between messages.
type PoolOptions struct {
	MaxIdle        int           // idle connections in all; 0 means 500, less keeps none
	MaxIdlePerDest int           // idle connections of one destination; 0 means 20
	IdleTimeout    time.Duration // how long one may wait; 0 means 30 s
	MaxMessages    int           // messages over one connection; 0 means 100
	MaxAge         time.Duration // of a connection; 0 means 5 min
}

func (o *PoolOptions) setDefaults() {
	if o.MaxIdle == 0 {
		o.MaxIdle = 500
	}
	if o.MaxIdlePerDest == 0 {
		o.MaxIdlePerDest = 20
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = 30 * time.Second
	}
	if o.MaxMessages == 0 {
		o.MaxMessages = 100
	}
	if o.MaxAge == 0 {
		o.MaxAge = 5 * time.Minute
	}
}

// maxGoodbyes bounds how many connections wait at the same time for the answer to
// QUIT; more are closed without one.
const maxGoodbyes = 50

// session is an open connection with what the pool must know of it. Whoever holds it
// is its only user.
type session struct {
	conn     *smtpclient.Conn
	key      string // destination
	host     string
	opened   time.Time
	idle     time.Time // since when it waits
	messages int
	place    *list.Element // among all that wait
}

// pool keeps idle sessions. Its lock is never held across I/O.
type pool struct {
	o     PoolOptions
	clock clock.Clock

	mu       sync.Mutex
	byDest   map[string][]*session // the one used last at the end
	order    *list.List            // of *session, the one used last at the back
	closed   bool
	goodbyes sync.WaitGroup
	slots    chan struct{}
	stop     chan struct{}
}

func newPool(o PoolOptions, c clock.Clock) *pool {
	o.setDefaults()
	p := &pool{
		o: o, clock: c, byDest: make(map[string][]*session), order: list.New(),
		slots: make(chan struct{}, maxGoodbyes), stop: make(chan struct{}),
	}
	p.goodbyes.Go(p.sweepAgainAndAgain)
	return p
}

func (p *pool) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.order.Len()
}

// take returns the session to key that was used last and is still good, or nil. With
// protected, only one that uses TLS will do.
func (p *pool) take(key string, protected bool) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock()
	waiting := p.byDest[key]
	for i := len(waiting) - 1; i >= 0; i-- {
		s := waiting[i]
		if protected && !s.conn.TLS().Active() || p.expired(s, now) {
			continue // the sweep ends those that are too old
		}
		p.remove(s)
		return s
	}
	return nil
}

// put keeps a session for the next message, or ends it if it has served its time. If
// there is no room, the one that has waited longest makes it.
func (p *pool) put(s *session) {
	p.mu.Lock()
	now := p.clock()
	s.idle = now
	if p.closed || s.messages >= p.o.MaxMessages || p.expired(s, now) || p.o.MaxIdle < 0 {
		p.mu.Unlock()
		p.end(s)
		return
	}
	var victims []*session
	if waiting := p.byDest[s.key]; len(waiting) >= p.o.MaxIdlePerDest {
		victims = append(victims, waiting[0])
		p.remove(waiting[0])
	}
	if p.order.Len() >= p.o.MaxIdle {
		oldest := p.order.Front().Value.(*session)
		victims = append(victims, oldest)
		p.remove(oldest)
	}
	p.byDest[s.key] = append(p.byDest[s.key], s)
	s.place = p.order.PushBack(s)
	p.mu.Unlock()
	for _, v := range victims {
		p.end(v)
	}
}

func (p *pool) expired(s *session, now time.Time) bool {
	return now.Sub(s.idle) >= p.o.IdleTimeout || now.Sub(s.opened) >= p.o.MaxAge
}

// remove takes a session out. The lock is held.
func (p *pool) remove(s *session) {
	p.order.Remove(s.place)
	waiting := p.byDest[s.key]
	if i := slices.Index(waiting, s); len(waiting) > 1 {
		p.byDest[s.key] = slices.Delete(waiting, i, i+1)
	} else {
		delete(p.byDest, s.key)
	}
}

// end says goodbye in the background, so that no delivery waits for it.
func (p *pool) end(s *session) {
	p.mu.Lock()
	select {
	case p.slots <- struct{}{}:
	default:
		p.mu.Unlock()
		_ = s.conn.Close() // what it carried has been answered
		return
	}
	background := !p.closed // close waits only for those that began before it
	if background {
		p.goodbyes.Add(1)
	}
	p.mu.Unlock()
	quit := func() {
		_ = s.conn.Quit(context.Background()) // bounded by its own timeout; nothing depends on it
		<-p.slots
	}
	if !background {
		quit()
		return
	}
	go func() {
		defer p.goodbyes.Done()
		quit()
	}()
}

// sweepAgainAndAgain ends what has waited too long, until the pool is closed.
func (p *pool) sweepAgainAndAgain() {
	tick := time.NewTicker(max(p.o.IdleTimeout/2, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.sweep()
		}
	}
}

func (p *pool) sweep() {
	p.mu.Lock()
	now := p.clock()
	var old []*session
	for el := p.order.Front(); el != nil; {
		s := el.Value.(*session)
		el = el.Next()
		if p.expired(s, now) {
			p.remove(s)
			old = append(old, s)
		}
	}
	p.mu.Unlock()
	for _, s := range old {
		p.end(s)
	}
}

// close ends all idle sessions and waits for the goodbyes until ctx ends.
func (p *pool) close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	var all []*session
	for p.order.Len() > 0 {
		s := p.order.Front().Value.(*session)
		p.remove(s)
		all = append(all, s)
	}
	close(p.stop)
	p.closed = true
	p.mu.Unlock()

	stop := context.AfterFunc(ctx, func() {
		for _, s := range all {
			_ = s.conn.Close() // also ends the waiting for an answer to QUIT
		}
	})
	defer stop()
	todo := make(chan *session)
	for range min(len(all), maxGoodbyes) {
		p.goodbyes.Go(func() {
			for s := range todo {
				_ = s.conn.Quit(ctx)
			}
		})
	}
	for _, s := range all {
		todo <- s
	}
	close(todo)
	_ = drain.Wait(ctx, drain.Done(&p.goodbyes)) // at the end of ctx they end soon
	return ctx.Err()
}
