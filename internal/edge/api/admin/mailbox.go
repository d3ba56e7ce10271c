// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"net/http"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/mailbox"
)

// Bounds of the timeout of a wait.
const (
	DefaultWait = 10 * time.Second
	MaxWait     = 60 * time.Second
)

// MailSummary is a mail as it is listed.
type MailSummary struct {
	Id         string
	Region     string
	MessageId  string // what the sending call answered; of other mail, its Message-ID
	From       string
	To         []string
	Subject    string
	ReceivedAt float64 // epoch seconds
	Size       int64
	Envelope   MailEnvelope
}

// MailEnvelope is what the SMTP session said.
type MailEnvelope struct {
	From     string // "" is the null reverse-path
	To       []string
	RemoteIp string `json:",omitempty"`
	Tls      string `json:",omitempty"`
}

// MailList is the answer of the list.
type MailList struct {
	Messages  []MailSummary
	NextToken string `json:",omitempty"`
}

// MailMessage is one mail, read.
type MailMessage struct {
	MailSummary
	Cc          []string
	Headers     []MailHeader
	Text        string
	Html        string
	Attachments []MailAttachment
}

// MailHeader is a header field, unfolded and not decoded.
type MailHeader struct{ Name, Value string }

// MailAttachment describes an attachment; its content has a path of its own.
type MailAttachment struct {
	Index       int
	FileName    string
	ContentType string
	ContentId   string `json:",omitempty"`
	Inline      bool   `json:",omitempty"`
	Size        int
}

// MailDeleted is the answer of a deletion.
type MailDeleted struct{ Deleted int }

// Mailbox are the routes of the built-in mailbox.
func Mailbox(box *mailbox.Mailbox) []Route {
	m := mailboxRoutes{box}
	search := []Param{
		{"to", "Only mail to recipients that contain this, in the envelope or the header; local@domain finds the copies that were for this recipient."},
		{"subject", "Only mail whose subject contains this."},
		{"query", "Only mail with this in the subject, the senders, the recipients or the message id."},
		{"since", "Only mail received at or after this time (epoch seconds)."},
	}
	paged := append(search[:len(search):len(search)],
		Param{"limit", "Mails on one page, 1 to 500. Default 50."},
		Param{"nextToken", "NextToken of the page before."})
	timed := append(search[:len(search):len(search)],
		Param{"timeout", "Seconds to wait, at most 60. Default 10."})
	return []Route{
		{Method: http.MethodGet, Pattern: "/mailbox/messages", Action: "sesame:ListMailbox", Params: paged, Handle: m.list,
			Doc: "Lists the mail in the mailbox, the newest first."},
		{Method: http.MethodGet, Pattern: "/mailbox/wait", Action: "sesame:WaitForMail", Params: timed, Handle: m.wait,
			Doc: "Returns the newest mail that matches as soon as there is one; NotFoundException at the timeout."},
		{Method: http.MethodGet, Pattern: "/mailbox/messages/{Id}", Action: "sesame:GetMail", Handle: m.get,
			Doc: "Returns one mail with its header fields, text, HTML and a list of its attachments."},
		{Method: http.MethodGet, Pattern: "/mailbox/messages/{Id}/raw", Action: "sesame:GetMail", Handle: m.raw,
			Doc: "Returns the source of one mail, as it was received (message/rfc822)."},
		{Method: http.MethodGet, Pattern: "/mailbox/messages/{Id}/attachments/{Index}", Action: "sesame:GetMail", Handle: m.attachment,
			Doc: "Returns the decoded content of one attachment."},
		{Method: http.MethodDelete, Pattern: "/mailbox/messages/{Id}", Action: "sesame:DeleteMail", Handle: m.delete,
			Doc: "Deletes one mail."},
		{Method: http.MethodDelete, Pattern: "/mailbox/messages", Action: "sesame:DeleteMail", Handle: m.deleteAll,
			Doc: "Deletes all mail that is in the mailbox now."},
	}
}

type mailboxRoutes struct{ box *mailbox.Mailbox }

// mine refuses the callers of other accounts.
func (m mailboxRoutes) mine(r Request) error {
	if r.Scope.Account != m.box.Account() {
		return fault.New(fault.NotFound, "Account %s has no mailbox.", r.Scope.Account)
	}
	return nil
}

func (m mailboxRoutes) query(r Request) (q mailbox.Query, err error) {
	if err := m.mine(r); err != nil {
		return q, err
	}
	q = mailbox.Query{To: r.Query.Get("to"), Subject: r.Query.Get("subject"), Text: r.Query.Get("query")}
	q.Since, err = moment(r.Query, "since")
	return q, err
}

func (m mailboxRoutes) list(ctx context.Context, r Request) (any, error) {
	q, err := m.query(r)
	if err != nil {
		return nil, err
	}
	if q.Limit, err = number(r.Query, "limit"); err != nil {
		return nil, err
	}
	q.NextToken = r.Query.Get("nextToken")
	p, err := m.box.List(ctx, q)
	if err != nil {
		return nil, err
	}
	out := MailList{Messages: []MailSummary{}, NextToken: p.NextToken}
	for _, s := range p.Messages {
		out.Messages = append(out.Messages, summary(s))
	}
	return out, nil
}

func (m mailboxRoutes) wait(ctx context.Context, r Request) (any, error) {
	q, err := m.query(r)
	if err != nil {
		return nil, err
	}
	timeout, err := duration(r.Query, "timeout", DefaultWait, MaxWait)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	msg, err := m.box.Wait(ctx, q)
	if err != nil {
		return nil, err
	}
	return message(msg), nil
}

func (m mailboxRoutes) get(ctx context.Context, r Request) (any, error) {
	if err := m.mine(r); err != nil {
		return nil, err
	}
	msg, err := m.box.Get(ctx, r.Path["Id"])
	if err != nil {
		return nil, err
	}
	return message(msg), nil
}

func (m mailboxRoutes) raw(ctx context.Context, r Request) (any, error) {
	if err := m.mine(r); err != nil {
		return nil, err
	}
	raw, err := m.box.Raw(ctx, r.Path["Id"])
	if err != nil {
		return nil, err
	}
	return Response{Status: http.StatusOK, ContentType: "message/rfc822", Body: raw}, nil
}

func (m mailboxRoutes) attachment(ctx context.Context, r Request) (any, error) {
	if err := m.mine(r); err != nil {
		return nil, err
	}
	index, ok := decimal(r.Path["Index"])
	if !ok {
		return nil, fault.New(fault.NotFound, "There is no such attachment.")
	}
	a, err := m.box.Attachment(ctx, r.Path["Id"], index)
	if err != nil {
		return nil, err
	}
	// The sender's word for the type is in the list of attachments. Here it would
	// tell a browser what to do.
	return Response{Status: http.StatusOK, ContentType: "application/octet-stream", Body: a.Data}, nil
}

func (m mailboxRoutes) delete(ctx context.Context, r Request) (any, error) {
	if err := m.mine(r); err != nil {
		return nil, err
	}
	if err := m.box.Delete(ctx, r.Path["Id"]); err != nil {
		return nil, err
	}
	return MailDeleted{1}, nil
}

func (m mailboxRoutes) deleteAll(ctx context.Context, r Request) (any, error) {
	if err := m.mine(r); err != nil {
		return nil, err
	}
	n, err := m.box.DeleteAll(ctx)
	if err != nil {
		return nil, err
	}
	return MailDeleted{n}, nil
}

func summary(s mailbox.Summary) MailSummary {
	out := MailSummary{
		Id: s.ID, Region: s.Scope.Region, MessageId: s.MessageID, From: s.From, To: present(s.To), Subject: s.Subject,
		ReceivedAt: epoch(s.ReceivedAt), Size: s.Size,
		Envelope: MailEnvelope{From: s.Envelope.From.String(), To: []string{}, Tls: s.Envelope.TLS},
	}
	for _, a := range s.Envelope.To {
		out.Envelope.To = append(out.Envelope.To, a.String())
	}
	if s.Envelope.RemoteIP.IsValid() {
		out.Envelope.RemoteIp = s.Envelope.RemoteIP.String()
	}
	return out
}

func message(msg mailbox.Message) MailMessage {
	out := MailMessage{
		MailSummary: summary(msg.Summary), Cc: present(msg.Mail.Cc), Text: msg.Mail.Text, Html: msg.Mail.HTML,
		Headers: []MailHeader{}, Attachments: []MailAttachment{},
	}
	for _, h := range msg.Mail.Headers {
		out.Headers = append(out.Headers, MailHeader(h))
	}
	for _, a := range msg.Mail.Attachments {
		out.Attachments = append(out.Attachments, MailAttachment{
			Index: a.Index, FileName: a.FileName, ContentType: a.ContentType, ContentId: a.ContentID, Inline: a.Inline, Size: len(a.Data),
		})
	}
	return out
}

// present makes an empty list of none, which JSON would call null.
func present(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
