// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"sesame/internal/base/clock"
)

// Bounds of what is asked of the ACME server for hosts that others name: no more than its
// own limits, since a certificate that can't be had now must not cost one that can.
const (
	certAgain   = time.Minute // between two tries for one host
	certsPerDay = 200         // tries in all
	certLookup  = 5 * time.Second
)

// certNames decides which hosts get a certificate the first time that a client asks for
// them: those that are ours, once they have an address. It is safe for concurrent use.
type certNames struct {
	ours     func(ctx context.Context, host string) (bool, error)
	resolves func(ctx context.Context, host string) bool
	now      clock.Clock

	mu    sync.Mutex
	tried map[string]time.Time // hosts of the last certAgain
	day   []time.Time          // tries of the last day
}

// allow returns nil for a host that may get a certificate now. kept says that it has one
// already, which only has to be read.
func (n *certNames) allow(ctx context.Context, host string, kept bool) error {
	ctx, cancel := context.WithTimeout(ctx, certLookup)
	defer cancel()
	ours, err := n.ours(ctx, host)
	switch {
	case err != nil:
		return err
	case !ours:
		return fmt.Errorf("acme: %s is no tracking domain", host)
	case kept:
		return nil
	case !n.resolves(ctx, host):
		return fmt.Errorf("acme: %s has no address yet", host)
	}
	return n.try(host)
}

// try counts a try.
func (n *certNames) try(host string) error {
	now := n.now()
	n.mu.Lock()
	defer n.mu.Unlock()
	for h, at := range n.tried {
		if now.Sub(at) >= certAgain {
			delete(n.tried, h)
		}
	}
	n.day = slices.DeleteFunc(n.day, func(at time.Time) bool { return now.Sub(at) >= 24*time.Hour })
	if _, ok := n.tried[host]; ok {
		return fmt.Errorf("acme: a certificate for %s was asked for less than %v ago", host, certAgain)
	}
	if len(n.day) >= certsPerDay {
		return fmt.Errorf("acme: %d certificates were asked for today", certsPerDay)
	}
	n.tried[host] = now
	n.day = append(n.day, now)
	return nil
}

// onDemand is m for the hosts that names allows: their certificates are obtained and
// renewed when a client asks for them.
func onDemand(m *certmagic.Config, cache *certmagic.Cache, names *certNames) *certmagic.Config {
	c := *m
	c.DefaultServerName, c.FallbackServerName = "", ""
	c.OnDemand = &certmagic.OnDemandConfig{DecisionFunc: func(ctx context.Context, host string) error {
		return names.allow(ctx, host, hasCertificate(ctx, m, host))
	}}
	return certmagic.New(cache, c)
}

// hasCertificate reports whether there is a certificate for the host in the data folder.
func hasCertificate(ctx context.Context, m *certmagic.Config, host string) bool {
	return slices.ContainsFunc(m.Issuers, func(i certmagic.Issuer) bool {
		return m.Storage.Exists(ctx, certmagic.StorageKeys.SiteCert(i.IssuerKey(), host))
	})
}

// byName gives the certificate of a host by managed if that has it, or if more has none:
// so who asks for a name that is not ours, or for none, gets what there is.
func byName(managed, more *certmagic.Config, domains []string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
		if name != "" && !slices.Contains(domains, name) && !slices.Equal(hello.SupportedProtos, []string{acmeALPN}) {
			if cert, err := more.GetCertificate(hello); err == nil {
				return cert, nil
			}
		}
		return managed.GetCertificate(hello)
	}
}
