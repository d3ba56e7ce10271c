// SPDX-License-Identifier: Apache-2.0

package dnscheck_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"sesame/internal/core/dnscheck"
)

// from is where mail leaves from in these tests.
var from = netip.MustParseAddr("198.51.100.7")

func TestSPF(t *testing.T) {
	t.Parallel()
	var eleven, mxs strings.Builder
	for n := range 11 {
		fmt.Fprintf(&eleven, " include:i%d.example.net", n)
		fmt.Fprintf(&mxs, "mx.example.net. MX 10 m%d.example.net.\n", n)
	}
	var included strings.Builder
	for n := range 11 {
		fmt.Fprintf(&included, "i%d.example.net. TXT \"v=spf1 ip4:203.0.113.%d -all\"\n", n, n)
	}
	const service = "\nses.example.net. TXT \"v=spf1 ip4:198.51.100.0/24 -all\"\na.example.net. A 192.0.2.9\n"
	for _, tc := range []struct {
		name    string
		record  string
		zone    string // further records
		result  string
		lookups int
		void    int
		codes   []string
		words   string
	}{
		{"the service is included", "v=spf1 include:ses.example.net ~all", "", "pass", 1, 0, nil, ""},
		{"the address stands there itself", "v=spf1 ip4:198.51.100.7 -all", "", "pass", 0, 0, nil, ""},
		{"each kind of term with its cost", "v=spf1 a:a.example.net mx:mx1.example.net exists:%{i}.example.net ptr include:ses.example.net ip6:2001:db8::/32 exp=e.example.net ~all",
			"mx1.example.net. MX 10 a.example.net.", "pass", 5, 0, []string{dnscheck.SPFPtr}, "should not be used"},
		{"no record", "", "example.com. TXT \"hello\"", "", 0, 0, []string{dnscheck.SPFNone}, "has no SPF record"},
		{"the service is not included", "v=spf1 a:a.example.net -all", "", "fail", 1, 0, []string{dnscheck.SPFRefuses}, "Mail from 198.51.100.7 gets the result fail."},
		{"eleven includes", "v=spf1" + eleven.String() + " ~all", included.String(), "permerror", 11, 0,
			[]string{dnscheck.SPFTooMany, dnscheck.SPFRefuses}, "costs 11 look-ups, and receivers stop with an error after 10 (RFC 7208 §4.6.4): include:i0.example.net costs 1, include:i1"},
		{"an include that costs much itself", "v=spf1 include:big.example.net include:ses.example.net ~all", included.String() + "big.example.net. TXT \"v=spf1" + eleven.String() + " ~all\"",
			"permerror", 13, 0, []string{dnscheck.SPFTooMany, dnscheck.SPFRefuses}, "include:big.example.net costs 12, include:ses.example.net costs 1"},
		{"three look-ups that find nothing", "v=spf1 a:x.example.net a:y.example.net mx:z.example.net include:ses.example.net ~all", "", "permerror", 4, 3,
			[]string{dnscheck.SPFVoid, dnscheck.SPFRefuses}, "3 look-ups find nothing"},
		{"a record that includes itself", "v=spf1 include:bounce.example.com ~all", "", "permerror", 11, 0,
			[]string{dnscheck.SPFBroken, dnscheck.SPFTooMany, dnscheck.SPFRefuses}, "leads back to itself"},
		{"an include without a record", "v=spf1 include:none.example.net ~all", "none.example.net. TXT \"x\"", "permerror", 1, 0,
			[]string{dnscheck.SPFBroken, dnscheck.SPFRefuses}, "none.example.net, which the record leads to, has 0 SPF records"},
		{"more than ten mail exchangers", "v=spf1 mx:mx.example.net include:ses.example.net ~all", mxs.String(), "permerror", 2, 0,
			[]string{dnscheck.SPFTooMany, dnscheck.SPFRefuses}, "has 11 MX records"},
		{"a term that is none", "v=spf1 include:ses.example.net ipv4:192.0.2.1 ~all", "", "pass", 1, 0, []string{dnscheck.SPFSyntax, dnscheck.SPFNoAll}, `The term "ipv4:192.0.2.1" can't be understood`},
		{"an include that can't be understood", "v=spf1 include:bad.example.net ~all", "bad.example.net. TXT \"v=spf1 what -all\"", "permerror", 1, 0,
			[]string{dnscheck.SPFSyntax, dnscheck.SPFRefuses}, "of the record of bad.example.net"},
		{"everybody may send", "v=spf1 +all", "", "pass", 0, 0, []string{dnscheck.SPFOpen}, "allows every server of the world"},
		{"no end", "v=spf1 include:ses.example.net", "", "pass", 1, 0, []string{dnscheck.SPFNoAll}, `end it with "~all"`},
		{"terms after the end", "v=spf1 ~all include:ses.example.net", "", "softfail", 1, 0, []string{dnscheck.SPFAfterAll, dnscheck.SPFRefuses}, `after "all"`},
		{"a redirect", "v=spf1 redirect=ses.example.net", "", "pass", 1, 0, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := world{others: service + tc.zone}
			if tc.record != "" {
				w.ns1 = `bounce.example.com. TXT "` + tc.record + `"`
			} else {
				w.ns1 = strings.ReplaceAll(tc.zone, "example.com.", "bounce.example.com.")
			}
			r := checker(w, func(o *dnscheck.Options) { o.Source = []netip.Addr{netip.MustParseAddr("10.0.0.1"), from} }).SPF(t.Context(), "Bounce.example.com.")
			want := append([]string{}, tc.codes...)
			if got := codes(r.Mistakes); r.Record != tc.record || r.Result != tc.result || r.Lookups != tc.lookups || r.Void != tc.void || !sameSet(got, want) {
				t.Errorf("%+v", r)
			}
			if tc.words != "" {
				says(t, r.Mistakes, tc.codes[0], tc.words)
			}
		})
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func TestSPFThatCannotBeRead(t *testing.T) {
	t.Parallel()
	r := checker(world{fails: []string{"resolver TXT bounce.example.com"}}, nil).SPF(t.Context(), "bounce.example.com")
	says(t, r.Mistakes, dnscheck.SPFFailed, "can't be read: 10.0.0.53:53 answered SERVFAIL")
	two := world{ns1: "bounce.example.com. TXT \"v=spf1 -all\"\nbounce.example.com. TXT \"v=spf1 ~all\""}
	r = checker(two, nil).SPF(t.Context(), "bounce.example.com")
	says(t, r.Mistakes, dnscheck.SeveralSPF, "has 2 SPF records")
}

// TestSPFThatAllowsUsInOtherWordsIsNoMistake has a record of the owner's own that names
// the address of this server.
func TestSPFThatAllowsUsInOtherWordsIsNoMistake(t *testing.T) {
	t.Parallel()
	w := world{ns1: `bounce.example.com. TXT "v=spf1 ip4:198.51.100.7 -all"`}
	c := checker(w, func(o *dnscheck.Options) { o.Source = []netip.Addr{from} })
	r := c.Check(t.Context(), dnscheck.Subject{Domain: "example.com", MailFrom: "bounce.example.com", Wanted: []dnscheck.Wanted{spf}})
	if r.Records[0].Verdict != dnscheck.OK || r.SPF.Result != "pass" {
		t.Errorf("%+v", r)
	}
}

// TestSPFOfAHostileZoneIsBounded has records that include two others each, without end.
func TestSPFOfAHostileZoneIsBounded(t *testing.T) {
	t.Parallel()
	var zone strings.Builder
	for n := range 200 {
		fmt.Fprintf(&zone, "s%d.example.net. TXT \"v=spf1 include:s%d.example.net include:s%d.example.net ~all\"\n", n, n+1, n+2)
	}
	r := checker(world{ns1: `bounce.example.com. TXT "v=spf1 include:s0.example.net ~all"`, others: zone.String()}, nil).SPF(t.Context(), "bounce.example.com")
	if r.Lookups != 40 {
		t.Errorf("%d look-ups", r.Lookups)
	}
	says(t, r.Mistakes, dnscheck.SPFTooMany, "costs at least 40 look-ups")
}
