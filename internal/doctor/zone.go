// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sesame/internal/proto/dns"
)

// delegation looks whether the world comes to us for the service's zone: what its parent
// delegates, what the zone says of itself, and whether its servers answer.
func (d *doctor) delegation(ctx context.Context) Result {
	name := string(d.Names.Zone)
	switch {
	case name == "":
		return skip("no zone is configured", "Without [zone] customers publish their DKIM keys themselves.")
	case d.Dev:
		return skip("a development server", "")
	}
	del, err := d.Resolver.Authoritatives(ctx, name)
	if err != nil {
		return warn("the name servers of "+name+" can't be found: "+err.Error(), "Look at dns.servers.")
	}
	if del.Zone != name {
		return fail(name+" is not delegated: it is in "+del.Zone, "Publish NS records for "+name+" in "+del.Zone+" that name this server, with its address (glue) if its name is below the zone.")
	}
	hosts, broken, ours := d.zoneServers(ctx, del)
	seen := name + " is delegated to " + strings.Join(hosts, ", ")
	if len(broken) > 0 {
		return fail(seen+"; "+strings.Join(broken, "; "), "Every server that the parent names must answer: open port 53 (UDP and TCP), or correct the NS and glue records.")
	}
	parent, wrong := d.parent(ctx, name, hosts)
	switch {
	case wrong != nil:
		return *wrong
	case !ours:
		return ok("%s, on other machines, which answer%s", seen, parent)
	}
	return ok("%s, which answer%s", seen, parent)
}

// zoneServers asks the servers of a zone: their names, what is wrong with them, and whether
// this machine is among them.
func (d *doctor) zoneServers(ctx context.Context, del dns.Delegation) (hosts, broken []string, ours bool) {
	for _, s := range del.Servers {
		hosts = append(hosts, s.Host)
		if s.Err != nil || len(s.Addrs) == 0 {
			broken = append(broken, s.Host+" has no address (glue?)")
			continue
		}
		for _, a := range s.Addrs {
			ours = ours || d.mine(a.Addr())
			if _, err := d.Resolver.Ask(ctx, a, del.Zone, dns.TypeSOA); err != nil {
				broken = append(broken, fmt.Sprintf("%s (%s): %v", s.Host, a.Addr(), err))
			}
		}
	}
	return hosts, broken, ours
}

// parent asks each server of the zone's parent whom it delegates the zone to, and compares
// that with the zone's own name servers (RFC 1034 §4.2.2: the two should be the same). It
// returns what is wrong with one of them, or else what to say of them all.
func (d *doctor) parent(ctx context.Context, name string, own []string) (said string, wrong *Result) {
	_, above, _ := strings.Cut(name, ".")
	del, err := d.Resolver.Authoritatives(ctx, above)
	if err != nil {
		return "; its parent can't be found: " + err.Error(), nil
	}
	asked := 0
	for _, s := range del.Servers {
		for _, a := range s.Addrs {
			hosts, err := d.Resolver.Delegated(ctx, a, name)
			if kind := dns.KindOf(err); err != nil && kind != dns.NotExist && kind != dns.NoData {
				continue // the others tell
			}
			asked++
			if r := delegates(name, fmt.Sprintf("%s (%s), of %s,", s.Host, a.Addr(), del.Zone), hosts, own); r != nil {
				r.Do += "Publish in " + del.Zone + ": " + nsRecords(name, own) + ", with their addresses (glue) where their names are below the zone."
				return "", r
			}
		}
	}
	if asked == 0 {
		return "; no name server of " + del.Zone + " could be asked for its delegation", nil
	}
	return ", as " + del.Zone + " has it", nil
}

// delegates judges what a server of the parent says, who; nil if that is all right.
func delegates(name, who string, hosts, own []string) *Result {
	without := func(from, these []string) (rest []string) {
		for _, h := range from {
			if !slices.Contains(these, h) {
				rest = append(rest, h)
			}
		}
		return rest
	}
	missing, strangers := without(own, hosts), without(hosts, own)
	var r Result
	switch {
	case len(hosts) == 0:
		r = fail(who+" does not delegate "+name, "")
	case len(missing) == len(own):
		r = fail(who+" delegates "+name+" to "+strings.Join(hosts, ", ")+", which the zone itself does not name", "")
	case len(strangers) > 0:
		r = warn(who+" delegates "+name+" to "+strings.Join(strangers, ", ")+", too, which the zone itself does not name", "Take that out, or add it to zone.name_servers. ")
	case len(missing) > 0:
		r = warn(who+" does not name "+strings.Join(missing, ", ")+", a name server of "+name, "")
	default:
		return nil
	}
	return &r
}

// nsRecords are the records of a delegation as one sentence.
func nsRecords(name string, hosts []string) string {
	var rs []string
	for _, h := range hosts {
		rs = append(rs, name+". NS "+h+".")
	}
	return strings.Join(rs, ", ")
}
