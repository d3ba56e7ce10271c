// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"sesame/internal/base/netaddr"
	"sesame/internal/core/dnscheck"
	"sesame/internal/proto/dns"
)

// provided are names that providers give to machines: receivers distrust them as those of
// home connections (M3AAWG: sending domains and IP addresses).
var provided = regexp.MustCompile(`(^|[.-])(\d{1,3}[.-]){3}\d{1,3}([.-]|$)|(^|[.-])(dyn|dynamic|dhcp|dsl|adsl|cable|pool|ppp|dialup|broadband|customer|client|static|vps|unassigned)\d*([.-]|$)|` +
	`^ec2-|\.compute(-\d)?\.(amazonaws\.com|internal)$|\.googleusercontent\.com$|\.cloudapp\.azure\.com$|\.your-server\.de$|\.ip\.linodeusercontent\.com$`)

// unseen are top-level domains that nobody outside can look up (RFC 6761, RFC 6762, RFC 8375).
var unseen = []string{"localhost", "localdomain", "local", "lan", "home", "internal", "intranet", "corp", "home.arpa", "test", "example", "invalid"}

// generic says why a host name is not one to send mail with; "" if it is.
func generic(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(host); err == nil {
		return "is an address"
	}
	if !strings.Contains(host, ".") {
		return "has no dot"
	}
	for _, tld := range unseen {
		if host == tld || strings.HasSuffix(host, "."+tld) {
			return "ends in ." + tld + ", which nobody outside can look up"
		}
	}
	if provided.MatchString(host) {
		return "looks like a name that a provider gives to any machine"
	}
	return ""
}

// hostName judges the name itself.
func (d *doctor) hostName(context.Context) Result {
	if d.Dev {
		return skip("a development server says "+d.Hostname, "")
	}
	if why := generic(d.Hostname); why != "" {
		return fail(fmt.Sprintf("%s %s", d.Hostname, why), "Set hostname to a name in a domain of yours, such as mail.example.com: receivers see it in EHLO.")
	}
	return ok("%s", d.Hostname)
}

// hostAddress looks the name up, as receivers do with EHLO's.
func (d *doctor) hostAddress(ctx context.Context) Result {
	if d.Dev {
		return skip("a development server", "")
	}
	addrs, err := d.Resolver.LookupAddrs(ctx, d.Hostname)
	switch {
	case err != nil && dns.KindOf(err) == dns.Temporary:
		return warn(d.Hostname+" can't be looked up: "+err.Error(), "Look at dns.servers.")
	case err != nil:
		return fail(d.Hostname+" has no address", "Publish an A record (and AAAA) with the address of this machine.")
	case slices.ContainsFunc(addrs, d.mine):
		return ok("%s is %s", d.Hostname, list(addrs))
	case netaddr.Private(d.Source):
		return skip(fmt.Sprintf("%s is %s; this machine has a private address, %s", d.Hostname, list(addrs), d.Source), "Behind NAT, give the public address with --address.")
	}
	return fail(fmt.Sprintf("%s is %s, and this machine is %s", d.Hostname, list(addrs), d.Source), "Correct the A and AAAA records of the host name.")
}

// mine reports whether an address is this machine's.
func (d *doctor) mine(a netip.Addr) bool {
	a = a.Unmap()
	return a == d.Source.Unmap() || slices.Contains(d.Local, a)
}

// reverse looks up the name of the address that mail leaves from, and whether it leads
// back (forward-confirmed reverse DNS).
func (d *doctor) reverse(ctx context.Context) Result {
	if d.Dev {
		return skip("a development server", "")
	}
	if netaddr.Private(d.Source) {
		return skip(fmt.Sprintf("mail leaves from the private address %s", d.Source), "Behind NAT, give the public address with --address.")
	}
	res, err := d.Resolver.QueryPTR(ctx, d.Source)
	switch {
	case err != nil && dns.KindOf(err) == dns.Temporary:
		return warn(fmt.Sprintf("the name of %s can't be looked up: %v", d.Source, err), "Look at dns.servers.")
	case err != nil:
		return fail(fmt.Sprintf("%s has no name", d.Source), "Ask whoever gave you the address for a PTR record with "+d.Hostname+". Large receivers refuse mail without.")
	}
	names := res.Records
	for _, name := range names[:min(len(names), 5)] {
		addrs, err := d.Resolver.LookupAddrs(ctx, name)
		if err != nil || !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Unmap() == d.Source.Unmap() }) {
			continue
		}
		if strings.EqualFold(name, d.Hostname) {
			return ok("%s is %s and back", d.Source, name)
		}
		if why := generic(name); why != "" {
			return warn(fmt.Sprintf("%s is %s, which %s", d.Source, name, why), "Ask whoever gave you the address for a PTR record with "+d.Hostname+".")
		}
		return warn(fmt.Sprintf("%s is %s and back, and hostname is %s", d.Source, name, d.Hostname), "Let both be the same: some receivers compare them.")
	}
	return fail(fmt.Sprintf("%s is %s, which does not lead back to it", d.Source, strings.Join(names, ", ")), "Publish the address at that name, or have the PTR record corrected.")
}

// returnPath looks at the SPF record of the return paths' domain, which receivers check.
func (d *doctor) returnPath(ctx context.Context) Result {
	if d.Dev || d.ReturnDomain == "" {
		return skip("a development server", "")
	}
	return d.spf(ctx, d.ReturnDomain)
}

// serviceSPF looks at the record that customers include.
func (d *doctor) serviceSPF(ctx context.Context) Result {
	if !d.Names.Configured() {
		return skip("no zone is configured", "")
	}
	if d.Dev {
		return skip("a development server", "")
	}
	return d.spf(ctx, d.Names.SPFInclude())
}

func (d *doctor) spf(ctx context.Context, domain string) Result {
	c := dnscheck.New(dnscheck.Options{Asker: d.Resolver, Resolver: d.Resolver, Source: []netip.Addr{d.Source}})
	r := c.SPF(ctx, domain)
	if len(r.Mistakes) == 0 {
		return ok("%s: %s", domain, r.Record)
	}
	var texts []string
	verdict := warn
	for _, m := range r.Mistakes {
		texts = append(texts, m.Text)
		if m.Code == dnscheck.SPFNone || m.Code == dnscheck.SPFRefuses {
			verdict = fail
		}
	}
	address := "the addresses that mail leaves from"
	if !netaddr.Private(d.Source) {
		address = d.Source.String()
	}
	return verdict(strings.Join(texts, " "), fmt.Sprintf("Publish a TXT record at %s that allows %s: \"v=spf1 ip4:... -all\".", domain, address))
}

// serviceDKIM looks for the keys of the service's own signature, as verifiers do.
func (d *doctor) serviceDKIM(ctx context.Context) Result {
	if d.ServiceKeys == nil || d.Dev {
		return skip("no zone is configured, or a development server", "")
	}
	keys, err := d.ServiceKeys(ctx)
	if err != nil {
		return skip("the keys can't be read: "+err.Error(), "Start the server once.")
	}
	c := dnscheck.New(dnscheck.Options{Asker: d.Resolver, Resolver: d.Resolver})
	r := c.Check(ctx, dnscheck.Subject{Domain: string(d.Names.Zone), Wanted: keys})
	for _, rec := range r.Records {
		if rec.Verdict == dnscheck.OK || !rec.Wanted.Required {
			continue
		}
		seen := rec.Wanted.Name + " is " + string(rec.Verdict)
		for _, m := range rec.Mistakes {
			seen += ". " + strings.TrimSuffix(m.Text, ".")
		}
		return fail(seen, "All mail carries a signature of this domain: see the check of the service zone.")
	}
	var names []string
	for _, k := range keys {
		names = append(names, k.Name)
	}
	return ok("the keys are found: %s", strings.Join(names, ", "))
}
