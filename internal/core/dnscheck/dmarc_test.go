// SPDX-License-Identifier: Apache-2.0

package dnscheck_test

import (
	"testing"

	"sesame/internal/core/dnscheck"
)

// signed is the zone with a DKIM key that can be used.
const signed = "\nsel._domainkey.example.com. TXT \"p=" + key + "\"\n"

func TestDMARC(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		domain    string
		mailFrom  string
		zone      string
		at        string // whose record holds
		policy    string
		dkim, spf bool
		codes     []string
		words     string
	}{
		{"a record in order", "example.com", "bounce.example.com", `_dmarc.example.com. TXT "v=DMARC1; p=quarantine; rua=mailto:d@example.com"`,
			"example.com", "quarantine", true, true, nil, ""},
		{"the parent's record holds for a subdomain", "a.example.com", "bounce.a.example.com", `_dmarc.example.com. TXT "v=DMARC1; p=reject"`, "example.com", "reject", true, true, nil, ""},
		{"the parent has another policy for subdomains", "a.example.com", "bounce.a.example.com", `_dmarc.example.com. TXT "v=DMARC1; p=reject; sp=none"`, "example.com", "none", true, true, nil, ""},
		{"no record", "example.com", "bounce.example.com", "", "example.com", "", true, true, []string{dnscheck.DMARCNone}, `publish _dmarc.example.com TXT "v=DMARC1; p=none"`},
		{"a record between the domain and its organization", "a.b.example.com", "", `_dmarc.b.example.com. TXT "v=DMARC1; p=reject"`, "b.example.com", "reject", true, false,
			[]string{dnscheck.DMARCBetween}, "they ask for _dmarc.a.b.example.com and _dmarc.example.com alone"},
		{"two records", "example.com", "", "_dmarc.example.com. TXT \"v=DMARC1; p=none\"\n_dmarc.example.com. TXT \"v=DMARC1; p=reject\"", "example.com", "", true, false,
			[]string{dnscheck.SeveralDMARC}, "has 2 DMARC records"},
		{"no policy", "example.com", "", `_dmarc.example.com. TXT "v=DMARC1; rua=mailto:d@example.com"`, "example.com", "none", true, false, []string{dnscheck.DMARCPolicy}, "no valid p="},
		{"a policy that is none", "example.com", "", `_dmarc.example.com. TXT "v=DMARC1; p=block"`, "example.com", "none", true, false,
			[]string{dnscheck.DMARCPolicy, dnscheck.DMARCSyntax}, "no valid p="},
		{"parts that are no tags", "example.com", "", `_dmarc.example.com. TXT "v=DMARC1; p=reject; hello; pct=150; p=none"`, "example.com", "reject", true, false,
			[]string{dnscheck.DMARCSyntax, dnscheck.DMARCSyntax, dnscheck.DMARCSyntax}, "is no tag=value"},
		{"nobody is told", "example.com", "", `_dmarc.example.com. TXT "v=DMARC1; p=none"`, "example.com", "none", true, false, []string{dnscheck.DMARCMonitors}, "has no effect"},
		{"strict SPF never goes with a MAIL FROM subdomain", "example.com", "bounce.example.com", `_dmarc.example.com. TXT "v=DMARC1; p=reject; aspf=s"`, "example.com", "reject", true, false,
			[]string{dnscheck.DMARCStrict}, "bounce.example.com is a subdomain of example.com and never aligned"},
		{"strict DKIM", "example.com", "bounce.example.com", `_dmarc.example.com. TXT "v=DMARC1; p=reject; adkim=s"`, "example.com", "reject", true, true,
			[]string{dnscheck.DMARCStrictD}, "mail from subdomains of example.com needs identities of their own"},
		{"reports to somebody who wants them", "example.com", "", "_dmarc.example.com. TXT \"v=DMARC1; p=reject; rua=mailto:d@reports.example.net!10m\"\nexample.com._report._dmarc.reports.example.net. TXT \"v=DMARC1\"",
			"example.com", "reject", true, false, nil, ""},
		{"reports to somebody who has not said so", "example.com", "", `_dmarc.example.com. TXT "v=DMARC1; p=reject; rua=mailto:d@reports.example.net"`, "example.com", "reject", true, false,
			[]string{dnscheck.DMARCReports}, "it would publish example.com._report._dmarc.reports.example.net"},
		{"reports to no address", "example.com", "", `_dmarc.example.com. TXT "v=DMARC1; p=reject; rua=d@example.com"`, "example.com", "reject", true, false, []string{dnscheck.DMARCReports}, "is no mailto:"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := world{ns1: signed + tc.zone}
			r := checker(w, nil).Check(t.Context(), dnscheck.Subject{Domain: tc.domain, MailFrom: tc.mailFrom, Wanted: []dnscheck.Wanted{text}}).DMARC
			if r.Domain != tc.at && r.Record != "" || r.Policy != tc.policy || r.DKIM.Aligned != tc.dkim || r.SPF.Aligned != tc.spf || !sameSet(codes(r.Mistakes), tc.codes) {
				t.Errorf("%+v", r)
			}
			if tc.words != "" {
				says(t, r.Mistakes, tc.codes[0], tc.words)
			}
		})
	}
}

func TestAlignmentWithoutACustomMailFrom(t *testing.T) {
	t.Parallel()
	w := world{ns1: signed + `_dmarc.example.com. TXT "v=DMARC1; p=reject"`}
	s := dnscheck.Subject{Domain: "example.com", Wanted: []dnscheck.Wanted{text}}
	for domain, want := range map[string]bool{"mail.example.com": true, "mail.example.net": false} {
		r := checker(w, func(o *dnscheck.Options) { o.ReturnDomain = domain }).Check(t.Context(), s).DMARC
		if r.SPF.Aligned != want {
			t.Errorf("a return path in %s: %+v", domain, r.SPF)
		}
	}
	r := checker(world{ns1: `_dmarc.example.com. TXT "v=DMARC1; p=reject"`}, nil).Check(t.Context(), s).DMARC
	if r.DKIM.Aligned || r.DKIM.Text != "no DKIM key is published: see the records" {
		t.Errorf("without a key: %+v", r.DKIM)
	}
}

func TestBIMI(t *testing.T) {
	t.Parallel()
	const logo = `TXT "v=BIMI1; l=https://example.com/logo.svg; a=https://example.com/vmc.pem"` + "\n"
	for _, tc := range []struct {
		name, domain, zone string
		ready              bool
		codes              []string
		words              string
	}{
		{"no record is no mistake", "example.com", `_dmarc.example.com. TXT "v=DMARC1; p=reject"`, false, nil, ""},
		{"as the guide has it", "example.com", "default._bimi.example.com. " + logo + `_dmarc.example.com. TXT "v=DMARC1;p=quarantine;pct=100;rua=mailto:d@example.com"`, true, nil, ""},
		{"the organization's logo for a subdomain", "a.example.com", "default._bimi.example.com. " + logo + `_dmarc.example.com. TXT "v=DMARC1; p=reject"`, true, nil, ""},
		{"a logo without a certificate", "example.com", `default._bimi.example.com. TXT "v=BIMI1; l=https://example.com/logo.svg"` + "\n" + `_dmarc.example.com. TXT "v=DMARC1; p=reject"`, true,
			[]string{dnscheck.BIMIAuthority}, "Gmail and Apple"},
		{"the policy monitors only", "example.com", "default._bimi.example.com. " + logo + `_dmarc.example.com. TXT "v=DMARC1; p=none; rua=mailto:d@example.com"`, false, []string{dnscheck.BIMIPolicy}, "it is p=none"},
		{"half a quarantine", "example.com", "default._bimi.example.com. " + logo + `_dmarc.example.com. TXT "v=DMARC1; p=quarantine; pct=50"`, false, []string{dnscheck.BIMIPolicy}, "p=quarantine with pct=50"},
		{"no policy at all", "example.com", "default._bimi.example.com. " + logo, false, []string{dnscheck.BIMIPolicy}, "it is none at all"},
		{"the subdomains are left out", "example.com", "default._bimi.example.com. " + logo + `_dmarc.example.com. TXT "v=DMARC1; p=reject; sp=none"`, false, []string{dnscheck.BIMIParent}, "sp=none"},
		{"the parent does not enforce", "a.example.com", "default._bimi.a.example.com. " + logo + "_dmarc.a.example.com. TXT \"v=DMARC1; p=reject\"\n" + `_dmarc.example.com. TXT "v=DMARC1; p=none; rua=mailto:d@example.com"`,
			false, []string{dnscheck.BIMIParent}, "The parent domain example.com needs an enforcing policy"},
		{"no https", "example.com", `default._bimi.example.com. TXT "v=BIMI1; l=http://example.com/logo.svg; a=https://example.com/v.pem"` + "\n" + `_dmarc.example.com. TXT "v=DMARC1; p=reject"`, false,
			[]string{dnscheck.BIMILogo}, "no https://"},
		{"no SVG", "example.com", `default._bimi.example.com. TXT "v=BIMI1; l=https://example.com/logo.png; a=x"` + "\n" + `_dmarc.example.com. TXT "v=DMARC1; p=reject"`, false,
			[]string{dnscheck.BIMILogo, dnscheck.BIMISyntax}, "no .svg"},
		{"no logo, on purpose", "example.com", `default._bimi.example.com. TXT "v=BIMI1; l=; a="`, false, nil, ""},
		{"no l", "example.com", `default._bimi.example.com. TXT "v=BIMI1; a="`, false, []string{dnscheck.BIMISyntax}, "no l="},
		{"two records", "example.com", "default._bimi.example.com. " + logo + "default._bimi.example.com. TXT \"v=BIMI1; l=\"", false, []string{dnscheck.BIMISeveral}, "has 2 BIMI records"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := checker(world{ns1: tc.zone}, nil).Check(t.Context(), dnscheck.Subject{Domain: tc.domain}).BIMI
			if r.Ready != tc.ready || !sameSet(codes(r.Mistakes), tc.codes) {
				t.Errorf("%+v", r)
			}
			if tc.words != "" {
				says(t, r.Mistakes, tc.codes[0], tc.words)
			}
		})
	}
}
