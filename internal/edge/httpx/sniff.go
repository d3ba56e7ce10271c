// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"container/list"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"sesame/internal/base/clock"
)

// recordHandshake is how every TLS connection begins (RFC 8446 §5.1).
const recordHandshake = 0x16

// SniffLimits bounds what a Sniff listener keeps waiting. Zero values are defaults.
type SniffLimits struct {
	FirstByte time.Duration // how long a connection may send nothing; 10 seconds
	Waiting   int           // connections that are silent or not accepted yet; 1024
	Grace     time.Duration // how long one is silent before it may have to make room; 100 ms
	Dropped   func()        // called for each connection that had to make room, if not nil; must not block
}

// Sniff is SniffWith with the default limits.
func Sniff(l net.Listener, config *tls.Config) net.Listener {
	return SniffWith(l, config, SniffLimits{})
}

// SniffWith returns a listener that serves TLS and clear text on the port of l. A
// connection whose first byte begins a TLS handshake is accepted as a *tls.Conn of
// config, for http.Server to shake hands with, by HTTP/2 too unless config names other
// protocols; any other as it is. http.Server is to be started by Serve and should have
// no TLSConfig of its own.
//
// A connection that sends nothing is closed when its time is over. When too many wait,
// a new one takes the place of the one that has been silent the longest, so that
// silent connections keep nobody out; until there is one that has been silent for
// longer than the grace, new ones wait in the system's backlog.
func SniffWith(l net.Listener, config *tls.Config, limits SniffLimits) net.Listener {
	config = config.Clone()
	if len(config.NextProtos) == 0 {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	if limits.FirstByte <= 0 {
		limits.FirstByte = 10 * time.Second
	}
	if limits.Waiting <= 0 {
		limits.Waiting = 1024
	}
	if limits.Grace <= 0 {
		limits.Grace = 100 * time.Millisecond
	}
	if limits.Dropped == nil {
		limits.Dropped = func() {}
	}
	return &sniffer{
		Listener: l, config: config, limits: limits, slots: make(chan struct{}, limits.Waiting),
		ready: make(chan accepted), closed: make(chan struct{}),
	}
}

type accepted struct {
	conn net.Conn
	err  error
}

// sniffer looks at each connection in a goroutine of its own, so that Accept never
// waits for one that is silent.
type sniffer struct {
	net.Listener
	config *tls.Config
	limits SniffLimits
	slots  chan struct{} // one token per connection not yet handed over
	ready  chan accepted
	closed chan struct{}
	start  sync.Once
	stop   sync.Once

	mu     sync.Mutex
	silent list.List // of silentConn, the longest silent first
}

type silentConn struct {
	net.Conn
	since time.Time
}

// Accept returns the next connection whose kind is known.
func (s *sniffer) Accept() (net.Conn, error) {
	s.start.Do(func() { go s.acceptAll() })
	select {
	case a := <-s.ready:
		return a.conn, a.err
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Close closes the listener and every connection that was not accepted yet.
func (s *sniffer) Close() error {
	s.stop.Do(func() { close(s.closed) })
	err := s.Listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.silent.Front(); e != nil; e = e.Next() {
		e.Value.(silentConn).Close()
	}
	return err
}

func (s *sniffer) acceptAll() {
	for {
		conn, err := s.Listener.Accept()
		if err != nil {
			// The server decides whether to go on after it, and when: it calls Accept.
			if !s.deliver(accepted{err: err}) || errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		if !s.takeSlot() {
			conn.Close()
			return
		}
		e := s.addSilent(conn)
		go func() {
			defer func() { <-s.slots }()
			s.look(conn, e)
		}()
	}
}

// takeSlot makes room for one more connection; false when the listener is closed.
func (s *sniffer) takeSlot() bool {
	for {
		select {
		case s.slots <- struct{}{}:
			return true
		default:
		}
		again := make(<-chan time.Time) // after a drop: never, a slot is about to be free
		if wait := s.dropSilent(); wait > 0 {
			again = time.After(wait)
		}
		select {
		case s.slots <- struct{}{}:
			return true
		case <-s.closed:
			return false
		case <-again:
		}
	}
}

// dropSilent closes the connection that has been silent the longest, if its grace is
// over; its goroutine gives the slot back. Otherwise it returns when to try again.
func (s *sniffer) dropSilent() (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.silent.Front()
	if e == nil {
		return s.limits.Grace
	}
	c := e.Value.(silentConn)
	if left := s.limits.Grace - clock.System().Sub(c.since); left > 0 {
		return left
	}
	s.silent.Remove(e)
	c.Close()
	s.limits.Dropped()
	return 0
}

func (s *sniffer) addSilent(conn net.Conn) *list.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed: // Close has been through the list already
		conn.Close()
	default:
	}
	return s.silent.PushBack(silentConn{conn, clock.System()})
}

func (s *sniffer) removeSilent(e *list.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent.Remove(e) // does nothing if dropSilent did
}

// look waits for the first byte of conn and hands the connection over.
func (s *sniffer) look(conn net.Conn, e *list.Element) {
	var first [1]byte
	err := conn.SetReadDeadline(clock.System().Add(s.limits.FirstByte))
	if err == nil {
		_, err = conn.Read(first[:])
	}
	s.removeSilent(e)
	if err == nil {
		err = conn.SetReadDeadline(time.Time{})
	}
	if err != nil {
		conn.Close()
		return
	}
	var out net.Conn = &replayConn{Conn: conn, first: slices.Clone(first[:])}
	if first[0] == recordHandshake {
		out = tls.Server(out, s.config)
	}
	if !s.deliver(accepted{conn: out}) {
		conn.Close()
	}
}

// deliver gives a to Accept; false when the listener is closed.
func (s *sniffer) deliver(a accepted) bool {
	select {
	case s.ready <- a:
		return true
	case <-s.closed:
		return false
	}
}

// replayConn is a connection whose first byte was read already.
type replayConn struct {
	net.Conn
	first []byte // net.Conn has one reader at a time: no lock
}

// Read gives the byte that was looked at, then reads on.
func (c *replayConn) Read(p []byte) (int, error) {
	if len(c.first) > 0 && len(p) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
