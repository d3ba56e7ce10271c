// SPDX-License-Identifier: Apache-2.0

package app

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"sesame/internal/config"
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
		Dev: c.Dev, Hostname: c.Hostname, DataDir: c.DataDir, Resolver: resolver, Source: sourceIP(), Local: localAddrs(),
		ReturnDomain: returnDomain(c), Names: zoneNames(c), SMTPPort: c.Delivery.SMTPPort, Store: StoreOptions(c, nil),
		Files: uint64(2*c.Delivery.MaxConcurrent + maxIdle + maxConns),
	}
	if o.Listeners, err = doctorListeners(c); err != nil {
		return o, err
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

// doctorListeners are the configured listeners. Those that take any free port are where
// listen.json says that they were at the last start; so are all of dev, whose addresses
// are on its command line.
func doctorListeners(c config.Config) ([]doctor.Listener, error) {
	var last Addresses
	text, err := os.ReadFile(filepath.Join(c.DataDir, "listen.json"))
	if err == nil {
		err = json.Unmarshal(text, &last)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
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
