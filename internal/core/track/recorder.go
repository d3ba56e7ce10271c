// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/core/event"
	"sesame/internal/core/store"
)

// Bounds of what waits to be stored.
const (
	DefaultMaxHits = 20_000
	maxKept        = 64 // clicks of one message that are remembered
	maxBatch       = 200

	// settle is how long a hit waits, so that what comes right after it is seen when it is
	// judged.
	settle   = 2 * time.Second
	remember = settle + orderWithin

	lookTimeout  = 10 * time.Second // of what is read for a batch
	drainTimeout = 4 * time.Second  // of what is read for the last ones
	tick         = 250 * time.Millisecond
	retryAfter   = time.Second
)

// Hit is one request for a picture or a link.
type Hit struct {
	Ref
	Kind  event.Kind // Open or Click
	URL   string     // of Click, as are Index and Tags
	Index int
	Tags  []Tag

	At        time.Time
	Method    string
	Prefetch  bool // a browser asks ahead of its user
	IP        string
	UserAgent string
}

// RecorderOptions configure a Recorder.
type RecorderOptions struct {
	DB    *store.DB
	Clock clock.Clock
	Log   *slog.Logger
	Judge *Judge

	Settings Settings // nil: none but those that Ref.Discard has

	MaxHits int // that wait; DefaultMaxHits if 0
}

// Recorder stores opens and clicks: each its own event, a few seconds after it was. It is
// safe for concurrent use.
type Recorder struct {
	o RecorderOptions

	mu      sync.Mutex
	waiting []Hit          // in the order in which they came
	clicks  map[key][]step // the last ones, by what they are told apart by
	stats   RecorderStats

	flushing sync.Mutex
}

// key tells one reader's clicks from others': by the message if it has one recipient, else
// by where they come from, too.
type key struct{ message, ip string }

func (h Hit) key() key {
	if h.Recipient >= 0 {
		return key{message: h.MessageID}
	}
	return key{h.MessageID, h.IP}
}

// RecorderStats are counters since the start, and what waits now.
type RecorderStats struct {
	Opens, Clicks int64 // stored, by verdict or not
	Late          int64 // of messages older than Lifetime: not counted
	Lost          int64 // there was no room
	Failures      int64 // writes that failed, to be tried again
	Waiting       int
	MaxWaiting    int
}

// NewRecorder returns a recorder; Run makes it work.
func NewRecorder(o RecorderOptions) *Recorder {
	if o.MaxHits == 0 {
		o.MaxHits = DefaultMaxHits
	}
	return &Recorder{o: o, clicks: map[key][]step{}}
}

// Stats returns the present numbers.
func (r *Recorder) Stats() RecorderStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Waiting, s.MaxWaiting = len(r.waiting), r.o.MaxHits
	return s
}

// Record takes a hit and waits for nothing. Where there is no room, or the message is too
// old, the hit is counted as such and not stored.
func (r *Recorder) Record(h Hit) {
	h.At = r.o.Clock().Round(0)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case h.At.Sub(h.SentAt()) > Lifetime:
		r.stats.Late++
	case len(r.waiting) >= r.o.MaxHits:
		r.stats.Lost++
	default:
		r.waiting = append(r.waiting, h)
		r.follow(h)
	}
}

// follow remembers a click for the verdicts on those around it, of as many messages as
// there is room for hits.
func (r *Recorder) follow(h Hit) {
	k := h.key()
	steps, known := r.clicks[k]
	if h.Kind != event.Click || !known && len(r.clicks) >= r.o.MaxHits {
		return
	}
	steps = append(steps, step{h.At, h.Index})
	r.clicks[k] = steps[max(0, len(steps)-maxKept):]
}

// Run stores hits until ctx ends, and then what waits, unless the database hangs.
func (r *Recorder) Run(ctx context.Context) {
	t := time.NewTimer(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			r.drain(context.WithoutCancel(ctx))
			return
		case <-t.C:
		}
		wait := tick
		if err := r.Flush(ctx, settle); err != nil && ctx.Err() == nil {
			r.o.Log.Warn("opens and clicks could not be stored; they are kept in memory", "error", err, "waiting", r.Stats().Waiting)
			wait = retryAfter
		}
		t.Reset(wait)
	}
}

func (r *Recorder) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	if err := r.Flush(ctx, 0); err != nil {
		r.o.Log.Error("opens and clicks are lost", "error", err, "count", r.Stats().Waiting)
	}
}

// Flush stores what has waited for at least as long as age. What can't be stored goes on
// to wait. Whether a write that failed was made is not always known; so events are stored
// at least once.
func (r *Recorder) Flush(ctx context.Context, age time.Duration) error {
	r.flushing.Lock()
	defer r.flushing.Unlock()
	defer r.forget()
	for {
		batch := r.due(age)
		if len(batch) == 0 {
			return nil
		}
		if err := r.store(ctx, batch); err != nil {
			r.mu.Lock()
			r.stats.Failures++
			r.mu.Unlock()
			return err
		}
		r.done(batch)
	}
}

// judged is a hit with the clicks around it.
type judged struct {
	Hit
	near []step
}

// due are the oldest hits, if they have waited for age. They stay in the queue.
func (r *Recorder) due(age time.Duration) []judged {
	now := r.o.Clock()
	r.mu.Lock()
	defer r.mu.Unlock()
	var batch []judged
	for _, h := range r.waiting[:min(len(r.waiting), maxBatch)] {
		if now.Sub(h.At) < age {
			break
		}
		batch = append(batch, judged{h, append([]step(nil), r.clicks[h.key()]...)})
	}
	return batch
}

// done takes a stored batch out of the queue.
func (r *Recorder) done(batch []judged) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting[:0], r.waiting[len(batch):]...)
	for _, h := range batch {
		if h.Kind == event.Open {
			r.stats.Opens++
		} else {
			r.stats.Clicks++
		}
	}
}

// forget drops the clicks that no later one will be judged by. Those of a message with a
// click that waits stay.
func (r *Recorder) forget() {
	now := r.o.Clock()
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := map[key]bool{}
	for _, h := range r.waiting {
		waiting[h.key()] = true
	}
	for k, steps := range r.clicks {
		if now.Sub(steps[len(steps)-1].at) > remember && !waiting[k] {
			delete(r.clicks, k)
		}
	}
}
