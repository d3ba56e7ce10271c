// SPDX-License-Identifier: Apache-2.0

package dnscheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"blitiri.com.ar/go/spf"

	"sesame/internal/base/netaddr"
	"sesame/internal/proto/dns"
)

// SPF is the report on a domain's SPF record (RFC 7208).
type SPF struct {
	Domain   string
	Record   string    `json:",omitempty"` // absent if there is not exactly one
	Result   string    `json:",omitempty"` // of mail from here: pass, fail, softfail ...; absent if the address is not known
	Lookups  int       // that a receiver makes; more than 10 are an error (§4.6.4)
	Void     int       // of these without an answer; more than 2 are an error
	Terms    []SPFTerm // of the record, with what each costs
	Mistakes []Mistake
}

// SPFTerm is a term of a record. Lookups and Void include what the records cost that it
// leads to.
type SPFTerm struct {
	Term          string
	Lookups, Void int
}

// The limits of RFC 7208 §4.6.4.
const (
	maxLookups = 10
	maxVoid    = 2
	maxSPFMX   = 10
)

// countedLookups is where counting stops: far enough over the limit to show by how much.
const countedLookups = 40

// The codes of mistakes in SPF records.
const (
	SPFTooMany  = "spf-too-many-lookups"
	SPFVoid     = "spf-void-lookups"
	SPFSyntax   = "spf-syntax"
	SPFOpen     = "spf-allows-all"
	SPFNoAll    = "spf-without-all"
	SPFAfterAll = "spf-after-all"
	SPFPtr      = "spf-ptr"
	SPFNone     = "spf-missing"
	SPFBroken   = "spf-include-without-record"
	SPFRefuses  = "spf-refuses-this-server"
	SPFFailed   = "spf-unreachable"
)

// isSPF reports whether a TXT value is an SPF record (RFC 7208 §4.5).
func isSPF(txt string) bool {
	v, _, _ := strings.Cut(txt, " ")
	return strings.EqualFold(v, "v=spf1")
}

func spfRecords(txt []string) []string {
	return slices.DeleteFunc(slices.Clone(txt), func(s string) bool { return !isSPF(s) })
}

// includes are the include terms of a record, without qualifiers.
func includes(record string) []string {
	var list []string
	for _, t := range strings.Fields(record) {
		if name := strings.ToLower(strings.TrimPrefix(t, "+")); strings.HasPrefix(name, "include:") {
			list = append(list, strings.TrimSuffix(name, "."))
		}
	}
	return list
}

// includesAll reports whether a record has all includes of another, and at least one of
// its mechanisms if that has none.
func includesAll(record, want string) bool {
	wanted, have := includes(want), includes(record)
	if len(wanted) == 0 {
		return squeeze(record) == squeeze(want)
	}
	for _, w := range wanted {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}

// term is a parsed term of an SPF record (RFC 7208 §4.6.1).
type term struct {
	qualifier byte   // '+', '-', '~', '?'; 0 for a modifier
	name      string // in lower case
	domain    string // domain-spec or modifier's value; for ip4 and ip6 the network
}

// maxTerms bounds what is read of a record: a TXT record of usual size holds fewer.
const maxTerms = 256

// parseSPF reads the terms of a record, which begins with v=spf1. A term that can't be
// read is an error for receivers: bad names it.
func parseSPF(record string) (terms []term, bad string) {
	fields := strings.Fields(record)
	if len(fields) > 0 {
		fields = fields[1:]
	}
	for n, f := range fields {
		t, ok := parseTerm(f)
		if !ok || n >= maxTerms {
			return terms, f
		}
		terms = append(terms, t)
	}
	return terms, ""
}

func parseTerm(s string) (term, bool) {
	t := term{qualifier: '+'}
	body := s
	if strings.IndexByte("+-~?", s[0]) >= 0 {
		t.qualifier, body = s[0], s[1:]
	}
	end := strings.IndexAny(body, ":=/")
	if end < 0 {
		t.name = strings.ToLower(body)
		return t, slices.Contains([]string{"all", "a", "mx", "ptr"}, t.name)
	}
	t.name = strings.ToLower(body[:end])
	if body[end] == '=' { // a modifier takes no qualifier, and unknown ones are ignored (§6)
		ok := t.qualifier == '+' && s[0] != '+' && modifierName(t.name)
		t.qualifier, t.domain = 0, body[end+1:]
		return t, ok
	}
	rest := body[end:]
	switch t.name {
	case "a", "mx":
		spec, bits, found := strings.Cut(rest, "/")
		t.domain = strings.TrimPrefix(spec, ":")
		return t, (spec == "" || t.domain != "") && (!found || dualCIDR(bits))
	case "ip4", "ip6":
		t.domain = strings.TrimPrefix(rest, ":")
		return t, strings.HasPrefix(rest, ":") && network(t.domain, t.name == "ip4")
	case "include", "exists", "ptr":
		t.domain = strings.TrimPrefix(rest, ":")
		return t, strings.HasPrefix(rest, ":") && t.domain != "" && (!strings.Contains(t.domain, "/") || strings.Contains(t.domain, "%{"))
	}
	return t, false
}

func modifierName(s string) bool {
	for n, r := range s {
		letter := r >= 'a' && r <= 'z'
		if !letter && (n == 0 || !(r >= '0' && r <= '9') && r != '-' && r != '_' && r != '.') {
			return false
		}
	}
	return s != ""
}

// dualCIDR reads "24", "24//64" and "/64" (RFC 7208 §5.6).
func dualCIDR(s string) bool {
	v4, v6, two := strings.Cut(s, "//")
	if !two {
		if v6, two = strings.CutPrefix(s, "/"); two {
			v4 = ""
		}
	}
	return (v4 == "" && two || length(v4, 32)) && (!two || length(v6, 128))
}

func length(s string, most int) bool {
	if len(s) == 0 || len(s) > 3 || len(s) > 1 && s[0] == '0' {
		return false
	}
	n := 0
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
		n = n*10 + int(r-'0')
	}
	return n <= most
}

func network(s string, v4 bool) bool {
	ip, bits, found := strings.Cut(s, "/")
	a, err := netip.ParseAddr(ip)
	if err != nil || a.Is4() != v4 || a.Zone() != "" {
		return false
	}
	return !found || length(bits, a.BitLen())
}

// SPF reports on the SPF record of a domain: what it costs a receiver, what is wrong with
// it, and what it says of mail that leaves from here.
func (c *Checker) SPF(ctx context.Context, domain string) *SPF {
	domain = tidy(domain)
	r := &SPF{Domain: domain, Terms: []SPFTerm{}, Mistakes: []Mistake{}}
	txt, err := c.o.Resolver.LookupTXT(ctx, domain)
	if err != nil && dns.KindOf(err) == dns.Temporary {
		r.add(SPFFailed, "The TXT records of %s can't be read: %s.", domain, reason(err))
		return r
	}
	records := spfRecords(txt)
	switch {
	case len(records) == 0:
		r.add(SPFNone, "%s has no SPF record.", domain)
		return r
	case len(records) > 1:
		r.add(SeveralSPF, "%s has %d SPF records, which is an error for receivers (RFC 7208 §3.2). Make one record of them.", domain, len(records))
		return r
	}
	r.Record = records[0]
	r.count(ctx, c)
	r.judge()
	r.evaluate(ctx, c)
	return r
}

func (r *SPF) add(code, format string, args ...any) {
	r.Mistakes = append(r.Mistakes, mistake(code, format, args...))
}

// judge finds what is wrong in the text of the record, and in its cost.
func (r *SPF) judge() {
	terms, bad := parseSPF(r.Record)
	if bad != "" {
		r.add(SPFSyntax, "The term %q can't be understood: receivers take the whole record for an error.", shorten(bad))
	}
	end := slices.IndexFunc(terms, func(t term) bool { return t.name == "all" && t.qualifier != 0 })
	redirect := slices.ContainsFunc(terms, func(t term) bool { return t.qualifier == 0 && t.name == "redirect" })
	switch {
	case end < 0 && !redirect:
		r.add(SPFNoAll, "The record does not say what holds for other servers: end it with \"~all\".")
	case end >= 0 && terms[end].qualifier == '+':
		r.add(SPFOpen, "The record ends with +all: it allows every server of the world to send as %s.", r.Domain)
	case end >= 0 && slices.ContainsFunc(terms[end+1:], func(t term) bool { return t.qualifier != 0 }):
		r.add(SPFAfterAll, "What stands after \"all\" has no effect (RFC 7208 §5.1).")
	}
	if slices.ContainsFunc(terms, func(t term) bool { return t.name == "ptr" }) {
		r.add(SPFPtr, "\"ptr\" is slow and should not be used (RFC 7208 §5.5).")
	}
	if r.Lookups > maxLookups {
		r.add(SPFTooMany, "The record costs %s look-ups, and receivers stop with an error after %d (RFC 7208 §4.6.4): %s. Take out what you no longer use.",
			atLeast(r.Lookups, countedLookups), maxLookups, r.costs())
	}
	if r.Void > maxVoid {
		r.add(SPFVoid, "%d look-ups find nothing, and receivers stop with an error after %d (RFC 7208 §4.6.4).", r.Void, maxVoid)
	}
}

func atLeast(n, cap int) string {
	if n >= cap {
		return fmt.Sprintf("at least %d", n)
	}
	return fmt.Sprint(n)
}

func shorten(s string) string {
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	return s
}

// costs lists the terms that cost something.
func (r *SPF) costs() string {
	var list []string
	for _, t := range r.Terms {
		if t.Lookups > 0 {
			list = append(list, fmt.Sprintf("%s costs %d", shorten(t.Term), t.Lookups))
		}
	}
	return strings.Join(list, ", ")
}

// evaluate asks what a receiver would conclude for mail from here.
func (r *SPF) evaluate(ctx context.Context, c *Checker) {
	for _, ip := range c.o.Source {
		if netaddr.Private(ip) {
			continue // the world sees another address
		}
		res, err := spf.CheckHostWithSender(ip.AsSlice(), r.Domain, "postmaster@"+r.Domain, spf.WithContext(ctx), spf.WithResolver(spfResolver{c.o.Resolver}))
		if r.Result = string(res); res == spf.Pass {
			continue
		}
		text := ""
		if err != nil && res != spf.Fail && res != spf.SoftFail {
			text = " (" + err.Error() + ")"
		}
		r.add(SPFRefuses, "Mail from %s gets the result %s%s.", ip, res, text)
		return
	}
}

// spfResolver shows a Resolver to the SPF library, whose errors are the net package's.
type spfResolver struct{ r Resolver }

func (s spfResolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	txt, err := s.r.LookupTXT(ctx, name)
	return txt, netError(name, err)
}

func (s spfResolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	list, err := s.r.LookupMX(ctx, name)
	out := make([]*net.MX, len(list))
	for n, mx := range list {
		out[n] = &net.MX{Host: mx.Host, Pref: mx.Preference}
	}
	return out, netError(name, err)
}

func (s spfResolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	list, err := s.r.LookupAddrs(ctx, host)
	out := make([]net.IPAddr, len(list))
	for n, a := range list {
		out[n] = net.IPAddr{IP: a.AsSlice()}
	}
	return out, netError(host, err)
}

// LookupAddr finds nothing: "ptr" should not be used (RFC 7208 §5.5), and is not evaluated.
func (spfResolver) LookupAddr(_ context.Context, addr string) ([]string, error) {
	return nil, &net.DNSError{Err: "not asked for", Name: addr, IsNotFound: true}
}

func netError(name string, err error) error {
	if err == nil {
		return nil
	}
	var e *dns.Error
	nothing := errors.As(err, &e) && e.Kind != dns.Temporary
	return &net.DNSError{Err: reason(err), Name: name, IsNotFound: nothing, IsTemporary: !nothing}
}
