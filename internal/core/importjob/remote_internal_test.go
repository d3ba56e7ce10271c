// SPDX-License-Identifier: Apache-2.0

package importjob

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// TestAnAnswerThatDoesNotComeOnIsGivenUp after half a minute, however long it took before.
func TestAnAnswerThatDoesNotComeOnIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("given up")
		r, w := io.Pipe()
		body := &patient{body: r, cancel: func() { r.CloseWithError(gone) }}
		body.timer = time.AfterFunc(goOnIn, body.cancel)
		body.timer.Stop()
		go func() {
			for range 10 {
				time.Sleep(goOnIn - time.Second)
				_, _ = w.Write([]byte("x"))
			}
		}()
		b := make([]byte, 1)
		for range 10 {
			if _, err := body.Read(b); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour) // who reads may take as long as they like
		}
		began := time.Now()
		if _, err := body.Read(b); time.Since(began) != goOnIn || !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, gone) {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	})
}
