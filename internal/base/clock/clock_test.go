// SPDX-License-Identifier: Apache-2.0

package clock_test

import (
	"sync"
	"testing"
	"time"

	"sesame/internal/base/clock"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestSystemIsTheMachinesClock(t *testing.T) {
	t.Parallel()
	before := time.Now()
	now := clock.System()
	if now.Before(before) || time.Since(now) < 0 {
		t.Errorf("%v is not between %v and now", now, before)
	}
}

func TestFakeStandsStillUntilItIsToldToMove(t *testing.T) {
	t.Parallel()
	f := clock.NewFake(start)
	var c clock.Clock = f.Now
	for _, step := range []struct {
		name string
		by   time.Duration
		want time.Time
	}{
		{"it begins where it was set", 0, start},
		{"it moves on", time.Hour, start.Add(time.Hour)},
		{"it moves back, as clocks do", -2 * time.Hour, start.Add(-time.Hour)},
	} {
		if got := f.Advance(step.by); !got.Equal(step.want) || !c().Equal(step.want) || !c().Equal(step.want) {
			t.Errorf("%s: Advance gave %v, then %v; want %v", step.name, got, c(), step.want)
		}
	}
}

func TestFakeIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	f := clock.NewFake(start)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				f.Advance(time.Second)
				f.Now()
			}
		})
	}
	wg.Wait()
	if want := start.Add(800 * time.Second); !f.Now().Equal(want) {
		t.Errorf("%v, want %v", f.Now(), want)
	}
}
