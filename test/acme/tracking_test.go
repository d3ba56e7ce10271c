// SPDX-License-Identifier: Apache-2.0

package acme_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"slices"
	"testing"

	"sesame/test/harness"
)

const (
	trackingIP = "127.0.0.4"
	zoneHost   = "r." + harness.Region + ".svc.example.com" // where links lead without a tracking domain
	domain     = "customer.example"
	setHost    = "go." + domain // the tracking domain of a set
)

// TestATrackingDomainGetsItsCertificate: once its CNAME is there, at the first handshake,
// and no host that is nobody's tracking domain does.
func TestATrackingDomainGetsItsCertificate(t *testing.T) {
	t.Parallel()
	names := harness.StartDNS(t, name+". 60 IN A "+trackingIP, "nobody.example. 60 IN A "+trackingIP)
	https := harness.FreeAddr(t, trackingIP)
	ca := startPebble(t, names, https)
	ca.open()
	c := harness.ServeConfig(t)
	c.Hostname, c.Listen.HTTPS, c.DNS.Servers = name, []string{https}, []string{names.Addr}
	c.TLS = harness.TLS{ACMEDomains: []string{name}, ACMEDirectory: ca.directory, ACMECAFile: ca.caFile}
	c.Zone = &harness.Zone{Name: "svc.example.com", NameServers: []string{"ns.svc.example.com"}, Addresses: []string{trackingIP}}
	s := harness.Serve(t, c)
	track(t, s)

	leafOf := func(host string) (*x509.Certificate, error) {
		got, err := leaf(https, &tls.Config{RootCAs: ca.roots, ServerName: host})
		if err == nil && !slices.Equal(got.DNSNames, []string{host}) {
			t.Errorf("%s has a certificate for %v", host, got.DNSNames)
		}
		return got, err
	}
	harness.Eventually(t, "the server's own certificate", func() bool { _, err := leafOf(name); return err == nil })
	orders := ca.count(newOrder)
	for _, host := range []string{setHost, zoneHost, "nobody.example", "nobody." + domain} {
		if _, err := leafOf(host); err == nil {
			t.Errorf("%s has a certificate", host)
		}
	}
	if n := ca.count(newOrder); n != orders {
		t.Errorf("%d orders for hosts that are nobody's, or have no address", n-orders)
	}

	names.Add(setHost+". 60 IN CNAME "+zoneHost+".", zoneHost+". 60 IN A "+trackingIP)
	var first *x509.Certificate
	for _, host := range []string{zoneHost, setHost} {
		harness.Eventually(t, "the certificate of "+host, func() (ok bool) {
			var err error
			first, err = leafOf(host)
			return err == nil
		})
	}
	s.Stop()
	s.Start()
	harness.Eventually(t, "the kept certificate", func() bool {
		again, err := leafOf(setHost)
		return err == nil && again.Equal(first)
	})
	if n := ca.count(newOrder); n != orders+2 {
		t.Errorf("%d orders for two hosts", n-orders)
	}
}

// track makes a set with a tracking domain.
func track(t *testing.T, s *harness.Server) {
	t.Helper()
	call := func(method, path string, body any) {
		t.Helper()
		if status, answer := s.Call(t, method, path, body); status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, answer)
		}
	}
	call("POST", "/v2/email/identities", map[string]any{"EmailIdentity": domain})
	s.VerifyIdentity(t, domain)
	call("POST", "/v2/email/configuration-sets", map[string]any{"ConfigurationSetName": "set", "TrackingOptions": map[string]any{"CustomRedirectDomain": setHost}})
}
