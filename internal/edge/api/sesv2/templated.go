// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/intake"
	"sesame/internal/core/quota"
	"sesame/internal/proto/message"
)

// sendTemplate sends what a template makes. Policies call it as API v1 does.
func (a *API) sendTemplate(ctx context.Context, s intake.Submission, in *sesv2.SendEmailInput) (string, error) {
	s.Action = "ses:SendTemplatedEmail"
	t := templated(in.FromEmailAddress, in.ReplyToAddresses, in.Content.Template)
	if d := in.Destination; d != nil {
		t.To, t.Cc, t.Bcc = d.ToAddresses, d.CcAddresses, d.BccAddresses
	}
	return a.Intake.AcceptTemplated(ctx, s, t)
}

func templated(from *string, replyTo []string, t *types.Template) intake.Templated {
	out := intake.Templated{
		Formatted: intake.Formatted{From: aws.ToString(from), ReplyTo: replyTo, Headers: headers(t.Headers)},
		Template:  intake.TemplateRef{Name: aws.ToString(t.TemplateName), ARN: aws.ToString(t.TemplateArn)}, Data: t.TemplateData,
	}
	if t.TemplateContent != nil {
		c := templateContent(t.TemplateContent)
		out.Template.Content = &c
	}
	for _, f := range t.Attachments {
		out.Files = append(out.Files, attachment(f))
	}
	return out
}

func headers(in []types.MessageHeader) (out []message.NameValue) {
	for _, h := range in {
		out = append(out, message.NameValue{Name: aws.ToString(h.Name), Value: aws.ToString(h.Value)})
	}
	return out
}

// SendBulkEmail accepts a message for each entry, made of one template. Policies call it as
// API v1 does.
func (a *API) SendBulkEmail(ctx context.Context, in *sesv2.SendBulkEmailInput) (*sesv2.SendBulkEmailOutput, error) {
	if err := unbuilt("SendBulkEmail", []parameter{{"TenantName", in.TenantName != nil}, {"EndpointId", in.EndpointId != nil}}); err != nil {
		return nil, err
	}
	if in.DefaultContent == nil || in.DefaultContent.Template == nil {
		return nil, fault.InField(fault.Invalid, "DefaultContent", "Template must be given in DefaultContent.")
	}
	s := submission(ctx, "SendBulkEmail")
	s.Action = "ses:SendBulkTemplatedEmail"
	s.ConfigSet, s.Tags = aws.ToString(in.ConfigurationSetName), tags(in.DefaultEmailTags)
	s.ARNs = arns(in.FromEmailAddressIdentityArn, in.FeedbackForwardingEmailAddressIdentityArn)
	var err error
	if s.ReturnPath, err = intake.OptionalAddress("FeedbackForwardingEmailAddress", aws.ToString(in.FeedbackForwardingEmailAddress)); err != nil {
		return nil, err
	}
	b := intake.Bulk{Templated: templated(in.FromEmailAddress, in.ReplyToAddresses, in.DefaultContent.Template)}
	for _, entry := range in.BulkEmailEntries {
		e := intake.Entry{Tags: tags(entry.ReplacementTags), Headers: headers(entry.ReplacementHeaders)}
		if d := entry.Destination; d != nil {
			e.To, e.Cc, e.Bcc = d.ToAddresses, d.CcAddresses, d.BccAddresses
		}
		if c := entry.ReplacementEmailContent; c != nil && c.ReplacementTemplate != nil {
			e.Data = c.ReplacementTemplate.ReplacementTemplateData
		}
		b.Entries = append(b.Entries, e)
	}
	results, err := a.Intake.AcceptBulk(ctx, s, b)
	if err != nil {
		return nil, err
	}
	out := &sesv2.SendBulkEmailOutput{}
	for _, r := range results {
		e := types.BulkEmailEntryResult{Status: types.BulkEmailStatusSuccess}
		if r.Err != nil {
			e.Status, e.Error = bulkStatus(r.Err), aws.String(fault.PeerText(r.Err))
		} else {
			e.MessageId = aws.String(r.ID)
		}
		out.BulkEmailEntryResults = append(out.BulkEmailEntryResults, e)
	}
	return out, nil
}

// bulkStatus is what the fault of an entry is called (SES API v2: BulkEmailEntryResult).
func bulkStatus(err error) types.BulkEmailStatus {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.TooLarge, fault.NotFound:
		return types.BulkEmailStatusInvalidParameter
	case fault.Rejected:
		return types.BulkEmailStatusMessageRejected
	case fault.ConfigSetNotFound:
		return types.BulkEmailStatusConfigurationSetNotFound
	case fault.TemplateNotFound:
		return types.BulkEmailStatusTemplateNotFound
	case fault.Throttled:
		if quota.IsDaily(err) {
			return types.BulkEmailStatusAccountDailyQuotaExceeded
		}
		return types.BulkEmailStatusAccountThrottled
	case fault.AccountPaused:
		return types.BulkEmailStatusAccountSendingPaused
	case fault.ConfigSetPaused:
		return types.BulkEmailStatusConfigurationSetSendingPaused
	case fault.MailFromNotVerified:
		return types.BulkEmailStatusMailFromDomainNotVerified
	case fault.Unavailable, fault.Conflict:
		return types.BulkEmailStatusTransientFailure
	}
	return types.BulkEmailStatusFailed
}
