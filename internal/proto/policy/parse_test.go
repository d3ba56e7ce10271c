// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sesame/internal/proto/policy"
)

func TestWhatIsNoPolicy(t *testing.T) {
	t.Parallel()
	const syntax = "Syntax errors in policy. "
	statement := func(elements string) string { return `{"Version":"2012-10-17","Statement":[{` + elements + `}]}` }
	condition := func(c string) string {
		return statement(`"Effect":"Allow","Action":"*","Resource":"*","Condition":` + c)
	}
	principal := func(p string) string {
		return statement(`"Effect":"Allow","Action":"*","Resource":"*","Principal":` + p)
	}
	for _, c := range []struct{ sentence, text, want string }{
		{"nothing", ``, syntax + "Line 1: unexpected end of JSON input."},
		{"no JSON", `hello`, syntax + "Line 1: invalid character 'h' looking for beginning of value."},
		{"JSON that ends early", `{"Statement":[`, syntax + "Line 1: unexpected end of JSON input."},
		{"two documents", `{} {}`, syntax + "Line 1: invalid character '{' after top-level value."},
		{"a comma too many", "{\"Statement\":[\n{},\n]}", syntax + "Line 3: invalid character ']' looking for beginning of value."},
		{"octets that are no UTF-8", "{\"Id\":\"\xff\"}", syntax + "The text is not UTF-8."},
		{"a list", `[]`, syntax + "The policy is not an object."},
		{"a text", `"Allow"`, syntax + "The policy is not an object."},
		{"nothing in it", `{}`, syntax + "The policy has no Statement."},
		{"no statements", `{"Statement":[]}`, syntax + "The policy has no Statement."},
		{"an element of another language", `{"Statements":[]}`, syntax + `Unknown element "Statements" in the policy.`},
		{"an element in other letters", `{"statement":[]}`, syntax + `Unknown element "statement" in the policy.`},
		{"an element twice", `{"Id":"a","Id":"b","Statement":[]}`, syntax + `The policy has "Id" twice.`},
		{"an element twice, by an escape", `{"Id":"a","\u0049d":"b"}`, syntax + `The policy has "Id" twice.`},
		{"a version that is a number", `{"Version":2012}`, syntax + "Version is not a string."},
		{"a null", `{"Id":null}`, syntax + "Id is not a string."},
		{"statements that are a text", `{"Statement":"x"}`, syntax + "Statement is neither an object nor a list."},
		{"statements that are texts", `{"Statement":["x"]}`, syntax + "A statement is not an object."},
		{"no Effect", statement(`"Action":"*","Resource":"*"`), syntax + "A statement has no Effect."},
		{"an Effect in other letters", statement(`"Effect":"allow","Action":"*"`), syntax + "Effect must be Allow or Deny."},
		{"no Action", statement(`"Effect":"Allow","Resource":"*"`), "Policy statement must contain actions."},
		{"no Action in the list", statement(`"Effect":"Allow","Action":[],"Resource":"*"`), "Policy statement must contain actions."},
		{"no Resource in the list", statement(`"Effect":"Allow","Action":"*","Resource":[]`), "Policy statement must contain resources."},
		{"Action and NotAction", statement(`"Effect":"Allow","Action":"*","NotAction":"ses:*"`), syntax + "A statement has both Action and NotAction."},
		{"Resource and NotResource", statement(`"Effect":"Allow","NotResource":"*","Resource":"*"`), syntax + "A statement has both Resource and NotResource."},
		{"Principal and NotPrincipal", statement(`"Effect":"Allow","Principal":"*","NotPrincipal":"*"`), syntax + "A statement has both Principal and NotPrincipal."},
		{"an unknown element of a statement", statement(`"Effect":"Allow","Act":"*"`), syntax + `Unknown element "Act" in a statement.`},
		{"the negation of what has none", statement(`"NotEffect":"Allow"`), syntax + `Unknown element "NotEffect" in a statement.`},
		{"an Action that is a number", statement(`"Effect":"Allow","Action":1`), syntax + "Action has a value of the wrong type."},
		{"a list in the list", statement(`"Effect":"Allow","Action":["a:b",["c:d"]]`), syntax + "Action has a value of the wrong type."},
		{"an Action without a service", statement(`"Effect":"Allow","Action":"SendEmail"`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{"an Action without a name", statement(`"Effect":"Allow","Action":"ses:"`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{"an Action of three parts", statement(`"Effect":"Allow","Action":"ses:Send:Email"`), "Actions/Condition can contain only one colon."},
		{"a service that is none", statement(`"Effect":"Allow","Action":"s s:SendEmail"`), "Vendor s s is not valid"},
		{"an Action with a space", statement(`"Effect":"Allow","Action":"ses:Send Email"`), `The action "ses:Send Email" is not valid.`},
		{"a Resource that is no ARN", statement(`"Effect":"Allow","Action":"*","Resource":"example.com"`), `Resource example.com must be in ARN format or "*".`},
		{"a Resource that is empty", statement(`"Effect":"Allow","Action":"*","Resource":""`), `Resource  must be in ARN format or "*".`},

		{"a Principal that is an ARN alone", principal(`"arn:aws:iam::123456789012:root"`), `Invalid principal in policy: neither "*" nor an object.`},
		{"a Principal without anybody", principal(`{}`), "Invalid principal in policy: there is none."},
		{"a Principal of no accounts", principal(`{"AWS":[]}`), "Invalid principal in policy: there is none."},
		{"a Principal of an unknown kind", principal(`{"Google":"x"}`), `Invalid principal in policy: unknown type "Google".`},
		{"a kind in other letters", principal(`{"aws":"123456789012"}`), `Invalid principal in policy: unknown type "aws".`},
		{"an account of 11 digits", principal(`{"AWS":"12345678901"}`), `Invalid principal in policy: "AWS":"12345678901"`},
		{"a user by name", principal(`{"AWS":"John"}`), `Invalid principal in policy: "AWS":"John"`},
		{"all users of an account", principal(`{"AWS":"arn:aws:iam::123456789012:user/*"}`), `Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/*"`},
		{"a group, which is nobody", principal(`{"AWS":"arn:aws:iam::123456789012:group/g"}`), `Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:group/g"`},
		{"a look-alike account", principal(`{"AWS":"１２３456789012"}`), `Invalid principal in policy: "AWS":"１２３456789012"`},
		{"a service without a domain", principal(`{"Service":"cognito"}`), `Invalid principal in policy: "Service":"cognito"`},
		{"an account that is a number", principal(`{"AWS":123456789012}`), syntax + "Principal has a value of the wrong type."},

		{"a Condition that is a list", condition(`[]`), syntax + "Condition is not an object."},
		{"an operator that is a text", condition(`{"Bool":"x"}`), syntax + "Condition operator Bool is not an object."},
		{"an unknown operator", condition(`{"StringEqual":{"k":"v"}}`), "Invalid Condition type : StringEqual."},
		{"an operator in other letters", condition(`{"stringequals":{"k":"v"}}`), "Invalid Condition type : stringequals."},
		{"IfExists twice", condition(`{"StringEqualsIfExistsIfExists":{"k":"v"}}`), "Invalid Condition type : StringEqualsIfExistsIfExists."},
		{"an unknown set operator", condition(`{"ForSomeValues:StringEquals":{"k":"v"}}`), "Invalid Condition type : ForSomeValues:StringEquals."},
		{"a set operator of Null", condition(`{"ForAllValues:Null":{"k":"true"}}`), "Invalid Condition type : ForAllValues:Null."},
		{"IfExists of Null", condition(`{"NullIfExists":{"k":"true"}}`), "Invalid Condition type : NullIfExists."},
		{"Null of both", condition(`{"Null":{"k":["true","false"]}}`), `The condition Null of "k" must be either true or false.`},
		{"Null of neither", condition(`{"Null":{"k":[]}}`), `The condition Null of "k" must be either true or false.`},
		{"a key twice in other letters", condition(`{"StringEquals":{"k":"v","K":"w"}}`), syntax + `Condition operator StringEquals has the key "K" twice, or it is empty.`},
		{"a key without a name", condition(`{"StringEquals":{"":"v"}}`), syntax + `Condition operator StringEquals has the key "" twice, or it is empty.`},
		{"a value that is an object", condition(`{"StringEquals":{"k":{"v":1}}}`), syntax + "Condition key k has a value of the wrong type."},
		{"a value that is null", condition(`{"StringEquals":{"k":null}}`), syntax + "Condition key k has a value of the wrong type."},
		{"what is no number", condition(`{"NumericEquals":{"k":"ten"}}`), `The condition value "ten" is not a valid number.`},
		{"a number of another notation", condition(`{"NumericEquals":{"k":"0x10"}}`), `The condition value "0x10" is not a valid number.`},
		{"what is no date", condition(`{"DateEquals":{"k":"31.08.2021"}}`), `The condition value "31.08.2021" is not a valid date.`},
		{"a day that is none", condition(`{"DateEquals":{"k":"2021-02-30"}}`), `The condition value "2021-02-30" is not a valid date.`},
		{"what is no boolean", condition(`{"Bool":{"k":"yes"}}`), `The condition value "yes" is not a valid boolean.`},
		{"what is no base64", condition(`{"BinaryEquals":{"k":"?"}}`), `The condition value "?" is not valid base64.`},
		{"what is no network", condition(`{"IpAddress":{"k":"192.0.2.0/33"}}`), `The condition value "192.0.2.0/33" is not a valid IP address or range.`},
		{"an address with a zone", condition(`{"IpAddress":{"k":"fe80::1%eth0"}}`), `The condition value "fe80::1%eth0" is not a valid IP address or range.`},
		{"a variable where there are none", condition(`{"NumericEquals":{"k":"${n}"}}`), `The condition value "${n}" is not a valid number.`},
		{"an ARN of too few parts", condition(`{"ArnLike":{"k":"arn:aws:sns"}}`), `The condition value "arn:aws:sns" is not a valid ARN.`},
		{"a variable without an end", condition(`{"StringEquals":{"k":"${aws:username"}}`), `The policy variable in "${aws:username" has no end.`},
		{"a variable without a name", condition(`{"StringEquals":{"k":"${}"}}`), `The policy variable "${}" is not valid.`},
		{"a variable in a variable", condition(`{"StringEquals":{"k":"${a${b}}"}}`), `The policy variable "${a${b}" is not valid.`},
		{"a default without quotes", condition(`{"StringEquals":{"k":"${a, b}"}}`), `The default of the policy variable "${a, b}" must be in single quotes.`},
		{"control characters do not get into the text", `{"a\u0000\nb":1}`, syntax + `Unknown element "a??b" in the policy.`},
	} {
		_, err := policy.Parse([]byte(c.text))
		var e *policy.Error
		if !errors.As(err, &e) || e.Text != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.sentence, err, c.want)
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	const (
		user     = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ses:*","Resource":"*"}}`
		identity = `{"Version":"any","Statement":{"Sid":"any text","Effect":"Allow","Principal":"*","Action":"ses:*","Resource":"*"}}`
		trust    = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}`
	)
	for _, c := range []struct {
		sentence string
		kind     policy.Kind
		text     string
		want     string
	}{
		{"a user's policy", policy.IdentityBased, user, ""},
		{"a user's policy without a version", policy.IdentityBased, strings.Replace(user, `"Version":"2012-10-17",`, "", 1), ""},
		{"a user's policy of another version", policy.IdentityBased, strings.Replace(user, "2012-10-17", "2022-01-01", 1), "Syntax errors in policy. Version must be 2012-10-17 or 2008-10-17."},
		{"a user's policy with a Principal", policy.IdentityBased, strings.Replace(user, `"Effect"`, `"Principal":"*","Effect"`, 1), "Policy document should not specify a principal."},
		{"a user's policy without a Resource", policy.IdentityBased, strings.Replace(user, `,"Resource":"*"`, "", 1), "Policy statement must contain resources."},
		{"a user's policy with a Sid of several words", policy.IdentityBased, strings.Replace(user, `"Effect"`, `"Sid":"a b","Effect"`, 1),
			"Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"},
		{"a user's policy with a Sid twice", policy.IdentityBased, `{"Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"*","Resource":"*"}]}`,
			"Statement IDs (SID) in a single policy must be unique."},
		{"an identity's policy, with any version and any Sid", policy.ResourceBased, identity, ""},
		{"an identity's policy for nobody", policy.ResourceBased, user, "Missing required field Principal"},
		{"an identity's policy for nothing", policy.ResourceBased, trust, "Policy statement must contain resources."},
		{"a trust policy", policy.Trust, trust, ""},
		{"a trust policy with a Resource", policy.Trust, strings.Replace(trust, `"Effect"`, `"Resource":"*","Effect"`, 1), "Has prohibited field Resource"},
		{"a trust policy for nobody", policy.Trust, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`, "Missing required field Principal"},
	} {
		d, err := policy.Parse([]byte(c.text))
		if err != nil {
			t.Fatalf("%s: %v", c.sentence, err)
		}
		got := ""
		if err := d.Validate(c.kind); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.sentence, got, c.want)
		}
	}
}

func TestKeysOfTagsAreRefusedAndNotPassedOver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sentence, resource, condition, key string
	}{
		{"a tag of the principal", "*", `"StringEquals":{"aws:PrincipalTag/Team":"a"}`, "aws:principaltag/team"},
		{"a tag of the resource", "*", `"StringNotEquals":{"aws:ResourceTag/Team":"a"}`, "aws:resourcetag/team"},
		{"IAM's own spelling", "*", `"StringNotEquals":{"iam:ResourceTag/Team":"a"}`, "iam:resourcetag/team"},
		{"a tag of the request, asked for by Null", "*", `"Null":{"aws:RequestTag/Team":"true"}`, "aws:requesttag/team"},
		{"the names of the tags", "*", `"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}`, "aws:tagkeys"},
		{"a variable in a resource", "arn:aws:ses:*:*:identity/${aws:PrincipalTag/Team}", ``, "aws:principaltag/team"},
		{"a resource that is a variable", "${aws:PrincipalTag/Team}", ``, "aws:principaltag/team"},
		{"a variable in a text", "*", `"StringLike":{"ses:FromAddress":"${aws:PrincipalTag/Team}@*"}`, "aws:principaltag/team"},
		{"in one of any case", "*", `"StringEqualsIgnoreCase":{"ses:FromAddress":"${aws:PrincipalTag/Team}"}`, "aws:principaltag/team"},
		{"in an ARN", "*", `"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/${aws:PrincipalTag/Team}"}`, "aws:principaltag/team"},
		{"other keys and variables", "arn:aws:iam::*:user/${aws:username}", `"StringEquals":{"aws:PrincipalType":"User"}`, ""},
	} {
		d := parse(t, policy.IdentityBased, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"`+c.resource+`","Condition":{`+c.condition+`}}}`)
		err := d.CheckKeys()
		if c.key == "" {
			if err != nil {
				t.Errorf("%s: %v", c.sentence, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.key) || !strings.Contains(err.Error(), "not supported by this server") {
			t.Errorf("%s: %v", c.sentence, err)
		}
	}
}

func TestADocumentIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	d := parse(t, policy.ResourceBased, `{"Version":"2012-10-17","Id":"P","Statement":[{"Sid":"S","Effect":"Deny","NotPrincipal":{"AWS":["123456789012"],"Service":"ses.amazonaws.com"},
		"NotAction":"ses:Send*","NotResource":["arn:aws:ses:us-east-1:123456789012:identity/a.example"]}]}`)
	s := d.Statements[0]
	got := fmt.Sprintln(d.Version, d.ID, len(d.Statements), s.Sid, s.Effect, s.NotPrincipal, s.NotAction, s.NotResource, s.Actions, s.Resources, len(s.Principals), s.Principals[0].ID)
	if want := "2012-10-17 P 1 S Deny true true true [ses:Send*] [arn:aws:ses:us-east-1:123456789012:identity/a.example] 2 123456789012\n"; got != want {
		t.Errorf("%s", got)
	}
}

// TestHugePolicies gives Parse more than anybody needs: it says so, or takes it, in no
// time.
func TestHugePolicies(t *testing.T) {
	t.Parallel()
	const head = `{"Version":"2012-10-17","Statement":[`
	one := `{"Effect":"Allow","Action":"a:b","Resource":"*"}`
	condition := func(c string) string {
		return head + `{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":` + c + `}]}`
	}
	many := func(s, between string, n int) string {
		return strings.TrimSuffix(strings.Repeat(s+between, n), between)
	}
	for name, c := range map[string]struct{ text, want string }{
		"a long text":           {strings.Repeat(" ", policy.MaxBytes+1), "The policy is longer than 131072 bytes."},
		"501 statements":        {head + many(one, ",", 501) + "]}", "The policy has more than 500 statements."},
		"500 statements":        {head + many(one, ",", 500) + "]}", ""},
		"5001 actions":          {head + `{"Effect":"Allow","Resource":"*","Action":[` + many(`"a:b"`, ",", 5001) + `]}]}`, "The policy has more than 5000 values."},
		"5001 condition values": {condition(`{"StringLike":{"k":[` + many(`"*a"`, ",", 5001) + `]}}`), "The policy has more than 5000 values."},
		"4000 condition values": {condition(`{"StringLike":{"k":[` + many(`"*a*"`, ",", 4000) + `]}}`), ""},
		"deep nesting":          {condition(strings.Repeat("[", 20000) + strings.Repeat("]", 20000)), "Syntax errors in policy. Line 1: invalid character '[' exceeded max depth."},
		"question marks":        {condition(`{"StringLike":{"k":["` + many("*?a", "", 200) + `"]}}`), "The policy has too many question marks between asterisks."},
	} {
		start := time.Now()
		_, err := policy.Parse([]byte(c.text))
		if got := fmt.Sprint(err); err != nil && got != c.want || err == nil && c.want != "" {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

// TestWildcardsCostNoMoreThanOnePass matches patterns that make a matcher which goes back
// take longer than anybody waits.
func TestWildcardsCostNoMoreThanOnePass(t *testing.T) {
	t.Parallel()
	value := strings.Repeat("a", 100_000)
	for _, pattern := range []string{
		strings.Repeat("*a", 2000) + "b", strings.Repeat("a*", 2000) + "b*", "*" + strings.Repeat("a", 1000) + "b*", "*" + strings.Repeat("?", 200) + "b*",
		strings.Repeat("*?", 100) + "b*",
	} {
		start := time.Now()
		got := decide(t, `"Action":"*","Resource":"*","Condition":{"StringLike":{"k":"`+pattern+`"}}`, policy.Request{Action: theAction, Resource: theIdentity, Context: policy.Keys{"k": {value}}})
		if got != policy.NotApplicable {
			t.Errorf("%.20s matches", pattern)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%.20s took %v", pattern, took)
		}
	}
}
