// SPDX-License-Identifier: Apache-2.0

package dnscheck

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"sesame/internal/proto/dns"
)

// DMARC is the report on the DMARC policy that holds for a domain (RFC 7489, RFC 9989).
type DMARC struct {
	Domain       string // whose record holds: the domain, or one above it
	Organization string // the organizational domain
	Record       string `json:",omitempty"`
	Policy       string `json:",omitempty"` // that holds for the domain: none, quarantine, reject
	DKIM         Alignment
	SPF          Alignment
	Mistakes     []Mistake

	parsed policy
	above  policy // of the organizational domain; the zero value if there is none
}

// Alignment says whether a message that leaves from here would be aligned with the From
// domain.
type Alignment struct {
	Mode    string // relaxed or strict
	Aligned bool
	Text    string // why, in words
}

// policy is a parsed record (RFC 7489 §6.3, RFC 9989 §4.7).
type policy struct {
	p, sp       string
	adkim, aspf byte // 'r' or 's'
	pct         string
	reports     []string // rua
}

// The codes of mistakes in DMARC records.
const (
	DMARCNone     = "dmarc-missing"
	DMARCSyntax   = "dmarc-syntax"
	DMARCPolicy   = "dmarc-policy"
	DMARCReports  = "dmarc-reports"
	DMARCStrict   = "dmarc-strict-spf"
	DMARCStrictD  = "dmarc-strict-dkim"
	DMARCBetween  = "dmarc-between"
	DMARCFailed   = "dmarc-unreachable"
	DMARCMonitors = "dmarc-monitors-only"
)

func dmarcRecords(txt []string) []string {
	return slices.DeleteFunc(slices.Clone(txt), func(s string) bool { return !has(s, "DMARC1") })
}

// organization is the organizational domain: one label below the public suffix (RFC 7489
// §3.2). A domain that is one itself stays as it is.
func organization(domain string) string {
	if org, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return org
	}
	return domain
}

// maxClimb bounds the names between a domain and its organizational domain that are asked
// for (RFC 9989 §4.10 has the same bound).
const maxClimb = 8

// DMARC finds the record that holds for a domain and judges it. What it says of alignment
// is left to align.
func (c *Checker) DMARC(ctx context.Context, domain string) DMARC {
	domain = tidy(domain)
	r := DMARC{Domain: domain, Organization: organization(domain), Mistakes: []Mistake{}}
	r.parsed = policy{adkim: 'r', aspf: 'r'}
	for name := domain; below(name, r.Organization); _, name, _ = strings.Cut(name, ".") {
		txt, err := c.o.Resolver.LookupTXT(ctx, "_dmarc."+name)
		if err != nil && dns.KindOf(err) == dns.Temporary {
			r.add(DMARCFailed, "_dmarc.%s can't be read: %s.", name, reason(err))
			return r
		}
		records := dmarcRecords(txt)
		if len(records) > 1 {
			r.add(SeveralDMARC, "_dmarc.%s has %d DMARC records: receivers ignore all of them (RFC 7489 §6.6.3). Keep one.", name, len(records))
			return r
		}
		if len(records) == 1 {
			r.Domain, r.Record = name, records[0]
			break
		}
		if strings.Count(domain, ".")-strings.Count(name, ".") >= maxClimb {
			break
		}
	}
	if r.Record == "" {
		r.add(DMARCNone, "There is no DMARC record. Large providers want one from whoever sends much: publish _dmarc.%s TXT \"v=DMARC1; p=none\" to begin with.", r.Organization)
		return r
	}
	r.judge(domain)
	r.reports(ctx, c)
	if r.Domain != r.Organization {
		if txt, err := c.o.Resolver.LookupTXT(ctx, "_dmarc."+r.Organization); err == nil && len(dmarcRecords(txt)) == 1 {
			r.above, _ = parseDMARC(dmarcRecords(txt)[0])
		}
	}
	return r
}

func (r *DMARC) add(code, format string, args ...any) {
	r.Mistakes = append(r.Mistakes, mistake(code, format, args...))
}

// parseDMARC reads a record. What it can't use it leaves at the default and names in
// problems.
func parseDMARC(record string) (p policy, problems []string) {
	list, ok := parseTags(record)
	if !ok {
		problems = append(problems, "a part of it is no tag=value")
	}
	p = policy{adkim: 'r', aspf: 'r'}
	one := func(name string, among ...string) string {
		v, has := list.get(name)
		v = strings.ToLower(v)
		if has && !slices.Contains(among, v) {
			problems = append(problems, name+"="+shorten(v)+" is none of "+strings.Join(among, ", "))
			return ""
		}
		return v
	}
	p.p = one("p", "none", "quarantine", "reject")
	p.sp = one("sp", "none", "quarantine", "reject")
	if one("adkim", "r", "s") == "s" {
		p.adkim = 's'
	}
	if one("aspf", "r", "s") == "s" {
		p.aspf = 's'
	}
	if p.pct, ok = list.get("pct"); ok && !length(p.pct, 100) {
		problems = append(problems, "pct="+shorten(p.pct)+" is no number up to 100")
	}
	rua, _ := list.get("rua")
	for uri := range strings.SplitSeq(rua, ",") {
		if uri = strings.Trim(uri, whitespace); uri != "" {
			p.reports = append(p.reports, uri)
		}
	}
	seen := map[string]bool{}
	for _, t := range list {
		if seen[t.name] {
			problems = append(problems, "the tag "+shorten(t.name)+" stands there twice")
		}
		seen[t.name] = true
	}
	return p, problems
}

// judge finds what is wrong in the text of the record.
func (r *DMARC) judge(domain string) {
	p, problems := parseDMARC(r.Record)
	r.parsed = p
	for _, text := range problems {
		r.add(DMARCSyntax, "The record of _dmarc.%s is not in order: %s.", r.Domain, text)
	}
	if r.Policy = p.p; r.Domain != domain && p.sp != "" {
		r.Policy = p.sp
	}
	if r.Policy == "" {
		r.Policy = "none" // RFC 7489 §6.6.3: without a valid p, as if it were none
	}
	if p.p == "" {
		r.add(DMARCPolicy, "The record of _dmarc.%s has no valid p=: receivers take it for p=none at best.", r.Domain)
	}
	if r.Policy == "none" && p.p == "none" && len(p.reports) == 0 {
		r.add(DMARCMonitors, "p=none without rua= has no effect: nothing is refused and nobody is told. Add rua=mailto:... to get reports.")
	}
	if r.Domain != domain && r.Domain != r.Organization {
		r.add(DMARCBetween, "The record stands at _dmarc.%s, where receivers of RFC 7489 do not look: they ask for _dmarc.%s and _dmarc.%s alone.", r.Domain, domain, r.Organization)
	}
}

// maxReports bounds the addresses for reports that are looked at.
const maxReports = 5

// reports checks where reports go: to a mailbox of the organization, or to one that says
// that it wants them (RFC 7489 §7.1).
func (r *DMARC) reports(ctx context.Context, c *Checker) {
	for _, uri := range r.parsed.reports[:min(len(r.parsed.reports), maxReports)] {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "mailto" || !strings.Contains(u.Opaque, "@") {
			r.add(DMARCReports, "rua=%s is no mailto: address: reports go nowhere.", shorten(uri))
			continue
		}
		host, _, _ := strings.Cut(u.Opaque[strings.LastIndexByte(u.Opaque, '@')+1:], "!") // an old limit of size
		if host = tidy(host); organization(host) == r.Organization {
			continue
		}
		name := r.Domain + "._report._dmarc." + host
		txt, err := c.o.Resolver.LookupTXT(ctx, name)
		if err != nil && dns.KindOf(err) == dns.Temporary || len(dmarcRecords(txt)) > 0 {
			continue
		}
		r.add(DMARCReports, "Reports are to go to %s, which has not said that it takes them: it would publish %s TXT \"v=DMARC1\".", shorten(host), shorten(name))
	}
}

// align says whether mail from the domain would be aligned: by its DKIM signature, whose
// d= is the identity, and by the domain of its return path.
func (r *DMARC) align(s Subject, records []Record, returnDomain string) {
	domain := tidy(s.Domain)
	r.DKIM = Alignment{Mode: mode(r.parsed.adkim)}
	r.SPF = Alignment{Mode: mode(r.parsed.aspf)}
	r.DKIM.Aligned = keyed(records)
	switch {
	case !r.DKIM.Aligned:
		r.DKIM.Text = "no DKIM key is published: see the records"
	case r.parsed.adkim == 's':
		r.DKIM.Text = "mail from @" + domain + " is signed with d=" + domain + "; with adkim=s mail from its subdomains is not aligned"
		r.add(DMARCStrictD, "adkim=s: mail from subdomains of %s needs identities of their own. Remove the tag if you send from any (SES: DMARC alignment must be relaxed then).", domain)
	default:
		r.DKIM.Text = "mail is signed with d=" + domain
	}
	from := tidy(s.MailFrom)
	switch {
	case from == "" && returnDomain == "":
		r.SPF.Text = "without a custom MAIL FROM domain the return path is this server's own"
	case from == "":
		r.SPF.Aligned = r.parsed.aspf != 's' && organization(tidy(returnDomain)) == organization(domain)
		r.SPF.Text = "the return path is in " + tidy(returnDomain) + ", this server's own domain: set a custom MAIL FROM domain"
	case r.parsed.aspf == 's':
		r.SPF.Text = "the return path is in " + from + ", which strict alignment does not take for " + domain
		r.add(DMARCStrict, "aspf=s: the custom MAIL FROM domain %s is a subdomain of %s and never aligned with it. Remove the tag.", from, domain)
	default:
		r.SPF.Aligned = organization(from) == organization(domain)
		r.SPF.Text = "the return path is in " + from
	}
	if r.SPF.Aligned && from == "" {
		r.SPF.Text = "the return path is in " + tidy(returnDomain)
	}
}

func mode(b byte) string {
	if b == 's' {
		return "strict"
	}
	return "relaxed"
}

// keyed reports whether one of the keys can be used.
func keyed(records []Record) bool {
	return slices.ContainsFunc(records, func(r Record) bool { return kindOf(r.Wanted) == dkimKey && r.Verdict == OK })
}
