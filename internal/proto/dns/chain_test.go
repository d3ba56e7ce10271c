// SPDX-License-Identifier: Apache-2.0

package dns_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"sesame/internal/proto/dns"
	"sesame/internal/proto/dns/dnstest"
)

func TestAliasesAreFollowedToTheirEnd(t *testing.T) {
	t.Parallel()
	var records strings.Builder
	partial := []string{"part.test", "gone.test", "bare.test", "down.test", "around.test", "around2.test"}
	for i := range 12 { // c0 leads to c12 over 12 names, c2 over 10
		fmt.Fprintf(&records, "c%d.test. IN CNAME C%d.test.\n", i, i+1)
		partial = append(partial, fmt.Sprintf("c%d.test", i))
	}
	srv := dnstest.New(t, dnstest.Zone{
		Records: records.String() + `
			c12.test.     IN TXT "end"
			whole.test.   IN CNAME mid.test.
			mid.test.     IN CNAME end.test.
			end.test.     IN TXT "end"
			part.test.    IN CNAME mid.test.
			gone.test.    IN CNAME nx.test.
			bare.test.    IN CNAME addr.test.
			addr.test.    IN A 192.0.2.1
			down.test.    IN CNAME fail.test.
			self.test.    IN CNAME self.test.
			loop.test.    IN CNAME loop2.test.
			loop2.test.   IN CNAME loop.test.
			around.test.  IN CNAME around2.test.
			around2.test. IN CNAME around.test.
		`,
		Partial:  partial,
		NXDomain: []string{"nx.test"},
		ServFail: []string{"fail.test"},
	})
	r := newResolver(t, srv, nil)
	const ok = dns.Kind(255)
	for _, tc := range []struct {
		name, lookup string
		aliases      []string
		kind         dns.Kind
		circle       bool
	}{
		{"the upstream has followed them", "whole.test", []string{"mid.test", "end.test"}, ok, false},
		{"the upstream has followed some of them", "part.test", []string{"mid.test", "end.test"}, ok, false},
		{"the upstream followed none, and the end does not exist", "gone.test", nil, dns.NotExist, false},
		{"the upstream followed none, and the end has no such record", "bare.test", nil, dns.NoData, false},
		{"the upstream followed none, and the end can't be asked for", "down.test", nil, dns.Temporary, false},
		{"a name that leads to itself", "self.test", nil, dns.Temporary, true},
		{"a circle in one answer", "loop.test", nil, dns.Temporary, true},
		{"a circle that shows in the second answer", "around.test", nil, dns.Temporary, true},
		{"ten names, one at a time", "c2.test",
			[]string{"c3.test", "c4.test", "c5.test", "c6.test", "c7.test", "c8.test", "c9.test", "c10.test", "c11.test", "c12.test"}, ok, false},
		{"eleven names", "c1.test", nil, dns.Temporary, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := r.QueryTXT(t.Context(), tc.lookup)
			if tc.kind == ok {
				if err != nil || !slices.Equal(got.Records, []string{"end"}) || !slices.Equal(got.Aliases, tc.aliases) {
					t.Fatalf("got %v over %v, %v", got.Records, got.Aliases, err)
				}
				return
			}
			if err == nil || dns.KindOf(err) != tc.kind || errors.Is(err, dns.ErrAliases) != tc.circle {
				t.Errorf("got %v, %v", got.Records, err)
			}
		})
	}
}

func TestAnAliasCanBeAskedForItself(t *testing.T) {
	t.Parallel()
	r := newResolver(t, dnstest.New(t, zone), nil)
	got, err := r.QueryCNAME(t.Context(), "alias.test")
	if err != nil || !slices.Equal(got.Records, []string{"example.test"}) || got.Aliases != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// script is a name server that answers with whatever the test likes: reply gets the
// question as it came, and its result is sent over UDP, or over TCP, as it is.
func script(t *testing.T, reply func(q *mdns.Msg, udp bool) []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Skipf("the port is taken for UDP: %v", err)
	}
	t.Cleanup(func() { l.Close(); p.Close() })
	question := func(b []byte) *mdns.Msg {
		m := new(mdns.Msg)
		if err := m.Unpack(b); err != nil {
			t.Errorf("question: %v", err)
		}
		return m
	}
	go func() {
		b := make([]byte, 4096)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			if out := reply(question(b[:n]), true); out != nil {
				_, _ = p.WriteTo(out, from)
			}
		}
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var length uint16
			if binary.Read(c, binary.BigEndian, &length) == nil {
				b := make([]byte, length)
				if _, err := io.ReadFull(c, b); err == nil {
					out := reply(question(b), false)
					_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
				}
			}
			c.Close()
		}
	}()
	return l.Addr().String()
}

func pack(m *mdns.Msg) []byte {
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func rrs(texts ...string) []mdns.RR {
	var out []mdns.RR
	for _, s := range texts {
		rr, err := mdns.NewRR(s)
		if err != nil {
			panic(err)
		}
		out = append(out, rr)
	}
	return out
}

// TestServersThatLie has answers that a server in somebody's hands, or somebody on the
// way, may give. None is believed, and none takes longer than the timeout of one try.
func TestServersThatLie(t *testing.T) {
	t.Parallel()
	answer := func(q *mdns.Msg, texts ...string) *mdns.Msg {
		m := new(mdns.Msg).SetReply(q)
		m.Answer = rrs(texts...)
		return m
	}
	for _, tc := range []struct {
		name  string
		reply func(q *mdns.Msg, udp bool) []byte
		kind  dns.Kind
	}{
		{"another id", func(q *mdns.Msg, _ bool) []byte {
			m := answer(q, "a.test. 60 IN TXT evil")
			m.Id++
			return pack(m)
		}, dns.Temporary},
		{"another name", func(q *mdns.Msg, _ bool) []byte {
			m := answer(q, "a.test. 60 IN TXT evil")
			m.Question[0].Name = "b.test."
			return pack(m)
		}, dns.Temporary},
		{"another type", func(q *mdns.Msg, _ bool) []byte {
			m := answer(q, "a.test. 60 IN TXT evil")
			m.Question[0].Qtype = mdns.TypeA
			return pack(m)
		}, dns.Temporary},
		{"another class", func(q *mdns.Msg, _ bool) []byte {
			m := answer(q, "a.test. 60 IN TXT evil")
			m.Question[0].Qclass = mdns.ClassCHAOS
			return pack(m)
		}, dns.Temporary},
		{"no question", func(q *mdns.Msg, _ bool) []byte {
			m := answer(q, "a.test. 60 IN TXT evil")
			m.Question = nil
			return pack(m)
		}, dns.Temporary},
		{"the question back", func(q *mdns.Msg, _ bool) []byte { return pack(q) }, dns.Temporary},
		{"rubbish", func(*mdns.Msg, bool) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }, dns.Temporary},
		{"a single octet", func(*mdns.Msg, bool) []byte { return []byte{0} }, dns.Temporary},
		{"the records of another name", func(q *mdns.Msg, _ bool) []byte {
			return pack(answer(q, "b.test. 60 IN TXT evil"))
		}, dns.NoData},
		{"records of another class", func(q *mdns.Msg, _ bool) []byte {
			return pack(answer(q, `a.test. 60 CH TXT "evil"`))
		}, dns.NoData},
		{"an alias of another name", func(q *mdns.Msg, _ bool) []byte {
			return pack(answer(q, "b.test. 60 IN CNAME c.test.", "c.test. 60 IN TXT evil"))
		}, dns.NoData},
		{"the records in the wrong section", func(q *mdns.Msg, _ bool) []byte {
			m := new(mdns.Msg).SetReply(q)
			m.Ns, m.Extra = rrs("a.test. 60 IN TXT evil"), rrs("a.test. 60 IN TXT evil")
			return pack(m)
		}, dns.NoData},
		{"always cut, over TCP too", func(q *mdns.Msg, _ bool) []byte {
			m := answer(q)
			m.Truncated = true
			return pack(m)
		}, dns.Temporary},
		{"a new alias at each question", func(q *mdns.Msg, _ bool) []byte {
			return pack(answer(q, q.Question[0].Name+" 60 IN CNAME x."+q.Question[0].Name))
		}, dns.Temporary},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, err := dns.New(dns.Options{Servers: []string{script(t, tc.reply)}, Timeout: 300 * time.Millisecond, Rounds: 1})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			got, err := r.LookupTXT(t.Context(), "a.test")
			if err == nil || dns.KindOf(err) != tc.kind {
				t.Errorf("got %q, %v", got, err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestAnAnswerThatIsCutInTheMiddleOfARecord(t *testing.T) {
	t.Parallel()
	server := script(t, func(q *mdns.Msg, udp bool) []byte {
		m := new(mdns.Msg).SetReply(q)
		m.Answer = rrs("a.test. 60 IN TXT whole")
		m.Truncated = udp
		if b := pack(m); udp {
			return b[:len(b)-3]
		}
		return pack(m)
	})
	r, err := dns.New(dns.Options{Servers: []string{server}, Timeout: time.Second, Rounds: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.LookupTXT(t.Context(), "a.test"); err != nil || !slices.Equal(got, []string{"whole"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAServerThatKnowsNoEDNS(t *testing.T) {
	t.Parallel()
	server := script(t, func(q *mdns.Msg, _ bool) []byte {
		m := new(mdns.Msg).SetReply(q)
		if m.Answer = rrs("a.test. 60 IN TXT old"); q.IsEdns0() != nil {
			m.Answer, m.Rcode = nil, mdns.RcodeFormatError
		}
		return pack(m)
	})
	r, err := dns.New(dns.Options{Servers: []string{server}, Timeout: time.Second, Rounds: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.LookupTXT(t.Context(), "a.test"); err != nil || !slices.Equal(got, []string{"old"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestNSSOAAndPTR(t *testing.T) {
	t.Parallel()
	r := newResolver(t, dnstest.New(t, dnstest.Zone{Records: `
		zone.test.                    IN NS ns2.zone.test.
		zone.test.                    IN NS NS1.zone.test.
		zone.test.                    IN SOA ns1.zone.test. h.zone.test. 42 1 1 1 20
		1.2.0.192.in-addr.arpa.       IN PTR Mail.Zone.test.
		1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. IN PTR six.zone.test.
	`}), nil)
	if ns, err := r.QueryNS(t.Context(), "zone.test"); err != nil || !slices.Equal(ns.Records, []string{"ns2.zone.test", "ns1.zone.test"}) {
		t.Errorf("NS: %+v, %v", ns, err)
	}
	if soa, err := r.QuerySOA(t.Context(), "zone.test"); err != nil || !reflect.DeepEqual(soa.Records, []dns.SOA{{Primary: "ns1.zone.test", Admin: "h.zone.test", Serial: 42}}) {
		t.Errorf("SOA: %+v, %v", soa, err)
	}
	for addr, want := range map[string]string{"192.0.2.1": "mail.zone.test", "::ffff:192.0.2.1": "mail.zone.test", "2001:db8::1%eth0": "six.zone.test"} {
		if ptr, err := r.QueryPTR(t.Context(), netip.MustParseAddr(addr)); err != nil || !slices.Equal(ptr.Records, []string{want}) {
			t.Errorf("PTR %s: %+v, %v", addr, ptr, err)
		}
	}
	if _, err := r.QueryPTR(t.Context(), netip.Addr{}); dns.KindOf(err) != dns.NotExist {
		t.Errorf("PTR of no address: %v", err)
	}
}
