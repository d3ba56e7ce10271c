// SPDX-License-Identifier: Apache-2.0

// Package clients_test has the clients that people use send mail through `sesame dev`,
// as they were published: only the endpoint, the keys and the CA differ from SES, and
// those come from dev.env. Each mail is read back from the mailbox and compared. The
// programs in scripts are meant to be read as samples.
package clients_test

import (
	"encoding/json"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// identities creates identities over API v2, for clients that only speak SMTP.
func identities(t *testing.T, s *harness.Server, names ...string) {
	t.Helper()
	for _, name := range names {
		status, body := s.Call(t, "POST", "/v2/email/identities", map[string]string{"EmailIdentity": name})
		if status != 200 {
			t.Fatalf("create identity %s: HTTP %d: %s", name, status, body)
		}
	}
}

// script runs a program of the folder scripts in the server's environment.
func script(t *testing.T, s *harness.Server, interpreter, name string, args ...string) harness.Result {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("scripts", name))
	if err != nil {
		t.Fatal(err)
	}
	return s.Run(t, interpreter, append([]string{path}, args...)...)
}

// npm is need.NPM of this folder's node_modules.
func npm(t *testing.T, packages ...string) string {
	t.Helper()
	return need.NPM(t, "node_modules", packages...)
}

// port returns the port of an address. The host of the certificates is localhost.
func port(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestJavaScript(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		script   string
		packages []string
		secure   bool
		cases    map[string]want
	}{
		{"API v2", "sesv2.mjs", []string{"@aws-sdk/client-sesv2"}, false, casesV2},
		{"API v2 over HTTPS", "sesv2.mjs", []string{"@aws-sdk/client-sesv2"}, true, casesV2},
		{"API v1", "ses.mjs", []string{"@aws-sdk/client-ses"}, false, casesV1},
		{"nodemailer's SES transport", "nodemailer-ses.mjs", []string{"nodemailer", "@aws-sdk/client-sesv2"}, true, casesNodemailer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			node := npm(t, test.packages...)
			s := harness.Dev(t)
			if test.secure {
				s.Env["AWS_ENDPOINT_URL"] = s.Secure
			}
			checkScript(t, s, script(t, s, node, test.script), test.cases)
		})
	}
}

func TestNodemailerSMTP(t *testing.T) {
	t.Parallel()
	node := npm(t, "nodemailer")
	s := harness.Dev(t)
	identities(t, s, "example.com")
	mail := want{
		From: "sender@example.com", To: []string{"to@example.net"},
		Text: "Sent over SMTP.", HTML: "<p>Sent over SMTP.</p>",
	}
	cases := map[string]want{"nodemailer starttls": mail, "nodemailer tls": mail}
	for name, subject := range map[string]string{"nodemailer starttls": "nodemailer, STARTTLS", "nodemailer tls": "nodemailer, TLS"} {
		w := cases[name]
		w.Subject = subject
		cases[name] = w
	}
	checkScript(t, s, script(t, s, node, "nodemailer-smtp.mjs"), cases)
}

func TestBoto3(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		script string
		secure bool
		cases  map[string]want
	}{
		{"API v2", "sesv2.py", false, without(casesV2, "v2 attachments", "v2 headers")},
		{"API v1", "ses.py", false, casesV1},
		{"API v1 over HTTPS", "ses.py", true, casesV1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			python := need.Module(t, need.Boto3)
			s := harness.Dev(t)
			if test.secure {
				s.Env["AWS_ENDPOINT_URL"] = s.Secure
			}
			checkScript(t, s, script(t, s, python, test.script), test.cases)
		})
	}
}

func TestAWSCLI(t *testing.T) {
	t.Parallel()
	need.Program(t, need.AWSCLI)
	s := harness.Dev(t)
	s.Env["AWS_ENDPOINT_URL"] = s.Secure
	cases := merged(
		without(casesV2, "v2 html", "v2 attachments", "v2 headers", "v2 raw", "v2 raw alone"),
		without(casesV1, "v1 html", "v1 raw"),
	)
	checkScript(t, s, script(t, s, "/bin/sh", "awscli.sh"), cases)
}

// TestCurl signs with a third implementation of Signature Version 4.
func TestCurl(t *testing.T) {
	t.Parallel()
	curl := need.Program(t, need.Curl)
	s := harness.Dev(t)
	identities(t, s, "example.com")
	r := s.RunInput(t, `{
  "FromEmailAddress": "sender@example.com",
  "Destination": {"ToAddresses": ["to@example.net"]},
  "Content": {"Simple": {"Subject": {"Data": "From curl"}, "Body": {"Text": {"Data": "One request."}}}}
}`, curl, "--silent", "--show-error", "--fail-with-body", "--cacert", s.CAFile,
		"--aws-sigv4", "aws:amz:"+harness.Region+":ses", "--user", harness.AccessKey+":"+harness.SecretKey,
		"--header", "Content-Type: application/json", "--data-binary", "@-", s.Secure+"/v2/email/outbound-emails")
	var answer struct{ MessageId string }
	if err := json.Unmarshal([]byte(r.Stdout), &answer); err != nil || r.Code != 0 {
		t.Fatalf("exit code %d, %v\n%s\n%s", r.Code, err, r.Stdout, r.Stderr)
	}
	check(t, s, answer.MessageId, want{
		From: "sender@example.com", To: []string{"to@example.net"}, Subject: "From curl", Text: "One request.",
	})
}

// TestPythonSMTP runs the program that SES's documentation suggests for people with
// access keys: a derived password, a verified certificate, and a message without a
// header section, which goes to its envelope's recipient.
func TestPythonSMTP(t *testing.T) {
	t.Parallel()
	python := need.Program(t, need.Python)
	s := harness.Dev(t)
	identities(t, s, "example.com")
	r := script(t, s, python, "smtp_demo.py")
	reply := regexp.MustCompile(`^250 Ok (\S+)\n$`).FindStringSubmatch(r.Stdout)
	if r.Code != 0 || reply == nil {
		t.Fatalf("exit code %d\n%s\n%s", r.Code, r.Stdout, r.Stderr)
	}
	mail := s.WaitMail(t, "sender@example.com", "")
	compare(t, "message id", mail.MessageId, reply[1])
	compare(t, "envelope recipients", mail.Envelope.To, []string{"sender@example.com"})
	source := parse(t, s.RawMail(t, mail.Id))
	compare(t, "Message-ID", source.Header["Message-Id"], "<"+reply[1]+"@email.amazonses.com>")
	if got := lines(source.Text); !strings.HasSuffix(got, "Subject: Hi there\n\nThis message was sent with Python.") {
		t.Errorf("body = %q", got)
	}
}

func TestPythonEmailMIME(t *testing.T) {
	t.Parallel()
	python := need.Program(t, need.Python)
	s := harness.Dev(t)
	identities(t, s, "example.com")
	checkScript(t, s, script(t, s, python, "email_mime.py"), map[string]want{"email.mime": {
		From: "Python <sender@example.com>", To: []string{"to@example.net"}, Subject: "Prüfbericht",
		Text: "Alles in Ordnung: 5 €.", HTML: "<p>Alles in Ordnung: 5 €.</p>",
		Attachments: []attachment{{Name: "report.csv", Type: "application/octet-stream", Content: "a;b\r\n1;2\r\n"}},
	}})
}
