// SPDX-License-Identifier: Apache-2.0

package dnscheck

import (
	"context"
	"net/url"
	"path"
	"strings"

	"sesame/internal/proto/dns"
)

// BIMI is the report on a domain's brand indicator (draft-brand-indicators-for-message-identification;
// SES: BIMI). Without a record there is nothing wrong: it is not needed to send.
type BIMI struct {
	Domain    string // whose record holds; the domain itself if there is none
	Record    string `json:",omitempty"`
	Logo      string `json:",omitempty"` // URL
	Authority string `json:",omitempty"` // URL of the certificate (VMC)
	Ready     bool   // the record and the DMARC policy are as providers want them
	Mistakes  []Mistake
}

// The codes of mistakes in BIMI records.
const (
	BIMISyntax    = "bimi-syntax"
	BIMISeveral   = "several-bimi"
	BIMILogo      = "bimi-logo"
	BIMIAuthority = "bimi-certificate"
	BIMIPolicy    = "bimi-policy"
	BIMIParent    = "bimi-parent-policy"
	BIMIFailed    = "bimi-unreachable"
)

const bimiSelector = "default._bimi."

func (b *BIMI) add(code, format string, args ...any) {
	b.Mistakes = append(b.Mistakes, mistake(code, format, args...))
}

// bimi finds and judges the record of a domain, or of its organizational domain.
func (c *Checker) bimi(ctx context.Context, domain string, d DMARC) BIMI {
	domain = tidy(domain)
	b := BIMI{Domain: domain, Mistakes: []Mistake{}}
	names := []string{domain}
	if d.Organization != domain {
		names = append(names, d.Organization)
	}
	for _, name := range names {
		txt, err := c.o.Resolver.LookupTXT(ctx, bimiSelector+name)
		if err != nil && dns.KindOf(err) == dns.Temporary {
			b.add(BIMIFailed, "%s%s can't be read: %s.", bimiSelector, name, reason(err))
			return b
		}
		var records []string
		for _, t := range txt {
			if has(t, "BIMI1") {
				records = append(records, t)
			}
		}
		if len(records) > 1 {
			b.add(BIMISeveral, "%s%s has %d BIMI records: receivers ignore all of them. Keep one.", bimiSelector, name, len(records))
			return b
		}
		if len(records) == 1 {
			b.Domain, b.Record = name, records[0]
			b.judge()
			b.prerequisites(domain, d)
			b.Ready = b.Logo != "" && !b.blocked()
			return b
		}
	}
	return b
}

// blocked reports whether a mistake stands in the way; a certificate is wanted by some
// providers alone.
func (b *BIMI) blocked() bool {
	for _, m := range b.Mistakes {
		if m.Code != BIMIAuthority {
			return true
		}
	}
	return false
}

// judge reads the record. An empty l= says that the domain shows no logo.
func (b *BIMI) judge() {
	list, ok := parseTags(b.Record)
	if !ok {
		b.add(BIMISyntax, "A part of the record is no tag=value.")
	}
	logo, has := list.get("l")
	b.Logo = logo
	if !has {
		b.add(BIMISyntax, "The record has no l=, which names the logo.")
	} else if logo != "" {
		if u, err := url.Parse(logo); err != nil || u.Scheme != "https" || u.Host == "" {
			b.add(BIMILogo, "l=%s is no https:// address.", shorten(logo))
		} else if ext := strings.ToLower(path.Ext(u.Path)); ext != ".svg" && ext != ".svgz" && ext != ".gz" {
			b.add(BIMILogo, "l=%s is no .svg file: the logo must be SVG, of the profile Portable/Secure.", shorten(logo))
		}
	}
	if b.Authority, _ = list.get("a"); b.Authority == "" || b.Authority == "self" {
		if logo != "" {
			b.add(BIMIAuthority, "There is no a= with a mark certificate: Gmail and Apple show no logo without one.")
		}
	} else if u, err := url.Parse(b.Authority); err != nil || u.Scheme != "https" || u.Host == "" {
		b.add(BIMISyntax, "a=%s is no https:// address.", shorten(b.Authority))
	}
}

// prerequisites are what SES: BIMI asks of the DMARC policy, also of the parent's.
func (b *BIMI) prerequisites(domain string, d DMARC) {
	if b.Logo == "" {
		return
	}
	if !enforces(d.Policy, d.parsed.pct) {
		b.add(BIMIPolicy, "The DMARC policy of %s must be p=quarantine with pct=100, or p=reject; it is %s.", domain, described(d.Policy, d.parsed.pct))
	}
	if d.Domain == d.Organization {
		if domain != d.Organization && !enforces(d.parsed.p, d.parsed.pct) {
			b.add(BIMIParent, "The parent domain %s needs an enforcing policy, too; it has %s.", d.Organization, described(d.parsed.p, d.parsed.pct))
		} else if domain == d.Organization && d.parsed.sp == "none" {
			b.add(BIMIParent, "sp=none leaves the subdomains of %s without enforcement: providers want the same policy there.", domain)
		}
		return
	}
	if !enforces(d.above.p, d.above.pct) {
		b.add(BIMIParent, "The parent domain %s needs an enforcing policy, too; it has %s.", d.Organization, described(d.above.p, d.above.pct))
	}
}

func enforces(policy, pct string) bool {
	return policy == "reject" || policy == "quarantine" && (pct == "" || pct == "100")
}

func described(policy, pct string) string {
	switch {
	case policy == "":
		return "none at all"
	case pct != "":
		return "p=" + policy + " with pct=" + shorten(pct)
	}
	return "p=" + policy
}
