// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/netaddr"
	"sesame/internal/proto/dns"
	"sesame/internal/proto/smtpclient"
)

// host is a machine to try.
type host struct {
	name   string
	port   uint16
	addrs  []netip.Addr // nil: to be looked up when its turn comes
	tls    smtpclient.TLSPolicy
	auth   *smtpclient.Auth
	routed bool // by the operator, not by the domain's DNS
}

// destination is where the mail for a domain goes: key names its connections in the
// pool.
type destination struct {
	key   string
	route *route // nil: by DNS
}

func (t *Transport) destination(d address.Domain) destination {
	for i := range t.routes {
		if t.routes[i].matches(d) {
			return destination{t.routes[i].key, &t.routes[i]}
		}
	}
	return destination{key: string(d)}
}

// hosts are the machines to try for a destination, in their order; or the outcome for
// all recipients if there are none.
func (t *Transport) hosts(ctx context.Context, dest destination, d address.Domain) ([]host, *smtpclient.Outcome) {
	if dest.route != nil {
		return dest.route.hosts, nil
	}
	if strings.HasPrefix(string(d), "[") {
		ip, err := parseLiteral(string(d))
		if err != nil {
			return nil, &smtpclient.Outcome{
				Class: smtpclient.Permanent, Command: smtpclient.CommandResolve, Cause: smtpclient.CauseLiteral,
				Enhanced: smtpclient.Enhanced{5, 1, 3}, Err: err,
			}
		}
		return []host{t.mxHost(string(d), ip)}, nil
	}
	mx, err := t.o.Resolver.LookupMX(ctx, string(d))
	if err != nil {
		if dns.KindOf(err) == dns.NoData {
			// RFC 5321 §5.1: the domain is its own host.
			if t.own[string(d)] {
				return nil, loop(string(d))
			}
			return []host{t.mxHost(string(d))}, nil
		}
		return nil, lookupFailed(ctx, err)
	}
	return t.exchangers(mx)
}

func (t *Transport) mxHost(name string, addrs ...netip.Addr) host {
	return host{name: name, port: uint16(t.o.SMTPPort), addrs: addrs, tls: t.o.TLS}
}

// exchangers orders the MX hosts: by preference, by chance where it is equal
// (RFC 5321 §5.1), and none from ourselves on.
func (t *Transport) exchangers(mx []dns.MX) ([]host, *smtpclient.Outcome) {
	// A null MX says something only if it is alone (RFC 7505 §3).
	mx = slices.DeleteFunc(slices.Clone(mx), func(m dns.MX) bool { return m.Host == "." })
	if len(mx) == 0 {
		return nil, &smtpclient.Outcome{
			Class: smtpclient.Permanent, Command: smtpclient.CommandResolve, Cause: smtpclient.CauseNullMX,
			Code: 556, Enhanced: smtpclient.Enhanced{5, 1, 10}, Err: errNullMX,
		}
	}
	t.o.Shuffle(len(mx), func(i, j int) { mx[i], mx[j] = mx[j], mx[i] })
	slices.SortStableFunc(mx, func(a, b dns.MX) int { return int(a.Preference) - int(b.Preference) })
	if i := slices.IndexFunc(mx, func(m dns.MX) bool { return t.own[m.Host] }); i >= 0 {
		own := mx[i]
		mx = slices.DeleteFunc(mx, func(m dns.MX) bool { return m.Preference >= own.Preference })
		if len(mx) == 0 {
			return nil, loop(own.Host)
		}
	}
	hosts := make([]host, 0, min(len(mx), t.o.MaxHosts))
	for _, m := range mx {
		if len(hosts) == t.o.MaxHosts {
			break
		}
		if !slices.ContainsFunc(hosts, func(h host) bool { return h.name == m.Host }) {
			hosts = append(hosts, t.mxHost(m.Host))
		}
	}
	return hosts, nil
}

// loop is the outcome of mail that would come back to us.
func loop(name string) *smtpclient.Outcome {
	return &smtpclient.Outcome{
		Class: smtpclient.Permanent, Command: smtpclient.CommandResolve, Cause: smtpclient.CauseLoop,
		Enhanced: smtpclient.Enhanced{5, 4, 6}, Err: fmt.Errorf("the best host is ourselves: %s", name),
	}
}

var errNullMX = errors.New("the domain does not accept mail (null MX)")

// addresses are those of a host that an attempt tries: families in turn, IPv4 first
// since more senders are known by it, by chance within each.
func (t *Transport) addresses(ctx context.Context, h *host) ([]netip.Addr, *smtpclient.Outcome) {
	if len(h.addrs) > 0 {
		if !h.routed && t.private(h.addrs[0]) {
			return nil, privateAddress(h.name)
		}
		return h.addrs, nil
	}
	all, err := t.o.Resolver.LookupAddrs(ctx, h.name)
	if err != nil {
		out := lookupFailed(ctx, err)
		if dns.KindOf(err) != dns.Temporary {
			out.Cause = smtpclient.CauseNoAddress
			if h.routed {
				out.Cause = smtpclient.CauseDNS // our settings are wrong, not the recipient
			}
		}
		return nil, out
	}
	if !h.routed {
		if all = slices.DeleteFunc(slices.Clone(all), t.private); len(all) == 0 {
			return nil, privateAddress(h.name)
		}
	}
	var families [2][]netip.Addr
	for _, a := range all {
		if local := t.o.LocalAddr; local.IsValid() && local.Is4() != a.Is4() {
			continue
		}
		f := 0
		if !a.Is4() {
			f = 1
		}
		families[f] = append(families[f], a)
	}
	addrs := make([]netip.Addr, 0, t.o.MaxAddrs)
	for _, f := range families {
		t.o.Shuffle(len(f), func(i, j int) { f[i], f[j] = f[j], f[i] })
	}
	for i := 0; len(addrs) < t.o.MaxAddrs && (i < len(families[0]) || i < len(families[1])); i++ {
		for _, f := range families {
			if i < len(f) && len(addrs) < t.o.MaxAddrs {
				addrs = append(addrs, f[i])
			}
		}
	}
	if len(addrs) == 0 {
		return nil, &smtpclient.Outcome{
			Command: smtpclient.CommandResolve, Cause: smtpclient.CauseUnreachable, Enhanced: smtpclient.Enhanced{4, 4, 4},
			Err: fmt.Errorf("%s has no address of the family of %s", h.name, t.o.LocalAddr),
		}
	}
	return addrs, nil
}

// private reports whether a is an address that mail must not be sent to because a
// recipient's DNS says so: whoever may name a recipient could otherwise talk to the
// machines behind us. Routes are the operator's word and are not looked at.
func (t *Transport) private(a netip.Addr) bool {
	return !t.o.AllowPrivate && netaddr.Private(a)
}

func privateAddress(name string) *smtpclient.Outcome {
	return &smtpclient.Outcome{
		Class: smtpclient.Permanent, Command: smtpclient.CommandResolve, Cause: smtpclient.CausePrivate,
		Enhanced: smtpclient.Enhanced{5, 4, 4}, Err: fmt.Errorf("%s has no public address", name),
	}
}

// lookupFailed is the outcome of a lookup without an answer. Even a name that doesn't
// exist is temporary here: it has a cause of its own, and what it means is the
// caller's to decide.
func lookupFailed(ctx context.Context, err error) *smtpclient.Outcome {
	out := &smtpclient.Outcome{
		Command: smtpclient.CommandResolve, Cause: smtpclient.CauseDNS,
		Enhanced: smtpclient.Enhanced{4, 4, 3}, Err: err, // RFC 3463 §3.5: directory server failure
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		out.Cause = smtpclient.CauseCanceled
	case dns.KindOf(err) == dns.NotExist:
		out.Cause, out.Enhanced = smtpclient.CauseNoDomain, smtpclient.Enhanced{4, 4, 4}
	case dns.KindOf(err) == dns.NoData:
		out.Enhanced = smtpclient.Enhanced{4, 4, 4}
	}
	return out
}

// parseLiteral reads an address literal (RFC 5321 §4.1.3).
func parseLiteral(s string) (netip.Addr, error) {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	rest, six := strings.CutPrefix(strings.ToLower(s), "ipv6:")
	ip, err := netip.ParseAddr(rest)
	switch {
	case err != nil:
		return netip.Addr{}, err
	case ip.Is4() == six || ip.Zone() != "":
		return netip.Addr{}, fmt.Errorf("not an address literal: [%s]", s)
	}
	return ip, nil
}
