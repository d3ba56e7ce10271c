// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/core/delivery"
	"sesame/internal/edge/smtp/mx"
	"sesame/internal/proto/smtpserver"
)

// exchanger takes mail to the service, and in dev to anybody; others read unknown.
func (s *Server) exchanger(unknown smtpserver.Reply) *mx.Backend {
	o := mx.Options{Leavers: s.contacts, Clock: s.clock, Hostname: s.cfg.Hostname, Unknown: unknown}
	if s.mailbox != nil {
		o.Mailbox = s.mailbox
	}
	return mx.New(o)
}

// mx serves mail alone.
func (s *Server) mx(l net.Listener, t *tls.Config) error {
	limits := smtpserver.Limits{MaxRecipients: 1000, MaxSessions: maxSessions, MaxInFlightBytes: maxDATA}
	if !s.cfg.Dev {
		limits.MaxSessionsPerIP = maxSessionsPerIP
	}
	return s.smtp(l, smtpserver.Config{Hostname: s.cfg.Hostname, Greeting: "Sesame", TLS: t, EnhancedCodes: true, Limits: limits}, s.exchanger(mx.NoMailbox))
}

// separateMX are the addresses of listen.mx that no listener of listen.smtp has.
func (s *Server) separateMX() []string {
	return slices.DeleteFunc(slices.Clone(s.cfg.Listen.MX), func(addr string) bool {
		return s.cfg.SharesMX(addr) && slices.Contains(s.cfg.Listen.SMTP, addr)
	})
}

// ownRoute leads mail for the service's own domain to this machine, whatever DNS and other
// routes say; none where no mail comes in.
func (s *Server) ownRoute() []delivery.Route {
	var hosts []string
	for _, addr := range s.addresses.MX {
		if ap, err := netip.ParseAddrPort(addr); err == nil {
			if ap.Addr().IsUnspecified() {
				ap = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), ap.Port())
			}
			hosts = append(hosts, ap.String())
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	return []delivery.Route{{Pattern: strings.ToLower(returnDomain(s.cfg)), Hosts: hosts}}
}

// twoDoors is a listener that is both: who authenticates submits mail, and who does not
// brings it to the service.
type twoDoors struct{ submission, exchanger smtpserver.Backend }

// NewSession implements smtpserver.Backend.
func (d twoDoors) NewSession(ctx context.Context, info smtpserver.ConnInfo) (smtpserver.Session, error) {
	submits, err := d.submission.NewSession(ctx, info)
	if err != nil {
		return nil, err
	}
	exchanges, err := d.exchanger.NewSession(ctx, info)
	if err != nil {
		submits.Close()
		return nil, err
	}
	return &twoSessions{Session: exchanges, submits: submits, exchanges: exchanges}, nil
}

// twoSessions is a client's dialogue: the exchanger's until it authenticates, and then
// that of submission.
type twoSessions struct {
	smtpserver.Session // the one that it is now
	submits, exchanges smtpserver.Session
}

// Auth implements smtpserver.Session.
func (s *twoSessions) Auth(ctx context.Context, user, password string) error {
	err := s.submits.Auth(ctx, user, password)
	if err == nil {
		s.Session = s.submits
	}
	return err
}

// Close implements smtpserver.Session.
func (s *twoSessions) Close() {
	s.submits.Close()
	s.exchanges.Close()
}

// mailDomain is where recipients unsubscribe by mail; "" where no mail comes in.
func (s *Server) mailDomain() (address.Domain, error) {
	if !s.cfg.TakesMail() {
		return "", nil
	}
	return address.ParseDomain(returnDomain(s.cfg))
}
