// SPDX-License-Identifier: Apache-2.0

package mimegen

import (
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// charset is a character set with words that it has.
type charset struct {
	name  string            // "" is not said, which means US-ASCII
	codec encoding.Encoding // nil: UTF-8
	words []string
	wide  bool // its text is not in lines of octets: it has to be encoded
}

// charsets are all that are used.
func charsets() []charset {
	return []charset{
		{name: ""},
		{name: "us-ascii"},
		{name: "utf-8", words: []string{"Grüße", "почта", "日本語", "🎉", "a\u0301", "\u00a0", "\ufeff"}},
		{name: "iso-8859-15", codec: charmap.ISO8859_15, words: []string{"Grüße", "€", "déjà"}},
		{name: "windows-1252", codec: charmap.Windows1252, words: []string{"Grüße", "“quoted”", "€", "…"}},
		{name: "koi8-r", codec: charmap.KOI8R, words: []string{"почта", "письмо", "Ё"}},
		{name: "gb18030", codec: simplifiedchinese.GB18030, words: []string{"中文", "邮件", "€"}},
		{name: "shift_jis", codec: japanese.ShiftJIS, words: []string{"日本語", "ソボ表"}}, // with octets of ASCII inside
		{name: "iso-2022-jp", codec: japanese.ISO2022JP, words: []string{"日本語", "テスト", "件名"}},
		{name: "utf-16le", codec: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), words: []string{"Grüße", "日本語", "🎉", "\u0d0a", "\u0a0d"}, wide: true},
		{name: "utf-16", codec: unicode.UTF16(unicode.BigEndian, unicode.UseBOM), words: []string{"Grüße", "\u2d2d", "🎉"}, wide: true},
	}
}

func (c charset) encode(text string) []byte {
	if c.codec == nil {
		return []byte(text)
	}
	b, err := c.codec.NewEncoder().Bytes([]byte(text))
	if err != nil {
		panic(err) // a word that is not in its character set
	}
	return b
}

// line is one line of text, without its end.
func (g *generator) line(c charset) string {
	var b strings.Builder
	for n := g.IntN(9); n > 0; n-- {
		if len(c.words) > 0 && g.one(3) {
			b.WriteString(c.words[g.IntN(len(c.words))])
			continue
		}
		b.WriteString(g.pick("text", " ", "  ", "\t", ".", "..", "=", "=20", "=3D", "--", "-- ", "From ", "a@b.c", "?=", "<p>", "&amp;", "{{x}}", "$", "\"", "\\"))
	}
	if len(g.open) > 0 && g.one(12) { // what is no delimiter, but begins as one
		return "--" + g.open[g.IntN(len(g.open))] + "x" + b.String()
	}
	return b.String()
}

// text is what a person has written, in lines with CRLF; the last one may lack it.
func (g *generator) text(c charset, long bool) string {
	var b strings.Builder
	for n := g.IntN(8); n > 0; n-- {
		b.WriteString(g.line(c))
		if long && g.one(4) {
			b.WriteString(strings.Repeat(g.pick("word ", "x", "=", " "), 300+g.IntN(900)))
		}
		if n > 1 || g.one(2) {
			b.WriteString("\r\n")
		}
	}
	return b.String()
}

// html is a page with links, each to where no other leads.
func (g *generator) html(c charset, long bool) (text string, links int) {
	var b strings.Builder
	b.WriteString(g.pick("", "<!DOCTYPE html>\r\n<html><body>\r\n", "<html>", "<p>"))
	for n := g.IntN(6); n > 0; n-- {
		b.WriteString(escape(g.text(c, long)))
		if g.nothing || g.one(4) {
			continue
		}
		links++
		g.number++
		target := fmt.Sprintf("%s://x%d.test/?a=1&b=%d", g.pick("http", "https"), g.number, g.number)
		written := strings.ReplaceAll(target, "&", g.pick("&amp;", "&#38;"))
		q := g.pick(`"`, `'`)
		fmt.Fprintf(&b, "<a%shref=%s%s%s>%s</a>", g.pick(" ", "\r\n", ` class="x" `), q, written, q, g.pick("here", "&rarr;", ""))
		g.links[target] = written
	}
	b.WriteString(g.pick("", "</body></html>", "</body></html>\r\n", "\r\n", "<img src=\"cid:i@x\">"))
	return b.String(), links
}

// escape makes text of HTML that has no markup.
func escape(s string) string {
	return strings.NewReplacer("<", "&lt;", "&", "&amp;", "{{", "{ {").Replace(s)
}
