// SPDX-License-Identifier: Apache-2.0

package ses

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/verification"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/page"
)

// verificationError is the error of an operation on templates of verification mails,
// which have types of their own in this version.
func verificationError(err error, name, from *string) error {
	text := aws.String(fault.PeerText(err))
	switch {
	case errors.Is(err, verification.ErrTemplateExists):
		return &types.CustomVerificationEmailTemplateAlreadyExistsException{Message: text, CustomVerificationEmailTemplateName: name}
	case errors.Is(err, verification.ErrNoTemplate):
		return &types.CustomVerificationEmailTemplateDoesNotExistException{Message: text, CustomVerificationEmailTemplateName: name}
	case errors.Is(err, verification.ErrFromNotVerified):
		return &types.FromEmailAddressNotVerifiedException{Message: text, FromEmailAddress: from}
	case errors.Is(err, verification.ErrContent):
		return &types.CustomVerificationEmailInvalidContentException{Message: text}
	case errors.Is(err, verification.ErrNoProductionAccess):
		return &types.ProductionAccessNotGrantedException{Message: text}
	}
	return err
}

// CreateCustomVerificationEmailTemplate adds a template of verification mails.
func (a *API) CreateCustomVerificationEmailTemplate(ctx context.Context, in *ses.CreateCustomVerificationEmailTemplateInput) (
	*ses.CreateCustomVerificationEmailTemplateOutput, error) {
	err := a.Templates.Create(ctx, caller.From(ctx).Scope, verification.Template{
		Name: aws.ToString(in.TemplateName), From: aws.ToString(in.FromEmailAddress), Subject: aws.ToString(in.TemplateSubject),
		Content: aws.ToString(in.TemplateContent), SuccessURL: aws.ToString(in.SuccessRedirectionURL), FailureURL: aws.ToString(in.FailureRedirectionURL),
	})
	if err != nil {
		return nil, verificationError(err, in.TemplateName, in.FromEmailAddress)
	}
	return &ses.CreateCustomVerificationEmailTemplateOutput{}, nil
}

// UpdateCustomVerificationEmailTemplate changes what is given of a template.
func (a *API) UpdateCustomVerificationEmailTemplate(ctx context.Context, in *ses.UpdateCustomVerificationEmailTemplateInput) (
	*ses.UpdateCustomVerificationEmailTemplateOutput, error) {
	err := a.Templates.Update(ctx, caller.From(ctx).Scope, aws.ToString(in.TemplateName), verification.Change{
		From: in.FromEmailAddress, Subject: in.TemplateSubject, Content: in.TemplateContent,
		SuccessURL: in.SuccessRedirectionURL, FailureURL: in.FailureRedirectionURL,
	})
	if err != nil {
		return nil, verificationError(err, in.TemplateName, in.FromEmailAddress)
	}
	return &ses.UpdateCustomVerificationEmailTemplateOutput{}, nil
}

// GetCustomVerificationEmailTemplate shows a template.
func (a *API) GetCustomVerificationEmailTemplate(ctx context.Context, in *ses.GetCustomVerificationEmailTemplateInput) (
	*ses.GetCustomVerificationEmailTemplateOutput, error) {
	t, err := a.Templates.Get(ctx, caller.From(ctx).Scope, aws.ToString(in.TemplateName))
	if err != nil {
		return nil, verificationError(err, in.TemplateName, nil)
	}
	return &ses.GetCustomVerificationEmailTemplateOutput{
		TemplateName: &t.Name, FromEmailAddress: &t.From, TemplateSubject: &t.Subject, TemplateContent: &t.Content,
		SuccessRedirectionURL: &t.SuccessURL, FailureRedirectionURL: &t.FailureURL,
	}, nil
}

// ListCustomVerificationEmailTemplates lists templates by name, without their contents.
// A size out of bounds is the largest one.
func (a *API) ListCustomVerificationEmailTemplates(ctx context.Context, in *ses.ListCustomVerificationEmailTemplatesInput) (
	*ses.ListCustomVerificationEmailTemplatesOutput, error) {
	sc := caller.From(ctx).Scope
	list := page.List{Kind: verification.ListKind, Region: sc.Region}
	after, err := list.After(in.NextToken)
	if err != nil {
		return nil, fault.InField(fault.Invalid, "NextToken", "Invalid nextToken <%s>.", aws.ToString(in.NextToken))
	}
	limit := int(aws.ToInt32(in.MaxResults))
	if limit < 1 || limit > verification.MaxTemplates {
		limit = verification.MaxTemplates
	}
	ts, more, err := a.Templates.List(ctx, sc, after, limit)
	if err != nil {
		return nil, err
	}
	out := &ses.ListCustomVerificationEmailTemplatesOutput{CustomVerificationEmailTemplates: []types.CustomVerificationEmailTemplate{}}
	for _, t := range ts {
		out.CustomVerificationEmailTemplates = append(out.CustomVerificationEmailTemplates, types.CustomVerificationEmailTemplate{
			TemplateName: &t.Name, FromEmailAddress: &t.From, TemplateSubject: &t.Subject, SuccessRedirectionURL: &t.SuccessURL, FailureRedirectionURL: &t.FailureURL,
		})
	}
	if more {
		out.NextToken = list.Token(ts[len(ts)-1].Name)
	}
	return out, nil
}

// DeleteCustomVerificationEmailTemplate removes a template.
func (a *API) DeleteCustomVerificationEmailTemplate(ctx context.Context, in *ses.DeleteCustomVerificationEmailTemplateInput) (
	*ses.DeleteCustomVerificationEmailTemplateOutput, error) {
	if err := a.Templates.Delete(ctx, caller.From(ctx).Scope, aws.ToString(in.TemplateName)); err != nil {
		return nil, verificationError(err, in.TemplateName, nil)
	}
	return &ses.DeleteCustomVerificationEmailTemplateOutput{}, nil
}

// SendCustomVerificationEmail sends a mail with a link that verifies its recipient's
// address.
func (a *API) SendCustomVerificationEmail(ctx context.Context, in *ses.SendCustomVerificationEmailInput) (*ses.SendCustomVerificationEmailOutput, error) {
	s := submission(ctx, "SendCustomVerificationEmail", in.ConfigurationSetName, nil)
	id, err := a.Verification.Send(ctx, s, aws.ToString(in.EmailAddress), aws.ToString(in.TemplateName))
	if errors.Is(err, verification.ErrNoTemplate) { // with a text of its own in this version
		return nil, &types.CustomVerificationEmailTemplateDoesNotExistException{
			Message: aws.String(fmt.Sprintf("Template <%s> does not exist", *in.TemplateName)), CustomVerificationEmailTemplateName: in.TemplateName,
		}
	}
	if err != nil {
		return nil, verificationError(err, in.TemplateName, nil)
	}
	return &ses.SendCustomVerificationEmailOutput{MessageId: &id}, nil
}
