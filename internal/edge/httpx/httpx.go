// SPDX-License-Identifier: Apache-2.0

// Package httpx is what the HTTP doors share of plain HTTP: reading and inflating
// bodies within bounds, compressing answers, request ids, TLS and clear text on one
// port, and the check of Host. It knows nothing of SES or of AWS.
package httpx

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
)

// Error is a refusal of a request on the level of HTTP.
type Error struct {
	Status int    // 400, 408, 413 or 415
	Text   string // for the peer
	Err    error  // cause, for the log
}

// Error is the log's text.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Text
	}
	return e.Text + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func tooLarge(limit int64) *Error {
	return &Error{Status: http.StatusRequestEntityTooLarge,
		Text: fmt.Sprintf("The request body is larger than %d bytes", limit)}
}

// RequestID returns an id for a request, a version 4 UUID (RFC 9562 §5.4) made of 16
// bytes of random.
func RequestID(random io.Reader) (string, error) {
	var u [16]byte
	if _, err := io.ReadFull(random, u[:]); err != nil {
		return "", fmt.Errorf("httpx: random source: %w", err)
	}
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:36], u[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:]), nil
}
