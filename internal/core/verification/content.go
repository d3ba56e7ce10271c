// SPDX-License-Identifier: Apache-2.0

package verification

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"sesame/internal/proto/message"
)

// Bounds of a template's content.
const (
	MaxContent = 10 << 20 // bytes (SES: custom verification emails, question 5)
	maxImages  = 100      // that differ
	maxMarkup  = 100_000  // tags, character references, and lines of text: what reading costs; images are long, not many
)

// What is added to every custom verification mail, and can't be removed.
const (
	linkText   = "Click here to verify your email address."
	disclaimer = "If you did not request to verify this email address, please disregard this message."
)

var (
	errTooManyImages = fmt.Errorf("verification: more than %d images", maxImages)
	errTooMuch       = fmt.Errorf("verification: more than %d tags", maxMarkup)
	errNothingLeft   = errors.New("verification: nothing of the content can be shown")
)

// rendered is the content of a custom verification mail.
type rendered struct {
	HTML, Text string
	Images     []message.Attachment
}

// renderer makes mails of templates' contents.
type renderer struct{ policy *bluemonday.Policy }

// render takes out of content what may not be in it, makes its images attachments, and
// appends the link and the disclaimer, outside of everything that could hide them. It
// fails for what can't be read and for what has nothing left to be shown.
func (r renderer) render(content, link string) (rendered, error) {
	markup := strings.Count(content, "<")
	if markup+strings.Count(content, "&")+strings.Count(content, "\n") > maxMarkup {
		return rendered{}, errTooMuch
	}
	if markup == 0 { // it may have HTML, or be text with its lines
		content = strings.ReplaceAll(html.EscapeString(content), "\n", "<br>\n")
	}
	doc, err := html.Parse(strings.NewReader(r.policy.Sanitize(content)))
	if err != nil {
		return rendered{}, fmt.Errorf("verification: %w", err) // elements that are nested too deeply
	}
	var out rendered
	if out.Images, err = attachImages(doc); err != nil {
		return rendered{}, err
	}
	text := plain(doc)
	if text == "" && len(out.Images) == 0 && !hasImage(doc) {
		return rendered{}, errNothingLeft
	}
	appendLink(doc, link)
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n")
	if err := html.Render(&b, doc); err != nil {
		return rendered{}, fmt.Errorf("verification: %w", err)
	}
	out.HTML = b.String()
	out.Text = strings.TrimSpace(text+"\n\n"+link) + "\n\n" + disclaimer + "\n"
	return out, nil
}

// attachImages makes the images of the content attachments that the content names by
// their ids. What is no image of a kind that mail programs show is left out.
func attachImages(doc *html.Node) ([]message.Attachment, error) {
	var files []message.Attachment
	ids := map[string]string{} // by data
	for n := range doc.Descendants() {
		if n.DataAtom != atom.Img {
			continue
		}
		src := attribute(n, "src")
		if src == nil || !strings.HasPrefix(src.Val, "data:") {
			continue
		}
		kind, data, ok := readDataImage(src.Val)
		if !ok {
			src.Val = ""
			continue
		}
		id := ids[string(data)]
		if id == "" {
			if len(files) == maxImages {
				return nil, errTooManyImages
			}
			id = fmt.Sprintf("image%d@verification", len(files)+1)
			ids[string(data)] = id
			files = append(files, message.Attachment{
				Data: data, ContentType: "image/" + kind, ContentID: id, Inline: true, FileName: fmt.Sprintf("image%d.%s", len(files)+1, kind),
			})
		}
		src.Val = "cid:" + id
	}
	return files, nil
}

// readDataImage reads a data: URL of an image (RFC 2397). What it is, its first bytes say.
func readDataImage(u string) (kind string, data []byte, ok bool) {
	opaque := strings.TrimPrefix(u, "data:")
	_, encoded, _ := strings.Cut(opaque, ",")
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !isDataImage(opaque) {
		return "", nil, false
	}
	switch sniffed := http.DetectContentType(data); sniffed {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return strings.TrimPrefix(sniffed, "image/"), data, true
	}
	return "", nil, false
}

func attribute(n *html.Node, name string) *html.Attribute {
	for i := range n.Attr {
		if n.Attr[i].Key == name {
			return &n.Attr[i]
		}
	}
	return nil
}

// hasImage reports whether there is an image that is loaded from elsewhere.
func hasImage(doc *html.Node) bool {
	for n := range doc.Descendants() {
		if n.DataAtom == atom.Img && attribute(n, "src") != nil && attribute(n, "src").Val != "" {
			return true
		}
	}
	return false
}

// appendLink puts what the body has into a div that has its attributes, and the link and
// the disclaimer behind it: no style of the template reaches them.
func appendLink(doc *html.Node, link string) {
	var root, body *html.Node
	for n := range doc.Descendants() {
		switch n.DataAtom {
		case atom.Html:
			root = n
		case atom.Body:
			body = n
		}
	}
	root.Attr = nil
	div := element(atom.Div, body.Attr...)
	body.Attr = nil
	for c := body.FirstChild; c != nil; c = body.FirstChild {
		body.RemoveChild(c)
		div.AppendChild(c)
	}
	body.AppendChild(div)
	a := element(atom.A, html.Attribute{Key: "href", Val: link})
	a.AppendChild(&html.Node{Type: html.TextNode, Data: linkText})
	p := element(atom.P)
	p.AppendChild(a)
	body.AppendChild(p)
	p = element(atom.P)
	p.AppendChild(&html.Node{Type: html.TextNode, Data: disclaimer})
	body.AppendChild(p)
}

func element(a atom.Atom, attr ...html.Attribute) *html.Node {
	return &html.Node{Type: html.ElementNode, DataAtom: a, Data: a.String(), Attr: attr}
}

// plain is the text of a document for who reads no HTML: one line for each block.
func plain(doc *html.Node) string {
	var lines []string
	var line strings.Builder
	flush := func() {
		if l := strings.Join(strings.Fields(line.String()), " "); l != "" {
			lines = append(lines, l)
		}
		line.Reset()
	}
	var walk func(*html.Node) // no deeper than Parse lets elements nest
	walk = func(n *html.Node) {
		block := n.Type == html.ElementNode && !inline(n.DataAtom)
		switch {
		case n.Type == html.TextNode:
			line.WriteString(n.Data)
		case n.DataAtom == atom.Td || n.DataAtom == atom.Th:
			line.WriteByte(' ')
		case block:
			flush()
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		if block {
			flush()
		}
	}
	walk(doc)
	flush()
	return strings.Join(lines, "\n")
}

// inline are the elements that stand within a line.
func inline(a atom.Atom) bool {
	switch a {
	case atom.Abbr, atom.Acronym, atom.B, atom.Bdo, atom.Big, atom.Cite, atom.Code, atom.Del, atom.Dfn, atom.Em, atom.Font, atom.I,
		atom.Img, atom.Ins, atom.Kbd, atom.Label, atom.Q, atom.S, atom.Samp, atom.Small, atom.Span, atom.Strike, atom.Strong, atom.Sub,
		atom.Sup, atom.Td, atom.Th, atom.Tt, atom.U, atom.Var:
		return true
	}
	return false
}
