// SPDX-License-Identifier: Apache-2.0

// Package drain waits for work to end, but not for ever: what shuts down must come to
// an end though what it waits for hangs.
package drain

import (
	"context"
	"sync"
)

// Done returns a channel that is closed when all of wg is done. Until then it costs a
// goroutine.
func Done(wg *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	return done
}

// Wait waits until done is closed, or until ctx ends, and returns ctx's error then.
func Wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-done: // both: it was in time
		return nil
	default:
		return ctx.Err()
	}
}
