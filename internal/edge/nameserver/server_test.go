// SPDX-License-Identifier: Apache-2.0

package nameserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"sesame/internal/base/clock"
	"sesame/internal/core/zone"
	"sesame/internal/testkit/need"
)

// records is a zone written as a master file.
type records struct {
	apex string
	at   map[string][]mdns.RR
	wait chan struct{} // if set, At waits for its end
}

func newRecords(t testing.TB, apex, text string) *records {
	t.Helper()
	r := &records{apex: apex, at: map[string][]mdns.RR{}}
	zp := mdns.NewZoneParser(strings.NewReader(text), apex, "zone")
	zp.SetDefaultTTL(300)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		r.at[rr.Header().Name] = append(r.at[rr.Header().Name], rr)
	}
	if err := zp.Err(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *records) At(ctx context.Context, name string) (zone.Node, bool, error) {
	if !mdns.IsSubDomain(r.apex, name) {
		return zone.Node{}, false, nil
	}
	if r.wait != nil {
		select {
		case <-r.wait:
		case <-ctx.Done():
			return zone.Node{}, true, ctx.Err()
		}
	}
	node := zone.Node{SOA: r.at[r.apex][0].(*mdns.SOA), Records: r.at[name]}
	for below := range r.at {
		node.Exists = node.Exists || mdns.IsSubDomain(name, below)
	}
	switch {
	case strings.HasPrefix(name, "broken."):
		return zone.Node{}, true, errors.New("no database")
	case strings.HasPrefix(name, "panic."):
		panic("a defect")
	}
	return node, true, nil
}

const text = `
@      IN SOA ns.example.org. hostmaster.example.net. 1 2 3 4 60
@      IN NS  ns.example.org.
www    IN A   192.0.2.1
www    IN AAAA 2001:db8::1
a.b    IN TXT "x"
alias  IN CNAME www
twice  IN CNAME alias
gone   IN CNAME nx
none   IN CNAME b
away   IN CNAME www.example.com.
other  IN CNAME www.example.org.
loop   IN CNAME loop2
loop2  IN CNAME loop
big    IN TXT ` + `"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
big    IN TXT "1123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
big    IN TXT "2123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
big    IN TXT "3123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
big    IN TXT "4123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
`

// counts are what a server reported.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[what]++
}

func (c *counts) get(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[what]
}

func (c *counts) metrics() Metrics {
	return Metrics{Answered: c.add, Limited: func(l Limit) { c.add(string(l)) }, Panic: func() { c.add("panic") }}
}

func defaults(t testing.TB, c *counts) Options {
	huge := "huge"
	var many strings.Builder
	for i := range 40 {
		fmt.Fprintf(&many, "%s IN TXT %q\n", huge, strings.Repeat(string(rune('a'+i%26)), 60)+fmt.Sprint(i))
	}
	return Options{
		Zones: []Authority{
			newRecords(t, "example.net.", text+many.String()),
			newRecords(t, "example.org.", "@ IN SOA ns hostmaster 1 2 3 4 60\nwww IN A 192.0.2.2\n"),
		},
		Clock: clock.System, Log: slog.New(slog.DiscardHandler), Metrics: c.metrics(),
	}
}

// sockets are a port of loopback, for UDP and for TCP.
func sockets(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err == nil {
			return p, l
		}
		l.Close()
	}
	t.Fatal("no port is free for both")
	return nil, nil
}

// run starts a server that the end of the test stops.
func run(t testing.TB, o Options) (addr string) {
	t.Helper()
	p, l := sockets(t)
	s := New(o, p, l)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

func exchange(t testing.TB, network, addr string, m *mdns.Msg) *mdns.Msg {
	t.Helper()
	c := mdns.Client{Net: network, Timeout: 5 * time.Second}
	resp, _, err := c.ExchangeContext(t.Context(), m, addr)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func ask(name, qtype string) *mdns.Msg {
	return new(mdns.Msg).SetQuestion(mdns.Fqdn(name), mdns.StringToType[qtype])
}

// show is a response in few words: code, flags, answer and authority.
func show(m *mdns.Msg) string {
	var b strings.Builder
	b.WriteString(mdns.RcodeToString[m.Rcode])
	for _, flag := range []struct {
		set  bool
		name string
	}{{m.Authoritative, " aa"}, {m.Truncated, " tc"}, {m.RecursionAvailable, " ra"}} {
		if flag.set {
			b.WriteString(flag.name)
		}
	}
	for _, rr := range m.Answer {
		b.WriteString("; " + strings.Join(strings.Fields(rr.String()), " "))
	}
	for _, rr := range m.Ns {
		b.WriteString("; authority " + strings.Join(strings.Fields(rr.String()), " "))
	}
	return b.String()
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	c := &counts{n: map[string]int{}}
	addr := run(t, defaults(t, c))
	const nothing = "; authority example.net. 60 IN SOA ns.example.org. hostmaster.example.net. 1 2 3 4 60"
	class := func(m *mdns.Msg, class uint16) *mdns.Msg { m.Question[0].Qclass = class; return m }
	edns := func(m *mdns.Msg, version uint8) *mdns.Msg {
		m.SetEdns0(4096, true)
		m.IsEdns0().SetVersion(version)
		return m
	}
	opcode := func(m *mdns.Msg, opcode int) *mdns.Msg { m.Opcode = opcode; return m }
	for _, tc := range []struct {
		why  string
		q    *mdns.Msg
		want string
	}{
		{"a record", ask("www.example.net", "A"), "NOERROR aa; www.example.net. 300 IN A 192.0.2.1"},
		{"letter case does not matter", ask("WWW.Example.NET", "AAAA"), "NOERROR aa; www.example.net. 300 IN AAAA 2001:db8::1"},
		{"the zone's start", ask("example.net", "SOA"), "NOERROR aa; example.net. 300 IN SOA ns.example.org. hostmaster.example.net. 1 2 3 4 60"},
		{"a name without such a record", ask("www.example.net", "MX"), "NOERROR aa" + nothing},
		{"a name that exists for those below", ask("b.example.net", "TXT"), "NOERROR aa" + nothing},
		{"a name that does not exist", ask("nx.example.net", "A"), "NXDOMAIN aa" + nothing},
		{"an alias with what it leads to", ask("twice.example.net", "A"),
			"NOERROR aa; twice.example.net. 300 IN CNAME alias.example.net.; alias.example.net. 300 IN CNAME www.example.net.; www.example.net. 300 IN A 192.0.2.1"},
		{"an alias itself", ask("alias.example.net", "CNAME"), "NOERROR aa; alias.example.net. 300 IN CNAME www.example.net."},
		{"an alias of nothing", ask("gone.example.net", "A"), "NXDOMAIN aa; gone.example.net. 300 IN CNAME nx.example.net." + nothing},
		{"an alias of a name without records", ask("none.example.net", "A"), "NOERROR aa; none.example.net. 300 IN CNAME b.example.net." + nothing},
		{"an alias into another of our zones", ask("other.example.net", "A"),
			"NOERROR aa; other.example.net. 300 IN CNAME www.example.org.; www.example.org. 300 IN A 192.0.2.2"},
		{"an alias out of our zones is the client's to follow", ask("away.example.net", "A"), "NOERROR aa; away.example.net. 300 IN CNAME www.example.com."},
		{"a circle of aliases ends", ask("loop.example.net", "A"),
			"NOERROR aa; loop.example.net. 300 IN CNAME loop2.example.net.; loop2.example.net. 300 IN CNAME loop.example.net."},
		{"another zone", ask("www.example.com", "A"), "REFUSED"},
		{"the root", ask(".", "NS"), "REFUSED"},
		{"the whole zone", ask("example.net", "AXFR"), "REFUSED"},
		{"another class", class(ask("version.bind", "TXT"), mdns.ClassCHAOS), "REFUSED"},
		{"any class", class(ask("www.example.net", "A"), mdns.ClassANY), "REFUSED"},
		{"everything at a name", ask("www.example.net", "ANY"), `NOERROR aa; www.example.net. 3600 IN HINFO "RFC8482" ""`},
		{"everything at a name without anything", ask("b.example.net", "ANY"), "NOERROR aa" + nothing},
		{"a type that can't be asked for", ask("www.example.net", "TSIG"), "FORMERR"},
		{"a version of EDNS to come", edns(ask("www.example.net", "A"), 1), mdns.RcodeToString[mdns.RcodeBadVers]},
		{"a defect costs one answer", ask("panic.example.net", "A"), "SERVFAIL"},
		{"a database that is away", ask("broken.example.net", "A"), "SERVFAIL"},
		{"NOTIFY", opcode(ask("example.net", "SOA"), mdns.OpcodeNotify), "NOTIMP"},
		{"UPDATE, where none is taken", opcode(ask("example.net", "SOA"), mdns.OpcodeUpdate), "NOTIMP"},
		{"two questions", func() *mdns.Msg {
			m := ask("www.example.net", "A")
			m.Question = append(m.Question, m.Question[0])
			return m
		}(), "FORMERR"},
	} {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(tc.why+" over "+network, func(t *testing.T) {
				t.Parallel()
				if got := show(exchange(t, network, addr, tc.q.Copy())); got != tc.want {
					t.Errorf("got  %s\nwant %s", got, tc.want)
				}
			})
		}
	}
	t.Cleanup(func() {
		if c.get("panic") != 2 || c.get("SERVFAIL") != 4 || c.get("NXDOMAIN") != 4 {
			t.Errorf("counted %v", c.n)
		}
	})
}

func TestSizesOverUDP(t *testing.T) {
	t.Parallel()
	addr := run(t, defaults(t, &counts{n: map[string]int{}}))
	for _, tc := range []struct {
		why, name, network string
		edns               uint16 // 0: none
		cut                bool
		most               int
	}{
		{"512 octets without EDNS", "big.example.net", "udp", 0, true, 512},
		{"1232 with it, whatever is asked for", "big.example.net", "udp", 4096, false, 1232},
		{"less if less is asked for", "big.example.net", "udp", 513, true, 513},
		{"never under 512", "www.example.net", "udp", 10, false, 512},
		{"more is cut", "huge.example.net", "udp", 4096, true, 1232},
		{"and whole over TCP", "huge.example.net", "tcp", 0, false, 65535},
	} {
		t.Run(tc.why, func(t *testing.T) {
			t.Parallel()
			q := ask(tc.name, "TXT")
			if tc.edns > 0 {
				q.SetEdns0(tc.edns, false)
			}
			conn, err := net.Dial(tc.network, addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			c := &mdns.Conn{Conn: conn, UDPSize: 4096}
			if err := errors.Join(c.SetDeadline(time.Now().Add(5*time.Second)), c.WriteMsg(q)); err != nil {
				t.Fatal(err)
			}
			raw, err := c.ReadMsgHeader(nil)
			if err != nil {
				t.Fatal(err)
			}
			var m mdns.Msg
			if err := m.Unpack(raw); err != nil || m.Truncated != tc.cut || len(raw) > tc.most {
				t.Errorf("%d octets, cut %v: %v", len(raw), m.Truncated, err)
			}
			if o := m.IsEdns0(); (o != nil) != (tc.edns > 0) || o != nil && o.UDPSize() != 1232 {
				t.Errorf("EDNS: %v", o)
			}
		})
	}
}

func TestResolverSaysSo(t *testing.T) {
	t.Parallel()
	o := defaults(t, &counts{n: map[string]int{}})
	o.Resolver = true
	if got := show(exchange(t, "udp", run(t, o), ask("www.example.net", "A"))); got != "NOERROR aa ra; www.example.net. 300 IN A 192.0.2.1" {
		t.Error(got)
	}
}

func TestQueriesAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	c := &counts{n: map[string]int{}}
	o := defaults(t, c)
	slow := newRecords(t, "slow.test.", "@ IN SOA ns hostmaster 1 2 3 4 60\n")
	slow.wait = make(chan struct{})
	o.Zones, o.MaxConcurrent = append(o.Zones, slow), 1
	addr := run(t, o)
	first := make(chan string, 1)
	go func() {
		m, _, err := (&mdns.Client{Net: "tcp", Timeout: 10 * time.Second}).Exchange(ask("slow.test", "SOA"), addr)
		if err != nil {
			first <- err.Error()
			return
		}
		first <- mdns.RcodeToString[m.Rcode]
	}()
	for c.get(string(LimitConcurrency)) == 0 { // until the first one is in
		exchange(t, "tcp", addr, ask("www.example.net", "A"))
	}
	if got := show(exchange(t, "tcp", addr, ask("www.example.net", "A"))); got != "SERVFAIL" {
		t.Errorf("over TCP: %s", got)
	}
	if m, _, err := (&mdns.Client{Timeout: 100 * time.Millisecond}).Exchange(ask("www.example.net", "A"), addr); err == nil {
		t.Errorf("over UDP: %v", m)
	}
	close(slow.wait)
	if got := <-first; got != "NOERROR" {
		t.Errorf("the one before: %s", got)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	o := defaults(t, &counts{n: map[string]int{}})
	o.MaxConns = 1
	addr := run(t, o)
	idle, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	c := &mdns.Conn{Conn: idle}
	if err := c.WriteMsg(ask("www.example.net", "A")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadMsg(); err != nil {
		t.Fatal(err)
	}
	if m, _, err := (&mdns.Client{Net: "tcp", Timeout: 100 * time.Millisecond}).Exchange(ask("www.example.net", "A"), addr); err == nil {
		t.Errorf("a second connection was served: %v", m)
	}
	idle.Close()
	exchange(t, "tcp", addr, ask("www.example.net", "A"))
}

func TestAnswersToOneNetworkAreBounded(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Unix(1_700_000_000, 0))
	l := newLimiter(10, now.Now)
	count := func(addr string, n int) (got [3]int) {
		for range n {
			got[l.take(netip.MustParseAddr(addr))]++
		}
		return got
	}
	for _, tc := range []struct {
		why, addr string
		wait      time.Duration
		want      [3]int // passed, slipped, dropped of 20
	}{
		{"as many at once as in a second; of the rest each other one is told to use TCP", "192.0.2.1", 0, [3]int{10, 5, 5}},
		{"the same network, another host", "192.0.2.200", 0, [3]int{0, 10, 10}},
		{"another network", "198.51.100.1", 0, [3]int{10, 5, 5}},
		{"half a second gives room for five", "192.0.2.1", 500 * time.Millisecond, [3]int{5, 8, 7}},
		{"IPv6", "2001:db8:0:100::1", 0, [3]int{10, 5, 5}},
		{"IPv6, the same customer", "2001:db8:0:1ff::1", 0, [3]int{0, 10, 10}},
		{"IPv6, another customer", "2001:db8:0:200::1", 0, [3]int{10, 5, 5}},
		{"this machine", "127.0.0.1", 0, [3]int{20, 0, 0}},
	} {
		now.Advance(tc.wait)
		if got := count(tc.addr, 20); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.why, got, tc.want)
		}
	}
	if l.take(netip.Addr{}) != drop {
		t.Error("no address passes")
	}
}

// pretend is a client at any address.
type pretend struct {
	mdns.ResponseWriter
	from net.Addr
	sent []*mdns.Msg
}

func (p *pretend) RemoteAddr() net.Addr { return p.from }
func (p *pretend) WriteMsg(m *mdns.Msg) error {
	p.sent = append(p.sent, m)
	_, err := m.Pack()
	return err
}

func TestAFloodIsToldToUseTCP(t *testing.T) {
	t.Parallel()
	c := &counts{n: map[string]int{}}
	o := defaults(t, c)
	now := clock.NewFake(time.Unix(1_700_000_000, 0))
	o.Rate, o.Clock = 1, now.Now
	p, l := sockets(t)
	s := New(o, p, l)
	defer s.Shutdown(t.Context())
	w := &pretend{from: &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 53}}
	for range 3 {
		s.ServeDNS(w, ask("www.example.net", "A"))
	}
	if len(w.sent) != 2 || show(w.sent[1]) != "NOERROR tc" || c.get(string(LimitRate)) != 2 {
		t.Errorf("%d answers, counted %v", len(w.sent), c.n)
	}
	w = &pretend{from: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 53}}
	for range 3 {
		s.ServeDNS(w, ask("www.example.net", "A"))
	}
	if len(w.sent) != 3 {
		t.Errorf("%d answers over TCP", len(w.sent))
	}
}

// updates takes everything.
type updates struct{ n int }

func (u *updates) Update(context.Context, *mdns.Msg) int { u.n++; return mdns.RcodeSuccess }

func TestUpdatesComeFromThisMachineOnly(t *testing.T) {
	t.Parallel()
	u := &updates{}
	o := defaults(t, &counts{n: map[string]int{}})
	o.Updates = u
	p, l := sockets(t)
	s := New(o, p, l)
	defer s.Shutdown(t.Context())
	signed := new(mdns.Msg).SetUpdate("example.net.")
	signed.SetTsig("key.", mdns.HmacSHA256, 300, 1_700_000_000)
	for _, tc := range []struct {
		why  string
		from net.Addr
		m    *mdns.Msg
		want string
	}{
		{"over UDP", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, new(mdns.Msg).SetUpdate("example.net."), "NOERROR"},
		{"over TCP", &net.TCPAddr{IP: net.IPv6loopback}, new(mdns.Msg).SetUpdate("example.net."), "NOERROR"},
		{"signed by a key that we do not have", &net.TCPAddr{IP: net.IPv6loopback}, signed, "REFUSED"},
		{"from elsewhere", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, new(mdns.Msg).SetUpdate("example.net."), "REFUSED"},
		{"from nowhere", &net.UnixAddr{}, new(mdns.Msg).SetUpdate("example.net."), "REFUSED"},
	} {
		w := &pretend{from: tc.from}
		s.ServeDNS(w, tc.m)
		if len(w.sent) != 1 || mdns.RcodeToString[w.sent[0].Rcode] != tc.want || w.sent[0].Opcode != mdns.OpcodeUpdate {
			t.Errorf("%s: %v", tc.why, w.sent)
		}
	}
	if u.n != 2 {
		t.Errorf("%d updates were taken", u.n)
	}
}

func TestDig(t *testing.T) {
	t.Parallel()
	dig := need.Program(t, need.Dig)
	host, port, err := net.SplitHostPort(run(t, defaults(t, &counts{n: map[string]int{}})))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"+short", "www.example.net", "A"}, "192.0.2.1\n"},
		{[]string{"+short", "+tcp", "alias.example.net", "A"}, "www.example.net.\n192.0.2.1\n"},
		{[]string{"+short", "+dnssec", "+nocookie", "www.example.net", "A"}, "192.0.2.1\n"},
	} {
		out, err := exec.Command(dig, append([]string{"@" + host, "-p", port, "+tries=1"}, tc.args...)...).CombinedOutput()
		if err != nil || string(out) != tc.want {
			t.Errorf("%v: %v\n%s", tc.args, err, out)
		}
	}
}

// FuzzServeDNS sends packets as they come from anywhere. Each gets a response that can
// be written and is no larger than the asker takes, or none.
func FuzzServeDNS(f *testing.F) {
	for _, m := range []*mdns.Msg{ask("www.example.net", "A"), ask("big.example.net", "TXT"), ask("example.net", "AXFR"), ask("loop.example.net", "ANY")} {
		m.SetEdns0(4096, true)
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}) // a question is promised
	up := new(mdns.Msg).SetUpdate("example.net.")
	up.Insert([]mdns.RR{&mdns.TXT{Hdr: mdns.RR_Header{Name: "a.example.net.", Rrtype: mdns.TypeTXT, Class: mdns.ClassINET, Ttl: 1}, Txt: []string{"x"}}})
	if b, err := up.Pack(); err == nil {
		f.Add(b)
	}
	c := &counts{n: map[string]int{}}
	o := defaults(f, c)
	o.Updates = &updates{}
	p, l := sockets(f)
	s := New(o, p, l)
	f.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m mdns.Msg
		if len(raw) < 12 || m.Unpack(raw) != nil {
			return
		}
		var h mdns.Header
		h.Bits = uint16(raw[2])<<8 | uint16(raw[3])
		h.Qdcount, h.Ancount = uint16(raw[4])<<8|uint16(raw[5]), uint16(raw[6])<<8|uint16(raw[7])
		h.Nscount, h.Arcount = uint16(raw[8])<<8|uint16(raw[9]), uint16(raw[10])<<8|uint16(raw[11])
		if s.accept(h) != mdns.MsgAccept {
			return
		}
		w := &pretend{from: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}}
		s.ServeDNS(w, &m)
		if len(w.sent) != 1 {
			t.Fatalf("%d responses", len(w.sent))
		}
		b, err := w.sent[0].Pack()
		if err != nil || len(b) > ednsSize || m.IsEdns0() == nil && len(b) > mdns.MinMsgSize {
			t.Fatalf("%d octets, %v", len(b), err)
		}
		if c.get("panic") > 0 && !bytes.Contains(bytes.ToLower(raw), []byte("panic")) {
			t.Fatal("a defect")
		}
	})
}
