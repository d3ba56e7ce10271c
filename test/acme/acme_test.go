// SPDX-License-Identifier: Apache-2.0

package acme_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/smtp"
	"slices"
	"strings"
	"testing"

	"sesame/test/harness"
)

// name is the server's, which the tests' name server alone knows, and ip its address.
// Nothing else of a test is at ip or failingIP, so a port that was free stays so until
// the server takes it: Pebble must know the port before.
const (
	name      = "mail.example.com"
	ip        = "127.0.0.2"
	failingIP = "127.0.0.3"
)

func TestServeTakesItsCertificateByACME(t *testing.T) {
	t.Parallel()
	names := harness.StartDNS(t, name+". 60 IN A "+ip)
	https := harness.FreeAddr(t, ip)
	ca := startPebble(t, names, https)
	s := newServer(t, https, ca.directory, ca.caFile)

	s.start()
	if _, err := leaf(https, clientTLS(ca)); err == nil {
		t.Error("a handshake succeeded before there was a certificate")
	}
	if status := get(t, http.DefaultClient, "http://"+s.Listen.HTTP[0]+"/"); status >= 500 {
		t.Errorf("the API in clear text answered %d while the ACME server had not", status)
	}
	harness.Eventually(t, "the server to ask for a certificate", func() bool {
		return len(s.logged("DEBUG", "obtaining certificate")) > 0
	})
	s.kill() // what it held then must not be in its way now
	s.start()

	ca.open()
	var first *x509.Certificate
	harness.Eventually(t, "the certificate", func() (ok bool) {
		var err error
		first, err = leaf(https, clientTLS(ca))
		return err == nil
	})
	if !slices.Equal(first.DNSNames, []string{name}) {
		t.Errorf("the certificate is for %v", first.DNSNames)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, https)
		}}}
	defer client.CloseIdleConnections()
	if status := get(t, client, "https://"+name+"/"); status >= 500 {
		t.Errorf("the API over TLS answered %d", status)
	}
	s.everyDoorHas(ca, first)
	if obtained := s.logged("INFO", "certificate obtained"); len(obtained) != 1 || obtained[0].Name != name || obtained[0].Renewal {
		t.Errorf("the log says %+v", obtained)
	}
	s.stop()
	s.log()
	kept := s.files()
	if n := len(kept); n != 5 { // certificate, its key, what is known of it; account, its key
		t.Errorf("%d files are kept: %v", n, slices.Sorted(maps.Keys(kept)))
	}

	s.start()
	harness.Eventually(t, "the kept certificate", func() bool {
		again, err := leaf(https, clientTLS(ca))
		return err == nil && bytes.Equal(again.Raw, first.Raw)
	})
	s.everyDoorHas(ca, first)
	s.stop()
	if n := ca.count(newOrder); n != 1 {
		t.Errorf("%d orders, want 1", n)
	}
	if n := ca.count(newAccount); n != 1 {
		t.Errorf("%d accounts, want 1", n)
	}
	if obtained := s.logged("INFO", "certificate obtained"); len(obtained) != 0 {
		t.Errorf("after the restart the log says %+v", obtained)
	}
	for path, text := range s.files() {
		if strings.HasSuffix(path, ".key") && !bytes.Equal(text, kept[path]) {
			t.Errorf("%s is not the key of the first start", path)
		}
	}
}

// everyDoorHas checks the certificate on the TLS listeners other than HTTPS, and for
// the clients that are less exact than a browser.
func (s *server) everyDoorHas(ca *authority, want *x509.Certificate) {
	s.t.Helper()
	exact, smtpALPN, noName := clientTLS(ca), clientTLS(ca), clientTLS(ca)
	smtpALPN.NextProtos = []string{"smtp"}
	noName.InsecureSkipVerify, noName.ServerName = true, ""
	otherName := noName.Clone()
	otherName.ServerName = "localhost"
	for _, c := range []struct {
		name   string
		config *tls.Config
	}{
		{"the right name", exact},
		{"the right name and the protocol smtp", smtpALPN},
		{"no name", noName},
		{"another name", otherName},
	} {
		got, err := leaf(s.Listen.SMTPS[0], c.config)
		if err != nil || !got.Equal(want) {
			s.t.Errorf("SMTPS with %s: %v, the same certificate: %t", c.name, err, got.Equal(want))
		}
		got, err = leafBySTARTTLS(s.Listen.SMTP[0], c.config)
		if err != nil || !got.Equal(want) {
			s.t.Errorf("STARTTLS with %s: %v, the same certificate: %t", c.name, err, got.Equal(want))
		}
	}
}

func TestTheServerRunsWithoutItsACMEServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		acme func(t *testing.T, https string) (directory, caFile string)
		why  string // in the log, as an error
	}{
		{"nobody listens there", func(t *testing.T, _ string) (string, string) {
			return "https://" + harness.FreeAddr(t, failingIP) + "/dir", harness.NewCA(t, harness.Dir(t)).File
		}, "connection refused"},
		{"it listens and never answers", func(t *testing.T, _ string) (string, string) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			return "https://" + l.Addr().String() + "/dir", harness.NewCA(t, harness.Dir(t)).File
		}, ""}, // only after half a minute
		{"it is signed by somebody else", func(t *testing.T, https string) (string, string) {
			ca := startPebble(t, harness.StartDNS(t), https)
			ca.open()
			return ca.directory, harness.NewCA(t, harness.Dir(t)).File
		}, "certificate signed by unknown authority"},
		{"it does not find the name", func(t *testing.T, https string) (string, string) {
			ca := startPebble(t, harness.StartDNS(t), https)
			ca.open()
			return ca.directory, ca.caFile
		}, "urn:ietf:params:acme:error:malformed"}, // Pebble's word for it
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			https := harness.FreeAddr(t, failingIP)
			directory, caFile := c.acme(t, https)
			s := newServer(t, https, directory, caFile)
			s.start()
			if c.why != "" {
				harness.Eventually(t, "an error in the log that says "+c.why, func() bool {
					return slices.ContainsFunc(s.log(), func(e entry) bool {
						return e.Level == "ERROR" && e.Part == "acme" && strings.Contains(e.Error, c.why)
					})
				})
			}
			if status := get(t, http.DefaultClient, "http://"+s.Listen.HTTP[0]+"/"); status >= 500 {
				t.Errorf("the API in clear text answered %d", status)
			}
			s.stop()
			for _, e := range s.log() {
				if e.Level != "DEBUG" && strings.Contains(e.Error, "canceled") {
					t.Errorf("to stop is no failure: %s", e.line)
				}
			}
		})
	}
}

// clientTLS trusts what the authority issues, for the server's name.
func clientTLS(ca *authority) *tls.Config {
	return &tls.Config{RootCAs: ca.roots, ServerName: name}
}

// leaf returns the certificate of a server that speaks TLS from the first byte.
func leaf(addr string, config *tls.Config) (*x509.Certificate, error) {
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: soon}, "tcp", addr, config)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

// leafBySTARTTLS returns the certificate of an SMTP server (RFC 3207).
func leafBySTARTTLS(addr string, config *tls.Config) (*x509.Certificate, error) {
	c, err := smtp.Dial(addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.StartTLS(config); err != nil {
		return nil, err
	}
	state, ok := c.TLSConnectionState()
	if !ok {
		return nil, errors.New("no TLS after STARTTLS")
	}
	return state.PeerCertificates[0], nil
}

// get returns the status of the answer.
func get(t *testing.T, client *http.Client, url string) int {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}
