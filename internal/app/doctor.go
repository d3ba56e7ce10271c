// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"sesame/internal/base/clock"
	"sesame/internal/config"
	"sesame/internal/core/dnscheck"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/doctor"
	"sesame/internal/proto/dns"
)

// DoctorOptions are what there is to examine of a configured server, which may run or
// not.
func DoctorOptions(c config.Config) (doctor.Options, error) {
	// It asks for the operator, so that it may ask anybody.
	resolver, err := dns.New(dns.Options{Servers: c.DNS.Servers, MaxTTL: freshly, NegativeTTL: freshly, TemporaryTTL: freshly, Port: uint16(c.DNS.Port), AllowPrivate: true})
	if err != nil {
		return doctor.Options{}, err
	}
	o := doctor.Options{
		Dev: c.Dev, Hostname: c.Hostname, DataDir: c.DataDir, Resolver: resolver, Source: sources(c)[0], Local: localAddrs(),
		ReturnDomain: returnDomain(c), Names: zoneNames(c), SMTPPort: c.Delivery.SMTPPort, Store: StoreOptions(c, nil),
		Files: uint64(2*c.Delivery.MaxConcurrent + maxIdle + maxConns),
	}
	if o.Listeners, err = doctorListeners(c); err != nil {
		return o, err
	}
	if o.Names.Configured() {
		o.ServiceKeys = func(ctx context.Context) ([]dnscheck.Wanted, error) { return serviceKeys(ctx, c) }
	}
	if c.Dev {
		o.Roots, err = devRoots(filepath.Join(c.DataDir, "ca.pem"))
	}
	for _, r := range c.Routes {
		if r.Domain == "*" && o.Outbound == "" && len(r.Hosts) > 0 {
			o.Outbound = r.Hosts[0] // all mail goes there
		}
	}
	return o, err
}

// serviceKeys reads the DKIM records of the service's own domain from the store, which it
// leaves as it is.
func serviceKeys(ctx context.Context, c config.Config) (_ []dnscheck.Wanted, err error) {
	h, err := store.Inspect(ctx, StoreOptions(c, nil))
	if err != nil {
		return nil, err
	}
	if h.Pending != 0 {
		return nil, errors.New("the database is of another version")
	}
	ring, err := keyring.Load(filepath.Join(c.DataDir, "keyring"))
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, StoreOptions(c, nil))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ids, err := NewIdentities(c, db, ring, clock.System)
	if err != nil {
		return nil, err
	}
	id, err := ids.Service(ctx)
	if err != nil {
		return nil, err
	}
	return dnscheck.SubjectOf(id, id.Records()).Wanted, nil
}

func localAddrs() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil // the address that mail leaves from is known anyway
	}
	var addrs []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			addrs = append(addrs, p.Addr().Unmap())
		}
	}
	return addrs
}

// devRoots trusts the CA that dev has made.
func devRoots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool, err
}

// lastAddresses are where the doors were at the last start; none if there was no start.
func lastAddresses(dir string) (a Addresses, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "listen.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return a, nil
	case err != nil:
		return a, err
	}
	err = json.Unmarshal(text, &a)
	return a, err
}

// DevConfig is the configuration of the development server in dir as far as its folder
// tells, for commands that work beside it.
func DevConfig(dir string) (config.Config, error) {
	c := config.Default()
	c.Dev, c.DataDir, c.Hostname, c.Zone = true, dir, "localhost", config.DevZone()
	last, err := lastAddresses(dir)
	if err == nil && len(last.DNS) > 0 {
		c.DNS, err = devDNS(last.DNS[0])
	}
	return c, err
}

// doctorListeners are the configured listeners. Those that take any free port are where
// listen.json says that they were at the last start; so are all of dev, whose addresses
// are on its command line.
func doctorListeners(c config.Config) ([]doctor.Listener, error) {
	last, err := lastAddresses(c.DataDir)
	var all []doctor.Listener
	for _, d := range []struct {
		door             doctor.Door
		configured, last []string
	}{
		{doctor.HTTPS, c.Listen.HTTPS, last.HTTPS}, {doctor.HTTP, c.Listen.HTTP, last.HTTP}, {doctor.SMTP, c.Listen.SMTP, last.SMTP},
		{doctor.SMTPS, c.Listen.SMTPS, last.SMTPS}, {doctor.MX, c.Listen.MX, last.MX}, {doctor.Ops, list(c.Listen.Ops), last.Ops}, {doctor.DNS, c.Listen.DNS, last.DNS},
	} {
		if c.Dev {
			d.configured = d.last
		}
		for n, addr := range d.configured {
			if _, port, _ := net.SplitHostPort(addr); port == "0" && len(d.last) == len(d.configured) {
				addr = d.last[n]
			}
			all = append(all, doctor.Listener{Door: d.door, Addr: addr})
		}
	}
	return all, err
}
