// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/ianaindex"

	"sesame/internal/proto/message"
	"sesame/internal/testkit/mimegen"
	"sesame/internal/testkit/pymail"
)

// TestTrees reads messages of every kind: what we find in them is what was put in, and what
// the standard library and Python's email package find.
func TestTrees(t *testing.T) {
	t.Parallel()
	const seeds = 300
	var raws [][]byte
	for seed := range uint64(seeds) {
		m := mimegen.Seeded(seed)
		checkTree(t, m)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, m.Raw)
		}
		raws = append(raws, m.Raw)
	}
	for seed, read := range pymail.Read(t, raws) {
		m := mimegen.Seeded(uint64(seed))
		checkPython(t, m, read)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, m.Raw)
		}
	}
}

// FuzzTrees changes single decisions in the making of a message.
func FuzzTrees(f *testing.F) {
	for seed := range uint64(20) {
		var octets [200]byte
		_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(octets[:])
		f.Add(octets[:])
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		m := mimegen.New(rand.New(mimegen.From(octets)))
		if checkTree(t, m); t.Failed() {
			t.Logf("%s", m.Raw)
		}
	})
}

func checkTree(t *testing.T, m *mimegen.Message) {
	t.Helper()
	want := m.Entities()
	sameEntities(t, "we", ours(t, m.Raw, 0), want)
	std, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		t.Errorf("net/mail: %v", err)
		return
	}
	sameEntities(t, "the standard library", theirs(t, mail.Header(std.Header).Get, std.Body, 0), want)

	h, _, err := message.Split(m.Raw)
	if err != nil {
		t.Fatal(err)
	}
	if got := message.DecodeText(h.Get("Subject")); got != m.Subject {
		t.Errorf("subject %q, want %q", got, m.Subject)
	}
	d := mime.WordDecoder{CharsetReader: func(label string, r io.Reader) (io.Reader, error) {
		enc, err := ianaindex.MIME.Encoding(label)
		return enc.NewDecoder().Reader(r), err
	}}
	if got, err := d.DecodeHeader(std.Header.Get("Subject")); err != nil || got != m.Subject {
		t.Errorf("the standard library reads the subject %q, %v", got, err)
	}
}

// checkPython compares what Python read. It reads each text in its character set, too.
func checkPython(t *testing.T, m *mimegen.Message, read pymail.Message) {
	t.Helper()
	var got []mimegen.Entity
	var texts, want []string
	for _, e := range read.Entities {
		got = append(got, mimegen.Entity{Depth: e.Depth, Type: e.Type, Charset: e.Charset, Disposition: e.Disposition,
			FileName: e.FileName, ContentID: e.ContentID, Data: string(e.Data)})
		texts = append(texts, e.Text)
	}
	sameEntities(t, "Python", got, m.Entities())
	for p := range m.Root.All() {
		want = append(want, p.Text)
	}
	if !slices.Equal(texts, want) {
		t.Errorf("Python reads the texts\n%q, want\n%q", texts, want)
	}
	if read.Subject != m.Subject {
		t.Errorf("Python reads the subject %q, want %q", read.Subject, m.Subject)
	}
}

func sameEntities(t *testing.T, who string, got, want []mimegen.Entity) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("%s: no part %+v", who, want[i])
		case i >= len(want):
			t.Errorf("%s: one more part %+v", who, got[i])
		case got[i] != want[i]:
			t.Errorf("%s: part %d is\n%+v, want\n%+v", who, i, got[i], want[i])
		}
	}
}

// ours are the parts as WalkParts sees them, those of messages in the message included.
func ours(t *testing.T, raw []byte, depth int) (list []mimegen.Entity) {
	t.Helper()
	h, body, err := message.Split(raw)
	if err != nil {
		t.Fatal(err)
	}
	err = message.WalkParts(h, body, message.WalkLimits{}, func(p message.Part) error {
		e := mimegen.Entity{
			Depth: depth + p.Depth, Type: p.Media.Type, Charset: strings.ToLower(p.Media.Param("charset")),
			Disposition: message.ParseMedia(p.Header.Get("Content-Disposition")).Type, ContentID: strings.Trim(p.Header.Get("Content-ID"), "<>"),
		}
		for _, name := range p.FileNames() {
			if e.FileName != "" && e.FileName != name {
				t.Errorf("a file has the names %q", p.FileNames())
			}
			e.FileName = name
		}
		if p.Media.Type == "message/rfc822" {
			list = append(append(list, e), ours(t, p.Body, depth+p.Depth+1)...)
			return nil
		}
		enc, err := message.ParseEncoding(p.Header.Get("Content-Transfer-Encoding"))
		if err != nil {
			return err
		}
		data, err := enc.Decode(p.Body)
		e.Data = string(data)
		list = append(list, e)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return list
}

// theirs are the parts as the standard library sees them.
func theirs(t *testing.T, get func(string) string, body io.Reader, depth int) []mimegen.Entity {
	t.Helper()
	e := mimegen.Entity{Depth: depth, Type: "text/plain", ContentID: strings.Trim(get("Content-Id"), "<>")}
	params := map[string]string{}
	if value := get("Content-Type"); value != "" {
		var err error
		if e.Type, params, err = mime.ParseMediaType(value); err != nil {
			t.Errorf("%q: %v", value, err)
		}
		e.Charset, e.FileName = strings.ToLower(params["charset"]), params["name"]
	}
	if value := get("Content-Disposition"); value != "" {
		kind, of, err := mime.ParseMediaType(value)
		if err != nil {
			t.Errorf("%q: %v", value, err)
		}
		e.Disposition, e.FileName = kind, of["filename"]
	}
	list := []mimegen.Entity{e}
	switch {
	case strings.HasPrefix(e.Type, "multipart/"):
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return list
			}
			if err != nil {
				t.Errorf("multipart: %v", err)
				return list
			}
			list = append(list, theirs(t, p.Header.Get, p, depth+1)...)
		}
	case e.Type == "message/rfc822":
		inner, err := mail.ReadMessage(body)
		if err != nil {
			t.Errorf("the message in the message: %v", err)
			return list
		}
		return append(list, theirs(t, mail.Header(inner.Header).Get, inner.Body, depth+1)...)
	}
	switch strings.ToLower(get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		t.Errorf("the data of %+v: %v", e, err)
	}
	list[0].Data = string(data)
	return list
}
