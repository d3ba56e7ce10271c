// SPDX-License-Identifier: Apache-2.0

package dnscheck_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

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

// parsed holds what records has read before: a world is asked dozens of times.
var parsed sync.Map

func records(text string) map[string][]mdns.RR {
	if m, ok := parsed.Load(text); ok {
		return m.(map[string][]mdns.RR)
	}
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
	parsed.Store(text, m)
	return m
}

// find returns the records of the type at name, or else its alias.
func find(m map[string][]mdns.RR, name string, t dns.Type) (rrs []dns.Record, err error) {
	var alias []dns.Record
	for _, rr := range m[name] {
		r := dns.Record{Name: name, Type: dns.Type(rr.Header().Rrtype), TTL: 15 * time.Minute}
		switch rr := rr.(type) {
		case *mdns.CNAME:
			r.Value = strings.TrimSuffix(strings.ToLower(rr.Target), ".")
			alias = []dns.Record{r}
		case *mdns.TXT:
			r.Value = unescape(strings.Join(rr.Txt, ""))
		case *mdns.MX:
			r.Value = fmt.Sprintf("%d %s", rr.Preference, strings.TrimSuffix(strings.ToLower(rr.Mx), "."))
		case *mdns.A:
			r.Value = rr.A.String()
		}
		if r.Type == t {
			rrs = append(rrs, r)
		}
	}
	switch {
	case len(rrs) > 0:
		return rrs, nil
	case len(alias) > 0:
		return alias, nil
	case len(m[name]) > 0:
		return nil, &dns.Error{Kind: dns.NoData, Name: name, Type: t.String()}
	}
	return nil, &dns.Error{Kind: dns.NotExist, Name: name, Type: t.String()}
}

// unescape undoes the presentation form \DDD and \X (RFC 1035 §5.1).
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 10, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		i++
		b.WriteByte(s[i])
	}
	return b.String()
}

var addresses = map[string]netip.AddrPort{
	"ns1.example.com": netip.MustParseAddrPort("192.0.2.1:53"), "ns2.example.com": netip.MustParseAddrPort("192.0.2.2:53"),
}

func (w world) Authoritatives(_ context.Context, name string) (dns.Delegation, error) {
	zone := w.zone
	if zone == "" {
		zone = "example.com"
	}
	if name != zone && !strings.HasSuffix(name, "."+zone) {
		return dns.Delegation{}, &dns.Error{Kind: dns.NotExist, Name: name, Type: "NS"}
	}
	d := dns.Delegation{Zone: zone}
	for _, host := range []string{"ns1.example.com", "ns2.example.com"} {
		d.Servers = append(d.Servers, dns.NameServer{Host: host, Addrs: []netip.AddrPort{addresses[host]}})
	}
	return d, nil
}

func (w world) Ask(ctx context.Context, server netip.AddrPort, name string, t dns.Type) ([]dns.Record, error) {
	who, text := "ns1", w.ns1
	if server == addresses["ns2.example.com"] {
		if who = "ns2"; w.ns2 != "" {
			text = w.ns2
		}
	}
	failure := func(err error) ([]dns.Record, error) {
		return nil, &dns.Error{Kind: dns.Temporary, Name: name, Type: t.String(), Err: err}
	}
	switch {
	case slices.Contains(w.fails, who+" silent "+name):
		<-ctx.Done()
		return nil, ctx.Err()
	case slices.Contains(w.fails, who+" "+t.String()+" "+name):
		return failure(errors.New("answered SERVFAIL"))
	case slices.Contains(w.fails, who+" lame "+name):
		return failure(dns.ErrNotAuthoritative)
	case t == dns.TypeSOA:
		return []dns.Record{{Name: name, Type: t, TTL: time.Hour, Value: "ns1.example.com. hostmaster.example.com. 1 3600 600 86400 900"}}, nil
	}
	return find(records(text), name, t)
}

// look is the resolver's answer, which follows aliases.
func (w world) look(ctx context.Context, name string, t dns.Type) ([]dns.Record, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if slices.Contains(w.fails, "resolver "+t.String()+" "+name) {
		return nil, &dns.Error{Kind: dns.Temporary, Name: name, Type: t.String(), Err: errors.New("10.0.0.53:53 answered SERVFAIL")}
	}
	text := w.ns1 + "\n" + w.others
	if w.resolver != "" {
		text = w.resolver
	}
	m := records(text)
	for range 9 {
		rrs, err := find(m, name, t)
		if err != nil || rrs[0].Type == t {
			return rrs, errors.Join(err, ctx.Err())
		}
		name = rrs[0].Value
	}
	return nil, &dns.Error{Kind: dns.Temporary, Name: name, Type: t.String(), Err: dns.ErrAliases}
}

func (w world) LookupTXT(ctx context.Context, name string) (txt []string, err error) {
	rrs, err := w.look(ctx, name, dns.TypeTXT)
	for _, rr := range rrs {
		txt = append(txt, rr.Value)
	}
	return txt, err
}

func (w world) LookupMX(ctx context.Context, name string) (list []dns.MX, err error) {
	rrs, err := w.look(ctx, name, dns.TypeMX)
	for _, rr := range rrs {
		var mx dns.MX
		fmt.Sscan(rr.Value, &mx.Preference, &mx.Host)
		list = append(list, mx)
	}
	return list, err
}

func (w world) LookupAddrs(ctx context.Context, name string) (list []netip.Addr, err error) {
	rrs, err := w.look(ctx, name, dns.TypeA)
	for _, rr := range rrs {
		list = append(list, netip.MustParseAddr(rr.Value))
	}
	return list, err
}

func (w world) QueryCNAME(ctx context.Context, name string) (r dns.Result[string], err error) {
	rrs, err := w.look(ctx, name, dns.TypeCNAME)
	for _, rr := range rrs {
		r.Records = append(r.Records, rr.Value)
	}
	return r, err
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
