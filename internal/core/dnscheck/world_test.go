// SPDX-License-Identifier: Apache-2.0

package dnscheck_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"sesame/internal/core/dnscheck"
	"sesame/internal/proto/dns"
)

// world is the Internet of a test: the zone example.com with its two name servers, and a
// resolver that sees the records of all. A name that nobody has does not exist.
type world struct {
	zone     string   // of all names; "" means example.com
	ns1, ns2 string   // records, lines of a master file; ns2 has those of ns1 if it is ""
	others   string   // records of other zones, which the resolver alone sees
	resolver string   // what the resolver sees instead of ns1's and the others' records
	fails    []string // "ns1 TXT name" gets SERVFAIL; "silent" as type: no answer; "lame": not authoritative
}

func records(text string) map[string][]mdns.RR {
	var lines strings.Builder
	for l := range strings.Lines(text) {
		lines.WriteString(strings.TrimSpace(l) + "\n")
	}
	zp := mdns.NewZoneParser(strings.NewReader(lines.String()), ".", "test")
	zp.SetDefaultTTL(300)
	m := map[string][]mdns.RR{}
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		name := strings.TrimSuffix(strings.ToLower(rr.Header().Name), ".")
		m[name] = append(m[name], rr)
	}
	if err := zp.Err(); err != nil {
		panic(err)
	}
	return m
}

// find returns the records at name, and those that aliases lead to.
func find(m map[string][]mdns.RR, name, rrtype string) (rrs []dnscheck.RR, exists bool) {
	for range 9 {
		next := ""
		for _, rr := range m[name] {
			switch rr := rr.(type) {
			case *mdns.CNAME:
				next = strings.TrimSuffix(strings.ToLower(rr.Target), ".")
				rrs = append(rrs, dnscheck.RR{Name: name, Type: "CNAME", Value: next})
			case *mdns.TXT:
				if rrtype == "TXT" {
					rrs = append(rrs, dnscheck.RR{Name: name, Type: "TXT", Value: strings.ReplaceAll(strings.Join(rr.Txt, ""), `\"`, `"`)})
				}
			case *mdns.MX:
				if rrtype == "MX" {
					rrs = append(rrs, dnscheck.RR{Name: name, Type: "MX", Value: fmt.Sprintf("%d %s", rr.Preference, strings.TrimSuffix(strings.ToLower(rr.Mx), "."))})
				}
			case *mdns.A:
				if rrtype == "A" {
					rrs = append(rrs, dnscheck.RR{Name: name, Type: "A", Value: rr.A.String()})
				}
			}
		}
		if exists = exists || len(m[name]) > 0; next == "" || rrtype == "CNAME" {
			break
		}
		name = next
	}
	return rrs, exists
}

var addresses = map[string]netip.AddrPort{
	"ns1.example.com": netip.MustParseAddrPort("192.0.2.1:53"), "ns2.example.com": netip.MustParseAddrPort("192.0.2.2:53"),
}

func (w world) Authoritatives(_ context.Context, name string) (string, []dnscheck.Server, error) {
	zone := w.zone
	if zone == "" {
		zone = "example.com"
	}
	if name != zone && !strings.HasSuffix(name, "."+zone) {
		return "", nil, &dns.Error{Kind: dns.NotExist, Name: name, Type: "NS"}
	}
	return zone, []dnscheck.Server{
		{Name: "ns2.example.com", Addr: addresses["ns2.example.com"]}, {Name: "ns1.example.com", Addr: addresses["ns1.example.com"]},
	}, nil
}

func (w world) Ask(ctx context.Context, server netip.AddrPort, name, rrtype string) (dnscheck.Answer, error) {
	who, text := "ns1", w.ns1
	if server == addresses["ns2.example.com"] {
		if who = "ns2"; w.ns2 != "" {
			text = w.ns2
		}
	}
	if slices.Contains(w.fails, who+" silent "+name) {
		<-ctx.Done()
		return dnscheck.Answer{}, ctx.Err()
	}
	if slices.Contains(w.fails, who+" "+rrtype+" "+name) {
		return dnscheck.Answer{Code: "SERVFAIL"}, nil
	}
	rrs, exists := find(records(text), name, rrtype)
	a := dnscheck.Answer{Code: "NOERROR", Authoritative: !slices.Contains(w.fails, who+" lame "+name), Records: rrs}
	if len(rrs) == 0 {
		a.Authority = []dnscheck.RR{{Name: "example.com", Type: "SOA", TTL: 900e9}}
	}
	if !exists {
		a.Code = "NXDOMAIN"
	}
	return a, nil
}

// look is the resolver's answer.
func (w world) look(ctx context.Context, name, rrtype string) ([]dnscheck.RR, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if slices.Contains(w.fails, "resolver "+rrtype+" "+name) {
		return nil, &dns.Error{Kind: dns.Temporary, Name: name, Type: rrtype, Err: fmt.Errorf("10.0.0.53:53 answered SERVFAIL")}
	}
	text := w.ns1 + "\n" + w.others
	if w.resolver != "" {
		text = w.resolver
	}
	rrs, exists := find(records(text), name, rrtype)
	rrs = slices.DeleteFunc(rrs, func(rr dnscheck.RR) bool { return rr.Type != rrtype })
	switch {
	case len(rrs) > 0:
		return rrs, ctx.Err()
	case exists:
		return nil, &dns.Error{Kind: dns.NoData, Name: name, Type: rrtype}
	}
	return nil, &dns.Error{Kind: dns.NotExist, Name: name, Type: rrtype}
}

func (w world) LookupTXT(ctx context.Context, name string) (txt []string, err error) {
	rrs, err := w.look(ctx, name, "TXT")
	for _, rr := range rrs {
		txt = append(txt, rr.Value)
	}
	return txt, err
}

func (w world) LookupMX(ctx context.Context, name string) (list []dns.MX, err error) {
	rrs, err := w.look(ctx, name, "MX")
	for _, rr := range rrs {
		var mx dns.MX
		fmt.Sscan(rr.Value, &mx.Preference, &mx.Host)
		list = append(list, mx)
	}
	return list, err
}

func (w world) LookupAddrs(ctx context.Context, name string) (list []netip.Addr, err error) {
	rrs, err := w.look(ctx, name, "A")
	for _, rr := range rrs {
		list = append(list, netip.MustParseAddr(rr.Value))
	}
	return list, err
}

func checker(w world, change func(*dnscheck.Options)) *dnscheck.Checker {
	o := dnscheck.Options{Asker: w, Resolver: w}
	if change != nil {
		change(&o)
	}
	return dnscheck.New(o)
}

// codes are the codes of mistakes.
func codes(ms []dnscheck.Mistake) []string {
	list := []string{}
	for _, m := range ms {
		list = append(list, m.Code)
	}
	return list
}

// says fails the test unless one of the mistakes says a sentence with these words.
func says(t *testing.T, ms []dnscheck.Mistake, code, words string) {
	t.Helper()
	for _, m := range ms {
		if m.Code == code && strings.Contains(m.Text, words) {
			return
		}
	}
	t.Errorf("no %s with %q in %q", code, words, ms)
}
