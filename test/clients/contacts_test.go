// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/smtp"
	"net/textproto"
	"os"
	"regexp"
	"strings"
	"testing"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// TestContactLists has the AWS CLI run the commands of SES's guide.
func TestContactLists(t *testing.T) {
	t.Parallel()
	need.Program(t, need.AWSCLI)
	r := script(t, harness.Dev(t), "/bin/sh", "contacts.sh")
	if r.Code != 0 || r.Stdout != "the list is as it was set\n" {
		t.Errorf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.Code, r.Stdout, r.Stderr)
	}
}

// TestNewsletter has boto3 run a newsletter as SES's code examples do: two of four readers
// get it, with a way out.
func TestNewsletter(t *testing.T) {
	t.Parallel()
	python := need.Module(t, need.Boto3)
	s := harness.Dev(t)
	coupons := func(to string) want {
		return want{
			From: "Coupons <coupons@example.com>", To: []string{to}, Subject: "Weekly coupons", Text: "Ten for the price of nine.",
			Header: map[string]string{"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
		}
	}
	checkScript(t, s, script(t, s, python, "contacts.py"), map[string]want{"reader": coupons("reader+ses-weekly-newsletter-1@example.net"), "new": coupons("new@example.net")})
	mails := s.Mails(t)
	for _, m := range mails {
		waysOut(t, s.Mail(t, m.Id))
	}
	if len(mails) != 2 {
		t.Errorf("%d mails, two readers want them", len(mails))
	}
}

// call makes a call of API v2, which must succeed.
func call(t *testing.T, s *harness.Server, method, path string, in any) []byte {
	t.Helper()
	status, body := s.Call(t, method, path, in)
	if status != http.StatusOK {
		t.Fatalf("%s %s: HTTP %d: %s", method, path, status, body)
	}
	return body
}

// news mails the contact list to an address.
func news(t *testing.T, s *harness.Server, to string) {
	t.Helper()
	call(t, s, "POST", "/v2/email/outbound-emails", map[string]any{
		"FromEmailAddress": "news@example.com", "Destination": map[string]any{"ToAddresses": []string{to}},
		"ListManagementOptions": map[string]string{"ContactListName": "News"},
		"Content":               map[string]any{"Simple": map[string]any{"Subject": map[string]string{"Data": "News"}, "Body": map[string]any{"Text": map[string]string{"Data": "x"}}}},
	})
}

// gone reports whether a contact wants nothing of the list.
func gone(t *testing.T, s *harness.Server, address string) bool {
	t.Helper()
	var c struct{ UnsubscribeAll bool }
	if err := json.Unmarshal(call(t, s, "GET", "/v2/email/contact-lists/News/contacts/"+address, nil), &c); err != nil {
		t.Fatal(err)
	}
	return c.UnsubscribeAll
}

var (
	mailtoForm = regexp.MustCompile(`<mailto:(unsubscribe-[a-z2-7]+@[a-z.]+)\?subject=unsubscribe>`)
	httpForm   = regexp.MustCompile(`<https?://[^/>]+(/unsubscribe/[a-z2-7]+)>`)
)

// waysOut are the address and the path of a mail's List-Unsubscribe field.
func waysOut(t *testing.T, m harness.Message) (mailto, path string) {
	t.Helper()
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, "List-Unsubscribe") {
			mail, link := mailtoForm.FindStringSubmatch(h.Value), httpForm.FindStringSubmatch(h.Value)
			if mail == nil || link == nil {
				t.Fatalf("List-Unsubscribe: %s", h.Value)
			}
			return mail[1], link[1]
		}
	}
	t.Fatalf("no List-Unsubscribe in %+v", m.Headers)
	return "", ""
}

// mailTo is the code with which the server answers a stranger's mail to an address.
func mailTo(t *testing.T, server, to string) int {
	t.Helper()
	c, err := smtp.Dial(server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = errors.Join(c.Mail("reader@example.net"), c.Rcpt(to))
	if err == nil {
		w, fail := c.Data()
		if err = fail; err == nil {
			_, err = w.Write([]byte("Subject: unsubscribe\r\n\r\n"))
			err = errors.Join(err, w.Close())
		}
	}
	var reply *textproto.Error
	switch {
	case err == nil:
		return 250
	case errors.As(err, &reply):
		return reply.Code
	}
	t.Fatal(err)
	return 0
}

// submit logs in at a listener and sends a mail from somebody to somebody.
func submit(t *testing.T, s *harness.Server, server, from, to string) {
	t.Helper()
	ca, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	c, err := smtp.Dial(server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.StartTLS(&tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err == nil {
		err = errors.Join(c.Auth(smtp.PlainAuth("", s.Env["SESAME_SMTP_USER"], s.Env["SESAME_SMTP_PASSWORD"], "127.0.0.1")), c.Mail(from), c.Rcpt(to))
	}
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write([]byte("From: " + from + "\r\nTo: " + to + "\r\nSubject: Submitted\r\n\r\nx\r\n"))
	if err = errors.Join(err, w.Close(), c.Quit()); err != nil {
		t.Fatal(err)
	}
}

// TestLeavingAList by mail and by the button of a mail program, in dev and in serve, where
// one port is for submission and for mail to the service. What serve sends a dev server
// catches.
func TestLeavingAList(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"dev", "serve"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			catcher := harness.Dev(t)
			s, door, stranger := catcher, catcher.MX, 250
			if mode == "serve" {
				c := harness.ServeConfig(t)
				c.Listen.MX = c.Listen.SMTP
				c.Routes = []harness.Route{{Domain: "*", Hosts: []string{catcher.MX}, TLS: "none"}}
				s = harness.Serve(t, c)
				door, stranger = s.SMTP, 530
			}
			call(t, s, "POST", "/v2/email/identities", map[string]string{"EmailIdentity": "example.com"})
			if mode == "serve" {
				s.VerifyIdentity(t, "example.com")
			}
			call(t, s, "POST", "/v2/email/contact-lists", map[string]string{"ContactListName": "News"})

			news(t, s, "by-mail@example.net")
			mailto, _ := waysOut(t, catcher.WaitMail(t, "by-mail@example.net", "News"))
			if code := mailTo(t, door, "somebody@example.org"); code != stranger {
				t.Errorf("mail to a stranger: %d", code)
			}
			at := strings.IndexByte(mailto, '@')
			if code := mailTo(t, door, mailto[:at-1]+mailto[at:]); code != 550 {
				t.Errorf("a forged address: %d", code)
			}
			if gone(t, s, "by-mail@example.net") {
				t.Fatal("the contact is gone already")
			}
			if code := mailTo(t, door, strings.ToUpper(mailto)); code != 250 || !gone(t, s, "by-mail@example.net") {
				t.Errorf("by mail: %d", code)
			}

			news(t, s, "by-button@example.net")
			_, path := waysOut(t, catcher.WaitMail(t, "by-button@example.net", "News"))
			resp, err := http.Post(s.Endpoint+path, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK || !gone(t, s, "by-button@example.net") {
				t.Errorf("by the button: HTTP %d", resp.StatusCode)
			}

			// Who logs in where mail comes in, too, submits.
			submit(t, s, s.SMTP, "news@example.com", "submitted@example.net")
			catcher.WaitMail(t, "submitted@example.net", "Submitted")

			// Who reads mail with the same service writes to it by way of it.
			news(t, s, "inside@example.net")
			mailto, _ = waysOut(t, catcher.WaitMail(t, "inside@example.net", "News"))
			send := map[string]any{
				"FromEmailAddress": "inside@example.com", "Destination": map[string]any{"ToAddresses": []string{mailto}},
				"Content": map[string]any{"Simple": map[string]any{"Subject": map[string]string{"Data": "unsubscribe"}, "Body": map[string]any{"Text": map[string]string{"Data": "x"}}}},
			}
			call(t, s, "POST", "/v2/email/outbound-emails", send)
			harness.Eventually(t, "the mail to unsubscribe", func() bool { return gone(t, s, "inside@example.net") })
			for _, m := range catcher.Mails(t) {
				if strings.Contains(fmt.Sprint(m.To, m.Envelope), "unsubscribe-") {
					t.Errorf("the mailbox has %+v", m)
				}
			}
		})
	}
}
