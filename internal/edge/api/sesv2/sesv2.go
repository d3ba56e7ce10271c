// SPDX-License-Identifier: Apache-2.0

// Package sesv2 answers the operations of the Amazon SES API v2: one method per
// operation, named as it, with the SDK's types.
package sesv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/spool"
	"sesame/internal/core/suppression"
	"sesame/internal/core/template"
	"sesame/internal/core/verification"
	"sesame/internal/core/zone"
	"sesame/internal/edge/api/caller"
	"sesame/internal/proto/message"
)

// Intake accepts messages.
type Intake interface {
	Accept(ctx context.Context, s intake.Submission) (id string, err error)
	AcceptFormatted(ctx context.Context, s intake.Submission, f intake.Formatted) (id string, err error)
	AcceptTemplated(ctx context.Context, s intake.Submission, t intake.Templated) (id string, err error)
	AcceptBulk(ctx context.Context, s intake.Submission, b intake.Bulk) ([]intake.Result, error)
	TestRender(ctx context.Context, sc scope.Scope, name string, data *string) (string, error)
}

// API answers the operations. It is safe for concurrent use.
type API struct {
	Intake     Intake
	Identities *identity.Identities
	Quotas     Quotas
	Accounts   Accounts

	Suppression *suppression.Lists
	Contacts    *contact.Lists
	ImportJobs  ImportJobs

	Templates    *verification.Templates
	Verification *verification.Mailer
	Zone         zone.Names // of the service

	ConfigSets *configset.Sets

	EmailTemplates *template.Templates
	VDM            VDM
}

// SendEmail accepts a formatted or a raw message, or one that is made of a template.
func (a *API) SendEmail(ctx context.Context, in *sesv2.SendEmailInput) (*sesv2.SendEmailOutput, error) {
	err := unbuilt("SendEmail", []parameter{
		{"ConfigurationOverrides", in.ConfigurationOverrides != nil},
		{"TenantName", in.TenantName != nil},
		{"EndpointId", in.EndpointId != nil},
	})
	if err != nil {
		return nil, err
	}
	s := submission(ctx, "SendEmail")
	s.ConfigSet, s.Tags, s.ARNs = aws.ToString(in.ConfigurationSetName), tags(in.EmailTags), arns(in.FromEmailAddressIdentityArn, in.FeedbackForwardingEmailAddressIdentityArn)
	if s.List, err = listOf(in.ListManagementOptions); err != nil {
		return nil, err
	}
	if s.ReturnPath, err = intake.OptionalAddress("FeedbackForwardingEmailAddress", aws.ToString(in.FeedbackForwardingEmailAddress)); err != nil {
		return nil, err
	}
	var id string
	switch c := in.Content; {
	case c.Simple != nil && c.Raw == nil && c.Template == nil:
		id, err = a.sendSimple(ctx, s, in)
	case c.Raw != nil && c.Simple == nil && c.Template == nil:
		id, err = a.sendRaw(ctx, s, in)
	case c.Template != nil && c.Simple == nil && c.Raw == nil:
		id, err = a.sendTemplate(ctx, s, in)
	default:
		return nil, fault.InField(fault.Invalid, "Content", "Exactly one of Simple, Raw and Template must be given in Content.")
	}
	if err != nil {
		return nil, err
	}
	return &sesv2.SendEmailOutput{MessageId: &id}, nil
}

// submission is what every operation that sends brings to the intake. Policies call its
// action as the operation.
func submission(ctx context.Context, operation string) intake.Submission {
	c := caller.From(ctx)
	return intake.Submission{
		Scope: c.Scope, Principal: c.Principal, SourceIP: c.SourceIP, Operation: operation,
		Action: "ses:" + operation, UserAgent: c.UserAgent, Secure: c.Secure, Idempotency: c.Idempotency, APIVersion: "2",
	}
}

// arns are the identities of others. FromEmailAddressIdentityArn is more than the two
// header fields for Source and From of a raw message (SES API v2: SendEmail).
func arns(from, feedback *string) intake.ARNs {
	return intake.ARNs{Source: aws.ToString(from), From: aws.ToString(from), ReturnPath: aws.ToString(feedback)}
}

// parameter is a parameter that no part of this server heeds yet.
type parameter struct {
	name string
	used bool
}

// unbuilt refuses such parameters: to ignore one would send something else than was asked
// for.
func unbuilt(operation string, parameters []parameter) error {
	for _, p := range parameters {
		if p.used {
			return fault.InField(fault.NotImplemented, p.name, "The parameter %s of %s is not implemented by this server.", p.name, operation)
		}
	}
	return nil
}

func (a *API) sendSimple(ctx context.Context, s intake.Submission, in *sesv2.SendEmailInput) (string, error) {
	if in.FromEmailAddress == nil {
		// SES answers this case with a null message.
		return "", &types.BadRequestException{}
	}
	m := in.Content.Simple
	f := intake.Formatted{From: *in.FromEmailAddress, ReplyTo: in.ReplyToAddresses, Headers: headers(m.Headers)}
	if d := in.Destination; d != nil {
		f.To, f.Cc, f.Bcc = d.ToAddresses, d.CcAddresses, d.BccAddresses
	}
	if m.Subject != nil {
		f.Subject = message.Content{Data: aws.ToString(m.Subject.Data), Charset: aws.ToString(m.Subject.Charset)}
	}
	if m.Body != nil {
		f.Text, f.HTML = content(m.Body.Text), content(m.Body.Html)
	}
	for _, t := range m.Attachments {
		f.Files = append(f.Files, attachment(t))
	}
	return a.Intake.AcceptFormatted(ctx, s, f)
}

func content(c *types.Content) *message.Content {
	if c == nil {
		return nil
	}
	return &message.Content{Data: aws.ToString(c.Data), Charset: aws.ToString(c.Charset)}
}

func attachment(t types.Attachment) message.Attachment {
	f := message.Attachment{
		Data: t.RawContent, FileName: aws.ToString(t.FileName), ContentType: aws.ToString(t.ContentType),
		Description: aws.ToString(t.ContentDescription), ContentID: aws.ToString(t.ContentId),
		Inline: t.ContentDisposition == types.AttachmentContentDispositionInline,
	}
	switch t.ContentTransferEncoding {
	case types.AttachmentContentTransferEncodingQuotedPrintable:
		f.Encoding = message.QuotedPrintable
	case types.AttachmentContentTransferEncodingSevenBit:
		f.Encoding = message.SevenBit
	}
	return f
}

func (a *API) sendRaw(ctx context.Context, s intake.Submission, in *sesv2.SendEmailInput) (string, error) {
	var err error
	if s.Source, err = intake.OptionalAddress("FromEmailAddress", aws.ToString(in.FromEmailAddress)); err != nil {
		return "", err
	}
	if d := in.Destination; d != nil {
		for _, list := range [][]string{d.ToAddresses, d.CcAddresses, d.BccAddresses} {
			as, err := intake.Addresses("Destination", list)
			if err != nil {
				return "", err
			}
			s.Recipients = append(s.Recipients, as...)
		}
	}
	s.Raw, s.SourceFirst, s.Action = in.Content.Raw.Data, true, "ses:SendRawEmail"
	return a.Intake.Accept(ctx, s)
}

func tags(in []types.MessageTag) []spool.Tag {
	var out []spool.Tag
	for _, t := range in {
		out = append(out, spool.Tag{Name: aws.ToString(t.Name), Value: aws.ToString(t.Value)})
	}
	return out
}
