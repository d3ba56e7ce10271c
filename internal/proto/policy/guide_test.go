// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	"sesame/internal/proto/policy"
)

// Principals of the SES Developer Guide's examples.
var (
	john = policy.Caller{Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/John"}
	jane = policy.Caller{Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/Jane"}
	jack = policy.Caller{Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/Jack"}
)

// parse compiles a policy of the kind.
func parse(t *testing.T, kind policy.Kind, text string) *policy.Document {
	t.Helper()
	d, err := policy.Parse([]byte(text))
	if err == nil {
		err = d.Validate(kind)
	}
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return d
}

// guideCase is a request and what an example says of it.
type guideCase struct {
	sentence string
	caller   policy.Caller
	action   string
	resource string
	keys     policy.Keys
	want     policy.Decision
}

func (c guideCase) run(t *testing.T, d *policy.Document) {
	t.Helper()
	r := &policy.Request{Caller: c.caller, Action: c.action, Resource: c.resource, Context: c.keys}
	if got := d.Evaluate(r); got != c.want {
		t.Errorf("%s: %v, want %v", c.sentence, got, c.want)
	}
}

// IAM policies of the chapter "Controlling access to Amazon SES".
func TestGuideIAMPolicies(t *testing.T) {
	t.Parallel()
	const identity = "arn:aws:ses:us-east-1:123456789012:identity/example.com"
	const period = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ses:SendEmail","ses:SendRawEmail"],"Resource":"*",
		"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-31T12:00Z"},"DateLessThan":{"aws:CurrentTime":"2018-10-01T12:00Z"}}}]}`
	at := func(s string) policy.Keys { return policy.Keys{"aws:currenttime": {s}} }
	sending := func(condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ses:SendEmail","ses:SendRawEmail"],"Resource":"*","Condition":{` + condition + `}}]}`
	}
	for name, example := range map[string]struct {
		text  string
		cases []guideCase
	}{
		"full access": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ses:*"],"Resource":"*"}]}`, []guideCase{
			{"any action of SES", john, "ses:DeleteIdentity", identity, nil, policy.Allow},
			{"no other service", john, "iam:CreateUser", "*", nil, policy.NotApplicable},
		}},
		"version 2 of the API only": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ses:*"],"Resource":"*","Condition":{"StringEquals":{"ses:ApiVersion":"2"}}}]}`, []guideCase{
			{"version 2, and SMTP", john, "ses:SendRawEmail", identity, policy.Keys{"ses:apiversion": {"2"}}, policy.Allow},
			{"version 1", john, "ses:SendRawEmail", identity, policy.Keys{"ses:apiversion": {"1"}}, policy.NotApplicable},
		}},
		"sending only": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ses:SendEmail","ses:SendRawEmail"],"Resource":"*"}]}`, []guideCase{
			{"sends", john, "ses:SendEmail", identity, nil, policy.Allow},
			{"reads no statistics", john, "ses:GetSendStatistics", "*", nil, policy.NotApplicable},
		}},
		"a period, whose ends have no seconds": {period, []guideCase{
			{"before", john, "ses:SendEmail", identity, at("2018-08-31T11:59:59Z"), policy.NotApplicable},
			{"at the very start, which is not after it", john, "ses:SendEmail", identity, at("2018-08-31T12:00:00Z"), policy.NotApplicable},
			{"within", john, "ses:SendRawEmail", identity, at("2018-09-15T00:00:00Z"), policy.Allow},
			{"after", john, "ses:SendEmail", identity, at("2018-10-01T12:00:01Z"), policy.NotApplicable},
		}},
		"recipients": {sending(`"ForAllValues:StringLike":{"ses:Recipients":["*@example.com"]}`), []guideCase{
			{"all of the domain", john, "ses:SendEmail", identity, policy.Keys{"ses:recipients": {"a@example.com", "b@example.com"}}, policy.Allow},
			{"one of another", john, "ses:SendEmail", identity, policy.Keys{"ses:recipients": {"a@example.com", "b@example.net"}}, policy.NotApplicable},
			{"StringLike tells capitals apart", john, "ses:SendEmail", identity, policy.Keys{"ses:recipients": {"a@EXAMPLE.com"}}, policy.NotApplicable},
		}},
		"From address": {sending(`"StringEquals":{"ses:FromAddress":"marketing@example.com"}`), []guideCase{
			{"this one", john, "ses:SendEmail", identity, policy.Keys{"ses:fromaddress": {"marketing@example.com"}}, policy.Allow},
			{"another", john, "ses:SendEmail", identity, policy.Keys{"ses:fromaddress": {"sales@example.com"}}, policy.NotApplicable},
		}},
		"From address of bounces": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ses:SendBounce"],"Resource":"*","Condition":{"StringEquals":{"ses:FromAddress":"bounce@example.com"}}}]}`, []guideCase{
			{"this one", john, "ses:SendBounce", identity, policy.Keys{"ses:fromaddress": {"bounce@example.com"}}, policy.Allow},
			{"another", john, "ses:SendBounce", identity, policy.Keys{"ses:fromaddress": {"x@example.com"}}, policy.NotApplicable},
			{"not mail", john, "ses:SendEmail", identity, policy.Keys{"ses:fromaddress": {"bounce@example.com"}}, policy.NotApplicable},
		}},
		"display name": {sending(`"StringLike":{"ses:FromDisplayName":"Marketing"}`), []guideCase{
			{"exactly, since there is no wildcard", john, "ses:SendEmail", identity, policy.Keys{"ses:fromdisplayname": {"Marketing"}}, policy.Allow},
			{"not only within", john, "ses:SendEmail", identity, policy.Keys{"ses:fromdisplayname": {"The Marketing Team"}}, policy.NotApplicable},
			{"in this case", john, "ses:SendEmail", identity, policy.Keys{"ses:fromdisplayname": {"marketing"}}, policy.NotApplicable},
		}},
		"Return-Path": {sending(`"StringEquals":{"ses:FeedbackAddress":"feedback@example.com"}`), []guideCase{
			{"this one", john, "ses:SendRawEmail", identity, policy.Keys{"ses:feedbackaddress": {"feedback@example.com"}}, policy.Allow},
			{"another", john, "ses:SendRawEmail", identity, policy.Keys{"ses:feedbackaddress": {"john@example.com"}}, policy.NotApplicable},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := parse(t, policy.IdentityBased, example.text)
			for _, c := range example.cases {
				c.run(t, d)
			}
		})
	}
}

// Identity policies of the chapter "Using identity authorization in Amazon SES".
func TestGuideIdentityPolicies(t *testing.T) {
	t.Parallel()
	const identity = "arn:aws:ses:us-east-1:123456789012:identity/example.com"
	const sender = "arn:aws:ses:us-east-1:123456789012:identity/sender@example.com"
	for name, example := range map[string]struct {
		text  string
		cases []guideCase
	}{
		"anatomy": {`{
			"Id":"ExampleAuthorizationPolicy",
			"Version":"2012-10-17",
			"Statement":[{
				"Sid":"AuthorizeAccount",
				"Effect":"Allow",
				"Resource":"arn:aws:ses:us-east-1:123456789012:identity/example.com",
				"Principal":{"AWS":["123456789012"]},
				"Action":["ses:GetEmailIdentity","ses:UpdateEmailIdentityPolicy","ses:ListRecommendations","ses:CreateEmailIdentityPolicy","ses:DeleteEmailIdentity"]
			}]}`, []guideCase{
			{"a user of the account", john, "ses:GetEmailIdentity", identity, nil, policy.Allow},
			{"an action that is not listed", john, "ses:SendEmail", identity, nil, policy.NotApplicable},
			{"another identity", john, "ses:GetEmailIdentity", sender, nil, policy.NotApplicable},
			{"another account", policy.Caller{Account: "999999999999", ARN: "arn:aws:iam::999999999999:user/John"}, "ses:GetEmailIdentity", identity, nil, policy.NotApplicable},
		}},
		"the account": {`{"Id":"ExampleAuthorizationPolicy","Version":"2012-10-17","Statement":[{"Sid":"AuthorizeAccount","Effect":"Allow",
			"Resource":"arn:aws:ses:us-east-1:123456789012:identity/example.com","Principal":{"AWS":["arn:aws:iam::123456789012:root"]},
			"Action":["ses:DeleteEmailIdentity","ses:PutEmailIdentityDkimSigningAttributes"]}]}`, []guideCase{
			{"its users", jane, "ses:DeleteEmailIdentity", identity, nil, policy.Allow},
			{"its root user", policy.Caller{Account: "123456789012", ARN: "arn:aws:iam::123456789012:root"}, "ses:PutEmailIdentityDkimSigningAttributes", identity, nil, policy.Allow},
		}},
		"two users": {`{"Id":"ExampleAuthorizationPolicy","Version":"2012-10-17","Statement":[{"Sid":"AuthorizeIAMUser","Effect":"Allow",
			"Resource":"arn:aws:ses:us-east-1:123456789012:identity/example.com",
			"Principal":{"AWS":["arn:aws:iam::123456789012:user/John","arn:aws:iam::123456789012:user/Jane"]},
			"Action":["ses:DeleteEmailIdentity","ses:PutEmailIdentityDkimSigningAttributes"]}]}`, []guideCase{
			{"one", john, "ses:DeleteEmailIdentity", identity, nil, policy.Allow},
			{"the other", jane, "ses:DeleteEmailIdentity", identity, nil, policy.Allow},
			{"a third", jack, "ses:DeleteEmailIdentity", identity, nil, policy.NotApplicable},
		}},
		"one action": {`{"Id":"ExamplePolicy","Version":"2012-10-17","Statement":[{"Sid":"ControlAction","Effect":"Allow",
			"Resource":"arn:aws:ses:us-east-1:123456789012:identity/example.com","Principal":{"AWS":["123456789012"]},
			"Action":["ses:PutEmailIdentityMailFromAttributes"]}]}`, []guideCase{
			{"this one", john, "ses:PutEmailIdentityMailFromAttributes", identity, nil, policy.Allow},
			{"no other", john, "ses:PutEmailIdentityDkimAttributes", identity, nil, policy.NotApplicable},
		}},
		"denials": {`{"Version":"2012-10-17","Statement":[
			{"Sid":"DenyGet","Effect":"Deny","Resource":"arn:aws:ses:us-east-1:123456789012:identity/sender@example.com",
			 "Principal":{"AWS":["arn:aws:iam::123456789012:user/John","arn:aws:iam::123456789012:user/Jane"]},"Action":["ses:GetEmailIdentity"]},
			{"Sid":"DenyUpdate","Effect":"Deny","Resource":"arn:aws:ses:us-east-1:123456789012:identity/sender@example.com",
			 "Principal":{"AWS":"arn:aws:iam::123456789012:user/Jack"},"Action":["ses:UpdateEmailIdentityPolicy"]}]}`, []guideCase{
			{"John is denied the one", john, "ses:GetEmailIdentity", sender, nil, policy.Deny},
			{"Jane too", jane, "ses:GetEmailIdentity", sender, nil, policy.Deny},
			{"Jack is not", jack, "ses:GetEmailIdentity", sender, nil, policy.NotApplicable},
			{"Jack is denied the other", jack, "ses:UpdateEmailIdentityPolicy", sender, nil, policy.Deny},
			{"John is not", john, "ses:UpdateEmailIdentityPolicy", sender, nil, policy.NotApplicable},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := parse(t, policy.ResourceBased, example.text)
			for _, c := range example.cases {
				c.run(t, d)
			}
		})
	}
}

// Sending authorization policies of the chapter "Using sending authorization".
func TestGuideSendingPolicies(t *testing.T) {
	t.Parallel()
	const identity = "arn:aws:ses:us-east-1:888888888888:identity/example.com"
	const sender = "arn:aws:ses:us-east-1:999999999999:identity/sender@example.com"
	user := func(account, name string) policy.Caller {
		return policy.Caller{Account: account, ARN: "arn:aws:iam::" + account + ":user/" + name}
	}
	delegate := func(id, condition string) string {
		return `{"Id":"` + id + `","Version":"2012-10-17","Statement":[{"Sid":"Authorize","Effect":"Allow",
			"Resource":"arn:aws:ses:us-east-1:888888888888:identity/example.com","Principal":{"AWS":["123456789012"]},
			"Action":["ses:SendEmail","ses:SendRawEmail"],"Condition":{` + condition + `}}]}`
	}
	from := func(s string) policy.Keys { return policy.Keys{"ses:fromaddress": {s}} }
	for name, example := range map[string]struct {
		text  string
		cases []guideCase
	}{
		"a pattern of From addresses, whose period is a period": {delegate("ExamplePolicy", `"StringLike":{"ses:FromAddress":"marketing+.*@example.com"}`), []guideCase{
			{"with the period", john, "ses:SendEmail", identity, from("marketing+.june@example.com"), policy.Allow},
			{"without it", john, "ses:SendEmail", identity, from("marketing+june@example.com"), policy.NotApplicable},
		}},
		"the users of two accounts": {`{"Id":"ExamplePolicy","Version":"2012-10-17","Statement":[{"Sid":"AuthorizeIAMUser","Effect":"Allow",
			"Resource":"arn:aws:ses:us-east-1:888888888888:identity/example.com",
			"Principal":{"AWS":["arn:aws:iam::111122223333:user/John","arn:aws:iam::444455556666:user/Jane"]},"Action":["ses:SendEmail","ses:SendRawEmail"]}]}`, []guideCase{
			{"John of the one", user("111122223333", "John"), "ses:SendEmail", identity, nil, policy.Allow},
			{"Jane of the other", user("444455556666", "Jane"), "ses:SendRawEmail", identity, nil, policy.Allow},
			{"John of the other", user("444455556666", "John"), "ses:SendEmail", identity, nil, policy.NotApplicable},
		}},
		"a service": {`{"Id":"ExamplePolicy","Version":"2012-10-17","Statement":[{"Sid":"AuthorizeService","Effect":"Allow",
			"Resource":"arn:aws:ses:us-east-1:888888888888:identity/example.com","Principal":{"Service":["cognito-idp.amazonaws.com"]},
			"Action":["ses:SendEmail","ses:SendRawEmail"],
			"Condition":{"StringEquals":{"aws:SourceAccount":"888888888888","aws:SourceArn":"arn:aws:cognito-idp:us-east-1:888888888888:userpool/your-user-pool-id-goes-here"}}}]}`, []guideCase{
			{"on behalf of this user pool", policy.Caller{Service: "cognito-idp.amazonaws.com"}, "ses:SendEmail", identity,
				policy.Keys{"aws:sourceaccount": {"888888888888"}, "aws:sourcearn": {"arn:aws:cognito-idp:us-east-1:888888888888:userpool/your-user-pool-id-goes-here"}}, policy.Allow},
			{"on behalf of a stranger", policy.Caller{Service: "cognito-idp.amazonaws.com"}, "ses:SendEmail", identity,
				policy.Keys{"aws:sourceaccount": {"666666666666"}, "aws:sourcearn": {"arn:aws:cognito-idp:us-east-1:888888888888:userpool/your-user-pool-id-goes-here"}}, policy.NotApplicable},
			{"a user", john, "ses:SendEmail", identity, nil, policy.NotApplicable},
		}},
		"an organization": {`{"Id":"ExamplePolicy","Version":"2012-10-17","Statement":[{"Sid":"AuthorizeOrg","Effect":"Allow",
			"Resource":"arn:aws:ses:us-east-1:888888888888:identity/example.com","Principal":"*","Action":["ses:SendEmail","ses:SendRawEmail"],
			"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-xxxxxxxxxxx"}}}]}`, []guideCase{
			{"a member", john, "ses:SendEmail", identity, policy.Keys{"aws:principalorgid": {"o-xxxxxxxxxxx"}}, policy.Allow},
			{"another's member", john, "ses:SendEmail", identity, policy.Keys{"aws:principalorgid": {"o-yyyyyyyyyyy"}}, policy.NotApplicable},
			{"who is in none", john, "ses:SendEmail", identity, nil, policy.NotApplicable},
		}},
		"one From address": {delegate("ExamplePolicy", `"StringEquals":{"ses:FromAddress":"sender@example.com"}`), []guideCase{
			{"this one", john, "ses:SendEmail", identity, from("sender@example.com"), policy.Allow},
			{"another", john, "ses:SendEmail", identity, from("other@example.com"), policy.NotApplicable},
		}},
		"a period": {delegate("ExamplePolicy", `"DateGreaterThan":{"aws:CurrentTime":"2021-08-31T12:00Z"},"DateLessThan":{"aws:CurrentTime":"2021-10-01T12:00Z"}`), []guideCase{
			{"within", john, "ses:SendEmail", identity, policy.Keys{"aws:currenttime": {"2021-09-01T00:00:00Z"}}, policy.Allow},
			{"before", john, "ses:SendEmail", identity, policy.Keys{"aws:currenttime": {"2021-08-01T00:00:00Z"}}, policy.NotApplicable},
			{"after", john, "ses:SendEmail", identity, policy.Keys{"aws:currenttime": {"2021-11-01T00:00:00Z"}}, policy.NotApplicable},
		}},
		"raw mail only": {`{"Id":"ExamplePolicy","Version":"2012-10-17","Statement":[{"Sid":"ControlAction","Effect":"Allow",
			"Resource":"arn:aws:ses:us-east-1:888888888888:identity/example.com","Principal":{"AWS":["123456789012"]},"Action":["ses:SendRawEmail"]}]}`, []guideCase{
			{"raw, and SMTP", john, "ses:SendRawEmail", identity, nil, policy.Allow},
			{"formatted", john, "ses:SendEmail", identity, nil, policy.NotApplicable},
		}},
		"display name": {delegate("ExamplePolicy", `"StringLike":{"ses:FromDisplayName":"Marketing"}`), []guideCase{
			{"exactly", john, "ses:SendEmail", identity, policy.Keys{"ses:fromdisplayname": {"Marketing"}}, policy.Allow},
			{"none", john, "ses:SendEmail", identity, nil, policy.NotApplicable},
		}},
		"two statements": {`{"Version":"2012-10-17","Statement":[
			{"Sid":"AuthorizeInternal","Effect":"Allow","Resource":"arn:aws:ses:us-east-1:999999999999:identity/sender@example.com",
			 "Principal":{"AWS":["111111111111","222222222222"]},"Action":["ses:SendEmail","ses:SendRawEmail"],
			 "Condition":{"StringLike":{"ses:FromAddress":"*@example.com","ses:FeedbackAddress":"*@example.com"}}},
			{"Sid":"AuthorizeRecipient","Effect":"Allow","Resource":"arn:aws:ses:us-east-1:999999999999:identity/sender@example.com",
			 "Principal":{"AWS":"arn:aws:iam::333333333333:user/Jane"},"Action":["ses:SendEmail","ses:SendRawEmail"],
			 "Condition":{"ForAllValues:StringLike":{"ses:Recipients":["*@example.com"]}}}]}`, []guideCase{
			{"both keys of one operator hold", user("111111111111", "u"), "ses:SendEmail", sender,
				policy.Keys{"ses:fromaddress": {"sender@example.com"}, "ses:feedbackaddress": {"fb@example.com"}}, policy.Allow},
			{"one of them does not", user("222222222222", "u"), "ses:SendEmail", sender,
				policy.Keys{"ses:fromaddress": {"sender@example.com"}, "ses:feedbackaddress": {"fb@example.net"}}, policy.NotApplicable},
			{"Jane, to her domain", user("333333333333", "Jane"), "ses:SendEmail", sender, policy.Keys{"ses:recipients": {"x@example.com"}}, policy.Allow},
			{"Jane, to another too", user("333333333333", "Jane"), "ses:SendEmail", sender, policy.Keys{"ses:recipients": {"x@example.com", "x@example.net"}}, policy.NotApplicable},
		}},
		"the least that a delegate needs": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"arn:aws:ses:us-east-1:888888888888:identity/example.com",
			"Principal":{"AWS":"arn:aws:iam::123456789012:user/John"},"Action":["ses:SendEmail","ses:SendRawEmail"]}]}`, []guideCase{
			{"John", john, "ses:SendRawEmail", identity, nil, policy.Allow},
			{"the rest of his account", jane, "ses:SendRawEmail", identity, nil, policy.NotApplicable},
		}},
		"what may not be the sender": {delegate("ExamplePolicy", `"StringNotLike":{"ses:FromAddress":"*admin*example.com"}`), []guideCase{
			{"admin", john, "ses:SendEmail", identity, from("admin@example.com"), policy.NotApplicable},
			{"admin in quotes", john, "ses:SendEmail", identity, from(`"admin"@example.com`), policy.NotApplicable},
			{"admin with a label", john, "ses:SendEmail", identity, from("admin+1@example.com"), policy.NotApplicable},
			{"a subdomain", john, "ses:SendEmail", identity, from("sender@admin.example.com"), policy.NotApplicable},
			{"anybody else", john, "ses:SendEmail", identity, from("sender@example.com"), policy.Allow},
		}},
		"invoices": {delegate("ExamplePolicy", `"StringLike":{"ses:FromAddress":"invoicing*@example.com"}`), []guideCase{
			{"with the prefix", john, "ses:SendEmail", identity, from("invoicing-2026@example.com"), policy.Allow},
			{"of another domain", john, "ses:SendEmail", identity, from("invoicing@example.net"), policy.NotApplicable},
		}},
		"until a day": {delegate("ExamplePolicy", `"DateLessThan":{"aws:CurrentTime":"2019-07-30T00:00:00Z"}`), []guideCase{
			{"before it", john, "ses:SendEmail", identity, policy.Keys{"aws:currenttime": {"2019-07-29T23:59:59Z"}}, policy.Allow},
			{"from it on", john, "ses:SendEmail", identity, policy.Keys{"aws:currenttime": {"2019-07-30T00:00:00Z"}}, policy.NotApplicable},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := parse(t, policy.ResourceBased, example.text)
			for _, c := range example.cases {
				c.run(t, d)
			}
		})
	}
}

// One example of the guide lacks a quotation mark as it is printed.
func TestGuideExampleWithoutItsQuoteIsRefused(t *testing.T) {
	t.Parallel()
	_, err := policy.Parse([]byte(`{
  "Id":"ExamplePolicy",
  "Version":"2012-10-17",
  "Statement":[
    {
      "Sid":"ControlAction",
      "Effect":"Allow",
      "Resource":"arn:aws:ses:us-east-1:123456789012:identity/example.com",
      "Principal":{
        "AWS":[
          "123456789012"
        ]
      },
      "Action":[
        "ses:PutEmailIdentityMailFromAttributes
      ]
    }
  ]
}`))
	if err == nil || !strings.HasPrefix(err.Error(), "Syntax errors in policy. Line 15: ") {
		t.Errorf("%v", err)
	}
}
