// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
)

// Proxies are the networks of listen.trusted_proxies; an address is a network of one.
func (l Listen) Proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, s := range l.TrustedProxies {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err := netip.ParseAddr(s)
			if err != nil || a.Zone() != "" {
				return nil, fmt.Errorf("listen.trusted_proxies: %q is neither an address nor a network like 10.0.0.0/8", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		switch {
		case p.Addr().Is4In6():
			return nil, fmt.Errorf("listen.trusted_proxies: write %q as an address of IPv4", s)
		case p != p.Masked():
			return nil, fmt.Errorf("listen.trusted_proxies: %q is no network; that would be %s", s, p.Masked())
		case p.Bits() == 0:
			return nil, fmt.Errorf("listen.trusted_proxies: with %q everybody could say to be anybody", s)
		}
		all = append(all, p)
	}
	return all, nil
}

func (c Config) checkProxies() error {
	_, err := c.Listen.Proxies()
	return err
}
