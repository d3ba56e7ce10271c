// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"sesame/internal/base/address"
)

// Zone is the DNS zone of the service: the names that customers' records lead to. Without
// a name there is none.
type Zone struct {
	Name             string       `toml:"name"`
	NameServers      []string     `toml:"name_servers"`
	Addresses        []netip.Addr `toml:"addresses"`         // of the hosts for the API, SMTP and tracking
	MailAddresses    []netip.Addr `toml:"mail_addresses"`    // of the hosts that mail comes to; default Addresses
	SendingAddresses []Network    `toml:"sending_addresses"` // where mail leaves from, for SPF; default Addresses
	DMARC            string       `toml:"dmarc"`             // policy of the zone itself
	KeyTTL           Duration     `toml:"key_ttl"`           // of DKIM keys; 0: the zone's own
	Update           ZoneUpdate   `toml:"update"`
}

// ZoneUpdate pushes the zone's records to a server of somebody else (RFC 2136).
type ZoneUpdate struct {
	Server         string `toml:"server"` // host or host:port; empty: nothing is pushed
	Zone           string `toml:"zone"`   // as that server calls it; default the zone's name
	TSIGName       string `toml:"tsig_name"`
	TSIGSecretFile string `toml:"tsig_secret_file"` // base64
	Algorithm      string `toml:"algorithm"`        // default hmac-sha256
}

// DevZone is the zone of `sesame dev`.
func DevZone() Zone {
	return Zone{
		Name: "sesame.test", NameServers: []string{"ns.sesame.test"}, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})},
		DMARC: "v=DMARC1; p=none",
	}
}

// Network is one address, or a network in CIDR form.
type Network struct{ netip.Prefix }

// UnmarshalText reads 192.0.2.1 or 192.0.2.0/24.
func (n *Network) UnmarshalText(b []byte) error {
	if a, err := netip.ParseAddr(string(b)); err == nil && a.Zone() == "" {
		n.Prefix = netip.PrefixFrom(a, a.BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(string(b))
	if err != nil {
		return fmt.Errorf("%q is no address and no network", b)
	}
	n.Prefix = p.Masked()
	return nil
}

// MarshalText writes the CIDR form.
func (n Network) MarshalText() ([]byte, error) { return n.Prefix.MarshalText() }

// Bounds of the lists.
const (
	maxZoneHosts = 100
	maxDMARC     = 1000 // octets
	minKeyTTL    = time.Second
	maxKeyTTL    = 24 * time.Hour
)

// zoneDefaults fills in what follows from the zone: who has one serves it, unless
// somebody else does.
func (c *Config) zoneDefaults() {
	if c.Zone.Name != "" && c.Zone.Update.Server == "" && c.Listen.DNS == nil {
		c.Listen.DNS = []string{":53"}
	}
}

func (c Config) checkZone() error {
	z := c.Zone
	if z.Name == "" {
		given := len(z.NameServers)+len(z.Addresses)+len(z.MailAddresses)+len(z.SendingAddresses) > 0 || z.KeyTTL.Duration != 0 || z.Update != (ZoneUpdate{})
		switch {
		case given:
			return errors.New("zone: name is missing")
		case len(c.Listen.DNS) > 0:
			return errors.New("listen.dns: there is no zone to answer for: set zone.name")
		}
		return nil
	}
	if d, err := address.ParseDomain(z.Name); err != nil || d.Parent() == "" {
		return fmt.Errorf("zone.name %q is no domain", z.Name)
	}
	for _, h := range z.NameServers {
		if d, err := address.ParseDomain(h); err != nil || d.Parent() == "" {
			return fmt.Errorf("zone.name_servers: %q is no host name", h)
		}
	}
	switch {
	case len(z.Addresses) == 0:
		return errors.New("zone.addresses is empty: the zone's hosts need one")
	case len(c.Listen.DNS) > 0 && len(z.NameServers) == 0:
		return errors.New("zone.name_servers is empty: a zone has at least one")
	case max(len(z.NameServers), len(z.Addresses), len(z.MailAddresses), len(z.SendingAddresses)) > maxZoneHosts:
		return fmt.Errorf("zone: a list has more than %d entries", maxZoneHosts)
	case z.DMARC != "" && (!strings.HasPrefix(z.DMARC, "v=DMARC1") || len(z.DMARC) > maxDMARC || strings.ContainsFunc(z.DMARC, unprintable)):
		return fmt.Errorf("zone.dmarc must begin with v=DMARC1 and be printable ASCII of at most %d octets", maxDMARC)
	}
	if d := z.KeyTTL.Duration; d != 0 && (d < minKeyTTL || d > maxKeyTTL || d%time.Second != 0) {
		return fmt.Errorf("zone.key_ttl must be whole seconds from %v to %v", minKeyTTL, maxKeyTTL)
	}
	return z.checkUpdate()
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

func (z Zone) checkUpdate() error {
	u := z.Update
	if u.Server == "" {
		if u != (ZoneUpdate{}) {
			return errors.New("zone.update: server is missing")
		}
		return nil
	}
	if (u.TSIGName == "") != (u.TSIGSecretFile == "") {
		return errors.New("zone.update: give both tsig_name and tsig_secret_file")
	}
	if u.Algorithm != "" && u.TSIGName == "" {
		return errors.New("zone.update: algorithm is of no use without tsig_name")
	}
	name, zone := strings.ToLower(z.Name), strings.ToLower(u.Zone)
	if zone != "" && name != zone && !strings.HasSuffix(name, "."+zone) {
		return fmt.Errorf("zone.update.zone: %s is not in %s", z.Name, u.Zone)
	}
	return nil
}
