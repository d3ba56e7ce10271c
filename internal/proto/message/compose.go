// SPDX-License-Identifier: Apache-2.0

package message

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Errors of Compose, beside those of character sets, encodings and header values.
var (
	ErrNoBody      = errors.New("message: neither text nor HTML")
	ErrReserved    = errors.New("message: header is set from other parameters")
	ErrContentType = errors.New("message: not a content type that an attachment can have")
	ErrContentID   = errors.New("message: not a content id")
)

// Content is text with the character set to send it in; "" is UTF-8.
type Content struct {
	Data    string
	Charset string
}

// NameValue is a header field to be written.
type NameValue struct{ Name, Value string }

// Attachment is a file to go with a message.
type Attachment struct {
	Data        []byte
	FileName    string
	ContentType string // by default that of FileName's extension
	Description string
	ContentID   string // with or without angle brackets
	Inline      bool
	Encoding    Encoding // base64 by default
}

// Simple is a message by its parts, as SendEmail has it.
type Simple struct {
	From    Mailbox // no field where it is zero
	To      []Mailbox
	Cc      []Mailbox
	ReplyTo []Mailbox
	Subject Content
	Text    *Content // at least one of Text and HTML
	HTML    *Content
	Headers []NameValue // further fields, in this order
	Files   []Attachment
}

// Compose writes a message with CRLF line ends. It has no Date and no Message-ID, and
// blind recipients have no place in it. Text and HTML together become a
// multipart/alternative; inline files go with the HTML into a multipart/related, and
// other files beside everything into a multipart/mixed. No value can add a line to the
// header section: a control character in one is ErrLineBreak. The result depends only
// on m and on what random, the source of boundaries, gives.
func Compose(m Simple, random io.Reader) ([]byte, error) {
	root, size, err := plan(m, random)
	if err != nil {
		return nil, err
	}
	w := &headerWriter{b: make([]byte, 0, size+2048)}
	var from []Mailbox
	if !m.From.Address.IsZero() {
		from = []Mailbox{m.From}
	}
	for _, f := range []struct {
		name string
		list []Mailbox
	}{{"From", from}, {"To", m.To}, {"Cc", m.Cc}, {"Reply-To", m.ReplyTo}} {
		if len(f.list) > 0 {
			w.begin(f.name)
			w.mailboxes(f.list)
			w.end()
		}
	}
	subject, err := lookupCharset(m.Subject.Charset)
	if err != nil {
		return nil, err
	}
	w.begin("Subject")
	w.phrase(m.Subject.Data, subject.forWords())
	w.end()
	for _, h := range m.Headers {
		if reserved(h.Name) {
			return nil, fmt.Errorf("%w: %q", ErrReserved, h.Name)
		}
		w.begin(h.Name)
		w.text(h.Value, charset{label: utf8Label})
		w.end()
	}
	w.b = append(w.b, "MIME-Version: 1.0\r\n"...)
	root.write(w)
	if !bytes.HasSuffix(w.b, crlf) {
		w.end()
	}
	return w.b, w.err
}

// reserved are the fields that Compose writes itself or must not write.
func reserved(name string) bool {
	switch strings.ToLower(name) {
	case "from", "to", "cc", "bcc", "reply-to", "subject",
		"mime-version", "content-type", "content-transfer-encoding", "content-disposition":
		return true
	}
	return false
}

// entity is a body part to be written: a multipart if it has parts.
type entity struct {
	kind     string // media type with its parameters
	parts    []*entity
	boundary string

	file *Attachment // nil for text
	data []byte
	enc  Encoding
}

// plan builds the tree of parts and says how much room it will take.
func plan(m Simple, random io.Reader) (*entity, int, error) {
	text, err := textEntity("text/plain", m.Text)
	if err != nil {
		return nil, 0, err
	}
	html, err := textEntity("text/html", m.HTML)
	if err != nil {
		return nil, 0, err
	}
	if text == nil && html == nil {
		return nil, 0, ErrNoBody
	}
	related, mixed := []*entity{html}, []*entity(nil)
	for i := range m.Files {
		f, err := fileEntity(&m.Files[i])
		if err != nil {
			return nil, 0, err
		}
		if m.Files[i].Inline && html != nil {
			related = append(related, f)
		} else {
			mixed = append(mixed, f)
		}
	}
	var multiparts []*entity
	wrap := func(kind string, parts []*entity) *entity {
		if len(parts) == 1 {
			return parts[0]
		}
		e := &entity{kind: kind, parts: parts}
		multiparts = append(multiparts, e)
		return e
	}
	var body *entity
	switch {
	case html == nil:
		body = text
	case text == nil:
		body = wrap("multipart/related", related)
	default:
		body = wrap("multipart/alternative", []*entity{text, wrap("multipart/related", related)})
	}
	root := wrap("multipart/mixed", append([]*entity{body}, mixed...))
	if err := giveBoundaries(multiparts, random); err != nil {
		return nil, 0, err
	}
	return root, root.size(), nil
}

// giveBoundaries makes boundaries that no part can contain: "=_" is in neither quoted-
// printable nor base64, and what follows it can't be guessed.
func giveBoundaries(multiparts []*entity, random io.Reader) error {
	for _, e := range multiparts {
		var r [16]byte
		if _, err := io.ReadFull(random, r[:]); err != nil {
			return fmt.Errorf("message: random source: %w", err)
		}
		e.boundary = "=_" + hex.EncodeToString(r[:])
	}
	return nil
}

func (e *entity) size() int {
	n := 256 + encodedLen(len(e.data), e.enc)
	for _, p := range e.parts {
		n += p.size()
	}
	return n
}

func textEntity(kind string, c *Content) (*entity, error) {
	if c == nil {
		return nil, nil
	}
	cs, err := lookupCharset(c.Charset)
	if err != nil {
		return nil, err
	}
	// Line ends become CRLF before the character set gives octets another meaning.
	data, err := cs.encode(NormalizeCRLF([]byte(c.Data)))
	if err != nil {
		return nil, err
	}
	return &entity{kind: kind + "; charset=" + cs.label, data: data, enc: chooseText(data)}, nil
}

func fileEntity(f *Attachment) (*entity, error) {
	e := &entity{kind: f.ContentType, file: f, data: f.Data, enc: f.Encoding}
	if e.kind == "" {
		e.kind = mediaOf(f.FileName)
	}
	if !validMedia(e.kind) {
		return nil, fmt.Errorf("%w: %q", ErrContentType, e.kind)
	}
	if !validContentID(f.ContentID) {
		return nil, fmt.Errorf("%w: %q", ErrContentID, f.ContentID)
	}
	if hasControl(f.FileName) || strings.IndexByte(f.FileName, '\t') >= 0 {
		return nil, ErrLineBreak
	}
	switch e.enc {
	case EncodingDefault:
		e.enc = Base64
	case SevenBit:
		e.data = NormalizeCRLF(e.data)
		if !isSevenBit(e.data) {
			return nil, ErrNotSevenBit
		}
	}
	return e, nil
}

// validMedia accepts type/subtype, with parameters, of something that is not made of
// parts itself.
func validMedia(s string) bool {
	if !isASCII(s) || hasControl(s) {
		return false
	}
	kind := ParseMedia(s).Type
	major, minor, ok := strings.Cut(kind, "/")
	return ok && major != "" && minor != "" && major != "multipart" && isAtoms(major) && isAtoms(minor) &&
		!strings.Contains(kind, " ")
}

func validContentID(s string) bool {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '<' || s[i] == '>' {
			return false
		}
	}
	return true
}

// write writes the part's own header fields, an empty line and its body.
func (e *entity) write(w *headerWriter) {
	w.begin("Content-Type")
	if len(e.parts) == 0 {
		e.writeLeaf(w)
		return
	}
	w.word(e.kind + ";")
	w.word(`boundary="` + e.boundary + `"`)
	w.end()
	w.end()
	for _, p := range e.parts {
		w.b = append(w.b, "--"...)
		w.b = append(w.b, e.boundary...)
		w.end()
		p.write(w)
		if len(p.parts) == 0 && p.enc != Base64 { // others end with a line end of no meaning
			w.end()
		}
	}
	w.b = append(w.b, "--"...)
	w.b = append(w.b, e.boundary...)
	w.b = append(w.b, "--\r\n"...)
}

func (e *entity) writeLeaf(w *headerWriter) {
	f := e.file
	if f != nil && f.FileName != "" && ParseMedia(e.kind).Param("name") == "" {
		w.ascii(strings.TrimRight(e.kind, "; \t") + ";")
		w.param("name", f.FileName)
	} else {
		w.ascii(e.kind)
	}
	w.end()
	if f != nil {
		f.writeFields(w)
	}
	w.begin("Content-Transfer-Encoding")
	w.word(e.enc.String())
	w.end()
	w.end()
	w.b = appendEncoded(w.b, e.data, e.enc)
}

func (f *Attachment) writeFields(w *headerWriter) {
	if f.Description != "" {
		w.begin("Content-Description")
		w.text(f.Description, charset{label: utf8Label})
		w.end()
	}
	disposition := "attachment"
	if f.Inline {
		disposition = "inline"
	}
	w.begin("Content-Disposition")
	if f.FileName == "" {
		w.word(disposition)
	} else {
		w.word(disposition + ";")
		w.param("filename", f.FileName)
	}
	w.end()
	if f.ContentID != "" {
		w.begin("Content-ID")
		w.word("<" + strings.TrimSuffix(strings.TrimPrefix(f.ContentID, "<"), ">") + ">")
		w.end()
	}
}

// param writes a parameter, the last of its field: quoted, or in pieces of RFC 2231 if
// it is not ASCII.
func (w *headerWriter) param(name, value string) {
	if isASCII(value) {
		w.word(name + "=" + quote(value))
		return
	}
	var pieces []string
	piece := "utf-8''"
	for i := range len(value) {
		c := value[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' {
			piece += string(c)
		} else {
			piece += string([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
		if len(piece) >= 50 {
			pieces, piece = append(pieces, piece), ""
		}
	}
	if piece != "" {
		pieces = append(pieces, piece)
	}
	if len(pieces) == 1 {
		w.word(name + "*=" + pieces[0])
		return
	}
	for i, p := range pieces {
		if i < len(pieces)-1 {
			p += ";"
		}
		w.word(fmt.Sprintf("%s*%d*=%s", name, i, p))
	}
}
