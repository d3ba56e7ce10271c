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
		if err := q.wait(ctx, sc, v.wait); err != nil {
			q.Settle(v.hold, false)
			refusal.Err = err
			return Hold{}, refusal
		}
		if v.text == "" {
			return v.hold, nil
		}
	}
}

// wait sleeps, if there is a seat.
func (q *Quotas) wait(ctx context.Context, sc scope.Scope, d time.Duration) error {
	if !q.waiting.enter(sc) {
		return errFull
	}
	defer q.waiting.leave(sc)
	return q.o.Sleep(ctx, d)
}

var errFull = fault.New(fault.Throttled, "too many sends wait already")

// waiting counts who waits. The zero value is ready.
type waiting struct {
	mu  sync.Mutex
	all int
	by  map[scope.Scope]int
}

func (w *waiting) enter(sc scope.Scope) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil {
		w.by = map[scope.Scope]int{}
	}
	if w.all >= maxWaiting || w.by[sc] >= maxWaitingOne {
		return false
	}
	w.all++
	w.by[sc]++
	return true
}

func (w *waiting) leave(sc scope.Scope) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all--
	if w.by[sc]--; w.by[sc] == 0 {
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
