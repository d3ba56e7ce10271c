// SPDX-License-Identifier: Apache-2.0

package track_test

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"testing"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"sesame/internal/core/content"
	"sesame/internal/core/track"
	"sesame/internal/proto/dkim"
	"sesame/internal/proto/message"
)

// TestTrackedMessages sends HTML in every encoding: what arrives, undone, is the original,
// no other part of the message has changed, and the signature verifies.
func TestTrackedMessages(t *testing.T) {
	t.Parallel()
	der, err := dkim.GenerateEd25519()
	if err != nil {
		t.Fatal(err)
	}
	key, err := dkim.LoadEd25519(der)
	if err != nil {
		t.Fatal(err)
	}
	record, err := dkim.RecordOf(der)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(500) {
		s := &soup{Rand: rand.New(rand.NewPCG(seed, 3)), written: map[string]string{}}
		text := strings.ReplaceAll(s.text(), "\x00", "")
		raw := encoded(t, text, s.pick("8bit", "quoted-printable", "base64"))
		m, err := content.Inspect([]byte(raw), content.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		tr := newTracker()
		if err := m.EditText(tr.Editor(track.Message{Scope: home, ID: newID(t), Recipients: 1}, both)); err != nil {
			t.Fatal(err)
		}
		header, body, err := m.Rewrite(content.Rewrite{MessageID: newID(t), MailDomain: "example.com", Date: start})
		if err != nil {
			t.Fatal(err)
		}
		whole := append(header, body...)
		wantParts(t, s, tr, whole, string(message.NormalizeCRLF([]byte(text))))

		h, b, err := message.Split(whole)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := dkim.Sign(h, b, dkim.Options{Domain: "example.com", Selector: "s", Key: key})
		if err != nil {
			t.Fatal(err)
		}
		lookup := func(string) ([]string, error) { return []string{record.String()}, nil }
		found, err := msgauth.VerifyWithOptions(bytes.NewReader(append(signature, whole...)), &msgauth.VerifyOptions{LookupTXT: lookup})
		if err != nil || len(found) != 1 || found[0].Err != nil {
			t.Fatalf("seed %d: %v, %+v", seed, err, found)
		}
	}
}

const others = "--b\r\nContent-Type: text/plain\r\n\r\nhttps://x.test/\r\n--b\r\nContent-Type: text/html; name=a.html\r\n\r\n<a href=\"https://x.test/\">\r\n--b\r\n"

func encoded(t *testing.T, text, encoding string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("From: a@example.com\r\nTo: b@example.net\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + others +
		"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n")
	switch encoding {
	case "8bit":
		b.WriteString(text)
	case "quoted-printable":
		w := quotedprintable.NewWriter(&b)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	case "base64":
		b.WriteString(base64.StdEncoding.EncodeToString([]byte(text)))
	}
	return b.String() + "\r\n--b--\r\n"
}

func wantParts(t *testing.T, s *soup, tr *track.Tracker, whole []byte, want string) {
	t.Helper()
	if !bytes.Contains(whole, []byte("\r\n\r\n"+others)) {
		t.Fatalf("the other parts changed:\n%s", whole)
	}
	h, body, err := message.Split(whole)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	err = message.WalkParts(h, body, message.WalkLimits{}, func(p message.Part) error {
		if p.Media.Type != "text/html" || len(p.FileNames()) > 0 {
			return nil
		}
		e, err := message.ParseEncoding(p.Header.Get("Content-Transfer-Encoding"))
		if err != nil {
			return err
		}
		text, err := e.Decode(p.Body)
		got = string(message.NormalizeCRLF(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if undone := string(message.NormalizeCRLF([]byte(s.undo(t, tr, got)))); undone != want {
		t.Fatalf("%q became\n%q, undone\n%q", want, got, undone)
	}
}
