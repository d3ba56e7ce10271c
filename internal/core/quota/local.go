// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"sync"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// local is the ledger of a node that has its database for itself.
type local struct {
	db  *store.DB
	now clock.Clock

	usages scopes[usage]
}

// usage is what one scope has sent.
type usage struct {
	mu     sync.Mutex
	loaded bool
	window window
	rate   bucket
	bytes  bucket
}

func newLocal(o Options) *local {
	return &local{db: o.DB, now: o.Clock}
}

// take leaves the usage in use until the hold is settled.
func (l *local) take(ctx context.Context, sc scope.Scope, c claim) (verdict, error) {
	now := l.now()
	u := l.usages.use(sc, now)
	v, err := l.spend(ctx, sc, &u.of, now, c)
	if err != nil || v.text != "" {
		u.done()
		return v, err
	}
	v.hold.from, v.hold.use = l, u
	return v, nil
}

// spend gives the claim out of what is left, or says what is short.
func (l *local) spend(ctx context.Context, sc scope.Scope, u *usage, now time.Time, c claim) (verdict, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.ready(ctx, l.db, sc, now); err != nil {
		return verdict{}, err
	}
	n := c.counted()
	if over := float64(u.window.sum+n) - c.limits.Daily; c.limits.Daily > 0 && n > 0 && over > 0 {
		return verdict{text: dailyText, wait: u.window.room(now, int64(over), c.patience)}, nil
	}
	wait, ok := u.pace(now, c)
	if !ok {
		return verdict{text: rateText}, nil
	}
	minute := minuteOf(now.Add(wait))
	u.window.add(minute, n)
	return verdict{hold: Hold{load: c.Load, minute: minute}, wait: wait}, nil
}

// pace takes the claim from both buckets, or from neither.
func (u *usage) pace(now time.Time, c claim) (wait time.Duration, ok bool) {
	if c.Bytes > large {
		u.bytes.fill(now, bandwidth, bandwidth)
		if wait, ok = u.bytes.take(float64(c.Bytes), bandwidth, bandwidth, c.patience); !ok {
			return 0, false
		}
	}
	if rate := c.limits.Rate; rate > 0 {
		u.rate.fill(now, rate, size(rate))
		w, ok := u.rate.take(float64(c.Recipients), rate, size(rate), c.patience)
		if !ok {
			u.bytes.giveBack(c.Load)
			return 0, false
		}
		wait = max(wait, w)
	}
	return wait, true
}

// giveBack returns the bytes of a large message.
func (b *bucket) giveBack(l Load) {
	if l.Bytes > large {
		b.tokens += float64(l.Bytes)
	}
}

func (l *local) settle(h Hold, accepted bool) {
	k := h.use.(*kept[usage])
	defer k.done()
	if accepted {
		return
	}
	u := &k.of
	u.mu.Lock()
	defer u.mu.Unlock()
	u.window.add(h.minute, -h.load.counted())
	u.rate.tokens += float64(h.load.Recipients)
	u.bytes.giveBack(h.load)
}

func (l *local) sent(ctx context.Context, sc scope.Scope) (int64, error) {
	now := l.now()
	k := l.usages.use(sc, now)
	defer k.done()
	u := &k.of
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.ready(ctx, l.db, sc, now); err != nil {
		return 0, err
	}
	return u.window.sum, nil
}

func (l *local) close(context.Context) error { return nil }

// ready reads the window at first, and moves it on.
func (u *usage) ready(ctx context.Context, db *store.DB, sc scope.Scope, now time.Time) error {
	if u.loaded {
		u.window.expire(now)
		return nil
	}
	if err := u.window.load(ctx, db, sc, now); err != nil {
		return err
	}
	u.loaded = true
	return nil
}
