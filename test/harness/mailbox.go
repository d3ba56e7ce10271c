// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// adminAPI is where the paths of the admin API begin.
const adminAPI = "/_sesame/v1"

// Message is a mail of the built-in mailbox. Headers, Text, Html and Attachments are
// there when one message was asked for, not in a list.
type Message struct {
	Id          string
	MessageId   string
	From        string
	To          []string
	Subject     string
	ReceivedAt  float64
	Size        int
	Envelope    Envelope
	Headers     []Header
	Text        string
	Html        string
	Attachments []Attachment
}

// Envelope is what MAIL FROM and RCPT TO said.
type Envelope struct {
	From string
	To   []string
}

// Header is a header field as it was received.
type Header struct{ Name, Value string }

// Attachment describes one; its content is in the message's source.
type Attachment struct {
	Index       int
	FileName    string
	ContentType string
	Size        int
}

// WaitMail waits until a mail to the address with the subject is in the mailbox, and
// returns it.
func (s *Server) WaitMail(t testing.TB, to, subject string) Message {
	t.Helper()
	query := url.Values{"to": {to}, "subject": {subject}, "timeout": {fmt.Sprint(int(patience.Seconds()))}}
	var found Message
	if status := s.Admin(t, http.MethodGet, "/mailbox/wait?"+query.Encode(), &found); status != http.StatusOK {
		t.Fatalf("no mail to %s with subject %q: HTTP %d\nthere are:\n%s", to, subject, status, s.describeMailbox(t))
	}
	return s.Mail(t, found.Id)
}

// Mail returns one mail of the mailbox.
func (s *Server) Mail(t testing.TB, id string) Message {
	t.Helper()
	var m Message
	if status := s.Admin(t, http.MethodGet, "/mailbox/messages/"+url.PathEscape(id), &m); status != http.StatusOK {
		t.Fatalf("mail %s: HTTP %d", id, status)
	}
	return m
}

// RawMail returns the source of one mail of the mailbox.
func (s *Server) RawMail(t testing.TB, id string) []byte {
	t.Helper()
	status, raw := s.Call(t, http.MethodGet, adminAPI+"/mailbox/messages/"+url.PathEscape(id)+"/raw", nil)
	if status != http.StatusOK {
		t.Fatalf("source of mail %s: HTTP %d: %s", id, status, raw)
	}
	return raw
}

// Mails lists the mailbox, all pages of it.
func (s *Server) Mails(t testing.TB) []Message {
	t.Helper()
	var all []Message
	query := url.Values{"limit": {"100"}}
	for {
		var page struct {
			Messages  []Message
			NextToken string
		}
		if status := s.Admin(t, http.MethodGet, "/mailbox/messages?"+query.Encode(), &page); status != http.StatusOK {
			t.Fatalf("list the mailbox: HTTP %d", status)
		}
		all = append(all, page.Messages...)
		if page.NextToken == "" {
			return all
		}
		query.Set("nextToken", page.NextToken)
	}
}

func (s *Server) describeMailbox(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	for _, m := range s.Mails(t) {
		fmt.Fprintf(&b, "  to %v, subject %q, %s\n", m.Envelope.To, m.Subject, m.MessageId)
	}
	return b.String()
}

// Admin calls the admin API, whose paths begin at /_sesame/v1, decodes a success into
// out and returns the status.
func (s *Server) Admin(t testing.TB, method, path string, out any) int {
	t.Helper()
	status, body := s.Call(t, method, adminAPI+path, nil)
	if status == http.StatusOK && out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			t.Fatalf("%s %s: %v\n%s", method, path, err, body)
		}
	}
	return status
}

// Call sends one request to the API, its body as JSON if there is one, signed as every
// SDK signs. It returns the status and the body of the answer.
func (s *Server) Call(t testing.TB, method, path string, body any) (int, []byte) {
	t.Helper()
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.Endpoint+path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	hash := sha256.Sum256(content)
	keys := aws.Credentials{AccessKeyID: s.Env["AWS_ACCESS_KEY_ID"], SecretAccessKey: s.Env["AWS_SECRET_ACCESS_KEY"]}
	err = v4.NewSigner().SignHTTP(t.Context(), keys, request, hex.EncodeToString(hash[:]), "ses", s.Env["AWS_REGION"], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Timeout: 2 * patience}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer.StatusCode, got
}
