// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/config"
	"sesame/internal/core/devzone"
	"sesame/internal/core/zone"
	"sesame/internal/edge/nameserver"
	"sesame/internal/proto/dns"
)

// amazonZones are SES's own, which the name server of dev plays too, for clients that
// build the names themselves.
var amazonZones = []string{"amazonses.com", "amazonaws.com", "awstrack.me"}

// zoneNames are the names of the service's zone; none without one.
func zoneNames(c config.Config) zone.Names {
	return zone.Names{Zone: address.Domain(strings.ToLower(c.Zone.Name))}
}

// NewZone returns the content of the service's zone, or nil if the configuration has
// none.
func NewZone(c config.Config, keys zone.Keys, now clock.Clock) *zone.Zone {
	n := zoneNames(c)
	if !n.Configured() {
		return nil
	}
	return zone.New(zoneOptions(c, n, keys, now))
}

func zoneOptions(c config.Config, n zone.Names, keys zone.Keys, now clock.Clock) zone.Options {
	o := zone.Options{
		Names: n, Regions: c.Regions, NameServers: c.Zone.NameServers, Addresses: c.Zone.Addresses, Mail: c.Zone.MailAddresses,
		DMARC: c.Zone.DMARC, KeyTTL: c.Zone.KeyTTL.Duration, Keys: keys, Clock: now,
	}
	for _, network := range c.Zone.SendingAddresses {
		o.Senders = append(o.Senders, network.Prefix)
	}
	if c.Dev {
		o.Regions = nil // dev plays any
	}
	return o
}

// listenDNS opens the sockets of the name server. In dev it is also the one that is
// asked, for everything: nothing leaves the machine.
func (s *Server) listenDNS() error {
	for _, addr := range s.cfg.Listen.DNS {
		packets, streams, err := listenBoth(addr)
		if err != nil {
			return err
		}
		s.listeners.packets, s.listeners.streams = append(s.listeners.packets, packets), append(s.listeners.streams, streams)
		s.addresses.DNS = append(s.addresses.DNS, streams.Addr().String())
	}
	if !s.cfg.Dev || len(s.addresses.DNS) == 0 {
		return nil
	}
	own, err := devDNS(s.addresses.DNS[0])
	s.cfg.DNS = own
	return err
}

// devDNS asks the name server of dev that listens at addr.
func devDNS(addr string) (config.DNS, error) {
	own, err := netip.ParseAddrPort(addr)
	if err != nil {
		return config.DNS{}, err
	}
	if own.Addr().IsUnspecified() {
		own = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), own.Port())
	}
	return config.DNS{Servers: []string{own.String()}, Port: int(own.Port())}, nil
}

// listenBoth opens a port for UDP and for TCP. With port 0 one is looked for that is free
// for both.
func listenBoth(addr string) (packets net.PacketConn, streams net.Listener, err error) {
	for range 20 {
		if streams, err = net.Listen("tcp", addr); err != nil {
			return nil, nil, err
		}
		if packets, err = net.ListenPacket("udp", streams.Addr().String()); err == nil {
			return packets, streams, nil
		}
		err = errors.Join(err, streams.Close())
	}
	return nil, nil, err
}

// nameServers puts a name server behind the sockets, if there are any.
func (s *Server) nameServers() {
	if len(s.listeners.packets) == 0 {
		return
	}
	o := nameserver.Options{Clock: s.clock, Log: s.log, Metrics: nameserver.Metrics{
		Answered: s.dnsMetrics.Answered, Panic: s.dnsMetrics.Panic,
		Limited: func(l nameserver.Limit) { s.dnsMetrics.Limited(string(l)) },
	}}
	if z := NewZone(s.cfg, s.identities, s.clock); z != nil {
		o.Zones = append(o.Zones, z)
	}
	if s.cfg.Dev {
		s.devZones(&o)
	}
	for i, packets := range s.listeners.packets {
		srv := nameserver.New(o, packets, s.listeners.streams[i])
		s.doors = append(s.doors, door{
			serve: func() {
				if err := srv.Serve(); err != nil {
					s.log.Error("dns", "addr", packets.LocalAddr(), "error", err)
				}
			},
			shutdown: srv.Shutdown,
		})
	}
}

// devZones adds what the name server of dev knows beside the service's zone: SES's own
// zones, and those of customers, which take dynamic updates.
func (s *Server) devZones(o *nameserver.Options) {
	except := []string{s.cfg.Zone.Name}
	for _, name := range amazonZones {
		o.Zones = append(o.Zones, zone.New(zoneOptions(s.cfg, zone.Names{Zone: address.Domain(name)}, s.identities, s.clock)))
		except = append(except, name)
	}
	customers := devzone.New(devzone.Options{DB: s.db, NameServer: s.cfg.Zone.NameServers[0], Except: except, Log: s.log})
	o.Zones, o.Updates, o.Resolver = append(o.Zones, customers), customers, true
}

// newPusher returns what keeps the zone at somebody else's server; nil if nobody does.
func (s *Server) newPusher() (*zone.Pusher, error) {
	u := s.cfg.Zone.Update
	if u.Server == "" {
		return nil, nil
	}
	o := dns.UpdateOptions{Server: u.Server, Zone: u.Zone, KeyName: u.TSIGName, Algorithm: u.Algorithm, Clock: s.clock}
	if o.Zone == "" {
		o.Zone = s.cfg.Zone.Name
	}
	if u.TSIGSecretFile != "" {
		secret, err := os.ReadFile(u.TSIGSecretFile)
		if err != nil {
			return nil, err
		}
		o.Secret = strings.TrimSpace(string(secret))
	}
	updater, err := dns.NewUpdater(o)
	if err != nil {
		return nil, fmt.Errorf("zone.update: %w", err)
	}
	return zone.NewPusher(zone.PushOptions{Zone: NewZone(s.cfg, s.identities, s.clock), DB: s.db, Updater: updater, Log: s.log}), nil
}

// push keeps the zone at somebody else's server until the end of ctx.
func (s *Server) push(ctx context.Context) {
	if s.pusher != nil {
		s.pusher.Run(ctx)
	}
}

// pushStats are the numbers of push; nil where nothing is pushed.
func (s *Server) pushStats() func() zone.PushStats {
	if s.pusher == nil {
		return nil
	}
	return s.pusher.Stats
}
