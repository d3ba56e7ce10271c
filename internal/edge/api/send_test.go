// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"golang.org/x/text/encoding/ianaindex"

	"sesame/internal/base/msgid"
	"sesame/internal/core/spool"
)

// part is a MIME part, decoded by the standard library.
type part struct {
	kind        string // media type, without parameters
	charset     string
	disposition string
	fileName    string
	id          string
	description string
	encoding    string
	data        string // of text, as UTF-8
	parts       []part
}

func readPart(t *testing.T, h textproto.MIMEHeader, body io.Reader) part {
	t.Helper()
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t.Fatalf("Content-Type %q: %v", h.Get("Content-Type"), err)
	}
	p := part{kind: kind, charset: params["charset"], id: h.Get("Content-ID"), description: decodeWords(t, h.Get("Content-Description")),
		encoding: h.Get("Content-Transfer-Encoding")}
	if d := h.Get("Content-Disposition"); d != "" {
		var dparams map[string]string
		if p.disposition, dparams, err = mime.ParseMediaType(d); err != nil {
			t.Fatalf("Content-Disposition %q: %v", d, err)
		}
		p.fileName = dparams["filename"]
	}
	if strings.HasPrefix(kind, "multipart/") {
		for r := multipart.NewReader(body, params["boundary"]); ; {
			next, err := r.NextRawPart()
			if err == io.EOF {
				return p
			} else if err != nil {
				t.Fatal(err)
			}
			p.parts = append(p.parts, readPart(t, next.Header, next))
		}
	}
	switch p.encoding {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	p.data = string(data)
	if p.charset != "" && p.charset != "UTF-8" && p.charset != "US-ASCII" {
		enc, err := ianaindex.MIME.Encoding(p.charset)
		if err != nil {
			t.Fatal(err)
		}
		if p.data, err = enc.NewDecoder().String(p.data); err != nil {
			t.Fatal(err)
		}
	}
	p.data = strings.TrimSuffix(p.data, "\r\n")
	if p.disposition == "" {
		p.encoding = "" // of texts it is the server's choice
	}
	return p
}

func (a accepted) mime(t *testing.T) part {
	t.Helper()
	return readPart(t, textproto.MIMEHeader(a.header), strings.NewReader(a.body))
}

func decodeWords(t *testing.T, s string) string {
	t.Helper()
	d := mime.WordDecoder{CharsetReader: func(name string, r io.Reader) (io.Reader, error) {
		enc, err := ianaindex.MIME.Encoding(name)
		if err != nil {
			return nil, err
		}
		return enc.NewDecoder().Reader(r), nil
	}}
	out, err := d.DecodeHeader(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// field is a header field, decoded.
func (a accepted) field(t *testing.T, name string) string {
	t.Helper()
	return decodeWords(t, a.header.Get(name))
}

// checkOutside checks what every accepted message has, whatever it says.
func checkOutside(t *testing.T, w *world, id, operation string) accepted {
	t.Helper()
	m := w.stored(t, id)
	if !msgid.Valid(id) || m.Operation != operation || m.Caller != "arn:aws:iam::"+accountID+":user/tester" || m.SourceIP != "127.0.0.1" ||
		m.Scope != home || !m.AcceptedAt.Equal(w.clock.Now()) || m.ConfigSet != "" {
		t.Errorf("%+v", m.Message)
	}
	date, err := m.header.Date()
	if err != nil || date.Unix() != w.clock.Now().Unix() || !strings.HasSuffix(m.header.Get("Date"), " +0000") {
		t.Errorf("Date %q", m.header.Get("Date"))
	}
	for name, want := range map[string]string{
		"Message-Id":   `^<` + id + `@email\.amazonses\.com>$`,
		"Feedback-Id":  `^1\.us-east-1\.[A-Za-z0-9+/=]+:AmazonSES$`,
		"Mime-Version": `^1\.0$`,
	} {
		if v := m.header[name]; len(v) != 1 || !regexp.MustCompile(want).MatchString(v[0]) {
			t.Errorf("%s: %q", name, v)
		}
	}
	for _, name := range []string{"Bcc", "Return-Path", "X-Ses-Message-Tags", "X-Ses-Configuration-Set"} {
		if m.header.Get(name) != "" {
			t.Errorf("%s is left: %q", name, m.header.Get(name))
		}
	}
	return m
}

// addressList is a field's addresses as net/mail reads them.
func addressList(t *testing.T, h mail.Header, name string) string {
	t.Helper()
	if h.Get(name) == "" {
		return ""
	}
	list, err := h.AddressList(name)
	if err != nil {
		t.Fatalf("%s %q: %v", name, h.Get(name), err)
	}
	var s []string
	for _, a := range list {
		s = append(s, a.String())
	}
	return strings.Join(s, ", ")
}

func text(data string, charset ...string) *types.Content {
	c := &types.Content{Data: &data}
	if len(charset) > 0 {
		c.Charset = &charset[0]
	}
	return c
}

func textV1(data string, charset ...string) *sestypes.Content {
	c := text(data, charset...)
	return &sestypes.Content{Data: c.Data, Charset: c.Charset}
}

const (
	germanText = "Grüße aus Köln.\r\n.\r\nVon vorn."
	japanese   = "こんにちは"
)

func TestSimpleMessagesOfV2(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.sesv2Client(tester())
	html := "<p>Grüße</p>\n<img src=\"cid:logo\">"
	pixel := string([]byte{0x89, 'P', 'N', 'G', 0, 255, '\r', '\n'})
	for _, tc := range []struct {
		name    string
		message types.Message
		subject string
		body    part
	}{
		{"text alone", types.Message{Subject: text("Plain"), Body: &types.Body{Text: text("Hello\nthere")}}, "Plain",
			part{kind: "text/plain", charset: "UTF-8", data: "Hello\r\nthere"}},
		{"HTML alone", types.Message{Subject: text("Plain"), Body: &types.Body{Html: text("<p>Hi</p>")}}, "Plain",
			part{kind: "text/html", charset: "UTF-8", data: "<p>Hi</p>"}},
		{"both, in UTF-8", types.Message{Subject: text("Grüße – ✓", "UTF-8"), Body: &types.Body{Text: text(germanText, "UTF-8"), Html: text("<p>Grüße</p>", "UTF-8")}}, "Grüße – ✓",
			part{kind: "multipart/alternative", parts: []part{
				{kind: "text/plain", charset: "UTF-8", data: germanText},
				{kind: "text/html", charset: "UTF-8", data: "<p>Grüße</p>"},
			}}},
		{"each in a charset of its own", types.Message{Subject: text("Grüße", "ISO-8859-1"), Body: &types.Body{Text: text(japanese, "ISO-2022-JP"), Html: text(japanese, "Shift_JIS")}}, "Grüße",
			part{kind: "multipart/alternative", parts: []part{
				{kind: "text/plain", charset: "ISO-2022-JP", data: japanese},
				{kind: "text/html", charset: "Shift_JIS", data: japanese},
			}}},
		{"an empty subject", types.Message{Subject: text(""), Body: &types.Body{Text: text("x")}}, "",
			part{kind: "text/plain", charset: "UTF-8", data: "x"}},
		{"attachments, inline and not", types.Message{Subject: text("Files"), Body: &types.Body{Text: text("See."), Html: text(html)}, Attachments: []types.Attachment{
			{FileName: aws.String("Bericht für Müller.pdf"), ContentType: aws.String("application/pdf"), RawContent: []byte("%PDF"), ContentDescription: aws.String("Der Bericht")},
			{FileName: aws.String("logo.png"), ContentType: aws.String("image/png"), RawContent: []byte(pixel), ContentId: aws.String("logo"),
				ContentDisposition: types.AttachmentContentDispositionInline},
			{FileName: aws.String("notes.txt"), ContentType: aws.String("text/plain; charset=utf-8"), RawContent: []byte("Käse"),
				ContentDisposition: types.AttachmentContentDispositionAttachment, ContentTransferEncoding: types.AttachmentContentTransferEncodingQuotedPrintable},
			{FileName: aws.String("plain.csv"), ContentType: aws.String("text/csv"), RawContent: []byte("a,b\r\n"), ContentTransferEncoding: types.AttachmentContentTransferEncodingSevenBit},
			{FileName: aws.String("unknown"), RawContent: []byte{}},
		}}, "Files",
			part{kind: "multipart/mixed", parts: []part{
				{kind: "multipart/alternative", parts: []part{
					{kind: "text/plain", charset: "UTF-8", data: "See."},
					{kind: "multipart/related", parts: []part{
						{kind: "text/html", charset: "UTF-8", data: strings.ReplaceAll(html, "\n", "\r\n")},
						{kind: "image/png", disposition: "inline", fileName: "logo.png", id: "<logo>", encoding: "base64", data: strings.TrimSuffix(pixel, "\r\n")},
					}},
				}},
				{kind: "application/pdf", disposition: "attachment", fileName: "Bericht für Müller.pdf", description: "Der Bericht", encoding: "base64", data: "%PDF"},
				{kind: "text/plain", charset: "utf-8", disposition: "attachment", fileName: "notes.txt", encoding: "quoted-printable", data: "Käse"},
				{kind: "text/csv", disposition: "attachment", fileName: "plain.csv", encoding: "7bit", data: "a,b"},
				{kind: "application/octet-stream", disposition: "attachment", fileName: "unknown", encoding: "base64"},
			}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.body.walk(func(p *part) {
				if p.charset == "utf-8" {
					p.charset = "UTF-8" // how it is written does not matter
				}
			})
			in := plain(sender, reader)
			in.Content.Simple = &tc.message
			out, err := c.SendEmail(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			m := checkOutside(t, w, aws.ToString(out.MessageId), "SendEmail")
			got := m.mime(t)
			got.walk(func(p *part) { p.charset = strings.Replace(p.charset, "utf-8", "UTF-8", 1) })
			if m.field(t, "Subject") != tc.subject || m.Subject != tc.subject || !reflect.DeepEqual(got, tc.body) {
				t.Errorf("subject %q\n got %+v\nwant %+v\n%s", m.field(t, "Subject"), got, tc.body, m.Content)
			}
			if m.header.Get("From") != sender || m.header.Get("To") != reader || m.to != reader || m.ReturnPath.String() != sender || m.Identity != verified {
				t.Errorf("%v to %s, feedback to %s", m.header, m.to, m.ReturnPath)
			}
		})
	}
}

func (p *part) walk(f func(*part)) {
	f(p)
	for i := range p.parts {
		p.parts[i].walk(f)
	}
}

// TestAllTheRestOfAMessage has everything beside the bodies, in both versions.
func TestAllTheRestOfAMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	const feedback = "feedback@example.com"
	for _, name := range []string{feedback, "boss@example.com"} {
		if _, err := w.sesClient(tester()).VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: &name}); err != nil {
			t.Fatal(err)
		}
	}
	encodedFrom := (&mail.Address{Name: "Müller, Jürgen", Address: sender}).String()
	to, cc := []string{`"Reader, First" <a@example.net>`, "b@Example.NET"}, []string{"Carbon Copy <c@example.net>"}
	bcc, replyTo := []string{"d@example.net", "a@example.net"}, []string{"Answers <r@example.org>", "s@example.org"}
	v2, err := w.sesv2Client(tester()).SendEmail(ctx, &sesv2.SendEmailInput{
		FromEmailAddress: &encodedFrom, Destination: &types.Destination{ToAddresses: to, CcAddresses: cc, BccAddresses: bcc}, ReplyToAddresses: replyTo,
		FeedbackForwardingEmailAddress: aws.String(feedback),
		Content: &types.EmailContent{Simple: &types.Message{Subject: text("All"), Body: &types.Body{Text: text("x")}, Headers: []types.MessageHeader{
			{Name: aws.String("X-Campaign"), Value: aws.String("spring")}, {Name: aws.String("X-Campaign"), Value: aws.String("again")},
			{Name: aws.String("List-Unsubscribe"), Value: aws.String("<https://example.com/u>")}, {Name: aws.String("Sender"), Value: aws.String("boss@example.com")},
		}}},
		EmailTags: []types.MessageTag{{Name: aws.String("team"), Value: aws.String("blue-1")}, {Name: aws.String("run"), Value: aws.String("2_b")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	v1, err := w.sesClient(tester()).SendEmail(ctx, &ses.SendEmailInput{
		Source: &encodedFrom, Destination: &sestypes.Destination{ToAddresses: to, CcAddresses: cc, BccAddresses: bcc}, ReplyToAddresses: replyTo,
		ReturnPath: aws.String(feedback), Message: &sestypes.Message{Subject: textV1("All"), Body: &sestypes.Body{Text: textV1("x")}},
		Tags: []sestypes.MessageTag{{Name: aws.String("team"), Value: aws.String("blue-1")}, {Name: aws.String("run"), Value: aws.String("2_b")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for version, id := range map[string]*string{"v1": v1.MessageId, "v2": v2.MessageId} {
		m := checkOutside(t, w, aws.ToString(id), "SendEmail")
		for name, want := range map[string]string{
			"From": encodedFrom, "To": `"Reader, First" <a@example.net>, <b@Example.NET>`, "Cc": `"Carbon Copy" <c@example.net>`,
			"Reply-To": `"Answers" <r@example.org>, <s@example.org>`,
		} {
			if got := addressList(t, m.header, name); got != want {
				t.Errorf("%s, %s: %s, want %s", version, name, got, want)
			}
		}
		// An address that is named twice gets one copy.
		if m.to != "a@example.net b@example.net c@example.net d@example.net" || m.ReturnPath.String() != feedback || m.Sender.String() != sender {
			t.Errorf("%s: to %s, feedback to %s, from %s", version, m.to, m.ReturnPath, m.Sender)
		}
		if want := []spool.Tag{{Name: "team", Value: "blue-1"}, {Name: "run", Value: "2_b"}}; !reflect.DeepEqual(m.Tags, want) {
			t.Errorf("%s: tags %v", version, m.Tags)
		}
		if strings.Contains(string(m.Content), "d@example.net") {
			t.Errorf("%s: the blind recipient shows:\n%s", version, m.Content)
		}
		if version == "v2" && (strings.Join(m.header["X-Campaign"], " ") != "spring again" || m.header.Get("List-Unsubscribe") != "<https://example.com/u>" ||
			m.header.Get("Sender") != "boss@example.com") {
			t.Errorf("headers %v", m.header)
		}
	}
}

func TestSimpleMessagesOfV1(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.sesClient(tester())
	for _, tc := range []struct {
		name    string
		message sestypes.Message
		subject string
		body    part
	}{
		{"text alone", sestypes.Message{Subject: textV1("Plain"), Body: &sestypes.Body{Text: textV1("a & b = 100 % + é\n")}}, "Plain",
			part{kind: "text/plain", charset: "UTF-8", data: "a & b = 100 % + é"}},
		{"HTML alone", sestypes.Message{Subject: textV1("Plain"), Body: &sestypes.Body{Html: textV1("<p>Hi</p>")}}, "Plain",
			part{kind: "text/html", charset: "UTF-8", data: "<p>Hi</p>"}},
		{"both, in charsets", sestypes.Message{Subject: textV1("Grüße", "ISO-8859-15"), Body: &sestypes.Body{Text: textV1("3 €", "windows-1252"), Html: textV1("Привет", "KOI8-R")}}, "Grüße",
			part{kind: "multipart/alternative", parts: []part{
				{kind: "text/plain", charset: "windows-1252", data: "3 €"},
				{kind: "text/html", charset: "KOI8-R", data: "Привет"},
			}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			out, err := c.SendEmail(t.Context(), &ses.SendEmailInput{
				Source: aws.String(sender), Destination: &sestypes.Destination{ToAddresses: []string{reader}}, Message: &tc.message,
			})
			if err != nil {
				t.Fatal(err)
			}
			m := checkOutside(t, w, aws.ToString(out.MessageId), "SendEmail")
			if got := m.mime(t); m.field(t, "Subject") != tc.subject || !reflect.DeepEqual(got, tc.body) {
				t.Errorf("subject %q\n got %+v\nwant %+v\n%s", m.field(t, "Subject"), got, tc.body, m.Content)
			}
		})
	}
}
