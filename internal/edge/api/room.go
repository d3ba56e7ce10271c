// SPDX-License-Identifier: Apache-2.0

package api

import (
	"io"
	"net/http"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/edge/httpx"
)

// InFlight is how many bytes of request bodies count against MaxInFlightBytes now.
func (d *Door) InFlight() int64 { return d.inFlight.Load() }

// room is the part of MaxInFlightBytes that one request has. It follows what has
// arrived: an announcement costs a client nothing, so it is not believed. One
// goroutine uses it.
type room struct {
	door    *Door
	arrived int64
	held    int64
	refused error
}

// resize makes the room n bytes large; it stays as it was if there is not so much.
func (m *room) resize(n int64) error {
	if n <= smallBody {
		n = 0
	}
	more, limit := n-m.held, m.door.o.MaxInFlightBytes
	if limit == 0 || more == 0 {
		return nil
	}
	if now := m.door.inFlight.Add(more); more > 0 && now > limit {
		m.door.inFlight.Add(-more)
		return fault.New(fault.Unavailable, "Too many large requests are being handled. Try again later.")
	}
	m.held = n
	return nil
}

// release gives the whole room back.
func (m *room) release() { _ = m.resize(0) } // less is always to be had

// read reads the body of r.
func (m *room) read(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	counted := *r
	counted.Body = &countedBody{ReadCloser: r.Body, room: m}
	body, err := httpx.ReadBody(&counted, maxBody)
	if m.refused != nil {
		return nil, m.refused
	}
	return body, err
}

// countedBody takes room for what is read.
type countedBody struct {
	io.ReadCloser
	room *room
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.room.arrived += int64(n)
	if refused := b.room.resize(b.room.arrived); refused != nil {
		b.room.refused = refused
		return 0, refused
	}
	return n, err
}

// How far a body may expand: a little whatever it was, beyond that in proportion.
const (
	freeExpansion = 1 << 20
	maxExpansion  = 200
)

// inflate undoes the body's content codings. It has room for the body and for all that
// may come out before it begins; afterwards for what did.
func (d *Door) inflate(q *request, wire []byte, room *room) ([]byte, error) {
	codings := q.r.Header.Values("Content-Encoding")
	limit := int64(maxBody)
	compressed := len(wire) > 0 && strings.Trim(strings.ToLower(strings.Join(codings, "")), " ,") != "" // identity is rare
	if compressed {
		n := int64(len(wire))
		limit = min(limit, max(freeExpansion, n*maxExpansion))
		if err := room.resize(n + limit); err != nil {
			return nil, err
		}
	}
	body, err := d.inflater.Inflate(wire, codings, limit)
	if err != nil {
		return nil, transport(err)
	}
	if compressed {
		err = room.resize(int64(len(body)))
	}
	return body, err
}
