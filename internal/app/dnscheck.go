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
func DNSCheck(c config.Config, ids dnscheck.IdentityReader) (*dnscheck.Identities, error) {
	resolver, err := freshResolver(c)
	if err != nil {
		return nil, err
	}
	return &dnscheck.Identities{
		Identities: ids, Expected: identity.Identity.Records,
		Checker: dnscheck.New(dnscheck.Options{
			Asker: resolver, Resolver: resolver, Source: []netip.Addr{sourceIP()}, ReturnDomain: returnDomain(c),
		}),
	}, nil
}
