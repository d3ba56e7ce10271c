// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"bytes"
	"path"
	"strings"
)

// Bounds of a message's tree of parts. Parts beyond them are left out.
const (
	maxDepth = 20
	maxParts = 1000
)

// Mail is a message as a reader wants it. All its text is valid UTF-8.
type Mail struct {
	Subject string
	From    []string // "Name <local@domain>", decoded
	To      []string
	Cc      []string
	Headers []Header // all fields in their order

	Text        string // the text/plain parts that are shown, with LF
	HTML        string // the text/html parts that are shown
	Attachments []Attachment
}

// Attachment is a part that is not shown as the message's text: files, images (those
// that the HTML shows by their Content-ID too), forwarded messages.
type Attachment struct {
	Index       int    // its place in Mail.Attachments
	FileName    string // without folders; "" if the sender gave none
	ContentType string // in lower case, without parameters
	ContentID   string // without angle brackets, "" without one
	Inline      bool   // Content-Disposition: inline
	Data        []byte // decoded; shares memory with the message if it was not encoded
}

// Parse reads a message. There are no errors: of what is broken it shows as much as
// it can, and whatever the bytes are, its time and memory are bounded by their number
// times the greatest depth.
func Parse(raw []byte) Mail {
	h, body := splitHeader(raw)
	m := Mail{
		Subject: oneLine(decodeWords(h.get("Subject"))),
		From:    names(people(h.get("From"))),
		To:      names(people(h.all("To"))),
		Cc:      names(people(h.all("Cc"))),
		Headers: h,
	}
	w := walker{mail: &m, left: maxParts}
	w.entity(h, body, 0, "text/plain")
	m.Text, m.HTML = strings.Join(w.text, "\n"), strings.Join(w.html, "\n")
	return m
}

// walker collects the parts of one message.
type walker struct {
	mail *Mail
	text []string
	html []string
	left int // parts that may still be taken
}

// entity takes one part. def is its type if it names none (RFC 2045 §5.2, RFC 2046
// §5.1.5).
func (w *walker) entity(h header, body []byte, depth int, def string) {
	if w.left == 0 {
		return
	}
	w.left--
	ct := parseMedia(h.get("Content-Type"))
	if !strings.Contains(ct.word, "/") {
		ct.word = def
	}
	if strings.HasPrefix(ct.word, "multipart/") && depth < maxDepth {
		if parts := splitParts(body, ct.params["boundary"], w.left); len(parts) > 0 {
			def := "text/plain"
			if ct.word == "multipart/digest" {
				def = "message/rfc822"
			}
			for _, p := range parts {
				h, body := splitHeader(p)
				w.entity(h, body, depth+1, def)
			}
			return
		}
		ct.word = "text/plain" // not what it says: show it as it is
	}
	w.leaf(h, ct, body)
}

func (w *walker) leaf(h header, ct media, body []byte) {
	data := decodeTransfer(body, h.get("Content-Transfer-Encoding"))
	cd := parseMedia(h.get("Content-Disposition"))
	name := fileName(cd, ct)
	if cd.word != "attachment" && name == "" {
		switch ct.word {
		case "text/plain":
			w.text = append(w.text, unixLines(toUTF8(data, ct.params["charset"])))
			return
		case "text/html":
			w.html = append(w.html, unixLines(toUTF8(data, ct.params["charset"])))
			return
		}
	}
	w.mail.Attachments = append(w.mail.Attachments, Attachment{
		Index:       len(w.mail.Attachments),
		FileName:    name,
		ContentType: oneLine(ct.word),
		ContentID:   strings.Trim(oneLine(h.get("Content-Id")), "<>"),
		Inline:      cd.word == "inline",
		Data:        data,
	})
}

// fileName is the last element of the name that the sender gave, which may be
// anything.
func fileName(cd, ct media) string {
	name := cd.params["filename"]
	if name == "" {
		name = ct.params["name"]
	}
	name = oneLine(path.Base(strings.ReplaceAll(oneLine(name), `\`, "/")))
	if name == "." || name == ".." || name == "/" {
		return ""
	}
	return cut(name, 255)
}

func unixLines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// splitParts cuts a multipart body (RFC 2046 §5.1.1) into at most most parts. The last
// one need not be closed. Without a boundary or a line with it there are none.
func splitParts(body []byte, boundary string, most int) [][]byte {
	if boundary == "" {
		return nil
	}
	delimiter := []byte("--" + boundary)
	var parts [][]byte
	start := -1
	for pos := 0; pos < len(body); {
		i := bytes.Index(body[pos:], delimiter)
		if i < 0 {
			break
		}
		i += pos
		line, rest := cutLine(body[i:])
		pos = len(body) - len(rest) // no line is looked at twice
		if i > 0 && body[i-1] != '\n' {
			continue
		}
		last, ok := isDelimiter(line[min(len(delimiter), len(line)):])
		if !ok {
			continue
		}
		if start >= 0 {
			parts = append(parts, trimBreak(body[start:max(start, i)]))
		}
		if last || len(parts) == most {
			return parts
		}
		start = pos
	}
	if start >= 0 {
		parts = append(parts, body[start:])
	}
	return parts
}

// isDelimiter reports whether rest, what follows a boundary on its line, lets the line
// be a delimiter: the last one has two hyphens more.
func isDelimiter(rest []byte) (last, ok bool) {
	rest, last = bytes.CutPrefix(rest, []byte("--"))
	return last, len(bytes.Trim(rest, " \t\r")) == 0
}

// trimBreak removes the line's end before a delimiter, which belongs to that.
func trimBreak(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// cut shortens s to at most n bytes at a character's border.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
