// SPDX-License-Identifier: Apache-2.0

// Package smtpserver is an SMTP server engine: RFC 5321 with STARTTLS (RFC 3207),
// AUTH PLAIN and LOGIN (RFC 4954), PIPELINING (RFC 2920), 8BITMIME (RFC 6152), SIZE
// (RFC 1870) and, where wanted, ENHANCEDSTATUSCODES (RFC 2034), in the words that
// the SMTP endpoint of SES uses. The same code is a submission endpoint or a mail
// exchanger: who may send what to whom is decided by a Session, which the caller
// implements.
//
// The engine keeps to the strict reading of the standard where a lax one has been
// abused: CRLF alone ends a line, CRLF.CRLF alone ends a message, nothing sent in
// clear survives STARTTLS. Everything that a client can make grow is bounded by
// Limits, and every wait for a client has a deadline.
//
// Recipients over MaxRecipients are refused one by one with 452, as RFC 5321
// §4.5.3.1.10 has it, so that a relay sends them in a second transaction. A policy
// that would rather fail the whole message, as SES does, sets MaxRecipients higher
// and refuses in Data.
package smtpserver

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"sesame/internal/base/drain"
)

// Server serves any number of listeners with one policy and one set of limits. Its
// methods are safe for concurrent use.
type Server struct {
	cfg     Config
	backend Backend
	bodies  bodies
	budget  budget
	readers sync.Pool
	writers sync.Pool
	ctx     context.Context // of all Sessions
	cancel  context.CancelFunc

	// turning bounds the connections that are being told that there are too many.
	turning chan struct{}
	running sync.WaitGroup

	mu        sync.Mutex
	closing   bool
	listeners map[net.Listener]struct{}
	conns     map[*conn]netip.Prefix
	perIP     map[netip.Prefix]int
}

// maxTurning is the bound of Server.turning; beyond it, connections are closed
// without a word.
const maxTurning = 64

// NewServer returns a Server that is not serving yet. It fails if cfg contradicts
// itself.
func NewServer(cfg Config, backend Backend) (*Server, error) {
	cfg, err := cfg.normal()
	if err != nil {
		return nil, err
	}
	if backend == nil {
		return nil, errNoBackend
	}
	s := &Server{
		cfg: cfg, backend: backend,
		turning:   make(chan struct{}, maxTurning),
		listeners: map[net.Listener]struct{}{},
		conns:     map[*conn]netip.Prefix{},
		perIP:     map[netip.Prefix]int{},
	}
	s.budget.limit = cfg.Limits.MaxInFlightBytes
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Serve takes connections from l until Shutdown, then returns ErrServerClosed, or
// until l fails, then returns its error. It closes l.
func (s *Server) Serve(l net.Listener) error {
	defer func() { _ = l.Close() }()
	s.mu.Lock()
	closing := s.closing
	if !closing {
		s.listeners[l] = struct{}{}
	}
	s.mu.Unlock()
	if closing {
		return ErrServerClosed
	}
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
	}()
	var pause time.Duration
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.start(nc)
		case s.ctx.Err() != nil || s.isClosing():
			return ErrServerClosed
		case passing(err):
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.cfg.Log.Error("accept failed", "err", err, "pause", pause)
			s.wait(pause)
		default:
			return err
		}
	}
}

// passing reports whether Accept may succeed later: the machine is short of
// something, or the client has gone already.
func passing(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (s *Server) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	}
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// start begins a connection, or turns it away.
func (s *Server) start(nc net.Conn) {
	c := s.newConn(nc)
	who := origin(nc.RemoteAddr())
	var over Limit
	s.mu.Lock()
	switch {
	case s.closing:
		s.mu.Unlock()
		_ = nc.Close()
		return
	case len(s.conns) >= s.cfg.Limits.MaxSessions:
		over = LimitSessions
	case s.perIP[who] >= s.cfg.Limits.MaxSessionsPerIP:
		over = LimitSessionsPerIP
	default:
		s.conns[c] = who
		s.perIP[who]++
	}
	s.running.Add(1)
	s.mu.Unlock()
	if over != "" {
		s.turnAway(c, over)
		return
	}
	s.cfg.Metrics.Session(+1)
	go func() {
		defer s.running.Done()
		c.useBuffers()
		c.serve()
	}()
}

// origin is what MaxSessionsPerIP counts by: the IPv4 address, or the IPv6 /64, which
// is what one client has at the least.
func origin(a net.Addr) netip.Prefix {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{} // not an IP connection: all of them count as one
	}
	ip := ap.Addr().Unmap()
	p, _ := ip.WithZone("").Prefix(min(ip.BitLen(), 64))
	return p
}

// turnAway tells a client that there are too many.
func (s *Server) turnAway(c *conn, over Limit) {
	s.cfg.Metrics.Refused(over)
	c.log.Debug("connection refused", "limit", string(over))
	select {
	case s.turning <- struct{}{}:
	default:
		_ = c.raw.Close()
		s.running.Done()
		return
	}
	go func() {
		defer s.running.Done()
		defer func() { <-s.turning }()
		defer c.hangUp()
		c.ends = time.Now().Add(lastWords)
		c.useBuffers()
		defer c.dropBuffers()
		if c.cfg.Implicit && c.handshake() != nil {
			return
		}
		c.goodbye(answer{ErrTooManyConnections, isLast | isPlain})
	}()
}

func (s *Server) newConn(nc net.Conn) *conn {
	id := s.cfg.NewID()
	return &conn{
		srv: s, cfg: &s.cfg, raw: nc, nc: nc, ctx: s.ctx, id: id,
		log:     s.cfg.Log.With("conn", id, "remote", nc.RemoteAddr().String()),
		tracing: s.cfg.Log.Enabled(s.ctx, LevelTrace),
		ends:    time.Now().Add(s.cfg.Limits.SessionTimeout),
	}
}

func (c *conn) useBuffers() {
	if r, ok := c.srv.readers.Get().(*bufio.Reader); ok {
		c.r = r
		r.Reset(c.nc)
	} else {
		c.r = bufio.NewReaderSize(c.nc, readBuffer)
	}
	if w, ok := c.srv.writers.Get().(*bufio.Writer); ok {
		c.w = w
		w.Reset(c.nc)
	} else {
		c.w = bufio.NewWriterSize(c.nc, writeBuffer)
	}
}

func (c *conn) dropBuffers() {
	c.r.Reset(nil)
	c.w.Reset(nil)
	c.srv.readers.Put(c.r)
	c.srv.writers.Put(c.w)
}

// forget takes a connection that has ended off the books.
func (s *Server) forget(c *conn) {
	c.dropBuffers()
	s.mu.Lock()
	who := s.conns[c]
	delete(s.conns, c)
	if s.perIP[who]--; s.perIP[who] == 0 {
		delete(s.perIP, who)
	}
	s.mu.Unlock()
	s.cfg.Metrics.Session(-1)
}

// Shutdown stops taking connections, ends those that wait for a command with 421 and
// lets each DATA under way finish. It returns nil when all have ended. When ctx ends
// first, the contexts of the Sessions end, the connections are cut, and ctx's error
// is returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for l := range s.listeners {
		_ = l.Close()
	}
	for c := range s.conns {
		c.stop()
	}
	s.mu.Unlock()
	err := drain.Wait(ctx, drain.Done(&s.running))
	s.cancel()
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.raw.Close()
	}
	return err
}
