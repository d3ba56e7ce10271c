// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/mail"
	"net/smtp"
	"os"
	"regexp"
	"strings"
	"testing"

	"sesame/test/harness"
)

// TestSignatures sends messages of every shape that has troubled signers, and has two
// other implementations verify what arrives: OpenDKIM at the door, dkimpy in the mailbox.
func TestSignatures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.dns.Add("example.net. 60 IN MX 10 mx.example.net.")
	s := w.serve(t, nil)

	head := "From: Sender <sender@example.com>\nTo: reader@example.net\nSubject: Signed\n"
	tests := []struct {
		name string
		text string
	}{
		{"plain text", head + "\nHello.\n"},
		{"no body", head + "\n"},
		{"empty lines at the end", head + "\nHello.\n\n\n\n"},
		{"no line end at the end", head + "\nHello."},
		{"lines that begin with dots", head + "\n.\n..\n. x\n.. x\n"},
		{"white space at line ends", head + "\nHello. \t \n   \nworld\t\n"},
		{"folded header fields", "From: Sender\n <sender@example.com>\nTo: reader@example.net,\n\tReader Two <two@example.net>\nSubject: A subject\n that goes on\n  and on\n\nHello.\n"},
		{"odd white space in header fields", "From:sender@example.com\nTo:    reader@example.net   \nSubject:\t tabs\tand  spaces \n\nHello.\n"},
		{"encoded words", "From: =?utf-8?q?J=C3=BCrgen?= <sender@example.com>\nTo: reader@example.net\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\n\nHello.\n"},
		{"eight-bit text", head + "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße aus Köln – 5 €.\n"},
		{"a long line", head + "\n" + strings.Repeat("0123456789", 99) + "\n"},
		{"several parts", head + `MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=_1"

This is seen by old readers.
--=_1
Content-Type: text/plain

Hello.
--=_1
Content-Type: text/html

<p>Hello.</p>
--=_1--
`},
		{"its own Date and Message-ID", head + "Date: Thu, 01 Jan 1998 00:00:00 +0000\nMessage-ID: <old@example.com>\n\nHello.\n"},
		{"large", head + "\n" + strings.Repeat(strings.Repeat("x", 76)+"\n", 15_000)},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			to := "reader" + string(rune('a'+i)) + "@example.net"
			id := sendRaw(t, s, to, strings.ReplaceAll(test.text, "\n", "\r\n"))
			verified(t, w, to, id)
		})
	}
	t.Run("sent over SMTP", func(t *testing.T) {
		t.Parallel()
		to := "over-smtp@example.net"
		sendSMTP(t, s, to, strings.ReplaceAll(head+"\nHello.\n", "\n", "\r\n"))
		verified(t, w, to, "")
	})
}

// verified waits for the recipient's mail and checks who has signed it.
func verified(t *testing.T, w *world, to, id string) {
	t.Helper()
	source := w.postfix.WaitMail(t, to)
	m, err := mail.ReadMessage(strings.NewReader(string(source)))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Header.Get("Message-Id"); id != "" && got != "<"+id+"@email.amazonses.com>" {
		t.Errorf("Message-ID = %q for message %s", got, id)
	}
	if _, err := m.Header.Date(); err != nil {
		t.Errorf("Date: %v", err)
	}
	verdict := m.Header.Get("Authentication-Results")
	if !strings.Contains(verdict, "dkim=pass") || !strings.Contains(verdict, "header.d=example.com") || strings.Contains(verdict, "dkim=fail") {
		t.Errorf("OpenDKIM says %q", verdict)
	}
	ours := 0
	for _, signature := range harness.VerifyDKIM(t, w.dns, source) {
		if signature.Domain != "example.com" {
			continue // the server's own, if it has one
		}
		ours++
		if !signature.Pass {
			t.Errorf("dkimpy says %s", signature.Verdict)
		}
	}
	if ours != 1 {
		t.Errorf("%d signatures of example.com, want 1", ours)
	}
	// Postfix offers STARTTLS, and what is offered is taken.
	if !regexp.MustCompile(`using TLSv1\.[23]`).Match(source) {
		t.Error("the mail came without TLS")
	}
}

// sendSMTP sends over SMTP with TLS, the certificate verified, and returns the message id
// that the server replies with.
func sendSMTP(t *testing.T, s *harness.Server, to, message string) string {
	t.Helper()
	file, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(file)
	conn, err := tls.Dial("tcp", s.SMTPS, &tls.Config{ServerName: "localhost", RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	host, _, err := net.SplitHostPort(s.SMTPS)
	if err != nil {
		t.Fatal(err)
	}
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Auth(smtp.PlainAuth("", s.Env["SESAME_SMTP_USER"], s.Env["SESAME_SMTP_PASSWORD"], host)); err != nil {
		t.Fatal(err)
	}
	if err := client.Mail("sender@example.com"); err != nil {
		t.Fatal(err)
	}
	if err := client.Rcpt(to); err != nil {
		t.Fatal(err)
	}
	if err := client.Text.PrintfLine("DATA"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := client.Text.ReadResponse(354); err != nil {
		t.Fatal(err)
	}
	data := client.Text.DotWriter()
	if _, err := data.Write([]byte(message)); err != nil {
		t.Fatal(err)
	}
	if err := data.Close(); err != nil {
		t.Fatal(err)
	}
	_, reply, err := client.Text.ReadResponse(250)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Quit(); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(reply, "Ok ")
}
