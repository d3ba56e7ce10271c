// SPDX-License-Identifier: Apache-2.0

package content_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/core/content"
	"sesame/internal/proto/message"
)

func rewrite() content.Rewrite {
	return content.Rewrite{
		MessageID: id, MailDomain: "email.amazonses.com",
		Date:       time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600)),
		FeedbackID: "1.us-east-1.opaque:AmazonSES",
	}
}

// leaves is the message as it leaves.
func leaves(t *testing.T, raw string, r content.Rewrite) (message.Header, string) {
	t.Helper()
	header, body, err := inspect(t, raw).Rewrite(r)
	if err != nil {
		t.Fatal(err)
	}
	h, rest, err := message.Split(header)
	if err != nil || len(rest) != 0 || !bytes.HasSuffix(header, []byte("\r\n\r\n")) {
		t.Fatalf("header section %q does not read back: %v", header, err)
	}
	return h, string(body)
}

// TestHeaderRules has a case for each field of each row of the table.
func TestHeaderRules(t *testing.T) {
	t.Parallel()
	names := 0
	for _, row := range content.HeaderRules() {
		if row.Source == "" || len(row.Fields) == 0 {
			t.Errorf("row without source or fields: %+v", row)
		}
		for _, name := range row.Fields {
			names++
			t.Run(fmt.Sprintf("rule %d for %s", row.Rule, name), func(t *testing.T) {
				t.Parallel()
				checkRule(t, row.Rule, name)
			})
		}
	}
	if n := len(content.HeaderRules()[0].Fields); n != 60 {
		t.Errorf("%d fields may not occur twice, SES lists 60", n)
	}
}

// valueOf is a value that a field may have.
func valueOf(name string) string {
	switch name {
	case "From", "Sender", "Return-Path", "Reply-To", "To", "Cc", "Bcc":
		return "a@example.com"
	case "X-SES-MESSAGE-TAGS":
		return "a=b"
	case "Content-Type":
		return "text/plain"
	}
	return "1.0"
}

func checkRule(t *testing.T, rule content.Rule, name string) {
	field := name + ": " + valueOf(name) + "\r\n"
	once := "X-First: 1\r\n" + field + "X-Last: 1\r\n\r\nbody\r\n"
	h, body := leaves(t, once, rewrite())
	if body != "body\r\n" || h.Get("X-First") != "1" || h.Get("X-Last") != "1" {
		t.Errorf("other fields or the body changed: %q", body)
	}
	switch rule {
	case content.Unique:
		_, err := content.Inspect([]byte(field+"X: y\r\n"+strings.ToUpper(name)+": "+valueOf(name)+"\r\n\r\nbody\r\n"), content.Limits{})
		wantFault(t, err, name, "Duplicate header '"+name+"'.")
	case content.Overwritten:
		if got := h.Values(name); len(got) != 1 || got[0] == "1.0" || h[1].Name() != name && name != "Feedback-ID" {
			t.Errorf("leaves as %q at another place", got)
		}
		if h, _ := leaves(t, "X: y\r\n\r\n", rewrite()); len(h.Values(name)) != 1 {
			t.Error("not added")
		}
	case content.Removed:
		if prefix, ok := strings.CutSuffix(name, "*"); ok {
			for _, n := range []string{"CONFIGURATION-SET", "MESSAGE-TAGS", "SOURCE-ARN", "Outgoing", "whatever", "", strings.Repeat("x", 200)} {
				if h, _ := leaves(t, prefix+n+": a=b\r\nX: y\r\n\r\n", rewrite()); h.Has(prefix + n) {
					t.Errorf("%s%s leaves", prefix, n)
				}
			}
		} else if h.Has(name) {
			t.Error("leaves")
		}
	case content.Added:
		if h.Get(name) != "1.0" || len(h.Values(name)) != 1 {
			t.Error("given, but not left alone")
		}
		if h, _ := leaves(t, "X: y\r\n\r\n", rewrite()); h.Get(name) != "1.0" {
			t.Error("not added")
		}
	case content.Addresses:
		_, err := content.Inspect([]byte(name+": nobody\r\n\r\n"), content.Limits{})
		wantFault(t, err, name, "Missing final '@domain'")
	case content.Reserved:
		err := content.CheckHeaders("Content.Simple.Headers", []message.NameValue{{Name: strings.ToLower(name), Value: "x"}})
		wantFault(t, err, "Content.Simple.Headers", "Header '"+name+"' cannot be set as a custom header.")
	default:
		t.Fatalf("rule %d has no test", rule)
	}
}

func TestRewriteGolden(t *testing.T) {
	t.Parallel()
	raw := "From: Ann <a@example.com>\nTo: b@example.net,\n\tc@example.net\nBcc: hidden@example.net\nDate: Tue, 1 Jan 2019 00:00:00 -0500\n" +
		"Subject:  folded\n  subject \nMessage-ID: <mine@example.com>\nReturn-Path: <bounces@example.com>\nX-SES-CONFIGURATION-SET: set\n" +
		"Content-Type: text/plain\nFeedback-ID: theirs\n\nHi\n\n.\n"
	header, body, err := inspect(t, raw).Rewrite(rewrite())
	if err != nil {
		t.Fatal(err)
	}
	want := "From: Ann <a@example.com>\r\nTo: b@example.net,\r\n\tc@example.net\r\nDate: Wed, 4 Mar 2026 04:06:07 +0000\r\n" +
		"Subject:  folded\r\n  subject \r\nMessage-ID: <" + id + "@email.amazonses.com>\r\nContent-Type: text/plain\r\n" +
		"MIME-Version: 1.0\r\nFeedback-ID: 1.us-east-1.opaque:AmazonSES\r\n\r\n"
	if string(header) != want {
		t.Errorf("got\n%s\nwant\n%s", header, want)
	}
	if string(body) != "Hi\r\n\r\n.\r\n" {
		t.Errorf("body %q", body)
	}
}

func TestRewriteOptions(t *testing.T) {
	t.Parallel()
	raw := "From: a@example.com\r\nBcc: b@example.net\r\nMessage-ID: <mine@example.com>\r\nFeedback-ID: mine\r\n\r\nx\r\n"
	r := rewrite()
	r.KeepMessageID, r.KeepBcc, r.FeedbackID = true, true, ""
	h, _ := leaves(t, raw, r)
	if h.Get("Message-ID") != "<mine@example.com>" || h.Get("Bcc") != "b@example.net" || h.Get("Feedback-ID") != "mine" {
		t.Error("what was to be kept was not")
	}
	if h, _ = leaves(t, "From: a@example.com\r\nMessage-ID:\r\n\r\n", r); h.Get("Message-ID") != "<"+id+"@email.amazonses.com>" {
		t.Errorf("an empty Message-ID was kept: %q", h.Values("Message-ID"))
	}
	for _, bad := range []func(*content.Rewrite){
		func(r *content.Rewrite) { r.FeedbackID = "a\r\nX: y" },
		func(r *content.Rewrite) { r.MessageID = "a\nb" },
		func(r *content.Rewrite) { r.MailDomain = "a\x00" },
	} {
		r := rewrite()
		bad(&r)
		if _, _, err := inspect(t, raw).Rewrite(r); !fault.Is(err, fault.Internal) {
			t.Errorf("a value with a line break: %v", err)
		}
	}
}

func TestRewriteAddsFrom(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"a message that begins with an empty line":  "\r\nhi\r\n",
		"a message without a header section":        "Hi there\r\n",
		"a header section without From":             "Subject: x\r\n\r\nhi\r\n",
		"an empty From":                             "From:\r\nSubject: x\r\n\r\nhi\r\n",
		"a From that is an empty group":             "From: nobody:;\r\n\r\nhi\r\n",
		"a message that ends inside the header":     "Subject: x",
		"a message that is empty":                   "",
		"a header section that a wrong line ends":   "Subject: x\r\nno field\r\n",
		"a message with a From line of the mailbox": "From a@b\r\nSubject: x\r\n\r\nhi\r\n",
	} {
		r := rewrite()
		r.From = address.Address{Local: "env", Domain: "example.com"}
		h, _ := leaves(t, raw, r)
		if got := h.Values("From"); len(got) != 1 || got[0] != "env@example.com" {
			t.Errorf("%s: From %q", name, got)
		}
		if len(h.Values("Date")) != 1 || len(h.Values("Message-ID")) != 1 || h.Get("MIME-Version") != "1.0" {
			t.Errorf("%s: required fields are missing", name)
		}
	}
	r := rewrite()
	r.From = address.Address{Local: "env", Domain: "example.com"}
	if h, _ := leaves(t, "From: a@example.com\r\n\r\n", r); h.Get("From") != "a@example.com" {
		t.Error("a From that was there was changed")
	}
}

func TestRewriteNeverCopiesTheBody(t *testing.T) {
	t.Parallel()
	raw := []byte("From: a@example.com\r\n\r\nbody\r\n")
	m, err := content.Inspect(raw, content.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	_, body, err := m.Rewrite(rewrite())
	if err != nil || &body[0] != &raw[len(raw)-len("body\r\n")] {
		t.Error("the body is not the caller's")
	}
}

// Whatever comes in, inspecting it does not panic, and what leaves has our fields once
// each, no field that must not leave, and the body that came in.
func FuzzInspectRewrite(f *testing.F) {
	for _, raw := range []string{
		"From: a@b.c\r\nTo: d@e.f\r\nX-SES-MESSAGE-TAGS: a=b\r\n\r\nhi\r\n", "\r\nhi", "From: x\n", part("Content-Disposition: attachment; filename*0*=''a%2Eexe"),
		"Date: x\rSubject: y\n \n\nz", "From a\nBcc: b@c\n\n", "message-id : x\nFROM: g: a@b.c;\n\n\n\n",
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := content.Inspect(raw, content.Limits{})
		if err != nil {
			if fault.KindOf(err) != fault.Invalid || fault.PeerText(err) == "Internal failure" {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		r := rewrite()
		r.From = address.Address{Local: "env", Domain: "example.com"}
		header, body, err := m.Rewrite(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasSuffix(message.NormalizeCRLF(raw), body) {
			t.Fatal("the body changed")
		}
		whole := append(bytes.Clone(header), body...)
		h, rest, err := message.Split(whole)
		if err != nil || !bytes.Equal(rest, body) || !message.IsCRLF(whole) {
			t.Fatalf("does not read back: %v\n%q", err, whole)
		}
		for _, name := range []string{"From", "Date", "Message-ID", "MIME-Version", "Feedback-ID"} {
			if len(h.Values(name)) != 1 {
				t.Fatalf("%s occurs %d times\n%q", name, len(h.Values(name)), header)
			}
		}
		for _, field := range h {
			if field.Is("Bcc") || field.Is("Return-Path") || strings.HasPrefix(strings.ToLower(field.Name()), "x-ses-") {
				t.Fatalf("%s leaves", field.Name())
			}
		}
		if h.Get("Message-ID") != "<"+id+"@email.amazonses.com>" {
			t.Fatal("wrong Message-ID")
		}
		again, err := content.Inspect(whole, content.Limits{})
		if err != nil {
			t.Fatalf("what leaves would be refused: %v\n%q", err, whole)
		}
		if len(again.From) == 0 {
			t.Fatal("leaves without a sender")
		}
	})
}

func BenchmarkInspectRewrite(b *testing.B) {
	head := "Received: from client (client.example.com [192.0.2.1])\r\n\tby mail.example.com with ESMTPS\r\nFrom: \"Sender Name\" <sender@example.com>\r\n" +
		"To: Recipient One <recipient@example.net>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from the benchmark\r\nDate: Tue, 1 Jan 2019 00:00:00 -0500\r\n" +
		"Message-ID: <20190101.1@example.com>\r\nX-SES-CONFIGURATION-SET: main\r\nX-SES-MESSAGE-TAGS: campaign=spring, kind=news\r\n" +
		"List-Unsubscribe: <https://example.com/u/123>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"=_b\"\r\n\r\n"
	for _, n := range []int{4 << 10, 50 << 10} {
		text := strings.Repeat("The quick brown fox jumps over the lazy dog, and then some more of it.\r\n", n/2/72)
		raw := []byte(head + "--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text + "--=_b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + text + "--=_b--\r\n")
		b.Run(fmt.Sprintf("%d KiB", n>>10), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				m, err := content.Inspect(raw, content.Limits{})
				if err != nil {
					b.Fatal(err)
				}
				if _, _, err := m.Rewrite(rewrite()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
