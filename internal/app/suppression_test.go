// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"strings"
	"testing"

	"sesame/internal/base/address"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/event"
	"sesame/internal/core/intake"
	"sesame/internal/proto/smtpserver"
)

// pickySink is a mail server that knows nobody whose name begins with "gone", and does not
// like those whose name begins with "spam".
type pickySink struct{ clearSink }

func (k *pickySink) NewSession(context.Context, smtpserver.ConnInfo) (smtpserver.Session, error) {
	return k, nil
}

func (k *pickySink) Rcpt(_ context.Context, a address.Address) error {
	switch {
	case strings.HasPrefix(a.Local, "gone"):
		return smtpserver.Reply{Code: 550, Text: "No such user here"}
	case strings.HasPrefix(a.Local, "spam"):
		return smtpserver.Reply{Code: 550, Text: "Blocked by our policy"}
	}
	return nil
}

// TestWhatBouncesIsSuppressed is the whole way: who does not exist goes on the list in the
// commit of the bounce, and the next message to the address is accepted and not sent. A
// refusal of the message, and a set that suppresses nothing, put nobody there.
func TestWhatBouncesIsSuppressed(t *testing.T) {
	t.Parallel()
	s, ctx := towards(t, &pickySink{}), t.Context()
	sc := scope.Scope{Account: "123456789012", Region: "us-east-1"}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s.sender(t, sc)
	none := configset.Default()
	none.Suppressed = &[]string{}
	ok(s.configSets.Create(ctx, configset.Set{Scope: sc, Name: "none", Options: none}))
	send := func(to, set string) event.Detail {
		t.Helper()
		id, err := s.intake.Accept(ctx, intake.Submission{
			Scope: sc, Principal: account.Principal{Account: sc.Account, User: "u"}, Operation: "SendRawEmail", Action: "ses:SendRawEmail",
			MaxBytes: intake.MaxBytesV1, ConfigSet: set, Raw: []byte("From: a@example.com\r\nTo: " + to + "@example.net\r\nSubject: x\r\n\r\nx"),
		})
		ok(err)
		d := s.await(t, id, event.Bounce)
		if e, err := s.suppression.Get(ctx, sc, to+"@example.net"); err == nil && e.MessageID != id && d.Cause != "suppressed" {
			t.Errorf("%s: the entry names %s, not %s", to, e.MessageID, id)
		}
		return d
	}
	for _, c := range []struct {
		to, set       string
		first, second string // cause of the bounce
	}{
		{"gone", "", "reply", "suppressed"},
		{"spam", "", "reply", "reply"},
		{"gone.too", "none", "reply", "reply"},
	} {
		if got := send(c.to, c.set).Cause; got != c.first {
			t.Errorf("%s: the first bounced by %s", c.to, got)
		}
		d := send(c.to, c.set)
		if d.Cause != c.second || c.second == "suppressed" && d.BounceSubType != "OnAccountSuppressionList" {
			t.Errorf("%s: the second bounced by %+v", c.to, d)
		}
	}
	ok(s.suppression.Delete(ctx, sc, "gone@example.net"))
	if d := send("gone", ""); d.Cause != "reply" {
		t.Errorf("taken off the list, it bounced by %+v", d)
	}
}
