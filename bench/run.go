// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// runLimit bounds one run with its start and its warm-up.
const runLimit = 100 * time.Second

// settle is how long a system may tidy up after the last message before its processor
// time is read. It is not part of the rates.
const settle = 300 * time.Millisecond

// bench holds what outlives single runs.
type bench struct {
	work   string // where sites are made
	sink   *worker
	loader *worker
	caller *worker
	addr   string // the sink's address
}

// newBench starts the sink and the loaders.
func newBench(work string) (*bench, error) {
	b := &bench{work: work}
	for verb, w := range map[string]**worker{verbSink: &b.sink, verbLoad: &b.loader, verbCall: &b.caller} {
		var err error
		if *w, err = startWorker(verb); err != nil {
			b.close()
			return nil, err
		}
	}
	return b, b.sink.dec.Decode(&b.addr)
}

// close ends the workers.
func (b *bench) close() {
	for _, w := range []*worker{b.sink, b.loader, b.caller} {
		if w != nil {
			w.close()
		}
	}
}

// run runs one scenario once, in a fresh site, and cleans up. A result with an error
// says why; the error is returned only when going on makes no sense.
func (b *bench) run(ctx context.Context, sc scenario, round int) (result, error) {
	r := result{scenario: sc, Round: round, At: time.Now(), Calibrate: calibrate()}
	limited, cancel := context.WithTimeoutCause(ctx, runLimit, fmt.Errorf("not done after %v", runLimit))
	defer cancel()
	s, err := newSite(b.work, b.sink.pid(), b.loader.pid(), b.caller.pid())
	if err != nil {
		return r, err
	}
	if err := b.measure(limited, s, &r); err != nil {
		r.Error = err.Error() + s.logs()
	}
	if err := s.close(); err != nil {
		return r, err
	}
	if limited.Err() != nil && ctx.Err() == nil {
		return r, b.restart()
	}
	return r, ctx.Err()
}

// restart replaces the workers after a run that was cut off.
func (b *bench) restart() error {
	b.close()
	fresh, err := newBench(b.work)
	if err != nil {
		return err
	}
	*b = *fresh
	return nil
}

// measure starts the system, warms it up, and measures the work itself.
func (b *bench) measure(ctx context.Context, s *site, r *result) error {
	d, err := r.start(ctx, s, b.addr)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if _, err := b.pass(ctx, r.scenario, d, 1_000_000, r.WarmUp); err != nil {
		return fmt.Errorf("warm-up: %w", err)
	}
	loader := b.loader
	if r.Kind != kindRelay {
		loader = b.caller
	}
	m, err := newMeter(s.roots, b.sink.pid(), loader.pid())
	if err != nil {
		return err
	}
	p, err := b.pass(ctx, r.scenario, d, 2_000_000, r.Count)
	if err == nil {
		time.Sleep(settle)
	}
	u, stopErr := m.stop()
	if err := errors.Join(err, stopErr); err != nil {
		return err
	}
	r.Usage, r.P50, r.P99, r.Extra = u, p.p50, p.p99, p.sunk.Duplicates
	r.Accepted = rate(r.Count, p.start, p.accepted)
	if r.Kind != kindAccept {
		r.EndToEnd = rate(r.Count, p.start, p.sunk.Done)
		return checkSigned(p.sunk.Sample)
	}
	return nil
}

func rate(n int, from, to time.Time) float64 { return float64(n) / to.Sub(from).Seconds() }

// passed says how one pass went.
type passed struct {
	start, accepted time.Time
	p50, p99        time.Duration
	sunk            sinkState
}

// pass sends n messages numbered from first and waits until all are at the sink,
// unless the scenario delivers nothing.
func (b *bench) pass(ctx context.Context, sc scenario, d door, first, n int) (passed, error) {
	var p passed
	if err := b.sink.call(ctx, sinkRequest{First: first, Count: n}, &p.sunk); err != nil {
		return p, err
	}
	if err := b.send(ctx, sc, d, first, n, &p); err != nil || sc.Kind == kindAccept {
		return p, err
	}
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for p.sunk.Done.IsZero() {
		select {
		case <-ctx.Done():
			return p, fmt.Errorf("%d of %d at the sink: %w", p.sunk.Count, n, context.Cause(ctx))
		case <-every.C:
		}
		// A request of zero only asks.
		var now sinkState
		if err := b.sink.call(ctx, sinkRequest{}, &now); err != nil {
			return p, fmt.Errorf("%d of %d at the sink: %w", p.sunk.Count, n, err)
		}
		p.sunk = now
	}
	return p, nil
}

// send lets the right loader do its work.
func (b *bench) send(ctx context.Context, sc scenario, d door, first, n int, p *passed) error {
	if sc.Kind == kindRelay {
		work := load{Addr: d.smtp, Sessions: min(sc.Sessions, n), First: first, Count: n, Size: sc.Size,
			CAFile: d.caFile, User: d.user, Password: d.password}
		var got loaded
		if err := b.loader.call(ctx, work, &got); err != nil {
			return err
		}
		p.start, p.accepted = got.Start, got.Accepted
		return failure(got.Error)
	}
	work := calls{URL: d.api, Key: d.key, Secret: d.secret, Connections: min(sc.Sessions, n), First: first, Count: n, Size: sc.Size}
	var got called
	if err := b.caller.call(ctx, work, &got); err != nil {
		return err
	}
	p.start, p.accepted, p.p50, p.p99 = got.Start, got.End, got.P50, got.P99
	return failure(got.Error)
}

func failure(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}
