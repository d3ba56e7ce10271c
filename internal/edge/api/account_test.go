// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA1019 UseCaseDescription is deprecated, and SES still takes and tells it.

package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/account"
	"sesame/internal/core/setting"
	"sesame/internal/edge/smtp/submission"
)

// sendingDoor is a submission door that takes everybody for the tester, and whose
// messages the world takes or refuses.
func sendingDoor(t *testing.T, w *world) smtpServer {
	t.Helper()
	return smtpDoor(t, w, &submission.Backend{Auth: &failing{}, Intake: w.intake, Region: region})
}

// TestTheOwnersSwitch is UpdateAccountSendingEnabled, which both versions of the API
// have, in one region.
func TestTheOwnersSwitch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	enabled := func(want bool) {
		t.Helper()
		v1, err := one.GetAccountSendingEnabled(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		v2, err := two.GetAccount(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if v1.Enabled != want || v2.SendingEnabled != want {
			t.Errorf("v1 %t, v2 %t, want %t", v1.Enabled, v2.SendingEnabled, want)
		}
	}
	enabled(true)
	if _, err := one.UpdateAccountSendingEnabled(ctx, &ses.UpdateAccountSendingEnabledInput{Enabled: false}); err != nil {
		t.Fatal(err)
	}
	enabled(false)
	const text = "Account is paused"
	_, err := one.SendEmail(ctx, plainV1(reader))
	wantRefusal(t, err, refusal{400, "AccountSendingPausedException", text})
	isA[*sestypes.AccountSendingPausedException](t, err)
	_, err = two.SendEmail(ctx, plain(sender, reader))
	wantRefusal(t, err, refusal{400, "SendingPausedException", text})
	isA[*types.SendingPausedException](t, err)
	if code, reply := submit(t, sendingDoor(t, w)); code != 554 || reply != "Message rejected: "+text {
		t.Errorf("SMTP: %d %s", code, reply)
	}
	there := tester()
	there.region = "eu-west-1"
	if out, err := w.sesv2Client(there).GetAccount(ctx, nil); err != nil || !out.SendingEnabled {
		t.Errorf("another region: %+v, %v", out, err)
	}
	if _, err := two.PutAccountSendingAttributes(ctx, &sesv2.PutAccountSendingAttributesInput{SendingEnabled: true}); err != nil {
		t.Fatal(err)
	}
	enabled(true)
	if _, err := two.SendEmail(ctx, plain(sender, reader)); err != nil {
		t.Error(err)
	}
}

func TestTheOperatorsPauseIsNotEndedByTheOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	two := w.sesv2Client(tester())
	if err := w.accounts.Enforce(ctx, home, account.Operator, account.Shutdown, "too many bounces"); err != nil {
		t.Fatal(err)
	}
	if _, err := two.PutAccountSendingAttributes(ctx, &sesv2.PutAccountSendingAttributesInput{SendingEnabled: true}); err != nil {
		t.Fatal(err)
	}
	out, err := two.GetAccount(ctx, nil)
	if err != nil || out.SendingEnabled || aws.ToString(out.EnforcementStatus) != "SHUTDOWN" {
		t.Errorf("%+v, %v", out, err)
	}
	const text = "Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account."
	_, err = two.SendEmail(ctx, plain(sender, reader))
	wantRefusal(t, err, refusal{400, "SendingPausedException", text})
	if code, reply := submit(t, sendingDoor(t, w)); code != 554 || reply != "Message rejected: "+text {
		t.Errorf("SMTP: %d %s", code, reply)
	}
	if err := w.accounts.Enforce(ctx, home, account.Operator, account.Probation, "watched"); err != nil {
		t.Fatal(err)
	}
	if _, err := two.SendEmail(ctx, plain(sender, reader)); err != nil {
		t.Errorf("under review an account sends as usual: %v", err)
	}
}

func sameDetails(t *testing.T, got, want *types.AccountDetails) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func accountDetails(change func(*sesv2.PutAccountDetailsInput)) *sesv2.PutAccountDetailsInput {
	in := &sesv2.PutAccountDetailsInput{
		MailType: types.MailTypeTransactional, WebsiteURL: aws.String("https://example.com/shop"), ContactLanguage: types.ContactLanguageJa,
		UseCaseDescription: aws.String("Receipts."), AdditionalContactEmailAddresses: []string{"a@example.com", "b@example.com"},
		ProductionAccessEnabled: aws.Bool(true),
	}
	if change != nil {
		change(in)
	}
	return in
}

// TestTheReviewOfAnAccount goes from the sandbox through a denial into production.
func TestTheReviewOfAnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inSandbox)
	ctx := t.Context()
	two := w.sesv2Client(tester())
	get := func() *sesv2.GetAccountOutput {
		t.Helper()
		out, err := two.GetAccount(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := get(); out.ProductionAccessEnabled || out.Details != nil {
		t.Errorf("%+v", out)
	}
	want := &types.AccountDetails{
		MailType: types.MailTypeTransactional, WebsiteURL: aws.String("https://example.com/shop"), ContactLanguage: types.ContactLanguageJa,
		UseCaseDescription: aws.String("Receipts."), AdditionalContactEmailAddresses: []string{"a@example.com", "b@example.com"},
	}
	if _, err := two.PutAccountDetails(ctx, accountDetails(func(in *sesv2.PutAccountDetailsInput) { in.ProductionAccessEnabled = nil })); err != nil {
		t.Fatal(err)
	}
	sameDetails(t, get().Details, want) // nothing was asked for, so nobody reviews
	for _, step := range []struct {
		grant bool
		after types.ReviewStatus
	}{{false, types.ReviewStatusDenied}, {true, types.ReviewStatusGranted}} {
		if _, err := two.PutAccountDetails(ctx, accountDetails(nil)); err != nil {
			t.Fatal(err)
		}
		out := get()
		if len(aws.ToString(out.Details.ReviewDetails.CaseId)) != 10 || out.ProductionAccessEnabled {
			t.Errorf("%+v", out.Details.ReviewDetails)
		}
		want.ReviewDetails = &types.ReviewDetails{Status: types.ReviewStatusPending, CaseId: out.Details.ReviewDetails.CaseId}
		sameDetails(t, out.Details, want)
		_, err := two.PutAccountDetails(ctx, accountDetails(func(in *sesv2.PutAccountDetailsInput) { in.MailType = types.MailTypeMarketing }))
		wantRefusal(t, err, refusal{409, "ConflictException", ""})
		isA[*types.ConflictException](t, err)
		if err := w.accounts.EndReview(ctx, home, account.Operator, step.grant, ""); err != nil {
			t.Fatal(err)
		}
		want.ReviewDetails.Status = step.after
		out = get()
		sameDetails(t, out.Details, want)
		if out.ProductionAccessEnabled != step.grant {
			t.Errorf("after %s: production %t", step.after, out.ProductionAccessEnabled)
		}
	}
	if strings.Contains(w.log.String(), "Receipts.") {
		t.Error("the log has the description of the use case, which is sensitive")
	}
}

func TestAccountDetailsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	two := w.sesv2Client(tester(), func(o *sesv2.Options) { o.APIOptions = append(o.APIOptions, unchecked) })
	for name, change := range map[string]func(*sesv2.PutAccountDetailsInput){
		"no mail type":                   func(in *sesv2.PutAccountDetailsInput) { in.MailType = "" },
		"the guide's mail type":          func(in *sesv2.PutAccountDetailsInput) { in.MailType = "PROMOTIONAL" },
		"no web site":                    func(in *sesv2.PutAccountDetailsInput) { in.WebsiteURL = nil },
		"an empty web site":              func(in *sesv2.PutAccountDetailsInput) { in.WebsiteURL = aws.String("") },
		"a web site of another protocol": func(in *sesv2.PutAccountDetailsInput) { in.WebsiteURL = aws.String("ftp://example.com") },
		"a web site without a host":      func(in *sesv2.PutAccountDetailsInput) { in.WebsiteURL = aws.String("https:///x") },
		"a web site that is a sentence":  func(in *sesv2.PutAccountDetailsInput) { in.WebsiteURL = aws.String("not a URL") },
		"a language that is none":        func(in *sesv2.PutAccountDetailsInput) { in.ContactLanguage = "JP" },
		"a description that is a novel": func(in *sesv2.PutAccountDetailsInput) {
			in.UseCaseDescription = aws.String(strings.Repeat("x", 5001))
		},
		"a description with a NUL": func(in *sesv2.PutAccountDetailsInput) { in.UseCaseDescription = aws.String("a\x00b") },
		"five contacts": func(in *sesv2.PutAccountDetailsInput) {
			in.AdditionalContactEmailAddresses = []string{"a@example.com", "b@example.com", "c@example.com", "d@example.com", "e@example.com"}
		},
		"a contact that is no address": func(in *sesv2.PutAccountDetailsInput) {
			in.AdditionalContactEmailAddresses = []string{"a b@example.com"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := two.PutAccountDetails(t.Context(), accountDetails(change))
			wantRefusal(t, err, refusal{400, "BadRequestException", ""})
			isA[*types.BadRequestException](t, err)
		})
	}
	t.Cleanup(func() {
		if d, err := w.accounts.Current(t.Context(), home); err == nil && d.Profile.MailType != "" {
			t.Errorf("something was stored: %+v", d.Profile)
		}
	})
	for _, site := range []string{"example.com", "http://example.com", "https://www.example.com:8443/a?b#c"} {
		w := newWorld(t)
		if _, err := w.sesv2Client(tester()).PutAccountDetails(t.Context(), accountDetails(func(in *sesv2.PutAccountDetailsInput) { in.WebsiteURL = &site })); err != nil {
			t.Errorf("%s: %v", site, err)
		}
	}
}

func TestQuotasOfAnAccountOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, limited(100, 14))
	ctx := t.Context()
	if err := w.accounts.SetLimits(ctx, home, account.Operator, account.Limits{Daily: 5, Rate: account.ServerDefault}, "a trial"); err != nil {
		t.Fatal(err)
	}
	one := w.sesClient(tester())
	out, err := one.GetSendQuota(ctx, nil)
	if err != nil || out.Max24HourSend != 5 || out.MaxSendRate != 14 {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := one.SendEmail(ctx, plainV1(people(6)...)); err == nil {
		t.Error("more than the account's own quota was sent")
	}
	there := tester()
	there.region = "eu-west-1"
	if out, err := w.sesClient(there).GetSendQuota(ctx, nil); err != nil || out.Max24HourSend != 100 {
		t.Errorf("another region: %+v, %v", out, err)
	}
}

// settingsCall is a call of the admin API about the settings of a resource.
func settingsCall(method, arn, body string) call {
	return call{method: method, target: "/_sesame/v1/settings/" + url.PathEscape(arn), body: body, header: http.Header{"Content-Type": {"application/json"}}}
}

func TestSettingsOfTheAdminAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, id := home.ARN("account"), home.ARN("identity/"+sender)
	put := w.do(t, settingsCall("PUT", mine, `{"QuotaMode":"delay","Ed25519Signature":true}`))
	got := w.do(t, settingsCall("GET", id, ""))
	var report setting.Report
	if err := json.Unmarshal([]byte(got.body), &report); err != nil || put.status != 200 || got.status != 200 {
		t.Fatalf("%d %s, %d %s", put.status, put.body, got.status, got.body)
	}
	if report.Arn != id || report.Own != (setting.Own{}) || report.Effective != (setting.Values{QuotaMode: "delay", ServiceSignature: true, Ed25519Signature: true}) ||
		report.From["QuotaMode"] != mine || report.From["ServiceSignature"] != "server" {
		t.Errorf("%s", got.body)
	}
	for _, c := range []struct {
		name   string
		call   call
		status int
		code   string
	}{
		{"no ARN", settingsCall("GET", "account", ""), 400, "BadRequestException"},
		{"another account's", settingsCall("GET", strings.Replace(mine, accountID, "210987654321", 1), ""), 404, "NotFoundException"},
		{"another region's", settingsCall("GET", strings.Replace(mine, region, "eu-west-1", 1), ""), 404, "NotFoundException"},
		{"an identity that is not there", settingsCall("PUT", home.ARN("identity/example.org"), `{}`), 404, "NotFoundException"},
		{"a configuration set that is not there", settingsCall("GET", home.ARN("configuration-set/x"), ""), 404, "NotFoundException"},
		{"a mode that does not exist", settingsCall("PUT", mine, `{"QuotaMode":"park"}`), 400, "BadRequestException"},
		{"a member that does not exist", settingsCall("PUT", mine, `{"QuotaMod":"delay"}`), 400, "BadRequestException"},
		{"a value of another type", settingsCall("PUT", mine, `{"Ed25519Signature":"yes"}`), 400, "BadRequestException"},
		{"two values", settingsCall("PUT", mine, `{}{}`), 400, "BadRequestException"},
		{"no body", settingsCall("PUT", mine, ""), 400, "BadRequestException"},
	} {
		if a := w.do(t, c.call); a.status != c.status || a.code() != c.code || a.text() == "" {
			t.Errorf("%s: %d %s", c.name, a.status, a.body)
		}
	}
}

// TestDelayedRatherThanRefused: an account in mode delay has its message go when there
// is room. The clock of the world goes on with the waiting.
func TestDelayedRatherThanRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, limited(0, 1), func(s *settings) { s.sleeps = true })
	ctx := t.Context()
	delay := setting.Delay
	if err := w.settings.Put(ctx, setting.Resource{Scope: home, Kind: setting.Account}, setting.Own{QuotaMode: &delay}); err != nil {
		t.Fatal(err)
	}
	two := w.sesv2Client(tester())
	start := w.clock.Now()
	for range 5 {
		if _, err := two.SendEmail(ctx, plain(sender, reader)); err != nil {
			t.Fatal(err)
		}
	}
	if took := w.clock.Now().Sub(start); took < 3*time.Second || took > 4*time.Second {
		t.Errorf("five messages at one a second with a burst of two took %s", took)
	}
}

// TestAPausedAccountIsSentNoVerificationMail, in either version of the API.
func TestAPausedAccountIsSentNoVerificationMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	ctx := t.Context()
	if err := w.accounts.SetState(ctx, home, account.Operator, account.Paused, "unpaid"); err != nil {
		t.Fatal(err)
	}
	const text = "Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account."
	_, err := w.sesv2Client(tester()).CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("new@example.net")})
	wantRefusal(t, err, refusal{400, "SendingPausedException", text})
	_, err = w.sesClient(tester()).VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: aws.String("new@example.net")})
	wantRefusal(t, err, refusal{400, "AccountSendingPausedException", text})
}
