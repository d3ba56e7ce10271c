// SPDX-License-Identifier: Apache-2.0

package ses

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/template"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/page"
)

// Sizes of a page of ListTemplates (SES API v1).
const (
	defaultTemplates = 10
	maxTemplates     = 100
)

// templateError is the error of an operation with a template, which have types of their
// own in this version.
func templateError(err error, name *string) error {
	text := aws.String(fault.PeerText(err))
	switch {
	case fault.Is(err, fault.TemplateNotFound):
		return &types.TemplateDoesNotExistException{Message: text, TemplateName: name}
	case errors.Is(err, template.ErrExists):
		return &types.AlreadyExistsException{Message: text, Name: name}
	case errors.Is(err, template.ErrInvalid):
		return &types.InvalidTemplateException{Message: text, TemplateName: name}
	case errors.Is(err, template.ErrMissing):
		return &types.MissingRenderingAttributeException{Message: text, TemplateName: name}
	case errors.Is(err, template.ErrData):
		return &types.InvalidRenderingParameterException{Message: text, TemplateName: name}
	}
	return err
}

// templateContent is what a template is made of, and its name.
func templateContent(t *types.Template) (string, template.Content) {
	return aws.ToString(t.TemplateName), template.Content{
		Subject: aws.ToString(t.SubjectPart), Text: aws.ToString(t.TextPart), HTML: aws.ToString(t.HtmlPart),
	}
}

// CreateTemplate adds a template.
func (a *API) CreateTemplate(ctx context.Context, in *ses.CreateTemplateInput) (*ses.CreateTemplateOutput, error) {
	name, content := templateContent(in.Template)
	if err := a.EmailTemplates.Create(ctx, caller.From(ctx).Scope, template.Template{Name: name, Content: content}); err != nil {
		return nil, templateError(err, &name)
	}
	return &ses.CreateTemplateOutput{}, nil
}

// UpdateTemplate replaces a template: parts that are not given are removed.
func (a *API) UpdateTemplate(ctx context.Context, in *ses.UpdateTemplateInput) (*ses.UpdateTemplateOutput, error) {
	name, content := templateContent(in.Template)
	if err := a.EmailTemplates.Update(ctx, caller.From(ctx).Scope, name, content); err != nil {
		return nil, templateError(err, &name)
	}
	return &ses.UpdateTemplateOutput{}, nil
}

// GetTemplate shows a template.
func (a *API) GetTemplate(ctx context.Context, in *ses.GetTemplateInput) (*ses.GetTemplateOutput, error) {
	t, err := a.EmailTemplates.Get(ctx, caller.From(ctx).Scope, aws.ToString(in.TemplateName))
	if err != nil {
		return nil, templateError(err, in.TemplateName)
	}
	return &ses.GetTemplateOutput{Template: &types.Template{
		TemplateName: &t.Name, SubjectPart: part(t.Content.Subject), TextPart: part(t.Content.Text), HtmlPart: part(t.Content.HTML),
	}}, nil
}

// part is a part of a template, or nothing where it has none.
func part(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// DeleteTemplate removes a template. As in SES, that it is not there is no error in this
// version.
func (a *API) DeleteTemplate(ctx context.Context, in *ses.DeleteTemplateInput) (*ses.DeleteTemplateOutput, error) {
	err := a.EmailTemplates.Delete(ctx, caller.From(ctx).Scope, aws.ToString(in.TemplateName))
	if err != nil && !fault.Is(err, fault.TemplateNotFound) {
		return nil, err
	}
	return &ses.DeleteTemplateOutput{}, nil
}

// ListTemplates lists templates by name. More than the largest page is the largest page.
func (a *API) ListTemplates(ctx context.Context, in *ses.ListTemplatesInput) (*ses.ListTemplatesOutput, error) {
	sc := caller.From(ctx).Scope
	list := page.List{Kind: template.ListKind, Region: sc.Region}
	after, err := list.After(in.NextToken)
	if err != nil {
		return nil, err
	}
	asked := in.MaxItems
	if asked != nil {
		asked = aws.Int32(min(*asked, maxTemplates))
	}
	size, err := page.Size("MaxItems", asked, defaultTemplates, maxTemplates)
	if err != nil {
		return nil, err
	}
	ts, more, err := a.EmailTemplates.List(ctx, sc, after, size)
	if err != nil {
		return nil, err
	}
	out := &ses.ListTemplatesOutput{TemplatesMetadata: []types.TemplateMetadata{}}
	for _, t := range ts {
		out.TemplatesMetadata = append(out.TemplatesMetadata, types.TemplateMetadata{Name: &t.Name, CreatedTimestamp: &t.CreatedAt})
	}
	if more {
		out.NextToken = list.Token(ts[len(ts)-1].Name)
	}
	return out, nil
}

// TestRenderTemplate shows the message that a template and data make.
func (a *API) TestRenderTemplate(ctx context.Context, in *ses.TestRenderTemplateInput) (*ses.TestRenderTemplateOutput, error) {
	c := caller.From(ctx)
	text, err := a.Intake.TestRender(ctx, c.Scope, aws.ToString(in.TemplateName), in.TemplateData)
	if err != nil {
		return nil, templateError(err, in.TemplateName)
	}
	return &ses.TestRenderTemplateOutput{RenderedTemplate: &text}, nil
}
