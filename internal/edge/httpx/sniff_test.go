// SPDX-License-Identifier: Apache-2.0

package httpx_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sesame/internal/base/tlspolicy"
	"sesame/internal/edge/httpx"
)

// serverTLS makes a configuration for localhost and the pool that trusts it.
func serverTLS(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	cert := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return tlspolicy.Server(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil }), pool
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// serve runs an HTTP server that answers how it was reached, and from which port.
func serve(t *testing.T, l net.Listener) {
	t.Helper()
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			kind := "clear"
			if r.TLS != nil {
				kind = "tls"
			}
			_, _ = io.WriteString(w, r.Proto+" "+kind+" "+r.RemoteAddr)
		}),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("server ended with %v", err)
		}
	})
}

func get(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestBothKindsOnOnePort(t *testing.T) {
	t.Parallel()
	config, pool := serverTLS(t)
	one := config.Clone()
	one.NextProtos = []string{"http/1.1"}
	for _, tc := range []struct {
		name, scheme string
		server       *tls.Config
		h2           bool
		want         string
	}{
		{"clear text", "http", config, true, "HTTP/1.1 clear "},
		{"TLS with HTTP/1.1", "https", config, false, "HTTP/1.1 tls "},
		{"TLS with HTTP/2", "https", config, true, "HTTP/2.0 tls "},
		{"TLS where HTTP/2 is not offered", "https", one, true, "HTTP/1.1 tls "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := httpx.Sniff(listen(t), tc.server)
			serve(t, l)
			tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: tc.h2}
			defer tr.CloseIdleConnections()
			url := tc.scheme + "://" + l.Addr().String() + "/"
			first := get(t, &http.Client{Transport: tr}, url)
			if !strings.HasPrefix(first, tc.want) {
				t.Errorf("reached by %q, want %q", first, tc.want)
			}
			for range 3 {
				if again := get(t, &http.Client{Transport: tr}, url); again != first {
					t.Errorf("the connection is not kept: %q, then %q", first, again)
				}
			}
		})
	}
}

func TestSilentConnectionsHoldNobodyUp(t *testing.T) {
	t.Parallel()
	config, _ := serverTLS(t)
	l := httpx.Sniff(listen(t), config)
	serve(t, l)
	for range 20 {
		dial(t, l)
	}
	c := dial(t, l)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != 200 {
		t.Errorf("got %v, %v", res, err)
	}
}

// TestOneByteAtATime sends a TLS handshake in as many pieces as it has bytes.
func TestOneByteAtATime(t *testing.T) {
	t.Parallel()
	config, pool := serverTLS(t)
	l := httpx.Sniff(listen(t), config)
	serve(t, l)
	c := tls.Client(drip{dial(t, l)}, &tls.Config{RootCAs: pool, ServerName: "localhost"})
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != 200 {
		t.Errorf("got %v, %v", res, err)
	}
}

type drip struct{ net.Conn }

func (d drip) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := d.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

func TestSilenceEnds(t *testing.T) {
	t.Parallel()
	config, _ := serverTLS(t)
	l := httpx.SniffWith(listen(t), config, httpx.SniffLimits{FirstByte: 20 * time.Millisecond})
	serve(t, l)
	if _, err := dial(t, l).Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a silent connection reads %v", err)
	}
}

func TestTheLongestSilentMakesRoom(t *testing.T) {
	t.Parallel()
	config, _ := serverTLS(t)
	var dropped atomic.Int32
	l := httpx.SniffWith(listen(t), config, httpx.SniffLimits{
		FirstByte: time.Hour, Waiting: 3, Grace: time.Millisecond, Dropped: func() { dropped.Add(1) }})
	serve(t, l)
	var silent []net.Conn
	for range 5 {
		silent = append(silent, dial(t, l))
	}
	for _, c := range silent[:2] {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the longest silent connection was not closed")
		}
	}
	for _, c := range silent[2:] { // those that were kept still work
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != 200 {
			t.Errorf("got %v, %v", res, err)
		}
	}
	if n := dropped.Load(); n != 2 {
		t.Errorf("%d connections made room, want 2", n)
	}
}

// TestSlowAcceptHoldsBack: connections that wait to be accepted are bounded, too, and
// none is lost.
func TestSlowAcceptHoldsBack(t *testing.T) {
	t.Parallel()
	config, _ := serverTLS(t)
	l := httpx.SniffWith(listen(t), config, httpx.SniffLimits{FirstByte: time.Hour, Waiting: 2, Grace: time.Hour,
		Dropped: func() { t.Error("a connection that spoke was dropped") }})
	const all = 10
	var wg sync.WaitGroup
	for range all {
		c := dial(t, l)
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if b, err := io.ReadAll(c); err != nil || string(b) != "x" {
				t.Errorf("answered %q, %v", b, err)
			}
		})
	}
	for range all {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		var b [1]byte
		if _, err := io.ReadFull(c, b[:]); err != nil {
			t.Error(err)
		}
		if _, err := c.Write(b[:]); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	wg.Wait()
}

func TestCloseEndsAll(t *testing.T) {
	t.Parallel()
	config, _ := serverTLS(t)
	inner := &signalling{Listener: listen(t), accepted: make(chan struct{}, 10)}
	l := httpx.SniffWith(inner, config, httpx.SniffLimits{FirstByte: time.Hour})
	result := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		result <- err
	}()
	c := dial(t, l)
	<-inner.accepted
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-result; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept ends with %v", err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a waiting connection stays open")
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a second Close: %v", err)
	}
}

// signalling tells when it has accepted, and fails first as often as it is told to.
type signalling struct {
	net.Listener
	accepted chan struct{}
	failures atomic.Int32
}

var errTransient = errors.New("no more files for now")

func (s *signalling) Accept() (net.Conn, error) {
	if s.failures.Add(-1) >= 0 {
		return nil, errTransient
	}
	c, err := s.Listener.Accept()
	if err == nil {
		s.accepted <- struct{}{}
	}
	return c, err
}

func TestErrorsReachTheServer(t *testing.T) {
	t.Parallel()
	config, _ := serverTLS(t)
	inner := &signalling{Listener: listen(t), accepted: make(chan struct{}, 10)}
	inner.failures.Store(3)
	l := httpx.Sniff(inner, config)
	defer l.Close()
	c := dial(t, l)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := l.Accept(); !errors.Is(err, errTransient) {
			t.Errorf("got %v", err)
		}
	}
	got, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	got.Close()
}
