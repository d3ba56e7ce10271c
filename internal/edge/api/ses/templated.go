// SPDX-License-Identifier: Apache-2.0

package ses

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/intake"
	"sesame/internal/core/quota"
	"sesame/internal/core/spool"
)

// SendTemplatedEmail accepts a message that is made of a template.
func (a *API) SendTemplatedEmail(ctx context.Context, in *ses.SendTemplatedEmailInput) (*ses.SendTemplatedEmailOutput, error) {
	s := submission(ctx, "SendTemplatedEmail", in.ConfigurationSetName, in.Tags)
	s.ARNs = intake.ARNs{Source: aws.ToString(in.SourceArn), ReturnPath: aws.ToString(in.ReturnPathArn)}
	var err error
	if s.ReturnPath, err = intake.OptionalAddress("ReturnPath", aws.ToString(in.ReturnPath)); err != nil {
		return nil, err
	}
	t := templated(in.Source, in.ReplyToAddresses, in.Template, in.TemplateArn, in.TemplateData)
	if d := in.Destination; d != nil {
		t.To, t.Cc, t.Bcc = d.ToAddresses, d.CcAddresses, d.BccAddresses
	}
	id, err := a.Intake.AcceptTemplated(ctx, s, t)
	if err != nil {
		return nil, templateError(err, in.Template)
	}
	return &ses.SendTemplatedEmailOutput{MessageId: &id}, nil
}

func templated(source *string, replyTo []string, name, arn, data *string) intake.Templated {
	return intake.Templated{
		Formatted: intake.Formatted{From: aws.ToString(source), ReplyTo: replyTo},
		Template:  intake.TemplateRef{Name: aws.ToString(name), ARN: aws.ToString(arn)}, Data: data,
	}
}

// SendBulkTemplatedEmail accepts a message for each destination, made of one template.
func (a *API) SendBulkTemplatedEmail(ctx context.Context, in *ses.SendBulkTemplatedEmailInput) (*ses.SendBulkTemplatedEmailOutput, error) {
	s := submission(ctx, "SendBulkTemplatedEmail", in.ConfigurationSetName, in.DefaultTags)
	s.ARNs = intake.ARNs{Source: aws.ToString(in.SourceArn), ReturnPath: aws.ToString(in.ReturnPathArn)}
	var err error
	if s.ReturnPath, err = intake.OptionalAddress("ReturnPath", aws.ToString(in.ReturnPath)); err != nil {
		return nil, err
	}
	b := intake.Bulk{Templated: templated(in.Source, in.ReplyToAddresses, in.Template, in.TemplateArn, in.DefaultTemplateData)}
	for _, d := range in.Destinations {
		e := intake.Entry{Data: d.ReplacementTemplateData}
		if to := d.Destination; to != nil {
			e.To, e.Cc, e.Bcc = to.ToAddresses, to.CcAddresses, to.BccAddresses
		}
		for _, t := range d.ReplacementTags {
			e.Tags = append(e.Tags, spool.Tag{Name: aws.ToString(t.Name), Value: aws.ToString(t.Value)})
		}
		b.Entries = append(b.Entries, e)
	}
	results, err := a.Intake.AcceptBulk(ctx, s, b)
	if err != nil {
		return nil, templateError(err, in.Template)
	}
	out := &ses.SendBulkTemplatedEmailOutput{}
	for _, r := range results {
		st := types.BulkEmailDestinationStatus{Status: types.BulkEmailStatusSuccess}
		if r.Err != nil {
			st.Status, st.Error = bulkStatus(r.Err), aws.String(fault.PeerText(r.Err))
		} else {
			st.MessageId = aws.String(r.ID)
		}
		out.Status = append(out.Status, st)
	}
	return out, nil
}

// bulkStatus is what the fault of a destination is called (SES API v1:
// BulkEmailDestinationStatus).
func bulkStatus(err error) types.BulkEmailStatus {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.TooLarge, fault.NotFound:
		return types.BulkEmailStatusInvalidParameterValue
	case fault.Rejected:
		return types.BulkEmailStatusMessageRejected
	case fault.ConfigSetNotFound:
		return types.BulkEmailStatusConfigurationSetDoesNotExist
	case fault.TemplateNotFound:
		return types.BulkEmailStatusTemplateDoesNotExist
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
