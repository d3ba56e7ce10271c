// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sesame/internal/proto/message"
)

func walk(t *testing.T, raw string, limits message.WalkLimits) ([]string, error) {
	t.Helper()
	h, body, err := message.Split([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = message.WalkParts(h, body, limits, func(p message.Part) error {
		got = append(got, fmt.Sprintf("%d %s %q %s", p.Depth, p.Media.Type, p.Body, strings.Join(p.FileNames(), ",")))
		return nil
	})
	return got, err
}

func lf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestWalkParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, raw string
		want      []string
	}{
		{"a message that is no multipart", "Subject: x\n\nhi\n", []string{`0 text/plain "hi\r\n" `}},
		{
			"two parts, a preamble and an epilogue",
			"Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: text/html; name=\"x.html\"\n\ntwo\n\n--b--\nepilogue\n",
			[]string{`0 multipart/mixed "" `, `1 text/plain "one" `, `1 text/html "two\r\n" x.html`},
		},
		{
			"parts inside parts",
			"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\na\n--i\n\nb\n--i--\n--o\nContent-Disposition: attachment; filename=f.txt\n\nc\n--o--\n",
			[]string{`0 multipart/mixed "" `, `1 multipart/alternative "" `, `2 text/plain "a" `, `2 text/plain "b" `, `1 text/plain "c" f.txt`},
		},
		{
			"an inner boundary that begins with the outer one",
			"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=a_sub\n\n--a_sub\n\nx\n--a_sub--\n--a\n\ny\n--a--\n",
			[]string{`0 multipart/mixed "" `, `1 multipart/alternative "" `, `2 text/plain "x" `, `1 text/plain "y" `},
		},
		{
			"no end delimiter and no line end",
			"Content-Type: Multipart/Mixed; boundary=\"NextPart\"\n\n--NextPart\nContent-Type: text/plain;\nContent-Disposition: attachment; filename=\"attachment.txt\"\n\ntext\n--NextPart--",
			[]string{`0 multipart/mixed "" `, `1 text/plain "text" attachment.txt`},
		},
		{
			"an inner multipart that the outer delimiter ends",
			"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\na\n--o\n\nb\n--o--\n",
			[]string{`0 multipart/mixed "" `, `1 multipart/alternative "" `, `2 text/plain "a" `, `1 text/plain "b" `},
		},
		{
			"a part without a header section and one without a body",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nno header here\n--b\nContent-Type: text/html\n--b--\n",
			[]string{`0 multipart/mixed "" `, `1 text/plain "no header here" `, `1 text/html "" `},
		},
		{
			"white space after the boundary, and lines that only look like one",
			"Content-Type: multipart/mixed; boundary=b\n\n--b \n\n--bb\n-- b\n--b-- \n",
			[]string{`0 multipart/mixed "" `, `1 text/plain "--bb\r\n-- b" `},
		},
		{
			"a multipart without a boundary is one part",
			"Content-Type: multipart/mixed\n\n--b\n\nx\n", []string{`0 multipart/mixed "--b\r\n\r\nx\r\n" `},
		},
		{
			"the delimiter as first line of the body",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n", []string{`0 multipart/mixed "" `, `1 text/plain "x" `},
		},
		{
			"names in two fields of a kind",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; name=a\nContent-Type: text/plain; name=b.exe\n\n--b--\n",
			[]string{`0 multipart/mixed "" `, `1 text/plain "" a,b.exe`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := walk(t, lf(c.raw), message.WalkLimits{})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestWalkPartsIsBounded(t *testing.T) {
	t.Parallel()
	head := "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	if _, err := walk(t, head+strings.Repeat("--b\r\n\r\nx\r\n", 500), message.WalkLimits{}); err != nil {
		t.Errorf("500 parts: %v", err)
	}
	if _, err := walk(t, head+strings.Repeat("--b\r\n\r\nx\r\n", 501), message.WalkLimits{}); !errors.Is(err, message.ErrTooManyParts) {
		t.Errorf("501 parts: %v", err)
	}
	var deep strings.Builder
	for i := range 40 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	if _, err := walk(t, deep.String(), message.WalkLimits{}); !errors.Is(err, message.ErrTooDeep) {
		t.Errorf("deep nesting: %v", err)
	}
	if _, err := walk(t, deep.String(), message.WalkLimits{MaxDepth: 50}); err != nil {
		t.Errorf("depth within the limit: %v", err)
	}
}

func TestWalkPartsStopsAtAnError(t *testing.T) {
	t.Parallel()
	h, body, _ := message.Split([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\r\ny\r\n"))
	stop, n := errors.New("stop"), 0
	err := message.WalkParts(h, body, message.WalkLimits{}, func(message.Part) error {
		if n++; n == 2 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || n != 2 {
		t.Errorf("%d parts seen, error %v", n, err)
	}
}

func FuzzWalkParts(f *testing.F) {
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/x; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=\"--\"\r\n\r\n----\r\n------"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, body, err := message.Split(raw)
		if err != nil {
			return
		}
		at := 0
		_ = message.WalkParts(h, body, message.WalkLimits{}, func(p message.Part) error {
			i := bytes.Index(body[at:], p.Body)
			if i < 0 {
				t.Fatal("parts are out of order or changed")
			}
			at += i + len(p.Body)
			return nil
		})
	})
}

func BenchmarkWalkParts(b *testing.B) {
	part := "--b\r\nContent-Type: application/pdf; name=\"x.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		strings.Repeat(strings.Repeat("A", 76)+"\r\n", 100)
	h, body, err := message.Split([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat(part, 6) + "--b--\r\n"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := message.WalkParts(h, body, message.WalkLimits{}, func(message.Part) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
