// SPDX-License-Identifier: Apache-2.0

package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/proto/dns"
	"sesame/internal/proto/dns/dnstest"
)

var zone = dnstest.Zone{
	Records: `
		example.test.        60 IN MX 20 MX2.Example.Test.
		example.test.        60 IN MX 10 mx1.example.test.
		null.test.              IN MX 0 .
		alias.test.             IN CNAME example.test.
		dangling.test.          IN CNAME gone.test.
		mx1.example.test.       IN A 192.0.2.1
		mx1.example.test.       IN A 192.0.2.2
		mx1.example.test.       IN AAAA 2001:db8::1
		mx2.example.test.       IN A 192.0.2.3
		six.test.               IN AAAA 2001:db8::6
		four.test.              IN A 192.0.2.4
		half.test.              IN A 192.0.2.5
		key.test.               IN TXT "v=DKIM1; " "p=abc\"\001"
		key.test.               IN TXT "second"
		big.test.               IN A 192.0.2.7
		zero.test.            0 IN MX 10 zero.test.
		long.test.        90000 IN MX 10 long.test.
		short.test.             IN SOA ns.short.test. h.short.test. 1 1 1 1 20
		signed.test.            IN A 192.0.2.10
		signed.test.            IN AAAA 2001:db8::10
		signed.test.            IN MX 10 signed.test.
		text.test.              IN TXT "x"
	`,
	NXDomain:  []string{"nx.test", "x.short.test"},
	NoData:    []string{"empty.test"},
	ServFail:  []string{"broken.test", "A worse.test"},
	Silent:    []string{"silent.test", "AAAA half.test"},
	Truncated: []string{"big.test"},
	Authentic: []string{"signed.test", "nx.test"},
}

func newResolver(t *testing.T, srv *dnstest.Server, change func(*dns.Options)) *dns.Resolver {
	t.Helper()
	o := dns.Options{Servers: []string{srv.Addr()}, Timeout: time.Second, Rounds: 1}
	if change != nil {
		change(&o)
	}
	r, err := dns.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLookups(t *testing.T) {
	t.Parallel()
	srv := dnstest.New(t, zone)
	r := newResolver(t, srv, nil)
	mx := func(name string) func(context.Context) (any, error) {
		return func(ctx context.Context) (any, error) { return r.LookupMX(ctx, name) }
	}
	addrs := func(name string) func(context.Context) (any, error) {
		return func(ctx context.Context) (any, error) {
			a, err := r.LookupAddrs(ctx, name)
			var s []string
			for _, ip := range a {
				s = append(s, ip.String())
			}
			return s, err
		}
	}
	txt := func(name string) func(context.Context) (any, error) {
		return func(ctx context.Context) (any, error) { return r.LookupTXT(ctx, name) }
	}
	const ok = dns.Kind(255)
	for _, tc := range []struct {
		name   string
		lookup func(context.Context) (any, error)
		want   any
		kind   dns.Kind
	}{
		{"MX hosts are lower case without the final dot, in the order of the answer", mx("Example.Test"),
			[]dns.MX{{Host: "mx2.example.test", Preference: 20}, {Host: "mx1.example.test", Preference: 10}}, ok},
		{"a null MX has the root as its host", mx("null.test."), []dns.MX{{Host: ".", Preference: 0}}, ok},
		{"the upstream follows an alias", mx("alias.test"),
			[]dns.MX{{Host: "mx2.example.test", Preference: 20}, {Host: "mx1.example.test", Preference: 10}}, ok},
		{"an alias that leads nowhere has no data", mx("dangling.test"), nil, dns.NoData},
		{"a name without MX has no data", mx("four.test"), nil, dns.NoData},
		{"a name that doesn't exist is told apart", mx("nx.test"), nil, dns.NotExist},
		{"SERVFAIL is temporary", mx("broken.test"), nil, dns.Temporary},
		{"silence is temporary", mx("silent.test"), nil, dns.Temporary},
		{"REFUSED is temporary", mx("unknown.test"), nil, dns.Temporary},
		{"what can't be a name doesn't exist", mx(strings.Repeat("a", 64) + ".test"), nil, dns.NotExist},
		{"an empty label can't be a name", mx("a..test"), nil, dns.NotExist},
		{"IPv4 addresses come before IPv6", addrs("mx1.example.test"), []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}, ok},
		{"IPv6 alone is enough", addrs("six.test"), []string{"2001:db8::6"}, ok},
		{"IPv4 alone is enough", addrs("four.test"), []string{"192.0.2.4"}, ok},
		{"one family may fail if the other answers", addrs("half.test"), []string{"192.0.2.5"}, ok},
		{"no addresses in either family is no data", addrs("example.test"), nil, dns.NoData},
		{"a host that doesn't exist has no addresses", addrs("nx.test"), nil, dns.NotExist},
		{"both families failing is temporary", addrs("broken.test"), nil, dns.Temporary},
		{"localhost needs no upstream", addrs("LocalHost."), []string{"127.0.0.1", "::1"}, ok},
		{"so do the names below it", addrs("mail.localhost"), []string{"127.0.0.1", "::1"}, ok},
		{"character-strings of one TXT record are joined, escapes undone", txt("key.test"),
			[]string{"v=DKIM1; p=abc\"\x01", "second"}, ok},
		{"a name without TXT has no data", txt("empty.test"), nil, dns.NoData},
		{"a cut answer is asked for again over TCP", addrs("big.test"), []string{"192.0.2.7"}, ok},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.lookup(t.Context())
			if tc.kind == ok {
				if err != nil || !reflect.DeepEqual(got, tc.want) {
					t.Fatalf("got %v, %v; want %v", got, err, tc.want)
				}
				return
			}
			var e *dns.Error
			if !errors.As(err, &e) || e.Kind != tc.kind || dns.KindOf(err) != tc.kind {
				t.Fatalf("got %v, %v; want an error of kind %q", got, err, tc.kind)
			}
		})
	}
}

func TestAuthenticFlagIsPassedOn(t *testing.T) {
	t.Parallel()
	r := newResolver(t, dnstest.New(t, zone), nil)
	mx, err := r.QueryMX(t.Context(), "signed.test")
	if err != nil || !mx.Authentic {
		t.Errorf("MX: %+v, %v", mx, err)
	}
	addrs, err := r.QueryAddrs(t.Context(), "signed.test")
	if err != nil || !addrs.Authentic || len(addrs.Records) != 2 {
		t.Errorf("addresses: %+v, %v", addrs, err)
	}
	txt, err := r.QueryTXT(t.Context(), "text.test")
	if err != nil || txt.Authentic {
		t.Errorf("an unsigned answer: %+v, %v", txt, err)
	}
	_, err = r.QueryMX(t.Context(), "nx.test")
	var e *dns.Error
	if !errors.As(err, &e) || !e.Authentic || e.Name != "nx.test" || e.Type != "MX" {
		t.Errorf("a signed denial: %+v", err)
	}
}

func TestCacheKeepsAnswersAsLongAsTheyMayBeKept(t *testing.T) {
	t.Parallel()
	const asked, cached = true, false
	for _, tc := range []struct {
		name    string
		lookup  string
		advance time.Duration
		again   bool
	}{
		{"records within their TTL", "example.test", 59 * time.Second, cached},
		{"records after their TTL", "example.test", 60 * time.Second, asked},
		{"another letter case is the same question", "EXAMPLE.test", 59 * time.Second, cached},
		{"records with a TTL of zero are not kept", "zero.test", 0, asked},
		{"a long TTL within the cap", "long.test", 59 * time.Minute, cached},
		{"a long TTL after the cap", "long.test", time.Hour, asked},
		{"no data within the cap", "empty.test", 59 * time.Second, cached},
		{"no data after the cap", "empty.test", time.Minute, asked},
		{"no such name within the SOA's time", "x.short.test", 19 * time.Second, cached},
		{"no such name after the SOA's time", "x.short.test", 20 * time.Second, asked},
		{"a failure for a moment", "broken.test", 4 * time.Second, cached},
		{"a failure after that", "broken.test", 5 * time.Second, asked},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			srv := dnstest.New(t, zone)
			now := clock.NewFake(time.Unix(1_700_000_000, 0))
			r := newResolver(t, srv, func(o *dns.Options) { o.Clock = now.Now })
			look := func() {
				// What it says is the other tests' matter; here it counts how often.
				_, _ = r.LookupMX(t.Context(), tc.lookup)
			}
			look()
			now.Advance(tc.advance)
			before := r.Stats().Queries
			look()
			if again := r.Stats().Queries > before; again != tc.again {
				t.Errorf("asked upstream again: %v, want %v", again, tc.again)
			}
		})
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	var records strings.Builder
	for i := range 50 {
		fmt.Fprintf(&records, "d%d.test. IN MX 10 mx.test.\n", i)
	}
	for i := range 300 {
		fmt.Fprintf(&records, "huge.test. IN MX %d a-rather-long-label-to-fill-the-message-%d.test.\n", i, i)
	}
	srv := dnstest.New(t, dnstest.Zone{Records: records.String(), Truncated: []string{"huge.test"}})
	r := newResolver(t, srv, func(o *dns.Options) { o.CacheSize = 10 })
	for i := range 50 {
		if _, err := r.LookupMX(t.Context(), fmt.Sprintf("d%d.test", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.Stats().Cached; n != 10 {
		t.Errorf("%d answers cached, want 10", n)
	}
	before := r.Stats().Queries
	for _, name := range []string{"d49.test", "d0.test"} { // the newest is there, the oldest is not
		if _, err := r.LookupMX(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.Stats().Queries - before; n != 1 {
		t.Errorf("%d questions, want 1", n)
	}
	for range 2 {
		if mx, err := r.LookupMX(t.Context(), "huge.test"); err != nil || len(mx) != 300 {
			t.Fatalf("%d records, %v", len(mx), err)
		}
	}
	if n := r.Stats().Queries - before; n != 3 {
		t.Errorf("an answer too large for the cache was kept")
	}
}

func TestOneQuestionIsAskedOnceAtATime(t *testing.T) {
	t.Parallel()
	srv := dnstest.New(t, zone)
	r := newResolver(t, srv, nil)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := r.LookupMX(t.Context(), "silent.test"); dns.KindOf(err) != dns.Temporary {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if n := len(srv.Asked()); n != 1 {
		t.Errorf("the server was asked %d times", n)
	}
}

func TestAnAskerThatLeavesDoesNotSpoilTheOthers(t *testing.T) {
	t.Parallel()
	srv := dnstest.New(t, zone)
	r := newResolver(t, srv, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.LookupMX(ctx, "example.test"); !errors.Is(err, context.Canceled) {
		t.Errorf("the one who left got %v", err)
	}
	if mx, err := r.LookupMX(t.Context(), "example.test"); err != nil || len(mx) != 2 {
		t.Errorf("the one who stayed got %v, %v", mx, err)
	}
}

func TestQuestionsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	r, err := dns.New(dns.Options{Servers: []string{silent.LocalAddr().String()}, MaxInFlight: 1})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = r.LookupMX(t.Context(), "silent.test") }() // holds the only slot
	if _, _, err := silent.ReadFrom(make([]byte, 512)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := r.LookupMX(ctx, "example.test"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestTheNextServerIsAskedWhenOneFails(t *testing.T) {
	t.Parallel()
	bad := dnstest.New(t, dnstest.Zone{ServFail: []string{"example.test"}, Silent: []string{"mx1.example.test"}})
	good := dnstest.New(t, zone)
	r := newResolver(t, bad, func(o *dns.Options) { o.Servers = append(o.Servers, good.Addr()) })
	if mx, err := r.LookupMX(t.Context(), "example.test"); err != nil || len(mx) != 2 {
		t.Errorf("after SERVFAIL: %v, %v", mx, err)
	}
	if a, err := r.LookupAddrs(t.Context(), "mx1.example.test"); err != nil || len(a) != 3 {
		t.Errorf("after silence: %v, %v", a, err)
	}
	if a, err := r.LookupAddrs(t.Context(), "four.test"); err != nil || a[0] != netip.MustParseAddr("192.0.2.4") {
		t.Errorf("after REFUSED: %v, %v", a, err)
	}
}

func TestAnAnswerToAnotherQuestionIsNotTaken(t *testing.T) {
	t.Parallel()
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	go func() { // echoes each question as an answer, with one letter changed
		b := make([]byte, 1500)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			b[2] |= 0x80
			b[13] ^= 1
			_, _ = p.WriteTo(b[:n], from)
		}
	}()
	r, err := dns.New(dns.Options{Servers: []string{p.LocalAddr().String()}, Timeout: 200 * time.Millisecond, Rounds: 1})
	if err != nil {
		t.Fatal(err)
	}
	if mx, err := r.LookupMX(t.Context(), "example.test"); dns.KindOf(err) != dns.Temporary || err == nil {
		t.Errorf("got %v, %v", mx, err)
	}
}

func TestServersAreChecked(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"dns.example.test:53", "", "192.0.2.1:99999", "192.0.2.300"} {
		if _, err := dns.New(dns.Options{Servers: []string{bad}}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for _, good := range []string{"192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53", "2001:db8::1", "[2001:db8::1]"} {
		if _, err := dns.New(dns.Options{Servers: []string{good}}); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestTheTestServerCanChangeItsMind(t *testing.T) {
	t.Parallel()
	srv := dnstest.New(t, dnstest.Zone{NXDomain: []string{"new.test"}})
	now := clock.NewFake(time.Unix(1_700_000_000, 0))
	r := newResolver(t, srv, func(o *dns.Options) { o.Clock = now.Now })
	if _, err := r.LookupTXT(t.Context(), "new.test"); dns.KindOf(err) != dns.NotExist {
		t.Fatalf("got %v", err)
	}
	if err := srv.Set(dnstest.Zone{Records: `new.test. IN TXT "here"`}); err != nil {
		t.Fatal(err)
	}
	now.Advance(time.Minute)
	if txt, err := r.LookupTXT(t.Context(), "new.test"); err != nil || !slices.Equal(txt, []string{"here"}) {
		t.Errorf("got %v, %v", txt, err)
	}
	if err := srv.Set(dnstest.Zone{Records: "nonsense"}); err == nil {
		t.Error("a zone that can't be read was taken")
	}
}
