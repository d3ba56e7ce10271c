// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"
)

// meter watches one run: processor time by party, peak memory of the system under
// test, and what disturbed.
type meter struct {
	system  []int // roots of the system under test
	sink    int
	loader  int
	before  procs
	stolen  time.Duration
	started time.Time
	cancel  context.CancelFunc
	done    sync.WaitGroup
	peak    int64 // owned by the sampler until done
}

// usage is what a meter has seen.
type usage struct {
	System, Sink, Loader time.Duration // processor time
	PeakPSS              int64         // octets, sampled every second
	Others               float64       // share of all processors used by processes that are not ours
	Steal                float64       // share that the host took
}

// newMeter starts measuring.
func newMeter(system []int, sink, loader int) (*meter, error) {
	ctx, cancel := context.WithCancel(context.Background())
	m := &meter{system: system, sink: sink, loader: loader, started: time.Now(), cancel: cancel}
	var err error
	if m.before, err = readProcs(); err != nil {
		return nil, err
	}
	if m.stolen, err = stolen(); err != nil {
		return nil, err
	}
	m.done.Go(func() { m.sample(ctx) })
	return m, nil
}

// sample takes the memory's size every second, and once at the end.
func (m *meter) sample(ctx context.Context) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case <-every.C:
		}
		if ps, err := readProcs(); err == nil {
			m.peak = max(m.peak, ps.tree(m.system...).pss())
		}
	}
}

// stop ends measuring. It must be called once.
func (m *meter) stop() (usage, error) {
	m.cancel()
	after, err := readProcs()
	if err != nil {
		return usage{}, err
	}
	stolenNow, err := stolen()
	if err != nil {
		return usage{}, err
	}
	elapsed := time.Since(m.started) * time.Duration(runtime.NumCPU())
	m.done.Wait()
	grown := func(pids ...int) time.Duration { return after.tree(pids...).cpu() - m.before.tree(pids...).cpu() }
	otherNow, otherThen := after.strangers(os.Getpid()), m.before.strangers(os.Getpid())
	return usage{
		System: grown(m.system...), Sink: grown(m.sink), Loader: grown(m.loader),
		PeakPSS: m.peak,
		Others:  max(0, share(otherNow.cpu()-otherThen.cpu(), elapsed)),
		Steal:   share(stolenNow-m.stolen, elapsed),
	}, nil
}

func share(part, whole time.Duration) float64 { return float64(part) / float64(whole) }

// tooNoisy is the share of the processors, taken by others or by the host, from which a
// run counts as disturbed.
const tooNoisy = 0.12

func (u usage) disturbed() bool { return u.Others+u.Steal > tooNoisy }

// calibrate runs a fixed piece of work on every processor and returns how long it
// took: how fast the machine is at this moment.
func calibrate() time.Duration {
	const rounds = 150
	begin := time.Now()
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			b := slices.Repeat([]byte{1}, 64<<10)
			for i := range rounds {
				for j := range b {
					b[j] = b[j]*31 + byte(i)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(begin)
}
