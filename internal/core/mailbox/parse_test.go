// SPDX-License-Identifier: Apache-2.0

package mailbox_test

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sesame/internal/core/mailbox"
)

// crlf makes a message of lines.
func crlf(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n")) }

func TestParseHeader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		raw     []byte
		subject string
		from    []string
		to      []string
		headers []mailbox.Header
	}{
		{
			"a folded field is one line",
			crlf("Subject: one", "\ttwo", " three", "", ""),
			"one two three", nil, nil, []mailbox.Header{{"Subject", "one\ttwo three"}},
		},
		{
			"encoded words of several charsets",
			crlf("Subject: =?utf-8?B?SMOkbGxv?= =?iso-8859-1?Q?_W=F6rld?= =?koi8-r?B?8NLJ18XU?=", "", ""),
			"Hällo WörldПривет", nil, nil, []mailbox.Header{{"Subject", "=?utf-8?B?SMOkbGxv?= =?iso-8859-1?Q?_W=F6rld?= =?koi8-r?B?8NLJ18XU?="}},
		},
		{
			"an encoded word in Japanese",
			crlf("Subject: =?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "", ""),
			"日本", nil, nil, []mailbox.Header{{"Subject", "=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?="}},
		},
		{
			"an unknown charset is read as well as possible",
			crlf("Subject: =?x-none?Q?a=E4?=", "", ""),
			"aä", nil, nil, []mailbox.Header{{"Subject", "=?x-none?Q?a=E4?="}},
		},
		{
			"line breaks hidden in an encoded word stay in the line",
			crlf("Subject: =?utf-8?Q?a=0D=0ABcc:_x?=", "", ""),
			"a  Bcc: x", nil, nil, []mailbox.Header{{"Subject", "=?utf-8?Q?a=0D=0ABcc:_x?="}},
		},
		{
			"raw bytes that are not UTF-8",
			crlf("Subject: Gr\xfc\xdfe", "", ""),
			"Grüße", nil, nil, []mailbox.Header{{"Subject", "Grüße"}},
		},
		{
			"addresses with names, groups and several fields",
			crlf(`From: "Doe, Jane" <jane@example.com>`, "To: =?utf-8?q?J=C3=B6rg?= <j@example.com>, a@example.com", "To: team: b@example.com, c@example.com;", "", ""),
			"", []string{`"Doe, Jane" <jane@example.com>`}, []string{"Jörg <j@example.com>", "a@example.com", "b@example.com", "c@example.com"},
			[]mailbox.Header{{"From", `"Doe, Jane" <jane@example.com>`}, {"To", "=?utf-8?q?J=C3=B6rg?= <j@example.com>, a@example.com"}, {"To", "team: b@example.com, c@example.com;"}},
		},
		{
			"addresses that do not parse are cut at commas",
			crlf(`From: "a, b" <not an address>, c@@d, <>`, "", ""),
			"", []string{`"a, b" <not an address>`, "c@@d"}, nil, []mailbox.Header{{"From", `"a, b" <not an address>, c@@d, <>`}},
		},
		{
			"lines that end with LF alone",
			[]byte("Subject: a\nTo: b@example.com\n\ntext"),
			"a", nil, []string{"b@example.com"}, []mailbox.Header{{"Subject", "a"}, {"To", "b@example.com"}},
		},
		{"no header section", []byte("just text"), "", nil, nil, nil},
		{"nothing", nil, "", nil, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mailbox.Parse(c.raw)
			if m.Subject != c.subject || !same(m.From, c.from) || !same(m.To, c.to) {
				t.Errorf("subject %q, from %q, to %q", m.Subject, m.From, m.To)
			}
			if len(m.Headers)+len(c.headers) > 0 && !reflect.DeepEqual([]mailbox.Header(m.Headers), c.headers) {
				t.Errorf("headers %q, want %q", m.Headers, c.headers)
			}
		})
	}
}

func same(a, b []string) bool { return len(a)+len(b) == 0 || reflect.DeepEqual(a, b) }

// part is what a test says of an attachment.
type part struct{ name, contentType, id, data string }

func TestParseBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		raw        []byte
		text, html string
		parts      []part
	}{
		{"no header section is text", []byte("just text\r\nof two lines"), "just text\nof two lines", "", nil},
		{"no type is text", crlf("Subject: x", "", "hello"), "hello", "", nil},
		{"HTML alone", crlf("Content-Type: text/html; charset=utf-8", "", "<p>ä"), "", "<p>ä", nil},
		{"a charset", crlf("Content-Type: text/plain; charset=windows-1251", "", "\xcf\xf0\xe8"), "При", "", nil},
		{"a charset that lies", crlf("Content-Type: text/plain; charset=utf-8", "", "\xe4"), "ä", "", nil},
		{"base64 with noise", crlf("Content-Transfer-Encoding: BASE64", "", "SGVs!", "bG8=", "IHlvdQ=="), "Hello you", "", nil},
		{
			"quoted-printable with soft breaks and noise",
			crlf("Content-Transfer-Encoding: quoted-printable", "", "a=C3=A4= ", "b=", "c =ZZ 1=2 ="), "aäbc =ZZ 1=2 ", "", nil,
		},
		{
			"text and HTML as alternatives",
			crlf(`Content-Type: multipart/alternative; boundary="b 1"`, "", "preamble", "--b 1", "", "text", "--b 1  ", "Content-Type: text/html", "", "<p>", "--b 1--", "epilogue"),
			"text", "<p>", nil,
		},
		{
			"a picture inside, a file beside",
			crlf("Content-Type: multipart/mixed; boundary=m", "", "--m", "Content-Type: multipart/related; boundary=m2", "",
				"--m2", "Content-Type: text/html", "", "<img src=cid:pic@x>", "--m2", "Content-Type: IMAGE/PNG", "Content-ID: <pic@x>", "Content-Disposition: inline", "Content-Transfer-Encoding: base64", "", "AAEC", "--m2--",
				"--m", `Content-Type: application/pdf; name="ignored.pdf"`, "Content-Disposition: attachment; filename=report.pdf", "", "%PDF", "--m--", ""),
			"", "<img src=cid:pic@x>", []part{{"", "image/png", "pic@x", "\x00\x01\x02"}, {"report.pdf", "application/pdf", "", "%PDF"}},
		},
		{
			"text with a file name is an attachment",
			crlf("Content-Type: multipart/mixed; boundary=m", "", "--m", "", "shown", "--m", "Content-Disposition: inline; filename=log.txt", "", "log", "--m", "Content-Type: text/html", "Content-Disposition: attachment", "", "<b>", "--m--"),
			"shown", "", []part{{"log.txt", "text/plain", "", "log"}, {"", "text/html", "", "<b>"}},
		},
		{
			"a forwarded message stays whole",
			crlf("Content-Type: multipart/digest; boundary=m", "", "--m", "", "Subject: inner", "", "x", "--m--"),
			"", "", []part{{"", "message/rfc822", "", "Subject: inner\r\n\r\nx"}},
		},
		{
			"a boundary that begins another",
			crlf("Content-Type: multipart/mixed; boundary=m", "", "--m", "Content-Type: multipart/mixed; boundary=mm", "", "--mm", "", "one", "--mm--", "", "--m", "", "two", "--m--"),
			"one\ntwo", "", nil,
		},
		{"a multipart that never ends", crlf("Content-Type: multipart/mixed; boundary=m", "", "--m", "", "one", "--m", "", "two"), "one\ntwo", "", nil},
		{"a multipart without its boundary", crlf("Content-Type: multipart/mixed", "", "--m", "text"), "--m\ntext", "", nil},
		{"a multipart without a delimiter", crlf("Content-Type: multipart/mixed; boundary=m", "", "text --m"), "text --m", "", nil},
		{"a boundary in the middle of a line", crlf("Content-Type: multipart/mixed; boundary=m", "", "--m", "", "a --m", "--mx", "--m--"), "a --m\n--mx", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mailbox.Parse(c.raw)
			if m.Text != c.text || m.HTML != c.html {
				t.Errorf("text %q, HTML %q", m.Text, m.HTML)
			}
			var parts []part
			for i, a := range m.Attachments {
				if a.Index != i {
					t.Errorf("attachment %d has index %d", i, a.Index)
				}
				parts = append(parts, part{a.FileName, a.ContentType, a.ContentID, string(a.Data)})
			}
			if !reflect.DeepEqual(parts, c.parts) {
				t.Errorf("attachments %q, want %q", parts, c.parts)
			}
		})
	}
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, disposition, want string }{
		{"a word", "filename=a.txt", "a.txt"},
		{"in quotes with escapes", `filename="a \"b\" c.txt"`, `a "b" c.txt`},
		{"with spaces and no quotes", "filename=a b.txt; x=y", "a b.txt"},
		{"an encoded word", `filename="=?utf-8?B?w6QudHh0?="`, "ä.txt"},
		{"raw UTF-8", `filename="ä.txt"`, "ä.txt"},
		{"a charset", "filename*=iso-8859-1'de'%E4.txt", "ä.txt"},
		{"a charset that few know", "filename*=KOI8-R''%F0.txt", "П.txt"},
		{"the extended form wins", "filename=plain.txt; filename*=utf-8''%C3%A4.txt", "ä.txt"},
		{"pieces in any order", `filename*1=" name"; filename*0="a long"; filename*2=.txt`, "a long name.txt"},
		{"pieces with a charset", `filename*0*=utf-8''%C3%A4; filename*1="%b"; filename*2*=%C3%BC.txt`, "ä%bü.txt"},
		{"a piece is missing", `filename*0=a; filename*2=c`, "a"},
		{"a character cut by its pieces", `filename*0*=utf-8''%C3; filename*1*=%A4.txt`, "ä.txt"},
		{"folders are taken off", `filename="../../etc/passwd"`, "passwd"},
		{"Windows folders are taken off", `filename*=utf-8''C%3A%5Cx%5Cy.exe`, "y.exe"},
		{"dots alone are no name", `filename=".."`, ""},
		{"control characters", "filename*=utf-8''a%0D%0Ab%00.txt", "a  b .txt"},
		{"no closing quote", `filename="a.txt`, "a.txt"},
		{"garbage", `;;=;filename*99999=x;filename*a*=y;*=;`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mailbox.Parse(crlf("Content-Type: application/x", "Content-Disposition: attachment; "+c.disposition, "", ""))
			if len(m.Attachments) != 1 || m.Attachments[0].FileName != c.want {
				t.Errorf("attachments %+v, want %q", m.Attachments, c.want)
			}
		})
	}
}

func TestParseIsBounded(t *testing.T) {
	t.Parallel()
	deep := "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	for _, c := range []struct{ name, raw string }{
		{"parts without end", deep + strings.Repeat("--b\r\n\r\n", 200_000)},
		{"parts of parts without end", strings.Repeat(deep+"--b\r\n", 50_000)},
		{"a delimiter's line without end", "Content-Type: multipart/mixed; boundary=-\r\n\r\n" + strings.Repeat("-", 4<<20)},
		{"fields without end", strings.Repeat("A: b\r\n", 500_000)},
		{"a field without end", "A: " + strings.Repeat("b\r\n ", 500_000)},
		{"parameters without end", "Content-Type: a/b" + strings.Repeat(";a*0=b", 500_000)},
		{"addresses without end", "To: " + strings.Repeat("a@b,", 500_000)},
		{"comments without end", "To: " + strings.Repeat("(", 500_000)},
		{"quotes without end", "To: " + strings.Repeat(`"a" `, 500_000)},
		{"domain literals without end", "To: " + strings.Repeat("a@[", 500_000)},
		{"encoded words without end", "Subject: " + strings.Repeat("=?utf-8?q?", 500_000)},
		{"white space before soft breaks without end", "Content-Transfer-Encoding: quoted-printable\r\n\r\n=" + strings.Repeat(" ", 4<<20)},
		{"soft breaks without end", "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("= ", 2<<20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			m := mailbox.Parse([]byte(c.raw))
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
			if n := len(m.Attachments) + strings.Count(m.Text, "\n"); strings.HasPrefix(c.name, "parts") && n > 2000 {
				t.Errorf("%d parts", n)
			}
		})
	}
}

// TestUTF16IsReadAsItsByteOrderMarkSays: browsers take all UTF-16 for little-endian, mail is
// big-endian more often.
func TestUTF16IsReadAsItsByteOrderMarkSays(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"big-endian": "=FE=FF=00h=00i", "little-endian": "=FF=FEh=00i=00", "without a mark": "=00h=00i"} {
		m := mailbox.Parse(crlf("Content-Type: text/plain; charset=UTF-16", "Content-Transfer-Encoding: quoted-printable", "", text))
		if strings.TrimRight(m.Text, "\r\n\u0d0a\ufffd") != "hi" {
			t.Errorf("%s: %q", name, m.Text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(crlf("Subject: =?utf-8?q?x?=", "To: a@b", "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "x", "--b--"))
	f.Add(crlf("Content-Type: text/html; charset=iso-2022-jp", "Content-Transfer-Encoding: base64", "", "GyRCRnxLXBsoQg=="))
	f.Add(crlf("Content-Type: a/b; name*0*=utf-8''%C3; name*1=x", "Content-Disposition: attachment; filename*=x''%", "Content-Transfer-Encoding: quoted-printable", "", "=\r\n=C3=\t\n="))
	f.Add([]byte("From: \"a\" <b@c>, (x) d:;\n\tfolded\n: no name\n"))
	f.Add(crlf("Content-Type: multipart/digest; boundary=\"\"", "", "----"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := mailbox.Parse(raw)
		texts := append(append(append([]string{m.Subject, m.Text, m.HTML}, m.From...), m.To...), m.Cc...)
		for _, h := range m.Headers {
			texts = append(texts, h.Name, h.Value)
		}
		for i, a := range m.Attachments {
			if a.Index != i || strings.ContainsAny(a.FileName, "/\\\r\n\x00") {
				t.Errorf("attachment %d: index %d, name %q", i, a.Index, a.FileName)
			}
			texts = append(texts, a.FileName, a.ContentType, a.ContentID)
		}
		for _, s := range texts {
			if !utf8.ValidString(s) {
				t.Errorf("not UTF-8: %q", s)
			}
		}
	})
}
