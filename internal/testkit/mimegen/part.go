// SPDX-License-Identifier: Apache-2.0

package mimegen

import (
	"encoding/base64"
	"fmt"
	"mime"
	"strings"

	"golang.org/x/text/encoding/japanese"
)

// leaf is a part without parts.
func (g *generator) leaf() (fields []string, body []byte, p *Part) {
	p = &Part{}
	lines := false
	switch n := g.IntN(10); {
	case n < 3:
		lines = g.textPart(p, "text/plain")
	case n < 7:
		lines = g.textPart(p, "text/html")
	case n < 8:
		lines = g.textPart(p, g.pick("text/csv", "text/calendar"))
	default:
		p.Type = g.pick("image/png", "image/gif", "application/pdf", "application/octet-stream")
		p.Data = g.octets()
		g.file(p)
	}
	p.Encoding = g.encodingFor(p.Data, lines)
	body = g.encode(p.Data, p.Encoding)
	fields = g.fields(p)
	if g.typed || p.Type != "text/plain" || p.Charset != "" || p.FileName != "" || !g.one(2) {
		fields = append(fields, g.contentType(p))
	}
	return fields, body, p
}

// textPart makes the part a text, and reports whether that is in lines.
func (g *generator) textPart(p *Part, kind string) (lines bool) {
	all := charsets()
	c := all[g.IntN(len(all))]
	p.Type, p.Charset = kind, c.name
	long := g.one(4)
	if kind == "text/html" {
		p.Text, p.Links = g.html(c, long)
	} else {
		p.Text = g.text(c, long)
	}
	p.Data = c.encode(p.Text)
	if g.one(5) {
		g.file(p)
	}
	if p.FileName == "" && g.one(5) {
		p.Disposition = g.pick("inline", "attachment")
	}
	return !c.wide
}

// octets are the data of a file.
func (g *generator) octets() []byte {
	b := make([]byte, g.IntN(300))
	for i := range b {
		b[i] = byte(g.Uint32())
		if g.one(3) {
			b[i] = "\r\n =-.\x00\t"[g.IntN(8)]
		}
	}
	return b
}

func (g *generator) file(p *Part) {
	p.Disposition = g.pick("attachment", "inline")
	p.FileName = g.pick("a.pdf", "two words.csv", `quo"te\.txt`, "naïve.png", strings.Repeat("とても長い名前", 8)+".txt", "semi;colon=.html", "'.txt", "100%.txt")
	if g.one(2) {
		g.number++
		p.ContentID = fmt.Sprintf("i%d@example.com", g.number)
	}
}

// fields are those of a part beside Content-Type, in some order.
func (g *generator) fields(p *Part) []string {
	var list []string
	if p.Encoding != "7bit" || g.one(2) {
		list = append(list, g.pick("Content-Transfer-Encoding: ", "content-transfer-encoding:  ", "Content-Transfer-Encoding:")+g.pick(p.Encoding, p.Encoding, strings.ToUpper(p.Encoding))+"\r\n")
	}
	if p.Disposition != "" {
		list = append(list, "Content-Disposition: "+p.Disposition+g.parameter("filename", p.FileName)+"\r\n")
	}
	if p.ContentID != "" {
		list = append(list, "Content-ID: <"+p.ContentID+">\r\n")
	}
	if p.Type == "message/rfc822" {
		list = append(list, "Content-Type: Message/RFC822\r\n")
	}
	if g.one(4) {
		list = append(list, "Content-Description:"+g.folded("ASCII and ünïcode as it is")+"\r\n")
	}
	return list
}

func (g *generator) contentType(p *Part) string {
	field := g.pick("Content-Type: ", "Content-type: ", "CONTENT-TYPE:\r\n\t") + g.pick(p.Type, p.Type, strings.ToUpper(p.Type))
	if p.Charset != "" {
		field += g.pick("; ", ";", ";\r\n ", " ;\r\n\t") + g.pick("charset=", "Charset=") + g.pick(p.Charset, `"`+strings.ToUpper(p.Charset)+`"`)
	}
	if p.FileName != "" && g.one(2) {
		field += g.parameter("name", p.FileName)
	}
	return field + g.pick("", "", ";") + "\r\n"
}

// parameter is one with its semicolon; "" for no value. What is not ASCII is in the form of
// RFC 2231 §4, in one piece or several.
func (g *generator) parameter(name, value string) string {
	if value == "" {
		return ""
	}
	sep := g.pick("; ", ";\r\n ", ";\r\n\t")
	if !is8Bit([]byte(value)) {
		return sep + name + "=" + quoted(value)
	}
	var b strings.Builder
	for i := range len(value) {
		fmt.Fprintf(&b, "%%%02X", value[i])
	}
	text := b.String()
	if len(text) < 60 && g.one(2) {
		return sep + name + "*=UTF-8''" + text
	}
	field := ""
	for n := 0; text != ""; n++ {
		at := min(len(text), 45)
		lead := ""
		if n == 0 {
			lead = "utf-8'en'"
		}
		field += fmt.Sprintf("%s%s*%d*=%s%s", sep, name, n, lead, text[:at])
		text = text[at:]
	}
	return field
}

// quoted is s as a quoted string (RFC 5322 §3.2.4).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// envelope are the fields of a message that say nothing of its content.
func (g *generator) envelope() (fields []string, subject string) {
	from := g.pick(Sender, "Sender <"+Sender+">", "\"S. Ender\"\r\n <"+Sender+">", "=?utf-8?q?J=C3=BCrgen?= <"+Sender+">", Sender+"\r\n (a comment)")
	to := g.pick(Reader, "Reader <"+Reader+">,\r\n\tother@example.net", "\"Reader, The\" <"+Reader+">")
	value, subject := g.subject()
	fields = []string{"From: " + from + "\r\n", "To:" + g.pick(" ", "   ", "\t", "") + to + "\r\n", g.pick("Subject", "SUBJECT") + ":" + value + "\r\n"}
	for _, f := range []string{
		"References:" + g.folded(strings.Repeat("<0123456789abcdef@mail.example.com> ", 1+g.IntN(60))) + "\r\n",
		"X-Raw: Grüße, \xe4\xff\x80\r\n",
		"X-Empty:\r\n",
		"X-Blank: \t \r\n",
		"X-Long: " + strings.Repeat("x", 900) + "\r\n",
		"Comments:\t many  \t spaces\t\r\n",
		"In-Reply-To:\t<tab@after.the.colon>\r\n",
		"List-Id:\r\n \"A list\"\r\n\t<list.example.com>\r\n",
		"X-Twice: first\r\nX-TWICE: second\r\n",
	} {
		if g.one(4) {
			fields = append(fields, f)
		}
	}
	return fields, subject
}

// folded is a value folded at some of its spaces, with the space after the colon.
func (g *generator) folded(value string) string {
	var b strings.Builder
	line := 0
	for word := range strings.FieldsSeq(value) {
		if line > 60 || g.one(8) && line > 0 {
			b.WriteString("\r\n")
			line = 0
		}
		b.WriteString(" " + word)
		line += 1 + len(word)
	}
	return b.String()
}

// subject is a subject as the field has it, with the space before it, and decoded.
func (g *generator) subject() (value, decoded string) {
	switch g.IntN(6) {
	case 0:
		return " Hello", "Hello"
	case 1:
		s := strings.TrimSpace(strings.Repeat("long words ", 1+g.IntN(30)))
		return g.folded(s), s
	case 2:
		return " Grüße as they are", "Grüße as they are"
	case 3:
		s := "日本語の件名"
		return " =?ISO-2022-JP?B?" + base64.StdEncoding.EncodeToString(charset{codec: japanese.ISO2022JP}.encode(s)) + "?=", s
	case 4:
		s := strings.Repeat("Grüße und mehr 🎉 ", 1+g.IntN(8)) + "."
		return " " + strings.ReplaceAll(mime.QEncoding.Encode("utf-8", s), "?= =?", "?=\r\n =?"), s
	}
	return " Re: =?windows-1252?Q?=93quoted=94?= and plain", "Re: “quoted” and plain"
}
