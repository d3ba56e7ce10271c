// SPDX-License-Identifier: Apache-2.0

// Package devca makes and keeps a certification authority for development and one
// server certificate that it signs, so that clients on a laptop verify TLS as they
// would in production. It trusts whoever can read its folder and is not for
// production. A key, once made, stays; certificates are made anew from it as their
// time runs out, so that a key and its certificate always fit, whenever the process
// dies and however many processes begin at once.
package devca

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	caLife      = 10 * 365 * 24 * time.Hour
	leafLife    = 365 * 24 * time.Hour // browsers refuse more than 825 days
	renewBefore = 30 * 24 * time.Hour
	backdate    = time.Hour // for clients whose clock is behind
)

// Certs is what Ensure found or made.
type Certs struct {
	CAFile   string // PEM, for clients to trust
	CertFile string // PEM, the server's certificate
	KeyFile  string // PEM, its key

	CA   *x509.Certificate
	Leaf tls.Certificate // ready for a listener
}

// Ensure returns the authority and the server certificate in dir, which it creates
// if need be: ca.pem, ca-key.pem, cert.pem and cert-key.pem (keys are mode 0600). The
// certificate is for hosts, names and IP addresses, and always for localhost,
// 127.0.0.1 and ::1. It is renewed when it has less than 30 days left, when the hosts
// change, or when it does not fit the rest; the authority lasts ten years. Files are
// replaced as a whole and synced. Any number of processes may call it at once on one
// folder.
func Ensure(dir string, hosts []string, now time.Time) (*Certs, error) {
	dns, ips, err := splitHosts(hosts)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("devca: %w", err)
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	c := &Certs{CAFile: path("ca.pem"), CertFile: path("cert.pem"), KeyFile: path("cert-key.pem")}

	caKey, err := ensureKey(path("ca-key.pem"))
	if err != nil {
		return nil, err
	}
	if c.CA, err = ensureCA(c.CAFile, caKey, now); err != nil {
		return nil, err
	}
	key, err := ensureKey(c.KeyFile)
	if err != nil {
		return nil, err
	}
	want := leafSpec{dns: dns, ips: ips, key: key, ca: c.CA, caKey: caKey}
	leaf, err := readCertificate(c.CertFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if leaf == nil || !want.fits(leaf, now) {
		if leaf, err = want.sign(now); err != nil {
			return nil, err
		}
		if err := replaceFile(c.CertFile, encodeCertificate(leaf.Raw), 0o644); err != nil {
			return nil, err
		}
	}
	c.Leaf = tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	return c, nil
}

// ensureCA returns the authority's certificate, made now if there is none that fits.
func ensureCA(file string, key *ecdsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	ca, err := readCertificate(file)
	place := replaceFile
	if errors.Is(err, fs.ErrNotExist) {
		place = createFile
	} else if err != nil {
		return nil, err
	}
	if ca != nil && ca.IsCA && samePublic(ca, key) && isCurrent(ca, now) {
		return ca, nil
	}
	if ca, err = signCA(key, now); err != nil {
		return nil, err
	}
	err = place(file, encodeCertificate(ca.Raw), 0o644)
	if errors.Is(err, fs.ErrExist) { // another process was first: its certificate is the one
		ca, err = readCertificate(file)
		if err == nil && (ca == nil || !samePublic(ca, key)) {
			err = fmt.Errorf("devca: %s does not fit its key", file)
		}
	}
	if err != nil {
		return nil, err
	}
	return ca, nil
}

// isCurrent reports whether c is valid now and has more than renewBefore left.
func isCurrent(c *x509.Certificate, now time.Time) bool {
	return !now.Before(c.NotBefore) && now.Add(renewBefore).Before(c.NotAfter)
}

func samePublic(c *x509.Certificate, key *ecdsa.PrivateKey) bool {
	return key.PublicKey.Equal(c.PublicKey)
}

// splitHosts sorts hosts into names and addresses, without repetition.
func splitHosts(hosts []string) (dns []string, ips []net.IP, err error) {
	all := append([]string{"localhost", "127.0.0.1", "::1"}, hosts...)
	seen := map[string]bool{}
	for _, h := range all {
		h = strings.ToLower(strings.TrimSuffix(h, "."))
		if seen[h] {
			continue
		}
		seen[h] = true
		if ip := net.ParseIP(h); ip != nil {
			ips = append(ips, ip)
			continue
		}
		if !isDNSName(strings.TrimPrefix(h, "*.")) {
			return nil, nil, fmt.Errorf("devca: %q is neither a host name nor an IP address", h)
		}
		dns = append(dns, h)
	}
	return dns, ips, nil
}

// isDNSName reports whether s is a host name in ASCII (RFC 1123 §2.1).
func isDNSName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r != '-' && r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') {
				return false
			}
		}
	}
	return true
}

// sameHosts reports whether c is for these names and addresses and no others.
func sameHosts(c *x509.Certificate, dns []string, ips []net.IP) bool {
	key := func(names []string, addresses []net.IP) []string {
		k := slices.Clone(names)
		for _, ip := range addresses {
			k = append(k, ip.String())
		}
		slices.Sort(k)
		return k
	}
	return slices.Equal(key(c.DNSNames, c.IPAddresses), key(dns, ips))
}

// readCertificate returns the certificate in file, nil if the file holds none that
// can be read (it will be made anew), or fs.ErrNotExist.
func readCertificate(file string) (*x509.Certificate, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("devca: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, nil
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil
	}
	return c, nil
}

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
