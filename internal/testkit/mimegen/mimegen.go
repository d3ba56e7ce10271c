// SPDX-License-Identifier: Apache-2.0

// Package mimegen writes random messages with all that real ones have: nested multiparts
// with odd boundaries, preambles and epilogues, messages in messages, every transfer
// encoding, many character sets, long lines, folded and 8-bit header fields, files and
// inline images, parts with nothing in them. It says what it wrote, so that a reader can be
// checked. It shares no code with the product. For tests only.
package mimegen

import (
	"bytes"
	"iter"
	"math/rand/v2"
	"strings"
)

// Message is a message and what a reader must find in it.
type Message struct {
	Raw     []byte // whole, every line end CRLF
	Subject string // decoded
	Root    *Part

	// Links are those of the HTML texts, by their targets: as the text has them, between
	// the quotes. No target is there twice.
	Links map[string]string
}

// Part is the message itself or a part of it.
type Part struct {
	Type        string // in lower case, without parameters
	Charset     string // in lower case; "" if it is not said
	Encoding    string // in lower case: "7bit", "8bit", "binary", "quoted-printable", "base64"
	Disposition string // "inline", "attachment", or "" if it is not said
	FileName    string
	ContentID   string // without angle brackets

	Data  []byte  // without the transfer encoding; nil for a multipart
	Text  string  // Data in UTF-8, if it is text
	Links int     // in an HTML text
	Parts []*Part // of a multipart; of a message/rfc822 the one message
}

// Entity is what a reader finds of a part. Depth counts multiparts and messages around it.
// Data is "" for those that have parts.
type Entity struct {
	Depth                                                 int
	Type, Charset, Disposition, FileName, ContentID, Data string
}

// Entities are the parts in the order of All.
func (m *Message) Entities() []Entity { return m.Root.entities(0, nil) }

// All are the part and those in it, in the order of the message.
func (p *Part) All() iter.Seq[*Part] {
	return func(yield func(*Part) bool) { p.each(yield) }
}

func (p *Part) each(yield func(*Part) bool) bool {
	if !yield(p) {
		return false
	}
	for _, c := range p.Parts {
		if !c.each(yield) {
			return false
		}
	}
	return true
}

func (p *Part) entities(depth int, list []Entity) []Entity {
	e := Entity{Depth: depth, Type: p.Type, Charset: p.Charset, Disposition: p.Disposition, FileName: p.FileName, ContentID: p.ContentID}
	if len(p.Parts) == 0 {
		e.Data = string(p.Data)
	}
	list = append(list, e)
	for _, c := range p.Parts {
		list = c.entities(depth+1, list)
	}
	return list
}

// IsMultipart reports whether the part has parts of its own that are no message.
func (p *Part) IsMultipart() bool { return strings.HasPrefix(p.Type, "multipart/") }

// Sender and Reader are the addresses that every message has in From and To.
const (
	Sender = "sender@example.com"
	Reader = "reader@example.net"
)

// New writes a message: the same for the same random numbers.
func New(r *rand.Rand) *Message {
	g := &generator{Rand: r, left: 25, links: map[string]string{}}
	m := &Message{Links: g.links}
	m.Raw, m.Subject, m.Root = g.message(0)
	return m
}

// Seeded is New with the random numbers of a seed.
func Seeded(seed uint64) *Message { return New(rand.New(rand.NewPCG(seed, 0))) }

// generator is one message in the making.
type generator struct {
	*rand.Rand
	left    int      // parts that there may still be
	number  int      // of boundaries, ids and links so far
	open    []string // boundaries of the multiparts around
	links   map[string]string
	nothing bool // HTML without links: nobody will look for them there
	typed   bool // the next part has to say its type: it is in a multipart/digest
}

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

// one reports true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

const maxDepth = 5

// message is a whole message, which may stand inside another.
func (g *generator) message(depth int) (raw []byte, subject string, root *Part) {
	fields, subject := g.envelope()
	own, body, root := g.entity(depth)
	if root.IsMultipart() || !g.one(4) {
		own = append(own, "MIME-Version: 1.0\r\n")
	}
	all := append(fields, own...)
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return append([]byte(strings.Join(all, "")+"\r\n"), body...), subject, root
}

// entity is a part: its header fields, its body and what they say.
func (g *generator) entity(depth int) (fields []string, body []byte, p *Part) {
	g.left--
	switch {
	case depth < maxDepth && g.left > 3 && !g.one(3):
		return g.multipart(depth)
	case depth < maxDepth && g.left > 3 && g.one(6) && depth > 0:
		return g.enclosed(depth)
	}
	return g.leaf()
}

// enclosed is a message/rfc822, whose message may not be encoded (RFC 2046 §5.2.1).
func (g *generator) enclosed(depth int) (fields []string, body []byte, p *Part) {
	defer func(was bool) { g.nothing = was }(g.nothing)
	g.nothing, g.typed = true, false
	body, _, inner := g.message(depth + 1)
	p = &Part{Type: "message/rfc822", Encoding: g.pick("8bit", "binary"), Data: body, Parts: []*Part{inner}}
	if !is8Bit(body) && longestLine(body) <= maxLine && bytes.IndexByte(body, 0) < 0 && g.one(2) {
		p.Encoding = "7bit"
	}
	return g.fields(p), body, p
}

func (g *generator) multipart(depth int) (fields []string, body []byte, p *Part) {
	p = &Part{Type: "multipart/" + g.pick("mixed", "mixed", "alternative", "related", "report", "signed", "digest"), Encoding: "7bit"}
	if p.Type == "multipart/signed" || p.Type == "multipart/digest" {
		defer func(was bool) { g.nothing = was }(g.nothing)
		g.nothing = true
	}
	boundary := g.boundary()
	g.open = append(g.open, boundary)
	body = append(body, g.pick("", "", "\r\n", "This is a message in MIME format.\r\n", "--\r\n--"+boundary+"x\r\n\r\n")...)
	for n := 1 + g.IntN(4); n > 0; n-- {
		body = append(body, "--"+boundary+g.padding()+"\r\n"...)
		g.typed = p.Type == "multipart/digest"
		fields, inner, child := g.entity(depth + 1)
		p.Parts = append(p.Parts, child)
		head := strings.Join(fields, "") + "\r\n"
		body = append(append(body, head...), inner...)
		if len(inner) > 0 || g.one(2) { // the line end of the header section may be the delimiter's
			body = append(body, "\r\n"...)
		}
	}
	g.open = g.open[:len(g.open)-1]
	body = append(body, "--"+boundary+"--"+g.padding()...)
	body = append(body, g.pick("\r\n", "\r\n", "", "\r\n\r\n", "\r\nThe end.", "\r\n--"+boundary+"y\r\n")...)
	return append(g.fields(p), "Content-Type: "+p.Type+";"+g.pick(" ", "\r\n ", "\r\n\t")+g.pick("boundary", "Boundary", "BOUNDARY")+"="+quoted(boundary)+"\r\n"), body, p
}

// padding is white space that transport has added to a delimiter (RFC 2046 §5.1.1).
func (g *generator) padding() string { return g.pick("", "", "", "", " ", "\t ") }

// boundary uses all characters that there are for one (RFC 2046 §5.1.1); one inside another
// may be that with more behind it.
func (g *generator) boundary() string {
	const chars = "0123456789abcXYZ'()+_,-./:=?"
	g.number++
	b := g.pick("", "=_", "----=_Part_", "--", "'", "(") + string(rune('a'+g.number%26)) + string(rune('a'+g.number/26%26))
	if n := len(g.open); n > 0 && len(g.open[n-1]) < 40 && g.one(3) {
		b = g.open[n-1] + b[len(b)-2:]
	}
	for n := g.IntN(20); n > 0 && len(b) < 60; n-- {
		c := string(chars[g.IntN(len(chars))])
		b += g.pick(c, c, c, " "+c)
	}
	return b + "e" // no white space, and nothing that a line of text ends with
}
