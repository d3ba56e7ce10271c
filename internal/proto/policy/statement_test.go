// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	"sesame/internal/proto/policy"
)

// What the tables ask about unless a case says otherwise.
const (
	theIdentity = "arn:aws:ses:us-east-1:888888888888:identity/example.com"
	theAction   = "ses:SendEmail"
)

// decide evaluates a policy with a statement of these elements, which comes after Version
// and the Effect Allow.
func decide(t *testing.T, elements string, r policy.Request) policy.Decision {
	t.Helper()
	d, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow",` + elements + `}}`))
	if err != nil {
		t.Fatalf("%v in %s", err, elements)
	}
	return d.Evaluate(&r)
}

func TestActions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sentence, element, action string
		applies                   bool
	}{
		{"an action by its name", `"Action":"ses:SendEmail"`, "ses:SendEmail", true},
		{"another action", `"Action":"ses:SendEmail"`, "ses:SendRawEmail", false},
		{"an action that only begins like it", `"Action":"ses:SendEmail"`, "ses:SendEmails", false},
		{"the case of the letters does not count in the policy", `"Action":"SES:sendEMAIL"`, "ses:SendEmail", true},
		{"nor in the request", `"Action":"ses:SendEmail"`, "SES:SENDEMAIL", true},
		{"one of a list", `"Action":["ses:GetSendQuota","ses:SendEmail"]`, "ses:SendEmail", true},
		{"none of a list", `"Action":["ses:GetSendQuota","ses:SendEmail"]`, "ses:SendBounce", false},
		{"everything", `"Action":"*"`, "iam:CreateUser", true},
		{"everything of a service", `"Action":"ses:*"`, "ses:DeleteIdentity", true},
		{"nothing of another service", `"Action":"ses:*"`, "iam:CreateUser", false},
		{"any service", `"Action":"*:Get*"`, "iam:GetUser", true},
		{"a prefix", `"Action":"ses:BatchGet*"`, "ses:BatchGetMetricData", true},
		{"a prefix that the action is", `"Action":"ses:BatchGetMetricData*"`, "ses:BatchGetMetricData", true},
		{"a prefix that it does not have", `"Action":"ses:BatchGet*"`, "ses:GetAccount", false},
		{"a suffix", `"Action":"ses:*Policy"`, "ses:PutIdentityPolicy", true},
		{"in the middle", `"Action":"ses:Get*Attributes"`, "ses:GetIdentityDkimAttributes", true},
		{"a question mark is one character", `"Action":"ses:Send?mail"`, "ses:SendEmail", true},
		{"and not none", `"Action":"ses:SendEmail?"`, "ses:SendEmail", false},
		{"everything but one", `"NotAction":"ses:SendEmail"`, "ses:SendRawEmail", true},
		{"that one", `"NotAction":"ses:SendEmail"`, "ses:SendEmail", false},
		{"everything but a service", `"NotAction":["ses:*","iam:*"]`, "sts:AssumeRole", true},
		{"that service", `"NotAction":["ses:*","iam:*"]`, "iam:GetUser", false},
		{"the admin API's actions", `"Action":"sesame:Get*"`, "sesame:GetIdentityRecords", true},
	} {
		got := decide(t, c.element+`,"Resource":"*"`, policy.Request{Action: c.action, Resource: theIdentity})
		if (got == policy.Allow) != c.applies {
			t.Errorf("%s: %s with %s: %v", c.sentence, c.element, c.action, got)
		}
	}
}

func TestResources(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sentence, element, resource string
		applies                     bool
	}{
		{"a resource by its ARN", `"Resource":"` + theIdentity + `"`, theIdentity, true},
		{"another resource", `"Resource":"arn:aws:ses:us-east-1:888888888888:identity/example.org"`, theIdentity, false},
		{"capitals count", `"Resource":"arn:aws:ses:us-east-1:888888888888:identity/EXAMPLE.com"`, theIdentity, false},
		{"everything", `"Resource":"*"`, theIdentity, true},
		{"everything is also what operations without a resource want", `"Resource":"*"`, "*", true},
		{"an ARN is not what they want", `"Resource":"` + theIdentity + `"`, "*", false},
		{"nor is an ARN of wildcards", `"Resource":"arn:*:*:*:*:*"`, "*", false},
		{"one of a list", `"Resource":["arn:aws:ses:us-east-1:888888888888:identity/a.example","` + theIdentity + `"]`, theIdentity, true},
		{"all identities", `"Resource":"arn:aws:ses:us-east-1:888888888888:identity/*"`, theIdentity, true},
		{"no configuration sets", `"Resource":"arn:aws:ses:us-east-1:888888888888:identity/*"`, "arn:aws:ses:us-east-1:888888888888:configuration-set/s", false},
		{"any region", `"Resource":"arn:aws:ses:*:888888888888:identity/example.com"`, theIdentity, true},
		{"any account", `"Resource":"arn:aws:ses:us-east-1:*:identity/example.com"`, theIdentity, true},
		{"a wildcard stays in its part", `"Resource":"arn:aws:ses:*:identity/example.com:*:*"`, theIdentity, false},
		{"a part with a wildcard and more", `"Resource":"arn:aws:ses:us-*-1:888888888888:identity/example.com"`, theIdentity, true},
		{"a question mark", `"Resource":"arn:aws:ses:us-east-?:888888888888:identity/example.com"`, theIdentity, true},
		{"parts that are missing are any", `"Resource":"arn:aws:ses"`, theIdentity, true},
		{"those of another service", `"Resource":"arn:aws:sns"`, theIdentity, false},
		{"a name with colons is one part", `"Resource":"arn:aws:ses:us-east-1:888888888888:receipt-rule-set/S:receipt-rule/*"`, "arn:aws:ses:us-east-1:888888888888:receipt-rule-set/S:receipt-rule/R", true},
		{"any partition", `"Resource":"arn:*:ses:us-east-1:888888888888:identity/example.com"`, theIdentity, true},
		{"everything but one", `"NotResource":"` + theIdentity + `"`, "arn:aws:ses:us-east-1:888888888888:identity/example.org", true},
		{"that one", `"NotResource":"` + theIdentity + `"`, theIdentity, false},
		{"everything but some is also what operations without one want", `"NotResource":"` + theIdentity + `"`, "*", true},
		{"a wildcard in the request is no wildcard", `"Resource":"` + theIdentity + `"`, "arn:aws:ses:us-east-1:888888888888:identity/*", false},
	} {
		got := decide(t, `"Action":"ses:*",`+c.element, policy.Request{Action: theAction, Resource: c.resource})
		if (got == policy.Allow) != c.applies {
			t.Errorf("%s: %s with %s: %v", c.sentence, c.element, c.resource, got)
		}
	}
}

func TestPrincipals(t *testing.T) {
	t.Parallel()
	session := policy.Caller{Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/Mailer/s1", Role: "arn:aws:iam::123456789012:role/Mailer"}
	cognito := policy.Caller{Service: "cognito-idp.amazonaws.com"}
	root := policy.Caller{Account: "123456789012", ARN: "arn:aws:iam::123456789012:root"}
	for _, c := range []struct {
		sentence, element string
		caller            policy.Caller
		direct            bool
		applies           bool
	}{
		{"everyone", `"Principal":"*"`, john, false, true},
		{"everyone, in the list's form", `"Principal":{"AWS":"*"}`, john, false, true},
		{"everyone is direct", `"Principal":"*"`, john, true, true},
		{"everyone, among others", `"Principal":{"AWS":["999999999999","*"]}`, session, false, true},
		{"an account by its id", `"Principal":{"AWS":"123456789012"}`, john, false, true},
		{"an account by its root's ARN", `"Principal":{"AWS":"arn:aws:iam::123456789012:root"}`, john, false, true},
		{"an account means its sessions too", `"Principal":{"AWS":"123456789012"}`, session, false, true},
		{"another account", `"Principal":{"AWS":"999999999999"}`, john, false, false},
		{"an account as a whole is not direct", `"Principal":{"AWS":"123456789012"}`, john, true, false},
		{"but is for its root user", `"Principal":{"AWS":"123456789012"}`, root, true, true},
		{"a user by ARN", `"Principal":{"AWS":"arn:aws:iam::123456789012:user/John"}`, john, true, true},
		{"another user", `"Principal":{"AWS":"arn:aws:iam::123456789012:user/Jane"}`, john, false, false},
		{"a user of that name in another account", `"Principal":{"AWS":"arn:aws:iam::999999999999:user/John"}`, john, false, false},
		{"capitals count", `"Principal":{"AWS":"arn:aws:iam::123456789012:user/john"}`, john, false, false},
		{"a user with a path", `"Principal":{"AWS":"arn:aws:iam::123456789012:user/mail/John"}`, policy.Caller{Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/mail/John"}, true, true},
		{"a role means its sessions", `"Principal":{"AWS":"arn:aws:iam::123456789012:role/Mailer"}`, session, true, true},
		{"another role", `"Principal":{"AWS":"arn:aws:iam::123456789012:role/Reader"}`, session, false, false},
		{"one session", `"Principal":{"AWS":"arn:aws:sts::123456789012:assumed-role/Mailer/s1"}`, session, true, true},
		{"another session", `"Principal":{"AWS":"arn:aws:sts::123456789012:assumed-role/Mailer/s2"}`, session, false, false},
		{"a user who is not of the role", `"Principal":{"AWS":"arn:aws:iam::123456789012:role/Mailer"}`, john, false, false},
		{"a service", `"Principal":{"Service":"cognito-idp.amazonaws.com"}`, cognito, false, true},
		{"another service", `"Principal":{"Service":["sns.amazonaws.com","s3.amazonaws.com"]}`, cognito, false, false},
		{"an account does not mean a service", `"Principal":{"AWS":"123456789012"}`, cognito, false, false},
		{"a service does not mean a user", `"Principal":{"Service":"cognito-idp.amazonaws.com"}`, john, false, false},
		{"either kind", `"Principal":{"Service":"sns.amazonaws.com","AWS":"123456789012"}`, john, false, true},
		{"nobody is federated here", `"Principal":{"Federated":"accounts.google.com"}`, john, false, false},
		{"nobody has a canonical user id here", `"Principal":{"CanonicalUser":"79a59df900b949e55d96a1e698fbaced"}`, john, false, false},
		{"everybody but one", `"NotPrincipal":{"AWS":"arn:aws:iam::123456789012:user/Jane"}`, john, false, true},
		{"that one", `"NotPrincipal":{"AWS":"arn:aws:iam::123456789012:user/John"}`, john, false, false},
		{"everybody but an account", `"NotPrincipal":{"AWS":"123456789012"}`, john, false, false},
		{"that account's root user where only direct ones count", `"NotPrincipal":{"AWS":"123456789012"}`, root, true, false},
		{"everybody but an account does not let it in where only direct ones count", `"NotPrincipal":{"AWS":"123456789012"}`, john, true, false},
		{"without a Principal it is about whoever has the policy", `"Sid":"x"`, john, true, true},
	} {
		got := decide(t, c.element+`,"Action":"ses:*","Resource":"*"`, policy.Request{Caller: c.caller, Action: theAction, Resource: theIdentity, Direct: c.direct})
		if (got == policy.Allow) != c.applies {
			t.Errorf("%s: %s: %v", c.sentence, c.element, got)
		}
	}
}

func TestPrincipalsOfDenials(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sentence, element string
		caller            policy.Caller
		direct, denied    bool
	}{
		{"an account is denied as a whole, directly or not", `"Principal":{"AWS":"123456789012"}`, john, true, true},
		{"a user is denied", `"Principal":{"AWS":"arn:aws:iam::123456789012:user/John"}`, john, false, true},
		{"another user is not", `"Principal":{"AWS":"arn:aws:iam::123456789012:user/Jane"}`, john, false, false},
		{"everybody but a user: the user is not denied", `"NotPrincipal":{"AWS":["arn:aws:iam::123456789012:user/John","123456789012"]}`, john, false, false},
		{"everybody but a user: his account's others are, though it is listed", `"NotPrincipal":{"AWS":["arn:aws:iam::123456789012:user/John","123456789012"]}`, jane, false, true},
		{"everybody but an account: its root user is not", `"NotPrincipal":{"AWS":"123456789012"}`, policy.Caller{Account: "123456789012", ARN: "arn:aws:iam::123456789012:root"}, false, false},
	} {
		d, err := policy.Parse([]byte(`{"Statement":{"Effect":"Deny","Action":"*","Resource":"*",` + c.element + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		got := d.Evaluate(&policy.Request{Caller: c.caller, Action: theAction, Resource: theIdentity, Direct: c.direct})
		if (got == policy.Deny) != c.denied {
			t.Errorf("%s: %v", c.sentence, got)
		}
	}
}

func TestCombination(t *testing.T) {
	t.Parallel()
	const allow = `{"Effect":"Allow","Action":"ses:SendEmail","Resource":"*"}`
	const deny = `{"Effect":"Deny","Action":"ses:SendEmail","Resource":"*"}`
	const other = `{"Effect":"Allow","Action":"ses:GetAccount","Resource":"*"}`
	for _, c := range []struct {
		sentence  string
		documents []string
		want      policy.Decision
	}{
		{"no document applies to nothing", nil, policy.NotApplicable},
		{"a statement that is about something else", []string{other}, policy.NotApplicable},
		{"a statement that allows", []string{allow}, policy.Allow},
		{"one of two allows", []string{other + "," + allow}, policy.Allow},
		{"a denial after an allowance", []string{allow + "," + deny}, policy.Deny},
		{"a denial before one", []string{deny + "," + allow}, policy.Deny},
		{"two documents, of which one allows", []string{other, allow}, policy.Allow},
		{"two documents, of which the first denies", []string{deny, allow}, policy.Deny},
		{"two documents, of which the last denies", []string{allow, deny}, policy.Deny},
	} {
		var docs []*policy.Document
		for _, statements := range c.documents {
			docs = append(docs, parse(t, policy.IdentityBased, `{"Statement":[`+statements+`]}`))
		}
		if got := policy.NewSet(docs...).Evaluate(&policy.Request{Action: theAction, Resource: theIdentity}); got != c.want {
			t.Errorf("%s: %v, want %v", c.sentence, got, c.want)
		}
	}
}

func TestARequestIsAskedAboutSeveralResources(t *testing.T) {
	t.Parallel()
	d := parse(t, policy.IdentityBased, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"`+theIdentity+`"}}`)
	r := &policy.Request{Action: theAction, Resource: theIdentity}
	for arn, want := range map[string]policy.Decision{theIdentity: policy.Allow, "arn:aws:ses:us-east-1:888888888888:identity/example.org": policy.NotApplicable, "*": policy.NotApplicable} {
		r.SetResource(arn)
		if got := d.Evaluate(r); got != want {
			t.Errorf("%s: %v", arn, got)
		}
	}
}
