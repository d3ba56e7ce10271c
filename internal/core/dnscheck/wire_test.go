// SPDX-License-Identifier: Apache-2.0

package dnscheck_test

import (
	"net/netip"
	"testing"
	"time"

	"sesame/internal/core/dnscheck"
	"sesame/internal/proto/dns"
	"sesame/internal/proto/dns/dnstest"
)

// TestOverTheWire asks a real name server with the real resolver: the world of the other
// tests behaves like these.
func TestOverTheWire(t *testing.T) {
	t.Parallel()
	z := dnstest.Zone{
		Records: `example.com. NS ns1.example.com.
			example.com. NS ns2.example.com.
			example.com. 3600 SOA ns1.example.com. h.example.com. 1 3600 600 86400 900
			ns1.example.com. A 127.0.0.1
			` + alias.Name + ". CNAME " + alias.Value + ".\n" + service + `
			bounce.example.com. MX 10 feedback-smtp.us-east-1.ses.example.net.
			bounce.example.com. MX 20 other.example.net.
			` + proof.Name + `.example.com. TXT "` + owner + `"
			bounce.example.com. TXT "v=spf1 include:ses.example.net ~all"`,
		NXDomain: []string{proof.Name, "_domainkey.example.com", "ns2.example.com", "_dmarc.example.com", "default._bimi.example.com"},
		NoData:   []string{"NS bounce.example.com", "NS " + alias.Name, "NS _amazonses.example.com"},
	}
	s := dnstest.New(t, z)
	r, err := dns.New(dns.Options{Servers: []string{s.Addr()}, Timeout: time.Second, Rounds: 1, Port: netip.MustParseAddrPort(s.Addr()).Port(), AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	report := dnscheck.New(dnscheck.Options{Asker: r, Resolver: r, Source: []netip.Addr{from}}).Check(t.Context(),
		dnscheck.Subject{Domain: "example.com", MailFrom: "bounce.example.com", Wanted: []dnscheck.Wanted{alias, mx, proof, spf}})
	for n, want := range []dnscheck.Verdict{dnscheck.OK, dnscheck.Wrong, dnscheck.Missing, dnscheck.OK} {
		if got := report.Records[n]; got.Verdict != want || len(got.Servers) != 2 || got.Servers[0].Server != "ns1.example.com" || got.Servers[1].Error != "its address can't be found: no such name" {
			t.Errorf("%+v", got)
		}
	}
	if got := report.Records[0].Servers[0]; got.Alias != alias.Value || got.Address != s.Addr() {
		t.Errorf("%+v", got)
	}
	says(t, report.Records[1].Mistakes, dnscheck.SeveralMX, "has 2 MX records")
	says(t, report.Records[2].Mistakes, dnscheck.ZoneDoubled, "_amazonses.example.com.example.com instead")
	says(t, report.Records[2].Mistakes, dnscheck.NegativeCached, "for up to 900 s")
	if report.SPF == nil || report.SPF.Result != "pass" || report.SPF.Lookups != 1 {
		t.Errorf("%+v", report.SPF)
	}
	says(t, report.DMARC.Mistakes, dnscheck.DMARCNone, "There is no DMARC record")

	private, err := dns.New(dns.Options{Servers: []string{s.Addr()}, Timeout: time.Second, Rounds: 1})
	if err != nil {
		t.Fatal(err)
	}
	got := dnscheck.New(dnscheck.Options{Asker: private, Resolver: private}).Check(t.Context(), dnscheck.Subject{Domain: "example.com", Wanted: []dnscheck.Wanted{alias}}).Records[0]
	if got.Verdict != dnscheck.OK || got.Servers[0].Error != "the server's address is private" {
		t.Errorf("a name server at a private address: %+v", got)
	}
}
