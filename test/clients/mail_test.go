// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/htmlindex"

	"sesame/test/harness"
)

// messageID is the form of SES's message ids.
var messageID = regexp.MustCompile(`^[0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-[0-9]{6}$`)

// want is a mail as it should arrive. Empty fields must be empty, but for Envelope,
// which is To then, Header, of which only the fields named count, and Set and Tags, which
// are not looked at then.
type want struct {
	Envelope    []string // every recipient; each gets a copy
	From        string
	To          []string
	Cc          []string
	ReplyTo     []string
	Subject     string
	Text        string
	HTML        string
	Header      map[string]string
	Attachments []attachment // in the order of the mail: those that its HTML shows come first
	Unsigned    bool         // the sender's domain has no key
	Set         string       // the configuration set with which the server has accepted it
	Tags        string       // its message tags: "name=value name=value"
}

// attachment is a file in a mail.
type attachment struct {
	Name, Type, Content string
	ID                  string // Content-ID without brackets
}

// check waits for the mail's copies in the mailbox and compares each with what was
// wanted, once as the source says and once as the mailbox shows it.
func check(t *testing.T, s *harness.Server, id string, w want) {
	t.Helper()
	if !messageID.MatchString(id) {
		t.Errorf("message id %q is not of SES's form", id)
	}
	if w.Set != "" {
		compare(t, "configuration set", stored(t, s, id, "config_set"), w.Set)
	}
	if w.Tags != "" {
		compare(t, "tags", tags(t, s, id), w.Tags)
	}
	recipients := w.Envelope
	if recipients == nil {
		recipients = w.To
	}
	for _, recipient := range recipients {
		shown := s.WaitMail(t, recipient, w.Subject)
		compare(t, "envelope recipients", shown.Envelope.To, []string{recipient})
		compare(t, "message id in the mailbox", shown.MessageId, id)
		compare(t, "subject in the mailbox", shown.Subject, w.Subject)
		compare(t, "text in the mailbox", lines(shown.Text), w.Text)
		compare(t, "HTML in the mailbox", lines(shown.Html), w.HTML)
		compare(t, "attachments in the mailbox", len(shown.Attachments), len(w.Attachments))

		got := parse(t, s.RawMail(t, shown.Id))
		compare(t, "Message-ID", got.Header["Message-Id"], "<"+id+"@email.amazonses.com>")
		compare(t, "From", got.From, w.From)
		compare(t, "To", got.To, w.To)
		compare(t, "Cc", got.Cc, w.Cc)
		compare(t, "Reply-To", got.ReplyTo, w.ReplyTo)
		compare(t, "Subject", got.Subject, w.Subject)
		compare(t, "text", lines(got.Text), w.Text)
		compare(t, "HTML", lines(got.HTML), w.HTML)
		compare(t, "attachments", got.Attachments, w.Attachments)
		for name, value := range w.Header {
			compare(t, name, got.Header[name], value)
		}
		if _, there := got.Header["Bcc"]; there {
			t.Error("the mail shows its Bcc")
		}
		if signers := signers(t, got.Header["Dkim-Signature"]); slices.Contains(signers, domain(t, w.From)) == w.Unsigned {
			t.Errorf("the mail of %s is signed by %q", w.From, signers)
		}
	}
}

// stored returns what the server has of a message in a column of its own.
func stored(t *testing.T, s *harness.Server, id, column string) string {
	t.Helper()
	value, ok := s.Stored(t, "SELECT "+column+" FROM messages WHERE id = ?", id)
	if !ok {
		t.Errorf("the server has no message %s", id)
	}
	return value
}

// tags returns a message's tags as want has them.
func tags(t *testing.T, s *harness.Server, id string) string {
	t.Helper()
	var all []struct{ Name, Value string }
	if err := json.Unmarshal([]byte(stored(t, s, id, "tags")), &all); err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, tag := range all {
		words = append(words, tag.Name+"="+tag.Value)
	}
	return strings.Join(words, " ")
}

// compare is for a value that can be printed.
func compare(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

// lines makes line ends plain, and drops those at the end, which SMTP adds.
func lines(text string) string {
	return strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
}

// signers returns the domains that have signed, by the DKIM-Signature fields, which
// parse puts one below the other. Whether a signature is right is told in test/interop.
func signers(t *testing.T, fields string) []string {
	t.Helper()
	var all []string
	for field := range strings.Lines(fields) {
		found := regexp.MustCompile(`[;\s]d=([^;\s]+)`).FindStringSubmatch(field)
		if found == nil {
			t.Fatalf("a signature of nobody: %q", field)
		}
		all = append(all, found[1])
	}
	return all
}

// domain returns the domain of "Name <address>" or "address".
func domain(t *testing.T, from string) string {
	t.Helper()
	a, err := mail.ParseAddress(from)
	if err != nil {
		t.Fatalf("%q: %v", from, err)
	}
	return a.Address[strings.LastIndexByte(a.Address, '@')+1:]
}

// parse reads a mail with the standard library, which had no part in making it. In
// Header several fields of a name are one below the other.
func parse(t *testing.T, source []byte) want {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(source))
	if err != nil {
		t.Fatalf("the mail can't be read: %v\n%s", err, source)
	}
	w := want{Header: map[string]string{}}
	for name, values := range m.Header {
		for i := range values {
			values[i] = decodeHeader(t, values[i])
		}
		w.Header[name] = strings.Join(values, "\n")
	}
	from := addresses(t, m.Header, "From")
	if len(from) == 1 {
		w.From = from[0]
	}
	w.To, w.Cc, w.ReplyTo = addresses(t, m.Header, "To"), addresses(t, m.Header, "Cc"), addresses(t, m.Header, "Reply-To")
	w.Subject = w.Header["Subject"]
	part(t, &w, m.Header, m.Body)
	return w
}

// part takes a body, or the parts of a multipart one, into w.
func part(t *testing.T, w *want, header mail.Header, body io.Reader) {
	t.Helper()
	kind, parameters := "text/plain", map[string]string{}
	if value := header.Get("Content-Type"); value != "" {
		var err error
		// A trailing semicolon is common and harmless.
		if kind, parameters, err = mime.ParseMediaType(strings.TrimRight(value, "; ")); err != nil {
			t.Fatalf("Content-Type %q: %v", value, err)
		}
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, parameters["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatalf("a part of %s: %v", kind, err)
			}
			part(t, w, mail.Header(p.Header), p)
		}
	}
	content := decodeBody(t, header.Get("Content-Transfer-Encoding"), body)
	disposition, file, _ := mime.ParseMediaType(header.Get("Content-Disposition"))
	switch {
	case disposition == "attachment" || header.Get("Content-Id") != "":
		if strings.HasPrefix(kind, "text/") {
			content = strings.ReplaceAll(content, "\r\n", "\n") // a line end is one, however it travels
		}
		w.Attachments = append(w.Attachments, attachment{
			Name: file["filename"], Type: kind, Content: content, ID: strings.Trim(header.Get("Content-Id"), "<>"),
		})
	case kind == "text/html":
		w.HTML = decodeCharset(t, parameters["charset"], content)
	default:
		w.Text += decodeCharset(t, parameters["charset"], content)
	}
}

func decodeBody(t *testing.T, encoding string, body io.Reader) string {
	t.Helper()
	switch strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("body in %q: %v", encoding, err)
	}
	return string(content)
}

func decodeCharset(t *testing.T, charset, content string) string {
	t.Helper()
	if charset == "" {
		return content
	}
	encoding, err := htmlindex.Get(charset)
	if err != nil {
		t.Fatalf("charset %q: %v", charset, err)
	}
	text, err := encoding.NewDecoder().String(content)
	if err != nil {
		t.Fatalf("charset %q: %v", charset, err)
	}
	return text
}

func decodeHeader(t *testing.T, value string) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(value)
	if err != nil {
		t.Fatalf("header %q: %v", value, err)
	}
	return text
}

// addresses returns the addresses of a header field, as "Name <address>" or "address".
func addresses(t *testing.T, header mail.Header, name string) []string {
	t.Helper()
	if header.Get(name) == "" {
		return nil
	}
	list, err := header.AddressList(name)
	if err != nil {
		t.Fatalf("%s %q: %v", name, header.Get(name), err)
	}
	var all []string
	for _, a := range list {
		if a.Name == "" {
			all = append(all, a.Address)
		} else {
			all = append(all, a.Name+" <"+a.Address+">")
		}
	}
	return all
}

// names returns the names of the cases, for a script that must have sent each.
func names(cases map[string]want) []string {
	var all []string
	for name := range cases {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
