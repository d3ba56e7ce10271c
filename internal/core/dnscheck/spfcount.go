// SPDX-License-Identifier: Apache-2.0

package dnscheck

import (
	"context"
	"slices"
	"strings"

	"sesame/internal/proto/dns"
)

// count counts the look-ups of each term as a receiver would make them that has to go
// through the whole record (RFC 7208 §4.6.4). It stops at countedLookups.
func (r *SPF) count(ctx context.Context, c *Checker) {
	w := &walk{resolver: c.o.Resolver, report: r}
	terms, _ := parseSPF(r.Record)
	fields := strings.Fields(r.Record)[1:]
	for n, t := range terms {
		before := *r
		w.term(ctx, r.Domain, t, []string{r.Domain})
		r.Terms = append(r.Terms, SPFTerm{Term: fields[n], Lookups: r.Lookups - before.Lookups, Void: r.Void - before.Void})
	}
}

// walk goes through a record and those that it includes.
type walk struct {
	resolver Resolver
	report   *SPF
}

// term counts one term of the record of domain. path are the domains that led here.
func (w *walk) term(ctx context.Context, domain string, t term, path []string) {
	modifier := t.qualifier == 0
	switch {
	case modifier != (t.name == "redirect"), !slices.Contains([]string{"include", "a", "mx", "ptr", "exists", "redirect"}, t.name):
		return // costs nothing
	case w.report.Lookups >= countedLookups || ctx.Err() != nil:
		return
	}
	w.report.Lookups++
	target := tidy(t.domain)
	if target == "" {
		target = domain
	}
	if strings.Contains(target, "%") || t.name == "ptr" {
		return // macros depend on each message, and ptr on the client
	}
	switch t.name {
	case "include", "redirect":
		w.record(ctx, target, path)
	case "a", "exists":
		_, err := w.resolver.LookupAddrs(ctx, target)
		w.void(err)
	case "mx":
		list, err := w.resolver.LookupMX(ctx, target)
		w.void(err)
		if len(list) > maxSPFMX {
			w.report.add(SPFTooMany, "%s has %d MX records, and receivers stop with an error after %d (RFC 7208 §4.6.4).", target, len(list), maxSPFMX)
		}
	}
}

// void counts a look-up that found nothing.
func (w *walk) void(err error) {
	if err != nil && dns.KindOf(err) != dns.Temporary {
		w.report.Void++
	}
}

// record counts the terms of the record of domain.
func (w *walk) record(ctx context.Context, domain string, path []string) {
	if slices.Contains(path, domain) {
		w.report.add(SPFBroken, "The record of %s leads back to itself through %s.", domain, path[len(path)-1])
		w.report.Lookups = max(w.report.Lookups, maxLookups+1)
		return
	}
	txt, err := w.resolver.LookupTXT(ctx, domain)
	w.void(err)
	records := spfRecords(txt)
	switch {
	case err != nil && dns.KindOf(err) == dns.Temporary:
		w.report.add(SPFFailed, "The SPF record of %s can't be read: %s.", domain, reason(err))
		return
	case len(records) != 1:
		w.report.add(SPFBroken, "%s, which the record leads to, has %d SPF records: receivers take that for an error (RFC 7208 §5.2).", domain, len(records))
		return
	}
	terms, bad := parseSPF(records[0])
	if bad != "" {
		w.report.add(SPFSyntax, "The term %q of the record of %s can't be understood: receivers take the whole record for an error.", shorten(bad), domain)
	}
	for _, t := range terms {
		w.term(ctx, domain, t, append(slices.Clone(path), domain))
	}
}
