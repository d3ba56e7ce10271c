// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"errors"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/core/content"
	"sesame/internal/core/spool"
	"sesame/internal/proto/message"
)

// Formatted is a message by its parts, as both versions of SendEmail have it.
type Formatted struct {
	From                 string // an address with or without a display name
	To, Cc, Bcc, ReplyTo []string
	Subject              message.Content
	Text, HTML           *message.Content
	Headers              []message.NameValue
	Files                []message.Attachment
}

// AcceptFormatted composes the message and takes it like any other.
func (i *Intake) AcceptFormatted(ctx context.Context, s Submission, f Formatted) (string, error) {
	from, err := content.ParseMailbox("Source", f.From)
	if err != nil {
		return "", err
	}
	m := message.Simple{From: from, Subject: f.Subject, Text: f.Text, HTML: f.HTML, Headers: f.Headers, Files: f.Files}
	if m.To, err = mailboxes("Destination.ToAddresses", f.To); err != nil {
		return "", err
	}
	if m.Cc, err = mailboxes("Destination.CcAddresses", f.Cc); err != nil {
		return "", err
	}
	bcc, err := mailboxes("Destination.BccAddresses", f.Bcc)
	if err != nil {
		return "", err
	}
	if m.ReplyTo, err = mailboxes("ReplyToAddresses", f.ReplyTo); err != nil {
		return "", err
	}
	if err := checkHeaders(f.Headers); err != nil {
		return "", err
	}
	for _, list := range [][]message.Mailbox{m.To, m.Cc, bcc} {
		for _, mb := range list {
			s.Recipients = append(s.Recipients, mb.Address)
		}
	}
	if len(s.Recipients) == 0 {
		return "", fault.InField(fault.Invalid, "Destination", "There are no recipients specified")
	}
	s.Source = from.Address
	if s.Raw, err = message.Compose(m, i.o.Random); err != nil {
		return "", composeFault(err)
	}
	return i.Accept(ctx, s)
}

// checkHeaders checks the custom headers. Those that name identities are for whole
// messages alone (SES: sending authorization).
func checkHeaders(headers []message.NameValue) error {
	const field = "Headers"
	for _, h := range headers {
		switch name := strings.ToUpper(h.Name); name {
		case "X-SES-SOURCE-ARN", "X-SES-FROM-ARN", "X-SES-RETURN-PATH-ARN":
			return fault.InField(fault.Invalid, field, "Header '%s' cannot be set as a custom header.", name)
		}
	}
	return content.CheckHeaders(field, headers)
}

// composeFault says in which way the parts can't become a message.
func composeFault(err error) error {
	if errors.Is(err, message.ErrNoBody) {
		return &fault.Error{Kind: fault.Invalid, Field: "Body", Text: "At least one of Text and Html must be given in Body.", Err: err}
	}
	return &fault.Error{Kind: fault.Invalid, Text: "The message can't be composed: " + strings.TrimPrefix(err.Error(), "message: "), Err: err}
}

func mailboxes(field string, list []string) ([]message.Mailbox, error) {
	out := make([]message.Mailbox, 0, len(list))
	for _, s := range list {
		m, err := content.ParseMailbox(field, s)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// Addresses reads address parameters; display names are allowed and dropped.
func Addresses(field string, list []string) ([]address.Address, error) {
	ms, err := mailboxes(field, list)
	if err != nil {
		return nil, err
	}
	out := make([]address.Address, 0, len(ms))
	for _, m := range ms {
		out = append(out, m.Address)
	}
	return out, nil
}

// OptionalAddress reads an address parameter that may be empty.
func OptionalAddress(field, s string) (address.Address, error) {
	if s == "" {
		return address.Address{}, nil
	}
	m, err := content.ParseMailbox(field, s)
	return m.Address, err
}

// maxTags bounds the tags of a message (SES: MessageTag).
const maxTags = 50

func validTags(tags []spool.Tag) error {
	if len(tags) > maxTags {
		return fault.InField(fault.Invalid, "Tags", "A message may have at most %d tags.", maxTags)
	}
	for _, t := range tags {
		if err := content.CheckTag("Tags", content.Tag(t)); err != nil {
			return err
		}
	}
	return nil
}
