// SPDX-License-Identifier: Apache-2.0

package smtpserver_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/proto/smtpserver"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// certificate makes the servers' certificate once for all tests.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "mail.test"},
		DNSNames:     []string{"mail.test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

func serverTLS() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate()}, MinVersion: tls.VersionTLS12}
}

func clientTLS() *tls.Config {
	cert, err := x509.ParseCertificate(certificate().Certificate[0])
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{RootCAs: roots, ServerName: "mail.test"}
}

// submission is the configuration of SES's endpoint.
func submission() smtpserver.Config {
	return smtpserver.Config{
		Hostname: "mail.test", Greeting: "Test-d-1", TLS: serverTLS(),
		RequireTLS: true, Auth: true, RequireAuth: true,
		NewID:  func() string { return "ID" },
		Limits: smtpserver.Limits{MaxMessageBytes: 1000, MaxRecipients: 3, IdleTimeout: patience},
	}
}

// mx is the configuration of a mail exchanger.
func mx() smtpserver.Config {
	c := submission()
	c.RequireTLS, c.RequireAuth, c.Auth = false, false, false
	return c
}

// recorder is a Backend that writes down what it is told, and refuses or fails where
// the local part of an address asks for it.
type recorder struct {
	events chan string
	// entered and leave, if set, hold Data up: it announces itself on one and waits
	// for the other.
	entered, leave chan struct{}
}

func newRecorder() *recorder { return &recorder{events: make(chan string, 1000)} }

func (r *recorder) note(format string, args ...any) {
	select {
	case r.events <- fmt.Sprintf(format, args...):
	default:
		panic("too many events for one test")
	}
}

func (r *recorder) next(t *testing.T) string {
	t.Helper()
	select {
	case e := <-r.events:
		return e
	case <-time.After(patience):
		t.Fatal("the Backend was not told anything more")
		return ""
	}
}

func (r *recorder) NewSession(_ context.Context, info smtpserver.ConnInfo) (smtpserver.Session, error) {
	if err := rule(strings.TrimSuffix(info.Hello, ".test")); err != nil {
		return nil, err
	}
	r.note("session %s tls=%t esmtp=%t", info.Hello, info.TLS != nil, info.ESMTP)
	return &recording{r}, nil
}

type recording struct{ *recorder }

func (s *recording) Auth(_ context.Context, user, password string) error {
	s.note("auth %s %s", user, password)
	switch {
	case user == "broken":
		return errors.New("no database")
	case password != "secret":
		return smtpserver.ErrCredentials
	}
	return nil
}

func (s *recording) Mail(_ context.Context, from address.Address, p smtpserver.MailParams) error {
	s.note("mail <%s> size=%d 8bit=%t", from, p.Size, p.Body8Bit)
	return rule(from.Local)
}

func (s *recording) Rcpt(_ context.Context, to address.Address) error {
	s.note("rcpt <%s>", to)
	return rule(to.Local)
}

func (s *recording) Data(ctx context.Context, message []byte) (string, error) {
	if s.entered != nil {
		s.entered <- struct{}{}
		select {
		case <-s.leave:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	s.note("data %q", message)
	if err := rule(strings.TrimSpace(string(message))); err != nil {
		return "", err
	}
	if text, ok := strings.CutPrefix(string(message), "answer:"); ok {
		return strings.TrimSpace(text), nil
	}
	return "Ok 0100-id", nil
}

func (s *recording) Reset() { s.note("reset") }
func (s *recording) Close() { s.note("close") }

// rule is what a name asks for.
func rule(name string) error {
	switch name {
	case "unverified":
		return smtpserver.Reply{Code: 554, Text: "Message rejected: Email address is not verified."}
	case "wrapped":
		return fmt.Errorf("lookup of the sender: %w", &smtpserver.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such user"})
	case "throttled":
		return smtpserver.ErrRate
	case "two-lines":
		return smtpserver.Reply{Code: 554, Text: "first\nsecond\r\n250 forged\x00é"}
	case "goaway":
		return smtpserver.Reply{Code: 421, Text: "go away"}
	case "broken":
		return errors.New("the database says: secret detail")
	case "nonsense":
		return smtpserver.Reply{Code: 250, Text: "refused with success"}
	case "panic":
		panic("a defect in the policy")
	}
	return nil
}

// running is a server under test.
type running struct {
	*smtpserver.Server
	addr   string
	served chan error
}

func start(t testing.TB, cfg smtpserver.Config, b smtpserver.Backend) *running {
	t.Helper()
	s, err := smtpserver.NewServer(cfg, b)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Server: s, addr: l.Addr().String(), served: make(chan error, 1)}
	go func() { r.served <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return r
}

// client is the other side of a dialogue.
type client struct {
	t    *testing.T
	raw  net.Conn
	conn net.Conn
	r    *bufio.Reader
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, raw: nc, conn: nc, r: bufio.NewReader(nc)}
}

// send writes in one piece.
func (c *client) send(raw string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, raw); err != nil {
		c.t.Fatalf("send %.60q: %v", raw, err)
	}
}

// say sends lines in one piece.
func (c *client) say(lines ...string) { c.t.Helper(); c.send(strings.Join(lines, "\r\n") + "\r\n") }

// line is the next line from the server.
func (c *client) line() string {
	c.t.Helper()
	s, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("read: %v (after %q)", err, s)
	}
	if !strings.HasSuffix(s, "\r\n") {
		c.t.Fatalf("line without CRLF: %q", s)
	}
	return strings.TrimSuffix(s, "\r\n")
}

func (c *client) expect(lines ...string) {
	c.t.Helper()
	for _, want := range lines {
		if got := c.line(); got != want {
			c.t.Fatalf("server: %q\n  want: %q", got, want)
		}
	}
}

// closed expects an orderly end: no reset, which would cost the client the last
// answer.
func (c *client) closed() {
	c.t.Helper()
	rest, err := io.ReadAll(c.r)
	if err != nil || len(rest) > 0 {
		c.t.Fatalf("instead of the end: %q, %v", rest, err)
	}
}

func (c *client) startTLS() {
	c.t.Helper()
	tc := tls.Client(c.raw, clientTLS())
	if err := tc.Handshake(); err != nil {
		c.t.Fatalf("handshake: %v", err)
	}
	c.conn, c.r = tc, bufio.NewReader(tc)
}

// oneConn is a listener whose connections are in a channel.
type oneConn struct{ conns chan net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	if c, ok := <-l.conns; ok {
		return c, nil
	}
	return nil, io.ErrUnexpectedEOF
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{} }
