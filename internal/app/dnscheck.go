// SPDX-License-Identifier: Apache-2.0

package app

import (
	"net/netip"
	"time"

	"sesame/internal/config"
	"sesame/internal/core/dnscheck"
	"sesame/internal/core/identity"
	"sesame/internal/proto/dns"
)

// freshly is how long the resolver of checks keeps an answer: whoever has just changed a
// record wants to see it.
const freshly = time.Nanosecond

// freshResolver asks the configured servers and remembers nothing.
func freshResolver(c config.Config) (*dns.Resolver, error) {
	return dns.New(dns.Options{
		Servers: c.DNS.Servers, MaxTTL: freshly, NegativeTTL: freshly, TemporaryTTL: freshly, Port: uint16(c.DNS.Port), AllowPrivate: c.Dev || c.Delivery.Private,
	})
}

// DNSCheck looks at the DNS records of identities, as `sesame dns` and the admin API show
// them. Name servers at private addresses are asked only where the configuration lets
// recipients' DNS lead there.
func DNSCheck(c config.Config, ids *identity.Identities) (*dnscheck.Identities, error) {
	resolver, err := freshResolver(c)
	if err != nil {
		return nil, err
	}
	return &dnscheck.Identities{
		Identities: ids,
		Checker: dnscheck.New(dnscheck.Options{
			Asker: resolver, Resolver: resolver, Source: sources(c), ReturnDomain: returnDomain(c),
		}),
	}, nil
}

// sources are the addresses that mail leaves from as the world sees them: the configured
// ones, else this machine's.
func sources(c config.Config) []netip.Addr {
	var list []netip.Addr
	for _, n := range c.Zone.SendingAddresses {
		if n.IsSingleIP() {
			list = append(list, n.Addr())
		}
	}
	if len(list) == 0 && len(c.Zone.SendingAddresses) == 0 && !c.Dev {
		list = c.Zone.Addresses // the zone's SPF record names them then
	}
	if len(list) == 0 {
		list = []netip.Addr{sourceIP()}
	}
	return list
}
