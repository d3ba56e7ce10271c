// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// patience is how long a client may give nothing of a body, or take nothing of an answer.
const patience = time.Minute

// Patient gives bodies and answers that have no bound as much time as they need, as long as
// the client gives or takes some every minute, instead of the time that the server has for
// all of a request.
type Patient struct {
	http.ResponseWriter
	conn *http.ResponseController
}

// NewPatient returns w with patience. Done must be called when the answer is written.
func NewPatient(w http.ResponseWriter) *Patient {
	return &Patient{w, http.NewResponseController(w)}
}

// Write writes b within a minute.
func (p *Patient) Write(b []byte) (int, error) {
	if err := unlessNotSupported(p.conn.SetWriteDeadline(time.Now().Add(patience))); err != nil {
		return 0, err
	}
	return p.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (p *Patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// Body returns the body of the request, each of whose reads has a minute. What is done when
// it has ended may take longer.
func (p *Patient) Body(body io.ReadCloser) io.ReadCloser { return &patientBody{body, p.conn} }

// Done gives the next answer on the connection its own time, and what is left of the body a
// minute.
func (p *Patient) Done() {
	_ = p.conn.SetWriteDeadline(time.Time{}) // it fails where the connection is gone
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
}

type patientBody struct {
	io.ReadCloser
	conn *http.ResponseController
}

// Read reads within a minute.
func (b *patientBody) Read(p []byte) (int, error) {
	if err := unlessNotSupported(b.conn.SetReadDeadline(time.Now().Add(patience))); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		// The server goes on reading, to see the client leave: the end of a minute is no sign
		// of that.
		_ = b.conn.SetReadDeadline(time.Time{}) // it fails where the connection is gone
	}
	return n, err
}

// unlessNotSupported is the error of setting a deadline, which writers of tests don't have.
func unlessNotSupported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
