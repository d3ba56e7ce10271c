// SPDX-License-Identifier: Apache-2.0

package mailbox_test

import (
	"strings"
	"testing"

	"sesame/internal/core/mailbox"
	"sesame/internal/testkit/mimegen"
)

// TestTreesAreReadAsTheyWereWritten: of messages of every kind the texts, in Unicode, and the
// files are found, each once and in their order.
func TestTreesAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		m := mimegen.Seeded(seed)
		want := mailbox.Mail{Subject: m.Subject}
		var text, html []string
		collect(m.Root, &want, &text, &html)
		want.Text, want.HTML = strings.Join(text, "\n"), strings.Join(html, "\n")
		got := mailbox.Parse(m.Raw)
		if got.Subject != want.Subject || got.Text != want.Text || got.HTML != want.HTML || len(got.Attachments) != len(want.Attachments) {
			t.Fatalf("seed %d: %d files, subject %q, text\n%q, HTML\n%q\nwant %d, %q,\n%q,\n%q\n%s", seed,
				len(got.Attachments), got.Subject, got.Text, got.HTML, len(want.Attachments), want.Subject, want.Text, want.HTML, m.Raw)
		}
		for i, w := range want.Attachments {
			if g := got.Attachments[i]; g.FileName != w.FileName || g.ContentType != w.ContentType || g.ContentID != w.ContentID ||
				g.Inline != w.Inline || string(g.Data) != string(w.Data) {
				t.Fatalf("seed %d: file %d is\n%+v, want\n%+v\n%s", seed, i, g, w, m.Raw)
			}
		}
	}
}

// collect finds what is shown and what is a file, a message in the message among them.
func collect(p *mimegen.Part, m *mailbox.Mail, text, html *[]string) {
	shown := p.Disposition != "attachment" && p.FileName == ""
	switch {
	case p.IsMultipart():
		for _, c := range p.Parts {
			collect(c, m, text, html)
		}
	case shown && p.Type == "text/plain":
		*text = append(*text, strings.ReplaceAll(p.Text, "\r\n", "\n"))
	case shown && p.Type == "text/html":
		*html = append(*html, strings.ReplaceAll(p.Text, "\r\n", "\n"))
	default:
		name := p.FileName[strings.LastIndexByte(p.FileName, '\\')+1:] // without folders
		m.Attachments = append(m.Attachments, mailbox.Attachment{FileName: name,
			ContentType: p.Type, ContentID: p.ContentID, Inline: p.Disposition == "inline", Data: p.Data})
	}
}
