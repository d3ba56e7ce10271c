// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/account"
	"sesame/internal/core/event"
	"sesame/internal/core/quota"
	"sesame/internal/core/setting"
	"sesame/internal/core/spool"
)

// happened is what the outbox has of a message.
func (w *world) happened(t *testing.T, id string) (kinds []string, last event.Detail) {
	t.Helper()
	rows, err := w.db.Query(t.Context(), `SELECT kind, payload FROM outbox WHERE message_id = ?`, id)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var kind, payload string
		must(t, rows.Scan(&kind, &payload))
		last = event.Detail{}
		must(t, json.Unmarshal([]byte(payload), &last))
		kinds = append(kinds, kind)
	}
	must(t, rows.Err())
	return kinds, last
}

// TestWhatCannotBeRenderedIsAcceptedAndRecorded has SES's answer to data that lacks
// something: an id, an event, and no mail.
func TestWhatCannotBeRenderedIsAcceptedAndRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.sets = []string{"set"} })
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	create(t, one, myTemplate)
	loop := myTemplate
	loop.TemplateName, loop.TextPart = aws.String("Loop"), aws.String("{{#* inline \"a\"}}{{> a}}{{/inline}}{{> a}}")
	create(t, one, loop)
	in := withTemplate1("MyTemplate", `{"name":"Anaya"}`)
	in.ConfigurationSetName, in.Tags = aws.String("set"), []sestypes.MessageTag{{Name: aws.String("a"), Value: aws.String("b")}}
	in.Destination.CcAddresses = []string{"second@example.net"}
	first, err := one.SendTemplatedEmail(t.Context(), in)
	must(t, err)
	second, err := two.SendEmail(t.Context(), withTemplate2(sender, types.Template{TemplateName: aws.String("Loop"), TemplateData: aws.String(animals)}))
	must(t, err)
	inline, err := two.SendEmail(t.Context(), withTemplate2(sender, types.Template{TemplateContent: &types.EmailTemplateContent{Subject: aws.String("x"), Text: aws.String("{{favoriteanimal}}")}}))
	must(t, err)
	for _, tc := range []struct {
		id, template, text string
		recipients         int
	}{
		{*first.MessageId, "MyTemplate", missingText, 2},
		{*second.MessageId, "Loop", "The template can't be rendered: the blocks and partials of the template nest too deeply.", 1},
		{*inline.MessageId, "", missingText, 1},
	} {
		kinds, detail := w.happened(t, tc.id)
		if fmt.Sprint(kinds) != "[Rendering Failure]" || detail.Template != tc.template || detail.Error != tc.text || len(detail.Recipients) != tc.recipients {
			t.Errorf("events %q, %+v", kinds, detail)
		}
		m := w.kept.messages[tc.id]
		if !m.Unrendered || len(m.Content) != 0 || m.Sender.String() != sender {
			t.Errorf("recorded %+v", m)
		}
		var rejected, reasons int
		must(t, w.db.QueryRow(t.Context(), `SELECT count(*) FROM recipients WHERE message_id = ? AND state = ?`, tc.id, int(spool.Rejected)).Scan(&rejected))
		must(t, w.db.QueryRow(t.Context(), `SELECT count(*) FROM attempts WHERE message_id = ? AND cause = 'rendering' AND reason = ?`, tc.id, tc.text).Scan(&reasons))
		if rejected != tc.recipients || reasons != tc.recipients {
			t.Errorf("%d recipients are rejected, %d with the reason", rejected, reasons)
		}
	}
	if m := w.kept.messages[*first.MessageId]; m.ConfigSet != "set" || len(m.Tags) != 1 || m.Operation != "SendTemplatedEmail" {
		t.Errorf("recorded %+v", m)
	}
	sent, err := one.GetSendQuota(t.Context(), nil)
	must(t, err)
	if sent.SentLast24Hours != 0 {
		t.Errorf("it counts %v", sent.SentLast24Hours)
	}
}

// TestStrictTemplatesRefuseAtOnce has the setting on, and data that is no JSON, which needs
// no setting.
func TestStrictTemplatesRefuseAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	create(t, one, myTemplate)
	malformed := "Template rendering data is invalid: TemplateData is not a JSON object."
	for _, strict := range []bool{false, true} {
		must(t, w.settings.Put(t.Context(), setting.Resource{Scope: home, Kind: setting.Account}, setting.Own{StrictTemplates: &strict}))
		for _, tc := range []struct{ data, code, text string }{
			{`{"name":"x"}`, "MissingRenderingAttribute", missingText},
			{`{"name":"x" "favoriteanimal":"y"}`, "InvalidRenderingParameter", malformed},
			{`"name"`, "InvalidRenderingParameter", malformed},
			{``, "InvalidRenderingParameter", malformed},
		} {
			if !strict && tc.code == "MissingRenderingAttribute" {
				continue
			}
			before := w.count()
			_, err := one.SendTemplatedEmail(t.Context(), withTemplate1("MyTemplate", tc.data))
			wantRefusal(t, err, refusal{400, tc.code, tc.text})
			_, err = two.SendEmail(t.Context(), withTemplate2(sender, types.Template{TemplateName: aws.String("MyTemplate"), TemplateData: &tc.data}))
			wantRefusal(t, err, refusal{400, "BadRequestException", tc.text})
			if w.count() != before {
				t.Errorf("%q is recorded", tc.data)
			}
		}
	}
	out, err := one.SendBulkTemplatedEmail(t.Context(), bulk1(`{"name":"x"}`, `{}`, `{"favoriteanimal":"cat"}`))
	must(t, err)
	if s := out.Status; s[0].Status != sestypes.BulkEmailStatusInvalidParameterValue || *s[0].Error != missingText || s[1].Status != sestypes.BulkEmailStatusSuccess {
		t.Errorf("%s", show(out))
	}
}

// bulk1 is a bulk call of API v1 with the replacement data of its destinations.
func bulk1(defaults string, entries ...string) *ses.SendBulkTemplatedEmailInput {
	in := &ses.SendBulkTemplatedEmailInput{Source: aws.String(sender), Template: myTemplate.TemplateName, DefaultTemplateData: &defaults}
	for n, data := range entries {
		in.Destinations = append(in.Destinations, sestypes.BulkEmailDestination{
			Destination: &sestypes.Destination{ToAddresses: []string{fmt.Sprintf("reader%d@example.net", n)}}, ReplacementTemplateData: &data,
		})
	}
	return in
}

// TestEntriesOfABulkCallFailAlone has entries that go wrong beside one that does not.
func TestEntriesOfABulkCallFailAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.limits = quota.Limits{Daily: 3, Rate: 100} })
	create(t, w.sesClient(tester()), myTemplate)
	in := &sesv2.SendBulkEmailInput{
		FromEmailAddress: aws.String(sender),
		DefaultContent:   &types.BulkEmailContent{Template: &types.Template{TemplateName: myTemplate.TemplateName, TemplateData: aws.String(animals)}},
	}
	add := func(change func(e *types.BulkEmailEntry)) {
		e := types.BulkEmailEntry{Destination: &types.Destination{ToAddresses: []string{reader}}}
		change(&e)
		in.BulkEmailEntries = append(in.BulkEmailEntries, e)
	}
	add(func(*types.BulkEmailEntry) {})
	add(func(e *types.BulkEmailEntry) { e.Destination.ToAddresses = []string{"nobody"} })
	add(func(e *types.BulkEmailEntry) { e.Destination.ToAddresses = nil })
	add(func(e *types.BulkEmailEntry) {
		e.ReplacementEmailContent = &types.ReplacementEmailContent{ReplacementTemplate: &types.ReplacementTemplate{ReplacementTemplateData: aws.String("{")}}
	})
	add(func(e *types.BulkEmailEntry) {
		e.ReplacementHeaders = []types.MessageHeader{{Name: aws.String("From"), Value: aws.String("x")}}
	})
	add(func(e *types.BulkEmailEntry) {
		e.Destination.BccAddresses = people(3)
	})
	out, err := w.sesv2Client(tester()).SendBulkEmail(t.Context(), in)
	must(t, err)
	for n, want := range []struct {
		status types.BulkEmailStatus
		text   string
	}{
		{types.BulkEmailStatusSuccess, ""},
		{types.BulkEmailStatusInvalidParameter, "Missing final '@domain'"},
		{types.BulkEmailStatusInvalidParameter, "There are no recipients specified"},
		{types.BulkEmailStatusInvalidParameter, "Template rendering data is invalid: ReplacementTemplateData is not a JSON object."},
		{types.BulkEmailStatusInvalidParameter, "Header 'From' cannot be set as a custom header."},
		{types.BulkEmailStatusAccountDailyQuotaExceeded, "Daily message quota exceeded."},
	} {
		got := out.BulkEmailEntryResults[n]
		if got.Status != want.status || aws.ToString(got.Error) != want.text || (got.MessageId != nil) != (want.text == "") {
			t.Errorf("entry %d: %s", n, show(got))
		}
	}
	if w.count() != 1 {
		t.Errorf("%d messages", w.count())
	}
}

// TestBulkCallsThatAreRefusedAsAWhole leave nothing behind.
func TestBulkCallsThatAreRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := w.sesClient(tester())
	create(t, one, myTemplate)
	fifty := strings.Split(strings.Repeat("{} ", 50), " ")[:50]
	for _, tc := range []struct {
		name   string
		change func(in *ses.SendBulkTemplatedEmailInput)
		want   refusal
	}{
		{"no destinations", func(in *ses.SendBulkTemplatedEmailInput) { in.Destinations = []sestypes.BulkEmailDestination{} }, refusal{400, "", ""}},
		{"51 destinations", func(in *ses.SendBulkTemplatedEmailInput) {
			in.Destinations = append(in.Destinations, in.Destinations[0])
		},
			refusal{400, "InvalidParameterValue", "A call has 1 to 50 destinations, not 51."}},
		{"a template that is not there", func(in *ses.SendBulkTemplatedEmailInput) { in.Template = aws.String("gone") },
			refusal{400, "TemplateDoesNotExist", "Template gone does not exist."}},
		{"the template of another account", func(in *ses.SendBulkTemplatedEmailInput) {
			in.TemplateArn = aws.String("arn:aws:ses:us-east-1:210987654321:template/MyTemplate")
		}, refusal{400, "TemplateDoesNotExist", ""}},
		{"defaults that are no JSON", func(in *ses.SendBulkTemplatedEmailInput) { in.DefaultTemplateData = aws.String("name=x") },
			refusal{400, "InvalidRenderingParameter", "Template rendering data is invalid: DefaultTemplateData is not a JSON object."}},
		{"a sender that is not verified", func(in *ses.SendBulkTemplatedEmailInput) { in.Source = aws.String("x@example.org") },
			refusal{400, "MessageRejected", "Email address is not verified. The following identities failed the check in region US-EAST-1: x@example.org"}},
		{"a configuration set that is not there", func(in *ses.SendBulkTemplatedEmailInput) { in.ConfigurationSetName = aws.String("gone") },
			refusal{400, "ConfigurationSetDoesNotExist", "Configuration set <gone> does not exist."}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := bulk1(animals, fifty...)
			tc.change(in)
			_, err := one.SendBulkTemplatedEmail(t.Context(), in)
			if tc.want.code == "" {
				tc.want.code = refused(t, err).code
			}
			wantRefusal(t, err, tc.want)
		})
	}
	if w.count() != 0 {
		t.Errorf("%d messages", w.count())
	}
	out, err := one.SendBulkTemplatedEmail(t.Context(), bulk1(animals, fifty...))
	must(t, err)
	if w.count() != 50 || len(out.Status) != 50 {
		t.Errorf("of 50, %d were accepted", w.count())
	}
}

// TestPoliciesMustAllowTheTemplate has a user who may send as anybody, but with one
// template and one configuration set alone.
func TestPoliciesMustAllowTheTemplate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.sets = []string{"mine", "theirs"} })
	create(t, w.sesClient(tester()), myTemplate, preferences)
	const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ses:SendTemplatedEmail","ses:SendBulkTemplatedEmail"],
		"Resource":["arn:aws:ses:*:*:identity/*","arn:aws:ses:us-east-1:123456789012:template/My*","arn:aws:ses:us-east-1:123456789012:configuration-set/mine"],
		"Condition":{"StringLike":{"ses:FromAddress":"*@example.com"}}}]}`
	p, err := w.accounts.CreatePolicy(t.Context(), account.Policy{Account: accountID, Name: "Templates", Document: document})
	must(t, err)
	user := who{key: "AKIAEXAMPLEEXAMPLE77", secret: secretKey, region: region}
	_, err = w.accounts.CreateUser(t.Context(), account.NewUser{Account: accountID, Name: "carol", KeyID: user.key, Secret: user.secret, Policies: []string{p.ARN()}})
	must(t, err)
	one, two := w.sesClient(user), w.sesv2Client(user)
	for _, tc := range []struct {
		template, set string
		denied        string // resource
	}{
		{"MyTemplate", "", ""},
		{"MyTemplate", "mine", ""},
		{"Preferences", "", "template/Preferences"},
		{"Gone", "", "template/Gone"}, // it is not told that it is not there
		{"MyTemplate", "theirs", "configuration-set/theirs"},
	} {
		first := withTemplate1(tc.template, animals)
		second := withTemplate2(sender, types.Template{TemplateName: &tc.template, TemplateData: aws.String(animals)})
		third := bulk1(animals, "{}", "{}")
		third.Template = &tc.template
		if tc.set != "" {
			first.ConfigurationSetName, second.ConfigurationSetName, third.ConfigurationSetName = &tc.set, &tc.set, &tc.set
		}
		_, err1 := one.SendTemplatedEmail(t.Context(), first)
		_, err2 := two.SendEmail(t.Context(), second)
		_, err3 := one.SendBulkTemplatedEmail(t.Context(), third)
		for n, err := range []error{err1, err2, err3} {
			if tc.denied == "" {
				must(t, err)
				continue
			}
			action := []string{"SendTemplatedEmail", "SendTemplatedEmail", "SendBulkTemplatedEmail"}[n]
			got := refused(t, err)
			if want := fmt.Sprintf("User `arn:aws:iam::123456789012:user/carol' is not authorized to perform `ses:%s' on resource `%s'", action, home.ARN(tc.denied)); got.status != 403 || got.text != want {
				t.Errorf("%+v, want %s", got, want)
			}
		}
	}
}

// TestWhatElseATemplateBrings has headers, files and tags; what is an entry's own replaces
// what is the call's.
func TestWhatElseATemplateBrings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	two := w.sesv2Client(tester())
	header := func(name, value string) types.MessageHeader {
		return types.MessageHeader{Name: aws.String(name), Value: aws.String(value)}
	}
	tag := func(name, value string) types.MessageTag {
		return types.MessageTag{Name: aws.String(name), Value: aws.String(value)}
	}
	content := &types.Template{
		TemplateContent: &types.EmailTemplateContent{Subject: aws.String("Hi {{name}}"), Html: aws.String("<p>{{name}} <a href=\"{{amazonSESUnsubscribeUrl}}\">no more</a>{{ses:openTracker}}</p>")},
		TemplateData:    aws.String(`{"name":"A\r\nX-Evil: 1"}`),
		Headers:         []types.MessageHeader{header("X-Kind", "default"), header("List-Id", "all")},
		Attachments:     []types.Attachment{{FileName: aws.String("a.txt"), RawContent: []byte("file"), ContentType: aws.String("text/plain")}},
	}
	out, err := two.SendBulkEmail(t.Context(), &sesv2.SendBulkEmailInput{
		FromEmailAddress: aws.String(`"Sender" <` + sender + `>`), ReplyToAddresses: []string{"back@example.com"}, DefaultContent: &types.BulkEmailContent{Template: content},
		DefaultEmailTags: []types.MessageTag{tag("campaign", "x"), tag("kind", "default")},
		BulkEmailEntries: []types.BulkEmailEntry{
			{Destination: &types.Destination{ToAddresses: []string{reader}}},
			{Destination: &types.Destination{CcAddresses: []string{reader}}, ReplacementTags: []types.MessageTag{tag("kind", "own")},
				ReplacementHeaders: []types.MessageHeader{header("x-kind", "own"), header("List-Unsubscribe", "<https://example.com/u>")}},
		},
	})
	must(t, err)
	for n, want := range []struct{ kind, unsubscribe, tags string }{
		{"default", "", "[{campaign x} {kind default}]"},
		{"own", "<https://example.com/u>", "[{campaign x} {kind own}]"},
	} {
		m := w.stored(t, aws.ToString(out.BulkEmailEntryResults[n].MessageId))
		if m.header.Get("X-Kind") != want.kind || m.header.Get("List-Id") != "all" || m.header.Get("List-Unsubscribe") != want.unsubscribe ||
			m.header.Get("X-Evil") != "" || m.header.Get("Subject") != "Hi A X-Evil: 1" || m.header.Get("Reply-To") != "back@example.com" || fmt.Sprint(m.Tags) != want.tags {
			t.Errorf("%v %v", m.header, m.Tags)
		}
		parts := m.mime(t).parts
		if len(parts) != 2 || parts[1].fileName != "a.txt" || parts[1].data != "file" {
			t.Fatalf("%+v", parts)
		}
		if want := "<a href=\"{{amazonSESUnsubscribeUrl}}\">no more</a>{{ses:openTracker}}</p>"; !strings.HasSuffix(parts[0].data, want) {
			t.Errorf("%q does not keep %q", parts[0].data, want)
		}
	}
}

// TestTemplatedMailWithoutASender has SES's words.
func TestTemplatedMailWithoutASender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	two := w.sesv2Client(tester())
	create(t, w.sesClient(tester()), myTemplate)
	in := withTemplate2(sender, types.Template{TemplateName: myTemplate.TemplateName, TemplateData: aws.String(animals)})
	in.FromEmailAddress = nil
	_, err := two.SendEmail(t.Context(), in)
	wantRefusal(t, err, refusal{400, "BadRequestException", "Source cannot be empty"})
}

// FuzzTemplateData sends template data through the operation. Whatever it is, the answer is
// an id or a refusal, and no data adds a header field.
func FuzzTemplateData(f *testing.F) {
	for _, seed := range []string{animals, anaya, friends, `{}`, `{`, `[]`, `null`, `{"name":{"name":[1,2,{"a":null}]}}`, `{"name":"\r\nBcc: x@example.com","favoriteanimal":"\u0000\ud800"}`, `{"name":1e999}`} {
		f.Add(seed)
	}
	w := newWorld(f)
	template := myTemplate
	template.TextPart = aws.String("{{#each this}}{{@key}}={{#if this}}{{this}}{{/if}}\n{{/each}}{{#with name}}{{name}}{{/with}}")
	create(f, w.sesClient(tester()), template)
	f.Fuzz(func(t *testing.T, data string) {
		body, err := json.Marshal(map[string]any{
			"FromEmailAddress": sender, "Destination": map[string]any{"ToAddresses": []string{reader}},
			"Content": map[string]any{"Template": map[string]any{"TemplateName": "MyTemplate", "TemplateData": data}},
		})
		must(t, err)
		a := w.do(t, call{method: "POST", target: "/v2/email/outbound-emails", header: http.Header{"Content-Type": {"application/json"}}, body: string(body)})
		if a.status != 200 && (a.status != 400 || a.code() != "BadRequestException") {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if a.status != 200 {
			return
		}
		var out struct{ MessageId string }
		must(t, json.Unmarshal([]byte(a.body), &out))
		if w.kept.messages[out.MessageId].Unrendered {
			return
		}
		if m := w.stored(t, out.MessageId); m.to != reader || m.header.Get("Bcc") != "" || len(m.header["Subject"]) != 1 {
			t.Errorf("to %s, header %v", m.to, m.header)
		}
	})
}
