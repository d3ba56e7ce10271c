// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"regexp"
	"strings"
	"testing"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// accepted finds the message id in a transcript of swaks.
var accepted = regexp.MustCompile(`<[-~]+ +250 Ok (\S+)`)

func TestSwaks(t *testing.T) {
	t.Parallel()
	swaks := need.Program(t, need.Swaks)
	s := harness.Dev(t)
	identities(t, s, "example.com")
	// The password goes through a file of arguments, as it would in real life.
	send := func(t *testing.T, subject string, args ...string) harness.Result {
		t.Helper()
		return s.Run(t, swaks, append([]string{
			"--server", "localhost", "--tls-verify", "--tls-ca-path", s.CAFile,
			"--from", "sender@example.com", "--to", "to@example.net",
			"--header", "Subject: " + subject, "--body", "Sent with swaks.",
		}, args...)...)
	}
	starttls := []string{"--port", port(t, s.SMTP), "--tls"}
	tls := []string{"--port", port(t, s.SMTPS), "--tls-on-connect"}
	user := []string{"--auth-user", s.Env["SESAME_SMTP_USER"]}
	password := append(user, "--auth-password", s.Env["SESAME_SMTP_PASSWORD"])

	good := []struct {
		name string
		args [][]string
	}{
		{"STARTTLS and AUTH PLAIN", [][]string{starttls, {"--auth", "PLAIN"}, password}},
		{"STARTTLS and AUTH LOGIN", [][]string{starttls, {"--auth", "LOGIN"}, password}},
		{"TLS and AUTH PLAIN", [][]string{tls, {"--auth", "PLAIN"}, password}},
		{"TLS and AUTH LOGIN", [][]string{tls, {"--auth", "LOGIN"}, password}},
		{"all commands of the message at once", [][]string{starttls, {"--pipeline", "--auth", "PLAIN"}, password}},
	}
	for _, test := range good {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			subject := "swaks, " + test.name
			r := send(t, subject, flat(test.args)...)
			id := accepted.FindStringSubmatch(r.Stdout)
			if r.Code != 0 || id == nil {
				t.Fatalf("exit code %d\n%s\n%s", r.Code, r.Stdout, r.Stderr)
			}
			check(t, s, id[1], want{
				From: "sender@example.com", To: []string{"to@example.net"}, Subject: subject, Text: "Sent with swaks.",
			})
		})
	}

	bad := []struct {
		name  string
		args  [][]string
		reply string
	}{
		{"a wrong password", [][]string{starttls, {"--auth", "PLAIN", "--auth-password", "wrong"}, user}, "535 Authentication Credentials Invalid"},
		{"a wrong password over AUTH LOGIN", [][]string{tls, {"--auth", "LOGIN", "--auth-password", "wrong"}, user}, "535 Authentication Credentials Invalid"},
		{"no authentication", [][]string{starttls}, "530 Authentication required"},
		{"a sender that is not verified", [][]string{starttls, {"--auth", "PLAIN", "--from", "stranger@unverified.example"}, password},
			"554 Message rejected: Email address is not verified. The following identities failed the check in region us-east-1: stranger@unverified.example"},
	}
	for _, test := range bad {
		t.Run("refused: "+test.name, func(t *testing.T) {
			t.Parallel()
			r := send(t, "never to be seen", flat(test.args)...)
			if r.Code == 0 {
				t.Error("swaks was content")
			}
			if !strings.Contains(strings.ToLower(r.Stdout), strings.ToLower(test.reply)) {
				t.Errorf("no %q in:\n%s", test.reply, r.Stdout)
			}
		})
	}
	t.Run("nothing refused arrived", func(t *testing.T) {
		for _, m := range s.Mails(t) {
			if m.Subject == "never to be seen" {
				t.Errorf("arrived: %+v", m)
			}
		}
	})
}

func flat(lists [][]string) []string {
	var all []string
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}
