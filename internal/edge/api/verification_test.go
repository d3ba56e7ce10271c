// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/keyring"
	"sesame/internal/core/notice"
	"sesame/internal/core/servicemail"
	"sesame/internal/core/verification"
)

// verifying is what of a world verifies addresses by mail.
type verifying struct {
	templates *verification.Templates
	mailer    *verification.Mailer
	confirmer *verification.Confirmer
	letters   *servicemail.Sender
	sandbox   sandbox
}

func (v *verifying) build(w *world, ring *keyring.Ring) {
	links := &verification.Links{Wrap: ring, Clock: w.clock.Now, Base: "https://mail.example.com"}
	v.templates = verification.NewTemplates(w.db, w.identities, w.clock.Now)
	v.mailer = &verification.Mailer{Templates: v.templates, Links: links, Intake: w.intake, Sandbox: &v.sandbox, Mails: w.identities}
	v.confirmer = &verification.Confirmer{Links: links, Identities: w.identities, Templates: v.templates, Accounts: w.accounts}
	v.letters = servicemail.New(servicemail.Options{
		Queue:  &notice.Queue{DB: w.db, Clock: w.clock.Now, LeaseFor: servicemail.LeaseFor},
		Intake: w.intake, Contacts: nowhere{}, Identities: w.identities, Records: func(identity.Identity) []identity.Record { return nil },
		Links: links, From: "no-reply@mail.example.com", Clock: w.clock.Now, Log: w.logger(),
	})
}

// sandbox says who is in it.
type sandbox struct{ in bool }

func (s *sandbox) ProductionAccess(context.Context, scope.Scope) (bool, error) { return !s.in, nil }

type nowhere struct{}

func (nowhere) Contact(context.Context, string) (string, error) { return "", nil }

// follow follows a link of a mail.
func (w *world) follow(t testing.TB, link string) verification.Result {
	t.Helper()
	r, err := w.confirmer.Confirm(t.Context(), strings.TrimPrefix(link, "https://mail.example.com/verify/"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// parts are the leaves of a message by their content type, decoded.
func (a accepted) parts(t testing.TB) map[string]string {
	t.Helper()
	parts := map[string]string{}
	var walk func(kind, encoding string, r io.Reader)
	walk = func(kind, encoding string, r io.Reader) {
		media, params, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(media, "multipart/") {
			for m := multipart.NewReader(r, params["boundary"]); ; {
				p, err := m.NextRawPart()
				if err == io.EOF {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				walk(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p)
			}
		}
		switch encoding {
		case "base64":
			r = base64.NewDecoder(base64.StdEncoding, r)
		case "quoted-printable":
			r = quotedprintable.NewReader(r)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		parts[media] = string(b)
	}
	walk(a.header.Get("Content-Type"), a.header.Get("Content-Transfer-Encoding"), strings.NewReader(a.body))
	return parts
}

var linkForm = regexp.MustCompile(`https://mail\.example\.com/verify/[A-Za-z0-9_-]+`)

// only is the one message of the spool.
func (w *world) only(t testing.TB) accepted {
	t.Helper()
	if len(w.kept.messages) != 1 {
		t.Fatalf("the spool has %d messages", len(w.kept.messages))
	}
	for id := range w.kept.messages {
		return w.stored(t, id)
	}
	panic("unreachable")
}

func TestAnAddressIsVerifiedByMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	ctx, c := t.Context(), w.sesv2Client(tester())
	if err := w.identities.Delete(ctx, home, verified); err != nil { // its mail is not what this is about
		t.Fatal(err)
	}
	drain(t, w)
	if _, err := c.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("user@example.net")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.letters.Work(ctx); err != nil {
		t.Fatal(err)
	}
	m := w.only(t)
	if m.to != "user@example.net" || m.Scope != (scope.Scope{Account: scope.ServiceAccount, Region: region}) ||
		m.header.Get("Subject") != "Amazon Web Services - Email Address Verification Request in region US East (N. Virginia)" ||
		m.header.Get("From") != "no-reply@mail.example.com" || m.header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("%+v to %s: %v", m.Scope, m.to, m.header)
	}
	quota, err := c.GetAccount(ctx, &sesv2.GetAccountInput{})
	if err != nil || quota.SendQuota.SentLast24Hours != 0 {
		t.Errorf("the mail counts as the customer's: %s, %v", show(quota), err)
	}
	parts := m.parts(t)
	link := linkForm.FindString(parts["text/plain"])
	if link == "" || !strings.Contains(parts["text/html"], `<a href="`+link+`"`) {
		t.Fatalf("no link in %q", parts)
	}

	send := &sesv2.SendEmailInput{
		FromEmailAddress: aws.String("user@example.net"), Destination: &types.Destination{ToAddresses: []string{reader}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: &types.Content{Data: aws.String("s")}, Body: &types.Body{Text: &types.Content{Data: aws.String("t")}}}},
	}
	_, err = c.SendEmail(ctx, send)
	isA[*types.MessageRejected](t, err)
	if r := w.follow(t, link); r.Outcome != verification.Verified {
		t.Errorf("%+v", r)
	}
	got, err := c.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: aws.String("user@example.net")})
	if err != nil || got.VerificationStatus != types.VerificationStatusSuccess || !got.VerifiedForSendingStatus {
		t.Errorf("%s, %v", show(got), err)
	}
	if _, err := c.SendEmail(ctx, send); err != nil {
		t.Error(err)
	}
}

// drain sends what is due and forgets it.
func drain(t *testing.T, w *world) {
	t.Helper()
	if _, err := w.letters.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	clear(w.kept.messages)
}

const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

func templateInput() *sesv2.CreateCustomVerificationEmailTemplateInput {
	return &sesv2.CreateCustomVerificationEmailTemplateInput{
		TemplateName: aws.String("welcome"), FromEmailAddress: aws.String(sender), TemplateSubject: aws.String("Grüße"),
		TemplateContent:       aws.String(`<html><body><h1>Welcome</h1><img src="data:image/png;base64,` + pixel + `"/><script>alert(1)</script></body></html>`),
		SuccessRedirectionURL: aws.String("https://www.example.com/ok"), FailureRedirectionURL: aws.String("https://www.example.com/bad"),
		Tags: []types.Tag{tag("team", "a")},
	}
}

func TestACustomVerificationMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, one, two := t.Context(), w.sesClient(tester()), w.sesv2Client(tester())
	if _, err := two.CreateCustomVerificationEmailTemplate(ctx, templateInput()); err != nil {
		t.Fatal(err)
	}
	a, err := one.SendCustomVerificationEmail(ctx, &ses.SendCustomVerificationEmailInput{EmailAddress: aws.String("v1@example.net"), TemplateName: aws.String("welcome")})
	if err != nil {
		t.Fatal(err)
	}
	b, err := two.SendCustomVerificationEmail(ctx, &sesv2.SendCustomVerificationEmailInput{EmailAddress: aws.String("v2@example.net"), TemplateName: aws.String("welcome")})
	if err != nil {
		t.Fatal(err)
	}
	for id, to := range map[string]string{*a.MessageId: "v1@example.net", *b.MessageId: "v2@example.net"} {
		m := w.stored(t, id)
		if m.to != to || m.Scope != home || m.Identity != sender || m.Operation != "SendCustomVerificationEmail" || m.header.Get("From") != sender ||
			m.Message.Subject != "Grüße" {
			t.Errorf("%+v to %s: %v", m.Message, m.to, m.header)
		}
		parts := m.parts(t)
		html, png := parts["text/html"], base64.StdEncoding.EncodeToString([]byte(parts["image/png"]))
		link := linkForm.FindString(parts["text/plain"])
		if link == "" || !strings.Contains(html, link) || !strings.Contains(html, "please disregard this message.</p></body>") ||
			!strings.Contains(html, `<img src="cid:image1@verification"/>`) || strings.Contains(html, "alert") || png != pixel {
			t.Errorf("%q", parts)
		}
		if _, err := two.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: &to}); err == nil {
			t.Error("the identity is there before the click")
		}
		if r := w.follow(t, link); r.Outcome != verification.Verified || r.To != "https://www.example.com/ok" {
			t.Errorf("%+v", r)
		}
		got, err := one.GetIdentityVerificationAttributes(ctx, &ses.GetIdentityVerificationAttributesInput{Identities: []string{to}})
		if err != nil || got.VerificationAttributes[to].VerificationStatus != sestypes.VerificationStatusSuccess {
			t.Errorf("%s, %v", show(got), err)
		}
	}
}

func TestTemplatesInBothVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, one, two, elsewhere := t.Context(), w.sesClient(tester()), w.sesv2Client(tester()), w.sesv2Client(in("eu-west-1"))
	in := templateInput()
	if _, err := two.CreateCustomVerificationEmailTemplate(ctx, in); err != nil {
		t.Fatal(err)
	}
	got, err := two.GetCustomVerificationEmailTemplate(ctx, &sesv2.GetCustomVerificationEmailTemplateInput{TemplateName: in.TemplateName})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, &sesv2.GetCustomVerificationEmailTemplateOutput{
		TemplateName: in.TemplateName, FromEmailAddress: in.FromEmailAddress, TemplateSubject: in.TemplateSubject, TemplateContent: in.TemplateContent,
		SuccessRedirectionURL: in.SuccessRedirectionURL, FailureRedirectionURL: in.FailureRedirectionURL, Tags: in.Tags,
	})
	// v1 changes what it is given, v2 wants all.
	if _, err := one.UpdateCustomVerificationEmailTemplate(ctx, &ses.UpdateCustomVerificationEmailTemplateInput{
		TemplateName: in.TemplateName, TemplateSubject: aws.String("Hello"),
	}); err != nil {
		t.Fatal(err)
	}
	first, err := one.GetCustomVerificationEmailTemplate(ctx, &ses.GetCustomVerificationEmailTemplateInput{TemplateName: in.TemplateName})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, first, &ses.GetCustomVerificationEmailTemplateOutput{
		TemplateName: in.TemplateName, FromEmailAddress: in.FromEmailAddress, TemplateSubject: aws.String("Hello"), TemplateContent: in.TemplateContent,
		SuccessRedirectionURL: in.SuccessRedirectionURL, FailureRedirectionURL: in.FailureRedirectionURL,
	})
	if _, err := two.UpdateCustomVerificationEmailTemplate(ctx, &sesv2.UpdateCustomVerificationEmailTemplateInput{
		TemplateName: in.TemplateName, FromEmailAddress: in.FromEmailAddress, TemplateSubject: in.TemplateSubject, TemplateContent: aws.String("text"),
		SuccessRedirectionURL: aws.String("https://a.example"), FailureRedirectionURL: aws.String("https://b.example"),
	}); err != nil {
		t.Fatal(err)
	}
	if got, err = two.GetCustomVerificationEmailTemplate(ctx, &sesv2.GetCustomVerificationEmailTemplateInput{TemplateName: in.TemplateName}); err != nil {
		t.Fatal(err)
	}
	equal(t, got, &sesv2.GetCustomVerificationEmailTemplateOutput{
		TemplateName: in.TemplateName, FromEmailAddress: in.FromEmailAddress, TemplateSubject: in.TemplateSubject, TemplateContent: aws.String("text"),
		SuccessRedirectionURL: aws.String("https://a.example"), FailureRedirectionURL: aws.String("https://b.example"), Tags: in.Tags,
	})

	if _, err := one.CreateCustomVerificationEmailTemplate(ctx, &ses.CreateCustomVerificationEmailTemplateInput{
		TemplateName: aws.String("another"), FromEmailAddress: in.FromEmailAddress, TemplateSubject: in.TemplateSubject, TemplateContent: in.TemplateContent,
		SuccessRedirectionURL: in.SuccessRedirectionURL, FailureRedirectionURL: in.FailureRedirectionURL,
	}); err != nil {
		t.Fatal(err)
	}
	page, err := one.ListCustomVerificationEmailTemplates(ctx, &ses.ListCustomVerificationEmailTemplatesInput{MaxResults: aws.Int32(1)})
	if err != nil || page.NextToken == nil {
		t.Fatal(show(page), err)
	}
	token := page.NextToken
	equal(t, page, &ses.ListCustomVerificationEmailTemplatesOutput{NextToken: token, CustomVerificationEmailTemplates: []sestypes.CustomVerificationEmailTemplate{{
		TemplateName: aws.String("another"), FromEmailAddress: in.FromEmailAddress, TemplateSubject: in.TemplateSubject,
		SuccessRedirectionURL: in.SuccessRedirectionURL, FailureRedirectionURL: in.FailureRedirectionURL,
	}}})
	rest, err := two.ListCustomVerificationEmailTemplates(ctx, &sesv2.ListCustomVerificationEmailTemplatesInput{NextToken: token}) // v1's
	if err != nil {
		t.Fatal(err)
	}
	equal(t, rest, &sesv2.ListCustomVerificationEmailTemplatesOutput{CustomVerificationEmailTemplates: []types.CustomVerificationEmailTemplateMetadata{{
		TemplateName: in.TemplateName, FromEmailAddress: in.FromEmailAddress, TemplateSubject: in.TemplateSubject,
		SuccessRedirectionURL: aws.String("https://a.example"), FailureRedirectionURL: aws.String("https://b.example"),
	}}})
	for _, n := range []int32{0, 51} { // v1 takes what is out of bounds for the bound
		if all, err := one.ListCustomVerificationEmailTemplates(ctx, &ses.ListCustomVerificationEmailTemplatesInput{MaxResults: &n}); err != nil || len(all.CustomVerificationEmailTemplates) != 2 {
			t.Errorf("%d: %s, %v", n, show(all), err)
		}
		_, err = two.ListCustomVerificationEmailTemplates(ctx, &sesv2.ListCustomVerificationEmailTemplatesInput{PageSize: &n})
		wantRefusal(t, err, refusal{400, "BadRequestException", "The page size must be between 1 and 50"})
	}
	_, err = one.ListCustomVerificationEmailTemplates(ctx, &ses.ListCustomVerificationEmailTemplatesInput{NextToken: aws.String("x!")})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Invalid nextToken <x!>."})
	_, err = two.ListCustomVerificationEmailTemplates(ctx, &sesv2.ListCustomVerificationEmailTemplatesInput{NextToken: aws.String("x!")})
	wantRefusal(t, err, refusal{400, "BadRequestException", "Invalid nextToken <x!>."})
	none, err := elsewhere.ListCustomVerificationEmailTemplates(ctx, &sesv2.ListCustomVerificationEmailTemplatesInput{})
	if err != nil || len(none.CustomVerificationEmailTemplates) != 0 {
		t.Errorf("another region sees %s, %v", show(none), err)
	}

	if _, err := one.DeleteCustomVerificationEmailTemplate(ctx, &ses.DeleteCustomVerificationEmailTemplateInput{TemplateName: aws.String("another")}); err != nil {
		t.Error(err)
	}
	if _, err := two.DeleteCustomVerificationEmailTemplate(ctx, &sesv2.DeleteCustomVerificationEmailTemplateInput{TemplateName: in.TemplateName}); err != nil {
		t.Error(err)
	}
	if all, err := one.ListCustomVerificationEmailTemplates(ctx, &ses.ListCustomVerificationEmailTemplatesInput{}); err != nil || len(all.CustomVerificationEmailTemplates) != 0 {
		t.Errorf("left are %s, %v", show(all), err)
	}
}

func TestVerificationErrorsOfV1(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.sesClient(tester())
	create := func(change func(*ses.CreateCustomVerificationEmailTemplateInput)) error {
		in := &ses.CreateCustomVerificationEmailTemplateInput{
			TemplateName: aws.String("welcome"), FromEmailAddress: aws.String(sender), TemplateSubject: aws.String("s"), TemplateContent: aws.String("c"),
			SuccessRedirectionURL: aws.String("https://a.example"), FailureRedirectionURL: aws.String("https://b.example"),
		}
		change(in)
		_, err := c.CreateCustomVerificationEmailTemplate(ctx, in)
		return err
	}
	same := func(*ses.CreateCustomVerificationEmailTemplateInput) {}
	if err := create(same); err != nil {
		t.Fatal(err)
	}
	err := create(same)
	wantRefusal(t, err, refusal{400, "CustomVerificationEmailTemplateAlreadyExists", "Custom verification email template <welcome> already exists"})
	isA[*sestypes.CustomVerificationEmailTemplateAlreadyExistsException](t, err)

	err = create(func(in *ses.CreateCustomVerificationEmailTemplateInput) {
		in.FromEmailAddress = aws.String("a@example.net")
	})
	wantRefusal(t, err, refusal{400, "FromEmailAddressNotVerified", "The from email address <a@example.net> is not verified"})
	isA[*sestypes.FromEmailAddressNotVerifiedException](t, err)

	err = create(func(in *ses.CreateCustomVerificationEmailTemplateInput) {
		in.TemplateContent = aws.String("<script>x</script>")
	})
	wantRefusal(t, err, refusal{400, "CustomVerificationEmailInvalidContent", "The template content is invalid"})
	isA[*sestypes.CustomVerificationEmailInvalidContentException](t, err)

	err = create(func(in *ses.CreateCustomVerificationEmailTemplateInput) { in.SuccessRedirectionURL = aws.String("x") })
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "The success redirection URL is invalid"})

	const none = "Custom verification email template <none> does not exist"
	_, err = c.GetCustomVerificationEmailTemplate(ctx, &ses.GetCustomVerificationEmailTemplateInput{TemplateName: aws.String("none")})
	wantRefusal(t, err, refusal{400, "CustomVerificationEmailTemplateDoesNotExist", none})
	isA[*sestypes.CustomVerificationEmailTemplateDoesNotExistException](t, err)
	_, err = c.UpdateCustomVerificationEmailTemplate(ctx, &ses.UpdateCustomVerificationEmailTemplateInput{TemplateName: aws.String("none")})
	wantRefusal(t, err, refusal{400, "CustomVerificationEmailTemplateDoesNotExist", none})
	_, err = c.DeleteCustomVerificationEmailTemplate(ctx, &ses.DeleteCustomVerificationEmailTemplateInput{TemplateName: aws.String("none")})
	wantRefusal(t, err, refusal{400, "CustomVerificationEmailTemplateDoesNotExist", none})

	send := func(to, template string, set *string) error {
		_, err := c.SendCustomVerificationEmail(ctx, &ses.SendCustomVerificationEmailInput{EmailAddress: &to, TemplateName: &template, ConfigurationSetName: set})
		return err
	}
	err = send("user@example.net", "none", nil)
	wantRefusal(t, err, refusal{400, "CustomVerificationEmailTemplateDoesNotExist", "Template <none> does not exist"})
	isA[*sestypes.CustomVerificationEmailTemplateDoesNotExistException](t, err)
	wantRefusal(t, send("a@@b", "none", nil), refusal{400, "InvalidParameterValue", "Invalid email address<a@@b>."})
	wantRefusal(t, send(" ", "none", nil), refusal{400, "InvalidParameterValue", "Email address not specified."})
	err = send("user@example.net", "welcome", aws.String("set"))
	wantRefusal(t, err, refusal{400, "ConfigurationSetDoesNotExist", "Configuration set <set> does not exist."})

	w.sandbox.in = true
	err = send("user@example.net", "welcome", nil)
	wantRefusal(t, err, refusal{400, "ProductionAccessNotGranted", "The account has not been granted production access."})
	isA[*sestypes.ProductionAccessNotGrantedException](t, err)
	w.sandbox.in = false

	if err := w.identities.Delete(ctx, home, sender); err != nil {
		t.Fatal(err)
	}
	err = send("user@example.net", "welcome", nil)
	wantRefusal(t, err, refusal{400, "FromEmailAddressNotVerified",
		"Email address is not verified. The following identities failed the check in region US-EAST-1: " + sender})
	isA[*sestypes.FromEmailAddressNotVerifiedException](t, err)
	if w.count() != 0 {
		t.Errorf("%d refused mails are in the spool", w.count())
	}
}

func TestVerificationErrorsOfV2(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.sesv2Client(tester())
	create := func(change func(*sesv2.CreateCustomVerificationEmailTemplateInput)) error {
		in := templateInput()
		change(in)
		_, err := c.CreateCustomVerificationEmailTemplate(ctx, in)
		return err
	}
	for n := range verification.MaxTemplates {
		if err := create(func(in *sesv2.CreateCustomVerificationEmailTemplateInput) {
			in.TemplateName = aws.String(fmt.Sprint("t", n))
		}); err != nil {
			t.Fatal(err)
		}
	}
	err := create(func(*sesv2.CreateCustomVerificationEmailTemplateInput) {})
	wantRefusal(t, err, refusal{400, "LimitExceededException", "You have reached the maximum of 50 custom verification email templates."})
	isA[*types.LimitExceededException](t, err)
	err = create(func(in *sesv2.CreateCustomVerificationEmailTemplateInput) { in.TemplateName = aws.String("t7") })
	wantRefusal(t, err, refusal{400, "AlreadyExistsException", "Custom verification email template <t7> already exists"})
	isA[*types.AlreadyExistsException](t, err)
	err = create(func(in *sesv2.CreateCustomVerificationEmailTemplateInput) {
		in.FromEmailAddress = aws.String("a@example.net")
	})
	wantRefusal(t, err, refusal{404, "NotFoundException", "The from email address <a@example.net> is not verified"})
	isA[*types.NotFoundException](t, err)
	err = create(func(in *sesv2.CreateCustomVerificationEmailTemplateInput) {
		in.TemplateContent = aws.String("<!-- -->")
	})
	wantRefusal(t, err, refusal{400, "BadRequestException", "The template content is invalid"})
	isA[*types.BadRequestException](t, err)
	err = create(func(in *sesv2.CreateCustomVerificationEmailTemplateInput) { in.Tags = []types.Tag{tag("a!", "b")} })
	wantRefusal(t, err, refusal{400, "BadRequestException", ""})

	const none = "Custom verification email template <none> does not exist"
	_, err = c.GetCustomVerificationEmailTemplate(ctx, &sesv2.GetCustomVerificationEmailTemplateInput{TemplateName: aws.String("none")})
	wantRefusal(t, err, refusal{404, "NotFoundException", none})
	isA[*types.NotFoundException](t, err)
	in := templateInput()
	_, err = c.UpdateCustomVerificationEmailTemplate(ctx, &sesv2.UpdateCustomVerificationEmailTemplateInput{
		TemplateName: aws.String("none"), FromEmailAddress: in.FromEmailAddress, TemplateSubject: in.TemplateSubject, TemplateContent: in.TemplateContent,
		SuccessRedirectionURL: in.SuccessRedirectionURL, FailureRedirectionURL: in.FailureRedirectionURL,
	})
	wantRefusal(t, err, refusal{404, "NotFoundException", none})
	_, err = c.DeleteCustomVerificationEmailTemplate(ctx, &sesv2.DeleteCustomVerificationEmailTemplateInput{TemplateName: aws.String("none")})
	wantRefusal(t, err, refusal{404, "NotFoundException", none})
	send := &sesv2.SendCustomVerificationEmailInput{EmailAddress: aws.String("user@example.net"), TemplateName: aws.String("none")}
	_, err = c.SendCustomVerificationEmail(ctx, send)
	wantRefusal(t, err, refusal{404, "NotFoundException", none})
	w.sandbox.in = true
	_, err = c.SendCustomVerificationEmail(ctx, send)
	wantRefusal(t, err, refusal{400, "BadRequestException", "The account has not been granted production access."})
	if strings.Contains(w.log.String(), `"level":"ERROR"`) {
		t.Errorf("a refusal is logged as a failure:\n%s", w.log)
	}
}

func TestTagsOfATemplate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.sesv2Client(tester())
	if _, err := c.CreateCustomVerificationEmailTemplate(ctx, templateInput()); err != nil {
		t.Fatal(err)
	}
	arn := aws.String("arn:aws:ses:us-east-1:123456789012:custom-verification-email-template/welcome")
	if _, err := c.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{tag("team", "b"), tag("stage", "test")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UntagResource(ctx, &sesv2.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"team", "gone"}}); err != nil {
		t.Fatal(err)
	}
	got, err := c.ListTagsForResource(ctx, &sesv2.ListTagsForResourceInput{ResourceArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, &sesv2.ListTagsForResourceOutput{Tags: []types.Tag{tag("stage", "test")}})
	many := make([]types.Tag, 50)
	for i := range many {
		many[i] = tag(fmt.Sprint(i), "v")
	}
	_, err = c.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: arn, Tags: many})
	wantRefusal(t, err, refusal{400, "BadRequestException",
		"Maximum of 50 user tags are allowed per resource, consider reducing the number of tags in the request"})
	for _, other := range []string{
		"arn:aws:ses:us-east-1:123456789012:custom-verification-email-template/none",
		"arn:aws:ses:us-east-1:210987654321:custom-verification-email-template/welcome",
		"arn:aws:ses:eu-west-1:123456789012:custom-verification-email-template/welcome",
	} {
		_, err = c.ListTagsForResource(ctx, &sesv2.ListTagsForResourceInput{ResourceArn: &other})
		wantRefusal(t, err, refusal{404, "NotFoundException", "The resource that ResourceArn names does not exist."})
		_, err = c.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: &other, Tags: many[:1]})
		isA[*types.NotFoundException](t, err)
	}
}

func TestWhoMaySendCustomVerificationMails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, one, two := t.Context(), w.sesClient(tester()), w.sesv2Client(tester())
	if _, err := two.CreateCustomVerificationEmailTemplate(ctx, templateInput()); err != nil {
		t.Fatal(err)
	}
	first := &ses.SendCustomVerificationEmailInput{EmailAddress: aws.String(reader), TemplateName: aws.String("welcome")}
	second := &sesv2.SendCustomVerificationEmailInput{EmailAddress: aws.String(reader), TemplateName: aws.String("welcome")}

	const template = "arn:aws:ses:us-east-1:123456789012:custom-verification-email-template/welcome"
	w.ofUser(t, testerARN, allow("ses:SendEmail"))
	_, err := one.SendCustomVerificationEmail(ctx, first)
	wantRefusal(t, err, denied("AccessDenied", "ses:SendCustomVerificationEmail", template))
	_, err = two.SendCustomVerificationEmail(ctx, second)
	wantRefusal(t, err, denied("AccessDeniedException", "ses:SendCustomVerificationEmail", template))

	// The identity that the mail is from is asked for, too.
	w.ofUser(t, testerARN, statement("Allow", "ses:SendCustomVerificationEmail", template, ""))
	_, err = one.SendCustomVerificationEmail(ctx, first)
	wantRefusal(t, err, deniedSend("AccessDenied", testerARN, "ses:SendCustomVerificationEmail", senderARN))
	_, err = two.SendCustomVerificationEmail(ctx, second)
	wantRefusal(t, err, deniedSend("AccessDeniedException", testerARN, "ses:SendCustomVerificationEmail", senderARN))

	w.ofUser(t, testerARN, allow("ses:SendCustomVerificationEmail"))
	if _, err = one.SendCustomVerificationEmail(ctx, first); err != nil {
		t.Error(err)
	}
	if _, err = two.SendCustomVerificationEmail(ctx, second); err != nil {
		t.Error(err)
	}
}
