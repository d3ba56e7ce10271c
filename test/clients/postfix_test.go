// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"net/smtp"
	"regexp"
	"strings"
	"testing"

	"sesame/test/harness"
)

// A company's Postfix sends everything through Sesame, as SES's documentation tells it
// to: SASL over STARTTLS.
//
//	program --SMTP--> Postfix --STARTTLS, AUTH--> sesame dev --> its mailbox
func TestPostfixRelay(t *testing.T) {
	t.Parallel()
	s := harness.Dev(t)
	identities(t, s, "example.com")
	relay := "[localhost]:" + port(t, s.SMTP)
	postfix := harness.StartPostfix(t, harness.PostfixOptions{Name: "relay.example.com", Setting: map[string]string{
		"relayhost":                  relay,
		"virtual_mailbox_domains":    "",
		"virtual_mailbox_maps":       "",
		"smtp_host_lookup":           "native",
		"smtp_sasl_auth_enable":      "yes",
		"smtp_sasl_password_maps":    "inline:{{" + relay + " = " + s.Env["SESAME_SMTP_USER"] + ":" + s.Env["SESAME_SMTP_PASSWORD"] + "}}",
		"smtp_sasl_security_options": "noanonymous",
		"smtp_tls_security_level":    "verify",
		"smtp_tls_CAfile":            s.CAFile,
		"smtp_tls_loglevel":          "1",
	}})

	message := strings.ReplaceAll(`From: Cron Daemon <sender@example.com>
To: to@example.net
Cc: cc@example.net
Subject: Relayed by Postfix
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

.. a line that begins with dots
.
Grüße – and a line of its own with one dot above.
`, "\n", "\r\n")
	if err := smtp.SendMail(postfix.Addr, nil, "sender@example.com", []string{"to@example.net", "cc@example.net"}, []byte(message)); err != nil {
		t.Fatal(err)
	}
	s.WaitMail(t, "to@example.net", "Relayed by Postfix")

	reply := regexp.MustCompile(`status=sent \(250 Ok (\S+)\)`)
	var id []string
	harness.Eventually(t, "Postfix to log Sesame's reply", func() bool {
		id = reply.FindStringSubmatch(postfix.Log())
		return id != nil
	})
	check(t, s, id[1], want{
		Envelope: []string{"to@example.net", "cc@example.net"},
		From:     "Cron Daemon <sender@example.com>", To: []string{"to@example.net"}, Cc: []string{"cc@example.net"},
		Subject: "Relayed by Postfix",
		Text:    ".. a line that begins with dots\n.\nGrüße – and a line of its own with one dot above.",
	})
	if log := postfix.Log(); !strings.Contains(log, "Verified TLS connection established to localhost") {
		t.Errorf("the connection was not verified:\n%s", log)
	}
}
