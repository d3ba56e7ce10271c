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
	scanner
	changes []change
	attrs   []attribute // of the present tag

	open   int  // where the open element begins whose content is no markup; -1 if none is
	bottom int  // where the picture goes if nobody says
	shown  bool // the placeholder stands in text, so that a picture can
}

// html rewrites an HTML text. The placeholder is at at, or nowhere if that is below 0.
func (e *edit) html(src []byte, at int) []byte {
	p := &page{edit: e, scanner: scanner{src: src}, open: -1, bottom: len(src)}
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

// walk looks at every token, and finds the bottom: before the end of the body, else before
// what is open at the end, where no picture would be shown.
func (p *page) walk(at int) {
	body := -1
	for {
		t := p.next()
		tag := p.src[t.from:t.to]
		switch t.kind {
		case html.TextToken:
			if at >= t.from && at < t.to && p.open < 0 {
				p.shown = true
			}
		case html.StartTagToken:
			if p.raw != "" {
				p.open = t.from
			}
			if p.o.Clicks && tag[1]|0x20 == 'a' && (isTag(tag[1:], "a") || isTag(tag[1:], "area")) {
				p.link(t)
			}
		case html.EndTagToken:
			p.open = -1
			if isTag(tag[2:], "body") {
				body = t.from
			}
		case html.ErrorToken:
			switch {
			case body >= 0:
				p.bottom = body
			case p.open >= 0:
				p.bottom = p.open
			default:
				p.bottom = t.from
			}
			return
		}
	}
}

// link rewrites a link.
func (p *page) link(t token) {
	var href, tags *attribute
	track := true
	p.attrs = p.attrs[:0]
	scanTag(p.src, t.from+1, &p.attrs)
	if len(p.attrs) == maxAttributes { // what the others say is not known
		return
	}
	for i, a := range p.attrs {
		switch name := p.src[a.name:a.nameEnd]; {
		case isName(name, "href") && href == nil: // the first counts
			href = &p.attrs[i]
		case isName(name, noTrack):
			track = false
			p.remove(a)
		case isName(name, linkTags):
			if tags == nil {
				tags = &p.attrs[i]
			}
			p.remove(a)
		}
	}
	if href == nil || !track || p.links == maxLinks {
		return
	}
	target := p.value(t, href)
	if !trackable(target) {
		return
	}
	l := Link{Ref: p.ref, Index: p.links, URL: target}
	if tags != nil {
		l.Tags = parseTags(html.UnescapeString(string(p.src[tags.value:tags.valueEnd])))
	}
	path, ok := p.t.linkPath(l)
	if !ok {
		return
	}
	p.links++
	secure := target[4]|0x20 == 's' // what can be tracked has http or https
	p.changes = append(p.changes, change{from: href.value, to: href.valueEnd, with: p.base(false, secure) + path})
}

func isName(name []byte, want string) bool {
	return len(name) == len(want) && strings.EqualFold(string(name), want)
}

// value is where a link leads. White space around it is no part of it (HTML §2.4.1).
func (p *page) value(t token, href *attribute) string {
	const around = " \t\n\f\r"
	value := p.src[href.value:href.valueEnd]
	if text, ok := unescape(string(value)); ok {
		return strings.Trim(text, around)
	}
	z := html.NewTokenizer(bytes.NewReader(p.src[t.from:t.to]))
	z.Next()
	for more := true; more; {
		var name, value []byte
		if name, value, more = z.TagAttr(); string(name) == "href" {
			return strings.Trim(string(value), around)
		}
	}
	return ""
}

// unescape undoes the character references that links have, those of "&". It is false for
// others: which there are in an attribute is a long list (HTML §13.2.5.73).
func unescape(value string) (string, bool) {
	for rest := value; ; {
		n := strings.IndexByte(rest, '&')
		if n < 0 {
			return strings.ReplaceAll(value, "&amp;", "&"), true
		}
		if rest = rest[n+1:]; strings.HasPrefix(rest, "amp;") {
			continue
		}
		n = 0
		for n < len(rest) && (isLetter(rest[n]) || rest[n] >= '0' && rest[n] <= '9') {
			n++
		}
		if n == 0 || n == len(rest) || rest[n] != '=' { // a name before "=" is none of a reference
			return "", false
		}
	}
}

// remove takes an attribute out of its tag, with the white space before it unless that
// keeps what is around it apart.
func (p *page) remove(a attribute) {
	from := a.name
	if c := p.src[a.end]; c == '>' || isSpace(c) {
		for isSpace(p.src[from-1]) {
			from--
		}
	}
	p.changes = append(p.changes, change{from: from, to: a.end})
}
