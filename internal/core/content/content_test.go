// SPDX-License-Identifier: Apache-2.0

package content_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/core/content"
)

const id = "0100018f3c2a9b10-5b1f8c2e-6f0d-4a5e-9d7a-0c1b2a3d4e5f-000000"

func inspect(t *testing.T, raw string) *content.Message {
	t.Helper()
	m, err := content.Inspect([]byte(raw), content.Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	return m
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
