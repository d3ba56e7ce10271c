// SPDX-License-Identifier: Apache-2.0

package submission_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/keyring"
	"sesame/internal/core/quota"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/edge/smtp/submission"
	"sesame/internal/proto/smtpcred"
	"sesame/internal/proto/smtpserver"
	"sesame/internal/testkit/logs"
	"sesame/internal/testkit/storetest"
)

const (
	accountID = "123456789012"
	keyID     = "AKIAEXAMPLEEXAMPLE01"
	secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	region    = "us-west-2"
	sender    = "sender@example.com"

	// patience is how long a test waits for what must happen.
	patience = 10 * time.Second
)

var home = scope.Scope{Account: accountID, Region: region}

// world is an endpoint with the real intake behind it, on an SQLite database.
type world struct {
	db       *store.DB
	spool    *spool.Spool
	identity *identity.Identities
	policies *policies
	clock    *clock.Fake
	log      *logs.Buffer
	auth     submission.Authenticator
	accounts *account.Accounts
	intake   submission.Intake

	addr string
	tls  *tls.Config // of the clients
}

// keeper remembers what the spool has made durable.
type keeper struct {
	*spool.Spool
	mu       sync.Mutex
	messages map[string]*spool.Message
}

func (k *keeper) Accept(ctx context.Context, m *spool.Message) error {
	err := k.Spool.Accept(ctx, m)
	if err == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.messages[m.ID] = m
	}
	return err
}

func (k *keeper) get(id string) *spool.Message {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.messages[id]
}

func (k *keeper) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.messages)
}

// settings are what a test may want otherwise.
type settings struct {
	limits quota.Limits
	server smtpserver.Config
	change func(*world)
}

func newWorld(t *testing.T, change ...func(*settings)) (*world, *keeper) {
	t.Helper()
	s := settings{server: smtpserver.Config{
		Hostname: "email-smtp.amazonaws.com", Greeting: "SimpleEmailService-d-TEST", RequireTLS: true, RequireAuth: true,
		NewID: func() string { return "ID" }, Limits: smtpserver.Limits{MaxRecipients: 2 * intake.MaxRecipients},
	}}
	for _, c := range change {
		c(&s)
	}
	ctx := context.Background()
	w := &world{db: storetest.SQLite(t), clock: clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), log: &logs.Buffer{}}
	ring := keyring.Ephemeral()
	log := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: smtpserver.LevelTrace}))
	accounts := account.New(w.db, ring, w.clock.Now, rand.Reader)
	w.identity = identity.New(identity.Options{DB: w.db, Seal: ring, Clock: w.clock.Now, Random: rand.Reader, VerifyAtOnce: true})
	w.spool = spool.New(spool.Options{DB: w.db, Clock: w.clock.Now, Log: log, Node: "test/1", LeaseFor: time.Hour, InRow: 1 << 30})
	kept := &keeper{Spool: w.spool, messages: map[string]*spool.Message{}}
	sets := configset.New(w.db, w.clock.Now, w.identity)
	for name, sending := range map[string]bool{"set": true, "paused": false} {
		if err := sets.Create(ctx, configset.Set{Scope: home, Name: name, Options: configset.Options{SendingEnabled: sending}}); err != nil {
			t.Fatal(err)
		}
	}
	w.auth, w.accounts, w.policies = accounts, accounts, &policies{Identities: w.identity}
	w.intake = intake.New(intake.Options{
		Spool: kept, Identities: w.identity, Access: w.policies.authorizer(w.clock.Now), Quotas: quota.New(quota.Options{DB: w.db, Clock: w.clock.Now, Default: s.limits}), Clock: w.clock.Now, Random: rand.Reader, MAC: ring.MAC,
		ConfigSets: sets,
	})
	if _, err := accounts.CreateUser(ctx, account.NewUser{Account: accountID, Name: "mailer", KeyID: keyID, Secret: secretKey, Policies: []string{account.AdministratorAccess}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.identity.Create(ctx, home, sender, identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	if s.change != nil {
		s.change(w)
	}
	s.server.Log = log
	w.serve(t, s.server)
	return w, kept
}

// serve opens the endpoint.
func (w *world) serve(t *testing.T, cfg smtpserver.Config) {
	t.Helper()
	certificates := httptest.NewTLSServer(nil) // for its certificate alone
	t.Cleanup(certificates.Close)
	cfg.TLS = certificates.TLS
	w.tls = certificates.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	w.tls.ServerName = "example.com"
	s, err := smtpserver.NewServer(cfg, &submission.Backend{Auth: w.auth, Intake: w.intake, Region: region, Keys: w.accounts})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = l.Addr().String()
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
}

// client is the other side of a dialogue.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func (w *world) dial(t *testing.T) *client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", w.addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(3 * patience)); err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, conn: conn, r: bufio.NewReader(conn)}
	return c
}

// talk sends lines that begin with C: and expects those that begin with S:.
func (c *client) talk(script string) {
	c.t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(script), "\n") {
		line = strings.TrimSpace(line)
		if out, ok := strings.CutPrefix(line, "C: "); ok {
			c.send(out + "\r\n")
			continue
		}
		want, ok := strings.CutPrefix(line, "S: ")
		if !ok {
			c.t.Fatalf("script: %q", line)
		}
		if got := c.line(); got != want {
			c.t.Fatalf("server: %q\n  want: %q", got, want)
		}
	}
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, s); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) line() string {
	c.t.Helper()
	s, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("read: %v (after %q)", err, s)
	}
	return strings.TrimSuffix(s, "\r\n")
}

// secure is a session under TLS that has greeted.
func (w *world) secure(t *testing.T) *client {
	t.Helper()
	c := w.dial(t)
	c.talk(`
		S: 220 email-smtp.amazonaws.com ESMTP SimpleEmailService-d-TEST ID
		C: EHLO client.test
		S: 250-email-smtp.amazonaws.com
		S: 250-8BITMIME
		S: 250-SIZE ` + fmt.Sprint(intake.MaxBytesV2) + `
		S: 250-PIPELINING
		S: 250-STARTTLS
		S: 250 Ok
		C: STARTTLS
		S: 220 Ready to start TLS`)
	conn := tls.Client(c.conn, w.tls)
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	c.conn, c.r = conn, bufio.NewReader(conn)
	c.talk(`
		C: EHLO client.test
		S: 250-email-smtp.amazonaws.com
		S: 250-8BITMIME
		S: 250-SIZE ` + fmt.Sprint(intake.MaxBytesV2) + `
		S: 250-PIPELINING
		S: 250-AUTH PLAIN LOGIN
		S: 250 Ok`)
	return c
}

func plainAuth(user, password string) string {
	return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password))
}

// login is a session that may send.
func (w *world) login(t *testing.T) *client {
	t.Helper()
	c := w.secure(t)
	c.talk("C: " + plainAuth(keyID, smtpcred.Password(secretKey, region)) + "\nS: 235 Authentication successful.")
	return c
}

// envelope begins a transaction.
func (c *client) envelope(from string, to ...string) {
	c.t.Helper()
	c.talk("C: MAIL FROM:<" + from + ">\nS: 250 Ok")
	for _, r := range to {
		c.talk("C: RCPT TO:<" + r + ">\nS: 250 Ok")
	}
	c.talk("C: DATA\nS: 354 End data with <CR><LF>.<CR><LF>")
}

var accepted = regexp.MustCompile(`^250 Ok ([0-9a-f-]{60})$`)

// data sends a message and returns its id.
func (c *client) data(message string) string {
	c.t.Helper()
	c.send(strings.ReplaceAll(message, "\n", "\r\n") + "\r\n.\r\n")
	reply := c.line()
	m := accepted.FindStringSubmatch(reply)
	if m == nil || !msgid.Valid(m[1]) || !strings.HasPrefix(m[1], "0101") {
		c.t.Fatalf("%q, want 250 Ok and an id of the region", reply)
	}
	return m[1]
}
