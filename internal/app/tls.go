// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"sesame/internal/base/tlspolicy"
	"sesame/internal/config"
	"sesame/internal/proto/devca"
)

// serverTLS returns the TLS configuration of every listener, nil if the
// configuration names no certificate. By ACME, names get certificates of their own, too.
func serverTLS(ctx context.Context, c config.Config, log *slog.Logger, names *certNames) (*tls.Config, error) {
	switch {
	case c.Dev:
		return devTLS(c)
	case len(c.TLS.ACMEDomains) > 0:
		return acmeTLS(ctx, c, log, names)
	case c.TLS.CertFile != "":
		f := &certFile{cert: c.TLS.CertFile, key: c.TLS.KeyFile, log: log}
		if err := f.load(); err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		return tlspolicy.Server(f.get), nil
	}
	return nil, nil
}

func devTLS(c config.Config) (*tls.Config, error) {
	certs, err := devca.Ensure(c.DataDir, devHosts(c), time.Now())
	if err != nil {
		return nil, err
	}
	return tlspolicy.Server(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certs.Leaf, nil }), nil
}

// devHosts are the names that clients know SES's endpoints by.
func devHosts(c config.Config) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1", c.Hostname}
	for _, r := range c.Regions {
		hosts = append(hosts, "email-smtp."+r+".amazonaws.com", "email."+r+".amazonaws.com")
	}
	return hosts
}

// certFile is a certificate in files, read again when they change: whoever renews it
// need not restart the server.
type certFile struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	changed time.Time // modification time of cert
	checked time.Time
}

const certCheck = 10 * time.Second

func (f *certFile) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.checked) > certCheck {
		f.checked = now
		if info, err := os.Stat(f.cert); err == nil && !info.ModTime().Equal(f.changed) {
			if err := f.load(); err != nil {
				f.log.Error("the new certificate can't be read; the old one stays", "file", f.cert, "error", err)
			}
		}
	}
	return f.current, nil
}

func (f *certFile) load() error {
	info, err := os.Stat(f.cert)
	if err != nil {
		return err
	}
	c, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.current, f.changed = &c, info.ModTime()
	return nil
}
