// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"sync"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
)

// patient is Reserve for a load that rather waits. Each who waits for the rate has its
// tokens promised, in the order of asking.
func (q *Quotas) patient(ctx context.Context, sc scope.Scope, c claim) (Hold, error) {
	end := q.o.Clock().Add(q.o.MaxDelay)
	for {
		c.patience = max(0, end.Sub(q.o.Clock()))
		v, err := q.ledger.take(ctx, sc, c)
		if err != nil {
			return Hold{}, err
		}
		if v.text == "" && v.wait == 0 {
			return v.hold, nil
		}
		refusal := fault.New(fault.Throttled, "%s", v.text)
		if v.text == "" {
			refusal.Text = rateText
		}
		if v.wait == 0 || v.wait > c.patience {
			return Hold{}, refusal
		}
		if err := q.wait(ctx, sc, c.Bytes, v.wait); err != nil {
			q.Settle(v.hold, false)
			refusal.Err = err
			return Hold{}, refusal
		}
		if v.text == "" {
			return v.hold, nil
		}
	}
}

// wait sleeps, if there is a seat for a message of so many bytes.
func (q *Quotas) wait(ctx context.Context, sc scope.Scope, bytes int, d time.Duration) error {
	if !q.waiting.enter(sc, bytes) {
		return errFull
	}
	defer q.waiting.leave(sc, bytes)
	return q.o.Sleep(ctx, d)
}

var errFull = fault.New(fault.Throttled, "too many sends wait already")

// waiting counts who waits. The zero value is ready.
type waiting struct {
	mu  sync.Mutex
	all seats
	by  map[scope.Scope]seats
}

// seats are of sends that wait, with their messages.
type seats struct{ sends, bytes int }

func (s seats) plus(sends, bytes int) seats { return seats{s.sends + sends, s.bytes + bytes} }

func (s seats) within(sends, bytes int) bool { return s.sends <= sends && s.bytes <= bytes }

func (w *waiting) enter(sc scope.Scope, bytes int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil {
		w.by = map[scope.Scope]seats{}
	}
	all, own := w.all.plus(1, bytes), w.by[sc].plus(1, bytes)
	if !all.within(maxWaiting, maxWaitingBytes) || !own.within(maxWaitingOne, maxWaitingBytesOne) {
		return false
	}
	w.all, w.by[sc] = all, own
	return true
}

func (w *waiting) leave(sc scope.Scope, bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all, w.by[sc] = w.all.plus(-1, -bytes), w.by[sc].plus(-1, -bytes)
	if w.by[sc].sends == 0 {
		delete(w.by, sc)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
