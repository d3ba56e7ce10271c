// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"sesame/internal/base/tlspolicy"
	"sesame/internal/config"
)

// acmeALPN is the protocol by which an ACME server asks for the proof (RFC 8737 §6.2).
const acmeALPN = "acme-tls/1"

// acmeTLS has certificates issued and renewed by ACME (RFC 8555), proven on the
// HTTPS listener itself (RFC 8737), and keeps them with the account in the data folder.
// It waits for nothing: all work is done in the background until ctx ends, and is tried
// again when it fails. Until there is a certificate, handshakes fail. A client that asks
// for a name without a certificate, or for none, gets that of the first domain. The hosts
// of names get theirs when the first client asks for it.
func acmeTLS(ctx context.Context, c config.Config, log *slog.Logger, names *certNames) (*tls.Config, error) {
	roots, err := acmeRoots(c.TLS.ACMECAFile)
	if err != nil {
		return nil, err
	}
	host, port, err := challengeListener(c.Listen.HTTPS)
	if err != nil {
		return nil, err
	}
	log = log.With("part", "acme")
	zapLog := zap.New(zapCore{log.Handler(), ctx.Done()}, zap.ErrorOutput(zapcore.AddSync(io.Discard)))
	var m, more *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(cert certmagic.Certificate) (*certmagic.Config, error) {
			if len(cert.Names) > 0 && slices.Contains(c.TLS.ACMEDomains, cert.Names[0]) {
				return m, nil
			}
			return more, nil
		},
		Logger: zapLog,
	})
	m = certmagic.New(cache, certmagic.Config{
		Storage:           newACMEStorage(filepath.Join(c.DataDir, "acme")),
		DefaultServerName: c.TLS.ACMEDomains[0], FallbackServerName: c.TLS.ACMEDomains[0],
		OnEvent: func(_ context.Context, event string, data map[string]any) error {
			if event == "cert_obtained" {
				log.Info("certificate obtained", "name", data["identifier"], "issuer", data["issuer"], "renewal", data["renewal"])
			}
			return nil
		},
		ShouldEmitFunc: func(event string) bool { return event == "cert_obtained" },
		Logger:         zapLog,
	})
	issuer := certmagic.NewACMEIssuer(m, certmagic.ACMEIssuer{
		CA: c.TLS.ACMEDirectory, TrustedRoots: roots, Email: c.TLS.ACMEEmail, Agreed: true,
		DisableHTTPChallenge: true, DisableDistributedSolvers: true, ListenHost: host, AltTLSALPNPort: port, Logger: zapLog,
	})
	m.Issuers = []certmagic.Issuer{issuer}
	more = onDemand(m, cache, names)
	// Not waited for: it may be asking the ACME server for something.
	context.AfterFunc(ctx, cache.Stop)
	log.Info("certificates by ACME", "domains", c.TLS.ACMEDomains, "directory", issuer.CA)
	if err := m.ManageAsync(ctx, c.TLS.ACMEDomains); err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	get := byName(m, more, c.TLS.ACMEDomains)
	t := tlspolicy.Server(get)
	t.GetConfigForClient = challengeConfig(get)
	return t, nil
}

// challengeConfig answers an ACME server, which offers its own protocol and no other
// (RFC 8737 §3), with a configuration of its own. So the listeners' names no protocol
// that an SMTP client would have to agree to.
func challengeConfig(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	challenge := tlspolicy.Server(get)
	challenge.NextProtos = []string{acmeALPN}
	return func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Equal(hello.SupportedProtos, challenge.NextProtos) {
			return challenge, nil
		}
		return nil, nil
	}
}

// acmeRoots are the CAs in the PEM file, nil for the system's if there is no file.
func acmeRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("tls.acme_ca_file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("tls.acme_ca_file: %s has no certificate", file)
	}
	return roots, nil
}

// challengeListener says where the proofs are given: on the first HTTPS listener, to
// which port 443 leads. certmagic sees that somebody listens there already. Without an
// HTTPS listener (port 0) it listens on port 443 itself while it needs a proof.
func challengeListener(https []string) (host string, port int, err error) {
	if len(https) == 0 {
		return "", 0, nil
	}
	host, service, err := net.SplitHostPort(https[0])
	if err == nil {
		port, err = net.LookupPort("tcp", service)
	}
	if err != nil {
		return "", 0, fmt.Errorf("acme: listen.https: %w", err)
	}
	return host, port, nil
}

// acmeStorage keeps what certmagic keeps in files, but its locks in memory: one server
// at a time works on a data folder (see claim). A lock file would outlive a crash and
// hold up the next start.
type acmeStorage struct {
	certmagic.Storage

	mu   sync.Mutex
	held map[string]chan struct{} // by name; closed by Unlock
}

func newACMEStorage(dir string) *acmeStorage {
	return &acmeStorage{Storage: &certmagic.FileStorage{Path: dir}, held: map[string]chan struct{}{}}
}

// Lock waits until it has the lock or ctx ends.
func (s *acmeStorage) Lock(ctx context.Context, name string) error {
	for {
		released := s.take(name)
		if released == nil {
			return nil
		}
		select {
		case <-released:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TryLock takes the lock if nobody has it.
func (s *acmeStorage) TryLock(_ context.Context, name string) (bool, error) {
	return s.take(name) == nil, nil
}

// take returns nil if the lock is the caller's now, else what is closed when its holder
// releases it.
func (s *acmeStorage) take(name string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if released, ok := s.held[name]; ok {
		return released
	}
	s.held[name] = make(chan struct{})
	return nil
}

// Unlock releases the lock.
func (s *acmeStorage) Unlock(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	released, ok := s.held[name]
	if !ok {
		return fmt.Errorf("lock %s is not held", strconv.Quote(name))
	}
	delete(s.held, name)
	close(released)
	return nil
}
