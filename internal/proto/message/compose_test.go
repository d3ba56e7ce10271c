// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"

	"sesame/internal/base/address"
	"sesame/internal/proto/message"
)

func box(name, addr string) message.Mailbox {
	a, err := address.Parse(addr)
	if err != nil {
		panic(err)
	}
	return message.Mailbox{Name: name, Address: a}
}

func seeded() io.Reader { return rand.NewChaCha8([32]byte{1}) }

func simple() message.Simple {
	return message.Simple{
		From:    box("Sender Name", "sender@example.com"),
		To:      []message.Mailbox{box("", "to@example.net")},
		Subject: message.Content{Data: "Hello"},
	}
}

func compose(t *testing.T, m message.Simple) []byte {
	t.Helper()
	raw, err := message.Compose(m, seeded())
	if err != nil {
		t.Fatal(err)
	}
	if !message.IsCRLF(raw) || message.Is8Bit(raw) || !bytes.HasSuffix(raw, []byte("\r\n")) {
		t.Errorf("not 7-bit lines: %q", raw)
	}
	h, _, err := message.Split(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range h {
		if f.LongestLine() > 998 {
			t.Errorf("line too long in %s", f.Name())
		}
	}
	return raw
}

// leaf is a part as the standard library reads it.
type leaf struct{ kind, disposition, id, data string }

// read takes a message apart with the standard library and returns its shape, such as
// "mixed(text/plain,text/plain)", and its leaves.
func read(t *testing.T, raw []byte) (*mail.Message, string, []leaf) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var leaves []leaf
	shape := readPart(t, mail.Header(m.Header).Get, m.Body, &leaves)
	return m, shape, leaves
}

func readPart(t *testing.T, get func(string) string, body io.Reader, leaves *[]leaf) string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if sub, ok := strings.CutPrefix(kind, "multipart/"); ok {
		var shapes []string
		r := multipart.NewReader(body, params["boundary"])
		for {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return sub + "(" + strings.Join(shapes, ",") + ")"
			}
			if err != nil {
				t.Fatal(err)
			}
			shapes = append(shapes, readPart(t, p.Header.Get, p, leaves))
		}
	}
	switch get("Content-Transfer-Encoding") {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	*leaves = append(*leaves, leaf{get("Content-Type"), get("Content-Disposition"), get("Content-Id"), string(data)})
	return kind
}

func TestComposeShapes(t *testing.T) {
	t.Parallel()
	text, html := &message.Content{Data: "plain\n"}, &message.Content{Data: "<b>rich</b>"}
	file := message.Attachment{Data: []byte("data"), FileName: "a.txt", ContentType: "text/plain"}
	image := message.Attachment{Data: []byte("png"), FileName: "i.png", ContentType: "image/png", ContentID: "logo", Inline: true}
	for _, c := range []struct {
		name       string
		text, html *message.Content
		files      []message.Attachment
		want       string
	}{
		{"text alone", text, nil, nil, "text/plain"},
		{"HTML alone", nil, html, nil, "text/html"},
		{"text and HTML", text, html, nil, "alternative(text/plain,text/html)"},
		{"text and a file", text, nil, []message.Attachment{file}, "mixed(text/plain,text/plain)"},
		{"both and a file", text, html, []message.Attachment{file}, "mixed(alternative(text/plain,text/html),text/plain)"},
		{"HTML and an inline image", nil, html, []message.Attachment{image}, "related(text/html,image/png)"},
		{
			"everything", text, html,
			[]message.Attachment{file, image, file}, "mixed(alternative(text/plain,related(text/html,image/png)),text/plain,text/plain)",
		},
		{"an inline image without HTML", text, nil, []message.Attachment{image}, "mixed(text/plain,image/png)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := simple()
			m.Text, m.HTML, m.Files = c.text, c.html, c.files
			raw := compose(t, m)
			_, shape, leaves := read(t, raw)
			if shape != c.want {
				t.Errorf("shape %s, want %s", shape, c.want)
			}
			h, body, _ := message.Split(raw)
			n := 0
			err := message.WalkParts(h, body, message.WalkLimits{}, func(p message.Part) error {
				if !p.IsMultipart() {
					n++
				}
				return nil
			})
			if err != nil || n != len(leaves) {
				t.Errorf("we see %d parts (%v), the standard library %d", n, err, len(leaves))
			}
		})
	}
}

func TestComposeGolden(t *testing.T) {
	t.Parallel()
	m := simple()
	m.To = append(m.To, box("Müller, Anna", "anna@example.net"), box("", "a-rather-long-local-part@a-rather-long-domain.example.net"))
	m.Cc = []message.Mailbox{box("Q. Test", "cc@example.net")}
	m.ReplyTo = []message.Mailbox{box("", "reply@example.com")}
	m.Subject = message.Content{Data: "Як ти поживаєш? А ще довша тема листа, яка не вміщається в один рядок"}
	m.Text = &message.Content{Data: "Grüße aus dem Norden, mit einer Zeile, die länger ist als die sechsundsiebzig Zeichen einer Zeile. \n.\nEnde"}
	m.HTML = &message.Content{Data: "<p>Як ти поживаєш?</p>\r\n"}
	m.Headers = []message.NameValue{{"X-One", "1"}, {"List-Unsubscribe", "<mailto:leave@example.com?subject=unsubscribe-with-a-long-token>, <https://example.com/leave/0123456789>"}}
	m.Files = []message.Attachment{
		{Data: []byte("\x00\x01binary\xff"), FileName: "rapport annuel détaillé.pdf", ContentType: "application/pdf", Description: "Röntgen"},
		{Data: []byte("GIF89a"), FileName: "logo.gif", ContentType: "image/gif", ContentID: "<logo@x>", Inline: true, Encoding: message.QuotedPrintable},
		{Data: []byte("a,b\n1,2\n"), FileName: "t.csv", ContentType: "text/csv; charset=us-ascii", Encoding: message.SevenBit},
	}
	got := compose(t, m)
	file := filepath.Join("testdata", "compose.golden")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s", got)
	}
	read(t, got)
}

func TestComposeHeaderValuesReadBack(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{
		"", "Hello", "two  spaces", strings.Repeat("word ", 60), strings.Repeat("x", 900), strings.Repeat("x", 3000), "Grüße", strings.Repeat("日本語", 50),
		"mixed ünd plain " + strings.Repeat("word ", 40), "emoji 🎉🎊", "=?utf-8?q?already=20encoded?=", "tab\there",
	} {
		m := simple()
		m.Subject.Data = subject
		m.Text = &message.Content{Data: "x"}
		raw := compose(t, m)
		h, _, _ := message.Split(raw)
		want := strings.TrimSpace(message.DecodeText(subject))
		if got := message.DecodeText(h.Get("Subject")); got != want {
			t.Errorf("subject %q reads as %q", subject, got)
		}
		std, _, _ := read(t, raw)
		dec := new(mime.WordDecoder)
		if got, err := dec.DecodeHeader(std.Header.Get("Subject")); err != nil || got != want {
			t.Errorf("net/mail reads subject %q as %q, %v", subject, got, err)
		}
		f, _ := h.First("Subject")
		if !strings.Contains(subject, strings.Repeat("x", 100)) && f.LongestLine() > 76 {
			t.Errorf("subject %q: line of %d", subject, f.LongestLine())
		}
	}
}

func TestComposeCharsets(t *testing.T) {
	t.Parallel()
	m := simple()
	m.Subject = message.Content{Data: "Grüße", Charset: "ISO-8859-1"}
	m.Text = &message.Content{Data: "日本語テキスト\n二行目", Charset: "ISO-2022-JP"}
	m.HTML = &message.Content{Data: "<p>Grüße</p>", Charset: "iso-8859-1"}
	_, _, leaves := read(t, compose(t, m))
	jp, _ := japanese.ISO2022JP.NewDecoder().String(leaves[0].data)
	if jp != "日本語テキスト\r\n二行目" || leaves[0].kind != "text/plain; charset=ISO-2022-JP" {
		t.Errorf("text %q of %s", jp, leaves[0].kind)
	}
	latin, _ := charmap.ISO8859_1.NewDecoder().String(leaves[1].data)
	if latin != "<p>Grüße</p>" || leaves[1].kind != "text/html; charset=iso-8859-1" {
		t.Errorf("HTML %q of %s", latin, leaves[1].kind)
	}
	h, _, _ := message.Split(compose(t, m))
	if got := h.Get("Subject"); got != "=?ISO-8859-1?q?Gr=FC=DFe?=" {
		t.Errorf("subject %q", got)
	}
	long := simple()
	long.Subject = message.Content{Data: strings.Repeat("日本語の件名", 20), Charset: "ISO-2022-JP"}
	long.Text = &message.Content{Data: "x"}
	h, _, _ = message.Split(compose(t, long))
	if got := message.DecodeText(h.Get("Subject")); got != long.Subject.Data {
		t.Errorf("long subject reads as %q", got)
	}
}

// TestComposeLongSubjectInUTF16HasNoByteOrderMarks: one in each encoded word was a character
// of the subject to readers that put the words together first.
func TestComposeLongSubjectInUTF16HasNoByteOrderMarks(t *testing.T) {
	t.Parallel()
	m := simple()
	m.Subject = message.Content{Data: strings.Repeat("日本語の件名", 20), Charset: "utf-16"}
	m.Text = &message.Content{Data: "x"}
	h, _, _ := message.Split(compose(t, m))
	if got := h.Get("Subject"); !strings.HasPrefix(got, "=?UTF-8?b?") || message.DecodeText(got) != m.Subject.Data {
		t.Errorf("subject %q", got)
	}
}

func TestComposeTransferEncodings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, data, want string }{
		{"ASCII goes as it is", "Hello\r\nthere", "7bit"},
		{"some Latin letters are quoted", "Grüße aus dem schönen Norden\r\n", "quoted-printable"},
		{"another script is base64", strings.Repeat("Як ти поживаєш? ", 20), "base64"},
		{"long lines are quoted", strings.Repeat("a", 1200), "quoted-printable"},
		{"a line of 998 goes as it is", strings.Repeat("a", 998), "7bit"},
		{"NUL is quoted", "a\x00b and so on", "quoted-printable"},
		{"no text at all", "", "7bit"},
		{"spaces at the ends of long lines", strings.Repeat("é"+strings.Repeat("a", 73)+" \r\n", 3) + "é ", "quoted-printable"},
		{"equals signs at every place of a line", "é" + strings.Repeat("=abcdefgh ", 200), "quoted-printable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := simple()
			m.Text = &message.Content{Data: c.data}
			raw := compose(t, m)
			std, _, leaves := read(t, raw)
			if got := std.Header.Get("Content-Transfer-Encoding"); got != c.want {
				t.Errorf("encoding %s", got)
			}
			if strings.TrimSuffix(leaves[0].data, "\r\n") != strings.TrimSuffix(c.data, "\r\n") {
				t.Errorf("text became %q", leaves[0].data)
			}
			_, body, _ := message.Split(raw)
			if c.want != "7bit" && message.LongestLine(body) > 76 {
				t.Errorf("line of %d octets", message.LongestLine(body))
			}
		})
	}
}

func TestComposeAttachmentOctetsSurvive(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 120 {
		data := make([]byte, n*3)
		for i := range data {
			data[i] = "\r\n =a.\x00\xff\t"[r.IntN(9)]
		}
		for _, enc := range []message.Encoding{message.EncodingDefault, message.Base64, message.QuotedPrintable} {
			m := simple()
			m.Text = &message.Content{Data: "see attachment"}
			m.Files = []message.Attachment{{Data: data, FileName: "f.bin", Encoding: enc}}
			_, _, leaves := read(t, compose(t, m))
			if len(leaves) != 2 || leaves[1].data != string(data) {
				t.Fatalf("%s: %q became %q", enc, data, leaves[1].data)
			}
		}
	}
}

func TestComposeAttachmentFields(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		file              message.Attachment
		kind, disposition string
	}{
		{"defaults", message.Attachment{FileName: "a.bin"}, `application/octet-stream; name="a.bin"`, `attachment; filename="a.bin"`},
		{"a type by the extension", message.Attachment{FileName: "Invoice 7.PDF"}, `application/pdf; name="Invoice 7.PDF"`, `attachment; filename="Invoice 7.PDF"`},
		{"the last of several extensions", message.Attachment{FileName: "a.pdf.zip"}, `application/zip; name="a.pdf.zip"`, `attachment; filename="a.pdf.zip"`},
		{"an extension that is nothing else", message.Attachment{FileName: ".png"}, `image/png; name=".png"`, `attachment; filename=".png"`},
		{"a given type is not doubted", message.Attachment{FileName: "a.pdf", ContentType: "text/plain"}, `text/plain; name="a.pdf"`, `attachment; filename="a.pdf"`},
		{"quotes in the name", message.Attachment{FileName: `a"b\.txt`}, `text/plain; name="a\"b\\.txt"`, `attachment; filename="a\"b\\.txt"`},
		{"a type with a name of its own", message.Attachment{FileName: "a.bin", ContentType: `text/x; name="b"`}, `text/x; name="b"`, `attachment; filename="a.bin"`},
		{"a type with a semicolon at its end", message.Attachment{FileName: "a", ContentType: "text/x;"}, `text/x; name="a"`, `attachment; filename="a"`},
		{"no name", message.Attachment{Inline: true}, "application/octet-stream", "inline"},
		{"a name that is not ASCII", message.Attachment{FileName: "ü.txt"}, "text/plain; name*=utf-8''%C3%BC.txt", "attachment; filename*=utf-8''%C3%BC.txt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := simple()
			m.Text, m.Files = &message.Content{Data: "x"}, []message.Attachment{c.file}
			_, _, leaves := read(t, compose(t, m))
			if got := leaves[1]; got.kind != c.kind || got.disposition != c.disposition {
				t.Errorf("type %s, disposition %s", got.kind, got.disposition)
			}
		})
	}
	long := strings.Repeat("とても長い名前", 12) + ".txt"
	m := simple()
	m.Text, m.Files = &message.Content{Data: "x"}, []message.Attachment{{FileName: long}}
	h, body, _ := message.Split(compose(t, m))
	var names []string
	_ = message.WalkParts(h, body, message.WalkLimits{}, func(p message.Part) error {
		names = append(names, p.FileNames()...)
		return nil
	})
	if len(names) != 2 || names[0] != long || names[1] != long {
		t.Errorf("long name reads as %q", names)
	}
	_, _, leaves := read(t, compose(t, m))
	if _, p, err := mime.ParseMediaType(leaves[1].disposition); err != nil || p["filename"] != long {
		t.Errorf("the standard library reads the long name as %q, %v", p["filename"], err)
	}
}

func TestComposeRefuses(t *testing.T) {
	t.Parallel()
	body := &message.Content{Data: "x"}
	for _, c := range []struct {
		name string
		edit func(*message.Simple)
		want error
	}{
		{"neither text nor HTML", func(m *message.Simple) { m.Text = nil }, message.ErrNoBody},
		{"a line break in the subject", func(m *message.Simple) { m.Subject.Data = "a\r\nBcc: x@y" }, message.ErrLineBreak},
		{"a line feed in a subject that is not ASCII", func(m *message.Simple) { m.Subject.Data = "ü\nBcc: x@y" }, message.ErrLineBreak},
		{"a line break in a header", func(m *message.Simple) { m.Headers = []message.NameValue{{"X", "a\nB: c"}} }, message.ErrLineBreak},
		{"a carriage return in a header", func(m *message.Simple) { m.Headers = []message.NameValue{{"X", "a\rB: c"}} }, message.ErrLineBreak},
		{"NUL in a header", func(m *message.Simple) { m.Headers = []message.NameValue{{"X", "a\x00"}} }, message.ErrLineBreak},
		{"a line break in a header name", func(m *message.Simple) { m.Headers = []message.NameValue{{"X\r\nY", "a"}} }, message.ErrFieldName},
		{"a colon in a header name", func(m *message.Simple) { m.Headers = []message.NameValue{{"X:", "a"}} }, message.ErrFieldName},
		{"no header name", func(m *message.Simple) { m.Headers = []message.NameValue{{"", "a"}} }, message.ErrFieldName},
		{"a header that Compose writes", func(m *message.Simple) { m.Headers = []message.NameValue{{"content-TYPE", "a/b"}} }, message.ErrReserved},
		{"a blind recipient as header", func(m *message.Simple) { m.Headers = []message.NameValue{{"Bcc", "a@b"}} }, message.ErrReserved},
		{"a header value that can't be folded", func(m *message.Simple) { m.Headers = []message.NameValue{{"X", strings.Repeat("x", 999)}} }, message.ErrTooLong},
		{"a line break in a display name", func(m *message.Simple) { m.From.Name = "a\r\nBcc: x@y" }, message.ErrLineBreak},
		{"a line break in a file name", func(m *message.Simple) { m.Files[0].FileName = "a\r\nb" }, message.ErrLineBreak},
		{"a line break in a content type", func(m *message.Simple) { m.Files[0].ContentType = "a/b\r\nX: y" }, message.ErrContentType},
		{"a content type without a subtype", func(m *message.Simple) { m.Files[0].ContentType = "text" }, message.ErrContentType},
		{"a multipart as attachment", func(m *message.Simple) { m.Files[0].ContentType = "multipart/mixed; boundary=x" }, message.ErrContentType},
		{"a line break in a content id", func(m *message.Simple) { m.Files[0].ContentID = "a\r\nb" }, message.ErrContentID},
		{"a line break in a description", func(m *message.Simple) { m.Files[0].Description = "a\r\nb" }, message.ErrLineBreak},
		{"7bit with octets outside ASCII", func(m *message.Simple) {
			m.Files[0] = message.Attachment{Data: []byte("\xff"), Encoding: message.SevenBit}
		}, message.ErrNotSevenBit},
		{"an unknown character set", func(m *message.Simple) { m.Text = &message.Content{Data: "x", Charset: "x-none"} }, message.ErrCharset},
		{"a line break in a character set", func(m *message.Simple) { m.Text = &message.Content{Data: "x", Charset: "utf-8\r\nX: y"} }, message.ErrCharset},
		{"an unknown character set of the subject", func(m *message.Simple) { m.Subject.Charset = "x-none" }, message.ErrCharset},
		{"text that its character set lacks", func(m *message.Simple) { m.Text = &message.Content{Data: "日本", Charset: "iso-8859-1"} }, message.ErrNotInText},
		{"a subject that its character set lacks", func(m *message.Simple) { m.Subject = message.Content{Data: "ü", Charset: "us-ascii"} }, message.ErrNotInText},
		{"octets that are not UTF-8", func(m *message.Simple) { m.Text = &message.Content{Data: "\xff"} }, message.ErrNotInText},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := simple()
			m.Text, m.Files = body, []message.Attachment{{Data: []byte("x"), FileName: "x"}}
			c.edit(&m)
			if _, err := message.Compose(m, seeded()); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
	m := simple()
	m.Text, m.HTML = body, body
	if _, err := message.Compose(m, strings.NewReader("short")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("no random bytes: %v", err)
	}
}

func FuzzCompose(f *testing.F) {
	f.Add("Ann", "subject", "X-Y", "value", "file", "text", "utf-8")
	f.Add("日本", "ü\n", "X\r", "a  b", "ü\".txt", "a\rb\xff", "iso-8859-1")
	f.Fuzz(func(t *testing.T, name, subject, header, value, file, text, charset string) {
		m := simple()
		m.From.Name, m.Subject = name, message.Content{Data: subject, Charset: charset}
		m.Headers = []message.NameValue{{header, value}}
		m.Text, m.HTML = &message.Content{Data: text, Charset: charset}, &message.Content{Data: text}
		m.Files = []message.Attachment{{Data: []byte(text), FileName: file, ContentType: "application/octet-stream", Description: value, ContentID: header, Encoding: message.QuotedPrintable}}
		raw, err := message.Compose(m, seeded())
		if err != nil {
			return
		}
		h, body, err := message.Split(raw)
		if err != nil || len(h) != 6 || !message.IsCRLF(raw) || message.Is8Bit(raw) {
			t.Fatalf("%v\n%s", err, raw)
		}
		var kinds []string
		err = message.WalkParts(h, body, message.WalkLimits{}, func(p message.Part) error {
			kinds = append(kinds, fmt.Sprint(p.Depth, p.Media.Type))
			return nil
		})
		if want := "0multipart/mixed 1multipart/alternative 2text/plain 2text/html 1application/octet-stream"; err != nil || strings.Join(kinds, " ") != want {
			t.Fatalf("%v %s", err, kinds)
		}
	})
}

func BenchmarkCompose(b *testing.B) {
	line := strings.Repeat("The quick brown fox jumps over it. ", 2) + "\n"
	for _, c := range []struct{ name, unit string }{{"ASCII", line}, {"Latin", "Grüße, " + line}, {"Cyrillic", strings.Repeat("Як ти поживаєш? ", 3) + "\n"}} {
		m := simple()
		m.Text = &message.Content{Data: strings.Repeat(c.unit, 1+2048/len(c.unit))}
		m.HTML = &message.Content{Data: strings.Repeat("<p>"+c.unit+"</p>", 1+2048/len(c.unit))}
		b.Run(c.name+" 4 KiB", func(b *testing.B) {
			r := seeded()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := message.Compose(m, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
