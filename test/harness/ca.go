// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// CA signs the certificates of a test's servers. Its own is in File.
type CA struct {
	File string
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Certificate is a server's certificate and key; ChainFile has both, key first, as
// Postfix wants them.
type Certificate struct {
	CertFile, KeyFile, ChainFile string
}

// NewCA makes a CA whose files are in dir.
func NewCA(t testing.TB, dir string) *CA {
	t.Helper()
	ca := &CA{File: filepath.Join(dir, "ca.pem"), dir: dir, key: newKey(t)}
	ca.cert = template(t, "Test CA")
	ca.cert.IsCA, ca.cert.BasicConstraintsValid = true, true
	ca.cert.KeyUsage = x509.KeyUsageCertSign
	writePEM(t, ca.File, 0o644, block("CERTIFICATE", sign(t, ca.cert, ca, ca.key)))
	return ca
}

// Issue makes a certificate for the host names and IP addresses.
func (ca *CA) Issue(t testing.TB, names ...string) Certificate {
	t.Helper()
	key := newKey(t)
	cert := template(t, names[0])
	cert.KeyUsage = x509.KeyUsageDigitalSignature
	cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			cert.IPAddresses = append(cert.IPAddresses, ip)
		} else {
			cert.DNSNames = append(cert.DNSNames, name)
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(ca.dir, names[0])
	c := Certificate{CertFile: base + ".crt", KeyFile: base + ".key", ChainFile: base + ".pem"}
	public, private := block("CERTIFICATE", sign(t, cert, ca, key)), block("PRIVATE KEY", der)
	writePEM(t, c.CertFile, 0o644, public)
	writePEM(t, c.KeyFile, 0o600, private)
	writePEM(t, c.ChainFile, 0o600, private, public)
	return c
}

// keyHash names the certificate's key to Chromium (RFC 7469 §2.4).
func (c Certificate) keyHash(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(c.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := pem.Decode(text)
	if b == nil {
		t.Fatalf("%s has no certificate", c.CertFile)
	}
	cert, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func template(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}
}

func sign(t testing.TB, cert *x509.Certificate, ca *CA, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func writePEM(t testing.TB, path string, mode os.FileMode, blocks ...[]byte) {
	t.Helper()
	var all []byte
	for _, b := range blocks {
		all = append(all, b...)
	}
	if err := os.WriteFile(path, all, mode); err != nil {
		t.Fatal(err)
	}
}
