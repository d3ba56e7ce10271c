// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/identity"
	"sesame/internal/edge/smtp/submission"
	"sesame/internal/proto/smtpcred"
)

const (
	testerARN = "arn:aws:iam::123456789012:user/tester"
	senderARN = "arn:aws:ses:us-east-1:123456789012:identity/sender@example.com"
)

// statement is a policy of one statement.
func statement(effect, action, resource, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"` + action + `","Resource":"` + resource + `","Condition":{` + condition + `}}]}`
}

// allow is a policy that allows an action on everything.
func allow(action string) string { return statement("Allow", action, "*", "") }

// denied is how both versions of the API tell that a call is not allowed.
func denied(code, action, resource string) refusal {
	return refusal{403, code, "User: " + testerARN + " is not authorized to perform: " + action + " on resource: " + resource}
}

// deniedSend is how they tell that mail is not.
func deniedSend(code, user, action, identity string) refusal {
	return refusal{403, code, "User `" + user + "' is not authorized to perform `" + action + "' on resource `" + identity + "'"}
}

func rawV1(from string, to ...string) *ses.SendRawEmailInput {
	return &ses.SendRawEmailInput{Destinations: to, RawMessage: &sestypes.RawMessage{Data: []byte("From: " + from + "\r\nSubject: Hi\r\n\r\nHo\r\n")}}
}

func rawV2(from string, to ...string) *sesv2.SendEmailInput {
	return &sesv2.SendEmailInput{Destination: &types.Destination{ToAddresses: to},
		Content: &types.EmailContent{Raw: &types.RawMessage{Data: []byte("From: " + from + "\r\nSubject: Hi\r\n\r\nHo\r\n")}}}
}

func TestAUserWithoutPoliciesMayDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ofUser(t, testerARN)
	ctx := t.Context()
	one, two := w.sesClient(tester()), w.sesv2Client(tester())

	_, err := one.GetSendQuota(ctx, nil)
	wantRefusal(t, err, denied("AccessDenied", "ses:GetSendQuota", "*"))
	_, err = two.GetAccount(ctx, nil)
	wantRefusal(t, err, denied("AccessDeniedException", "ses:GetAccount", "*"))
	_, err = one.DeleteIdentity(ctx, &ses.DeleteIdentityInput{Identity: aws.String("Sender@Example.com")})
	if r := refused(t, err); r.code != "AccessDenied" {
		t.Errorf("%+v", r)
	}
	_, err = two.DeleteEmailIdentity(ctx, &sesv2.DeleteEmailIdentityInput{EmailIdentity: aws.String("EXAMPLE.com")})
	wantRefusal(t, err, denied("AccessDeniedException", "ses:DeleteEmailIdentity", "arn:aws:ses:us-east-1:123456789012:identity/example.com"))
	_, err = one.GetIdentityVerificationAttributes(ctx, &ses.GetIdentityVerificationAttributesInput{Identities: []string{sender, "example.org"}})
	wantRefusal(t, err, denied("AccessDenied", "ses:GetIdentityVerificationAttributes", senderARN))
	a := w.do(t, call{method: "GET", target: "/_sesame/v1/identities/example.com/records"})
	if a.status != 403 || a.text() != denied("", "sesame:GetIdentityRecords", "arn:aws:ses:us-east-1:123456789012:identity/example.com").text {
		t.Errorf("admin API: %d %s", a.status, a.body)
	}

	_, err = one.SendEmail(ctx, plainV1(reader))
	wantRefusal(t, err, deniedSend("AccessDenied", testerARN, "ses:SendEmail", senderARN))
	_, err = one.SendRawEmail(ctx, rawV1(sender, reader))
	wantRefusal(t, err, deniedSend("AccessDenied", testerARN, "ses:SendRawEmail", senderARN))
	_, err = two.SendEmail(ctx, plain(sender, reader))
	wantRefusal(t, err, deniedSend("AccessDeniedException", testerARN, "ses:SendEmail", senderARN))
	_, err = two.SendEmail(ctx, rawV2(sender, reader))
	wantRefusal(t, err, deniedSend("AccessDeniedException", testerARN, "ses:SendRawEmail", senderARN))
	door := smtpDoor(t, w, &submission.Backend{Auth: w.accounts, Intake: w.intake, Region: region})
	code, text := submitAs(t, door, smtpcred.Password(secretKey, region), "Ho")
	if want := "Access denied: " + deniedSend("", testerARN, "ses:SendRawEmail", senderARN).text; code != 554 || text != want {
		t.Errorf("SMTP: %d %s\nwant %s", code, text, want)
	}
	if w.count() != 0 {
		t.Errorf("%d messages were kept", w.count())
	}
	quota, err := w.sesClient(in("eu-west-1")).GetSendQuota(ctx, nil)
	if err == nil {
		t.Errorf("another region: %+v", quota)
	}
}

// TestWhatIsToldBeforeADenial has a user without policies make requests that nobody
// could. An identity that is not verified is told first, unless an ARN names another
// account's; what this server does not have is nobody's to be allowed.
func TestWhatIsToldBeforeADenial(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ofUser(t, testerARN)
	ctx := t.Context()
	two := w.sesv2Client(tester(), sesv2.WithAPIOptions(unchecked))
	_, err := two.SendEmail(ctx, plain("x@example.org", reader))
	wantRefusal(t, err, refusal{400, "MessageRejected", "Email address is not verified. The following identities failed the check in region US-EAST-1: x@example.org"})
	_, err = two.SendEmail(ctx, &sesv2.SendEmailInput{})
	wantRefusal(t, err, refusal{400, "BadRequestException", ""})
	_, err = two.BatchGetMetricData(ctx, &sesv2.BatchGetMetricDataInput{})
	wantRefusal(t, err, refusal{501, "NotImplementedException", ""})
}

// sendCase is a user's policy and what it makes of some messages.
type sendCase struct {
	name   string
	policy string
	send   func(ctx context.Context, w *world) error
	denied string // the action; "" if the message is taken
}

func v2Send(in *sesv2.SendEmailInput) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		_, err := w.sesv2Client(tester()).SendEmail(ctx, in)
		return err
	}
}

func v1Raw(in *ses.SendRawEmailInput) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		_, err := w.sesClient(tester()).SendRawEmail(ctx, in)
		return err
	}
}

func sendCases() []sendCase {
	on := func(action, condition string) string { return statement("Allow", action, "*", condition) }
	feedback := plain(sender, reader)
	feedback.FeedbackForwardingEmailAddress = aws.String(sender)
	bcc := plain(sender, "a@example.net")
	bcc.Destination.BccAddresses = []string{"b@example.org"}
	return []sendCase{
		{"may send formatted mail", allow("ses:SendEmail"), v2Send(plain(sender, reader)), ""},
		{"may not send raw mail with the same", allow("ses:SendEmail"), v2Send(rawV2(sender, reader)), "ses:SendRawEmail"},
		{"may send raw mail", allow("ses:SendRawEmail"), v1Raw(rawV1(sender, reader)), ""},
		{"may send anything by a wildcard", allow("ses:Send*"), v1Raw(rawV1(sender, reader)), ""},
		{"an identity by name", statement("Allow", "ses:Send*", senderARN, ""), v2Send(plain(sender, reader)), ""},
		{"another identity", statement("Allow", "ses:Send*", "arn:aws:ses:us-east-1:123456789012:identity/example.org", ""), v2Send(plain(sender, reader)), "ses:SendEmail"},
		{"the identity in another region", statement("Allow", "ses:Send*", "arn:aws:ses:eu-west-1:123456789012:identity/sender@example.com", ""), v2Send(plain(sender, reader)), "ses:SendEmail"},
		{"version 2 alone, by version 2", on("ses:*", `"StringEquals":{"ses:ApiVersion":"2"}`), v2Send(plain(sender, reader)), ""},
		{"version 2 alone, by version 1", on("ses:*", `"StringEquals":{"ses:ApiVersion":"2"}`), v1Raw(rawV1(sender, reader)), "ses:SendRawEmail"},
		{"recipients of a domain", on("ses:*", `"ForAllValues:StringLike":{"ses:Recipients":"*@example.net"}`), v2Send(plain(sender, reader)), ""},
		{"a blind recipient of another domain", on("ses:*", `"ForAllValues:StringLike":{"ses:Recipients":"*@example.net"}`), v2Send(bcc), "ses:SendEmail"},
		{"recipients without a set operator", on("ses:*", `"StringLike":{"ses:Recipients":"*@example.net"}`), v2Send(bcc), "ses:SendEmail"},
		{"this From", on("ses:*", `"StringEquals":{"ses:FromAddress":"sender@example.com"}`), v2Send(plain("Sender <"+sender+">", reader)), ""},
		{"two From, of which one is not allowed", on("ses:*", `"StringEquals":{"ses:FromAddress":"sender@example.com"}`),
			v1Raw(rawV1("sender@example.com, second@example.com", reader)), "ses:SendRawEmail"},
		{"this display name", on("ses:*", `"StringLike":{"ses:FromDisplayName":"Marketing*"}`), v2Send(plain("Marketing Team <"+sender+">", reader)), ""},
		{"this display name in encoded words", on("ses:*", `"StringEquals":{"ses:FromDisplayName":"Märkte"}`), v2Send(rawV2("=?utf-8?q?M=C3=A4rkte?= <"+sender+">", reader)), ""},
		{"another display name", on("ses:*", `"StringLike":{"ses:FromDisplayName":"Marketing*"}`), v2Send(plain("Sales <"+sender+">", reader)), "ses:SendEmail"},
		{"no display name", on("ses:*", `"StringLike":{"ses:FromDisplayName":"*"}`), v2Send(plain(sender, reader)), "ses:SendEmail"},
		{"this Return-Path, which is the source's by default", on("ses:*", `"StringEquals":{"ses:FeedbackAddress":"sender@example.com"}`), v2Send(plain(sender, reader)), ""},
		{"this Return-Path, given", on("ses:*", `"StringEquals":{"ses:FeedbackAddress":"sender@example.com"}`), v2Send(feedback), ""},
		{"another Return-Path", on("ses:*", `"StringEquals":{"ses:FeedbackAddress":"feedback@example.com"}`), v2Send(plain(sender, reader)), "ses:SendEmail"},
		{"from this network", on("ses:*", `"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}`), v2Send(plain(sender, reader)), ""},
		{"from another network", on("ses:*", `"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}`), v2Send(plain(sender, reader)), "ses:SendEmail"},
		{"in clear, which is to be refused", on("ses:*", `"Bool":{"aws:SecureTransport":"true"}`), v2Send(plain(sender, reader)), "ses:SendEmail"},
		{"by an SDK for Go", on("ses:*", `"StringLike":{"aws:UserAgent":"aws-sdk-go-v2/*"}`), v2Send(plain(sender, reader)), ""},
		{"after its time", on("ses:*", `"DateLessThan":{"aws:CurrentTime":"2020-01-01T12:00Z"}`), v2Send(plain(sender, reader)), "ses:SendEmail"},
		{"the user's name in the From address", on("ses:*", `"StringLike":{"ses:FromAddress":"${aws:username}@*"}`), v2Send(plain(sender, reader)), "ses:SendEmail"},
		{"through no VPC", on("ses:*", `"StringEquals":{"aws:SourceVpc":"vpc-1"}`), v2Send(plain(sender, reader)), "ses:SendEmail"},
		{"not through a VPC", on("ses:*", `"Null":{"aws:SourceVpce":"true"}`), v2Send(plain(sender, reader)), ""},
	}
}

func TestConditionsOfAUsersPolicyHoldForMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.identities.Create(t.Context(), home, "second@example.com", identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range sendCases() { // one after the other, since it is one user's policy
		w.ofUser(t, testerARN, c.policy)
		err := c.send(t.Context(), w)
		switch {
		case c.denied == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.denied != "" && err == nil:
			t.Errorf("%s: was taken", c.name)
		case c.denied != "":
			if r := refused(t, err); r.status != 403 || !strings.Contains(r.text, "to perform `"+c.denied+"' on resource `") {
				t.Errorf("%s: %+v", c.name, r)
			}
		}
	}
}

func TestADenyWinsOverEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	two := w.sesv2Client(tester())
	w.ofUser(t, testerARN, everything, statement("Deny", "ses:SendEmail", "*", `"StringLike":{"ses:Recipients":"*@example.org"}`))
	if _, err := two.SendEmail(ctx, plain(sender, reader)); err != nil {
		t.Error(err)
	}
	_, err := two.SendEmail(ctx, plain(sender, reader, "x@example.org"))
	wantRefusal(t, err, deniedSend("AccessDeniedException", testerARN, "ses:SendEmail", senderARN))

	// So does one in the policy of the identity.
	w.ofUser(t, testerARN, everything)
	w.ofIdentity(t, senderARN, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"`+testerARN+`"},"Action":["ses:SendEmail","ses:GetEmailIdentity"],"Resource":"`+senderARN+`"}]}`)
	_, err = two.SendEmail(ctx, plain(sender, reader))
	wantRefusal(t, err, deniedSend("AccessDeniedException", testerARN, "ses:SendEmail", senderARN))
	_, err = two.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: aws.String(sender)})
	wantRefusal(t, err, denied("AccessDeniedException", "ses:GetEmailIdentity", senderARN))
	if _, err := two.SendEmail(ctx, rawV2(sender, reader)); err != nil {
		t.Errorf("what is not denied: %v", err)
	}
}

func TestAnIdentitysPolicyAllowsAUserOfItsAccountByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ofUser(t, testerARN)
	ctx := t.Context()
	two := w.sesv2Client(tester())
	policy := func(principal string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":["ses:SendEmail","ses:GetEmailIdentity"],"Resource":"` + senderARN + `"}]}`
	}
	w.ofIdentity(t, senderARN, policy(`{"AWS":"`+testerARN+`"}`))
	if _, err := two.SendEmail(ctx, plain(sender, reader)); err != nil {
		t.Error(err)
	}
	if _, err := two.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: aws.String(sender)}); err != nil {
		t.Error(err)
	}
	// To allow it to the account leaves it to the account's own policies.
	w.ofIdentity(t, senderARN, policy(`{"AWS":"123456789012"}`))
	_, err := two.SendEmail(ctx, plain(sender, reader))
	wantRefusal(t, err, deniedSend("AccessDeniedException", testerARN, "ses:SendEmail", senderARN))
	w.ofIdentity(t, senderARN, policy(`"*"`))
	if _, err := two.SendEmail(ctx, plain(sender, reader)); err != nil {
		t.Error("everyone:", err)
	}
}

// TestAnAddressIdentitysPolicyTakesPrecedence has the policies of a domain and of one of
// its addresses disagree, in both ways.
func TestAnAddressIdentitysPolicyTakesPrecedence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ofUser(t, testerARN)
	ctx := t.Context()
	if _, err := w.identities.Create(ctx, home, "example.com", identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	const domainARN = "arn:aws:ses:us-east-1:123456789012:identity/example.com"
	policy := func(effect, arn string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Principal":{"AWS":"` + testerARN + `"},"Action":"ses:SendEmail","Resource":"` + arn + `"}]}`
	}
	two := w.sesv2Client(tester())
	for _, c := range []struct {
		name, address, domain string
		sender, other         bool // what may be sent from sender@ and other@example.com
	}{
		{"the address allows, the domain says nothing", policy("Allow", senderARN), "", true, false},
		{"the address allows, the domain denies", policy("Allow", senderARN), policy("Deny", domainARN), true, false},
		{"the address denies, the domain allows", policy("Deny", senderARN), policy("Allow", domainARN), false, true},
		{"the address says nothing of it, the domain allows", strings.ReplaceAll(policy("Allow", senderARN), "ses:SendEmail", "ses:GetEmailIdentity"), policy("Allow", domainARN), true, true},
		{"the address has no policy", "", policy("Allow", domainARN), true, true},
		{"neither", "", "", false, false},
	} {
		w.ofIdentity(t, senderARN, nonEmpty(c.address)...)
		w.ofIdentity(t, domainARN, nonEmpty(c.domain)...)
		if _, err := two.SendEmail(ctx, plain(sender, reader)); (err == nil) != c.sender {
			t.Errorf("%s: sender@: %v", c.name, err)
		}
		if _, err := two.SendEmail(ctx, plain("other@example.com", reader)); (err == nil) != c.other {
			t.Errorf("%s: other@: %v", c.name, err)
		}
	}
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// TestAllAddressesOfAMessageAreAuthorised sends from an identity that is allowed with a
// Return-Path, or a second sender, under one that is not.
func TestAllAddressesOfAMessageAreAuthorised(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	if _, err := w.identities.Create(ctx, home, "example.org", identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	w.ofUser(t, testerARN, statement("Allow", "ses:*", senderARN, ""))
	const orgARN = "arn:aws:ses:us-east-1:123456789012:identity/example.org"
	back := plain(sender, reader)
	back.FeedbackForwardingEmailAddress = aws.String("feedback@example.org")
	_, err := w.sesv2Client(tester()).SendEmail(ctx, back)
	wantRefusal(t, err, deniedSend("AccessDeniedException", testerARN, "ses:SendEmail", orgARN))
	two := rawV1(sender+", x@example.org", reader)
	_, err = w.sesClient(tester()).SendRawEmail(ctx, two)
	wantRefusal(t, err, deniedSend("AccessDenied", testerARN, "ses:SendRawEmail", orgARN))
	source := rawV1(sender, reader)
	source.Source = aws.String("x@example.org")
	_, err = w.sesClient(tester()).SendRawEmail(ctx, source)
	wantRefusal(t, err, deniedSend("AccessDenied", testerARN, "ses:SendRawEmail", orgARN))
}
