// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/template"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/page"
)

// Sizes of a page of ListEmailTemplates (SES API v2).
const (
	defaultTemplates = 10
	maxTemplates     = 100
)

func templateContent(c *types.EmailTemplateContent) template.Content {
	return template.Content{Subject: aws.ToString(c.Subject), Text: aws.ToString(c.Text), HTML: aws.ToString(c.Html)}
}

// CreateEmailTemplate adds a template.
func (a *API) CreateEmailTemplate(ctx context.Context, in *sesv2.CreateEmailTemplateInput) (*sesv2.CreateEmailTemplateOutput, error) {
	tags, err := resourceTags(in.Tags)
	if err != nil {
		return nil, err
	}
	err = a.EmailTemplates.Create(ctx, caller.From(ctx).Scope, template.Template{
		Name: aws.ToString(in.TemplateName), Content: templateContent(in.TemplateContent), Tags: tags,
	})
	if err != nil {
		return nil, err
	}
	return &sesv2.CreateEmailTemplateOutput{}, nil
}

// UpdateEmailTemplate replaces the content of a template: parts that are not given are
// removed. Its tags stay.
func (a *API) UpdateEmailTemplate(ctx context.Context, in *sesv2.UpdateEmailTemplateInput) (*sesv2.UpdateEmailTemplateOutput, error) {
	err := a.EmailTemplates.Update(ctx, caller.From(ctx).Scope, aws.ToString(in.TemplateName), templateContent(in.TemplateContent))
	if err != nil {
		return nil, err
	}
	return &sesv2.UpdateEmailTemplateOutput{}, nil
}

// GetEmailTemplate shows a template.
func (a *API) GetEmailTemplate(ctx context.Context, in *sesv2.GetEmailTemplateInput) (*sesv2.GetEmailTemplateOutput, error) {
	t, err := a.EmailTemplates.Get(ctx, caller.From(ctx).Scope, aws.ToString(in.TemplateName))
	if err != nil {
		return nil, err
	}
	return &sesv2.GetEmailTemplateOutput{
		TemplateName:    &t.Name,
		TemplateContent: &types.EmailTemplateContent{Subject: optional(t.Content.Subject), Text: optional(t.Content.Text), Html: optional(t.Content.HTML)},
		Tags:            tagList(t.Tags),
	}, nil
}

// DeleteEmailTemplate removes a template.
func (a *API) DeleteEmailTemplate(ctx context.Context, in *sesv2.DeleteEmailTemplateInput) (*sesv2.DeleteEmailTemplateOutput, error) {
	if err := a.EmailTemplates.Delete(ctx, caller.From(ctx).Scope, aws.ToString(in.TemplateName)); err != nil {
		return nil, err
	}
	return &sesv2.DeleteEmailTemplateOutput{}, nil
}

// ListEmailTemplates lists templates by name.
func (a *API) ListEmailTemplates(ctx context.Context, in *sesv2.ListEmailTemplatesInput) (*sesv2.ListEmailTemplatesOutput, error) {
	sc := caller.From(ctx).Scope
	list := page.List{Kind: template.ListKind, Region: sc.Region}
	size, err := page.Size("PageSize", in.PageSize, defaultTemplates, maxTemplates)
	if err != nil {
		return nil, err
	}
	after, err := list.After(in.NextToken)
	if err != nil {
		return nil, err
	}
	ts, more, err := a.EmailTemplates.List(ctx, sc, after, size)
	if err != nil {
		return nil, err
	}
	out := &sesv2.ListEmailTemplatesOutput{TemplatesMetadata: []types.EmailTemplateMetadata{}}
	for _, t := range ts {
		out.TemplatesMetadata = append(out.TemplatesMetadata, types.EmailTemplateMetadata{TemplateName: &t.Name, CreatedTimestamp: &t.CreatedAt})
	}
	if more {
		out.NextToken = list.Token(ts[len(ts)-1].Name)
	}
	return out, nil
}

// TestRenderEmailTemplate shows the message that a template and data make.
func (a *API) TestRenderEmailTemplate(ctx context.Context, in *sesv2.TestRenderEmailTemplateInput) (*sesv2.TestRenderEmailTemplateOutput, error) {
	text, err := a.Intake.TestRender(ctx, caller.From(ctx).Scope, aws.ToString(in.TemplateName), in.TemplateData)
	if err != nil {
		return nil, err
	}
	return &sesv2.TestRenderEmailTemplateOutput{RenderedTemplate: &text}, nil
}
