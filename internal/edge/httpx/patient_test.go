// SPDX-License-Identifier: Apache-2.0

package httpx_test

import (
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sesame/internal/edge/httpx"
)

// timed is a writer that keeps the deadlines that are set.
type timed struct {
	*httptest.ResponseRecorder
	read, write []time.Time
	refuses     error
}

// SetReadDeadline is for http.ResponseController.
func (w *timed) SetReadDeadline(t time.Time) error {
	w.read = append(w.read, t)
	return w.refuses
}

// SetWriteDeadline is for http.ResponseController.
func (w *timed) SetWriteDeadline(t time.Time) error {
	w.write = append(w.write, t)
	return w.refuses
}

func soon(t time.Time) bool { return t.After(time.Now()) && t.Before(time.Now().Add(2*time.Minute)) }

func TestEachPieceHasAMinute(t *testing.T) {
	t.Parallel()
	w := &timed{ResponseRecorder: httptest.NewRecorder()}
	p := httpx.NewPatient(w)
	body := p.Body(io.NopCloser(strings.NewReader("in")))
	if got, err := io.ReadAll(body); string(got) != "in" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if n := len(w.read); n < 2 || !soon(w.read[0]) || !w.read[n-1].IsZero() {
		t.Errorf("reading has the deadlines %v; at the end it has none", w.read)
	}
	for range 2 {
		if _, err := io.WriteString(p, "out"); err != nil {
			t.Error(err)
		}
	}
	p.Done()
	if len(w.write) != 3 || !soon(w.write[0]) || !soon(w.write[1]) || !w.write[2].IsZero() || w.Body.String() != "outout" {
		t.Errorf("writing %q has the deadlines %v", w.Body, w.write)
	}
	if last := w.read[len(w.read)-1]; !soon(last) {
		t.Errorf("what is left of the body has until %v", last)
	}
}

func TestNothingIsReadOrWrittenWithoutADeadline(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	w := &timed{ResponseRecorder: httptest.NewRecorder(), refuses: gone}
	p := httpx.NewPatient(w)
	if _, err := p.Body(io.NopCloser(strings.NewReader("in"))).Read(make([]byte, 1)); !errors.Is(err, gone) {
		t.Errorf("read: %v", err)
	}
	if _, err := io.WriteString(p, "out"); !errors.Is(err, gone) || w.Body.Len() > 0 {
		t.Errorf("write: %v, %q", err, w.Body)
	}
}

// TestAWriterWithoutDeadlines is one of a test: all goes through.
func TestAWriterWithoutDeadlines(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	p := httpx.NewPatient(w)
	if _, err := io.Copy(p, p.Body(io.NopCloser(strings.NewReader("through")))); err != nil || w.Body.String() != "through" {
		t.Errorf("%q, %v", w.Body, err)
	}
}
