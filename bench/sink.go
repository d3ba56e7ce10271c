// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// sink is an SMTP server that takes every message and throws it away. It does as
// little as it can, as its CPU time comes off the same machine: no TLS, no address
// is looked at, replies to pipelined commands leave in one write. What it keeps is a
// ledger of the message numbers that it has seen, so that a message that is
// delivered twice counts once.
type sink struct {
	mu         sync.Mutex
	seen       []bool // by message number, less first
	first      int
	count      int
	duplicates int
	strangers  int // messages without a number in the armed range
	done       time.Time
	sample     []byte
}

// sinkState is what a sink has counted since it was armed.
type sinkState struct {
	Count      int       // different messages in the armed range
	Duplicates int       // further copies of those
	Strangers  int       // messages out of the range
	Done       time.Time // when Count reached the armed number; zero until then
	Sample     []byte    // the first message in the range as it came, dot-stuffed; nil until Done
}

// arm forgets everything and then waits for the messages first to first+n-1.
func (s *sink) arm(first, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.first = make([]bool, n), first
	s.count, s.duplicates, s.strangers = 0, 0, 0
	s.done, s.sample = time.Time{}, nil
}

// state returns a copy of the counters.
func (s *sink) state() sinkState {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := sinkState{Count: s.count, Duplicates: s.duplicates, Strangers: s.strangers, Done: s.done}
	if !s.done.IsZero() {
		state.Sample = s.sample
	}
	return state
}

// serve accepts connections until the listener is closed.
func (s *sink) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = c.Close() }()
			if _, err := io.WriteString(c, "220 sink.example ESMTP\r\n"); err == nil {
				s.session(c)
			}
		}()
	}
}

// session serves one connection after the greeting, until QUIT or an error.
func (s *sink) session(c io.ReadWriter) {
	r := &sinkReader{src: c, buf: make([]byte, 0, 64<<10)}
	var out []byte
	for {
		if len(out) > 0 && !r.lineBuffered() {
			if _, err := c.Write(out); err != nil {
				return
			}
			out = out[:0]
		}
		line, err := r.line()
		if err != nil {
			return
		}
		verb := verbOf(line)
		switch verb {
		case "EHLO":
			out = append(out, "250-sink.example\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250 8BITMIME\r\n"...)
		case "QUIT":
			_, _ = c.Write(append(out, "221 2.0.0 Bye\r\n"...))
			return
		case "DATA":
			if _, err := c.Write(append(out, "354 Go ahead\r\n"...)); err != nil {
				return
			}
			msg, err := r.data()
			if err != nil {
				return
			}
			s.take(msg)
			out = append(out[:0], "250 2.0.0 Ok\r\n"...)
		default:
			out = append(out, "250 2.0.0 Ok\r\n"...)
		}
	}
}

// take enters one message in the ledger.
func (s *sink) take(msg []byte) {
	n, ok := messageNumber(msg)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := n - s.first
	switch {
	case !ok || i < 0 || i >= len(s.seen):
		s.strangers++
		return
	case s.seen[i]:
		s.duplicates++
		return
	}
	s.seen[i] = true
	s.count++
	if s.sample == nil {
		s.sample = bytes.Clone(msg)
	}
	if s.count == len(s.seen) {
		s.done = time.Now()
	}
}

// verbOf returns the first four letters of a command in upper case.
func verbOf(line []byte) string {
	return string(bytes.ToUpper(line[:min(4, len(line))]))
}

// sinkReader reads command lines and message data from one growing buffer, without
// copying. Slices that it returns are valid until the next call.
type sinkReader struct {
	src io.Reader
	buf []byte // everything read and not yet consumed starts at pos
	pos int
}

// maxSinkMessage bounds the buffer of one connection.
const maxSinkMessage = 4 << 20

func (r *sinkReader) lineBuffered() bool {
	return bytes.IndexByte(r.buf[r.pos:], '\n') >= 0
}

// line returns the next line without its line end.
func (r *sinkReader) line() ([]byte, error) {
	b, err := r.until([]byte("\n"))
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(b, "\r\n"), nil
}

// data returns the message up to the line with the single dot (RFC 5321 section 4.1.1.4).
func (r *sinkReader) data() ([]byte, error) {
	return r.until([]byte("\r\n.\r\n"))
}

// until returns everything up to and including end.
func (r *sinkReader) until(end []byte) ([]byte, error) {
	searched := 0
	for {
		from := max(0, searched-len(end)+1)
		if i := bytes.Index(r.buf[r.pos+from:], end); i >= 0 {
			n := from + i + len(end)
			b := r.buf[r.pos : r.pos+n]
			r.pos += n
			return b, nil
		}
		searched = len(r.buf) - r.pos
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads more, after making room.
func (r *sinkReader) fill() error {
	if r.pos > 0 {
		r.buf = r.buf[:copy(r.buf, r.buf[r.pos:])]
		r.pos = 0
	}
	if len(r.buf) == cap(r.buf) {
		if cap(r.buf) >= maxSinkMessage {
			return fmt.Errorf("more than %d octets without an end", maxSinkMessage)
		}
		r.buf = append(make([]byte, 0, 2*cap(r.buf)), r.buf...)
	}
	n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
	r.buf = r.buf[:len(r.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}
