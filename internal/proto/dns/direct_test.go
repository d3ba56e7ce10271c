// SPDX-License-Identifier: Apache-2.0

package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"sesame/internal/proto/dns"
	"sesame/internal/proto/dns/dnstest"
)

func TestAskingOneServer(t *testing.T) {
	t.Parallel()
	srv := dnstest.New(t, dnstest.Zone{
		Records: `
			Key.test.    60 IN TXT "v=DKIM1; " "p=abc"
			mx.test.     60 IN MX 10 Mail.test.
			alias.test.  60 IN CNAME Key.test.
			addr.test.   60 IN A 192.0.2.1
			addr.test.   60 IN AAAA 2001:db8::1
			zone.test.   60 IN NS ns.zone.test.
			zone.test.   60 IN SOA ns.zone.test. h.zone.test. 1 2 3 4 5
			big.test.    60 IN TXT "big"
			lame.test.   60 IN TXT "hearsay"
		`,
		NXDomain: []string{"nx.test"}, ServFail: []string{"fail.test"}, Truncated: []string{"big.test"}, Lame: []string{"lame.test"},
	})
	at := netip.MustParseAddrPort(srv.Addr())
	r := newResolver(t, dnstest.New(t, dnstest.Zone{}), func(o *dns.Options) { o.AllowPrivate = true })
	rec := func(name string, typ dns.Type, value string, strings ...string) dns.Record {
		return dns.Record{Name: name, Type: typ, TTL: time.Minute, Value: value, Strings: strings}
	}
	const ok = dns.Kind(255)
	for _, tc := range []struct {
		name, ask string
		typ       dns.Type
		want      []dns.Record
		kind      dns.Kind
		cause     string
	}{
		{"a text, whole and in parts", "key.test", dns.TypeTXT, []dns.Record{rec("key.test", dns.TypeTXT, "v=DKIM1; p=abc", "v=DKIM1; ", "p=abc")}, ok, ""},
		{"a mail exchanger", "MX.test.", dns.TypeMX, []dns.Record{rec("mx.test", dns.TypeMX, "10 mail.test")}, ok, ""},
		{"an address", "addr.test", dns.TypeAAAA, []dns.Record{rec("addr.test", dns.TypeAAAA, "2001:db8::1")}, ok, ""},
		{"a name server", "zone.test", dns.TypeNS, []dns.Record{rec("zone.test", dns.TypeNS, "ns.zone.test")}, ok, ""},
		{"a SOA", "zone.test", dns.TypeSOA, []dns.Record{rec("zone.test", dns.TypeSOA, "ns.zone.test. h.zone.test. 1 2 3 4 5")}, ok, ""},
		{"an alias is shown, not followed", "alias.test", dns.TypeTXT, []dns.Record{rec("alias.test", dns.TypeCNAME, "key.test")}, ok, ""},
		{"an alias itself", "alias.test", dns.TypeCNAME, []dns.Record{rec("alias.test", dns.TypeCNAME, "key.test")}, ok, ""},
		{"what is cut comes over TCP", "big.test", dns.TypeTXT, []dns.Record{rec("big.test", dns.TypeTXT, "big", "big")}, ok, ""},
		{"no such name", "nx.test", dns.TypeTXT, nil, dns.NotExist, ""},
		{"no such record", "addr.test", dns.TypeTXT, nil, dns.NoData, ""},
		{"no name at all", "a..b", dns.TypeTXT, nil, dns.NotExist, "not a domain name"},
		{"SERVFAIL", "fail.test", dns.TypeTXT, nil, dns.Temporary, "answered SERVFAIL"},
		{"REFUSED", "other.test", dns.TypeTXT, nil, dns.Temporary, "answered REFUSED"},
		{"hearsay", "lame.test", dns.TypeTXT, nil, dns.Temporary, "not authoritative"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := r.Ask(t.Context(), at, tc.ask, tc.typ)
			if tc.kind == ok {
				if err != nil || !reflect.DeepEqual(got, tc.want) {
					t.Fatalf("got %+v, %v; want %+v", got, err, tc.want)
				}
				return
			}
			if err == nil || dns.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.cause) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestPrivateServersAreNotAsked(t *testing.T) {
	t.Parallel()
	srv := dnstest.New(t, dnstest.Zone{Records: "a.test. IN A 192.0.2.1"})
	r := newResolver(t, srv, nil)
	for _, addr := range []string{srv.Addr(), "10.0.0.1:53", "[fe80::1]:53", "169.254.169.254:53", "[::ffff:127.0.0.1]:53"} {
		if _, err := r.Ask(t.Context(), netip.MustParseAddrPort(addr), "a.test", dns.TypeA); !errors.Is(err, dns.ErrPrivate) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if asked := srv.Asked(); len(asked) > 0 {
		t.Errorf("asked: %v", asked)
	}
}

func TestASilentServerIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	// TCP connects, since the kernel answers, and nothing comes.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Skip(err)
	}
	defer p.Close()
	r, err := dns.New(dns.Options{Servers: []string{l.Addr().String()}, Timeout: 100 * time.Millisecond, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	go func() { // says over UDP to come again over TCP
		b := make([]byte, 1500)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			b[2] |= 0x82
			_, _ = p.WriteTo(b[:n], from)
		}
	}()
	start := time.Now()
	_, err = r.Ask(t.Context(), netip.MustParseAddrPort(l.Addr().String()), "a.test", dns.TypeTXT)
	if dns.KindOf(err) != dns.Temporary || err == nil || !strings.Contains(err.Error(), "over tcp") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Ask(ctx, netip.MustParseAddrPort(l.Addr().String()), "a.test", dns.TypeTXT); !errors.Is(err, context.Canceled) {
		t.Errorf("whoever left got %v", err)
	}
}

func TestAuthoritatives(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 20 {
		fmt.Fprintf(&many, "many.test. IN NS ns%02d.many.test.\n", i)
	}
	for i := range 20 {
		fmt.Fprintf(&many, "ns00.many.test. IN A 192.0.2.%d\n", i)
	}
	srv := dnstest.New(t, dnstest.Zone{
		Records: many.String() + `
			zone.test.        IN NS ns2.zone.test.
			zone.test.        IN NS ns1.zone.test.
			ns1.zone.test.    IN A 192.0.2.1
			ns1.zone.test.    IN AAAA 2001:db8::1
			ns2.zone.test.    IN A 192.0.2.2
			a.zone.test.      IN TXT "x"
			alias.zone.test.  IN CNAME other.test.
			other.test.       IN NS ns1.zone.test.
			half.test.        IN NS ns1.zone.test.
			half.test.        IN NS gone.test.
			down.zone.test.   IN TXT "x"
		`,
		NXDomain: []string{"b.a.zone.test", "gone.test", "alone", "x.alone"}, ServFail: []string{"NS down.zone.test"},
	})
	r := newResolver(t, srv, func(o *dns.Options) { o.Port = 5353 })
	at := func(s ...string) (out []netip.AddrPort) {
		for _, a := range s {
			out = append(out, netip.MustParseAddrPort(a))
		}
		return out
	}
	zoneTest := dns.Delegation{Zone: "zone.test", Servers: []dns.NameServer{
		{Host: "ns1.zone.test", Addrs: at("192.0.2.1:5353", "[2001:db8::1]:5353")}, {Host: "ns2.zone.test", Addrs: at("192.0.2.2:5353")},
	}}
	for _, tc := range []struct {
		name, ask string
		want      dns.Delegation
	}{
		{"a zone's own name", "Zone.test.", zoneTest},
		{"a name below", "a.zone.test", zoneTest},
		{"a name that does not exist", "b.a.zone.test", zoneTest},
		{"an alias is in the zone that has it, not in that which it leads to", "alias.zone.test", zoneTest},
	} {
		got, err := r.Authoritatives(t.Context(), tc.ask)
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %+v, %v", tc.name, got, err)
		}
	}
	half, err := r.Authoritatives(t.Context(), "half.test")
	if err != nil || len(half.Servers) != 2 || dns.KindOf(half.Servers[0].Err) != dns.NotExist || half.Servers[1].Err != nil {
		t.Errorf("a server without an address: %+v, %v", half, err)
	}
	if d, err := r.Authoritatives(t.Context(), "many.test"); err != nil || len(d.Servers) != 13 || len(d.Servers[0].Addrs) != 8 {
		t.Errorf("a zone with very many servers: %d, %v", len(d.Servers), err)
	}
	if d, err := r.Authoritatives(t.Context(), "down.zone.test"); err == nil || dns.KindOf(err) != dns.Temporary {
		t.Errorf("a zone that can't be told: %+v, %v", d, err)
	}
	if d, err := r.Authoritatives(t.Context(), "x.alone"); err == nil || dns.KindOf(err) != dns.NotExist {
		t.Errorf("a name in no zone: %+v, %v", d, err)
	}
}

func TestWhomAParentDelegatesTo(t *testing.T) {
	t.Parallel()
	srv := dnstest.New(t, dnstest.Zone{
		Records:   "both.test. NS Ns.both.test.\nheld.test. TXT here\nlame.test. TXT here",
		Referrals: "sub.test. NS b.sub.test.\nsub.test. NS A.example.\nsub.test. NS a.example.",
		NXDomain:  []string{"nx.test"}, ServFail: []string{"fail.test"}, Lame: []string{"lame.test"},
	})
	at := netip.MustParseAddrPort(srv.Addr())
	r := newResolver(t, dnstest.New(t, dnstest.Zone{}), func(o *dns.Options) { o.AllowPrivate = true })
	for _, c := range []struct {
		name, zone string
		want       []string
		kind       dns.Kind
	}{
		{"a referral, each host once", "Sub.test", []string{"a.example", "b.sub.test"}, 0},
		{"a server of parent and zone answers", "both.test.", []string{"ns.both.test"}, 0},
		{"no such name", "nx.test", nil, dns.NotExist},
		{"a name that is no zone", "held.test", nil, dns.NoData},
		{"a server that does not know", "lame.test", nil, dns.Temporary},
		{"a server that fails", "fail.test", nil, dns.Temporary},
	} {
		got, err := r.Delegated(t.Context(), at, c.zone)
		if !reflect.DeepEqual(got, c.want) || (err == nil) != (c.want != nil) || err != nil && dns.KindOf(err) != c.kind {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}
