// SPDX-License-Identifier: Apache-2.0

package submission_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"sesame/internal/base/address"
	"sesame/internal/edge/smtp/submission"
	"sesame/internal/proto/smtpserver"
)

func TestAMessageIsAcceptedWithItsID(t *testing.T) {
	t.Parallel()
	w, kept := newWorld(t)
	c := w.login(t)
	c.envelope(sender, "a@example.net", "b@Example.NET")
	id := c.data("From: Sender <" + sender + ">\nTo: x@example.net\nBcc: hidden@example.net\nSubject: Hi\nX-SES-MESSAGE-TAGS: a=b\n\nHello\n..stuffed")
	m := kept.get(id)
	if m.Scope != home || m.Operation != "SMTP" || m.Caller != "arn:aws:iam::"+accountID+":user/mailer" || m.SourceIP != "127.0.0.1" ||
		m.ReturnPath.String() != sender || m.Sender.String() != sender || m.Identity != sender || m.Subject != "Hi" || fmt.Sprint(m.Tags) != "[{a b}]" ||
		fmt.Sprint(m.Recipients) != "[a@example.net b@example.net]" {
		t.Errorf("%+v", m)
	}
	for _, want := range []string{"Message-ID: <" + id + "@us-west-2.amazonses.com>\r\n", "Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n", "\r\n\r\nHello\r\n.stuffed\r\n"} {
		if !strings.Contains(string(m.Content), want) {
			t.Errorf("no %q in\n%s", want, m.Content)
		}
	}
	if strings.Contains(string(m.Content), "hidden") || strings.Contains(string(m.Content), "X-SES") {
		t.Errorf("%s", m.Content)
	}

	// The same session sends more, pipelined, and forgets a transaction that is given up.
	c.envelope(sender, "c@example.net")
	second := c.data("From: " + sender + "\n\nagain")
	c.talk("C: MAIL FROM:<other@example.org>\nS: 250 Ok\nC: RCPT TO:<x@example.net>\nS: 250 Ok\nC: RSET\nS: 250 Ok")
	c.send("MAIL FROM:<" + sender + "> BODY=8BITMIME SIZE=100\r\nRCPT TO:<d@example.net>\r\nDATA\r\n")
	c.talk("S: 250 Ok\nS: 250 Ok\nS: 354 End data with <CR><LF>.<CR><LF>")
	third := c.data("From: " + sender + "\n\nKäse")
	c.talk("C: QUIT\nS: 221 Bye")
	if second == id || third == second || fmt.Sprint(kept.get(third).Recipients) != "[d@example.net]" || !kept.get(third).EightBit || kept.count() != 3 {
		t.Errorf("%s, %s, %s; %+v", id, second, third, kept.get(third))
	}
}

func TestAMessageWithoutHeaderSection(t *testing.T) {
	t.Parallel()
	w, kept := newWorld(t)
	for name, tc := range map[string]struct{ message, body string }{
		"an empty line first": {"\nHello there\n\nThis is text.", "\r\n\r\nHello there\r\n\r\nThis is text.\r\n"},
		"no From":             {"Subject: Hi\n\nbody", "\r\n\r\nbody\r\n"},
		"nothing at all":      {"", "\r\n\r\n"},
		"an empty From":       {"From: \nSubject: Hi\n\nbody", "\r\n\r\nbody\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := w.login(t)
			c.envelope(sender, "a@example.net")
			m := kept.get(c.data(tc.message))
			if text := string(m.Content); strings.Count(text, "From: ") != 1 || !strings.Contains(text, "From: "+sender+"\r\n") || !strings.HasSuffix(text, tc.body) {
				t.Errorf("sent\n%q", text)
			}
		})
	}
}

// TestAConnectionWithoutAPort is one that is not over TCP, such as a test's.
func TestAConnectionWithoutAPort(t *testing.T) {
	t.Parallel()
	box := &box{}
	b := &submission.Backend{Auth: failing{}, Intake: box, Region: region}
	s, err := b.NewSession(t.Context(), smtpserver.ConnInfo{Remote: &net.UnixAddr{Name: "/run/x"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Rcpt(t.Context(), address.Address{Local: "postmaster"}); err == nil {
		t.Error("an address without a domain was taken")
	}
	if _, err := s.Data(t.Context(), nil); err != nil || box.got.SourceIP != "/run/x" || box.got.APIVersion != "2" || !box.got.HeaderOptional {
		t.Errorf("%+v, %v", box.got, err)
	}
}
