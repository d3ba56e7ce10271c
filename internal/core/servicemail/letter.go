// SPDX-License-Identifier: Apache-2.0

package servicemail

import (
	"html"
	"strings"

	"sesame/internal/core/identity"
)

// letter is a mail before it is text and HTML. The two say the same.
type letter struct {
	subject string
	parts   []part
}

// part is one of: a paragraph, a link on a line of its own, or a list of records.
type part struct {
	text    string
	link    string
	records []identity.Record
}

func (l *letter) say(paragraphs ...string) {
	for _, p := range paragraphs {
		if p != "" {
			l.parts = append(l.parts, part{text: p})
		}
	}
}

func (l *letter) link(url string) { l.parts = append(l.parts, part{link: url}) }

// show lists records after a line that says what they are; without any it says nothing.
func (l *letter) show(what string, records []identity.Record) {
	if len(records) > 0 {
		l.say(what)
		l.parts = append(l.parts, part{records: records})
	}
}

func (l *letter) empty() bool { return len(l.parts) == 0 }

// signature ends every letter.
const signature = "This message was sent by the mail service itself. Nobody reads answers to it."

func (l *letter) text() string {
	var b strings.Builder
	for _, p := range l.parts {
		b.WriteString(p.text + p.link)
		for i, r := range p.records {
			if i > 0 {
				b.WriteString("\n")
			}
			b.WriteString("  " + r.Name + ".  " + r.Type + "  " + r.Value)
		}
		b.WriteString("\n\n")
	}
	b.WriteString(signature + "\n")
	return b.String()
}

const (
	htmlHead = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"></head>\n" +
		"<body style=\"font-family:sans-serif;font-size:15px;line-height:1.5;max-width:40em\">\n"
	htmlTable = "<table style=\"border-collapse:collapse;font-family:monospace;font-size:13px\">\n" +
		"<tr><th align=\"left\">Name</th><th align=\"left\">Type</th><th align=\"left\">Value</th></tr>\n"
	htmlCell = "<td style=\"border-top:1px solid #ccc;padding:4px 12px 4px 0;vertical-align:top;word-break:break-all\">"
)

func (l *letter) html() string {
	var b strings.Builder
	b.WriteString(htmlHead)
	for _, p := range l.parts {
		switch {
		case p.link != "":
			u := html.EscapeString(p.link)
			b.WriteString("<p><a href=\"" + u + "\" style=\"word-break:break-all\">" + u + "</a></p>\n")
		case p.records != nil:
			b.WriteString(htmlTable)
			for _, r := range p.records {
				b.WriteString("<tr>")
				for _, cell := range []string{r.Name + ".", r.Type, r.Value} {
					b.WriteString(htmlCell + html.EscapeString(cell) + "</td>")
				}
				b.WriteString("</tr>\n")
			}
			b.WriteString("</table>\n")
		default:
			b.WriteString("<p>" + html.EscapeString(p.text) + "</p>\n")
		}
	}
	b.WriteString("<p style=\"color:#666;font-size:13px\">" + signature + "</p>\n</body></html>\n")
	return b.String()
}
