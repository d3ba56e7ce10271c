// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"testing"

	"sesame/internal/core/template"
)

// emailTemplate is a template of the furnished server.
const emailTemplate = "T"

// withEmails gives a server a template, which needs an attribute.
func (w *world) withEmails(t *testing.T) {
	t.Helper()
	must(t, w.emails.Create(t.Context(), home, template.Template{Name: emailTemplate, Content: template.Content{Subject: "Hi", Text: "Ho {{name}}"}}))
}

// with is m with more members.
func (m input) with(more input) input {
	all := input{}
	for _, from := range []input{m, more} {
		for name, value := range from {
			all[name] = value
		}
	}
	return all
}

// producedByTemplates are the errors of templates and of mail that is made of them.
func producedByTemplates() []produced {
	part1 := func(name, text string) input {
		return input{"Template": input{"TemplateName": name, "SubjectPart": "Hi", "TextPart": text}}
	}
	part2 := func(name, text string) input {
		return input{"TemplateName": name, "TemplateContent": input{"Subject": "Hi", "Text": text}}
	}
	render := func(name, data string) input { return input{"TemplateName": name, "TemplateData": data} }
	to := input{"Destination": input{"ToAddresses": []string{reader}}}
	mail := to.with(input{"Source": sender, "Template": emailTemplate, "TemplateData": `{"name":"x"}`})
	bulk := input{"Source": sender, "Template": emailTemplate, "DefaultTemplateData": `{"name":"x"}`, "Destinations": []input{to}}
	entries := input{"BulkEmailEntries": []input{to}, "FromEmailAddress": sender}
	bulk2 := func(name string) input {
		return entries.with(input{"DefaultContent": input{"Template": input{"TemplateName": name, "TemplateData": `{"name":"x"}`}}})
	}
	both := func(more input) []asked {
		return []asked{{"SendTemplatedEmail", mail.with(more)}, {"SendBulkTemplatedEmail", bulk.with(more)}}
	}
	return []produced{
		{"ses", "AlreadyExistsException", "", []asked{{"CreateTemplate", part1(emailTemplate, "x")}}},
		{"ses", "InvalidTemplateException", "", []asked{{"CreateTemplate", part1("new", "{{#if}}")}, {"UpdateTemplate", part1(emailTemplate, "{{> x}}")}}},
		{"ses", "LimitExceededException", "", []asked{{"CreateTemplate", part1("new", "x")}}},
		{"ses", "TemplateDoesNotExistException", "", append(both(input{"Template": "gone"}),
			asked{"GetTemplate", input{"TemplateName": "gone"}}, asked{"TestRenderTemplate", render("gone", "{}")}, asked{"UpdateTemplate", part1("gone", "x")})},
		{"ses", "InvalidRenderingParameterException", "", []asked{{"TestRenderTemplate", render(emailTemplate, "{")}}},
		{"ses", "MissingRenderingAttributeException", "", []asked{{"TestRenderTemplate", render(emailTemplate, "{}")}}},
		{"ses", "ConfigurationSetDoesNotExistException", "", both(input{"ConfigurationSetName": "gone"})},
		{"ses", "ConfigurationSetSendingPausedException", "", both(input{"ConfigurationSetName": "stopped"})},
		{"ses", "MessageRejected", "", both(input{"Source": "a@example.net"})},
		{"ses", "MailFromDomainNotVerifiedException", "no MAIL FROM", both(input{"Source": "a@d.example.com"})},
		{"ses", "AccountSendingPausedException", "paused", both(nil)},

		{"sesv2", "AlreadyExistsException", "", []asked{{"CreateEmailTemplate", part2(emailTemplate, "x")}}},
		{"sesv2", "LimitExceededException", "", []asked{{"CreateEmailTemplate", part2("new", "x")}}},
		{"sesv2", "BadRequestException", "", []asked{
			{"CreateEmailTemplate", part2("new", "{{#if}}")},
			{"ListEmailTemplates", input{"PageSize": 101}},
			{"SendBulkEmail", bulk2(emailTemplate).with(input{"FromEmailAddress": ""})},
			{"TestRenderEmailTemplate", render(emailTemplate, "{")},
			{"UpdateEmailTemplate", part2(emailTemplate, "{{> x}}")},
		}},
		{"sesv2", "NotFoundException", "", []asked{
			{"DeleteEmailTemplate", input{"TemplateName": "gone"}},
			{"GetEmailTemplate", input{"TemplateName": "gone"}},
			{"SendBulkEmail", bulk2("gone")},
			{"TestRenderEmailTemplate", render("gone", "{}")},
			{"UpdateEmailTemplate", part2("gone", "x")},
		}},
		{"sesv2", "MessageRejected", "", []asked{{"SendBulkEmail", bulk2(emailTemplate).with(input{"FromEmailAddress": "a@example.net"})}}},
		{"sesv2", "MailFromDomainNotVerifiedException", "no MAIL FROM", []asked{{"SendBulkEmail", bulk2(emailTemplate).with(input{"FromEmailAddress": "a@d.example.com"})}}},
		{"sesv2", "SendingPausedException", "paused", []asked{{"SendBulkEmail", bulk2(emailTemplate)}}},
		{"sesv2", "TooManyRequestsException", "spent", []asked{{"SendBulkEmail", bulk2(emailTemplate)}}},
	}
}
