// SPDX-License-Identifier: Apache-2.0

// Package acme_test shows that `sesame serve` gets its certificates by ACME, from
// Pebble, the test server of Let's Encrypt, on loopback.
package acme_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// TestMain tells Pebble, which reads it from the environment, to go about its work
// without the pauses by which it teases its clients.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"} {
		if err := os.Setenv(name, value); err != nil {
			log.Fatal(err)
		}
	}
	os.Exit(m.Run())
}

// authority is an ACME server.
type authority struct {
	directory string         // its URL
	caFile    string         // PEM of the private CA that signed the server's own certificate
	roots     *x509.CertPool // the root of what it issues
	open      func()         // lets it answer; until then, requests wait

	mu    sync.Mutex
	asked map[string]int // requests by path
}

// count returns how many requests there were with the path.
func (a *authority) count(path string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked[path]
}

// journal keeps what Pebble logs, which may go on after the test.
type journal struct {
	mu   sync.Mutex
	said bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.said.Write(b)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.said.String()
}

// The paths of Pebble's that make something new.
const (
	newAccount = "/sign-me-up"
	newOrder   = "/order-plz"
)

// startPebble starts an ACME server which asks the name server for addresses and
// expects proofs on the port of the HTTPS address.
func startPebble(t *testing.T, names *harness.DNS, https string) *authority {
	t.Helper()
	need.Library(t, "Pebble", "github.com/letsencrypt/pebble/v2")
	_, service, err := net.SplitHostPort(https)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(service)
	if err != nil {
		t.Fatal(err)
	}
	var said journal
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what Pebble did:\n%s", said.text())
		}
	})
	logger := log.New(&said, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "for tests", ValidityPeriod: 90 * 24 * 60 * 60}})
	validator := va.New(logger, 0, port, true, names.Addr, store)
	front := wfe.New(logger, store, validator, issuer, nil, true, false, 1, 1)

	opened := make(chan struct{})
	a := &authority{roots: x509.NewCertPool(), open: sync.OnceFunc(func() { close(opened) }), asked: map[string]int{}}
	a.roots.AddCert(issuer.GetRootCert(0).Cert)
	pebble := front.Handler()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-opened:
		case <-r.Context().Done():
			return
		}
		a.mu.Lock()
		a.asked[r.URL.Path]++
		a.mu.Unlock()
		pebble.ServeHTTP(w, r)
	}))
	private := harness.NewCA(t, harness.Dir(t))
	pair := private.Issue(t, "127.0.0.1")
	own, err := tls.LoadX509KeyPair(pair.CertFile, pair.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{own}}
	server.Config.ErrorLog = logger
	server.StartTLS()
	t.Cleanup(server.Close)
	a.directory, a.caFile = server.URL+wfe.DirectoryPath, private.File
	return a
}
