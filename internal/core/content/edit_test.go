// SPDX-License-Identifier: Apache-2.0

package content_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"testing"

	"sesame/internal/core/content"
	"sesame/internal/proto/message"
)

// edited is a message after an edit that replaces old by new in every part.
func edited(t *testing.T, raw, from, to string) string {
	t.Helper()
	m := inspect(t, raw)
	err := m.EditText(func(p content.TextPart) ([]byte, error) {
		return bytes.ReplaceAll(p.Text, []byte(from), []byte(to)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return whole(m)
}

func whole(m *content.Message) string {
	var b strings.Builder
	for _, f := range m.Header {
		b.Write(f.Raw())
	}
	return b.String() + "\r\n" + string(m.Body)
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestEditText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1000)
	for _, tc := range []struct{ name, in, old, new, want string }{
		{"a message without MIME is plain text",
			"From: a@b.c\n\nhello X\n", "X", "you", "From: a@b.c\n\nhello you\n"},
		{"7bit stays 7bit",
			"Content-Type: text/html\nContent-Transfer-Encoding: 7bit\n\n<p>X", "X", "you",
			"Content-Type: text/html\nContent-Transfer-Encoding: 7bit\n\n<p>you"},
		{"7bit that is not any more becomes quoted-printable",
			"Content-Type: text/html; charset=utf-8\n\n<p>X latin", "X", "ä", "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n<p>=C3=A4 latin"},
		{"a line that gets too long is folded by quoted-printable",
			"Content-Transfer-Encoding: 7bit\n\nX\n", "X", long[:999],
			"Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat(long[:75]+"=\n", 13) + long[:24] + "\n"},
		{"8bit stays 8bit",
			"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nä X\n", "X", "ö", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nä ö\n"},
		{"binary is left its name",
			"Content-Transfer-Encoding: binary\n\nX\n", "X", "Y", "Content-Transfer-Encoding: binary\n\nY\n"},
		{"quoted-printable in lower case and with soft line breaks",
			"Content-Transfer-Encoding: Quoted-Printable\n\n=c3=a4 X=\nX  \n", "XX", "Y", "Content-Transfer-Encoding: Quoted-Printable\n\n=C3=A4 Y\n"},
		{"base64, its bare line feeds included",
			"Content-Transfer-Encoding: base64\n\n" + b64("a\nX\n") + "\n", "X", "Y", "Content-Transfer-Encoding: base64\n\n" + b64("a\nY\n") + "\n"},
		{"base64 in lines and without padding",
			"Content-Transfer-Encoding: base64\n\nYQ\nBY\n", "X", "Y", "Content-Transfer-Encoding: base64\n\n" + b64("a\x00Y")[:4] + "\n"},
		{"base64 that is broken", "Content-Transfer-Encoding: base64\n\n=X!\n", "X", "Y", ""},
		{"an encoding that nobody knows", "Content-Transfer-Encoding: x-uuencode\n\nX\n", "X", "Y", ""},
		{"an encoding that is said twice", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\nX\n--b--\n", "X", "Y", ""},
		{"latin-1", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n=E4X\n", "X", "Y",
			"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n=E4Y\n"},
		{"a charset of shifts", "Content-Type: text/plain; charset=iso-2022-jp\n\nX\n", "X", "Y", ""},
		{"a charset of pairs of octets", "Content-Type: text/html; charset=utf-16le\n\nX\n", "X", "Y", ""},
		{"a charset that nobody knows", "Content-Type: text/html; charset=klingon\n\nX\n", "X", "Y", ""},
		{"other types", "Content-Type: text/calendar\n\nX\n", "X", "Y", ""},
		{"an attachment", "Content-Type: text/html\nContent-Disposition: attachment\n\nX\n", "X", "Y", ""},
		{"a file", "Content-Type: text/html; name=x.html\nContent-Disposition: inline\n\nX\n", "X", "Y", ""},
		{"a signed message", "Content-Type: multipart/signed; boundary=b\n\n--b\n\nX\n--b--\n", "X", "Y", ""},
		{"a signed part, beside one that is not",
			"Content-Type: multipart/mixed; boundary=a\n\nX\n--a\nContent-Type: multipart/signed; boundary=b\n\n--b\n\nX\n--b\n\nX\n--b--\n\n--a\n\nX\n--a--\nX\n", "X", "Y",
			"Content-Type: multipart/mixed; boundary=a\n\nX\n--a\nContent-Type: multipart/signed; boundary=b\n\n--b\n\nX\n--b\n\nX\n--b--\n\n--a\n\nY\n--a--\nX\n"},
		{"messages inside", "Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: X\n\nX\n--a--\n", "X", "Y", ""},
		{"a part changes its encoding and keeps its fields in their order",
			"Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Transfer-Encoding:\n 7bit\nContent-Type: text/html; charset=utf-8\n\nX latin\n--a--\n", "X", "ä",
			"Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Transfer-Encoding: quoted-printable\nContent-Type: text/html; charset=utf-8\n\n=C3=A4 latin\n--a--\n"},
		{"a part without fields gets one",
			"Content-Type: multipart/alternative; boundary=a\n\n--a\n\nX latin\n--a--\n", "X", "ä",
			"Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Transfer-Encoding: quoted-printable\n\n=C3=A4 latin\n--a--\n"},
		{"a part without an end of its fields", "Content-Type: multipart/alternative; boundary=a\n\n--a\nX\n--a--\n", "X", "Y", ""},
		{"the end delimiter is missing",
			"Content-Type: multipart/alternative; boundary=a\n\n--a\n\nX\n", "X", "Y", "Content-Type: multipart/alternative; boundary=a\n\n--a\n\nY\n"},
		{"text that looks like a delimiter hides in base64",
			"Content-Type: multipart/alternative; boundary=a\n\n--a\n\nX\n--a--\n", "X", "\r\n--ab\r\n",
			"Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Transfer-Encoding: base64\n\n" + b64("\r\n--ab\r\n") + "\n--a--\n"},
		{"text of no Latin letters goes into base64 rather than quoted-printable",
			"Content-Type: text/plain; charset=utf-8\n\nX", "X", "почта", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + b64("почта") + "\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			want := tc.want
			if want == "" {
				want = tc.in
			}
			if got := edited(t, tc.in, tc.old, tc.new); got != crlf(want) {
				t.Errorf("became\n%q, want\n%q", got, crlf(want))
			}
		})
	}
}

// TestEditEmptyPart puts text where there was none, which must not run into the delimiter.
func TestEditEmptyPart(t *testing.T) {
	t.Parallel()
	m := inspect(t, "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/html\n\n--a--\n")
	if err := m.EditText(func(content.TextPart) ([]byte, error) { return []byte("X"), nil }); err != nil {
		t.Fatal(err)
	}
	if got, want := string(m.Body), crlf("--a\nContent-Type: text/html\n\nX\n--a--\n"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestEditRefuses: an error of an edit leaves the message alone, also what an edit
// before it has done.
func TestEditRefuses(t *testing.T) {
	t.Parallel()
	m := inspect(t, "Content-Type: multipart/mixed; boundary=a\n\n--a\n\n1\n--a\n\n2\n--a--\n")
	before, refusal, n := whole(m), errors.New("no"), 0
	err := m.EditText(func(content.TextPart) ([]byte, error) {
		if n++; n == 2 {
			return nil, refusal
		}
		return []byte("X"), nil
	})
	if !errors.Is(err, refusal) || whole(m) != before {
		t.Errorf("error %v, message %q", err, whole(m))
	}
}

// TestEditFacts: what Inspect found out about the octets stays true.
func TestEditFacts(t *testing.T) {
	t.Parallel()
	m := inspect(t, "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nä\n")
	if err := m.EditText(func(content.TextPart) ([]byte, error) { return []byte("four\r\n"), nil }); err != nil {
		t.Fatal(err)
	}
	if m.EightBit {
		t.Error("8bit")
	}
}

// tree writes random MIME trees.
type tree struct {
	*rand.Rand
	texts  int // parts that can be edited
	number int
}

func (g *tree) pick(list ...string) string { return list[g.IntN(len(list))] }

// entity is a part with its header section.
func (g *tree) entity(depth int) string {
	g.number++
	if depth < 4 && g.IntN(3) == 0 {
		boundary := fmt.Sprintf("b%d", g.number)
		b := fmt.Sprintf("%s: multipart/%s; boundary=%q\r\n\r\n%s", g.pick("Content-Type", "content-type"), g.pick("mixed", "alternative", "related"), boundary,
			g.pick("", "preamble\r\n"))
		for range 1 + g.IntN(3) {
			b += "--" + boundary + g.pick("", " ") + "\r\n" + g.entity(depth+1) + "\r\n"
		}
		return b + g.pick("--"+boundary+"--\r\nepilogue\r\n", "--"+boundary+"--\r\n", "--"+boundary+"--", "")
	}
	if g.IntN(4) == 0 {
		return "Content-Type: " + g.pick("image/png", "text/calendar", "text/html; name=a.html") + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b64(g.text())
	}
	g.texts++
	fields := g.pick("", "X-Part: 1\r\n") + g.pick("Content-Type: text/plain\r\n", "Content-Type: text/html; charset=utf-8\r\n", "Content-Type: text/html;\r\n charset=iso-8859-15\r\n", "")
	switch g.IntN(4) {
	case 0:
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Write([]byte(g.text() + "ä ="))
		w.Close()
		return fields + "Content-Transfer-Encoding: quoted-printable\r\nX-Last: 1\r\n\r\n" + b.String()
	case 1:
		return fields + "Content-Transfer-Encoding: base64\r\n\r\n" + b64(g.text()+"\n\x00ä") + g.pick("", "\r\n")
	case 2:
		return fields + "Content-Transfer-Encoding: 8bit\r\n\r\nä" + g.text()
	}
	return fields + "\r\n" + g.text()
}

func (g *tree) text() string {
	return strings.Repeat(g.pick("", "text ", "text\r\n", "-- \r\n", "=3D\r\n", "<p>text"), g.IntN(30))
}

// leaf is what a walk finds of a part.
type leaf struct {
	message.Part
	text string
}

func leavesOf(t *testing.T, m *content.Message) (list []leaf) {
	t.Helper()
	err := message.WalkParts(m.Header, m.Body, message.WalkLimits{}, func(p message.Part) error {
		e, err := message.ParseEncoding(p.Header.Get("Content-Transfer-Encoding"))
		if err != nil {
			return err
		}
		text, err := e.Decode(p.Body)
		list = append(list, leaf{p, string(text)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// others are the octets of the message that do not belong to a part, and the part's
// fields but for its encoding.
func others(m *content.Message, p message.Part) string {
	var b strings.Builder
	b.Write(m.Body[:p.Head])
	for _, header := range []message.Header{m.Header, p.Header} {
		for _, f := range header {
			if !f.Is("Content-Transfer-Encoding") || p.Depth > 0 && !f.Is("Content-Transfer-Encoding") {
				b.Write(f.Raw())
			}
		}
	}
	b.Write(m.Body[p.Start+len(p.Body):])
	return b.String()
}

// TestEditTrees edits one part of a random tree: every octet that is not this part's
// stays, the part's text is the new one, and an edit that changes nothing changes nothing.
func TestEditTrees(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		g := &tree{Rand: rand.New(rand.NewPCG(seed, 1))}
		raw := "Subject: s\r\n" + g.entity(0)
		m := inspect(t, raw)
		n := 0
		if err := m.EditText(func(p content.TextPart) ([]byte, error) { n++; return bytes.Clone(p.Text), nil }); err != nil {
			t.Fatal(err)
		}
		if n != g.texts || whole(m) != raw {
			t.Fatalf("seed %d: %d parts of %d seen, message\n%q became\n%q", seed, n, g.texts, raw, whole(m))
		}
		if n > 0 {
			editOne(t, raw, g.IntN(n), g.pick("", "X", "\r\nX\n", "ä", "\x00", strings.Repeat("X", 1200), "--b1", "\r\n--b1", "Привет, мир"))
		}
	}
}

func editOne(t *testing.T, raw string, which int, add string) {
	t.Helper()
	before, after, n, at, want := inspect(t, raw), inspect(t, raw), 0, -1, ""
	err := after.EditText(func(p content.TextPart) ([]byte, error) {
		if n++; n-1 != which {
			return p.Text, nil
		}
		want = string(p.Text) + add
		return []byte(want), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	old, now := leavesOf(t, before), leavesOf(t, after)
	if len(old) != len(now) {
		t.Fatalf("%d parts became %d:\n%q\n%q", len(old), len(now), raw, whole(after))
	}
	for i := range old {
		if old[i].text == now[i].text {
			continue
		}
		if at >= 0 {
			t.Fatalf("parts %d and %d changed:\n%q\n%q", at, i, raw, whole(after))
		}
		at = i
	}
	switch {
	case at < 0 && add == "":
	case at < 0:
		t.Fatalf("nothing changed:\n%q", raw)
	case now[at].text != want:
		t.Errorf("the part became\n%q, want\n%q\n%q", now[at].text, want, whole(after))
	case others(before, old[at].Part) != others(after, now[at].Part):
		t.Errorf("the rest of the message changed:\n%q\n%q", raw, whole(after))
	}
}

// FuzzEditText: whatever the message, an edit leaves the number of parts as it is, and
// one that gives back what it got changes nothing.
func FuzzEditText(f *testing.F) {
	for seed := range uint64(20) {
		g := &tree{Rand: rand.New(rand.NewPCG(seed, 2))}
		f.Add("Subject: s\r\n"+g.entity(0), "X")
	}
	f.Add("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/html\n\n--a--\n", "\r\n--a\r\n")
	f.Fuzz(func(t *testing.T, raw, add string) {
		m, err := content.Inspect([]byte(raw), content.Limits{})
		if err != nil {
			return
		}
		before := whole(m)
		if err := m.EditText(func(p content.TextPart) ([]byte, error) { return bytes.Clone(p.Text), nil }); err != nil || whole(m) != before {
			t.Fatalf("%v; %q became %q", err, before, whole(m))
		}
		parts := countParts(t, m)
		if err := m.EditText(func(p content.TextPart) ([]byte, error) { return append(bytes.Clone(p.Text), add...), nil }); err != nil {
			t.Fatal(err)
		}
		if n := countParts(t, m); n != parts {
			t.Errorf("%d parts became %d: %q became %q", parts, n, before, whole(m))
		}
	})
}

func countParts(t *testing.T, m *content.Message) (n int) {
	t.Helper()
	if err := message.WalkParts(m.Header, m.Body, message.WalkLimits{}, func(message.Part) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}
