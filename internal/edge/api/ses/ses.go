// SPDX-License-Identifier: Apache-2.0

// Package ses answers the operations of the Amazon SES API v1: one method per
// operation, named as it, with the SDK's types.
package ses

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/spool"
	"sesame/internal/core/template"
	"sesame/internal/core/verification"
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

// Statistics tells what became of the mail of the last two weeks.
type Statistics interface {
	SendStatistics(ctx context.Context, sc scope.Scope) ([]spool.DataPoint, error)
}

// API answers the operations. It is safe for concurrent use.
type API struct {
	Intake     Intake
	Identities *identity.Identities
	Quotas     Quotas
	Accounts   Accounts
	Statistics Statistics

	Templates    *verification.Templates
	Verification *verification.Mailer

	ConfigSets *configset.Sets

	EmailTemplates *template.Templates
}

// SendEmail accepts a formatted message.
func (a *API) SendEmail(ctx context.Context, in *ses.SendEmailInput) (*ses.SendEmailOutput, error) {
	s := submission(ctx, "SendEmail", in.ConfigurationSetName, in.Tags)
	s.ARNs = intake.ARNs{Source: aws.ToString(in.SourceArn), ReturnPath: aws.ToString(in.ReturnPathArn)}
	var err error
	if s.ReturnPath, err = intake.OptionalAddress("ReturnPath", aws.ToString(in.ReturnPath)); err != nil {
		return nil, err
	}
	f := intake.Formatted{From: aws.ToString(in.Source), ReplyTo: in.ReplyToAddresses}
	if d := in.Destination; d != nil {
		f.To, f.Cc, f.Bcc = d.ToAddresses, d.CcAddresses, d.BccAddresses
	}
	if m := in.Message; m != nil {
		if m.Subject != nil {
			f.Subject = message.Content{Data: aws.ToString(m.Subject.Data), Charset: aws.ToString(m.Subject.Charset)}
		}
		if m.Body != nil {
			f.Text, f.HTML = content(m.Body.Text), content(m.Body.Html)
		}
	}
	id, err := a.Intake.AcceptFormatted(ctx, s, f)
	if err != nil {
		return nil, err
	}
	return &ses.SendEmailOutput{MessageId: &id}, nil
}

func content(c *types.Content) *message.Content {
	if c == nil {
		return nil
	}
	return &message.Content{Data: aws.ToString(c.Data), Charset: aws.ToString(c.Charset)}
}

// SendRawEmail accepts a whole message. Source and Destinations define the envelope
// where they are given; else the message's fields do.
func (a *API) SendRawEmail(ctx context.Context, in *ses.SendRawEmailInput) (*ses.SendRawEmailOutput, error) {
	s := submission(ctx, "SendRawEmail", in.ConfigurationSetName, in.Tags)
	s.ARNs = intake.ARNs{Source: aws.ToString(in.SourceArn), From: aws.ToString(in.FromArn), ReturnPath: aws.ToString(in.ReturnPathArn)}
	var err error
	if s.Source, err = intake.OptionalAddress("Source", aws.ToString(in.Source)); err != nil {
		return nil, err
	}
	if s.Recipients, err = intake.Addresses("Destinations", in.Destinations); err != nil {
		return nil, err
	}
	s.Raw = in.RawMessage.Data
	id, err := a.Intake.Accept(ctx, s)
	if err != nil {
		return nil, err
	}
	return &ses.SendRawEmailOutput{MessageId: &id}, nil
}

func submission(ctx context.Context, operation string, set *string, tags []types.MessageTag) intake.Submission {
	c := caller.From(ctx)
	s := intake.Submission{
		Scope: c.Scope, Principal: c.Principal, SourceIP: c.SourceIP, Operation: operation,
		Action: "ses:" + operation, UserAgent: c.UserAgent, Secure: c.Secure, Idempotency: c.Idempotency, APIVersion: "1", ConfigSet: aws.ToString(set),
	}
	for _, t := range tags {
		s.Tags = append(s.Tags, spool.Tag{Name: aws.ToString(t.Name), Value: aws.ToString(t.Value)})
	}
	return s
}

// GetSendStatistics tells the counts of the last two weeks, in steps of 15 minutes.
func (a *API) GetSendStatistics(ctx context.Context, _ *ses.GetSendStatisticsInput) (*ses.GetSendStatisticsOutput, error) {
	points, err := a.Statistics.SendStatistics(ctx, caller.From(ctx).Scope)
	if err != nil {
		return nil, err
	}
	out := &ses.GetSendStatisticsOutput{SendDataPoints: []types.SendDataPoint{}}
	for _, p := range points {
		out.SendDataPoints = append(out.SendDataPoints, types.SendDataPoint{
			Timestamp: aws.Time(p.Start), DeliveryAttempts: p.Attempts, Bounces: p.Bounces, Complaints: p.Complaints, Rejects: p.Rejects,
		})
	}
	return out, nil
}
