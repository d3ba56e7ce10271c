// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/ianaindex"

	"sesame/internal/proto/message"
	"sesame/internal/testkit/mimegen"
	"sesame/internal/testkit/pymail"
)

// composed is a message made of the parts of a random one, with what a reader must find.
type composed struct {
	simple  message.Simple
	subject string
	want    []mimegen.Entity
	texts   []string // of the parts that are text
}

// TestComposedTrees: what goes into a message comes out of it, whoever reads.
func TestComposedTrees(t *testing.T) {
	t.Parallel()
	const seeds = 300
	var raws [][]byte
	var all []composed
	for seed := range uint64(seeds) {
		c := newComposed(mimegen.Seeded(seed), rand.New(rand.NewPCG(seed, 1)))
		raw := checkComposed(t, c)
		if t.Failed() {
			t.Fatalf("seed %d: %+v\n%s", seed, c.simple, raw)
		}
		raws, all = append(raws, raw), append(all, c)
	}
	for seed, read := range pymail.Read(t, raws) {
		c := all[seed]
		var got []mimegen.Entity
		var texts []string
		for _, e := range read.Entities {
			got = append(got, mimegen.Entity{Depth: e.Depth, Type: e.Type, Charset: e.Charset, Disposition: e.Disposition,
				FileName: e.FileName, ContentID: e.ContentID, Data: string(e.Data)})
			if e.FileName == "" && strings.HasPrefix(e.Type, "text/") && e.Disposition == "" {
				texts = append(texts, strings.TrimSuffix(e.Text, "\r\n"))
			}
		}
		sameEntities(t, "Python", got, c.want)
		if read.Subject != c.subject || !slices.Equal(texts, c.texts) {
			t.Errorf("Python reads %q, %q; want %q, %q", read.Subject, texts, c.subject, c.texts)
		}
		if t.Failed() {
			t.Fatalf("seed %d: %+v\n%s", seed, c.simple, raws[seed])
		}
	}
}

// FuzzComposedTrees changes single decisions in what is composed.
func FuzzComposedTrees(f *testing.F) {
	for seed := range uint64(20) {
		var octets [200]byte
		_, _ = rand.NewChaCha8([32]byte{byte(seed), 1}).Read(octets[:])
		f.Add(octets[:])
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		r := rand.New(mimegen.From(octets))
		checkComposed(t, newComposed(mimegen.New(r), r))
	})
}

// newComposed takes a text, a page and files from the random message.
func newComposed(m *mimegen.Message, r *rand.Rand) composed {
	c := composed{simple: simple()}
	var text, html *mimegen.Part
	var inline, files []mimegen.Entity
	for p := range m.Root.All() {
		switch {
		case len(p.Parts) > 0 || p.IsMultipart():
		case text == nil && p.Type == "text/plain":
			text = p
		case html == nil && p.Type == "text/html":
			html = p
		}
	}
	if text == nil && html == nil {
		text = &mimegen.Part{Text: "text", Data: []byte("text")}
	}
	for p := range m.Root.All() {
		if len(p.Parts) > 0 || p.IsMultipart() || p == text || p == html {
			continue
		}
		f, e := file(p, r)
		c.simple.Files = append(c.simple.Files, f)
		if f.Inline && html != nil {
			inline = append(inline, e)
		} else {
			files = append(files, e)
		}
	}
	c.subjectOf(m, text, r)
	c.simple.Text, c.simple.HTML = contentOf(text, r), contentOf(html, r)
	body := wrapped("multipart/related", append(entity("text/html", html), inline...))
	if text != nil {
		body = wrapped("multipart/alternative", append(entity("text/plain", text), body...))
		c.texts = append(c.texts, strings.TrimSuffix(text.Text, "\r\n"))
	}
	if html != nil {
		c.texts = append(c.texts, strings.TrimSuffix(html.Text, "\r\n"))
	}
	c.want = wrapped("multipart/mixed", append(body, files...))
	return c
}

// subjectOf is one in the character set of the text.
func (c *composed) subjectOf(m *mimegen.Message, text *mimegen.Part, r *rand.Rand) {
	c.subject = m.Subject
	if text != nil && r.IntN(2) == 0 {
		runes := []rune(strings.ReplaceAll(text.Text, "\r\n", " "))
		c.subject = strings.Trim(string(runes[:min(len(runes), 200)]), " \t")
		c.simple.Subject.Charset = text.Charset
	}
	c.simple.Subject.Data = c.subject
}

// contentOf is the text as a client gives it, whose line ends need not be CRLF.
func contentOf(p *mimegen.Part, r *rand.Rand) *message.Content {
	if p == nil {
		return nil
	}
	text := p.Text
	if r.IntN(2) == 0 {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	return &message.Content{Data: text, Charset: p.Charset}
}

func entity(kind string, p *mimegen.Part) []mimegen.Entity {
	if p == nil {
		return nil
	}
	charset := p.Charset
	if charset == "" {
		charset = "utf-8"
	}
	return []mimegen.Entity{{Type: kind, Charset: charset, Data: string(p.Data)}}
}

// wrapped is the list in a multipart, if it has more than one member of the least depth.
func wrapped(kind string, list []mimegen.Entity) []mimegen.Entity {
	n := 0
	for _, e := range list {
		if e.Depth == 0 {
			n++
		}
	}
	if n < 2 {
		return list
	}
	out := []mimegen.Entity{{Type: kind}}
	for _, e := range list {
		e.Depth++
		out = append(out, e)
	}
	return out
}

func file(p *mimegen.Part, r *rand.Rand) (message.Attachment, mimegen.Entity) {
	f := message.Attachment{Data: p.Data, FileName: p.FileName, ContentType: p.Type, ContentID: p.ContentID, Inline: r.IntN(2) == 0,
		Encoding: []message.Encoding{message.EncodingDefault, message.Base64, message.QuotedPrintable}[r.IntN(3)]}
	if p.Charset != "" {
		f.ContentType += "; charset=" + p.Charset
	}
	if p.Encoding == "7bit" {
		f.Encoding = message.SevenBit
	}
	e := mimegen.Entity{Type: p.Type, Charset: p.Charset, Disposition: "attachment", FileName: p.FileName, ContentID: p.ContentID, Data: string(p.Data)}
	if f.Inline {
		e.Disposition = "inline"
	}
	return f, e
}

// checkComposed composes the message and has us and the standard library read it. A text
// that is the whole message ends with a line end that it did not have.
func checkComposed(t *testing.T, c composed) []byte {
	t.Helper()
	raw, err := message.Compose(c.simple, seeded())
	if err != nil {
		t.Errorf("%v", err)
		return nil
	}
	got := ours(t, raw, 0)
	if len(c.want) == 1 && len(got) == 1 && got[0].Data == c.want[0].Data+"\r\n" {
		c.want[0].Data += "\r\n"
	}
	sameEntities(t, "we", got, c.want)
	std, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Errorf("net/mail: %v", err)
		return raw
	}
	sameEntities(t, "the standard library", theirs(t, mail.Header(std.Header).Get, std.Body, 0), c.want)
	h, _, err := message.Split(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got := message.DecodeText(h.Get("Subject")); got != c.subject {
		t.Errorf("subject %q, want %q", got, c.subject)
	}
	d := mime.WordDecoder{CharsetReader: func(label string, r io.Reader) (io.Reader, error) {
		enc, err := ianaindex.MIME.Encoding(label)
		return enc.NewDecoder().Reader(r), err
	}}
	if got, err := d.DecodeHeader(std.Header.Get("Subject")); err != nil || !slices.Equal(strings.Fields(got), strings.Fields(c.subject)) {
		t.Errorf("the standard library reads the subject %q, %v; want %q", got, err, c.subject)
	}
	for _, f := range h {
		if f.LongestLine() > 998 {
			t.Errorf("a line of %d in %s", f.LongestLine(), f.Name())
		}
	}
	return raw
}
