// SPDX-License-Identifier: Apache-2.0

package smtpserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/smtp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sesame/internal/proto/smtpserver"
	"sesame/internal/testkit/logs"
)

// Go's own client, which nobody here wrote, sends over STARTTLS with AUTH PLAIN.
func TestNetSMTP(t *testing.T) {
	t.Parallel()
	backend := newRecorder()
	s := start(t, submission(), backend)
	c, err := smtp.Dial(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	steps := []func() error{
		func() error { return c.Hello("client.test") },
		func() error { return c.StartTLS(clientTLS()) },
		func() error { return c.Auth(smtp.PlainAuth("", "user", "secret", "127.0.0.1")) },
	}
	for range 3 {
		steps = append(steps,
			func() error { return c.Mail("sender@example.com") },
			func() error { return c.Rcpt("recipient@example.org") },
			func() error {
				w, err := c.Data()
				if err != nil {
					return err
				}
				if _, err := w.Write([]byte("Subject: hello\r\n\r\n.\r\n..\r\n")); err != nil {
					return err
				}
				return w.Close()
			})
	}
	steps = append(steps, c.Quit)
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	expectEvent(t, backend, "session client.test tls=true esmtp=true")
	expectEvent(t, backend, "auth user secret")
	for range 3 {
		expectEvent(t, backend, "mail <sender@example.com> size=0 8bit=true")
		expectEvent(t, backend, "rcpt <recipient@example.org>")
		expectEvent(t, backend, `data "Subject: hello\r\n\r\n.\r\n..\r\n"`)
		expectEvent(t, backend, "reset")
	}
	expectEvent(t, backend, "close")
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	backend := newRecorder()
	backend.entered, backend.leave = make(chan struct{}), make(chan struct{})
	s := start(t, mx(), backend)

	idle := dial(t, s.addr)
	idle.line()
	between := begin(t, s.addr) // a transaction, but no DATA
	sending := begin(t, s.addr)
	sending.say("DATA", "first half")
	sending.expect("354 End data with <CR><LF>.<CR><LF>")
	deciding := begin(t, s.addr)
	deciding.say("DATA")
	deciding.expect("354 End data with <CR><LF>.<CR><LF>")
	deciding.say(".")
	<-backend.entered

	ended := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		ended <- s.Shutdown(ctx)
	}()
	const bye = "421 Service shutting down, closing connection"
	for _, c := range []*client{idle, between} {
		c.expect(bye)
		c.closed()
		_ = c.raw.Close()
	}
	if err := <-s.served; !errors.Is(err, smtpserver.ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	sending.say("second half", ".", "NOOP")
	<-backend.entered
	backend.leave <- struct{}{}
	backend.leave <- struct{}{}
	for _, c := range []*client{sending, deciding} {
		c.expect("250 Ok 0100-id", bye)
		c.closed()
		_ = c.raw.Close()
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := s.Serve(&oneConn{}); !errors.Is(err, smtpserver.ErrServerClosed) {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}

func TestShutdownEndsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	backend := newRecorder()
	backend.entered, backend.leave = make(chan struct{}), make(chan struct{})
	s := start(t, mx(), backend)
	c := begin(t, s.addr)
	c.say("DATA")
	c.expect("354 End data with <CR><LF>.<CR><LF>")
	c.say(".")
	<-backend.entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	// The Session's context has ended, so that Data returns: the transaction and the
	// session end in order.
	for _, want := range []string{
		"session c.test tls=false esmtp=false",
		"mail <a@example.com> size=0 8bit=false", "rcpt <b@example.com>", "reset", "close",
	} {
		expectEvent(t, backend, want)
	}
}

func TestShutdownDuringAHandshake(t *testing.T) {
	t.Parallel()
	s := start(t, mx(), newRecorder())
	c := dial(t, s.addr)
	c.line()
	c.say("STARTTLS")
	c.expect("220 Ready to start TLS")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestConfigThatContradictsItself(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*smtpserver.Config){
		"no host name":             func(c *smtpserver.Config) { c.Hostname = "" },
		"a host name with a space": func(c *smtpserver.Config) { c.Hostname = "a b" },
		"a greeting of two lines":  func(c *smtpserver.Config) { c.Greeting = "a\r\n250 b" },
		"a wrapper without TLS":    func(c *smtpserver.Config) { c.TLS, c.Implicit = nil, true },
		"required but no TLS":      func(c *smtpserver.Config) { c.TLS, c.RequireTLS = nil, true },
		"AUTH without TLS":         func(c *smtpserver.Config) { c.TLS, c.RequireAuth = nil, true },
		"a negative limit":         func(c *smtpserver.Config) { c.Limits.MaxErrors = -1 },
	} {
		cfg := mx()
		change(&cfg)
		if _, err := smtpserver.NewServer(cfg, newRecorder()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := smtpserver.NewServer(mx(), nil); err == nil {
		t.Error("no backend: accepted")
	}
}

func TestTheTraceShowsTheDialogueWithoutSecrets(t *testing.T) {
	t.Parallel()
	log := &logs.Buffer{}
	cfg := mx()
	cfg.Implicit, cfg.Auth = true, true
	cfg.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: smtpserver.LevelTrace}))
	c := dial(t, start(t, cfg, newRecorder()).addr)
	c.startTLS()
	c.line()
	c.say("HELO c.test", "AUTH PLAIN AHVzZXIAd3Jvbmc=", "AUTH LOGIN", "dXNlcg==", "!", "c2VjcmV0",
		"AUTH AHVzZXIAc2VjcmV0", "AUTH LOGIN dXNlcg==", "c2VjcmV0",
		"MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA", "Subject: private", ".", "QUIT")
	for c.line() != "221 Bye" {
		continue
	}
	c.closed()
	got := log.String()
	for _, want := range []string{
		`"HELO c.test"`, `"AUTH PLAIN [...]"`, `"AUTH LOGIN [...]"`, `"AUTH [...]"`, `[unknown command]`, `[AUTH response]`,
		"MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "[message]",
		"535 Authentication Credentials Invalid", "250 Ok 0100-id", "221 Bye",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the trace has no %s", want)
		}
	}
	for _, secret := range []string{"AHVzZXI", "dXNlcg", "c2VjcmV0", "secret", "private"} {
		if strings.Contains(got, secret) {
			t.Errorf("the trace has %s", secret)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestWithoutTheTraceLevelNothingIsTraced(t *testing.T) {
	t.Parallel()
	log := &logs.Buffer{}
	cfg := mx()
	cfg.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := begin(t, start(t, cfg, newRecorder()).addr)
	c.say("QUIT")
	c.expect("221 Bye")
	c.closed()
	if got := log.String(); got != "" {
		t.Errorf("log: %s", got)
	}
}

func TestTheLogSaysWhatTheClientMustNotRead(t *testing.T) {
	t.Parallel()
	log := &logs.Buffer{}
	cfg := mx()
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	c := dial(t, start(t, cfg, newRecorder()).addr)
	c.line()
	c.say("HELO c.test", "MAIL FROM:<broken@example.com>", "MAIL FROM:<nonsense@example.com>", "MAIL FROM:<panic@example.com>")
	c.expect("250 mail.test", "451 Temporary service failure", "451 Temporary service failure", "451 Temporary service failure")
	c.closed()
	for _, want := range []string{"the database says: secret detail", "refused with success", "a defect in the policy", "harness_test.go", "conn=ID", "remote=127.0.0.1"} {
		if got := log.String(); !strings.Contains(got, want) {
			t.Errorf("the log has no %q: %s", want, got)
		}
	}
}

func TestRepliesStayWithinTheirLine(t *testing.T) {
	t.Parallel()
	c := begin(t, start(t, mx(), newRecorder()).addr)
	c.say("DATA", "answer:"+strings.Repeat("x", 900), ".")
	c.expect("354 End data with <CR><LF>.<CR><LF>", "250 "+strings.Repeat("x", 497)+"...")
}

func TestManyClientsAtOnce(t *testing.T) {
	t.Parallel()
	cfg := mx()
	cfg.Limits.MaxMessageBytes = 1 << 20
	s := start(t, cfg, echo{})
	var wg sync.WaitGroup
	for n := range 16 {
		c := dial(t, s.addr)
		wg.Go(func() {
			c.line()
			c.say("HELO c.test")
			c.line()
			for i := range 50 {
				// Each message differs in length, so that a buffer that is used by two
				// would show.
				text := strings.Repeat(fmt.Sprintf("%d-%d.", n, i), 1+(n*i)%500)
				c.say("MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA", text, ".")
				c.line()
				c.line()
				c.line()
				if got, want := c.line(), "250 "+sum(text+"\r\n"); got != want {
					c.t.Errorf("client %d, message %d: %s, want %s", n, i, got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestSessionTimeoutBoundsABusySession(t *testing.T) {
	t.Parallel()
	cfg, k := limited(smtpserver.Limits{SessionTimeout: 100 * time.Millisecond})
	c := dial(t, start(t, cfg, newRecorder()).addr)
	c.line()
	for {
		c.say("NOOP")
		if got := c.line(); got != "250 Ok" {
			if got != "421 Session has lasted too long, closing connection" {
				t.Errorf("got %s", got)
			}
			break
		}
	}
	c.closed()
	k.want(t, "refused session_timeout", 1)
}

// flaky is a listener that lacks file descriptors for a while.
type flaky struct {
	oneConn
	failures int
}

func (l *flaky) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.oneConn.Accept()
}

func TestServeOutlivesAShortageOfDescriptors(t *testing.T) {
	t.Parallel()
	s, err := smtpserver.NewServer(mx(), newRecorder())
	if err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe()
	l := &flaky{oneConn{make(chan net.Conn, 1)}, 3}
	l.conns <- server
	close(l.conns)
	if err := s.Serve(l); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Serve: %v", err)
	}
	if line, err := bufio.NewReader(client).ReadString('\n'); err != nil || line != "220 mail.test ESMTP Test-d-1 ID\r\n" {
		t.Errorf("greeting %q, %v", line, err)
	}
	_ = client.Close()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.1":            "192.0.2.1/32",
		"::ffff:192.0.2.1":     "192.0.2.1/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1": "2001:db8:1:2::/64",
		"2001:db8:1:3:ffff::1": "2001:db8:1:3::/64",
	} {
		if got := smtpserver.Origin(&net.TCPAddr{IP: net.ParseIP(addr), Port: 25}); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if got := smtpserver.Origin(&net.UnixAddr{Name: "/run/s"}); got != "invalid Prefix" {
		t.Errorf("no IP: %s", got)
	}
}

// rude panics when it is closed.
type rude struct{ echo }

func (rude) NewSession(context.Context, smtpserver.ConnInfo) (smtpserver.Session, error) {
	return rude{}, nil
}
func (rude) Close() { panic("not now") }

func TestAPanicInCloseEndsOnlyThisConnection(t *testing.T) {
	t.Parallel()
	cfg, k := limited(smtpserver.Limits{MaxSessions: 1})
	s := start(t, cfg, rude{})
	for n := range 2 { // the first one's place is free again
		c := dial(t, s.addr)
		c.line()
		c.say("HELO c.test", "QUIT")
		c.expect("250 mail.test", "221 Bye")
		c.closed()
		_ = c.raw.Close()
		k.wait("session", 0)
		k.want(t, "panic", n+1)
	}
}
