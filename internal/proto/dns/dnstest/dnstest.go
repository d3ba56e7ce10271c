// SPDX-License-Identifier: Apache-2.0

// Package dnstest is a name server for tests: it listens on loopback, knows the
// records that the test wrote down, fails where the test says so, and refuses every
// other name, so that no test depends on the Internet.
package dnstest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"

	mdns "github.com/miekg/dns"
)

// Zone is what the server knows. The lists hold names, each for all types ("a.test")
// or for one ("MX a.test"); a list wins over Records. A name that stands nowhere is
// refused; a name with records of other types only has no data.
type Zone struct {
	Records   string   // lines of a master file (RFC 1035 §5), absolute names; TTL 300 if none is given
	NXDomain  []string // names that don't exist
	NoData    []string // names without records
	ServFail  []string // questions that the server fails at
	Silent    []string // questions that get no answer, so that the client's timeout runs
	Truncated []string // answers that are cut over UDP and whole over TCP
	Authentic []string // answers with the AD flag
	Partial   []string // aliases that are left to the client to follow
	Lame      []string // answers without the AA flag; all others have it

	// Referrals are NS records, as lines of a master file, that the server gives as the
	// parent's to questions for NS that do not want recursion (RFC 1034 §4.3.2).
	Referrals string
}

// TB is the part of testing.TB that New needs.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Server is a running name server. It is safe for concurrent use.
type Server struct {
	udp, tcp *mdns.Server
	addr     string

	mu      sync.Mutex
	zone    Zone
	records map[string][]mdns.RR // by owner, lower case and fully qualified
	refers  map[string][]mdns.RR
	asked   []string
}

// maxAsked bounds the questions that are remembered.
const maxAsked = 10_000

// New starts a server that the end of the test stops.
func New(t TB, z Zone) *Server {
	t.Helper()
	s, err := Start(z)
	if err != nil {
		t.Fatalf("dnstest: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Start starts a server on a free port of 127.0.0.1, UDP and TCP.
func Start(z Zone) (*Server, error) {
	s := &Server{}
	if err := s.Set(z); err != nil {
		return nil, err
	}
	// A port that is free for one protocol may be taken for the other.
	var last error
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			last = errors.Join(err, l.Close())
			continue
		}
		s.addr = l.Addr().String()
		s.run(l, p)
		return s, nil
	}
	return nil, last
}

func (s *Server) run(l net.Listener, p net.PacketConn) {
	var started sync.WaitGroup
	started.Add(2)
	serve := func(proto string) mdns.Handler {
		return mdns.HandlerFunc(func(w mdns.ResponseWriter, m *mdns.Msg) {
			if resp := s.answer(m, proto == "udp"); resp != nil {
				// The client that went away is its own test's matter.
				_ = w.WriteMsg(resp)
			}
		})
	}
	s.tcp = &mdns.Server{Listener: l, Handler: serve("tcp"), NotifyStartedFunc: started.Done}
	s.udp = &mdns.Server{PacketConn: p, Handler: serve("udp"), NotifyStartedFunc: started.Done}
	for _, srv := range []*mdns.Server{s.tcp, s.udp} {
		go func() { _ = srv.ActivateAndServe() }() // ends with Shutdown
	}
	started.Wait()
}

// Addr is the server's host:port.
func (s *Server) Addr() string { return s.addr }

// Close stops the server.
func (s *Server) Close() error { return errors.Join(s.udp.Shutdown(), s.tcp.Shutdown()) }

// Set replaces the zone.
func (s *Server) Set(z Zone) error {
	records, err := parse(z.Records)
	if err != nil {
		return err
	}
	refers, err := parse(z.Referrals)
	if err != nil {
		return err
	}
	for _, list := range []*[]string{&z.NXDomain, &z.NoData, &z.ServFail, &z.Silent, &z.Truncated, &z.Authentic, &z.Partial, &z.Lame} {
		out := make([]string, len(*list))
		for i, e := range *list {
			out[i] = canonical(e)
		}
		*list = out
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone, s.records, s.refers = z, records, refers
	return nil
}

// canonical writes a list's entry as the server looks it up: "a.test." or "MX a.test.".
func canonical(entry string) string {
	qtype, name, ok := strings.Cut(entry, " ")
	if !ok {
		return strings.ToLower(mdns.Fqdn(entry))
	}
	return qtype + " " + strings.ToLower(mdns.Fqdn(name))
}

func parse(text string) (map[string][]mdns.RR, error) {
	var lines strings.Builder
	for l := range strings.Lines(text) {
		lines.WriteString(strings.TrimSpace(l) + "\n") // an indented line would continue the owner before it
	}
	zp := mdns.NewZoneParser(strings.NewReader(lines.String()), ".", "zone")
	zp.SetDefaultTTL(300)
	records := make(map[string][]mdns.RR)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		owner := strings.ToLower(rr.Header().Name)
		records[owner] = append(records[owner], rr)
	}
	if err := zp.Err(); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("zone: %w", err)
	}
	return records, nil
}

// Asked returns the questions so far in their order, each as "MX a.test.".
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// answer is the reply to a question, nil for silence.
func (s *Server) answer(m *mdns.Msg, udp bool) *mdns.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	resp := new(mdns.Msg).SetReply(m)
	resp.RecursionAvailable = true
	if len(m.Question) != 1 {
		return resp.SetRcode(m, mdns.RcodeFormatError)
	}
	q := m.Question[0]
	name := strings.ToLower(q.Name)
	typed := mdns.TypeToString[q.Qtype] + " " + name
	in := func(list []string) bool { return slices.Contains(list, name) || slices.Contains(list, typed) }
	if len(s.asked) < maxAsked {
		s.asked = append(s.asked, typed)
	}
	resp.AuthenticatedData = in(s.zone.Authentic)
	resp.Authoritative = !in(s.zone.Lame)
	switch {
	case in(s.zone.Silent):
		return nil
	case in(s.zone.ServFail):
		resp.Rcode = mdns.RcodeServerFailure
	case q.Qtype == mdns.TypeNS && !m.RecursionDesired && len(s.refers[name]) > 0:
		resp.Authoritative, resp.Ns = false, s.refers[name]
	case in(s.zone.NXDomain):
		resp.Rcode = mdns.RcodeNameError
		resp.Ns = []mdns.RR{s.soa(name)}
	case in(s.zone.NoData):
		resp.Ns = []mdns.RR{s.soa(name)}
	case len(s.records[name]) == 0:
		resp.Rcode = mdns.RcodeRefused
		resp.AuthenticatedData, resp.Authoritative = false, false
	case udp && in(s.zone.Truncated):
		resp.Truncated = true
	default:
		s.fill(resp, name, q.Qtype, in(s.zone.Partial))
	}
	return resp
}

// fill adds the records of name and of what its CNAMEs lead to, as a recursive server
// does; if partial, the first CNAME alone.
func (s *Server) fill(resp *mdns.Msg, name string, qtype uint16, partial bool) {
	for range 8 {
		next := ""
		for _, rr := range s.records[name] {
			switch {
			case rr.Header().Rrtype == qtype:
				resp.Answer = append(resp.Answer, rr)
			case rr.Header().Rrtype == mdns.TypeCNAME:
				resp.Answer = append(resp.Answer, rr)
				next = strings.ToLower(rr.(*mdns.CNAME).Target)
			}
		}
		if next == "" {
			break
		}
		if partial {
			return
		}
		name = next
	}
	if !slices.ContainsFunc(resp.Answer, func(rr mdns.RR) bool { return rr.Header().Rrtype == qtype }) {
		resp.Ns = []mdns.RR{s.soa(name)}
	}
}

// soa is the zone's SOA if Records has one above name, else one that lets an answer
// without records be kept for 300 s.
func (s *Server) soa(name string) mdns.RR {
	for off, end := 0, false; !end; off, end = mdns.NextLabel(name, off) {
		for _, rr := range s.records[name[off:]] {
			if rr.Header().Rrtype == mdns.TypeSOA {
				return rr
			}
		}
	}
	return &mdns.SOA{
		Hdr: mdns.RR_Header{Name: name, Rrtype: mdns.TypeSOA, Class: mdns.ClassINET, Ttl: 300},
		Ns:  "ns." + name, Mbox: "hostmaster." + name, Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: 300,
	}
}
