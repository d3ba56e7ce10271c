// SPDX-License-Identifier: Apache-2.0

// Package nameserver answers DNS queries over UDP and TCP for the zones that it is given,
// as their authority (RFC 1034 §4.3, RFC 1035). It asks nobody else: other names are
// refused. Answers over UDP are small and, for one network, limited in number, so that it
// is of little use to who sends queries in another's name (RFC 5358).
//
// The package must not know what is in a zone.
package nameserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	mdns "github.com/miekg/dns"
	"golang.org/x/net/netutil"

	"sesame/internal/base/clock"
	"sesame/internal/core/zone"
)

// Authority knows zones. At returns what is at a name, which is fully qualified and in
// lower case; ok is false where the name is in none of its zones.
type Authority interface {
	At(ctx context.Context, name string) (node zone.Node, ok bool, err error)
}

// Updater takes dynamic updates (RFC 2136). It returns the response's code.
type Updater interface {
	Update(ctx context.Context, m *mdns.Msg) (rcode int)
}

// Options configure a server.
type Options struct {
	Zones   []Authority // the first that knows a name answers
	Updates Updater     // takes updates from this machine, unsigned; nil: they are not known
	// Resolver says that recursion is available (RFC 1035 §4.1.1): there is nothing but the
	// zones, so that whoever wants a resolver has one in us.
	Resolver bool

	MaxConcurrent int // queries at once; 0 means 256. Above it those over UDP are dropped
	MaxConns      int // TCP connections at once; 0 means 256. More wait to be accepted
	Rate          int // answers a second over UDP to one network (/24, /56); 0 means 50

	Clock   clock.Clock
	Log     *slog.Logger
	Metrics Metrics
}

// Limit is a bound that a client met.
type Limit string

// The limits.
const (
	LimitConcurrency Limit = "concurrency"
	LimitRate        Limit = "rate"
)

// Metrics are told what happens. None may be nil.
type Metrics struct {
	Answered func(rcode string) // a response was made
	Limited  func(Limit)        // a query was dropped, or answered with nothing
	Panic    func()
}

// Bounds that no configuration needs to change.
const (
	readTimeout  = 2 * time.Second // for a message that has begun
	idleTimeout  = 5 * time.Second // of a TCP connection (RFC 7766 §6.2.3)
	queryTimeout = 3 * time.Second // for one answer
	maxPerConn   = 100             // queries of a TCP connection
	maxUDP       = 4096            // octets of a query
)

// Server is a name server. It is safe for concurrent use.
type Server struct {
	o       Options
	slots   chan struct{}
	limiter *limiter
	packets net.PacketConn
	streams net.Listener
	servers [2]*mdns.Server
}

// New returns a server that will answer on packets and streams, which it then owns.
func New(o Options, packets net.PacketConn, streams net.Listener) *Server {
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = 256
	}
	if o.MaxConns == 0 {
		o.MaxConns = 256
	}
	if o.Rate == 0 {
		o.Rate = 50
	}
	s := &Server{
		o: o, slots: make(chan struct{}, o.MaxConcurrent), limiter: newLimiter(o.Rate, o.Clock),
		packets: packets, streams: netutil.LimitListener(streams, o.MaxConns),
	}
	for i := range s.servers {
		s.servers[i] = &mdns.Server{
			Handler: s, MsgAcceptFunc: s.accept, UDPSize: maxUDP, MaxTCPQueries: maxPerConn,
			ReadTimeout: readTimeout, WriteTimeout: readTimeout, IdleTimeout: func() time.Duration { return idleTimeout },
		}
	}
	s.servers[0].PacketConn, s.servers[1].Listener = s.packets, s.streams
	return s
}

// Serve answers until Shutdown.
func (s *Server) Serve() error {
	var errs [2]error
	var both sync.WaitGroup
	for i, srv := range s.servers {
		both.Go(func() {
			if err := srv.ActivateAndServe(); !errors.Is(err, net.ErrClosed) {
				errs[i] = err
			}
		})
	}
	both.Wait()
	return errors.Join(errs[:]...)
}

// Shutdown stops the server: queries under way are answered, and what is left at the end
// of ctx is cut.
func (s *Server) Shutdown(ctx context.Context) error {
	for _, srv := range s.servers {
		// Its errors are that it has not begun, which closing the sockets settles, and ctx's.
		_ = srv.ShutdownContext(ctx)
	}
	var errs []error
	for _, err := range []error{s.packets.Close(), s.streams.Close()} {
		if !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// accept looks at a message's header before the rest is read (RFC 1035 §4.1.1).
func (s *Server) accept(h mdns.Header) mdns.MsgAcceptAction {
	const response = 1 << 15
	switch opcode := int(h.Bits>>11) & 0xF; {
	case h.Bits&response != 0:
		return mdns.MsgIgnore
	case opcode == mdns.OpcodeUpdate && s.o.Updates != nil && h.Qdcount == 1:
		return mdns.MsgAccept
	case opcode != mdns.OpcodeQuery:
		return mdns.MsgRejectNotImplemented
	case h.Qdcount != 1 || h.Ancount > 0 || h.Nscount > 1 || h.Arcount > 2: // IXFR has one, EDNS0 and TSIG are two
		return mdns.MsgReject
	}
	return mdns.MsgAccept
}

// ServeDNS answers one message.
func (s *Server) ServeDNS(w mdns.ResponseWriter, m *mdns.Msg) {
	from, udp := remote(w.RemoteAddr())
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		s.o.Metrics.Limited(LimitConcurrency)
		if !udp {
			s.write(w, new(mdns.Msg).SetRcode(m, mdns.RcodeServerFailure))
		}
		return
	}
	if udp {
		switch s.limiter.take(from) {
		case drop:
			s.o.Metrics.Limited(LimitRate)
			return
		case slip:
			s.o.Metrics.Limited(LimitRate)
			cut := new(mdns.Msg).SetReply(m)
			cut.Truncated = true
			s.write(w, cut)
			return
		}
	}
	resp := s.safely(m, from)
	s.o.Metrics.Answered(mdns.RcodeToString[resp.Rcode])
	if udp {
		fit(m, resp)
	}
	s.write(w, resp)
}

func (s *Server) write(w mdns.ResponseWriter, resp *mdns.Msg) {
	resp.Compress = true
	if err := w.WriteMsg(resp); err != nil {
		s.o.Log.Debug("dns: response not written", "to", w.RemoteAddr(), "error", err)
	}
}

// safely is respond; a defect costs this answer alone.
func (s *Server) safely(m *mdns.Msg, from netip.Addr) (resp *mdns.Msg) {
	defer func() {
		if p := recover(); p != nil {
			s.o.Metrics.Panic()
			s.o.Log.Error("dns: panic", "panic", p, "stack", string(debug.Stack()))
			resp = new(mdns.Msg).SetRcode(m, mdns.RcodeServerFailure)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	return s.respond(ctx, m, from)
}

// remote is where a message comes from, and whether over UDP.
func remote(a net.Addr) (from netip.Addr, udp bool) {
	switch a := a.(type) {
	case *net.UDPAddr:
		return a.AddrPort().Addr().Unmap(), true
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap(), false
	}
	return netip.Addr{}, false
}
