// SPDX-License-Identifier: Apache-2.0

package devca

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

// signCA makes a self-signed certificate of an authority that signs leaves alone.
func signCA(key *ecdsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	id, err := keyID(key)
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		// The name tells authorities of several folders apart in a trust store.
		Subject:               pkix.Name{CommonName: "Sesame development CA " + hex.EncodeToString(id[:4])},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		SubjectKeyId:          id,
	}
	return issue(tmpl, tmpl, &key.PublicKey, key)
}

// leafSpec is what the server's certificate must be.
type leafSpec struct {
	dns   []string
	ips   []net.IP
	key   *ecdsa.PrivateKey
	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey
}

// fits reports whether c is such a certificate, with enough time left.
func (s leafSpec) fits(c *x509.Certificate, now time.Time) bool {
	return isCurrent(c, now) && samePublic(c, s.key) && sameHosts(c, s.dns, s.ips) &&
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) && c.CheckSignatureFrom(s.ca) == nil
}

// sign makes such a certificate. It never outlives the authority's.
func (s leafSpec) sign(now time.Time) (*x509.Certificate, error) {
	id, err := keyID(s.key)
	if err != nil {
		return nil, err
	}
	end := now.Add(leafLife)
	if end.After(s.ca.NotAfter) {
		end = s.ca.NotAfter
	}
	start := now.Add(-backdate)
	if start.Before(s.ca.NotBefore) {
		start = s.ca.NotBefore
	}
	return issue(&x509.Certificate{
		Subject:               pkix.Name{CommonName: "Sesame development server"},
		NotBefore:             start,
		NotAfter:              end,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              s.dns,
		IPAddresses:           s.ips,
		SubjectKeyId:          id,
	}, s.ca, &s.key.PublicKey, s.caKey)
}

// issue signs tmpl with a fresh serial number of 127 bits (RFC 5280 §4.1.2.2).
func issue(tmpl, parent *x509.Certificate, pub *ecdsa.PublicKey, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	var serial [16]byte
	if _, err := rand.Read(serial[:]); err != nil {
		return nil, fmt.Errorf("devca: random source: %w", err)
	}
	serial[0] &= 0x7f
	serial[15] |= 1
	tmpl.SerialNumber = new(big.Int).SetBytes(serial[:])
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, signer)
	if err != nil {
		return nil, fmt.Errorf("devca: %w", err)
	}
	return x509.ParseCertificate(der)
}

// keyID is a subject key identifier: 160 bits of the key's hash (RFC 7093 §2).
func keyID(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("devca: %w", err)
	}
	sum := sha256.Sum256(der)
	return sum[:20], nil
}
