// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/event"
	"sesame/internal/core/intake"
	"sesame/internal/core/setting"
	"sesame/internal/proto/smtpserver"
)

// envelopeSink is a mail server that keeps the envelope of each transaction.
type envelopeSink struct {
	clearSink
	mu        sync.Mutex
	envelopes []envelope
}

type envelope struct {
	from string
	to   []string
}

// transaction is a session with an envelopeSink.
type transaction struct {
	*envelopeSink
	envelope
}

func (k *envelopeSink) NewSession(context.Context, smtpserver.ConnInfo) (smtpserver.Session, error) {
	return &transaction{envelopeSink: k}, nil
}

func (t *transaction) Mail(_ context.Context, from address.Address, _ smtpserver.MailParams) error {
	t.from = from.String()
	return nil
}

func (t *transaction) Rcpt(_ context.Context, to address.Address) error {
	t.to = append(t.to, to.String())
	return nil
}

func (t *transaction) Reset() { t.envelope = envelope{} }

func (t *transaction) Data(context.Context, []byte) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.envelopes = append(t.envelopes, t.envelope)
	return "", nil
}

// awaitAll waits until n recipients have got the message.
func (s *Server) awaitAll(t *testing.T, id string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for delivered := 0; delivered < n; {
		err := s.db.QueryRow(ctx, `SELECT count(*) FROM outbox WHERE message_id = ? AND kind = ?`, id, string(event.Delivery)).Scan(&delivered)
		if err != nil {
			t.Fatalf("%d of %d deliveries: %v", delivered, n, err)
		}
		<-tick.C
	}
}

// TestAConfigurationSetSharesTheReturnPath: with the setting, the recipients of a domain get
// the message in one transaction; without it, each has one, and a return path of its own.
func TestAConfigurationSetSharesTheReturnPath(t *testing.T) {
	t.Parallel()
	k := &envelopeSink{}
	s, ctx := towards(t, k), t.Context()
	sc := scope.Scope{Account: "123456789012", Region: "us-east-1"}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s.sender(t, sc)
	ok(s.configSets.Create(ctx, configset.Set{Scope: sc, Name: "shared", Options: configset.Default()}))
	yes := true
	ok(s.settings.Put(ctx, setting.Resource{Scope: sc, Kind: setting.ConfigurationSet, Name: "shared"}, setting.Own{SharedReturnPath: &yes}))
	for set, want := range map[string]string{"shared": "a@x.example b@x.example c@x.example | z@y.example", "": "a@x.example | b@x.example | c@x.example | z@y.example"} {
		id, err := s.intake.Accept(ctx, intake.Submission{
			Scope: sc, Principal: account.Principal{Account: sc.Account, User: "u"}, Operation: "SendRawEmail", Action: "ses:SendRawEmail", ConfigSet: set,
			Raw: []byte("From: a@example.com\r\nTo: a@x.example, b@x.example, z@y.example, c@x.example\r\nSubject: x\r\n\r\nx"),
		})
		ok(err)
		s.awaitAll(t, id, 4)
		k.mu.Lock()
		var got, from []string
		for _, e := range k.envelopes {
			got, from = append(got, strings.Join(e.to, " ")), append(from, e.from)
		}
		k.envelopes = nil
		k.mu.Unlock()
		slices.Sort(got)
		slices.Sort(from)
		if all := strings.Join(got, " | "); all != want {
			t.Errorf("set %q: %s, want %s", set, all, want)
		}
		if paths := len(slices.Compact(from)); set == "" && paths != 4 || set != "" && paths != 1 {
			t.Errorf("set %q: %d return paths", set, paths)
		}
	}
}
