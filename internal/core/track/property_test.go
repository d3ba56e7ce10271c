// SPDX-License-Identifier: Apache-2.0

package track_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"sesame/internal/core/content"
	"sesame/internal/core/track"
)

// soup writes HTML that is more or less right. Each link that will be tracked has a target
// of its own, so that the original can be made again.
type soup struct {
	*rand.Rand
	n       int
	written map[string]string // by target: as the text has it
}

func (s *soup) pick(list ...string) string { return list[s.IntN(len(list))] }

func (s *soup) link() string {
	s.n++
	target := fmt.Sprintf("%s://x%d.test/?a=1&b=%d", s.pick("http", "https", "HTTPS"), s.n, s.n)
	written := strings.ReplaceAll(target, "&", s.pick("&amp;", "&#38;", "&"))
	q := s.pick(`"`, `'`, "")
	if q != "" && s.IntN(4) == 0 {
		written = s.pick(" ", "\n") + written + s.pick(" ", "")
	}
	s.written[target] = written
	return "<" + s.pick("a", "A", "area") + s.pick(" ", "\n", "/", ` class="<b>" `, " x = y ") + s.pick("href", "HREF") + s.pick("=", " = ") + q + written + q +
		s.pick("", " ", ` title='"'`, " disabled", ` href="https://other.test/"`) + ">"
}

func (s *soup) text() string {
	var b strings.Builder
	for range s.IntN(12) {
		if s.IntN(3) == 0 {
			b.WriteString(s.link())
			continue
		}
		b.WriteString(s.pick("text ", "<p>", "</a>", "<!-- <a href='https://c.test/'> -->", "<script>if (a < b) '<a href=\"https://s.test/\">'</script>",
			"<!--[if mso]><a href=https://m.test><![endif]-->", "<a href='mailto:x@y.z'>", "<a>", "&nbsp;", "<", "</>", "<br/>", "\r\n", "ä", "\x00",
			"<style>a > b {}</style>", "<a name=x", "\">", "<a href=https://sp ace.test/>", "</body>", "<![CDATA[<a href='https://d.test/'>]]>", "<svg><a href='#'></svg>"))
	}
	return b.String()
}

// undo makes the original of a tracked text again.
func (s *soup) undo(t *testing.T, tr *track.Tracker, text string) string {
	t.Helper()
	text = pixelPattern.ReplaceAllString(text, "")
	return linkPattern.ReplaceAllStringFunc(text, func(m string) string {
		l, err := tr.ReadLink(linkPattern.FindStringSubmatch(m)[2])
		if err != nil {
			t.Fatal(err)
		}
		written, ok := s.written[l.URL]
		if !ok {
			return html.EscapeString(l.URL)
		}
		return written
	})
}

// TestOnlyLinksAndThePictureChange: undone, tracking leaves the original, and what is not
// tracked does not change at all.
func TestOnlyLinksAndThePictureChange(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4000) {
		s := &soup{Rand: rand.New(rand.NewPCG(seed, 1)), written: map[string]string{}}
		tr, in := newTracker(), s.text()
		out := edit(t, tr, both, in)
		if got := s.undo(t, tr, out); got != in {
			t.Fatalf("seed %d:\n%q became\n%q, undone\n%q", seed, in, out, got)
		}
		if len(pixelPattern.FindAllString(out, -1)) != 1 {
			t.Fatalf("seed %d: %q has no picture", seed, out)
		}
		if out := edit(t, tr, track.Options{Opens: true}, in); pixelPattern.ReplaceAllString(out, "") != in {
			t.Fatalf("seed %d: with opens alone %q became %q", seed, in, out)
		}
		if out := edit(t, tr, track.Options{}, in); out != in {
			t.Fatalf("seed %d: without tracking %q became %q", seed, in, out)
		}
		sameTree(t, tr, in, out)
	}
}

// sameTree: a parser sees the same elements in the same places, with their links where
// they were.
func sameTree(t *testing.T, tr *track.Tracker, in, out string) {
	t.Helper()
	was, is := links(t, in), links(t, linkPattern.ReplaceAllStringFunc(pixelPattern.ReplaceAllString(out, ""), func(m string) string {
		l, err := tr.ReadLink(linkPattern.FindStringSubmatch(m)[2])
		if err != nil {
			t.Fatal(err)
		}
		return l.URL
	}))
	if was != is {
		t.Fatalf("%q has the links %s, %q has %s", in, was, out, is)
	}
}

func links(t *testing.T, text string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		b.WriteString("<" + n.Data)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Key + "=" + strings.TrimSpace(a.Val))
		}
		b.WriteString(">")
	}
	return b.String()
}

// FuzzHTML: nothing panics, what is put in can be read, and the rest of the text stays.
func FuzzHTML(f *testing.F) {
	for seed := range uint64(30) {
		s := &soup{Rand: rand.New(rand.NewPCG(seed, 2)), written: map[string]string{}}
		f.Add(s.text())
	}
	f.Add(`<a ses:no-track href=x>{{ses:openTracker}}<a href="https://x.test/" ses:tags="a:b">`)
	f.Add("<a ==x href\x00=https://x.test/><plaintext><a href=https://x.test/>")
	f.Fuzz(func(t *testing.T, in string) {
		if strings.Contains(in, "/L0/") || strings.Contains(in, "/I0/") {
			return
		}
		tr := newTracker()
		out, err := tr.Editor(track.Message{Scope: home, ID: newID(t), Recipients: 1}, both)(content.TextPart{HTML: true, Text: []byte(in)})
		if err != nil {
			return
		}
		// What is left of the output is left of the input, in its order.
		rest := []byte(in)
		for _, piece := range linkPattern.Split(pixelPattern.ReplaceAllString(string(out), ""), -1) {
			for i := range len(piece) {
				n := bytes.IndexByte(rest, piece[i])
				if n < 0 {
					t.Fatalf("%q became %q", in, out)
				}
				rest = rest[n+1:]
			}
		}
		readable(t, tr, string(out))
	})
}
