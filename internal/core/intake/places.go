// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"slices"
	"sync"

	"sesame/internal/base/fault"
)

// places bound how much is worked on at once on this node. One account has three quarters
// of them at most, so that none can keep all others waiting. It is safe for concurrent use.
type places struct {
	all  chan struct{}
	most int // of one account

	mu  sync.Mutex
	own map[string]*share // of the accounts that have places or wait for one
}

// share is what one account has of the places.
type share struct {
	places chan struct{}
	users  int
}

func newPlaces(n int) *places {
	return &places{all: make(chan struct{}, n), most: n - n/4, own: map[string]*share{}}
}

// enter waits for a place. Whoever has one must leave, with the same account.
func (p *places) enter(ctx context.Context, account string) error {
	own := p.shareOf(account)
	select {
	case own <- struct{}{}:
	case <-ctx.Done():
		p.done(account)
		return unserved(ctx)
	}
	select {
	case p.all <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-own
		p.done(account)
		return unserved(ctx)
	}
}

func (p *places) leave(account string) {
	p.mu.Lock()
	own := p.own[account].places
	p.mu.Unlock()
	<-p.all
	<-own
	p.done(account)
}

// shareOf returns the share of an account, which is kept until done is called as often.
func (p *places) shareOf(account string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.own[account]
	if s == nil {
		s = &share{places: make(chan struct{}, p.most)}
		p.own[account] = s
	}
	s.users++
	return s.places
}

func (p *places) done(account string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.own[account]; s.users > 1 {
		s.users--
		return
	}
	delete(p.own, account)
}

func unserved(ctx context.Context) error {
	return &fault.Error{Kind: fault.Unavailable, Op: "intake.enter", Text: "Temporary service failure", Err: ctx.Err()}
}

// desk is where one message is made: the places that it has. One goroutine uses it.
type desk struct {
	account string
	has     []*places
}

// enter waits for a place, unless the message has one of these.
func (d *desk) enter(ctx context.Context, p *places) error {
	if slices.Contains(d.has, p) {
		return nil
	}
	if err := p.enter(ctx, d.account); err != nil {
		return err
	}
	d.has = append(d.has, p)
	return nil
}

// leave gives all places back.
func (d *desk) leave() {
	for _, p := range d.has {
		p.leave(d.account)
	}
	d.has = nil
}

// away does without the places while wait runs, and then waits for them again, in the order
// in which it had them.
func (d *desk) away(ctx context.Context, wait func() error) error {
	had := d.has
	d.leave()
	if err := wait(); err != nil {
		return err
	}
	for _, p := range had {
		if err := d.enter(ctx, p); err != nil {
			return err
		}
	}
	return nil
}
