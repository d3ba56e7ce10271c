// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// The templates of SES's guide, with the data of its examples.
var (
	myTemplate = sestypes.Template{
		TemplateName: aws.String("MyTemplate"), SubjectPart: aws.String("Greetings, {{name}}!"),
		HtmlPart: aws.String("<h1>Hello {{name}},</h1><p>Your favorite animal is {{favoriteanimal}}.</p>"),
		TextPart: aws.String("Dear {{name}},\r\nYour favorite animal is {{favoriteanimal}}."),
	}
	preferences = sestypes.Template{
		TemplateName: aws.String("Preferences"), SubjectPart: aws.String("Subscription Preferences for {{contact.firstName}} {{contact.lastName}}"),
		HtmlPart: aws.String("<h1>Your Preferences</h1><p>You have indicated that you are interested in receiving information about the following topics:</p>" +
			"<ul>{{#each subscription}}<li>{{interest}}</li>{{/each}}</ul><p>You can change these settings at any time by visiting the " +
			"<a href=https://www.example.com/prefererences/i.aspx?id={{meta.userId}}>Preference Center</a>.</p>"),
		TextPart: aws.String("Your Preferences\n\nYou have indicated that you are interested in receiving information about the following topics:\n" +
			"{{#each subscription}}- {{interest}}\n{{/each}}\nYou can change these settings at any time by visiting the Preference Center at " +
			"https://www.example.com/prefererences/i.aspx?id={{meta.userId}}"),
	}
	preferences2 = sestypes.Template{
		TemplateName: aws.String("Preferences2"), SubjectPart: aws.String("Subscription Preferences for {{contact.firstName}} {{contact.lastName}}"),
		HtmlPart: aws.String("<h1>Your Preferences</h1><p>Dear {{contact.firstName}},</p>{{#if subscription}}<p>You are interested in:</p><ul>{{#each subscription}}" +
			"<li>{{interest}}</li>{{/each}}</ul>{{else}}<p>Please update your subscription preferences by visiting the " +
			"<a href=https://www.example.com/prefererences/i.aspx?id={{meta.userId}}>Preference Center</a>.</p>{{/if}}"),
		TextPart: aws.String("Your Preferences\n\nDear {{contact.firstName}},\n\n{{#if subscription}}You are interested in:\n{{#each subscription}}- {{interest}}\n{{/each}}" +
			"{{else}}Please update your subscription preferences at https://www.example.com/prefererences/i.aspx?id={{meta.userId}}.{{/if}}"),
	}
	preferences3 = sestypes.Template{
		TemplateName: aws.String("Preferences3"), SubjectPart: aws.String("{{firstName}}'s Subscription Preferences"),
		HtmlPart: aws.String("{{#* inline \"fullName\"}}{{firstName}}{{#if lastName}} {{lastName}}{{/if}}{{/inline~}}\n<h1>Hello {{> fullName}}!</h1>" +
			"<p>You have listed the following people as your friends:</p><ul>{{#each friends}}<li>{{> fullName}}</li>{{/each}}</ul>"),
		TextPart: aws.String("{{#* inline \"fullName\"}}{{firstName}}{{#if lastName}} {{lastName}}{{/if}}{{/inline~}}\nHello {{> fullName}}! " +
			"You have listed the following people as your friends:\n{{#each friends}}- {{> fullName}}\n{{/each}}"),
	}
)

const (
	anaya       = `{"meta":{"userId":"51806220607"},"contact":{"firstName":"Anaya","lastName":"Iyengar"},"subscription":[{"interest":"Sports"},{"interest":"Travel"},{"interest":"Cooking"}]}`
	shirley     = `{"meta":{"userId":"1981624758263"},"contact":{"firstName":"Shirley","lastName":"Rodriguez"},"subscription":[{"interest":"Technology"},{"interest":"Politics"}]}`
	anybody     = `{"meta":{"userId":""},"contact":{"firstName":"Friend","lastName":""},"subscription":[]}`
	uninterest  = `{"meta":{"userId":"1981624758263"},"contact":{"firstName":"Shirley","lastName":"Rodriguez"}}`
	friends     = `{"firstName":"Shirley","lastName":"Rodriguez","friends":[{"firstName":"Ana","lastName":"Ng"},{"firstName":"Li"}]}`
	animals     = `{"name":"friend","favoriteanimal":"unknown"}`
	missingText = "Attribute 'favoriteanimal' is not present in the rendering data."
)

// create stores templates through API v1.
func create(t testing.TB, c *ses.Client, all ...sestypes.Template) {
	t.Helper()
	for _, template := range all {
		_, err := c.CreateTemplate(t.Context(), &ses.CreateTemplateInput{Template: &template})
		must(t, err)
	}
}

// withTemplate2 is a message of API v2 that is made of a template.
func withTemplate2(from string, template types.Template) *sesv2.SendEmailInput {
	return &sesv2.SendEmailInput{
		FromEmailAddress: &from, Destination: &types.Destination{ToAddresses: []string{reader}}, Content: &types.EmailContent{Template: &template},
	}
}

// withTemplate1 is one of API v1.
func withTemplate1(name, data string) *ses.SendTemplatedEmailInput {
	return &ses.SendTemplatedEmailInput{
		Source: aws.String(sender), Destination: &sestypes.Destination{ToAddresses: []string{reader}}, Template: &name, TemplateData: &data,
	}
}

// texts are the subject and the texts of a message.
func (a accepted) texts(t *testing.T) (subject, text, html string) {
	t.Helper()
	for _, p := range append(a.mime(t).parts, a.mime(t)) {
		switch p.kind {
		case "text/plain":
			text = strings.ReplaceAll(p.data, "\r\n", "\n")
		case "text/html":
			html = p.data
		}
	}
	return a.field(t, "Subject"), text, html
}

func TestTemplatesOfTheGuideInBothVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	create(t, one, myTemplate, preferences, preferences2, preferences3)
	for _, tc := range []struct {
		name, template, data string
		subject, text, html  string // text and html have to be in what is sent
	}{
		{"MyTemplate", "MyTemplate", `{ "name":"Alejandro", "favoriteanimal": "alligator" }`, "Greetings, Alejandro!",
			"Dear Alejandro,\nYour favorite animal is alligator.", "<h1>Hello Alejandro,</h1><p>Your favorite animal is alligator.</p>"},
		{"data is put into HTML as it is", "MyTemplate", `{"name":"<b>&\"","favoriteanimal":"'"}`, `Greetings, <b>&"!`, `Dear <b>&",`, `<h1>Hello <b>&",</h1>`},
		{"Preferences", "Preferences", anaya, "Subscription Preferences for Anaya Iyengar", "\n- Sports\n- Travel\n- Cooking\nYou can",
			"<ul><li>Sports</li><li>Travel</li><li>Cooking</li></ul>"},
		{"a tag in a link", "Preferences", shirley, "Subscription Preferences for Shirley Rodriguez", "id=1981624758263", "<a href=https://www.example.com/prefererences/i.aspx?id=1981624758263>"},
		{"nobody has any interests", "Preferences", anybody, "Subscription Preferences for Friend ", "topics:\nYou can", "<ul></ul>"},
		{"an empty list is false", "Preferences2", anybody, "Subscription Preferences for Friend ", "Please update", "<p>Please update"},
		{"a list is true", "Preferences2", anaya, "Subscription Preferences for Anaya Iyengar", "interested in:\n- Sports\n", "<li>Sports</li>"},
		{"what is not there is false", "Preferences2", uninterest, "Subscription Preferences for Shirley Rodriguez", "id=1981624758263.", "<p>Please update"},
		{"inline partials", "Preferences3", friends, "Shirley's Subscription Preferences", "Hello Shirley Rodriguez! You have listed the following people as your friends:\n- Ana Ng\n- Li",
			"<h1>Hello Shirley Rodriguez!</h1><p>You have listed the following people as your friends:</p><ul><li>Ana Ng</li><li>Li</li></ul>"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			first, err := one.SendTemplatedEmail(t.Context(), withTemplate1(tc.template, tc.data))
			must(t, err)
			second, err := two.SendEmail(t.Context(), withTemplate2(sender, types.Template{TemplateName: &tc.template, TemplateData: &tc.data}))
			must(t, err)
			for id, operation := range map[string]string{*first.MessageId: "SendTemplatedEmail", *second.MessageId: "SendEmail"} {
				subject, text, html := checkOutside(t, w, id, operation).texts(t)
				if subject != strings.TrimSpace(tc.subject) || !strings.Contains(text, tc.text) || !strings.Contains(html, tc.html) {
					t.Errorf("%s: subject %q\ntext %q\nHTML %q", operation, subject, text, html)
				}
			}
		})
	}
}

// TestBulkOfTheGuideInBothVersions sends to the guide's four destinations, of whom the last
// has only the defaults.
func TestBulkOfTheGuideInBothVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	create(t, one, myTemplate)
	readers := []struct{ to, data, subject, animal string }{
		{"anaya.iyengar@example.com", `{ "name":"Anaya", "favoriteanimal":"angelfish" }`, "Greetings, Anaya!", "angelfish"},
		{"liu.jie@example.com", `{ "name":"Liu", "favoriteanimal":"lion" }`, "Greetings, Liu!", "lion"},
		{"shirley.rodriguez@example.com", `{ "name":"Shirley", "favoriteanimal":"shark" }`, "Greetings, Shirley!", "shark"},
		{"richard.roe@example.com", `{}`, "Greetings, friend!", "unknown"},
		{"half@example.com", `{"name":"Half"}`, "Greetings, Half!", "unknown"}, // merged key by key
	}
	in1 := &ses.SendBulkTemplatedEmailInput{Source: aws.String(sender), Template: myTemplate.TemplateName, DefaultTemplateData: aws.String(animals)}
	in2 := &sesv2.SendBulkEmailInput{
		FromEmailAddress: aws.String(sender),
		DefaultContent:   &types.BulkEmailContent{Template: &types.Template{TemplateName: myTemplate.TemplateName, TemplateData: aws.String(animals)}},
	}
	for _, r := range readers {
		in1.Destinations = append(in1.Destinations, sestypes.BulkEmailDestination{
			Destination: &sestypes.Destination{ToAddresses: []string{r.to}}, ReplacementTemplateData: aws.String(r.data),
		})
		in2.BulkEmailEntries = append(in2.BulkEmailEntries, types.BulkEmailEntry{
			Destination:             &types.Destination{ToAddresses: []string{r.to}},
			ReplacementEmailContent: &types.ReplacementEmailContent{ReplacementTemplate: &types.ReplacementTemplate{ReplacementTemplateData: aws.String(r.data)}},
		})
	}
	out1, err := one.SendBulkTemplatedEmail(t.Context(), in1)
	must(t, err)
	out2, err := two.SendBulkEmail(t.Context(), in2)
	must(t, err)
	var ids []string
	for i, r := range readers {
		if s := out1.Status[i]; s.Status != sestypes.BulkEmailStatusSuccess || s.Error != nil {
			t.Errorf("v1: %+v", s)
		}
		if s := out2.BulkEmailEntryResults[i]; s.Status != types.BulkEmailStatusSuccess || s.Error != nil {
			t.Errorf("v2: %+v", s)
		}
		for id, operation := range map[string]string{*out1.Status[i].MessageId: "SendBulkTemplatedEmail", *out2.BulkEmailEntryResults[i].MessageId: "SendBulkEmail"} {
			m := checkOutside(t, w, id, operation)
			subject, text, html := m.texts(t)
			if m.to != r.to || subject != r.subject || !strings.Contains(text, r.animal) || !strings.Contains(html, r.animal) {
				t.Errorf("%s got %q %q %q", m.to, subject, text, html)
			}
			ids = append(ids, id)
		}
	}
	if slices.Sort(ids); len(slices.Compact(ids)) != 2*len(readers) {
		t.Errorf("ids: %q", ids)
	}
}

// TestOneStoreServesBothVersions makes templates with one version and looks at them with
// the other.
func TestOneStoreServesBothVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	create(t, one, myTemplate)
	got2, err := two.GetEmailTemplate(t.Context(), &sesv2.GetEmailTemplateInput{TemplateName: myTemplate.TemplateName})
	must(t, err)
	if c := got2.TemplateContent; *got2.TemplateName != "MyTemplate" || *c.Subject != *myTemplate.SubjectPart || *c.Text != *myTemplate.TextPart || *c.Html != *myTemplate.HtmlPart {
		t.Errorf("v2 has %s", show(got2))
	}
	_, err = two.CreateEmailTemplate(t.Context(), &sesv2.CreateEmailTemplateInput{TemplateName: aws.String("Two"),
		TemplateContent: &types.EmailTemplateContent{Subject: aws.String("S"), Html: aws.String("<p>\n{{x}}</p>")}, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}}})
	must(t, err)
	got1, err := one.GetTemplate(t.Context(), &ses.GetTemplateInput{TemplateName: aws.String("Two")})
	must(t, err)
	if g := got1.Template; *g.TemplateName != "Two" || *g.SubjectPart != "S" || g.TextPart != nil || *g.HtmlPart != "<p>\n{{x}}</p>" {
		t.Errorf("v1 has %s", show(got1))
	}

	// An update replaces all, but for the tags.
	_, err = one.UpdateTemplate(t.Context(), &ses.UpdateTemplateInput{Template: &sestypes.Template{TemplateName: aws.String("Two"), SubjectPart: aws.String("T"), TextPart: aws.String("t")}})
	must(t, err)
	got2, err = two.GetEmailTemplate(t.Context(), &sesv2.GetEmailTemplateInput{TemplateName: aws.String("Two")})
	must(t, err)
	if c := got2.TemplateContent; *c.Subject != "T" || *c.Text != "t" || c.Html != nil || len(got2.Tags) != 1 {
		t.Errorf("v2 has %s", show(got2))
	}
	arn := aws.String(home.ARN("template/Two"))
	_, err = two.TagResource(t.Context(), &sesv2.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: aws.String("b"), Value: aws.String("c")}}})
	must(t, err)
	_, err = two.UntagResource(t.Context(), &sesv2.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"team"}})
	must(t, err)
	tags, err := two.ListTagsForResource(t.Context(), &sesv2.ListTagsForResourceInput{ResourceArn: arn})
	must(t, err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "b" {
		t.Errorf("tags %s", show(tags))
	}

	// What was rendered before a change is rendered by it after.
	id, err := two.SendEmail(t.Context(), withTemplate2(sender, types.Template{TemplateArn: arn}))
	must(t, err)
	_, err = one.UpdateTemplate(t.Context(), &ses.UpdateTemplateInput{Template: &sestypes.Template{TemplateName: aws.String("Two"), SubjectPart: aws.String("U"), TextPart: aws.String("u")}})
	must(t, err)
	again, err := two.SendEmail(t.Context(), withTemplate2(sender, types.Template{TemplateName: aws.String("Two"), TemplateArn: arn}))
	must(t, err)
	for id, want := range map[string]string{*id.MessageId: "T", *again.MessageId: "U"} {
		if subject, _, _ := w.stored(t, id).texts(t); subject != want {
			t.Errorf("%q, want %q", subject, want)
		}
	}

	_, err = one.DeleteTemplate(t.Context(), &ses.DeleteTemplateInput{TemplateName: aws.String("Two")})
	must(t, err)
	_, err = two.SendEmail(t.Context(), withTemplate2(sender, types.Template{TemplateName: aws.String("Two")}))
	wantRefusal(t, err, refusal{404, "NotFoundException", "Template Two does not exist."})
	_, err = two.DeleteEmailTemplate(t.Context(), &sesv2.DeleteEmailTemplateInput{TemplateName: aws.String("Two")})
	wantRefusal(t, err, refusal{404, "NotFoundException", "Template Two does not exist."})
	_, err = one.DeleteTemplate(t.Context(), &ses.DeleteTemplateInput{TemplateName: aws.String("Two")})
	must(t, err) // which is no error in this version
	_, err = one.GetTemplate(t.Context(), &ses.GetTemplateInput{TemplateName: aws.String("Two")})
	wantRefusal(t, err, refusal{400, "TemplateDoesNotExist", "Template Two does not exist."})
}

func TestTemplatesAreListedInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	if out, err := one.ListTemplates(t.Context(), &ses.ListTemplatesInput{MaxItems: aws.Int32(10)}); err != nil || len(out.TemplatesMetadata) != 0 || out.NextToken != nil {
		t.Errorf("no templates: %s, %v", show(out), err)
	}
	for n := range 12 {
		m := myTemplate
		m.TemplateName = aws.String(fmt.Sprintf("t%02d", n))
		create(t, one, m)
	}
	for _, tc := range []struct {
		asked *int32
		want  int
		token bool
	}{{nil, 10, true}, {aws.Int32(10), 10, true}, {aws.Int32(1), 1, true}, {aws.Int32(12), 12, false}, {aws.Int32(1000), 12, false}} {
		out, err := one.ListTemplates(t.Context(), &ses.ListTemplatesInput{MaxItems: tc.asked})
		must(t, err)
		if m := out.TemplatesMetadata; len(m) != tc.want || (out.NextToken != nil) != tc.token || *m[0].Name != "t00" || m[0].CreatedTimestamp.Unix() != w.clock.Now().Unix() {
			t.Errorf("v1, %d: %s", aws.ToInt32(tc.asked), show(out))
		}
	}
	var names []string
	pages := sesv2.NewListEmailTemplatesPaginator(two, &sesv2.ListEmailTemplatesInput{PageSize: aws.Int32(1)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		must(t, err)
		for _, m := range out.TemplatesMetadata {
			names = append(names, *m.TemplateName)
		}
	}
	if len(names) != 12 || !slices.IsSorted(names) {
		t.Errorf("v2: %q", names)
	}
	_, err := two.ListEmailTemplates(t.Context(), &sesv2.ListEmailTemplatesInput{PageSize: aws.Int32(101)})
	wantRefusal(t, err, refusal{400, "BadRequestException", ""})
	_, err = one.ListTemplates(t.Context(), &ses.ListTemplatesInput{MaxItems: aws.Int32(0)})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", ""})
}

// TestWrongTemplatesAreRefusedWhenTheyAreMade has both versions say where they are wrong.
func TestWrongTemplatesAreRefusedWhenTheyAreMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	create(t, one, myTemplate)
	text := aws.String("x")
	large := aws.String(strings.Repeat("x", 300<<10))
	for _, tc := range []struct {
		name                string
		subject, text, html *string
		code, want          string // of v1, and its text
	}{
		{"a block that is not closed", text, aws.String("a\n {{#if b}}"), nil, "InvalidTemplate", "The template is invalid: text part, line 2, column 2: the block \"if\" is not closed."},
		{"a helper that there is not", text, nil, aws.String("{{upper name}}"), "InvalidTemplate", `The template is invalid: HTML part, line 1, column 1: there is no helper "upper".`},
		{"a partial that there is not", aws.String("{{> x}}"), text, nil, "InvalidTemplate", `The template is invalid: subject, line 1, column 1: there is no inline partial "x".`},
		{"too large together", text, large, large, "InvalidTemplate", "The template is larger than 512000 bytes."},
		{"no subject", nil, text, nil, "InvalidParameterValue", "The subject must be specified."},
		{"neither text nor HTML", text, nil, nil, "InvalidParameterValue", "The text part or the HTML part must be specified."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			template := &sestypes.Template{TemplateName: aws.String("New"), SubjectPart: tc.subject, TextPart: tc.text, HtmlPart: tc.html}
			content := &types.EmailTemplateContent{Subject: tc.subject, Text: tc.text, Html: tc.html}
			_, err := one.CreateTemplate(t.Context(), &ses.CreateTemplateInput{Template: template})
			if got := refused(t, err); got.status != 400 || got.code != tc.code || !strings.HasPrefix(got.text, tc.want) {
				t.Errorf("v1: %+v", got)
			}
			_, err = two.CreateEmailTemplate(t.Context(), &sesv2.CreateEmailTemplateInput{TemplateName: aws.String("New"), TemplateContent: content})
			if got := refused(t, err); got.status != 400 || got.code != "BadRequestException" || !strings.HasPrefix(got.text, tc.want) {
				t.Errorf("v2: %+v", got)
			}
			template.TemplateName = myTemplate.TemplateName
			_, err = one.UpdateTemplate(t.Context(), &ses.UpdateTemplateInput{Template: template})
			if got := refused(t, err); got.code != tc.code {
				t.Errorf("v1, update: %+v", got)
			}
			_, err = two.UpdateEmailTemplate(t.Context(), &sesv2.UpdateEmailTemplateInput{TemplateName: myTemplate.TemplateName, TemplateContent: content})
			if got := refused(t, err); got.code != "BadRequestException" {
				t.Errorf("v2, update: %+v", got)
			}
		})
	}
	for name, want := range map[string]string{"": "The template name must be specified.", strings.Repeat("n", 65): "The template name is longer than 64 characters."} {
		m := myTemplate
		m.TemplateName = &name
		_, err := one.CreateTemplate(t.Context(), &ses.CreateTemplateInput{Template: &m})
		wantRefusal(t, err, refusal{400, "InvalidParameterValue", want})
	}
	_, err := one.CreateTemplate(t.Context(), &ses.CreateTemplateInput{Template: &myTemplate})
	wantRefusal(t, err, refusal{400, "AlreadyExists", "Template MyTemplate already exists."})
	var exists *sestypes.AlreadyExistsException
	if isA[*sestypes.AlreadyExistsException](t, err); !errors.As(err, &exists) || aws.ToString(exists.Name) != "MyTemplate" {
		t.Errorf("%+v", exists)
	}
}

// TestTestRenderShowsTheMessage shows what would be sent, without addresses.
func TestTestRenderShowsTheMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	create(t, one, myTemplate)
	data := aws.String(`{"name":"Anaya\r\nBcc: a@example.com","favoriteanimal":"angelfish"}`)
	out1, err := one.TestRenderTemplate(t.Context(), &ses.TestRenderTemplateInput{TemplateName: myTemplate.TemplateName, TemplateData: data})
	must(t, err)
	out2, err := two.TestRenderEmailTemplate(t.Context(), &sesv2.TestRenderEmailTemplateInput{TemplateName: myTemplate.TemplateName, TemplateData: data})
	must(t, err)
	for _, text := range []string{*out1.RenderedTemplate, *out2.RenderedTemplate} {
		text = strings.ReplaceAll(text, "\r\n", "\n") // which XML makes of it
		if !strings.HasPrefix(text, "Subject: Greetings, Anaya Bcc: a@example.com!\nMIME-Version: 1.0\nContent-Type: multipart/alternative;") ||
			!strings.Contains(text, "Your favorite animal is angelfish.</p>") || strings.Contains(text, "\nFrom:") {
			t.Errorf("%s", text)
		}
	}
	for _, tc := range []struct{ data, code, text string }{
		{`{"name":"x"}`, "MissingRenderingAttribute", missingText},
		{`{"name":`, "InvalidRenderingParameter", "Template rendering data is invalid: TemplateData is not a JSON object."},
		{`[]`, "InvalidRenderingParameter", "Template rendering data is invalid: TemplateData is not a JSON object."},
	} {
		_, err := one.TestRenderTemplate(t.Context(), &ses.TestRenderTemplateInput{TemplateName: myTemplate.TemplateName, TemplateData: &tc.data})
		wantRefusal(t, err, refusal{400, tc.code, tc.text})
		_, err = two.TestRenderEmailTemplate(t.Context(), &sesv2.TestRenderEmailTemplateInput{TemplateName: myTemplate.TemplateName, TemplateData: &tc.data})
		wantRefusal(t, err, refusal{400, "BadRequestException", tc.text})
	}
}
