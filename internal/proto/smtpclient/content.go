// SPDX-License-Identifier: Apache-2.0

package smtpclient

import "bytes"

const (
	maxSegments = 256      // parts in one write, which also bounds the space for them
	maxWrite    = 64 << 10 // octets in one write, so that each gets its own deadline
	tlsBuffer   = 16 << 10 // one TLS record's content (RFC 8446 §5.1)
)

var (
	lineDot    = []byte("\r\n.")
	terminator = []byte("\r\n.\r\n")
)

// stuffer cuts content into parts that, written one after the other, are the content
// with its dots doubled (RFC 5321 §4.5.2). The parts overlap by the dot that is to be
// doubled, so nothing is copied.
type stuffer struct {
	emit func(part []byte) error
	tail [2]byte // the last two octets so far; a message begins like a line
}

func newStuffer(emit func([]byte) error) *stuffer {
	return &stuffer{emit: emit, tail: [2]byte{'\r', '\n'}}
}

// add passes on one block of the content. Blocks may end anywhere.
func (s *stuffer) add(block []byte) error {
	if len(block) == 0 {
		return nil
	}
	// The sequence may lie across the border between two blocks.
	n := 0
	switch {
	case s.tail == [2]byte{'\r', '\n'} && block[0] == '.':
		n = 1
	case s.tail[1] == '\r' && bytes.HasPrefix(block, lineDot[1:]):
		n = 2
	}
	if n > 0 {
		if err := s.emit(block[:n]); err != nil {
			return err
		}
		block = block[n-1:] // begins with the same dot again, which now stands inside a line
	}
	rest := block
	for {
		i := bytes.Index(rest, lineDot)
		if i < 0 {
			break
		}
		if err := s.emit(rest[:i+3]); err != nil {
			return err
		}
		rest = rest[i+2:]
	}
	s.note(block)
	return s.emit(rest)
}

// note keeps the last two octets.
func (s *stuffer) note(b []byte) {
	if len(b) == 1 {
		s.tail = [2]byte{s.tail[1], b[0]}
	} else {
		s.tail = [2]byte(b[len(b)-2:])
	}
}

// end passes on the final dot, with the CRLF before it that the content may lack.
func (s *stuffer) end() error {
	t := terminator
	if s.tail == [2]byte{'\r', '\n'} {
		t = t[2:]
	}
	return s.emit(t)
}

// writeContent writes the content and the final dot.
func (c *Conn) writeContent(content [][]byte) error {
	w := c.writeVector
	if c.tls.Active() {
		w = c.writeRecord
	}
	s := newStuffer(w)
	for _, b := range content {
		for len(b) > 0 {
			n := min(len(b), maxWrite)
			if err := s.add(b[:n]); err != nil {
				return err
			}
			b = b[n:]
		}
	}
	if err := s.end(); err != nil {
		return err
	}
	if c.tls.Active() {
		return c.flushRecord()
	}
	return c.flushVector()
}

// writeVector collects parts for one write of all (writev): nothing is copied.
func (c *Conn) writeVector(part []byte) error {
	if len(part) == 0 {
		return nil
	}
	c.segments = append(c.segments, part)
	c.pending += len(part)
	if len(c.segments) < maxSegments && c.pending < maxWrite {
		return nil
	}
	return c.flushVector()
}

func (c *Conn) flushVector() error {
	if c.pending == 0 {
		return nil
	}
	if err := c.deadline(c.timeouts.Block); err != nil {
		return err
	}
	c.vector = c.segments
	_, err := c.vector.WriteTo(c.nc)
	clear(c.segments) // they would keep the content in memory
	c.segments, c.pending = c.segments[:0], 0
	return err
}

// writeRecord collects parts for TLS, which makes a record and a write of each piece
// that it gets.
func (c *Conn) writeRecord(part []byte) error {
	if len(c.record)+len(part) > tlsBuffer {
		if err := c.flushRecord(); err != nil {
			return err
		}
	}
	if len(part) >= tlsBuffer {
		return c.writeBlock(part)
	}
	if c.record == nil {
		c.record = make([]byte, 0, tlsBuffer)
	}
	c.record = append(c.record, part...)
	return nil
}

func (c *Conn) flushRecord() error {
	if len(c.record) == 0 {
		return nil
	}
	err := c.writeBlock(c.record)
	c.record = c.record[:0]
	return err
}

func (c *Conn) writeBlock(b []byte) error {
	if err := c.deadline(c.timeouts.Block); err != nil {
		return err
	}
	_, err := c.nc.Write(b)
	return err
}
