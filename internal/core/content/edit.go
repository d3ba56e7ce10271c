// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"

	"sesame/internal/proto/message"
)

// TextPart is a part of a message that a person reads.
type TextPart struct {
	HTML    bool   // text/html, else text/plain
	Charset string // as the part names it; "" is US-ASCII. ASCII characters are octets of ASCII in it
	Text    []byte // without its transfer encoding, in Charset; not to be changed
}

// EditText calls edit for every text/plain and text/html part that is no file, in their
// order, and puts back what it returns where that differs from the part's Text: in the
// part's transfer encoding if that can carry it, else in quoted-printable or base64. No
// other octet of the message changes, but for the Content-Transfer-Encoding field of such
// a part. Passed over are signed and encrypted messages and parts, digests, parts in
// character sets that don't extend ASCII, and parts that programs may read in more than
// one way: without an end of the header section, in a broken encoding, or with two fields
// that say what they are. An error of edit ends the walk and is returned; the message
// is then as it was. Not safe for concurrent use.
func (m *Message) EditText(edit func(p TextPart) ([]byte, error)) error {
	if m.Opaque {
		return nil
	}
	e := editor{m: m, edit: edit, closed: -1}
	if err := message.WalkParts(m.Header, m.Body, m.walk, e.part); err != nil {
		return err
	}
	if !e.changed {
		return nil
	}
	m.Body = append(e.out, m.Body[e.done:]...)
	if e.rootEncoding != message.EncodingDefault {
		m.setEncoding(e.rootEncoding)
	}
	m.EightBit = message.Is8Bit(m.Body)
	for _, f := range m.Header {
		m.EightBit = m.EightBit || message.Is8Bit(f.Raw())
	}
	return nil
}

// passedTypes are the multiparts whose parts are left alone, beside those of opaqueTypes:
// what is in a digest are messages of others.
var passedTypes = map[string]bool{"multipart/digest": true}

// editor is a walk of EditText.
type editor struct {
	m    *Message
	edit func(p TextPart) ([]byte, error)

	closed int // depth of the multipart that we are in and whose parts are left alone; -1 if none

	changed      bool
	out          []byte           // the new body up to done
	done         int              // in the old body
	rootEncoding message.Encoding // the message's own new one, if it has to change
}

func (e *editor) part(p message.Part) error {
	if e.closed >= 0 && p.Depth > e.closed {
		return nil
	}
	e.closed = -1
	if p.IsMultipart() {
		if opaqueTypes[p.Media.Type] || passedTypes[p.Media.Type] {
			e.closed = p.Depth
		}
		return nil
	}
	if !editable(p) || p.Depth > 0 && !endsHeader(e.m.Body[p.Head:p.Start]) {
		return nil
	}
	was, err := message.ParseEncoding(p.Header.Get(encodingField))
	if err != nil {
		return nil
	}
	text, err := was.Decode(p.Body)
	if err != nil {
		return nil
	}
	edited, err := e.edit(TextPart{HTML: p.Media.Type == "text/html", Charset: p.Media.Param("charset"), Text: text})
	if err != nil || bytes.Equal(edited, text) {
		return err
	}
	encoded, is := message.EncodeText(edited, was, p.Boundaries)
	e.put(p, encoded, was, is)
	return nil
}

const encodingField = "Content-Transfer-Encoding"

// editable reports whether a part is text that is shown and that can be read in one way.
func editable(p message.Part) bool {
	if p.Media.Type != "text/plain" && p.Media.Type != "text/html" || len(p.FileNames()) > 0 {
		return false
	}
	for _, name := range []string{"Content-Type", encodingField, "Content-Disposition"} {
		if len(p.Header.Values(name)) > 1 {
			return false
		}
	}
	return message.ParseMedia(p.Header.Get("Content-Disposition")).Type != "attachment" &&
		message.ExtendsASCII(p.Media.Param("charset"))
}

// endsHeader reports whether a header section has the empty line at its end.
func endsHeader(section []byte) bool {
	return bytes.HasSuffix(section, []byte("\r\n\r\n")) || string(section) == "\r\n"
}

// put writes the part with its new body.
func (e *editor) put(p message.Part, encoded []byte, was, is message.Encoding) {
	old := e.m.Body
	if !e.changed {
		e.changed = true
		e.out = make([]byte, 0, len(old)+len(encoded)-len(p.Body)+1024)
	}
	switch {
	case is == was:
	case p.Depth == 0:
		e.rootEncoding = is
	default:
		from, to := encodingPlace(p)
		e.out = append(e.out, old[e.done:from]...)
		e.out = append(e.out, message.NewField(encodingField, is.String()).Raw()...)
		e.done = to
	}
	e.out = append(e.out, old[e.done:p.Start]...)
	e.done = p.Start + len(p.Body)
	if bytes.HasPrefix(old[e.done:], []byte("\r\n")) && is == message.Base64 {
		encoded = bytes.TrimSuffix(encoded, []byte("\r\n")) // that of the delimiter follows
	}
	e.out = append(e.out, encoded...)
	if p.Depth > 0 && bytes.HasPrefix(old[e.done:], []byte("--")) {
		// The part was empty, and the line end before its delimiter is that of the header
		// section.
		e.out = append(e.out, '\r', '\n')
	}
}

// encodingPlace is where the field stands in the body that says a part's encoding, or
// where it has to be put: after the other fields.
func encodingPlace(p message.Part) (from, to int) {
	at := p.Head
	for _, f := range p.Header {
		next := at + len(f.Raw())
		if f.Is(encodingField) {
			return at, next
		}
		at = next
	}
	return at, at
}

// setEncoding says the message's own encoding in its header section.
func (m *Message) setEncoding(to message.Encoding) {
	field := message.NewField(encodingField, to.String())
	header := append(message.Header(nil), m.Header...) // the old one is others' too
	for i, f := range header {
		if f.Is(encodingField) {
			header[i] = field
			m.Header = header
			return
		}
	}
	m.Header = append(header, field)
	m.rules = append(m.rules[:len(m.rules):len(m.rules)], rulesOf(field.NameBytes()))
}
