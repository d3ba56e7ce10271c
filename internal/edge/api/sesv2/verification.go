// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/verification"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/page"
)

// CreateCustomVerificationEmailTemplate adds a template of verification mails.
func (a *API) CreateCustomVerificationEmailTemplate(ctx context.Context, in *sesv2.CreateCustomVerificationEmailTemplateInput) (
	*sesv2.CreateCustomVerificationEmailTemplateOutput, error) {
	tags, err := resourceTags(in.Tags)
	if err != nil {
		return nil, err
	}
	err = a.Templates.Create(ctx, caller.From(ctx).Scope, verification.Template{
		Name: aws.ToString(in.TemplateName), From: aws.ToString(in.FromEmailAddress), Subject: aws.ToString(in.TemplateSubject),
		Content: aws.ToString(in.TemplateContent), SuccessURL: aws.ToString(in.SuccessRedirectionURL), FailureURL: aws.ToString(in.FailureRedirectionURL),
		Tags: tags,
	})
	if err != nil {
		return nil, err
	}
	return &sesv2.CreateCustomVerificationEmailTemplateOutput{}, nil
}

// UpdateCustomVerificationEmailTemplate changes a template; its tags stay.
func (a *API) UpdateCustomVerificationEmailTemplate(ctx context.Context, in *sesv2.UpdateCustomVerificationEmailTemplateInput) (
	*sesv2.UpdateCustomVerificationEmailTemplateOutput, error) {
	err := a.Templates.Update(ctx, caller.From(ctx).Scope, aws.ToString(in.TemplateName), verification.Change{
		From: in.FromEmailAddress, Subject: in.TemplateSubject, Content: in.TemplateContent,
		SuccessURL: in.SuccessRedirectionURL, FailureURL: in.FailureRedirectionURL,
	})
	if err != nil {
		return nil, err
	}
	return &sesv2.UpdateCustomVerificationEmailTemplateOutput{}, nil
}

// GetCustomVerificationEmailTemplate shows a template.
func (a *API) GetCustomVerificationEmailTemplate(ctx context.Context, in *sesv2.GetCustomVerificationEmailTemplateInput) (
	*sesv2.GetCustomVerificationEmailTemplateOutput, error) {
	t, err := a.Templates.Get(ctx, caller.From(ctx).Scope, aws.ToString(in.TemplateName))
	if err != nil {
		return nil, err
	}
	return &sesv2.GetCustomVerificationEmailTemplateOutput{
		TemplateName: &t.Name, FromEmailAddress: &t.From, TemplateSubject: &t.Subject, TemplateContent: &t.Content,
		SuccessRedirectionURL: &t.SuccessURL, FailureRedirectionURL: &t.FailureURL, Tags: tagList(t.Tags),
	}, nil
}

// ListCustomVerificationEmailTemplates lists templates by name, without their contents.
func (a *API) ListCustomVerificationEmailTemplates(ctx context.Context, in *sesv2.ListCustomVerificationEmailTemplatesInput) (
	*sesv2.ListCustomVerificationEmailTemplatesOutput, error) {
	sc := caller.From(ctx).Scope
	list := page.List{Kind: verification.ListKind, Region: sc.Region}
	limit := verification.MaxTemplates
	if in.PageSize != nil {
		if limit = int(*in.PageSize); limit < 1 || limit > verification.MaxTemplates {
			return nil, fault.InField(fault.Invalid, "PageSize", "The page size must be between 1 and %d", verification.MaxTemplates)
		}
	}
	after, err := list.After(in.NextToken)
	if err != nil {
		return nil, fault.InField(fault.Invalid, "NextToken", "Invalid nextToken <%s>.", aws.ToString(in.NextToken))
	}
	ts, more, err := a.Templates.List(ctx, sc, after, limit)
	if err != nil {
		return nil, err
	}
	out := &sesv2.ListCustomVerificationEmailTemplatesOutput{CustomVerificationEmailTemplates: []types.CustomVerificationEmailTemplateMetadata{}}
	for _, t := range ts {
		out.CustomVerificationEmailTemplates = append(out.CustomVerificationEmailTemplates, types.CustomVerificationEmailTemplateMetadata{
			TemplateName: &t.Name, FromEmailAddress: &t.From, TemplateSubject: &t.Subject, SuccessRedirectionURL: &t.SuccessURL, FailureRedirectionURL: &t.FailureURL,
		})
	}
	if more {
		out.NextToken = list.Token(ts[len(ts)-1].Name)
	}
	return out, nil
}

// DeleteCustomVerificationEmailTemplate removes a template.
func (a *API) DeleteCustomVerificationEmailTemplate(ctx context.Context, in *sesv2.DeleteCustomVerificationEmailTemplateInput) (
	*sesv2.DeleteCustomVerificationEmailTemplateOutput, error) {
	if err := a.Templates.Delete(ctx, caller.From(ctx).Scope, aws.ToString(in.TemplateName)); err != nil {
		return nil, err
	}
	return &sesv2.DeleteCustomVerificationEmailTemplateOutput{}, nil
}

// SendCustomVerificationEmail sends a mail with a link that verifies its recipient's
// address.
func (a *API) SendCustomVerificationEmail(ctx context.Context, in *sesv2.SendCustomVerificationEmailInput) (*sesv2.SendCustomVerificationEmailOutput, error) {
	s := submission(ctx, "SendCustomVerificationEmail")
	s.ConfigSet = aws.ToString(in.ConfigurationSetName)
	id, err := a.Verification.Send(ctx, s, aws.ToString(in.EmailAddress), aws.ToString(in.TemplateName))
	if err != nil {
		return nil, err
	}
	return &sesv2.SendCustomVerificationEmailOutput{MessageId: &id}, nil
}
