// SPDX-License-Identifier: Apache-2.0

package submission_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"strings"
	"testing"

	"sesame/internal/core/account"
	"sesame/internal/core/intake"
	"sesame/internal/proto/smtpcred"
)

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
