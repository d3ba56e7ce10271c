// SPDX-License-Identifier: Apache-2.0

// Package delivery makes one attempt to bring a message to a domain: it finds the
// hosts (a route of the operator's, or MX as RFC 5321 §5.1 has it), connects or takes
// a connection that an earlier message left open, sends, and says what happened.
//
// The package must not keep state about messages, decide when to try again, or touch
// the database: an attempt's whole result is the Attempt that Deliver returns. What it
// doesn't know how to judge is temporary. No lock is held while it waits for the
// network, so a destination that hangs delays nobody else.
package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/proto/dns"
	"sesame/internal/proto/smtpclient"
)

// Resolver is what delivery asks of DNS. Errors are judged by dns.KindOf.
type Resolver interface {
	LookupMX(ctx context.Context, domain string) ([]dns.MX, error)
	LookupAddrs(ctx context.Context, host string) ([]netip.Addr, error)
}

// Options configure a Transport. Only Resolver must be set.
type Options struct {
	Resolver  Resolver
	Hello     string     // our name in EHLO; empty means localhost
	LocalAddr netip.Addr // source address; the zero value leaves it to the system
	Routes    []Route    // the first that matches a domain replaces its MX
	SMTPPort  int        // of MX hosts; 0 means 25
	OwnHosts  []string   // our own names: an MX that names one of them would be a loop

	// AllowPrivate lets a recipient's DNS lead to loopback, private and link-local
	// addresses; without it such a host is a permanent failure.
	AllowPrivate bool

	TLS   smtpclient.TLSPolicy // towards MX hosts
	Roots *x509.CertPool       // for TLSVerify; nil means the system's

	// Timeouts of each step; the attempt as a whole ends with its context. A zero
	// Greeting means 2 min, less than RFC 5321 §4.5.3.2.1 asks for: a host that says
	// nothing must not use up the time of those after it.
	Timeouts smtpclient.Timeouts

	MaxHosts int // hosts that one attempt tries; 0 means 5
	MaxAddrs int // addresses of each that it tries; 0 means 2

	Pool PoolOptions

	Dial    smtpclient.DialFunc              // nil means the network
	Shuffle func(n int, swap func(i, j int)) // safe for concurrent use; nil means math/rand
	Clock   clock.Clock                      // nil means the system's
	Log     *slog.Logger                     // nil discards
}

// Transport makes attempts. It is safe for concurrent use.
type Transport struct {
	o        Options
	own      map[string]bool
	routes   []route
	sessions tls.ClientSessionCache
	pool     *pool

	dials, dialFailures, reused, stale, cleartext atomic.Int64
}

// New returns a Transport, or an error if a route can't be understood. Close must be
// called in the end.
func New(o Options) (*Transport, error) {
	setDefaults(&o)
	if o.SMTPPort < 1 || o.SMTPPort > 65535 {
		return nil, fmt.Errorf("delivery: port %d", o.SMTPPort)
	}
	t := &Transport{o: o, own: make(map[string]bool), sessions: tls.NewLRUClientSessionCache(1000)}
	for _, name := range o.OwnHosts {
		t.own[strings.ToLower(strings.TrimSuffix(name, "."))] = true
	}
	for i, r := range o.Routes {
		parsed, err := parseRoute(i, r)
		if err != nil {
			return nil, err
		}
		t.routes = append(t.routes, parsed)
	}
	t.pool = newPool(o.Pool, o.Clock)
	return t, nil
}

func setDefaults(o *Options) {
	if o.SMTPPort == 0 {
		o.SMTPPort = 25
	}
	if o.MaxHosts == 0 {
		o.MaxHosts = 5
	}
	if o.MaxAddrs == 0 {
		o.MaxAddrs = 2
	}
	if o.Timeouts.Greeting == 0 {
		o.Timeouts.Greeting = 2 * time.Minute
	}
	if o.Shuffle == nil {
		o.Shuffle = rand.Shuffle
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Close ends the idle connections with QUIT, as far as ctx leaves time for it, and
// keeps none from now on. Attempts that are under way go on.
func (t *Transport) Close(ctx context.Context) error { return t.pool.close(ctx) }

// Stats are counters since the start, and the present number of idle connections.
type Stats struct {
	Idle         int
	Dials        int64 // connections tried
	DialFailures int64 // those that didn't come to the point where mail can be sent
	Reused       int64 // messages sent over a connection that was idle
	Stale        int64 // idle connections that turned out to be dead
	ClearText    int64 // connections made in clear after TLS had failed
}

// Stats returns the counters.
func (t *Transport) Stats() Stats {
	return Stats{t.pool.len(), t.dials.Load(), t.dialFailures.Load(), t.reused.Load(), t.stale.Load(), t.cleartext.Load()}
}

// Delivery is a message for recipients of one domain.
type Delivery struct {
	Domain     address.Domain // where to bring it: a domain or an address literal
	From       address.Address
	To         []address.Address
	Content    [][]byte // blocks of the message, sent one after the other; see smtpclient.Conn.Send
	Size       int      // octets of Content
	EightBit   bool     // Content has octets above 127
	RequireTLS bool     // nothing goes out in clear (SES: TlsPolicy Require)
}

// Attempt is what happened.
type Attempt struct {
	Outcomes []smtpclient.Outcome // one for each recipient, in their order

	// The host that decided, as far as one was reached.
	Host   string
	Remote netip.AddrPort
	Local  netip.Addr
	TLS    smtpclient.TLSState

	Started    time.Time
	Duration   time.Duration
	Transcript *smtpclient.Transcript
	Reused     bool // the connection had been idle
}

// RemoteAddr is the peer's IP:port, or "" if none was reached.
func (a *Attempt) RemoteAddr() string {
	if !a.Remote.IsValid() {
		return ""
	}
	return a.Remote.String()
}

// TLSText is TLS version and cipher suite, or "" for clear text.
func (a *Attempt) TLSText() string {
	if !a.TLS.Active() {
		return ""
	}
	return a.TLS.Version + " " + a.TLS.Cipher
}

// TranscriptText is the conversation in its printed form.
func (a *Attempt) TranscriptText() string { return a.Transcript.String() }
