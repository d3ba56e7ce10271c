// SPDX-License-Identifier: Apache-2.0

package golden_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sesame/internal/core/content"
	"sesame/internal/proto/message"
)

// bad is a message that nobody should send, and what becomes of it at every door: it is
// refused with this text, or leaves unharmed.
type bad struct {
	what    string
	header  string // after From, To and Subject
	body    string
	refused string // "" means that it leaves
}

const head = "From: " + sender + "\r\nTo: " + reader + "\r\nSubject: Bad\r\n"

// mixed is a multipart with the boundary b.
const mixed = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"

// nested are n multiparts inside each other.
func nested(n int) string {
	var b strings.Builder
	for i := range n {
		name := "b" + strings.Repeat("x", i)
		if i > 0 {
			b.WriteString("Content-Type: multipart/mixed; boundary=" + name + "\r\n")
		}
		b.WriteString("\r\n--" + name + "\r\n")
	}
	return b.String() + "\r\ntext\r\n"
}

var badMIME = []bad{
	{what: "multiparts inside each other, as deep as is read", header: "Content-Type: multipart/mixed; boundary=b\r\n", body: strings.TrimPrefix(nested(32), "\r\n")},
	{what: "multiparts inside each other, far deeper", header: "Content-Type: multipart/mixed; boundary=b\r\n", body: strings.TrimPrefix(nested(200), "\r\n"), refused: "MIME parts are nested too deeply."},
	{what: "messages inside each other", header: mixed, body: strings.Repeat("--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\n", 40)},
	{what: "a multipart without a boundary", header: "Content-Type: multipart/mixed\r\n", body: "--b\r\n\r\nx\r\n--b--\r\n"},
	{what: "an empty boundary", header: "Content-Type: multipart/mixed; boundary=\"\"\r\n", body: "--\r\n\r\nx\r\n----\r\n"},
	{what: "a boundary that does not occur", header: mixed, body: "--c\r\n\r\nx\r\n--c--\r\n"},
	{what: "a boundary without an end", header: mixed, body: "--b\r\n\r\nx\r\n"},
	{what: "an end before the beginning", header: mixed, body: "--b--\r\n--b\r\n\r\nx\r\n"},
	{what: "a boundary longer than 70 characters", header: "Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 200) + "\r\n", body: "--" + strings.Repeat("b", 200) + "\r\n\r\nx\r\n"},
	{what: "two boundaries of one multipart", header: "Content-Type: multipart/mixed; boundary=b; boundary=c\r\n", body: "--b\r\n\r\nx\r\n--c\r\n\r\ny\r\n--c--\r\n--b--\r\n"},
	{what: "the same boundary inside", header: mixed, body: "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--b--\r\n"},
	{what: "a boundary that is the beginning of another", header: mixed, body: "--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--bb--\r\n--b--\r\n"},
	{what: "a boundary with a line break in it", header: "Content-Type: multipart/mixed; boundary*=utf-8''b%0D%0AX-Injected:%201\r\n", body: "--b\r\nX-Injected: 1\r\n\r\nx\r\n"},
	{what: "a boundary with a zero octet", header: "Content-Type: multipart/mixed; boundary*=utf-8''b%00\r\n", body: "--b\x00\r\n\r\nx\r\n"},
	{what: "white space after boundaries", header: mixed, body: "--b \t\r\n\r\nx\r\n--b-- \r\n"},
	{what: "a part that is nothing but its boundary", header: mixed, body: "--b\r\n--b\r\n--b--\r\n"},
	{what: "a part whose header section never ends", header: mixed, body: "--b\r\nContent-Type: text/html\r\n--b--\r\n"},
	{what: "a part whose header section has no fields", header: mixed, body: "--b\r\nno field at all\r\n\r\nx\r\n--b--\r\n"},
	{what: "a part whose header section is too long", header: mixed, body: "--b\r\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 900)+"\r\n", 400) + "\r\nx\r\n--b--\r\n", refused: "Header section of a MIME part too long."},
	{what: "a part with fields twice", header: mixed, body: "--b\r\nContent-Type: text/html\r\nContent-Type: text/plain\r\n\r\n<a href=\"https://example.com/\">x</a>\r\n--b--\r\n"},
	{what: "a signed multipart without parts", header: "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"\r\n", body: "nothing\r\n"},
	{what: "a type that is none", header: "Content-Type: ;;;=\r\n", body: "x\r\n"},
	{what: "a type with a parameter that never ends", header: "Content-Type: text/html; charset=\"utf-8\r\n", body: "<p>x\r\n"},
	{what: "a type of zero octets in a part", header: mixed, body: "--b\r\nContent-Type: text/\x00html\r\n\r\nx\r\n--b--\r\n"},
	{what: "Base64 that is none", header: "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n", body: "<<<###>>>\r\n"},
	{what: "Base64 that ends too early", header: "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n", body: "PGEgaHJlZj0\r\n"},
	{what: "Base64 with padding in its middle", header: "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n", body: "PGE=PGE=\r\n"},
	{what: "quoted-printable that is none", header: "Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n", body: "=ZZ =\r\n= =3\r\n="},
	{what: "an encoding that nobody knows", header: "Content-Type: text/html\r\nContent-Transfer-Encoding: x-uuencode\r\n", body: "begin 644 a\r\n`\r\nend\r\n"},
	{what: "an encoding of a multipart", header: mixed + "Content-Transfer-Encoding: base64\r\n", body: "LS1iDQoNCngNCi0tYi0tDQo=\r\n"},
	{what: "7bit that is none", header: "Content-Type: text/html\r\nContent-Transfer-Encoding: 7bit\r\n", body: "<p>\xfc\xff\x80</p>\r\n"},
	{what: "text that is no UTF-8", header: "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", body: "<p>\xc3\x28 \xed\xa0\x80 \xf8\x88\x80\x80\x80</p>\r\n"},
	{what: "a character set that nobody knows", header: "Content-Type: text/html; charset=x-klingon\r\n", body: "<p>x</p>\r\n"},
	{what: "zero octets in the body", header: "", body: "a\x00b\x00\r\n\x00\r\n"},
	{what: "a body of zero octets alone", header: "", body: strings.Repeat("\x00", 1000) + "\r\n"},
	{what: "a body of dots", header: "", body: strings.Repeat(".\r\n..\r\n", 100)},
	{what: "a body of empty lines", header: "", body: strings.Repeat("\r\n", 10_000)},
	{what: "a line of a million octets", header: "", body: strings.Repeat("x", 1_000_000) + "\r\n"},
	{what: "a part of a larger message", header: "Content-Type: message/partial; id=\"1\"; number=1; total=2\r\n", body: "half\r\n"},
	{what: "a body that is elsewhere", header: "Content-Type: message/external-body; access-type=URL; URL=\"ftp://example.com/\"\r\n", body: "Content-Type: text/plain\r\n\r\n"},

	{what: "a program whose name never ends", header: mixed, body: "--b\r\nContent-Disposition: attachment; filename=\"a.exe\r\n\r\nMZ\r\n--b--\r\n", refused: "Illegal filename 'a.exe'."},
	{what: "a program whose name is in pieces out of order", header: mixed, body: "--b\r\nContent-Disposition: attachment; filename*1=\"xe\"; filename*0=\"a.e\"\r\n\r\nMZ\r\n--b--\r\n", refused: "Illegal filename 'a.exe'."},
	{what: "a program whose name has a path", header: mixed, body: "--b\r\nContent-Disposition: attachment; filename=\"..\\\\..\\\\a.exe\"\r\n\r\nMZ\r\n--b--\r\n", refused: "Illegal filename '..\\..\\a.exe'."},
	{what: "a program whose name has white space after it", header: mixed, body: "--b\r\nContent-Disposition: attachment; filename=\"a.exe   \"\r\n\r\nMZ\r\n--b--\r\n", refused: "Illegal filename 'a.exe   '."},
	{what: "a program whose name is broken over lines", header: mixed, body: "--b\r\nContent-Disposition: attachment;\r\n filename=\r\n \"a.exe\"\r\n\r\nMZ\r\n--b--\r\n", refused: "Illegal filename 'a.exe'."},
	{what: "a file whose name can't be decoded", header: mixed, body: "--b\r\nContent-Disposition: attachment; filename*=utf-8''a%ZZ%\r\n\r\nx\r\n--b--\r\n"},
}

var badHeaders = []bad{
	{what: "a header section of 300,000 octets", header: strings.Repeat("X-Long: "+strings.Repeat("x", 900)+"\r\n", 330), refused: "Header section too long."},
	{what: "a header section of very many fields", header: strings.Repeat("X: y\r\n", 20_000), refused: "Header section too long."},
	{what: "a field in very many lines", header: "X-Long: x\r\n" + strings.Repeat(" x\r\n", 100_000), refused: "Header section too long."},
	{what: "a field name of 900 characters", header: strings.Repeat("X", 900) + ": y\r\n"},
	{what: "a line that is too long", header: "X-Long: " + strings.Repeat("x", 2000) + "\r\n", refused: "Header too long: 'X-Long'."},
	{what: "a line that is too long and has no name", header: strings.Repeat("x", 2000) + "\r\n", body: "still the body\r\n"},
	{what: "a zero octet in a value", header: "X-Nul: a\x00b\r\n", refused: "Illegal character in header 'X-Nul'."},
	{what: "a zero octet in a name", header: "X-\x00Nul: a\r\n", body: "now the body\r\n"},
	{what: "a line that is no field", header: "X-Before: 1\r\nthis is no field\r\nX-After: 2\r\n", body: "x\r\n"},
	{what: "a line of white space alone", header: "X-Before: 1\r\n \t\r\nX-After: 2\r\n", body: "x\r\n"},
	{what: "control characters in a value", header: "X-Control: a\x01\x1b[31m\x7fb\r\n", body: "x\r\n"},
	{what: "octets that are no UTF-8 in a value", header: "X-Latin: \xfc\xff\r\n", body: "x\r\n"},
	{what: "an encoded word that decodes to a line break", header: "X-Sneaky: =?utf-8?q?a=0D=0ABcc:_victim@example.net?=\r\n", body: "x\r\n"},
	{what: "encoded words that are broken", header: "X-Broken: =?utf-8?q?a=ZZ?= =?x-klingon?b?AAAA?= =?utf-8?b?#?=\r\n", body: "x\r\n"},
	{what: "a second From", header: "FROM: other@example.org\r\n", refused: "Duplicate header 'From'."},
	{what: "a second type", header: "Content-Type: text/plain\r\ncontent-type: text/html\r\n", refused: "Duplicate header 'Content-Type'."},
	{what: "a date that is none", header: "Date: yesterday \xff\r\n", body: "x\r\n"},
	{what: "a Message-ID that is none", header: "Message-ID: \xff <<>>@@\r\n", body: "x\r\n"},
	{what: "a Reply-To that is no address", header: "Reply-To: nobody\r\n", refused: "Missing final '@domain'"},
	{what: "a Sender of two addresses", header: "Sender: " + sender + ", " + sender + "\r\n", refused: "Illegal address"},
	{what: "a group that has no end", header: "Cc: Friends: a@example.net\r\n", body: "x\r\n"},
	{what: "a group in a group", header: "Cc: A: B: a@example.net;;\r\n", refused: "Nested group"},
	{what: "a semicolon without a group", header: "Cc: a@example.net; b@example.net\r\n", refused: "Illegal semicolon, not in group"},
	{what: "an empty group", header: "Cc: undisclosed-recipients:;\r\n", body: "x\r\n"},
	{what: "groups of nobody and of somebody", header: "Cc: A:;, B: b@example.net;, c@example.net\r\n", body: "x\r\n"},
	{what: "commas without addresses", header: "Cc: ,, a@example.net,,\r\n", body: "x\r\n"},
	{what: "a quote that has no end", header: "Cc: \"A <a@example.net>\r\n", refused: "Missing '\"'"},
	{what: "a comment that has no end", header: "Cc: a@example.net (A\r\n", refused: "Missing ')'"},
	{what: "comments in comments", header: "Cc: a@example.net " + strings.Repeat("(", 50) + strings.Repeat(")", 50) + "\r\n", body: "x\r\n"},
	{what: "a bracket that has no end", header: "Cc: A <a@example.net\r\n", refused: "Missing '>'"},
	{what: "a quoted local part", header: "Cc: \"a@b c\"@example.net\r\n", body: "x\r\n"},
	{what: "a local part with two dots", header: "Cc: a..b@example.net\r\n", refused: "Local address contains dot-dot"},
	{what: "a domain with two dots", header: "Cc: a@example..net\r\n", refused: "Domain contains dot-dot"},
	{what: "a route", header: "Cc: <@relay.example.net:a@example.net>\r\n", body: "x\r\n"},
	{what: "an address that is not ASCII", header: "Cc: J\xc3\xbcrgen@b\xc3\xbccher.example\r\n", body: "x\r\n"},
	{what: "an address with octets that are no UTF-8", header: "Cc: \xff@example.net\r\n", body: "x\r\n"},
	{what: "tags without values", header: "X-SES-MESSAGE-TAGS: a, b=, =c\r\n", refused: "The tag value must be specified."},
	{what: "a configuration set that is none", header: "X-SES-CONFIGURATION-SET: ../../etc/passwd\r\n", refused: "*"},
	{what: "a configuration set with a line break", header: "X-SES-CONFIGURATION-SET: a\r\n b\r\n", refused: "*"},
	{what: "a list that is none", header: "X-SES-LIST-MANAGEMENT-OPTIONS: ;;topic==;\r\n", refused: "ContactListName can't be blank."},
	{what: "an ARN that is none", header: "X-SES-SOURCE-ARN: arn:\x01\r\n", refused: "*"},
}

// byRule are a message for each field that must not occur twice, and one for each file
// that is not sent.
func byRule(t *testing.T) (all []bad) {
	t.Helper()
	for _, row := range content.HeaderRules() {
		for _, name := range row.Fields {
			if row.Rule == content.Unique {
				field := strings.ToUpper(name) + ": <a@example.com>\r\n"
				all = append(all, bad{what: "two fields of " + name, header: field + "X-Between: 1\r\n" + field, refused: "Duplicate header '" + name + "'."})
			}
		}
	}
	for _, extension := range content.BlockedExtensions() {
		body := "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"file" + extension + "\"\r\n\r\nx\r\n--b--\r\n"
		all = append(all, bad{what: "a file of the type " + extension, header: mixed, body: body, refused: "Illegal filename 'file" + extension + "'."})
	}
	if n := len(all); n != 60+90 { // as many as the guide lists
		t.Errorf("%d fields and files have rules", n)
	}
	return all
}

// TestReservedFieldsAreNoCustomHeaders has API v2, which alone has custom headers, refuse
// all fields that other parameters set.
func TestReservedFieldsAreNoCustomHeaders(t *testing.T) {
	t.Parallel()
	w, names := newWorld(t), 0
	for _, row := range content.HeaderRules() {
		for _, name := range row.Fields {
			if row.Rule != content.Reserved {
				continue
			}
			names++
			a := w.json(t, http.MethodPost, sendPath, `{"FromEmailAddress": "sender@example.com", "Destination": {"ToAddresses": ["reader@example.net"]},
				"Content": {"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}, "Headers": [{"Name": "`+strings.ToLower(name)+`", "Value": "a@example.com"}]}}}`)
			if want := refusal(rest, "Header '"+name+"' cannot be set as a custom header."); a.String() != want {
				t.Errorf("%s: %v, want %s", name, a, want)
			}
		}
	}
	if found := w.traces(t); names != 12 || found != "" {
		t.Errorf("%d names, and there are %s", names, found)
	}
}

// TestBadMessagesAreRefusedOrUnharmed sends each message through each door.
func TestBadMessagesAreRefusedOrUnharmed(t *testing.T) {
	t.Parallel()
	for _, d := range doors {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var c *session
			if d == submitting {
				c = w.session(t)
			}
			for _, b := range slices.Concat(badMIME, badHeaders, byRule(t)) {
				before := w.stored(t)
				raw := []byte(head + b.header + "\r\n" + b.body)
				if !bytes.HasSuffix(raw, []byte("\r\n")) {
					raw = append(raw, '\r', '\n')
				}
				a := w.bring(t, d, c, raw)
				w.judge(t, d, b, raw, a, before)
			}
		})
	}
}

// bring sends a whole message through a door.
func (w *world) bring(t *testing.T, d door, c *session, raw []byte) answer {
	t.Helper()
	switch d {
	case query:
		return w.form(t, url.Values{
			"Action": {"SendRawEmail"}, "Version": {"2010-12-01"}, "Source": {sender}, "Destinations.member.1": {reader},
			"RawMessage.Data": {base64.StdEncoding.EncodeToString(raw)},
		}.Encode())
	case rest:
		in, err := json.Marshal(map[string]any{
			"FromEmailAddress": sender, "Destination": map[string]any{"ToAddresses": []string{reader}},
			"Content": map[string]any{"Raw": map[string]any{"Data": raw}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return w.json(t, http.MethodPost, sendPath, string(in))
	default:
		return c.submit(sender, []string{reader}, raw)
	}
}

// refusal is what a door says where the text is SES's.
func refusal(d door, text string) string {
	switch d {
	case query:
		return "400 InvalidParameterValue: " + text
	case rest:
		return "400 BadRequestException: " + text
	default:
		return "554 Transaction failed: " + text
	}
}

func (w *world) judge(t *testing.T, d door, b bad, raw []byte, a answer, before []string) {
	t.Helper()
	after := w.stored(t)
	if b.refused != "" {
		if a.ok() || b.refused != "*" && a.String() != refusal(d, b.refused) {
			t.Errorf("%s: %v, want %s", b.what, a, refusal(d, b.refused))
		}
		if a.status/100 != 4 && d != submitting || len(after) != len(before) {
			t.Errorf("%s: %v, and %d messages were stored", b.what, a, len(after)-len(before))
		}
		return
	}
	if !a.ok() || len(after) != len(before)+1 {
		t.Errorf("%s: %v, and %d messages were stored", b.what, a, len(after)-len(before))
		return
	}
	i := slices.IndexFunc(after, func(id string) bool { return !slices.Contains(before, id) })
	if damage := harm(raw, w.departure(t, after[i]).data); damage != "" {
		t.Errorf("%s: %s", b.what, damage)
	}
}

// ours are the fields that a message gets, or that do not leave as they came.
var ours = []string{"X-SES-Outgoing", "Date", "Message-ID", "MIME-Version", "Feedback-ID"}

// harm says what is wrong with a message that left: its body must be that of the one that
// came, and its fields too, in their order, but for those that are ours.
func harm(came, left []byte) string {
	fields, body, err := message.Split(message.NormalizeCRLF(came))
	if err != nil {
		return err.Error()
	}
	gotFields, gotBody, err := message.Split(left)
	if err != nil {
		return err.Error()
	}
	if !bytes.Equal(body, gotBody) {
		return "another body: " + firstDifference(show(body), show(gotBody))
	}
	if want, got := callers(fields), callers(gotFields); want != got {
		return "other fields: " + firstDifference(want, got)
	}
	for _, name := range ours {
		if n := len(gotFields.Values(name)); n != 1 {
			return fmt.Sprintf("%d fields of %s", n, name)
		}
	}
	return ""
}

func callers(h message.Header) string {
	var b strings.Builder
	for _, f := range h {
		if !slices.ContainsFunc(ours, f.Is) && !strings.HasPrefix(strings.ToLower(f.Name()), "x-ses-") {
			b.Write(f.Raw())
		}
	}
	return b.String()
}
