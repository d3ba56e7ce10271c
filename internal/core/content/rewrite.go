// SPDX-License-Identifier: Apache-2.0

package content

import (
	"errors"
	"strings"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/proto/message"
)

// Rewrite says what a message gets when it is accepted.
type Rewrite struct {
	MessageID  string    // the id that SES answered with
	MailDomain string    // of the Message-ID field: <MessageID@MailDomain>
	Date       time.Time // of acceptance
	FeedbackID string    // of the Feedback-ID field; "" leaves the caller's

	From          address.Address // put in if the message has no From
	KeepMessageID bool            // leave the caller's Message-ID if there is one
	KeepBcc       bool            // leave Bcc in

	// Unsubscribe are the URIs by which the recipient gets no more of this, the best first:
	// an https one that takes a POST (RFC 8058), then others. They replace the caller's own
	// List-Unsubscribe and List-Unsubscribe-Post.
	Unsubscribe []string
}

// dateFormat is SES's, always in UTC.
const dateFormat = "Mon, 2 Jan 2006 15:04:05 +0000"

var errRewrite = errors.New("content: line break in a value")

// Rewrite applies the header rules and returns the header section of the message that
// leaves, with the empty line at its end, and its body, which is the message's own. The
// fields that stay keep their octets and their order; those that are overwritten keep
// their place. It fails only if a value would break out of its line.
func (m *Message) Rewrite(r Rewrite) (header, body []byte, err error) {
	for _, v := range append([]string{r.MessageID, r.MailDomain, r.FeedbackID}, r.Unsubscribe...) {
		if strings.ContainsAny(v, "\r\n\x00") {
			return nil, nil, fault.Wrap("content.Rewrite", errRewrite)
		}
	}
	size := 512 + len(r.FeedbackID)
	for _, f := range m.Header {
		size += len(f.Raw())
	}
	w := rewriter{b: make([]byte, 0, size), r: r, m: m}
	if len(m.From) == 0 && !r.From.IsZero() {
		w.field("From", r.From.String())
	}
	for i, f := range m.Header {
		w.rewrite(f, m.rules[i].rules)
	}
	if !w.hasDate {
		w.date()
	}
	if !w.hasID {
		w.messageID()
	}
	if !w.hasMIME {
		w.field("MIME-Version", "1.0")
	}
	if r.FeedbackID != "" {
		w.field("Feedback-ID", r.FeedbackID)
	}
	if len(r.Unsubscribe) > 0 { // RFC 2369 §2: a line for each, if they are several
		w.field("List-Unsubscribe", "<"+strings.Join(r.Unsubscribe, ">,\r\n <")+">")
		w.field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	return append(w.b, '\r', '\n'), m.Body, nil
}

// rewriter writes a header section.
type rewriter struct {
	b []byte
	r Rewrite
	m *Message

	hasDate, hasID, hasMIME bool
}

// rewrite writes what becomes of a field.
func (w *rewriter) rewrite(f message.Field, rules Rule) {
	switch {
	case rules&Overwritten != 0:
		w.overwrite(f)
	case rules&Removed != 0 && !(w.r.KeepBcc && f.Is("Bcc")):
	case f.Is("From") && len(w.m.From) == 0 && !w.r.From.IsZero():
	case len(w.r.Unsubscribe) > 0 && (f.Is("List-Unsubscribe") || f.Is("List-Unsubscribe-Post")):
	default:
		w.hasMIME = w.hasMIME || rules&Added != 0
		w.keep(f)
	}
}

func (w *rewriter) overwrite(f message.Field) {
	switch {
	case f.Is("Date"):
		w.date()
	case f.Is("Message-ID") && w.r.KeepMessageID && w.m.MessageID != "":
		w.hasID = true
		w.keep(f)
	case f.Is("Message-ID"):
		w.messageID()
	case w.r.FeedbackID == "":
		w.keep(f)
	}
}

// keep writes a field as it is. The last one of a message without a body may lack its
// line end.
func (w *rewriter) keep(f message.Field) {
	w.b = append(w.b, f.Raw()...)
	if w.b[len(w.b)-1] != '\n' {
		w.b = append(w.b, '\r', '\n')
	}
}

func (w *rewriter) field(name, value string) {
	w.b = append(w.b, name...)
	w.b = append(w.b, ": "...)
	w.b = append(w.b, value...)
	w.b = append(w.b, '\r', '\n')
}

func (w *rewriter) date() {
	w.hasDate = true
	w.b = append(w.b, "Date: "...)
	w.b = w.r.Date.UTC().AppendFormat(w.b, dateFormat)
	w.b = append(w.b, '\r', '\n')
}

func (w *rewriter) messageID() {
	w.hasID = true
	w.field("Message-ID", "<"+w.r.MessageID+"@"+w.r.MailDomain+">")
}
