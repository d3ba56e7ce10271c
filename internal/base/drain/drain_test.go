// SPDX-License-Identifier: Apache-2.0

package drain_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sesame/internal/base/drain"
)

func TestWait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		work, wait time.Duration
		took       time.Duration
		err        error
	}{
		{"nothing to wait for", 0, time.Second, 0, nil},
		{"work that ends in time", time.Second, 2 * time.Second, time.Second, nil},
		{"work that takes longer is left", time.Hour, time.Second, time.Second, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var wg sync.WaitGroup
				wg.Go(func() { time.Sleep(c.work) })
				ctx, cancel := context.WithTimeout(t.Context(), c.wait)
				defer cancel()
				began := time.Now()
				if err := drain.Wait(ctx, drain.Done(&wg)); !errors.Is(err, c.err) {
					t.Errorf("got %v, want %v", err, c.err)
				}
				if took := time.Since(began); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				wg.Wait()
			})
		})
	}
}
