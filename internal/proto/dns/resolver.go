// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mdns "github.com/miekg/dns"

	"sesame/internal/base/clock"
)

// Options say whom to ask and how long to wait. The zero value asks the servers of
// /etc/resolv.conf.
type Options struct {
	// Servers are the upstream resolvers, IP:port each (port 53 if there is none),
	// tried in this order. Empty means those of /etc/resolv.conf, read once.
	Servers []string

	Timeout     time.Duration // for one try at one server; 0 means 3 s
	Rounds      int           // how often the list of servers is gone through; 0 means 2
	MaxInFlight int           // bound on questions asked at the same time; 0 means 256

	CacheSize    int           // bound on cached answers; 0 means 10,000
	MaxTTL       time.Duration // cap on the time that records are kept; 0 means 1 h
	NegativeTTL  time.Duration // cap on the time that NotExist and NoData are kept; 0 means 1 min
	TemporaryTTL time.Duration // how long a temporary failure is kept; 0 means 5 s

	// Port is that of the servers that Delegation names; 0 means 53.
	Port uint16
	// AllowPrivate lets Ask ask servers at loopback, private and link-local addresses:
	// a stranger's zone may name any address as its server's.
	AllowPrivate bool

	Clock clock.Clock // nil means the system's
}

// Resolver answers lookups. It is safe for concurrent use.
type Resolver struct {
	servers                           []string
	timeout                           time.Duration
	rounds                            int
	maxTTL, negativeTTL, temporaryTTL time.Duration
	port                              uint16
	allowPrivate                      bool
	clock                             clock.Clock
	cache                             *cache
	slots                             chan struct{}

	mu      sync.Mutex
	flights map[key]*flight

	queries, hits, failures atomic.Int64
}

// flight is a question that is being asked. answer is set when done is closed.
type flight struct {
	done   chan struct{}
	answer *answer
}

// ednsSize is the UDP payload that we take: it fits into every path's packets, so
// that nothing is fragmented (RFC 6891 §6.2.5).
const ednsSize = 1232

// systemConfig is where the system names its resolvers (resolv.conf(5)).
const systemConfig = "/etc/resolv.conf"

// New returns a resolver, or an error if a server's address can't be understood.
func New(o Options) (*Resolver, error) {
	r := &Resolver{
		timeout:      or(o.Timeout, 3*time.Second),
		rounds:       or(o.Rounds, 2),
		maxTTL:       or(o.MaxTTL, time.Hour),
		negativeTTL:  or(o.NegativeTTL, time.Minute),
		temporaryTTL: or(o.TemporaryTTL, 5*time.Second),
		port:         or(o.Port, 53),
		allowPrivate: o.AllowPrivate,
		clock:        o.Clock,
		cache:        newCache(or(o.CacheSize, 10_000)),
		slots:        make(chan struct{}, or(o.MaxInFlight, 256)),
		flights:      make(map[key]*flight),
	}
	if r.clock == nil {
		r.clock = clock.System
	}
	servers := o.Servers
	if len(servers) == 0 {
		servers = systemServers(systemConfig)
	}
	for _, s := range servers {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			ip, ipErr := netip.ParseAddr(strings.Trim(s, "[]"))
			if ipErr != nil {
				return nil, fmt.Errorf("dns: server %q: %w", s, err)
			}
			ap = netip.AddrPortFrom(ip, 53)
		}
		r.servers = append(r.servers, ap.String())
	}
	return r, nil
}

// systemServers reads the resolvers of a resolv.conf; the one on this machine if the
// file is missing or names none, as the file's manual has it.
func systemServers(path string) []string {
	conf, err := mdns.ClientConfigFromFile(path)
	if err != nil || len(conf.Servers) == 0 {
		return []string{"127.0.0.1:53"}
	}
	servers := make([]string, len(conf.Servers))
	for i, s := range conf.Servers {
		servers[i] = net.JoinHostPort(s, conf.Port)
	}
	return servers
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Stats are counters since the start, and the cache's present size.
type Stats struct {
	Queries  int64 // questions asked upstream, retries not counted
	Hits     int64 // lookups that the cache or a question in flight answered
	Failures int64 // questions that ended in a temporary failure
	Cached   int
}

// Stats returns the counters.
func (r *Resolver) Stats() Stats {
	return Stats{r.queries.Load(), r.hits.Load(), r.failures.Load(), r.cache.len()}
}

// lookup answers a question from the cache, from a question in flight, or from
// upstream. The error is an *Error or ctx's.
func (r *Resolver) lookup(ctx context.Context, name string, qtype uint16) (*answer, error) {
	k := key{strings.ToLower(mdns.Fqdn(name)), qtype}
	if err := checkName(k); err != nil {
		return nil, err
	}
	a, f := r.known(k, nil)
	if a == nil && f == nil {
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		own := &flight{done: make(chan struct{})}
		if a, f = r.known(k, own); f == own {
			// The question outlives its first asker: others may have joined.
			go r.fly(k, own)
		} else {
			<-r.slots
		}
	}
	if f != nil {
		select {
		case <-f.done:
			a = f.answer
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	return a, nil
}

// checkName refuses what can't be a name: it has no records, and nobody need be asked.
func checkName(k key) error {
	if _, ok := mdns.IsDomainName(k.name); !ok || len(k.name) > 255 {
		return newError(NotExist, k, false, errors.New("not a domain name"))
	}
	return nil
}

// known returns a cached answer or a flight to wait for. If there is neither, it
// registers own (unless nil) and returns it.
func (r *Resolver) known(k key, own *flight) (*answer, *flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.cache.get(k, r.clock()); a != nil {
		r.hits.Add(1)
		return a, nil
	}
	if f, ok := r.flights[k]; ok {
		r.hits.Add(1)
		return nil, f
	}
	if own != nil {
		r.flights[k] = own
	}
	return nil, own
}

// fly asks upstream and gives back the slot that its starter took.
func (r *Resolver) fly(k key, f *flight) {
	defer func() { <-r.slots }()
	r.queries.Add(1)
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout*time.Duration(2*r.rounds*len(r.servers)))
	defer cancel()
	f.answer = r.ask(ctx, k)
	if f.answer.err != nil && f.answer.err.Kind == Temporary {
		r.failures.Add(1)
	}
	r.mu.Lock()
	r.cache.put(k, f.answer, r.clock())
	delete(r.flights, k)
	r.mu.Unlock()
	close(f.done)
}

// ask finds the answer to k. Where an upstream leaves the following of aliases to its
// client, the questions after k are asked here.
func (r *Resolver) ask(ctx context.Context, k key) *answer {
	c := chain{names: []string{k.name}, ttl: r.maxTTL, authentic: true}
	for {
		resp, err := r.askAny(ctx, key{c.last(), k.qtype})
		if err == nil {
			err = c.follow(resp, k.qtype)
		}
		if err != nil {
			return &answer{err: newError(Temporary, k, false, err), expires: r.clock().Add(r.temporaryTTL)}
		}
		if c.complete {
			return r.answer(k, &c, resp)
		}
	}
}

// askAny goes through the servers until one gives an answer to rely on.
func (r *Resolver) askAny(ctx context.Context, k key) (*mdns.Msg, error) {
	var last error
	for range r.rounds {
		for _, server := range r.servers {
			resp, err := r.exchange(ctx, question(k, true), server)
			if err == nil && resp.Rcode != mdns.RcodeSuccess && resp.Rcode != mdns.RcodeNameError {
				err = serverError{server, resp.Rcode}
			}
			if err == nil {
				return resp, nil
			}
			last = err
		}
	}
	return nil, last
}

// question is the message that asks k.
func question(k key, recursion bool) *mdns.Msg {
	m := new(mdns.Msg).SetQuestion(k.name, k.qtype)
	m.RecursionDesired = recursion
	m.AuthenticatedData = recursion // RFC 6840 §5.7: we want to know the AD flag
	m.SetEdns0(ednsSize, false)
	return m
}

// exchange asks one server: over UDP with EDNS0, over TCP if the answer was cut
// (RFC 7766 §5), without EDNS0 if the server doesn't know it (RFC 6891 §7).
func (r *Resolver) exchange(ctx context.Context, m *mdns.Msg, server string) (*mdns.Msg, error) {
	resp, err := r.send(ctx, m, "udp", server)
	if err == nil && (resp.Rcode == mdns.RcodeFormatError || resp.Rcode == mdns.RcodeNotImplemented) {
		m.Extra = nil
		resp, err = r.send(ctx, m, "udp", server)
	}
	if err == nil && resp.Truncated {
		if resp, err = r.send(ctx, m, "tcp", server); err == nil && resp.Truncated {
			err = fmt.Errorf("%s over tcp: %w", server, errCut)
		}
	}
	return resp, err
}

// send asks once, and accepts only an answer to this question. A message that was cut
// is returned even if what is left of it can't be read.
func (r *Resolver) send(ctx context.Context, m *mdns.Msg, network, server string) (*mdns.Msg, error) {
	m.Id = mdns.Id()
	c := mdns.Client{Net: network, Timeout: r.timeout}
	resp, _, err := c.ExchangeContext(ctx, m, server)
	if err != nil && resp != nil && resp.Id == m.Id && resp.Response && resp.Truncated && network == "udp" {
		return resp, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s over %s: %w", server, network, err)
	}
	if !resp.Response || len(resp.Question) != 1 || resp.Question[0].Qtype != m.Question[0].Qtype ||
		resp.Question[0].Qclass != mdns.ClassINET || !strings.EqualFold(resp.Question[0].Name, m.Question[0].Name) {
		return nil, fmt.Errorf("%s over %s: %w", server, network, errOtherQuestion)
	}
	return resp, nil
}

var (
	errOtherQuestion = errors.New("the answer is to another question")
	errCut           = errors.New("the answer is cut")
)

// answer is what the chain of aliases from k came to; m is the last message of it.
func (r *Resolver) answer(k key, c *chain, m *mdns.Msg) *answer {
	a := &answer{records: c.records, aliases: c.aliases(), authentic: c.authentic, size: c.size}
	ttl := c.ttl
	if len(a.records) == 0 {
		kind := NoData
		if m.Rcode == mdns.RcodeNameError {
			kind = NotExist
		}
		a.err = newError(kind, k, a.authentic, nil)
		ttl = min(ttl, r.negative(m))
	}
	a.expires = r.clock().Add(ttl)
	return a
}

// negative is how long an answer without records is kept: what the zone's SOA says
// (RFC 2308 §5), capped; without a SOA as short as a failure.
func (r *Resolver) negative(m *mdns.Msg) time.Duration {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*mdns.SOA); ok {
			return min(r.negativeTTL, time.Duration(min(soa.Hdr.Ttl, soa.Minttl))*time.Second)
		}
	}
	return min(r.negativeTTL, r.temporaryTTL)
}
