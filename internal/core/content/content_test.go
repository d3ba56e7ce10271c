// SPDX-License-Identifier: Apache-2.0

package content_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/core/content"
	"sesame/internal/proto/message"
)

const id = "0100018f3c2a9b10-5b1f8c2e-6f0d-4a5e-9d7a-0c1b2a3d4e5f-000000"

func rewrite() content.Rewrite {
	return content.Rewrite{
		MessageID: id, MailDomain: "email.amazonses.com",
		Date:       time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600)),
		FeedbackID: "1.us-east-1.opaque:AmazonSES",
	}
}

func inspect(t *testing.T, raw string) *content.Message {
	t.Helper()
	m, err := content.Inspect([]byte(raw), content.Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	return m
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

// wantFault checks kind, field and text of a refusal.
func wantFault(t *testing.T, err error, field, text string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("error %v, want a fault with %q", err, text)
	}
	if f.Kind != fault.Invalid || f.Text != text || field != "" && !strings.EqualFold(f.Field, field) {
		t.Errorf("kind %d, field %q, text %q; want field %q, text %q", f.Kind, f.Field, f.Text, field, text)
	}
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

func TestInspectReadsTheMessage(t *testing.T) {
	t.Parallel()
	m := inspect(t, "X-SES-CONFIGURATION-SET: first\r\nX-SES-CONFIGURATION-SET: second\r\nX-SES-MESSAGE-TAGS: campaign=book, host=h-1_A\r\n"+
		"X-SES-SOURCE-ARN: arn:s\r\nX-SES-FROM-ARN: arn:f\r\nX-SES-RETURN-PATH-ARN: arn:r\r\nX-SES-TENANT: t1\r\n"+
		"X-SES-LIST-MANAGEMENT-OPTIONS: News; topic=Weekly\r\n"+
		"From: =?utf-8?q?J=C3=BCrgen?= <J@Example.com>, b@example.com\r\nSender: s@example.com\r\nReturn-Path: <rp@example.com>\r\n"+
		"To: a@x.com, Team: b@x.com, c@x.com;\r\nTo: d@x.com\r\nCc: E <e@x.com>\r\nBcc: f@x.com\r\nReply-To: g@x.com\r\n"+
		"Subject: =?utf-8?b?w7xi?=\r\n er\r\nMessage-ID: <mine@x>\r\n\r\nh\xc3\xbc\r\nlong line\r\n")
	if m.ConfigurationSet != "first" || m.SourceARN != "arn:s" || m.FromARN != "arn:f" || m.ReturnPathARN != "arn:r" || m.Tenant != "t1" ||
		m.ContactList != "News" || m.Topic != "Weekly" {
		t.Errorf("control fields %+v", m.Control)
	}
	if fmt.Sprint(m.Tags) != "[{campaign book} {host h-1_A}]" {
		t.Errorf("tags %v", m.Tags)
	}
	if len(m.From) != 2 || m.From[0].Name != "Jürgen" || m.From[0].Address.String() != "J@example.com" {
		t.Errorf("From %v", m.From)
	}
	if m.Sender.String() != "s@example.com" || m.ReturnPath.String() != "rp@example.com" || m.ReplyTo[0].Address.Local != "g" {
		t.Errorf("Sender %v, Return-Path %v, Reply-To %v", m.Sender, m.ReturnPath, m.ReplyTo)
	}
	if got := fmt.Sprint(m.Recipients()); got != "[a@x.com b@x.com c@x.com d@x.com e@x.com f@x.com]" {
		t.Errorf("recipients %s", got)
	}
	if m.Subject != "üb er" || m.MessageID != "<mine@x>" || !m.EightBit || m.Opaque {
		t.Errorf("subject %q, id %q, 8-bit %v, opaque %v", m.Subject, m.MessageID, m.EightBit, m.Opaque)
	}
	if !m.Header.Has("X-SES-MESSAGE-TAGS") {
		t.Error("the header section as it came in is lost")
	}
}

func TestInspectAcceptsWhatTheWildSends(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"an empty group of recipients":              "From: a@example.com\r\nTo: undisclosed-recipients:;\r\n\r\n",
		"a null Return-Path":                        "From: a@example.com\r\nReturn-Path: <>\r\n\r\n",
		"an empty Cc":                               "From: a@example.com\r\nCc:\r\nSender: \r\n\r\n",
		"a raw 8-bit display name":                  "From: J\xc3\xbcrgen <a@example.com>\r\n\r\n",
		"several Received and To fields":            "Received: a\r\nReceived: b\r\nTo: a@x.com\r\nTo: b@x.com\r\n\r\n",
		"a message without any header section":      "\r\nhi\r\n",
		"a recipient list longer than one line may": "To: " + strings.Repeat("a@example.com,\r\n ", 200) + "b@x.com\r\n\r\n",
		"a header line of 998 octets":               "X-Long: " + strings.Repeat("x", 998-8) + "\r\n\r\n",
		"an attachment that only looks blocked":     "Content-Type: application/octet-stream; name=\"exe\"\r\nContent-Disposition: attachment; filename=\"a.exe.zip\"\r\n\r\n",
		"a mixed-case multipart with a loose end":   "Content-type: Multipart/Mixed; boundary=\"NextPart\"\n\n--NextPart\nContent-Type: text/plain;\nContent-Disposition: attachment; filename=\"attachment.txt\"\n\nx\n--NextPart--",
		"an attachment beside alternatives, bare LF and a loose semicolon": "From: \"Sender Name\" <sender@example.com>\nTo: recipient@example.com\nSubject: x\n" +
			"Content-Type: multipart/mixed;\n    boundary=\"a3f1\"\n\n--a3f1\nContent-Type: multipart/alternative;\n    boundary=\"sub_a3f1\"\n\n" +
			"--sub_a3f1\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\ntext\n\n" +
			"--sub_a3f1\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n<p>text</p>\n\n--sub_a3f1--\n\n" +
			"--a3f1\nContent-Type: text/plain; name=\"customers.txt\"\nContent-Description: customers.txt\n" +
			"Content-Disposition: attachment;filename=\"customers.txt\";\n    creation-date=\"Sat, 05 Aug 2017 19:35:36 GMT\";\n" +
			"Content-Transfer-Encoding: base64\n\nSUQsRmlyc3ROYW1l\n\n--a3f1--\n",
		"500 parts":                      "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 500) + "--b--\r\n",
		"NUL in the body":                "From: a@example.com\r\n\r\n\x00\r\n",
		"a duplicate inside a MIME part": "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nSubject: x\r\nSubject: y\r\n\r\nx\r\n--b--\r\n",
	} {
		if _, err := content.Inspect([]byte(raw), content.Limits{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func part(fields string) string {
	return "From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n" + fields + "\r\n\r\nx\r\n--b--\r\n"
}

func TestInspectRefuses(t *testing.T) {
	t.Parallel()
	many := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 501)
	for _, c := range []struct{ name, raw, field, text string }{
		{"a duplicate in other letter case", "from: a@x.com\r\nFROM: b@x.com\r\n\r\n", "From", "Duplicate header 'From'."},
		{"a duplicate with white space before the colon", "Subject: a\r\nsubject : b\r\n\r\n", "Subject", "Duplicate header 'Subject'."},
		{"a header line over 998 octets", "X-Long: " + strings.Repeat("x", 998-7) + "\r\n\r\n", "X-Long", "Header too long: 'X-Long'."},
		{"a continuation line over 998 octets", "X-Long: a\r\n " + strings.Repeat("x", 998) + "\r\n\r\n", "X-Long", "Header too long: 'X-Long'."},
		{"a header section over all bounds", strings.Repeat("X: "+strings.Repeat("x", 900)+"\r\n", 300), "", "Header section too long."},
		{"NUL in a header", "X-Nul: a\x00b\r\n\r\n", "X-Nul", "Illegal character in header 'X-Nul'."},
		{"an address without a domain", "To: ann\r\n\r\n", "To", "Missing final '@domain'"},
		{"an international address", "To: j\xc3\xbcrgen@x.com\r\n\r\n", "To", "There are non-ASCII characters in the email address"},
		{"an international domain of the sender", "From: a@\xc3\xbc.com\r\n\r\n", "From", "There are non-ASCII characters in the email address"},
		{"an unquoted comma in a name", "From: Chan, Karen <k@x.com>\r\n\r\n", "From", "Missing final '@domain'"},
		{"two senders", "Sender: a@x.com, b@x.com\r\n\r\n", "Sender", "Illegal address"},
		{"a quote without an end", "To: \"a <b@x.com>\r\n\r\n", "To", "Missing '\"'"},
		{"a wrong tag value", "X-SES-MESSAGE-TAGS: a=b:c\r\n\r\n", "X-SES-MESSAGE-TAGS", "Invalid tag value <b:c>: only alphanumeric ASCII characters, '_', and '-' are allowed."},
		{"more than 500 parts", many, "", "Message contains too many MIME parts."},
		{"a blocked file", part("Content-Disposition: attachment; filename=x.exe"), "Attachment", "Illegal filename 'x.exe'."},
		{"a blocked file in capitals", part("Content-Disposition: attachment; filename=\"X.EXE\""), "Attachment", "Illegal filename 'X.EXE'."},
		{"a blocked name of the type", part("Content-Type: application/x; name=\"a.b.vbs\""), "Attachment", "Illegal filename 'a.b.vbs'."},
		{"a blocked inline file", part("Content-Disposition: inline; filename=x.js"), "Attachment", "Illegal filename 'x.js'."},
		{"a blocked file with an encoded name", part("Content-Disposition: attachment; filename=\"=?utf-8?q?=C3=BC=2Eexe?=\""), "Attachment", "Illegal filename '?.exe'."},
		{"a blocked file with an extended name", part("Content-Disposition: attachment; filename=a.txt; filename*=utf-8''a%2Eexe"), "Attachment", "Illegal filename 'a.exe'."},
		{"a blocked file with a name in pieces", part("Content-Disposition: attachment; filename*0=\"a.e\"; filename*1=\"xe\""), "Attachment", "Illegal filename 'a.exe'."},
		{"a blocked file with dots after its name", part("Content-Disposition: attachment; filename=\"a.exe. .\""), "Attachment", "Illegal filename 'a.exe. .'."},
		{"a blocked file as the message itself", "Content-Disposition: attachment; filename=a.com\r\n\r\nx", "Attachment", "Illegal filename 'a.com'."},
		{"a blocked file in a part of a part", part("Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Disposition: attachment; filename=a.scr"), "Attachment", "Illegal filename 'a.scr'."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := content.Inspect([]byte(c.raw), content.Limits{})
			wantFault(t, err, c.field, c.text)
		})
	}
}

func TestLimitsAreSettings(t *testing.T) {
	t.Parallel()
	blocked := []byte(part("Content-Disposition: attachment; filename=x.exe"))
	if _, err := content.Inspect(blocked, content.Limits{Blocked: []string{}}); err != nil {
		t.Errorf("nothing blocked: %v", err)
	}
	_, err := content.Inspect([]byte(part("Content-Disposition: attachment; filename=x.zip")), content.Limits{Blocked: []string{".ZIP"}})
	wantFault(t, err, "Attachment", "Illegal filename 'x.zip'.")
	_, err = content.Inspect(blocked, content.Limits{MaxParts: 1})
	wantFault(t, err, "", "Message contains too many MIME parts.")
	deep := "Content-Type: multipart/a; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/b; boundary=b\r\n\r\n--b\r\n\r\nx\r\n"
	_, err = content.Inspect([]byte(deep), content.Limits{MaxDepth: 1})
	wantFault(t, err, "", "MIME parts are nested too deeply.")
	m, err := content.Inspect([]byte("To: j\xc3\xbcrgen@x.com, b@x.com\r\n\r\n"), content.Limits{Envelope: true})
	if err != nil || fmt.Sprint(m.Recipients()) != "[b@x.com]" {
		t.Errorf("an international recipient beside an envelope: %v", err)
	}
	_, err = content.Inspect([]byte("From: j\xc3\xbcrgen@x.com\r\n\r\n"), content.Limits{Envelope: true})
	wantFault(t, err, "From", "There are non-ASCII characters in the email address")
}

func TestBlockedExtensions(t *testing.T) {
	t.Parallel()
	list := content.BlockedExtensions()
	if len(list) != 90 {
		t.Errorf("%d extensions, SES lists 90", len(list))
	}
	for _, ext := range list {
		_, err := content.Inspect([]byte(part("Content-Disposition: attachment; filename=\"f"+ext+"\"")), content.Limits{})
		wantFault(t, err, "Attachment", "Illegal filename 'f"+ext+"'.")
	}
	for _, ext := range []string{".zip", ".jar", ".dll", ".pdf", ".exex", "exe"} {
		if _, err := content.Inspect([]byte(part("Content-Disposition: attachment; filename=\"f"+ext+"\"")), content.Limits{}); err != nil {
			t.Errorf("%s: %v", ext, err)
		}
	}
}

func TestOpaqueMailPassesUnchanged(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{
		"application/pkcs7-mime; name=smime.p7m", "application/pkcs7-signature", "application/x-pkcs7-mime", "application/x-pkcs7-signature",
		"application/pgp-encrypted", "application/pgp-keys", "application/pgp-signature", "Multipart/Signed; boundary=b", "multipart/encrypted; boundary=b",
	} {
		raw := "From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: " + kind + "\r\n\r\n--b\r\n\r\nx \r\n\r\n--b--\r\n\r\n"
		if m := inspect(t, raw); !m.Opaque {
			t.Errorf("%s is not opaque", kind)
		}
		h, body := leaves(t, raw, rewrite())
		if !strings.HasSuffix(raw, "\r\n\r\n"+body) || h.Get("Content-Type") != kind {
			t.Errorf("%s changed", kind)
		}
	}
}

func TestParseMailbox(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a@example.com":                                "|a@example.com",
		"Sender Name <sender@example.com>":             "Sender Name|sender@example.com",
		`"Karen, Chan" <karen@e.appspotmail.com>`:      "Karen, Chan|karen@e.appspotmail.com",
		" <Ann@EXAMPLE.com> ":                          "|Ann@example.com",
		"=?utf-8?q?J=C3=BCrgen?= <j@xn--bcher-kva.de>": "Jürgen|j@xn--bcher-kva.de",
		"a@example.com (Ann)":                          "Ann|a@example.com",
		`"a b"@example.com`:                            `|"a b"@example.com`,
		"a+b@example.com":                              "|a+b@example.com",
	} {
		m, err := content.ParseMailbox("Source", in)
		if err != nil || m.Name+"|"+m.Address.String() != want {
			t.Errorf("%q reads as %+v, %v", in, m, err)
		}
	}
	for in, text := range map[string]string{
		"":                                      "Illegal address",
		"a@x.com, b@x.com":                      "Illegal address",
		"Karen, Chan <karen@e.appspotmail.com>": "Illegal address",
		"<>":                                    "Illegal address",
		"<a@x.com> b":                           "Illegal address",
		"ann":                                   "Missing final '@domain'",
		"Ann <ann>":                             "Missing final '@domain'",
		"Karen Chan <karen @example.com>":       "Local address contains control or whitespace",
		"a\r\nBcc: b@x.com":                     "Local address contains control or whitespace",
		"Ann\r\n <a@x.com>":                     "Local address contains control or whitespace",
		"github:haiodo":                         "Local address contains illegal character",
		"Team: a@x.com;":                        "Local address contains illegal character",
		"a[b@x.com":                             "Local address contains illegal character",
		"@x.com":                                "Missing local name",
		"a@":                                    "Missing domain",
		"a@x .com":                              "Domain contains control or whitespace",
		"a@gmail.com%!":                         "Domain contains illegal character",
		"a@b@x.com":                             "Domain contains illegal character",
		"a@.x.com":                              "Domain starts with dot",
		"a@x.com.":                              "Domain ends with dot",
		"a@x..com":                              "Domain contains dot-dot",
		".a@x.com":                              "Local address starts with dot",
		"a.@x.com":                              "Local address ends with dot",
		"a..b@x.com":                            "Local address contains dot-dot",
		`"a"b@x.com`:                            "Quote not at end of local address",
		"j\u00fcrgen@x.com":                     "There are non-ASCII characters in the email address",
		"a@b\u00fccher.de":                      "There are non-ASCII characters in the email address",
		"J\u00fcrgen <j@x.com>":                 "There are non-ASCII characters in the email address",
		"Ann <a@x.com":                          "Missing '>'",
		"a@x.com>":                              "Missing '<'",
		`"Ann <a@x.com>`:                        "Missing '\"'",
		"a@x.com (":                             "Missing ')'",
		"a@x.com; b@x.com":                      "Illegal semicolon, not in group",
		"a@-x.com":                              "Illegal address",
		strings.Repeat("a", 65) + "@x.com":      "Illegal address",
		strings.Repeat("x", 300):                "Missing final '@domain'",
	} {
		_, err := content.ParseMailbox("Source", in)
		t.Run(in, func(t *testing.T) { wantFault(t, err, "Source", text) })
	}
}

func TestParseTags(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	for _, c := range []struct{ name, in, want, text string }{
		{"two tags", "a=b, c=d", "[{a b} {c d}]", ""},
		{"no spaces and empty elements", ",a=b,,c=d,", "[{a b} {c d}]", ""},
		{"spaces everywhere", " a = b ,\tc=d ", "[{a b} {c d}]", ""},
		{"nothing", "", "[]", ""},
		{"all characters that are allowed", "aZ09_-=-_90Za", "[{aZ09_- -_90Za}]", ""},
		{"the tags of the Feedback-ID", "ses:feedback-id-a=x, ses:feedback-id-b=y", "[{ses:feedback-id-a x} {ses:feedback-id-b y}]", ""},
		{"a tag that is not ASCII is left out", "a=b, c=\u00fc, d=e", "[{a b} {d e}]", ""},
		{"no value", "a=", "", "The tag value must be specified."},
		{"no equals sign", "a", "", "The tag value must be specified."},
		{"no name", "=b", "", "The tag name must be specified."},
		{"a name with a colon", "ses:x=b", "", "Invalid tag name <ses:x>: only alphanumeric ASCII characters, '_', and '-' are allowed."},
		{"a value with an equals sign", "a=b=c", "", "Invalid tag value <b=c>: only alphanumeric ASCII characters, '_', and '-' are allowed."},
		{"a value with a space", "a=b c", "", "Invalid tag value <b c>: only alphanumeric ASCII characters, '_', and '-' are allowed."},
		{"a name that is too long", long + "=b", "", "Tag name cannot exceed 255 characters."},
		{"a value that is too long", "a=" + long, "", "Tag value cannot exceed 255 characters."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tags, err := content.ParseTags(c.in)
			if c.text != "" {
				wantFault(t, err, "X-SES-MESSAGE-TAGS", c.text)
			} else if err != nil || fmt.Sprint(tags) != c.want {
				t.Errorf("%v, %v", tags, err)
			}
		})
	}
}

func TestCheckHeaders(t *testing.T) {
	t.Parallel()
	nv := func(name, value string) []message.NameValue { return []message.NameValue{{Name: name, Value: value}} }
	for _, c := range []struct {
		name    string
		headers []message.NameValue
		text    string
	}{
		{"none", nil, ""},
		{"an ordinary one", nv("List-Unsubscribe", "<mailto:a@b>"), ""},
		{"the longest value", nv("X", strings.Repeat("x", 995)), ""},
		{"the same unregistered name twice", append(nv("X-A", "1"), nv("X-A", "2")...), ""},
		{"a value that is too long", nv("X", strings.Repeat("x", 996)), "Header too long: 'X'."},
		{"name and value that are too long together", nv("XX", strings.Repeat("x", 995)), "Header too long: 'XX'."},
		{"a name that is too long", nv(strings.Repeat("x", 127), "x"), "Header too long: '" + strings.Repeat("x", 100) + "...'."},
		{"no name", nv("", "x"), "Empty header names are illegal."},
		{"a line break in a value", nv("X", "a\r\nBcc: b"), "Illegal character in header 'X'."},
		{"a value that is not ASCII", nv("X", "\u00fc"), "Illegal character in header 'X'."},
		{"a line break in a name", nv("X\r\nBcc", "b"), "Illegal character in header name 'X??Bcc'."},
		{"a colon in a name", nv("X:", "b"), "Illegal character in header name 'X:'."},
		{"a field that SES sets", nv("SUBJECT", "x"), "Header 'Subject' cannot be set as a custom header."},
		{"a unique field twice", append(nv("References", "1"), nv("references", "2")...), "Duplicate header 'References'."},
		{"too many", make([]message.NameValue, 16), "A message can have at most 15 custom headers."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := content.CheckHeaders("Headers", c.headers)
			if c.text != "" {
				wantFault(t, err, "Headers", c.text)
			} else if err != nil {
				t.Error(err)
			}
		})
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

func FuzzParseMailbox(f *testing.F) {
	f.Add("A <a@b.c>")
	f.Add(`"a\"@b`)
	f.Add("@a:b@c")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := content.ParseMailbox("Source", s)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		if back, err := content.ParseMailbox("Source", m.String()); err != nil || back.Address != m.Address {
			t.Fatalf("%q reads back as %v, %v", m.String(), back, err)
		}
	})
}

func FuzzParseTags(f *testing.F) {
	f.Add("a=b, c=d")
	f.Fuzz(func(t *testing.T, s string) {
		tags, err := content.ParseTags(s)
		for _, tag := range tags {
			if err == nil && content.CheckTag("", tag) != nil {
				t.Fatalf("%v", tag)
			}
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
