// SPDX-License-Identifier: Apache-2.0

package console

import (
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/core/mailbox"
)

// Bounds of what a page shows of one mail. All of it is in the source.
const (
	maxShown  = 1 << 20
	maxInline = 8 << 20 // of pictures put into the HTML
)

// messagePage is what the message's template shows.
type messagePage struct {
	ID, Subject, MessageID string
	From, To, Cc           string
	EnvelopeFrom, Rcpt     string
	Via                    string // who delivered it
	At                     moment
	Size                   string
	Tab                    string
	Tabs                   []tab
	Cut                    bool // what the tab shows is not all

	HTML        string
	Text        []segment
	Headers     []mailbox.Header
	Source      string
	Attachments []attachmentRow
}

type tab struct {
	Name, Label string
	Count       int
}

type attachmentRow struct{ Name, Type, Size, Href string }

// segment is a piece of plain text, or an address in it that can be followed.
type segment struct{ Text, Href string }

func (c *console) message(w http.ResponseWriter, r *http.Request) error {
	m, err := c.box.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	p := c.newMessagePage(m)
	p.Tab = p.Tabs[0].Name
	for _, t := range p.Tabs {
		if t.Name == r.URL.Query().Get("tab") {
			p.Tab = t.Name
		}
	}
	switch p.Tab {
	case "html":
		p.HTML, p.Cut = document(m.Mail)
		w.Header().Set("Content-Security-Policy", policyHTML)
	case "text":
		var text string
		text, p.Cut = shorten(m.Mail.Text)
		p.Text = segments(text)
	case "headers":
		p.Headers = m.Mail.Headers
	case "source":
		raw, err := c.box.Raw(r.Context(), m.ID)
		if err != nil {
			return err
		}
		p.Source, p.Cut = shorten(strings.ToValidUTF8(string(raw[:min(len(raw), maxShown+4)]), "\uFFFD"))
	case "attachments":
		for _, a := range m.Mail.Attachments {
			p.Attachments = append(p.Attachments, attachmentRow{
				downloadName(a), a.ContentType, size(int64(len(a.Data))), "/mail/" + m.ID + "/attachments/" + strconv.Itoa(a.Index),
			})
		}
	}
	c.render(w, http.StatusOK, "message", p)
	return nil
}

func (c *console) newMessagePage(m mailbox.Message) messagePage {
	p := messagePage{
		ID: m.ID, Subject: m.Subject, MessageID: m.MessageID, From: m.From,
		To: strings.Join(m.Mail.To, ", "), Cc: strings.Join(m.Mail.Cc, ", "),
		EnvelopeFrom: m.Envelope.From.String(), Rcpt: recipients(m.Summary),
		At: c.moment(m.ReceivedAt), Size: size(m.Size),
	}
	if m.Envelope.RemoteIP.IsValid() {
		p.Via = m.Envelope.RemoteIP.String()
	}
	if m.Envelope.TLS != "" {
		p.Via += " over " + m.Envelope.TLS
	}
	if m.Mail.HTML != "" {
		p.Tabs = append(p.Tabs, tab{Name: "html", Label: "HTML"})
	}
	if m.Mail.Text != "" || m.Mail.HTML == "" {
		p.Tabs = append(p.Tabs, tab{Name: "text", Label: "Text"})
	}
	p.Tabs = append(p.Tabs, tab{Name: "headers", Label: "Headers"}, tab{Name: "source", Label: "Source"})
	if n := len(m.Mail.Attachments); n > 0 {
		p.Tabs = append(p.Tabs, tab{Name: "attachments", Label: "Attachments", Count: n})
	}
	return p
}

// shorten bounds what a page holds.
func shorten(s string) (string, bool) {
	if len(s) <= maxShown {
		return s, false
	}
	return strings.ToValidUTF8(s[:maxShown], ""), true
}

var (
	frame     = regexp.MustCompile(`(?i)<(/?)(iframe|frame)`)
	contentID = regexp.MustCompile(`(?i)\bcid:([^\s"'()<>]+)`)
	link      = regexp.MustCompile(`https?://[^\s<>"'()\[\]{}]+[^\s<>"'()\[\]{}.,;:!?]`)
)

// document is the mail's HTML for the frame. Links open a window of their own, since
// the frame may load nothing; pictures of the mail itself come as data: URLs (RFC
// 2392). Frames of the mail become elements that mean nothing: a browser dials where a
// frame leads before it looks at the policy that forbids it, and the sender would know
// that the mail was read.
func document(m mailbox.Mail) (string, bool) {
	html, cut := shorten(m.HTML)
	html = frame.ReplaceAllString(html, "<${1}x-$2")
	pictures := map[string]mailbox.Attachment{}
	for _, a := range m.Attachments {
		if a.ContentID != "" && strings.HasPrefix(a.ContentType, "image/") {
			pictures[a.ContentID] = a
		}
	}
	left := maxInline
	html = contentID.ReplaceAllStringFunc(html, func(ref string) string {
		id, err := url.PathUnescape(ref[len("cid:"):])
		a, ok := pictures[id]
		if err != nil || !ok || len(a.Data) > left {
			return ref
		}
		left -= len(a.Data)
		// The type was the sender's to choose: only a picture may come of it.
		kind := mime.FormatMediaType(a.ContentType, nil)
		return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(a.Data)
	})
	return `<!doctype html><base target="_blank">` + html, cut
}

// segments finds the addresses of the web in plain text.
func segments(text string) []segment {
	var all []segment
	end := 0
	for _, at := range link.FindAllStringIndex(text, 10_000) {
		if at[0] > end {
			all = append(all, segment{Text: text[end:at[0]]})
		}
		all = append(all, segment{Text: text[at[0]:at[1]], Href: text[at[0]:at[1]]})
		end = at[1]
	}
	return append(all, segment{Text: text[end:]})
}

func (c *console) source(w http.ResponseWriter, r *http.Request) error {
	raw, err := c.box.Raw(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	download(w, "message-"+r.PathValue("id")+".eml", "message/rfc822", raw)
	return nil
}

func (c *console) attachment(w http.ResponseWriter, r *http.Request) error {
	m, err := c.box.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	index, err := strconv.Atoi(r.PathValue("index"))
	if err != nil || index < 0 || index >= len(m.Mail.Attachments) {
		return fault.New(fault.NotFound, "There is no such attachment.")
	}
	a := m.Mail.Attachments[index]
	download(w, downloadName(a), "application/octet-stream", a.Data)
	return nil
}

// download answers with a file that the browser saves and never shows: it would be
// shown as the console's own.
func download(w http.ResponseWriter, name, kind string, body []byte) {
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	if disposition == "" {
		disposition = "attachment"
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policyFiles)
	h.Set("Content-Disposition", disposition)
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the client may be gone
}

// downloadName is a name for an attachment even if its sender gave none.
func downloadName(a mailbox.Attachment) string {
	if a.FileName != "" {
		return a.FileName
	}
	extension := map[string]string{
		"message/rfc822": ".eml", "text/plain": ".txt", "text/html": ".html", "text/calendar": ".ics", "text/csv": ".csv",
		"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/svg+xml": ".svg", "image/webp": ".webp",
		"application/pdf": ".pdf", "application/zip": ".zip", "application/json": ".json",
	}[a.ContentType]
	return "attachment-" + strconv.Itoa(a.Index+1) + extension
}

func (c *console) delete(w http.ResponseWriter, r *http.Request) error {
	if err := c.box.Delete(r.Context(), r.PathValue("id")); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (c *console) deleteAll(w http.ResponseWriter, r *http.Request) error {
	if _, err := c.box.DeleteAll(r.Context()); err != nil {
		return err
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}
