// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/event"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/proto/smtpserver"
)

// clearSink is a mail server without STARTTLS that takes everything.
type clearSink struct {
	mu    sync.Mutex
	taken []string // subjects
}

func (k *clearSink) NewSession(context.Context, smtpserver.ConnInfo) (smtpserver.Session, error) {
	return k, nil
}
func (k *clearSink) Auth(context.Context, string, string) error { return smtpserver.ErrCredentials }
func (k *clearSink) Mail(context.Context, address.Address, smtpserver.MailParams) error {
	return nil
}
func (k *clearSink) Rcpt(context.Context, address.Address) error { return nil }
func (k *clearSink) Reset()                                      {}
func (k *clearSink) Close()                                      {}
func (k *clearSink) Data(_ context.Context, message []byte) (string, error) {
	_, subject, _ := strings.Cut(string(message), "Subject: ")
	subject, _, _ = strings.Cut(subject, "\r\n")
	k.mu.Lock()
	defer k.mu.Unlock()
	k.taken = append(k.taken, subject)
	return "", nil
}

func (k *clearSink) got() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Join(k.taken, " ")
}

// towards is a server whose mail all goes to a sink.
func towards(t *testing.T, k smtpserver.Backend) *Server {
	t.Helper()
	srv, err := smtpserver.NewServer(smtpserver.Config{Hostname: "sink.example"}, k)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Shutdown(context.Background()) })
	c := config.Default()
	c.DataDir, c.Hostname = filepath.Join(t.TempDir(), "data"), "mail.example"
	c.Listen = config.Listen{HTTP: []string{"127.0.0.1:0"}}
	c.Routes = []config.Route{{Domain: "*", Hosts: []string{l.Addr().String()}}}
	c.Delivery.Retry = []config.Duration{{Duration: 50 * time.Millisecond}}
	s, err := Start(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// sender makes the user u of an account, who may do everything, and the identity example.com.
func (s *Server) sender(t *testing.T, sc scope.Scope) {
	t.Helper()
	user := account.NewUser{Account: sc.Account, Name: "u", KeyID: "AKIAEXAMPLEEXAMPLE01", Secret: "wJalrXUtnFEMI", Policies: []string{account.AdministratorAccess}}
	if _, err := s.accounts.CreateUser(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	if _, err := s.identities.Create(t.Context(), sc, "example.com", identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.identities.MarkVerified(t.Context(), sc, "example.com"); err != nil {
		t.Fatal(err)
	}
}

// TestASetThatRequiresTLSNeverSendsInClear has two sets: one requires TLS, for a while,
// and one does not. The server that the mail goes to has no TLS.
func TestASetThatRequiresTLSNeverSendsInClear(t *testing.T) {
	t.Parallel()
	sink := &clearSink{}
	s, ctx := towards(t, sink), t.Context()
	sc := scope.Scope{Account: "123456789012", Region: "us-east-1"}
	principal := account.Principal{Account: sc.Account, User: "u"}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s.sender(t, sc)
	strict := configset.Default()
	strict.TLSPolicy, strict.MaxDelivery = configset.TLSRequire, 700*time.Millisecond
	ok(s.configSets.Create(ctx, configset.Set{Scope: sc, Name: "strict", Options: strict}))
	ok(s.configSets.Create(ctx, configset.Set{Scope: sc, Name: "lax", Options: configset.Default()}))
	send := func(set string) string {
		t.Helper()
		id, err := s.intake.Accept(ctx, intake.Submission{
			Scope: sc, Principal: principal, Operation: "SendRawEmail", Action: "ses:SendRawEmail", MaxBytes: intake.MaxBytesV1, ConfigSet: set,
			Raw: []byte("From: a@example.com\r\nTo: b@example.net\r\nSubject: " + set + "\r\n\r\nx"),
		})
		ok(err)
		return id
	}
	id := send("strict")
	send("lax")
	bounce := s.await(t, id, event.Bounce)
	if !bounce.Expired || bounce.Cause != "tls-required" || bounce.Attempt < 2 {
		t.Errorf("%+v", bounce)
	}
	var reason, transcript string
	ok(s.db.QueryRow(ctx, `SELECT reason, transcript FROM attempts WHERE message_id = ? ORDER BY attempt DESC LIMIT 1`, id).Scan(&reason, &transcript))
	if !strings.Contains(reason, "message too old") || strings.Contains(transcript, "MAIL FROM") {
		t.Errorf("%s\n%s", reason, transcript)
	}
	// The set is asked at each attempt: what waits leaves when it lets go.
	ok(s.configSets.SetDelivery(ctx, sc, "strict", configset.Delivery{TLSPolicy: configset.TLSRequire}))
	waiting := send("strict")
	s.await(t, waiting, event.Delay)
	ok(s.configSets.Delete(ctx, sc, "strict"))
	s.await(t, waiting, event.Delivery)
	if got := sink.got(); got != "lax strict" {
		t.Errorf("sent in clear: %s", got)
	}
}

// await waits for an event of a message.
func (s *Server) await(t *testing.T, id string, kind event.Kind) (d event.Detail) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var payload string
		err := s.db.QueryRow(ctx, `SELECT payload FROM outbox WHERE message_id = ? AND kind = ?`, id, string(kind)).Scan(&payload)
		if err == nil {
			if err := json.Unmarshal([]byte(payload), &d); err != nil {
				t.Fatal(err)
			}
			return d
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("no %s of %s: %v", kind, id, err)
		}
	}
}
