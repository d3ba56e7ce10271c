// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	"sesame/internal/proto/policy"
)

// conditionCase is a Condition, the values of the key k, and whether it holds.
type conditionCase struct {
	sentence  string
	condition string // with k for the key
	values    string // separated by "|"; "-" for a key that is not there
	holds     bool
}

func (c conditionCase) keys() policy.Keys {
	if c.values == "-" {
		return policy.Keys{}
	}
	return policy.Keys{"k": strings.Split(c.values, "|")}
}

func run(t *testing.T, cases []conditionCase) {
	t.Helper()
	for _, c := range cases {
		got := decide(t, `"Action":"*","Resource":"*","Condition":{`+c.condition+`}`, policy.Request{Action: theAction, Resource: theIdentity, Context: c.keys()})
		if (got == policy.Allow) != c.holds {
			t.Errorf("%s: {%s} with %q: %v", c.sentence, c.condition, c.values, got)
		}
	}
}

func TestStringConditions(t *testing.T) {
	t.Parallel()
	run(t, []conditionCase{
		{"equal", `"StringEquals":{"k":"a"}`, "a", true},
		{"not equal", `"StringEquals":{"k":"a"}`, "b", false},
		{"capitals count", `"StringEquals":{"k":"a"}`, "A", false},
		{"one of several", `"StringEquals":{"k":["a","b"]}`, "b", true},
		{"none of none", `"StringEquals":{"k":[]}`, "b", false},
		{"a wildcard is none in StringEquals", `"StringEquals":{"k":"*"}`, "a", false},
		{"an asterisk is itself there", `"StringEquals":{"k":"*"}`, "*", true},
		{"the empty text", `"StringEquals":{"k":""}`, "", true},
		{"other than", `"StringNotEquals":{"k":"a"}`, "b", true},
		{"the same as", `"StringNotEquals":{"k":"a"}`, "a", false},
		{"other than all of several", `"StringNotEquals":{"k":["a","b"]}`, "b", false},
		{"capitals do not count", `"StringEqualsIgnoreCase":{"k":"aB"}`, "Ab", true},
		{"capitals do not count in other letters", `"StringEqualsIgnoreCase":{"k":"ä"}`, "Ä", true},
		{"different without capitals", `"StringEqualsIgnoreCase":{"k":"a"}`, "b", false},
		{"other than, whatever the capitals", `"StringNotEqualsIgnoreCase":{"k":"a"}`, "A", false},
		{"really other than", `"StringNotEqualsIgnoreCase":{"k":"a"}`, "b", true},
		{"like a prefix", `"StringLike":{"k":"inv*@example.com"}`, "invoice@example.com", true},
		{"like, with nothing for the asterisk", `"StringLike":{"k":"inv*@example.com"}`, "inv@example.com", true},
		{"like, and more behind", `"StringLike":{"k":"inv*@example.com"}`, "inv@example.com.evil", false},
		{"like with capitals", `"StringLike":{"k":"inv*"}`, "Invoice", false},
		{"like one character", `"StringLike":{"k":"a?c"}`, "abc", true},
		{"like one character of several bytes", `"StringLike":{"k":"a?c"}`, "aéc", true},
		{"not like two", `"StringLike":{"k":"a?c"}`, "abbc", false},
		{"not like none", `"StringLike":{"k":"a?c"}`, "ac", false},
		{"like several runs", `"StringLike":{"k":"*a*b*c*"}`, "xxaxxbxxcxx", true},
		{"like several runs in the wrong order", `"StringLike":{"k":"*a*b*c*"}`, "xxcxxbxxaxx", false},
		{"like runs that may not overlap", `"StringLike":{"k":"ab*ba"}`, "aba", false},
		{"like runs that just do not", `"StringLike":{"k":"ab*ba"}`, "abba", true},
		{"like a run of question marks between asterisks", `"StringLike":{"k":"*a??d*"}`, "xxabcaxxdyy", true},
		{"like asterisks in a row", `"StringLike":{"k":"a***c"}`, "abc", true},
		{"like nothing but an asterisk", `"StringLike":{"k":"*"}`, "", true},
		{"like a question mark after an asterisk", `"StringLike":{"k":"*?"}`, "", false},
		{"not like", `"StringNotLike":{"k":"*admin*"}`, "user@example.com", true},
		{"not not like", `"StringNotLike":{"k":"*admin*"}`, "administrator", false},
		{"the key's name in other letters", `"StringEquals":{"K":"a"}`, "a", true},
		{"a value that is a number in the policy", `"StringEquals":{"k":12}`, "12", true},
		{"a value that is a boolean in the policy", `"StringEquals":{"k":true}`, "true", true},
	})
}

func TestNumericConditions(t *testing.T) {
	t.Parallel()
	run(t, []conditionCase{
		{"equal as numbers", `"NumericEquals":{"k":"10"}`, "10.0", true},
		{"equal to one of several", `"NumericEquals":{"k":[1,2]}`, "2", true},
		{"not equal", `"NumericEquals":{"k":1}`, "2", false},
		{"other than", `"NumericNotEquals":{"k":1}`, "2", true},
		{"the same as", `"NumericNotEquals":{"k":1}`, "1", false},
		{"less", `"NumericLessThan":{"k":"10"}`, "9", true},
		{"not less if equal", `"NumericLessThan":{"k":"10"}`, "10", false},
		{"less or equal", `"NumericLessThanEquals":{"k":"10"}`, "10", true},
		{"greater", `"NumericGreaterThan":{"k":"-1"}`, "0", true},
		{"not greater", `"NumericGreaterThan":{"k":"0"}`, "0", false},
		{"greater or equal", `"NumericGreaterThanEquals":{"k":"0.5"}`, "0.5", true},
		{"a value that is no number", `"NumericLessThan":{"k":"10"}`, "nine", false},
		{"infinity is no number", `"NumericGreaterThan":{"k":"10"}`, "Inf", false},
		{"no number is other than a number", `"NumericNotEquals":{"k":"10"}`, "nine", true},
	})
}

func TestDateConditions(t *testing.T) {
	t.Parallel()
	run(t, []conditionCase{
		{"after", `"DateGreaterThan":{"k":"2021-08-31T12:00:00Z"}`, "2021-08-31T12:00:01Z", true},
		{"without seconds", `"DateGreaterThan":{"k":"2021-08-31T12:00Z"}`, "2021-08-31T12:00:01Z", true},
		{"not after, but at", `"DateGreaterThan":{"k":"2021-08-31T12:00Z"}`, "2021-08-31T12:00:00Z", false},
		{"after or at", `"DateGreaterThanEquals":{"k":"2021-08-31T12:00Z"}`, "2021-08-31T12:00:00Z", true},
		{"before", `"DateLessThan":{"k":"2021-08-31T12:00Z"}`, "2021-08-31T11:59:59Z", true},
		{"before or at", `"DateLessThanEquals":{"k":"2021-08-31T12:00Z"}`, "2021-08-31T12:00:00Z", true},
		{"at", `"DateEquals":{"k":"2021-08-31T12:00Z"}`, "2021-08-31T12:00:00Z", true},
		{"not at", `"DateNotEquals":{"k":"2021-08-31T12:00Z"}`, "2021-08-31T12:00:00Z", false},
		{"a day begins at midnight of UTC", `"DateEquals":{"k":"2021-08-31"}`, "2021-08-31T00:00:00Z", true},
		{"a month, with its first day", `"DateEquals":{"k":"2021-08"}`, "2021-08-01T00:00:00Z", true},
		{"four digits are a year", `"DateEquals":{"k":"2021"}`, "2021-01-01T00:00:00Z", true},
		{"more are seconds since 1970", `"DateEquals":{"k":"1630411200"}`, "2021-08-31T12:00:00Z", true},
		{"seconds as a number", `"DateGreaterThan":{"k":1630411199}`, "2021-08-31T12:00:00Z", true},
		{"another zone", `"DateEquals":{"k":"2021-08-31T14:00:00+02:00"}`, "2021-08-31T12:00:00Z", true},
		{"another zone without seconds", `"DateEquals":{"k":"2021-08-31T14:00+02:00"}`, "2021-08-31T12:00:00Z", true},
		{"fractions of a second", `"DateGreaterThan":{"k":"2021-08-31T12:00:00.250Z"}`, "2021-08-31T12:00:00.500Z", true},
		{"seconds in the request", `"DateLessThan":{"k":"2021-08-31T12:00Z"}`, "1630411199", true},
		{"a value that is no date", `"DateLessThan":{"k":"2021-08-31T12:00Z"}`, "yesterday", false},
	})
}

func TestOtherConditions(t *testing.T) {
	t.Parallel()
	run(t, []conditionCase{
		{"true", `"Bool":{"k":"true"}`, "true", true},
		{"true, as JSON has it", `"Bool":{"k":true}`, "true", true},
		{"false", `"Bool":{"k":"false"}`, "true", false},
		{"whatever the capitals", `"Bool":{"k":"TRUE"}`, "True", true},
		{"what is neither", `"Bool":{"k":"true"}`, "yes", false},
		{"the octets that base64 stands for", `"BinaryEquals":{"k":"QmluYXJ5"}`, "QmluYXJ5", true},
		{"other octets", `"BinaryEquals":{"k":"QmluYXJ5"}`, "QmluYXJ6", false},
		{"what is no base64", `"BinaryEquals":{"k":"QmluYXJ5"}`, "!", false},

		{"an address in a network", `"IpAddress":{"k":"203.0.113.0/24"}`, "203.0.113.9", true},
		{"an address out of it", `"IpAddress":{"k":"203.0.113.0/24"}`, "203.0.114.9", false},
		{"one of several networks", `"IpAddress":{"k":["203.0.113.0/24","192.0.2.0/24"]}`, "192.0.2.1", true},
		{"a single address", `"IpAddress":{"k":"203.0.113.9"}`, "203.0.113.9", true},
		{"a network whose host part is set", `"IpAddress":{"k":"203.0.113.77/24"}`, "203.0.113.9", true},
		{"IPv6", `"IpAddress":{"k":"2001:db8:1234:5678::/64"}`, "2001:db8:1234:5678::9", true},
		{"IPv6 written otherwise", `"IpAddress":{"k":"2001:DB8::1"}`, "2001:0db8:0:0:0:0:0:1", true},
		{"IPv6 out of the network", `"IpAddress":{"k":"2001:db8::/64"}`, "2001:db8:0:1::9", false},
		{"IPv4 written as IPv6", `"IpAddress":{"k":"203.0.113.0/24"}`, "::ffff:203.0.113.9", true},
		{"IPv4 is not in a network of IPv6", `"IpAddress":{"k":"::/0"}`, "203.0.113.9", false},
		{"all of IPv4", `"IpAddress":{"k":"0.0.0.0/0"}`, "203.0.113.9", true},
		{"what is no address", `"IpAddress":{"k":"0.0.0.0/0"}`, "localhost", false},
		{"not from there", `"NotIpAddress":{"k":"203.0.113.0/24"}`, "192.0.2.1", true},
		{"from there after all", `"NotIpAddress":{"k":"203.0.113.0/24"}`, "203.0.113.9", false},

		{"an ARN", `"ArnEquals":{"k":"arn:aws:sns:us-east-1:123456789012:t"}`, "arn:aws:sns:us-east-1:123456789012:t", true},
		{"ArnEquals takes wildcards", `"ArnEquals":{"k":"arn:aws:sns:*:123456789012:*"}`, "arn:aws:sns:us-east-1:123456789012:t", true},
		{"as does ArnLike", `"ArnLike":{"k":"arn:aws:sns:us-????-1:123456789012:t"}`, "arn:aws:sns:us-east-1:123456789012:t", true},
		{"a wildcard stays in its part of the ARN", `"ArnLike":{"k":"arn:aws:*:123456789012:t:*"}`, "arn:aws:sns:us-east-1:123456789012:t", false},
		{"what is no ARN", `"ArnLike":{"k":"arn:*:*:*:*:*"}`, "t", false},
		{"any text is like an asterisk", `"ArnLike":{"k":"*"}`, "t", true},
		{"another ARN", `"ArnNotEquals":{"k":"arn:aws:sns:us-east-1:123456789012:t"}`, "arn:aws:sns:us-east-1:123456789012:u", true},
		{"not like one", `"ArnNotLike":{"k":"arn:aws:sns:*:*:*"}`, "arn:aws:sns:us-east-1:123456789012:u", false},

		{"the key is absent, as it should be", `"Null":{"k":"true"}`, "-", true},
		{"the key is there, as it should not", `"Null":{"k":"true"}`, "a", false},
		{"the key is there, as it should be", `"Null":{"k":"false"}`, "a", true},
		{"the key is absent, as it should not", `"Null":{"k":false}`, "-", false},
	})
}

func TestMissingKeys(t *testing.T) {
	t.Parallel()
	run(t, []conditionCase{
		{"what is not there equals nothing", `"StringEquals":{"k":"a"}`, "-", false},
		{"nor is it like anything", `"StringLike":{"k":"*"}`, "-", false},
		{"it differs from everything", `"StringNotEquals":{"k":"a"}`, "-", true},
		{"it is not like anything", `"StringNotLike":{"k":"*"}`, "-", true},
		{"it is no number", `"NumericLessThan":{"k":"1"}`, "-", false},
		{"it is other than a number", `"NumericNotEquals":{"k":"1"}`, "-", true},
		{"it is no date", `"DateLessThan":{"k":"2030-01-01"}`, "-", false},
		{"it is neither true", `"Bool":{"k":"true"}`, "-", false},
		{"nor false", `"Bool":{"k":"false"}`, "-", false},
		{"it is in no network", `"IpAddress":{"k":"0.0.0.0/0"}`, "-", false},
		{"and out of each", `"NotIpAddress":{"k":"0.0.0.0/0"}`, "-", true},
		{"it is no ARN", `"ArnLike":{"k":"*"}`, "-", false},
		{"and differs from each", `"ArnNotEquals":{"k":"*"}`, "-", true},
		{"IfExists lets it be missing", `"StringEqualsIfExists":{"k":"a"}`, "-", true},
		{"but not be different", `"StringEqualsIfExists":{"k":"a"}`, "b", false},
		{"IfExists of a number", `"NumericLessThanIfExists":{"k":"1"}`, "-", true},
		{"IfExists of a boolean", `"BoolIfExists":{"k":"true"}`, "false", false},
		{"IfExists of an address", `"IpAddressIfExists":{"k":"192.0.2.0/24"}`, "-", true},
	})
}

func TestSetOperators(t *testing.T) {
	t.Parallel()
	run(t, []conditionCase{
		{"all of them", `"ForAllValues:StringLike":{"k":"*@a"}`, "x@a|y@a", true},
		{"all but one", `"ForAllValues:StringLike":{"k":"*@a"}`, "x@a|y@b", false},
		{"each like another pattern", `"ForAllValues:StringLike":{"k":["*@a","*@b"]}`, "x@a|y@b", true},
		{"all of none", `"ForAllValues:StringLike":{"k":"*@a"}`, "-", true},
		{"all are other than", `"ForAllValues:StringNotEquals":{"k":["a","b"]}`, "c|d", true},
		{"one is not", `"ForAllValues:StringNotEquals":{"k":["a","b"]}`, "c|b", false},
		{"one of them", `"ForAnyValue:StringEquals":{"k":"a"}`, "b|a", true},
		{"none of them", `"ForAnyValue:StringEquals":{"k":"a"}`, "b|c", false},
		{"one of none", `"ForAnyValue:StringEquals":{"k":"a"}`, "-", false},
		{"one of none is not even other than", `"ForAnyValue:StringNotEquals":{"k":"a"}`, "-", false},
		{"one is other than", `"ForAnyValue:StringNotEquals":{"k":"a"}`, "a|b", true},
		{"none is other than", `"ForAnyValue:StringNotEquals":{"k":"a"}`, "a|a", false},
		{"with IfExists, none is enough", `"ForAnyValue:StringEqualsIfExists":{"k":"a"}`, "-", true},
		{"networks", `"ForAllValues:IpAddress":{"k":"192.0.2.0/24"}`, "192.0.2.1|192.0.3.1", false},
		{"without a set operator all must pass in an Allow", `"StringLike":{"k":"*@a"}`, "x@a|y@b", false},
		{"which they do", `"StringLike":{"k":"*@a"}`, "x@a|y@a", true},
		{"and none may be what it must not", `"StringNotLike":{"k":"*@b"}`, "x@a|y@b", false},
	})
	for _, c := range []conditionCase{
		{"without a set operator one is enough in a Deny", `"StringLike":{"k":"*@b"}`, "x@a|y@b", true},
		{"none", `"StringLike":{"k":"*@b"}`, "x@a|y@a", false},
		{"so is one that is not what all should be", `"StringNotLike":{"k":"*@a"}`, "x@a|y@b", true},
	} {
		d := parse(t, policy.IdentityBased, `{"Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{`+c.condition+`}}}`)
		got := d.Evaluate(&policy.Request{Action: theAction, Resource: theIdentity, Context: c.keys()})
		if (got == policy.Deny) != c.holds {
			t.Errorf("%s: %v", c.sentence, got)
		}
	}
}

func TestSeveralConditions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sentence, condition string
		keys                policy.Keys
		holds               bool
	}{
		{"none always hold", ``, nil, true},
		{"two operators: both must hold", `"StringEquals":{"a":"1"},"NumericEquals":{"b":"2"}`, policy.Keys{"a": {"1"}, "b": {"2"}}, true},
		{"one of them does not", `"StringEquals":{"a":"1"},"NumericEquals":{"b":"2"}`, policy.Keys{"a": {"1"}, "b": {"3"}}, false},
		{"two keys of one operator: both must hold", `"StringEquals":{"a":"1","b":"2"}`, policy.Keys{"a": {"1"}, "b": {"2"}}, true},
		{"one of them is missing", `"StringEquals":{"a":"1","b":"2"}`, policy.Keys{"a": {"1"}}, false},
		{"a set operator beside the bare one", `"StringLike":{"a":"1*"},"ForAllValues:StringLike":{"a":"*1"}`, policy.Keys{"a": {"11"}}, true},
		{"a request without any keys", `"StringEquals":{"a":"1"}`, nil, false},
		{"the key of SES in its own letters", `"StringEquals":{"SES:fromaddress":"1"}`, policy.Keys{"ses:fromaddress": {"1"}}, true},
	} {
		r := policy.Request{Action: theAction, Resource: theIdentity}
		if c.keys != nil {
			r.Context = c.keys
		}
		if got := decide(t, `"Action":"*","Resource":"*","Condition":{`+c.condition+`}`, r); (got == policy.Allow) != c.holds {
			t.Errorf("%s: %v", c.sentence, got)
		}
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	keys := policy.Keys{
		"aws:username": {"alice"}, "aws:sourceip": {"192.0.2.1"}, "star": {"*"}, "many": {"a", "b"}, "arn": {theIdentity},
		"ses:fromaddress": {"alice@example.com"}, "literal": {"${aws:username}"}, "team": {"Ops"},
	}
	for _, c := range []struct {
		sentence, elements string
		applies            bool
	}{
		{"in a condition", `"Resource":"*","Condition":{"StringEquals":{"ses:FromAddress":"${aws:username}@example.com"}}`, true},
		{"in any letters", `"Resource":"*","Condition":{"StringEquals":{"ses:FromAddress":"${AWS:UserName}@example.com"}}`, true},
		{"with a wildcard beside it", `"Resource":"*","Condition":{"StringLike":{"ses:FromAddress":"${aws:username}@*"}}`, true},
		{"ignoring case", `"Resource":"*","Condition":{"StringEqualsIgnoreCase":{"ses:FromAddress":"${aws:username}@EXAMPLE.com"}}`, true},
		{"another's name", `"Resource":"*","Condition":{"StringEquals":{"ses:FromAddress":"${team}@example.com"}}`, false},
		{"of a key that is not there", `"Resource":"*","Condition":{"StringLike":{"ses:FromAddress":"${nothing}*"}}`, false},
		{"of a key that is not there, negated", `"Resource":"*","Condition":{"StringNotLike":{"ses:FromAddress":"${nothing}*"}}`, true},
		{"of a key that is not there, ignoring case", `"Resource":"*","Condition":{"StringEqualsIgnoreCase":{"ses:FromAddress":"${nothing}"}}`, false},
		{"with a default that is not needed", `"Resource":"*","Condition":{"StringEquals":{"ses:FromAddress":"${aws:username, 'bob'}@example.com"}}`, true},
		{"with a default that is", `"Resource":"*","Condition":{"StringEquals":{"ses:FromAddress":"${nothing, 'alice'}@example.com"}}`, true},
		{"of a key with several values", `"Resource":"*","Condition":{"StringEquals":{"literal":"${many}"}}`, false},
		{"of a key with several values, with a default", `"Resource":"*","Condition":{"StringEquals":{"team":"${many,'Ops'}"}}`, true},
		{"whose value has a wildcard, which is none", `"Resource":"*","Condition":{"StringLike":{"ses:FromAddress":"${star}"}}`, false},
		{"an asterisk that is one", `"Resource":"*","Condition":{"StringLike":{"star":"${*}"}}`, true},
		{"an asterisk that is not everything", `"Resource":"*","Condition":{"StringLike":{"team":"${*}"}}`, false},
		{"a question mark that is one", `"Resource":"*","Condition":{"StringLike":{"team":"O${?}s"}}`, false},
		{"a dollar sign", `"Resource":"*","Condition":{"StringEquals":{"literal":"${$}{aws:username}"}}`, true},
		{"in a resource", `"Resource":"arn:aws:ses:us-east-1:888888888888:identity/${domain,'example.com'}"`, true},
		{"in a resource, of another name", `"Resource":"arn:aws:ses:us-east-1:888888888888:identity/${aws:username}"`, false},
		{"in a resource, with a colon in its key", `"Resource":"arn:aws:ses:*:${aws:username}:*"`, false},
		{"that is the whole ARN", `"Resource":"${arn}"`, true},
		{"in NotResource", `"NotResource":"arn:aws:ses:us-east-1:888888888888:identity/${aws:username}"`, true},
		{"in an ARN operator", `"Resource":"*","Condition":{"ArnEquals":{"arn":"arn:aws:ses:us-east-1:888888888888:identity/${d,'example.com'}"}}`, true},
		{"a dollar sign alone is itself", `"Resource":"*","Condition":{"StringNotEquals":{"team":"$Ops$"}}`, true},
	} {
		if got := decide(t, `"Action":"*",`+c.elements, policy.Request{Action: theAction, Resource: theIdentity, Context: keys}); (got == policy.Allow) != c.applies {
			t.Errorf("%s: %v", c.sentence, got)
		}
	}
	// The old version has none: what looks like one is text.
	for _, version := range []string{"", `"Version":"2008-10-17",`} {
		d := parse(t, policy.IdentityBased, `{`+version+`"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"literal":"${aws:username}"}}}}`)
		if got := d.Evaluate(&policy.Request{Action: theAction, Resource: theIdentity, Context: keys}); got != policy.Allow {
			t.Errorf("without the version that has variables: %v", got)
		}
	}
	// Wherever the version stands.
	d := parse(t, policy.IdentityBased, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"ses:FromAddress":"${aws:username}@example.com"}}},"Version":"2012-10-17"}`)
	if got := d.Evaluate(&policy.Request{Action: theAction, Resource: theIdentity, Context: keys}); got != policy.Allow {
		t.Errorf("with the version at the end: %v", got)
	}
}
