// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sesame/internal/config"
)

// pair is a certificate that names itself, and its key, as files have them.
func pair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
}

// certFiles is a certFile with what its log said.
type certFiles struct {
	*certFile
	t   *testing.T
	log bytes.Buffer
	age time.Duration
}

func newCertFiles(t *testing.T) *certFiles {
	dir := t.TempDir()
	f := &certFiles{t: t}
	f.certFile = &certFile{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), log: slog.New(slog.NewTextHandler(&f.log, nil))}
	return f
}

// write writes a file as if later than all before.
func (f *certFiles) write(path string, content []byte) {
	f.t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.age += time.Second
	at := time.Now().Add(f.age)
	if err := os.Chtimes(path, at, at); err != nil {
		f.t.Fatal(err)
	}
}

// name is whom the certificate names that a client gets once it is time to look again.
func (f *certFiles) name() string {
	f.t.Helper()
	f.mu.Lock()
	f.checked = f.checked.Add(-2 * certCheck)
	f.mu.Unlock()
	return f.nameNow()
}

func (f *certFiles) nameNow() string {
	f.t.Helper()
	c, err := f.get(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		f.t.Fatal(err)
	}
	return leaf.Subject.CommonName
}

func TestARenewedCertificateIsTakenWithoutARestart(t *testing.T) {
	t.Parallel()
	f := newCertFiles(t)
	cert, key := pair(t, "first.example")
	f.write(f.cert, cert)
	f.write(f.key, key)
	if err := f.load(); err != nil {
		t.Fatal(err)
	}
	if got := f.name(); got != "first.example" {
		t.Errorf("got %s", got)
	}
	cert, key = pair(t, "second.example")
	f.write(f.cert, cert)
	if got := f.name(); got != "first.example" || !strings.Contains(f.log.String(), "the old one stays") {
		t.Errorf("the key is the old one's still, and a client got %s; the log says %q", got, &f.log)
	}
	f.write(f.key, key)
	if got := f.name(); got != "second.example" {
		t.Errorf("got %s", got)
	}
	f.write(f.cert, []byte("not a certificate"))
	if got := f.name(); got != "second.example" {
		t.Errorf("got %s", got)
	}
	if err := os.Remove(f.cert); err != nil {
		t.Fatal(err)
	}
	if got := f.name(); got != "second.example" {
		t.Errorf("the file is gone, and a client got %s", got)
	}
}

func TestFilesAreNotLookedAtForEachClient(t *testing.T) {
	t.Parallel()
	f := newCertFiles(t)
	cert, key := pair(t, "first.example")
	f.write(f.cert, cert)
	f.write(f.key, key)
	if err := f.load(); err != nil {
		t.Fatal(err)
	}
	f.name()
	cert, key = pair(t, "second.example")
	f.write(f.key, key)
	f.write(f.cert, cert)
	if got := f.nameNow(); got != "first.example" {
		t.Errorf("got %s a moment after the last look", got)
	}
}

func TestServerTLS(t *testing.T) {
	t.Parallel()
	f := newCertFiles(t)
	cert, key := pair(t, "first.example")
	f.write(f.cert, cert)
	f.write(f.key, key)
	_, other := pair(t, "other.example")
	wrong := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(wrong, other, 0o600); err != nil {
		t.Fatal(err)
	}
	dev := devConfig(t)
	if err := os.MkdirAll(dev.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		config config.Config
		error  string
		tls    bool
		host   string // that the certificate must name
	}{
		{"nothing is configured", config.Config{}, "", false, ""},
		{"files", config.Config{TLS: config.TLS{CertFile: f.cert, KeyFile: f.key}}, "", true, "first.example"},
		{"a file that is not there", config.Config{TLS: config.TLS{CertFile: f.cert + "x", KeyFile: f.key}}, "no such file", false, ""},
		{"a key of another certificate", config.Config{TLS: config.TLS{CertFile: f.cert, KeyFile: wrong}}, "private key", false, ""},
		{"dev has a CA of its own", dev, "", true, "email-smtp.us-east-1.amazonaws.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := serverTLS(t.Context(), c.config, slog.New(slog.DiscardHandler), nil)
			if c.error != "" {
				if err == nil || !strings.Contains(err.Error(), c.error) {
					t.Errorf("got %v, want an error with %q", err, c.error)
				}
				return
			}
			if err != nil || (got != nil) != c.tls {
				t.Fatalf("%v, %v", got, err)
			}
			if got != nil {
				if err := shake(t, got).VerifyHostname(c.host); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// shake is the certificate that a client gets.
func shake(t *testing.T, server *tls.Config) *x509.Certificate {
	t.Helper()
	here, there := net.Pipe()
	go func() { _ = tls.Server(there, server).Handshake() }() // the client sees how it ends
	client := tls.Client(here, &tls.Config{InsecureSkipVerify: true})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	return client.ConnectionState().PeerCertificates[0]
}
