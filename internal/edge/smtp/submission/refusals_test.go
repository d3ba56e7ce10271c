// SPDX-License-Identifier: Apache-2.0

package submission_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/account"
	"sesame/internal/core/intake"
	"sesame/internal/core/quota"
)

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
