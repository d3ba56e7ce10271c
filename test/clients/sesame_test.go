// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"sesame/test/harness"
)

// shell runs a script in a shell that knows nothing but what dev.env tells it.
func shell(t *testing.T, s *harness.Server, script string) harness.Result {
	t.Helper()
	var path string
	for _, setting := range s.Environ() {
		if strings.HasPrefix(setting, "PATH=") {
			path = setting
		}
	}
	return s.Run(t, "/usr/bin/env", "-i", path, "/bin/sh", "-c", `. "$0"; `+script, filepath.Join(s.Dir, "dev.env"))
}

// send sends a mail through API v2 and returns its message id.
func send(t *testing.T, s *harness.Server, to, subject string) string {
	t.Helper()
	status, body := s.Call(t, "POST", "/v2/email/outbound-emails", map[string]any{
		"FromEmailAddress": "sender@example.com",
		"Destination":      map[string]any{"ToAddresses": []string{to}},
		"Content": map[string]any{"Simple": map[string]any{
			"Subject": map[string]string{"Data": subject}, "Body": map[string]any{"Text": map[string]string{"Data": "Hello."}},
		}},
	})
	var answer struct{ MessageId string }
	if err := json.Unmarshal(body, &answer); err != nil || status != 200 {
		t.Fatalf("send: HTTP %d, %v: %s", status, err, body)
	}
	return answer.MessageId
}

// TestMailCommands reads the mail as a test suite in any language can: with the binary.
func TestMailCommands(t *testing.T) {
	t.Parallel()
	s := harness.Dev(t)
	identities(t, s, "example.com")

	if r := shell(t, s, "sesame mail wait --to to@example.net --timeout 100ms"); r.Code != 1 || r.Stdout != "" || !strings.Contains(r.Stderr, "to@example.net") {
		t.Errorf("a wait for nothing: %+v", r)
	}
	waited := make(chan harness.Result, 1)
	go func() {
		defer close(waited) // should the shell have ended the test
		waited <- shell(t, s, "sesame mail wait --to to@example.net --subject welcome --timeout 60s --json")
	}()
	send(t, s, "to@example.net", "Something else")
	id := send(t, s, "to@example.net", "Welcome")
	r := <-waited
	var mail harness.Message
	if err := json.Unmarshal([]byte(r.Stdout), &mail); err != nil || r.Code != 0 {
		t.Fatalf("a wait for what came: %+v", r)
	}
	if mail.MessageId != id || mail.Subject != "Welcome" || lines(mail.Text) != "Hello." {
		t.Errorf("waited for %s, got %+v", id, mail)
	}

	var list struct{ Messages []harness.Message }
	r = shell(t, s, "sesame mail list --to to@example.net --json")
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil || r.Code != 0 || len(list.Messages) != 2 {
		t.Errorf("the list: %+v", r)
	}
	if r = shell(t, s, "sesame mail show "+mail.Id); r.Code != 0 || !strings.Contains(r.Stdout, "Welcome") || !strings.Contains(r.Stdout, "Hello.") {
		t.Errorf("one mail: %+v", r)
	}
	if r = shell(t, s, "sesame mail raw "+mail.Id); r.Code != 0 || r.Stdout != string(s.RawMail(t, mail.Id)) {
		t.Errorf("its source: %+v", r)
	}
	if r = shell(t, s, "sesame mail show 999999"); r.Code != 1 || r.Stdout != "" || r.Stderr == "" {
		t.Errorf("no mail: %+v", r)
	}
}

// TestDevRemembers stops dev and starts it again: its identities and its mail are there.
func TestDevRemembers(t *testing.T) {
	t.Parallel()
	s := harness.Dev(t)
	identities(t, s, "example.com")
	id := send(t, s, "to@example.net", "Before")
	s.WaitMail(t, "to@example.net", "Before")
	s.Stop()
	s.Start()
	compare(t, "mail from before", s.WaitMail(t, "to@example.net", "Before").MessageId, id)
	send(t, s, "to@example.net", "After")
	s.WaitMail(t, "to@example.net", "After")
}
