// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"context"
	"math"
	"sync"
	"time"

	"sesame/internal/base/fault"
)

// slack is how far a poll looks back. Numbers are given before the commit, so that
// one which others gave may show up after greater ones.
const slack = 1000

// Wait returns the newest mail that matches, as soon as there is one. When ctx ends
// before, the error is of kind NotFound; with too many Waits at once it is Throttled.
func (m *Mailbox) Wait(ctx context.Context, q Query) (Message, error) {
	f, err := q.filter()
	if err != nil {
		return Message{}, err
	}
	w, err := m.waits.add(f) // before looking, so that nothing falls between
	if err != nil {
		return Message{}, err
	}
	defer m.waits.remove(w)
	poll := time.NewTicker(m.poll)
	defer poll.Stop()
	for after := int64(0); ; {
		msg, last, err := m.look(ctx, f, after)
		switch {
		case err == nil:
			return msg, nil
		case ctx.Err() != nil:
			return Message{}, noneCame(ctx)
		case !fault.Is(err, fault.NotFound):
			return Message{}, err
		}
		after = max(last-slack, 0)
		select {
		case <-w.woken:
		case <-poll.C:
		case <-ctx.Done():
			return Message{}, noneCame(ctx)
		}
	}
}

// look returns the newest mail after the number that matches, or NotFound and the
// number up to which it has looked.
func (m *Mailbox) look(ctx context.Context, f filter, after int64) (Message, int64, error) {
	last, err := m.newest(ctx)
	if err != nil {
		return Message{}, after, err
	}
	found, err := m.find(ctx, f, window{after: after, before: math.MaxInt64, limit: 1})
	if err != nil {
		return Message{}, after, err
	}
	if len(found) == 0 {
		return Message{}, last, unknown("")
	}
	msg, err := m.Get(ctx, found[0].ID) // NotFound if it was deleted just now
	return msg, after, err
}

func noneCame(ctx context.Context) error {
	return &fault.Error{Kind: fault.NotFound, Op: "mailbox.Wait", Text: "No such mail came in time.", Err: ctx.Err()}
}

// waiters are the Waits of this process.
type waiters struct {
	most int
	mu   sync.Mutex
	all  map[*waiter]struct{}
}

type waiter struct {
	filter filter
	woken  chan struct{}
}

func (ws *waiters) add(f filter) (*waiter, error) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if len(ws.all) >= ws.most {
		return nil, fault.New(fault.Throttled, "Too many requests wait for mail.")
	}
	w := &waiter{f, make(chan struct{}, 1)}
	ws.all[w] = struct{}{}
	return w, nil
}

func (ws *waiters) remove(w *waiter) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.all, w)
}

// wake tells those whose mail r is.
func (ws *waiters) wake(r *row) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.all {
		if !w.filter.matches(r) {
			continue
		}
		select {
		case w.woken <- struct{}{}:
		default: // it has been told and will look
		}
	}
}
