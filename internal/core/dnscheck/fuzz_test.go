// SPDX-License-Identifier: Apache-2.0

package dnscheck_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"sesame/internal/core/dnscheck"
)

// FuzzRecords publishes any text wherever a record is looked for: it may be called a
// mistake, but nothing panics, hangs or loses its bounds, and every sentence is one.
func FuzzRecords(f *testing.F) {
	for _, s := range []string{
		"v=spf1 a:%{d}/24//64 mx include:x ip4:1.2.3.4/33 ?exists:a redirect=b ~all", "v=spf1 +", "v=spf1 -/", "v=spf1 =",
		"v=DMARC1; p=reject; rua=mailto:a@b,mailto:; pct=; sp", "v=BIMI1;l=https://%zz;a=", "v=DKIM1; p= ;p=", `"p=` + key + `"`, "p=" + key[:20], ";=;", "\x00\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var zone strings.Builder
		for _, name := range []string{alias.Name, text.Name, proof.Name, "bounce.example.com", "_dmarc.example.com", "default._bimi.example.com", "x"} {
			rr := &mdns.TXT{Hdr: mdns.RR_Header{Name: name + ".", Rrtype: mdns.TypeTXT, Class: mdns.ClassINET, Ttl: 60}}
			for piece := range slices.Chunk([]byte(s), 200) {
				rr.Txt = append(rr.Txt, escape(piece))
			}
			if len(rr.Txt) == 0 {
				rr.Txt = []string{""}
			}
			zone.WriteString(rr.String() + "\n")
		}
		defer parsed.Clear()
		c := checker(world{ns1: zone.String()}, func(o *dnscheck.Options) { o.Source = []netip.Addr{from} })
		r := c.Check(t.Context(), dnscheck.Subject{Domain: "example.com", MailFrom: "bounce.example.com", Wanted: []dnscheck.Wanted{alias, text, proof, mx, spf, dmarc}})
		ms := slices.Concat(r.SPF.Mistakes, r.DMARC.Mistakes, r.BIMI.Mistakes)
		for _, rec := range r.Records {
			ms = append(ms, rec.Mistakes...)
		}
		for _, m := range ms {
			if m.Code == "" || !strings.HasSuffix(m.Text, ".") || len(m.Text) > 4000 {
				t.Errorf("%q", m)
			}
		}
		if r.SPF.Lookups > 60 || len(ms) > 200 {
			t.Errorf("%d look-ups, %d mistakes", r.SPF.Lookups, len(ms))
		}
	})
}

// escape writes octets as a character-string of a master file.
func escape(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteString(`\` + string([]byte{'0' + c/100, '0' + c/10%10, '0' + c%10}))
	}
	return s.String()
}
