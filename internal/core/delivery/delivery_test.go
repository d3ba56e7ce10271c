// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/core/delivery"
	"sesame/internal/proto/dns"
	"sesame/internal/proto/dns/dnstest"
	"sesame/internal/proto/smtpclient"
	"sesame/internal/proto/smtpclient/smtptest"
)

// world is the Internet of a test: a name server, and servers at addresses that
// nobody has (RFC 5737). An address without a server refuses connections.
type world struct {
	t       *testing.T
	dns     *dnstest.Server
	cert    tls.Certificate
	mu      sync.Mutex
	servers map[string]*smtptest.Server // by IP:port
	dialed  []string
}

func newWorld(t *testing.T, zone dnstest.Zone) *world {
	t.Helper()
	w := &world{t: t, dns: dnstest.New(t, zone), servers: make(map[string]*smtptest.Server)}
	w.cert, _ = smtptest.Certificate(t, "mx.test")
	return w
}

// listen puts a server at addr, "IP" or "IP:port".
func (w *world) listen(addr string, scripts ...smtptest.Script) *smtptest.Server {
	w.t.Helper()
	if _, err := netip.ParseAddrPort(addr); err != nil {
		addr = net.JoinHostPort(addr, "25")
	}
	srv := smtptest.New(w.t, scripts...)
	srv.SetCertificate(w.cert)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.servers[addr] = srv
	return srv
}

func (w *world) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, strings.TrimSuffix(addr, ":25"))
	srv := w.servers[addr]
	w.mu.Unlock()
	if srv == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	var d net.Dialer
	return d.DialContext(ctx, network, srv.Addr().String())
}

// calls are the addresses that were dialed so far.
func (w *world) calls() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.dialed, " ")
}

// transport is one in this world, without chance.
func (w *world) transport(change func(*delivery.Options)) *delivery.Transport {
	w.t.Helper()
	r, err := dns.New(dns.Options{Servers: []string{w.dns.Addr()}, Timeout: time.Second, Rounds: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	const long = 30 * time.Second // a busy machine must not exceed it by itself
	o := delivery.Options{
		Resolver: r, Hello: "client.test", Dial: w.dial, Shuffle: func(int, func(int, int)) {}, AllowPrivate: true,
		Timeouts: smtpclient.Timeouts{Greeting: long, TLS: long, Mail: long, Rcpt: long, Data: long, Dot: long, Quit: long},
	}
	if change != nil {
		change(&o)
	}
	tr, err := delivery.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := tr.Close(ctx); err != nil {
			w.t.Error(err)
		}
	})
	return tr
}

// script joins steps and groups of steps.
func script(parts ...any) smtptest.Script {
	var s smtptest.Script
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			s = append(s, p)
		case smtptest.Script:
			s = append(s, p...)
		}
	}
	return s
}

var (
	hello   = smtptest.Script{"S: 220 mx", "C: EHLO client.test", "S: 250-mx", "S: 250 PIPELINING"}
	ask     = smtptest.Script{"C: MAIL FROM:<s@a.test>", "C: RCPT TO:*", "C: DATA"}
	take    = script(ask, "S: 250 ok", "S: 250 ok", "S: 354 go", "DATA", "S: 250 2.0.0 taken")
	quit    = smtptest.Script{"C: QUIT", "S: 221 bye"}
	works   = script(hello, take, quit)
	offered = smtptest.Script{"S: 220 mx", "C: EHLO client.test", "S: 250-mx", "S: 250-PIPELINING", "S: 250 STARTTLS"}
)

func delivery1(domain string) delivery.Delivery {
	return delivery.Delivery{
		Domain:  address.Domain(domain),
		From:    address.Address{Local: "s", Domain: "a.test"},
		To:      []address.Address{{Local: "r", Domain: address.Domain(domain)}},
		Content: [][]byte{[]byte("Subject: x\r\n\r\n"), []byte("y\r\n")}, Size: 17,
	}
}

// describe is an outcome as the tables have it: class command cause code enhanced.
func describe(o smtpclient.Outcome) string {
	code, enhanced := "-", "-"
	if o.Code != 0 {
		code = strconv.Itoa(o.Code)
	}
	if o.Enhanced != (smtpclient.Enhanced{}) {
		enhanced = o.Enhanced.String()
	}
	return strings.Join([]string{o.Class.String(), string(o.Command), string(o.Cause), code, enhanced}, " ")
}

const delivered = "delivered dot reply 250 2.0.0"

func TestHostsAreFoundByDNS(t *testing.T) {
	t.Parallel()
	zone := dnstest.Zone{
		Records: `
			two.test.    IN MX 20 second.test.
			two.test.    IN MX 10 first.test.
			equal.test.  IN MX 10 first.test.
			equal.test.  IN MX 10 second.test.
			equal.test.  IN MX 5 zero.test.
			null.test.   IN MX 0 .
			nearly.test. IN MX 0 .
			nearly.test. IN MX 10 first.test.
			alias.test.  IN CNAME two.test.
			mxalias.test. IN MX 10 cname.test.
			cname.test.  IN CNAME first.test.
			plain.test.  IN A 192.0.2.4
			six.test.    IN AAAA 2001:db8::4
			text.test.   IN TXT "neither MX nor address"
			nowhere.test. IN MX 10 gone.test.
			nowhere.test. IN MX 20 text.test.
			halfway.test. IN MX 10 gone.test.
			halfway.test. IN MX 20 first.test.
			shaky.test.  IN MX 10 broken.test.
			shaky.test.  IN MX 20 gone.test.
			self.test.   IN MX 10 own.test.
			backup.test. IN MX 10 first.test.
			backup.test. IN MX 20 own.test.
			backup.test. IN MX 20 second.test.
			backup.test. IN MX 30 third.test.
			own.test.    IN A 192.0.2.9
			many.test.   IN MX 1 m1.test.
			many.test.   IN MX 2 m2.test.
			many.test.   IN MX 3 m3.test.
			many.test.   IN MX 4 m4.test.
			many.test.   IN MX 5 m5.test.
			many.test.   IN MX 6 m6.test.
			m1.test.     IN A 192.0.2.11
			m2.test.     IN A 192.0.2.12
			m3.test.     IN A 192.0.2.13
			m4.test.     IN A 192.0.2.14
			m5.test.     IN A 192.0.2.15
			m6.test.     IN A 192.0.2.16
			wide.test.   IN A 192.0.2.21
			wide.test.   IN A 192.0.2.22
			wide.test.   IN A 192.0.2.23
			wide.test.   IN AAAA 2001:db8::21
			wide.test.   IN AAAA 2001:db8::22
			same.test.   IN MX 10 first.test.
			same.test.   IN MX 20 cname.test.
			same.test.   IN MX 20 second.test.
			first.test.  IN A 192.0.2.1
			second.test. IN A 192.0.2.2
			third.test.  IN A 192.0.2.3
			zero.test.   IN A 192.0.2.10
		`,
		NXDomain: []string{"gone.test"},
		ServFail: []string{"broken.test"},
		Silent:   []string{"silent.test"},
	}
	reverse := func(n int, swap func(i, j int)) {
		for i := range n / 2 {
			swap(i, n-1-i)
		}
	}
	for _, tc := range []struct {
		name   string
		domain string
		up     string // addresses with a working server
		change func(*delivery.Options)
		want   string // outcome
		calls  string // addresses dialed
		host   string
	}{
		{"the host with the lowest preference comes first", "two.test", "192.0.2.1 192.0.2.2", nil, delivered, "192.0.2.1", "first.test"},
		{"the next one if the first is down", "two.test", "192.0.2.2", nil, delivered, "192.0.2.1 192.0.2.2", "second.test"},
		{"all of them down", "two.test", "", nil, "temporary connect connection-refused - 4.4.1", "192.0.2.1 192.0.2.2", "second.test"},
		{"equal preferences are shuffled", "equal.test", "192.0.2.1 192.0.2.2", func(o *delivery.Options) { o.Shuffle = reverse }, delivered, "192.0.2.10 192.0.2.2", "second.test"},
		{"a null MX is final", "null.test", "", nil, "permanent resolve null-mx 556 5.1.10", "", ""},
		{"a null MX among others says nothing", "nearly.test", "192.0.2.1", nil, delivered, "192.0.2.1", "first.test"},
		{"a domain that is an alias", "alias.test", "192.0.2.1", nil, delivered, "192.0.2.1", "first.test"},
		{"an MX that is an alias is put up with", "mxalias.test", "192.0.2.1", nil, delivered, "192.0.2.1", "cname.test"},
		{"without MX the domain is its own host", "plain.test", "192.0.2.4", nil, delivered, "192.0.2.4", "plain.test"},
		{"also with IPv6 alone", "six.test", "[2001:db8::4]:25", nil, delivered, "[2001:db8::4]", "six.test"},
		{"neither MX nor address", "text.test", "", nil, "temporary resolve no-address - 4.4.4", "", "text.test"},
		{"no address behind any MX", "nowhere.test", "", nil, "temporary resolve no-address - 4.4.4", "", "text.test"},
		{"an MX without address is passed over", "halfway.test", "192.0.2.1", nil, delivered, "192.0.2.1", "first.test"},
		{"an MX whose lookup fails leaves more hope than one that has no address", "shaky.test", "", nil, "temporary resolve dns - 4.4.3", "", "broken.test"},
		{"a domain that doesn't exist is for the caller to judge", "gone.test", "", nil, "temporary resolve no-domain - 4.4.4", "", ""},
		{"SERVFAIL is temporary", "broken.test", "", nil, "temporary resolve dns - 4.4.3", "", ""},
		{"a silent name server is temporary", "silent.test", "", nil, "temporary resolve dns - 4.4.3", "", ""},
		{"an MX that is ourselves would be a loop", "self.test", "", nil, "permanent resolve loop - 5.4.6", "", ""},
		{"so would a domain that is ourselves", "own.test", "", nil, "permanent resolve loop - 5.4.6", "", ""},
		{"hosts from ourselves on are left out", "backup.test", "192.0.2.2 192.0.2.3", nil, "temporary connect connection-refused - 4.4.1", "192.0.2.1", "first.test"},
		{"five hosts are tried", "many.test", "192.0.2.16", nil, "temporary connect connection-refused - 4.4.1", "192.0.2.11 192.0.2.12 192.0.2.13 192.0.2.14 192.0.2.15", "m5.test"},
		{"or as many as the setting says", "many.test", "192.0.2.13", func(o *delivery.Options) { o.MaxHosts = 2 }, "temporary connect connection-refused - 4.4.1", "192.0.2.11 192.0.2.12", "m2.test"},
		{"two addresses of a host are tried, one of each family", "wide.test", "192.0.2.22", nil, "temporary connect connection-refused - 4.4.1", "192.0.2.21 [2001:db8::21]", "wide.test"},
		{"or as many as the setting says, in turn", "wide.test", "192.0.2.23", func(o *delivery.Options) { o.MaxAddrs = 5 }, delivered, "192.0.2.21 [2001:db8::21] 192.0.2.22 [2001:db8::22] 192.0.2.23", "wide.test"},
		{"addresses are shuffled", "wide.test", "192.0.2.23", func(o *delivery.Options) { o.Shuffle = reverse }, delivered, "192.0.2.23", "wide.test"},
		{"only addresses that our own can reach", "wide.test", "[2001:db8::22]:25", func(o *delivery.Options) { o.LocalAddr = netip.MustParseAddr("2001:db8::99") },
			delivered, "[2001:db8::21] [2001:db8::22]", "wide.test"},
		{"an address is tried once, whatever its names", "same.test", "192.0.2.2", nil, delivered, "192.0.2.1 192.0.2.2", "second.test"},
		{"an address literal needs no DNS", "[192.0.2.5]", "192.0.2.5", nil, delivered, "192.0.2.5", "[192.0.2.5]"},
		{"an IPv6 literal", "[ipv6:2001:db8::5]", "[2001:db8::5]:25", nil, delivered, "[2001:db8::5]", "[ipv6:2001:db8::5]"},
		{"a literal of no known kind is final", "[x400:c=de]", "", nil, "permanent resolve literal - 5.1.3", "", ""},
		{"an IPv4 address is no IPv6 literal", "[ipv6:192.0.2.1]", "", nil, "permanent resolve literal - 5.1.3", "", ""},
		{"another port for all MX", "plain.test", "192.0.2.4:2525", func(o *delivery.Options) { o.SMTPPort = 2525 }, delivered, "192.0.2.4:2525", "plain.test"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, zone)
			for _, addr := range strings.Fields(tc.up) {
				w.listen(addr, works)
			}
			tr := w.transport(func(o *delivery.Options) {
				o.OwnHosts = []string{"Own.Test."}
				if tc.change != nil {
					tc.change(o)
				}
			})
			a := tr.Deliver(t.Context(), delivery1(tc.domain))
			if got := describe(a.Outcomes[0]); got != tc.want {
				t.Errorf("outcome %q, want %q\n%s", got, tc.want, a.TranscriptText())
			}
			if got := w.calls(); got != tc.calls || a.Host != tc.host {
				t.Errorf("dialed %q, want %q; host %q, want %q", got, tc.calls, a.Host, tc.host)
			}
			if a.Outcomes[0].Class == smtpclient.Delivered && (!a.Remote.IsValid() || !a.Local.IsValid()) {
				t.Errorf("remote %v, local %v", a.Remote, a.Local)
			}
			if a.TranscriptText() == "" {
				t.Error("no transcript")
			}
		})
	}
}

func TestHostsThatFailArePassedOver(t *testing.T) {
	t.Parallel()
	zone := dnstest.Zone{Records: `
		d.test. IN MX 10 one.test.
		d.test. IN MX 20 two.test.
		one.test. IN A 192.0.2.1
		two.test. IN A 192.0.2.2
	`}
	tlsRefused := script(offered, "C: STARTTLS", "S: 220 go", "READ 5", "S: this is not TLS at all")
	tlsWorks := script(offered, "C: STARTTLS", "S: 220 go", "TLS", hello[1:], take, quit)
	for _, tc := range []struct {
		name     string
		one, two smtptest.Script // nil: nothing listens
		clear    smtptest.Script // of the second connection to one
		require  bool
		want     string
		host     string
		calls    string
		tls      bool
	}{
		{"a greeting of 421", script("S: 421 4.3.2 busy"), works, nil, false, delivered, "two.test", "192.0.2.1 192.0.2.2", false},
		{"a greeting of 450", script("S: 450 4.3.2 later"), works, nil, false, delivered, "two.test", "192.0.2.1 192.0.2.2", false},
		{"a greeting of 554", script("S: 554 5.3.2 no mail here"), works, nil, false, delivered, "two.test", "192.0.2.1 192.0.2.2", false},
		{"a greeting of 554 from every host is final", script("S: 554 5.3.2 no"), script("S: 521 5.3.2 no"), nil, false, "permanent greeting reply 521 5.3.2", "two.test", "192.0.2.1 192.0.2.2", false},
		{"a greeting of 554 from one host only is not", script("S: 421 4.3.2 busy"), script("S: 554 5.3.2 no"), nil, false, "temporary greeting reply 421 4.3.2", "one.test", "192.0.2.1 192.0.2.2", false},
		{"silence", script("HANG"), works, nil, false, delivered, "two.test", "192.0.2.1 192.0.2.2", false},
		{"a connection closed at once", smtptest.Script{}, works, nil, false, delivered, "two.test", "192.0.2.1 192.0.2.2", false},
		{"421 to EHLO", script("S: 220 mx", "C: EHLO*", "S: 421 4.3.2 no"), works, nil, false, delivered, "two.test", "192.0.2.1 192.0.2.2", false},
		{"421 to MAIL", script(hello, ask, "S: 421 4.3.2 no"), works, nil, false, delivered, "two.test", "192.0.2.1 192.0.2.2", false},
		{"a connection lost before the reply to MAIL", script(hello, ask), works, nil, false, delivered, "two.test", "192.0.2.1 192.0.2.2", false},
		{"not for 5xx to MAIL", script(hello, ask, "S: 550 5.7.1 no", "S: 503 no", "S: 503 no", quit), works, nil, false, "permanent mail reply 550 5.7.1", "one.test", "192.0.2.1", false},
		{"not for 4xx to MAIL", script(hello, ask, "S: 451 4.7.1 no", "S: 503 no", "S: 503 no", quit), works, nil, false, "temporary mail reply 451 4.7.1", "one.test", "192.0.2.1", false},
		{"not for 5xx to RCPT", script(hello, ask, "S: 250 ok", "S: 550 5.1.1 no", "S: 503 no", quit), works, nil, false, "permanent rcpt reply 550 5.1.1", "one.test", "192.0.2.1", false},
		{"not for 4xx to RCPT", script(hello, ask, "S: 250 ok", "S: 450 4.2.1 no", "S: 503 no", quit), works, nil, false, "temporary rcpt reply 450 4.2.1", "one.test", "192.0.2.1", false},
		{"not for a refused message", script(hello, ask, "S: 250 ok", "S: 250 ok", "S: 354 go", "DATA", "S: 554 5.7.1 spam", quit), works, nil, false, "permanent dot reply 554 5.7.1", "one.test", "192.0.2.1", false},
		{"not for a connection lost in the transaction", script(hello, ask, "S: 250 ok"), works, nil, false, "temporary rcpt closed - 4.4.2", "one.test", "192.0.2.1", false},
		{"not for a connection lost after the message: it may have been taken", script(hello, ask, "S: 250 ok", "S: 250 ok", "S: 354 go", "DATA"), works, nil, false, "temporary dot closed - 4.4.2", "one.test", "192.0.2.1", false},
		{"TLS is used when it is offered", tlsWorks, nil, nil, false, delivered, "one.test", "192.0.2.1", true},
		{"TLS that fails: the same host in clear", tlsRefused, works, script(offered, take, quit), false, delivered, "one.test", "192.0.2.1 192.0.2.1", false},
		{"TLS that fails and no clear text either: the next host", tlsRefused, works, script("S: 421 go away"), false, delivered, "two.test", "192.0.2.1 192.0.2.1 192.0.2.2", false},
		{"TLS required: never in clear, the next host", tlsRefused, tlsWorks, nil, true, delivered, "two.test", "192.0.2.1 192.0.2.2", true},
		{"TLS required and not offered anywhere", hello, script(offered, "C: STARTTLS", "S: 454 4.7.0 no", quit[:1]), nil, true, "temporary starttls tls-required 454 4.7.0", "two.test", "192.0.2.1 192.0.2.2", false},
		{"TLS required: a host that is down may have it", nil, hello, nil, true, "temporary connect connection-refused - 4.4.1", "one.test", "192.0.2.1 192.0.2.2", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, zone)
			if tc.one != nil {
				w.listen("192.0.2.1", tc.one, tc.clear)
			}
			if tc.two != nil {
				w.listen("192.0.2.2", tc.two)
			}
			tr := w.transport(func(o *delivery.Options) {
				if slices.Contains(tc.one, "HANG") {
					o.Timeouts.Greeting = time.Second
				}
			})
			d := delivery1("d.test")
			d.RequireTLS = tc.require
			a := tr.Deliver(t.Context(), d)
			if got := describe(a.Outcomes[0]); got != tc.want || a.Host != tc.host || a.TLS.Active() != tc.tls {
				t.Errorf("outcome %q, want %q; host %q; TLS %q\n%s", got, tc.want, a.Host, a.TLSText(), a.TranscriptText())
			}
			if got := w.calls(); got != tc.calls {
				t.Errorf("dialed %q, want %q", got, tc.calls)
			}
		})
	}
}

// Whoever names a recipient must not reach the machines behind this one.
func TestDNSDoesNotLeadToPrivateAddresses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		domain  address.Domain
		records []string
	}{
		"loopback":            {"a.example", []string{"a.example. MX 1 mx.example.", "mx.example. A 127.0.0.1"}},
		"private":             {"a.example", []string{"a.example. MX 1 mx.example.", "mx.example. A 10.1.2.3", "mx.example. A 192.168.0.1"}},
		"link-local":          {"a.example", []string{"a.example. MX 1 mx.example.", "mx.example. A 169.254.169.254"}},
		"shared space":        {"a.example", []string{"a.example. MX 1 mx.example.", "mx.example. A 100.64.0.1"}},
		"IPv6 loopback":       {"a.example", []string{"a.example. MX 1 mx.example.", "mx.example. AAAA ::1"}},
		"IPv6 unique local":   {"a.example", []string{"a.example. MX 1 mx.example.", "mx.example. AAAA fd00::1"}},
		"mapped":              {"a.example", []string{"a.example. MX 1 mx.example.", "mx.example. AAAA ::ffff:127.0.0.1"}},
		"without MX":          {"a.example", []string{"a.example. A 127.0.0.1"}},
		"literal":             {"[127.0.0.1]", nil},
		"literal, other form": {"[ipv6:::1]", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := dns.New(dns.Options{Servers: []string{dnstest.New(t, dnstest.Zone{Records: strings.Join(c.records, "\n")}).Addr()}, Timeout: time.Second, Rounds: 1})
			if err != nil {
				t.Fatal(err)
			}
			tr, err := delivery.New(delivery.Options{Resolver: r, Dial: func(context.Context, string, string) (net.Conn, error) {
				t.Error("dialled")
				return nil, net.ErrClosed
			}})
			if err != nil {
				t.Fatal(err)
			}
			a := tr.Deliver(context.Background(), delivery.Delivery{Domain: c.domain, To: []address.Address{{Local: "u", Domain: c.domain}}})
			if o := a.Outcomes[0]; o.Class != smtpclient.Permanent || o.Cause != smtpclient.CausePrivate {
				t.Errorf("%v", &o)
			}
		})
	}
}

func TestRecipientsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dnstest.Zone{Records: "d.test. IN A 192.0.2.1"})
	w.listen("192.0.2.1", script(hello, "C: MAIL*", "C: RCPT TO:<a@d.test>", "C: RCPT TO:<b@d.test>", "C: RCPT TO:<c@d.test>", "C: DATA",
		"S: 250 ok", "S: 550 5.1.1 no", "S: 250 ok", "S: 450 4.2.1 full", "S: 354 go", "DATA", "S: 250 2.0.0 ok", quit))
	d := delivery1("d.test")
	d.To = []address.Address{{Local: "a", Domain: "d.test"}, {Local: "b", Domain: "d.test"}, {Local: "c", Domain: "d.test"}}
	a := w.transport(nil).Deliver(t.Context(), d)
	var got []string
	for _, o := range a.Outcomes {
		got = append(got, describe(o))
	}
	want := []string{"permanent rcpt reply 550 5.1.1", delivered, "temporary rcpt reply 450 4.2.1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if a := w.transport(nil).Deliver(t.Context(), delivery.Delivery{Domain: "d.test"}); len(a.Outcomes) != 0 {
		t.Errorf("without recipients: %v", a.Outcomes)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	zone := dnstest.Zone{
		Records:  "relay.test. IN A 192.0.2.1\nmx.test. IN A 192.0.2.9\nempty.test. IN TXT x",
		NXDomain: []string{"gone.test"}, ServFail: []string{"broken.test"},
	}
	auth := &smtpclient.Auth{User: "u", Password: "p"}
	for _, tc := range []struct {
		name   string
		routes []delivery.Route
		domain string
		want   string
		calls  string
	}{
		{"a domain", []delivery.Route{{Pattern: "D.Test", Hosts: []string{"192.0.2.1"}}}, "d.test", delivered, "192.0.2.1"},
		{"a domain is not those below it", []delivery.Route{{Pattern: "test", Hosts: []string{"192.0.2.1"}}}, "mx.test", delivered, "192.0.2.9"},
		{"those below a domain", []delivery.Route{{Pattern: ".test", Hosts: []string{"192.0.2.1"}}}, "a.b.test", delivered, "192.0.2.1"},
		{"those below a domain are not the domain", []delivery.Route{{Pattern: ".mx.test", Hosts: []string{"192.0.2.1"}}}, "mx.test", delivered, "192.0.2.9"},
		{"all domains", []delivery.Route{{Pattern: "*", Hosts: []string{"192.0.2.1"}}}, "anything.example", delivered, "192.0.2.1"},
		{"also literals", []delivery.Route{{Pattern: "*", Hosts: []string{"192.0.2.1"}}}, "[192.0.2.7]", delivered, "192.0.2.1"},
		{"the first that matches", []delivery.Route{{Pattern: "x.test", Hosts: []string{"192.0.2.8"}}, {Pattern: ".test", Hosts: []string{"192.0.2.1"}}, {Pattern: "*", Hosts: []string{"192.0.2.7"}}},
			"d.test", delivered, "192.0.2.1"},
		{"names are looked up, ports are used", []delivery.Route{{Pattern: "*", Hosts: []string{"Relay.test.:2525"}}}, "d.test", delivered, "192.0.2.1:2525"},
		{"hosts in their order", []delivery.Route{{Pattern: "*", Hosts: []string{"192.0.2.8:26", "gone.test", "[2001:db8::1]", "192.0.2.1"}}}, "d.test", delivered, "192.0.2.8:26 [2001:db8::1] 192.0.2.1"},
		{"IPv6 with port", []delivery.Route{{Pattern: "*", Hosts: []string{"[2001:db8::1]:2525", "2001:db8::2"}}}, "d.test", "temporary connect connection-refused - 4.4.1", "[2001:db8::1]:2525 [2001:db8::2]"},
		{"a host that doesn't exist is our mistake, not the recipient's", []delivery.Route{{Pattern: "*", Hosts: []string{"gone.test"}}}, "d.test", "temporary resolve dns - 4.4.4", ""},
		{"so is a host without address", []delivery.Route{{Pattern: "*", Hosts: []string{"empty.test"}}}, "d.test", "temporary resolve dns - 4.4.4", ""},
		{"a host whose lookup fails", []delivery.Route{{Pattern: "*", Hosts: []string{"broken.test"}}}, "d.test", "temporary resolve dns - 4.4.3", ""},
		{"the route's TLS policy", []delivery.Route{{Pattern: "*", Hosts: []string{"192.0.2.1"}, TLS: smtpclient.TLSRequire}}, "d.test", "temporary starttls tls-required - 4.7.4", "192.0.2.1"},
		{"the route's credentials", []delivery.Route{{Pattern: "*", Hosts: []string{"127.0.0.1"}, Auth: auth}}, "d.test", delivered, "127.0.0.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, zone)
			w.listen("192.0.2.1", works)
			w.listen("192.0.2.1:2525", works)
			w.listen("192.0.2.9", works)
			w.listen("127.0.0.1", script(hello[:2], "S: 250-mx", "S: 250-AUTH PLAIN", "S: 250 PIPELINING", "C: AUTH PLAIN AHUAcA==", "S: 235 ok", take, quit))
			a := w.transport(func(o *delivery.Options) { o.Routes = tc.routes }).Deliver(t.Context(), delivery1(tc.domain))
			if got := describe(a.Outcomes[0]); got != tc.want || w.calls() != tc.calls {
				t.Errorf("outcome %q, want %q; dialed %q, want %q\n%s", got, tc.want, w.calls(), tc.calls, a.TranscriptText())
			}
		})
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	auth := &smtpclient.Auth{User: "u", Password: "p"}
	for name, o := range map[string]delivery.Options{
		"no pattern":                  {Routes: []delivery.Route{{Hosts: []string{"192.0.2.1"}}}},
		"a pattern that is no domain": {Routes: []delivery.Route{{Pattern: "a b", Hosts: []string{"192.0.2.1"}}}},
		"a pattern with a star":       {Routes: []delivery.Route{{Pattern: "*.test", Hosts: []string{"192.0.2.1"}}}},
		"no hosts":                    {Routes: []delivery.Route{{Pattern: "*"}}},
		"an empty host":               {Routes: []delivery.Route{{Pattern: "*", Hosts: []string{""}}}},
		"port zero":                   {Routes: []delivery.Route{{Pattern: "*", Hosts: []string{"a.test:0"}}}},
		"a port too high":             {Routes: []delivery.Route{{Pattern: "*", Hosts: []string{"a.test:65536"}}}},
		"a port that is no number":    {Routes: []delivery.Route{{Pattern: "*", Hosts: []string{"a.test:smtp"}}}},
		"two colons":                  {Routes: []delivery.Route{{Pattern: "*", Hosts: []string{"a.test:25:25"}}}},
		"a host that is no name":      {Routes: []delivery.Route{{Pattern: "*", Hosts: []string{"a test"}}}},
		"credentials without TLS":     {Routes: []delivery.Route{{Pattern: "*", Hosts: []string{"192.0.2.1"}, Auth: auth}}},
		"an SMTP port too high":       {SMTPPort: 65536},
	} {
		if tr, err := delivery.New(o); err == nil {
			t.Errorf("%s: taken", name)
			if err := tr.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestAttemptsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dnstest.Zone{
		Records: "d.test. IN MX 10 one.test.\nd.test. IN MX 20 two.test.\none.test. IN A 192.0.2.1\ntwo.test. IN A 192.0.2.2",
		Silent:  []string{"slow.test"},
	})
	w.listen("192.0.2.1", script("HANG"))
	w.listen("192.0.2.2", works)
	tr := w.transport(func(o *delivery.Options) { o.Timeouts = smtpclient.Timeouts{} })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	a := tr.Deliver(ctx, delivery1("d.test"))
	// On a busy machine the time may be over sooner than at the greeting.
	if o := a.Outcomes[0]; o.Class != smtpclient.Temporary || o.Err == nil || strings.Contains(w.calls(), "192.0.2.2") {
		t.Errorf("%s, dialed %s", describe(o), w.calls())
	}
	canceled, stop := context.WithCancel(t.Context())
	stop()
	for _, domain := range []string{"d.test", "slow.test"} {
		if a := tr.Deliver(canceled, delivery1(domain)); a.Outcomes[0].Class != smtpclient.Temporary || a.Outcomes[0].Cause != smtpclient.CauseCanceled {
			t.Errorf("%s: %s", domain, describe(a.Outcomes[0]))
		}
	}
}

func TestADestinationThatHangsDelaysNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dnstest.Zone{Records: "slow.test. IN A 192.0.2.1\nfast.test. IN A 192.0.2.2"})
	w.listen("192.0.2.1", script(hello, ask, "HANG"))
	w.listen("192.0.2.2", script(hello, take, take, take, quit))
	tr := w.transport(func(o *delivery.Options) { o.Timeouts = smtpclient.Timeouts{} })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if a := tr.Deliver(ctx, delivery1("slow.test")); a.Outcomes[0].Class != smtpclient.Temporary {
				t.Errorf("slow: %s", describe(a.Outcomes[0]))
			}
		})
	}
	for range 3 {
		if a := tr.Deliver(t.Context(), delivery1("fast.test")); describe(a.Outcomes[0]) != delivered {
			t.Errorf("fast: %s", describe(a.Outcomes[0]))
		}
	}
	cancel() // only now may the slow ones end
	wg.Wait()
}

func TestTranscriptTellsTheWholeAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dnstest.Zone{Records: "d.test. IN MX 10 one.test.\nd.test. IN MX 20 two.test.\none.test. IN A 192.0.2.1\ntwo.test. IN A 192.0.2.2"})
	w.listen("192.0.2.2", works)
	now := clock.NewFake(time.Unix(1_700_000_000, 0))
	a := w.transport(func(o *delivery.Options) { o.Clock = now.Now }).Deliver(t.Context(), delivery1("d.test"))
	want := `0 * connecting to one.test 192.0.2.1:25
0 * dial tcp: connect: connection refused
0 * connecting to two.test 192.0.2.2:25
0 < 220 mx
0 > EHLO client.test
0 < 250-mx
0 < 250 PIPELINING
0 > MAIL FROM:<s@a.test>
0 > RCPT TO:<r@d.test>
0 > DATA
0 < 250 ok
0 < 250 ok
0 < 354 go
0 > (17 octets)
0 < 250 2.0.0 taken
`
	if got := a.TranscriptText(); got != want {
		t.Errorf("got\n%s", got)
	}
	if !a.Started.Equal(now.Now()) || a.Duration != 0 || a.RemoteAddr() != "192.0.2.2:25" || a.TLSText() != "" || a.Reused {
		t.Errorf("%+v", a)
	}
}
