// SPDX-License-Identifier: Apache-2.0

package track

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// maxLinks is how many links of a message are tracked (SES: 250); the others stay as
// they are.
const maxLinks = 250

// Attributes of links that SES has and HTML has not. They are taken out.
const (
	noTrack  = "ses:no-track"
	linkTags = "ses:tags"
)

// change puts with in the place of the octets from from to to.
type change struct {
	from, to int
	with     string
}

// apply returns src with the changes; one that begins inside another is left out.
func apply(src []byte, changes []change) []byte {
	if len(changes) == 0 {
		return src
	}
	size := len(src)
	for _, c := range changes {
		size += len(c.with) - (c.to - c.from)
	}
	slices.SortStableFunc(changes, func(a, b change) int { return a.from - b.from })
	out, done := make([]byte, 0, size), 0
	for _, c := range changes {
		if c.from < done {
			continue
		}
		out = append(append(out, src[done:c.from]...), c.with...)
		done = c.to
	}
	return append(out, src[done:]...)
}

// page is one pass over an HTML text.
type page struct {
	*edit
	src     []byte
	z       *html.Tokenizer
	changes []change

	raw    int  // where the open element begins whose content is no markup; -1 if none is
	bottom int  // where the picture goes if nobody says
	shown  bool // the placeholder stands in text, so that a picture can
}

// html rewrites an HTML text. The placeholder is at at, or nowhere if that is below 0.
func (e *edit) html(src []byte, at int) []byte {
	p := &page{edit: e, src: src, z: html.NewTokenizer(bytes.NewReader(src)), raw: -1, bottom: len(src)}
	p.walk(at)
	picture := ""
	if e.o.Opens && !e.pixel {
		e.pixel = true
		picture = p.picture()
	}
	if at >= 0 {
		holder := change{from: at, to: at + len(Placeholder)}
		if p.shown {
			holder.with, picture = picture, ""
		}
		p.changes = append(p.changes, holder)
	}
	if picture != "" {
		p.changes = append(p.changes, change{from: p.bottom, to: p.bottom, with: picture})
	}
	return apply(src, p.changes)
}

// picture must not be seen, and no reader may tell of it.
func (e *edit) picture() string {
	path, ok := e.t.pixelPath(e.ref)
	if !ok {
		return ""
	}
	return `<img alt="" src="` + e.base(true, false) + path + `" style="display: none; width: 1px; height: 1px;">`
}

// walk looks at every token. The tokens are the text's own octets, one after the other;
// what is left at the end is a token that never ends.
func (p *page) walk(at int) {
	body, pos := -1, 0
	for {
		kind := p.z.Next()
		n := len(p.z.Raw())
		switch kind {
		case html.ErrorToken:
			p.end(body, pos)
			return
		case html.TextToken:
			if at >= pos && at < pos+n && p.raw < 0 {
				p.shown = true
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			p.start(pos, n)
		case html.EndTagToken:
			p.raw = -1
			if isTag(p.src[pos+2:pos+n], "body") {
				body = pos
			}
		case html.CommentToken, html.DoctypeToken:
			if p.src[pos+n-1] != '>' { // it goes on to the end
				p.end(body, pos)
				return
			}
		}
		pos += n
	}
}

// end finds the bottom: before the end of the body, else before what is open at the end,
// where no picture would be shown.
func (p *page) end(body, pos int) {
	switch {
	case body >= 0:
		p.bottom = body
	case p.raw >= 0:
		p.bottom = p.raw
	case pos < len(p.src):
		p.bottom = pos
	}
}

// rawElements have content that is no markup. For noscript this is so only where scripts
// run, and no mail client runs them.
var rawElements = []string{"iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp"}

// start looks at the start tag in the n octets from pos on.
func (p *page) start(pos, n int) {
	tag := p.src[pos+1 : pos+n]
	switch tag[0] | 0x20 {
	case 'a':
		if p.o.Clicks && (isTag(tag, "a") || isTag(tag, "area")) {
			p.link(pos, n)
		}
	case 'n':
		if isTag(tag, "noscript") {
			p.z.NextIsNotRawText()
			return
		}
	}
	for _, name := range rawElements {
		if isTag(tag, name) {
			p.raw = pos
		}
	}
}

// isTag reports whether a tag, from its name on, has this name.
func isTag(tag []byte, name string) bool {
	if len(tag) <= len(name) || !strings.EqualFold(string(tag[:len(name)]), name) {
		return false
	}
	switch tag[len(name)] {
	case ' ', '\t', '\n', '\f', '\r', '/', '>':
		return true
	}
	return false
}

// link rewrites the link whose start tag is in the n octets from pos on.
func (p *page) link(pos, n int) {
	tag := p.src[pos : pos+n]
	var href, tags *attribute
	track := true
	attrs := attributes(tag)
	for i, a := range attrs {
		switch name := tag[a.name:a.nameEnd]; {
		case bytes.EqualFold(name, []byte("href")) && href == nil: // the first counts
			href = &attrs[i]
		case bytes.EqualFold(name, []byte(noTrack)):
			track = false
			p.remove(tag, a, pos)
		case bytes.EqualFold(name, []byte(linkTags)):
			if tags == nil {
				tags = &attrs[i]
			}
			p.remove(tag, a, pos)
		}
	}
	if href == nil || !track || p.links == maxLinks {
		return
	}
	target, ok := targetOf(p.z)
	if !ok {
		return
	}
	l := Link{Ref: p.ref, Index: p.links, URL: target}
	if tags != nil {
		l.Tags = parseTags(html.UnescapeString(string(tag[tags.value:tags.valueEnd])))
	}
	path, ok := p.t.linkPath(l)
	if !ok {
		return
	}
	p.links++
	secure := len(target) > 5 && target[4]|0x20 == 's'
	p.changes = append(p.changes, change{from: pos + href.value, to: pos + href.valueEnd, with: p.base(false, secure) + path})
}

// targetOf is where the link leads whose start tag was read last, if it can be tracked.
func targetOf(z *html.Tokenizer) (string, bool) {
	for more := true; more; {
		var name, value []byte
		if name, value, more = z.TagAttr(); string(name) == "href" {
			// White space around it is no part of it (HTML §2.4.1).
			target := strings.Trim(string(value), " \t\n\f\r")
			return target, trackable(target)
		}
	}
	return "", false
}

// remove takes an attribute out of a tag that begins at pos, with the white space before it
// unless that keeps what is around it apart.
func (p *page) remove(tag []byte, a attribute, pos int) {
	from := a.name
	if c := tag[a.end]; c == '>' || isSpace(c) {
		for isSpace(tag[from-1]) {
			from--
		}
	}
	p.changes = append(p.changes, change{from: pos + from, to: pos + a.end})
}

// attribute is where an attribute stands in a tag; the value is without its quotes.
type attribute struct{ name, nameEnd, value, valueEnd, end int }

// attributes finds the attributes of a whole start tag, its angle brackets included, as
// browsers do (HTML §13.2.5.32 and on).
func attributes(tag []byte) []attribute {
	var all []attribute
	i := 1
	for !isSpace(tag[i]) && tag[i] != '/' && tag[i] != '>' {
		i++
	}
	for {
		for isSpace(tag[i]) || tag[i] == '/' {
			i++
		}
		if i >= len(tag)-1 {
			return all
		}
		var a attribute
		a, i = nextAttribute(tag, i)
		all = append(all, a)
	}
}

// nextAttribute reads the attribute whose name begins at i.
func nextAttribute(tag []byte, i int) (attribute, int) {
	a := attribute{name: i}
	i++ // even a "=" begins a name
	for !isSpace(tag[i]) && tag[i] != '/' && tag[i] != '>' && tag[i] != '=' {
		i++
	}
	a.nameEnd, a.value, a.valueEnd, a.end = i, i, i, i
	j := skipSpace(tag, i)
	if tag[j] != '=' {
		return a, i
	}
	i = skipSpace(tag, j+1)
	switch c := tag[i]; c {
	case '>':
		a.value, a.valueEnd, a.end = i, i, i
	case '"', '\'':
		a.value = i + 1
		a.valueEnd = a.value + bytes.IndexByte(tag[a.value:], c)
		a.end = a.valueEnd + 1
	default:
		a.value = i
		for !isSpace(tag[i]) && tag[i] != '>' {
			i++
		}
		a.valueEnd, a.end = i, i
	}
	return a, a.end
}

func skipSpace(tag []byte, i int) int {
	for isSpace(tag[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }
