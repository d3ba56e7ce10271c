// SPDX-License-Identifier: Apache-2.0

package smtpserver_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"

	"sesame/internal/proto/smtpserver"
)

// notTheEnd are mixtures around a dot that some server somewhere has taken for the
// end of a message.
var notTheEnd = []string{
	"\n.\n", "\n.\r\n", "\n.\r", "\r.\r", "\r.\n", "\r.\r\n",
	"\r\n.\n", "\r\n.\r", "\r\n.\r\r\n", "\r\n.\n\r\n", "\r\n.\x00\r\n", "\r\n\x00.\r\n",
	"\r\n. \r\n", "\r\n .\r\n", "\r\n..\r\n", "\n\r\n.\n\r", "\r\r\n.\n", "\n\n.\n\n",
	"\r\n.\r\x00\n", "\r\n.\x0b\r\n", "\r\n.\x85", ".\r\n", "a.\r\n",
}

func TestOnlyCRLFDotCRLFEndsData(t *testing.T) {
	t.Parallel()
	for _, dot := range notTheEnd {
		t.Run(fmt.Sprintf("%q", dot), func(t *testing.T) {
			t.Parallel()
			backend := newRecorder()
			c := dial(t, start(t, mx(), backend).addr)
			c.line()
			c.say("HELO c.test", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA")
			c.expect("250 mail.test", "250 Ok", "250 Ok", "354 End data with <CR><LF>.<CR><LF>")
			smuggled := "MAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
			content := "Subject: one\r\n\r\ntext" + dot + smuggled
			c.send(content + "\r\n.\r\nNOOP\r\n")
			c.expect("250 Ok 0100-id", "250 Ok") // one for the message, one for NOOP
			for _, want := range []string{
				"session c.test tls=false esmtp=false",
				"mail <a@example.com> size=0 8bit=false",
				"rcpt <b@example.com>",
				fmt.Sprintf("data %q", reference(content+"\r\n.\r\n")),
				"reset", "-",
			} {
				expectEvent(t, backend, want)
			}
		})
	}
}

func TestRefuseBareAnswersAfterTheEndAndTakesTheNextMessage(t *testing.T) {
	t.Parallel()
	cfg := mx()
	cfg.RefuseBare = true
	for _, tc := range []struct{ name, content, want string }{
		{"a bare LF", "one\ntwo\r\n", "554 Message has bare CR or LF, which is not allowed"},
		{"a bare CR", "one\rtwo\r\n", "554 Message has bare CR or LF, which is not allowed"},
		{"two CRs before an LF", "one\r\r\n", "554 Message has bare CR or LF, which is not allowed"},
		{"two LFs after a CR", "one\r\n\ntwo\r\n", "554 Message has bare CR or LF, which is not allowed"},
		{"an LF at the very start", "\none\r\n", "554 Message has bare CR or LF, which is not allowed"},
		{"a smuggler's dot", "one\n.\r\nMAIL FROM:<e@example.com>\r\n", "554 Message has bare CR or LF, which is not allowed"},
		{"a clean message", "one\r\n\r\n..two\r\n", "250 Ok 0100-id"},
		{"an empty message", "", "250 Ok 0100-id"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, start(t, cfg, newRecorder()).addr)
			c.line()
			c.say("HELO c.test", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA")
			c.expect("250 mail.test", "250 Ok", "250 Ok", "354 End data with <CR><LF>.<CR><LF>")
			c.send(tc.content + ".\r\n")
			c.expect(tc.want)
			c.say("MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA", "clean", ".")
			c.expect("250 Ok", "250 Ok", "354 End data with <CR><LF>.<CR><LF>", "250 Ok 0100-id")
		})
	}
}

// A man in the middle adds commands after the client's STARTTLS, in the same
// segment. They must not be answered, in clear or under TLS.
func TestCommandsBehindSTARTTLSAreThrownAway(t *testing.T) {
	t.Parallel()
	backend := newRecorder()
	c := dial(t, start(t, mx(), backend).addr)
	c.line()
	c.say("HELO c.test", "STARTTLS", "HELO evil.test", "MAIL FROM:<evil@example.com>", "RCPT TO:<b@example.com>")
	c.expect("250 mail.test", "220 Ready to start TLS")
	c.startTLS()
	c.say("NOOP")
	c.expect("250 Ok")
	c.say("RCPT TO:<b@example.com>")
	c.expect("503 Error: need MAIL command")
	expectEvent(t, backend, "session c.test tls=false esmtp=false")
	expectEvent(t, backend, "close")
	expectEvent(t, backend, "-")
}

// What arrives after the answer to STARTTLS and is no handshake ends the connection.
func TestClearTextInsteadOfAHandshakeEndsTheConnection(t *testing.T) {
	t.Parallel()
	backend := newRecorder()
	c := dial(t, start(t, mx(), backend).addr)
	c.line()
	c.say("STARTTLS")
	c.expect("220 Ready to start TLS")
	c.say("HELO evil.test", "MAIL FROM:<evil@example.com>")
	for {
		if _, err := c.r.ReadByte(); err != nil {
			break // an alert may come first
		}
	}
	expectEvent(t, backend, "-")
}

// A client that speaks TLS 1.0 is not worth encrypting for.
func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, mx(), newRecorder()).addr)
	c.line()
	c.say("STARTTLS")
	c.expect("220 Ready to start TLS")
	old := clientTLS()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if err := tls.Client(c.raw, old).Handshake(); err == nil {
		t.Fatal("TLS 1.1 was accepted")
	}
}

// The pieces in which a message arrives must not matter.
func TestDataInSinglePieces(t *testing.T) {
	t.Parallel()
	backend := newRecorder()
	client, server := net.Pipe()
	s, err := smtpserver.NewServer(mx(), backend)
	if err != nil {
		t.Fatal(err)
	}
	l := &oneConn{conns: make(chan net.Conn, 1)}
	l.conns <- server
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	go func() { _, _ = io.Copy(io.Discard, client) }()
	text := "HELO c.test\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n" +
		"..one\r\n.two\r\n.\rthree\r\n\r.\r\n.\r\nQUIT\r\n"
	for i := range len(text) { // net.Pipe hands over each write by itself
		if _, err := io.WriteString(client, text[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"session c.test tls=false esmtp=false",
		"mail <a@example.com> size=0 8bit=false", "rcpt <b@example.com>",
		`data ".one\r\ntwo\r\n\rthree\r\n\r.\r\n"`, "reset", "close",
	} {
		expectEvent(t, backend, want)
	}
	close(l.conns)
	if err := <-done; err != io.ErrUnexpectedEOF {
		t.Errorf("Serve: %v", err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
