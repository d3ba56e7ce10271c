// SPDX-License-Identifier: Apache-2.0

package submission_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
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

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
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
	log      *logBuffer
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

// logBuffer keeps what was logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
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
	w := &world{db: storetest.SQLite(t), clock: clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), log: &logBuffer{}}
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

func TestAMessageIsAcceptedWithItsID(t *testing.T) {
	t.Parallel()
	w, kept := newWorld(t)
	c := w.login(t)
	c.envelope(sender, "a@example.net", "b@Example.NET")
	id := c.data("From: Sender <" + sender + ">\nTo: x@example.net\nBcc: hidden@example.net\nSubject: Hi\nX-SES-MESSAGE-TAGS: a=b\n\nHello\n..stuffed")
	m := kept.get(id)
	if m.Scope != home || m.Operation != "SMTP" || m.Caller != "arn:aws:iam::"+accountID+":user/mailer" || m.SourceIP != "127.0.0.1" ||
		m.ReturnPath.String() != sender || m.Sender.String() != sender || m.Identity != sender || m.Subject != "Hi" || fmt.Sprint(m.Tags) != "[{a b}]" ||
		fmt.Sprint(m.Recipients) != "[a@example.net b@example.net]" {
		t.Errorf("%+v", m)
	}
	for _, want := range []string{"Message-ID: <" + id + "@us-west-2.amazonses.com>\r\n", "Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n", "\r\n\r\nHello\r\n.stuffed\r\n"} {
		if !strings.Contains(string(m.Content), want) {
			t.Errorf("no %q in\n%s", want, m.Content)
		}
	}
	if strings.Contains(string(m.Content), "hidden") || strings.Contains(string(m.Content), "X-SES") {
		t.Errorf("%s", m.Content)
	}

	// The same session sends more, pipelined, and forgets a transaction that is given up.
	c.envelope(sender, "c@example.net")
	second := c.data("From: " + sender + "\n\nagain")
	c.talk("C: MAIL FROM:<other@example.org>\nS: 250 Ok\nC: RCPT TO:<x@example.net>\nS: 250 Ok\nC: RSET\nS: 250 Ok")
	c.send("MAIL FROM:<" + sender + "> BODY=8BITMIME SIZE=100\r\nRCPT TO:<d@example.net>\r\nDATA\r\n")
	c.talk("S: 250 Ok\nS: 250 Ok\nS: 354 End data with <CR><LF>.<CR><LF>")
	third := c.data("From: " + sender + "\n\nKäse")
	c.talk("C: QUIT\nS: 221 Bye")
	if second == id || third == second || fmt.Sprint(kept.get(third).Recipients) != "[d@example.net]" || !kept.get(third).EightBit || kept.count() != 3 {
		t.Errorf("%s, %s, %s; %+v", id, second, third, kept.get(third))
	}
}

// TestTLSFromTheFirstByte is the TLS wrapper of ports 465 and 2465.
func TestTLSFromTheFirstByte(t *testing.T) {
	t.Parallel()
	w, kept := newWorld(t, func(s *settings) { s.server.RequireTLS, s.server.Implicit = false, true })
	c := w.dial(t)
	conn := tls.Client(c.conn, w.tls)
	c.conn, c.r = conn, bufio.NewReader(conn)
	c.talk("S: 220 email-smtp.amazonaws.com ESMTP SimpleEmailService-d-TEST ID\nC: HELO client.test\nS: 250 email-smtp.amazonaws.com\nC: MAIL FROM:<" + sender +
		">\nS: 530 Authentication required\nC: " + plainAuth(keyID, smtpcred.Password(secretKey, region)) + "\nS: 235 Authentication successful.")
	c.envelope(sender, "a@example.net")
	if id := c.data("From: " + sender + "\n\nx"); kept.get(id) == nil {
		t.Error("it was not stored")
	}
}

func TestAuthLogin(t *testing.T) {
	t.Parallel()
	w, _ := newWorld(t)
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	c := w.secure(t)
	c.talk("C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: " + b64(keyID) + "\nS: 334 UGFzc3dvcmQ6\nC: " + b64(smtpcred.Password(secretKey, region)) +
		"\nS: 235 Authentication successful.")
}

func TestCredentialsThatAreNotOfThisEndpoint(t *testing.T) {
	t.Parallel()
	w, _ := newWorld(t)
	right := smtpcred.Password(secretKey, region)
	for name, line := range map[string]string{
		"of another region":             plainAuth(keyID, smtpcred.Password(secretKey, "us-east-1")),
		"the secret key itself":         plainAuth(keyID, secretKey),
		"a wrong password":              plainAuth(keyID, right+"x"),
		"no password":                   plainAuth(keyID, ""),
		"of a user that does not exist": plainAuth("AKIAEXAMPLEEXAMPLE99", right),
		"of a user that can't be one":   plainAuth("mailer", right),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := w.secure(t)
			c.talk("C: " + line + "\nS: 535 Authentication Credentials Invalid\nC: MAIL FROM:<" + sender + ">\nS: 530 Authentication required")
		})
	}
	t.Run("none, and in clear text", func(t *testing.T) {
		t.Parallel()
		c := w.dial(t)
		c.line()
		c.talk("C: HELO x\nS: 250 email-smtp.amazonaws.com\nC: MAIL FROM:<" + sender + ">\nS: 530 Must issue a STARTTLS command first\nC: " + plainAuth(keyID, right) +
			"\nS: 530 Must issue a STARTTLS command first")
	})
}

// TestRefusalsOfTheEnvelope are replies to MAIL and RCPT.
func TestRefusalsOfTheEnvelope(t *testing.T) {
	t.Parallel()
	w, kept := newWorld(t)
	c := w.login(t)
	c.talk(`
		C: MAIL FROM:<>
		S: 553 <> Invalid email address
		C: MAIL FROM:<a b@example.com>
		S: 553 <a b@example.com> Invalid email address
		C: MAIL FROM:<nobody>
		S: 553 <nobody> Invalid email address
		C: RCPT TO:<a@example.net>
		S: 503 Error: need MAIL command
		C: MAIL FROM:<` + sender + `>
		S: 250 Ok
		C: RCPT TO:<a b@example.net>
		S: 553 <a b@example.net> address unknown
		C: RCPT TO:<>
		S: 553 <> address unknown
		C: RCPT TO:<postmaster>
		S: 553 <postmaster> address unknown
		C: DATA
		S: 554 No valid recipients
		C: MAIL FROM:<` + sender + `> SIZE=` + fmt.Sprint(intake.MaxBytesV2+1) + `
		S: 503 Error: sender already specified
		C: RSET
		S: 250 Ok
		C: MAIL FROM:<` + sender + `> SIZE=` + fmt.Sprint(intake.MaxBytesV2+1) + `
		S: 552 Message is too long.`)
	if kept.count() != 0 {
		t.Error("something was stored")
	}
}

// TestRefusalsOfTheMessage are replies to the end of DATA.
func TestRefusalsOfTheMessage(t *testing.T) {
	t.Parallel()
	many := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("r%d@example.net", i))
		}
		return list
	}
	long := make([]string, 12)
	for i := range long {
		long[i] = fmt.Sprintf("%02d%s@example.org", i, strings.Repeat("x", 30))
	}
	w, kept := newWorld(t)
	for _, tc := range []struct {
		name, from string
		to         []string
		message    string
		want       string
	}{
		{"a sender that is not verified", "stranger@example.org", nil, "From: stranger@example.org\n\nx",
			"554 Message rejected: Email address is not verified. The following identities failed the check in region US-WEST-2: stranger@example.org"},
		{"senders that are not verified", "a@example.org", nil, "From: b@example.org\nSender: c@example.org\n\nx",
			"554 Message rejected: Email address is not verified. The following identities failed the check in region US-WEST-2: a@example.org, b@example.org, c@example.org"},
		{"51 recipients", sender, many(51), "From: " + sender + "\n\nx", "554 Transaction failed: Recipient count exceeds 50."},
		{"a field twice", sender, nil, "From: " + sender + "\nSubject: 1\nSubject: 2\n\nx", "554 Transaction failed: Duplicate header 'Subject'."},
		{"a file that is not sent", sender, nil, "From: " + sender + "\nContent-Disposition: attachment; filename=a.exe\n\nx", "554 Transaction failed: Illegal filename 'a.exe'."},
		{"a From that can't be read", sender, nil, "From: nobody\n\nx", "554 Transaction failed: Missing final '@domain'"},
		{"a configuration set that does not exist", sender, nil, "From: " + sender + "\nX-SES-CONFIGURATION-SET: none\n\nx",
			"554 Transaction failed: Configuration set <none> does not exist."},
		{"a configuration set that is paused", sender, nil, "From: " + sender + "\nX-SES-CONFIGURATION-SET: paused\n\nx",
			"554 Transaction failed: Sending is paused for configuration set paused"},
		{"a control field that is not built", sender, nil, "From: " + sender + "\nX-SES-TENANT: t\n\nx",
			"554 Transaction failed: The header X-SES-TENANT is not implemented by this server."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.to == nil {
				tc.to = []string{"a@example.net"}
			}
			c := w.login(t)
			c.envelope(tc.from, tc.to...)
			c.send(strings.ReplaceAll(tc.message, "\n", "\r\n") + "\r\n.\r\n")
			c.talk("S: " + tc.want + "\nC: NOOP\nS: 250 Ok")
			if kept.count() != 0 {
				t.Error("a refused message was stored")
			}
		})
	}
	t.Run("a list of identities that is cut", func(t *testing.T) {
		t.Parallel()
		c := w.login(t)
		c.envelope(sender, "a@example.net")
		c.send("From: " + strings.Join(long, ",\r\n ") + "\r\n\r\nx\r\n.\r\n")
		reply := c.line()
		if !strings.HasPrefix(reply, "554 Message rejected: Email address is not verified. The following identities failed the check in region US-WEST-2: "+long[0]) ||
			!strings.HasSuffix(reply, "...") || len(reply) > 510 {
			t.Errorf("%d: %s", len(reply), reply)
		}
	})
}

func TestAMessageWithoutHeaderSection(t *testing.T) {
	t.Parallel()
	w, kept := newWorld(t)
	for name, tc := range map[string]struct{ message, body string }{
		"an empty line first": {"\nHello there\n\nThis is text.", "\r\n\r\nHello there\r\n\r\nThis is text.\r\n"},
		"no From":             {"Subject: Hi\n\nbody", "\r\n\r\nbody\r\n"},
		"nothing at all":      {"", "\r\n\r\n"},
		"an empty From":       {"From: \nSubject: Hi\n\nbody", "\r\n\r\nbody\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := w.login(t)
			c.envelope(sender, "a@example.net")
			m := kept.get(c.data(tc.message))
			if text := string(m.Content); strings.Count(text, "From: ") != 1 || !strings.Contains(text, "From: "+sender+"\r\n") || !strings.HasSuffix(text, tc.body) {
				t.Errorf("sent\n%q", text)
			}
		})
	}
}

func TestAMessageThatIsTooLong(t *testing.T) {
	t.Parallel()
	w, kept := newWorld(t, func(s *settings) { s.server.Limits.MaxMessageBytes = intake.MaxBytesV2 })
	c := w.login(t)
	c.envelope(sender, "a@example.net")
	line := strings.Repeat("x", 998) + "\r\n"
	chunk := strings.Repeat(line, 1<<20/len(line)+1)
	for sent := 0; sent <= intake.MaxBytesV2; sent += len(chunk) {
		c.send(chunk)
	}
	c.send(".\r\n")
	c.talk("S: 552 Message is too long.\nC: NOOP\nS: 250 Ok")
	if kept.count() != 0 {
		t.Error("it was stored")
	}
}

func TestOverTheQuotas(t *testing.T) {
	t.Parallel()
	for want, limits := range map[string]quota.Limits{
		"454 Throttling failure: Daily message quota exceeded":  {Daily: 1},
		"454 Throttling failure: Maximum sending rate exceeded": {Rate: 0.5},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w, kept := newWorld(t, func(s *settings) { s.limits = limits })
			c := w.login(t)
			c.envelope(sender, "a@example.net")
			c.data("From: " + sender + "\n\nfirst")
			for range 2 {
				c.envelope(sender, "a@example.net")
				c.send("From: " + sender + "\r\n\r\nsecond\r\n.\r\n")
				c.talk("S: " + want)
			}
			if kept.count() != 1 {
				t.Errorf("%d messages", kept.count())
			}
		})
	}
}

// failing fails as it is told.
type failing struct{ err error }

func (f failing) SMTP(context.Context, string, string, string) (account.Principal, error) {
	return account.Principal{}, f.err
}

func (f failing) Accept(context.Context, intake.Submission) (string, error) { return "", f.err }

var errSecret = errors.New("dial tcp 10.0.0.7:5432: password=hunter2")

// TestFaultsOfTheServer are temporary for the client, and say nothing of their cause.
func TestFaultsOfTheServer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"a defect":             {errSecret, "451 Temporary service failure"},
		"an outage":            {&fault.Error{Kind: fault.Unavailable, Text: "Temporary service failure", Err: errSecret}, "454 Temporary service failure"},
		"access denied":        {fault.New(fault.AccessDenied, "User `u' is not authorized to perform `ses:SendRawEmail' on resource `r'"), "554 Access denied: User `u' is not authorized to perform `ses:SendRawEmail' on resource `r'"},
		"two lines":            {fault.New(fault.Invalid, "one\r\n250 Ok forged"), "554-Transaction failed: one"},
		"a database that went": {fault.Wrap("identity.Get", errSecret), "451 Temporary service failure"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := newWorld(t, func(s *settings) { s.change = func(w *world) { w.intake = failing{tc.err} } })
			c := w.login(t)
			c.envelope(sender, "a@example.net")
			c.send("From: " + sender + "\r\n\r\nx\r\n.\r\n")
			c.talk("S: " + tc.want)
			if name == "two lines" {
				c.talk("S: 554 250 Ok forged") // still the refusal
			}
			c.talk("C: NOOP\nS: 250 Ok")
			if strings.Contains(tc.want, "Temporary") && name != "an outage" && !strings.Contains(w.log.String(), "hunter2") {
				t.Error("the log does not have the cause")
			}
		})
	}
	t.Run("nobody can be authenticated", func(t *testing.T) {
		t.Parallel()
		w, _ := newWorld(t, func(s *settings) { s.change = func(w *world) { w.auth = failing{errSecret} } })
		c := w.secure(t)
		c.talk("C: " + plainAuth(keyID, "x") + "\nS: 454 Temporary authentication failure")
		if !strings.Contains(w.log.String(), "hunter2") {
			t.Error("the log does not have the cause")
		}
	})
	t.Run("the database is closed", func(t *testing.T) {
		t.Parallel()
		w, kept := newWorld(t)
		c := w.login(t)
		if err := w.db.Close(); err != nil {
			t.Fatal(err)
		}
		c.envelope(sender, "a@example.net")
		c.send("From: " + sender + "\r\n\r\nx\r\n.\r\n")
		if reply := c.line(); reply != "451 Temporary service failure" && reply != "454 Temporary service failure" {
			t.Errorf("%s", reply)
		}
		stranger := w.secure(t)
		stranger.talk("C: " + plainAuth("AKIAEXAMPLEEXAMPLE02", "x") + "\nS: 454 Temporary authentication failure")
		if kept.count() != 0 {
			t.Error("it was stored")
		}
	})
}

func TestLimitsOfSessions(t *testing.T) {
	t.Parallel()
	w, _ := newWorld(t, func(s *settings) {
		s.server.Limits.MaxSessions = 1
		s.server.Limits.IdleTimeout = 200 * time.Millisecond
	})
	c := w.dial(t)
	c.line()
	w.dial(t).talk("S: 421 Too many concurrent SMTP connections")
	c.talk("S: 451 4.4.2 Timeout waiting for data from client.")
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	w, _ := newWorld(t)
	password := smtpcred.Password(secretKey, region)
	c := w.login(t)
	c.envelope(sender, "a@example.net")
	const body = "DearReaderThisIsBetweenUs"
	c.data("From: " + sender + "\nSubject: " + body + "\n\n" + body)
	c.envelope("stranger@example.org", "a@example.net")
	c.send("From: stranger@example.org\r\n\r\n" + body + "\r\n.\r\n")
	c.line()
	wrong := w.secure(t)
	wrong.talk("C: " + plainAuth(keyID, password+"x") + "\nS: 535 Authentication Credentials Invalid")
	wrong.talk("C: " + password + "\nS: 500 Command not recognized") // at the wrong time
	log := w.log.String()
	if !strings.Contains(log, "MAIL FROM") || !strings.Contains(log, "250 Ok 0101") {
		t.Errorf("there is no trace of the dialogue:\n%s", log)
	}
	for what, secret := range map[string]string{
		"the secret key": secretKey, "the password": password, "the body": body,
		"the AUTH line": strings.TrimPrefix(plainAuth(keyID, password), "AUTH PLAIN "),
	} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %s", what)
		}
	}
}

// TestAConnectionWithoutAPort is one that is not over TCP, such as a test's.
func TestAConnectionWithoutAPort(t *testing.T) {
	t.Parallel()
	box := &box{}
	b := &submission.Backend{Auth: failing{}, Intake: box, Region: region}
	s, err := b.NewSession(t.Context(), smtpserver.ConnInfo{Remote: &net.UnixAddr{Name: "/run/x"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Rcpt(t.Context(), address.Address{Local: "postmaster"}); err == nil {
		t.Error("an address without a domain was taken")
	}
	if _, err := s.Data(t.Context(), nil); err != nil || box.got.SourceIP != "/run/x" || box.got.APIVersion != "2" || !box.got.HeaderOptional {
		t.Errorf("%+v, %v", box.got, err)
	}
}

// box is an intake that takes everything.
type box struct{ got intake.Submission }

func (b *box) Accept(_ context.Context, s intake.Submission) (string, error) {
	b.got = s
	return "id", nil
}

// TestAKeyThatIsDeletedEndsItsSessionsToo has a session that was there before.
func TestAKeyThatIsDeletedEndsItsSessionsToo(t *testing.T) {
	t.Parallel()
	w, kept := newWorld(t)
	c := w.login(t)
	c.envelope(sender, "a@example.net")
	c.send("From: " + sender + "\r\n\r\nfirst\r\n.\r\n")
	if reply := c.line(); !strings.HasPrefix(reply, "250 Ok") {
		t.Fatal(reply)
	}
	if err := w.accounts.DeleteUser(t.Context(), accountID, "mailer"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c.envelope(sender, "a@example.net")
		c.send("From: " + sender + "\r\n\r\nsecond\r\n.\r\n")
		c.talk("S: 535 Authentication Credentials Invalid")
	}
	// The same id for somebody else is not this session's.
	if _, err := w.accounts.CreateUser(t.Context(), account.NewUser{Account: accountID, Name: "other", KeyID: keyID, Secret: secretKey, Policies: []string{account.AdministratorAccess}}); err != nil {
		t.Fatal(err)
	}
	c.envelope(sender, "a@example.net")
	c.send("From: " + sender + "\r\n\r\nthird\r\n.\r\n")
	c.talk("S: 535 Authentication Credentials Invalid")
	if kept.count() != 1 {
		t.Errorf("%d messages", kept.count())
	}
}
