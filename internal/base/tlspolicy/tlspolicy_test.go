// SPDX-License-Identifier: Apache-2.0

package tlspolicy_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	"sesame/internal/base/tlspolicy"
)

// certificate makes a self-signed certificate for mx.example.com.
func certificate(t *testing.T, key crypto.Signer) *tls.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mx.example.com"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func certificates(t *testing.T) map[string]*tls.Certificate {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*tls.Certificate{"RSA": certificate(t, r), "ECDSA": certificate(t, e)}
}

// shake shakes hands and returns the client's view, the server's and the client's
// errors.
func shake(t *testing.T, server, client *tls.Config) (tls.ConnectionState, error, error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	result := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			err = c.(*tls.Conn).Handshake()
			c.Close()
		}
		result <- err
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cli := tls.Client(c, client)
	cerr := cli.Handshake()
	serr := <-result
	return cli.ConnectionState(), serr, cerr
}

func give(c *tls.Certificate) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c, nil }
}

func TestServerVersions(t *testing.T) {
	t.Parallel()
	for kind, cert := range certificates(t) {
		for version, ok := range map[uint16]bool{
			tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true,
		} {
			client := &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}
			state, err, _ := shake(t, tlspolicy.Server(give(cert)), client)
			if (err == nil) != ok || ok && state.Version != version {
				t.Errorf("%s, %s: %v", kind, tls.VersionName(version), err)
			}
		}
	}
}

// TestServerSuites offers each suite that crypto/tls knows, one at a time.
func TestServerSuites(t *testing.T) {
	t.Parallel()
	want := tlspolicy.Server(nil).CipherSuites
	certs := certificates(t)
	accepted := map[uint16]bool{}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if !slices.Contains(suite.SupportedVersions, uint16(tls.VersionTLS12)) {
			continue
		}
		for _, cert := range certs {
			client := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12,
				MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}}
			if state, err, cerr := shake(t, tlspolicy.Server(give(cert)), client); err == nil && cerr == nil {
				accepted[state.CipherSuite] = true
			}
		}
		if accepted[suite.ID] != slices.Contains(want, suite.ID) {
			t.Errorf("%s: accepted %v", suite.Name, accepted[suite.ID])
		}
	}
	for _, bad := range []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA} {
		if accepted[bad] || slices.Contains(want, bad) {
			t.Errorf("%s is accepted", tls.CipherSuiteName(bad))
		}
	}
	if len(accepted) != 6 {
		t.Errorf("%d suites are accepted, want 6", len(accepted))
	}
}

func TestClient(t *testing.T) {
	t.Parallel()
	cert := certificates(t)["ECDSA"]
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	for _, tc := range []struct {
		name, host string
		verify     bool
		trusted    bool
		version    uint16
		ok         bool
	}{
		{"a valid certificate", "mx.example.com", true, true, 0, true},
		{"another name", "mx.example.net", true, true, 0, false},
		{"an unknown issuer", "mx.example.com", true, false, 0, false},
		{"an unknown issuer, opportunistic", "mx.example.com", false, false, 0, true},
		{"another name, opportunistic", "mx.example.net", false, false, 0, true},
		{"TLS 1.1 alone, opportunistic", "mx.example.com", false, false, tls.VersionTLS11, false},
		{"TLS 1.2 alone", "mx.example.com", true, true, tls.VersionTLS12, true},
	} {
		server := &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS10,
			MaxVersion: tc.version}
		client := tlspolicy.Client(tc.host, tc.verify)
		client.RootCAs = x509.NewCertPool()
		if tc.trusted {
			client.RootCAs = roots
		}
		if _, _, err := shake(t, server, client); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestEachConfigIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	a := tlspolicy.Server(nil)
	a.CipherSuites[0] = 0
	if tlspolicy.Server(nil).CipherSuites[0] == 0 {
		t.Error("one caller's change shows in another's configuration")
	}
}
