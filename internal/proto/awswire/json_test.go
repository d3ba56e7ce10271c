// SPDX-License-Identifier: Apache-2.0

package awswire_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/proto/awswire"
)

func TestJSONBodies(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSESv2)
	from := func(text string) any { return &sesv2.SendEmailInput{FromEmailAddress: &text} }
	const send = "/v2/email/outbound-emails"
	for _, c := range []struct {
		name, method, target, body string
		want                       any
	}{
		{"no body is an empty one", "POST", send, "", &sesv2.SendEmailInput{}},
		{"white space is no body", "POST", send, " \r\n\t", &sesv2.SendEmailInput{}},
		{"an empty object", "POST", send, "{}", &sesv2.SendEmailInput{}},
		{"white space everywhere", "POST", send, " { \"FromEmailAddress\" : \"a\" } \n", from("a")},
		{"unknown members of every kind are ignored", "POST", send,
			`{"Source":"x","A":[1,{"b":[null,true,false]},[]],"B":{},"C":-1.5e+3,"D":{"e":{"f":"\u00e9"}},"FromEmailAddress":"a"}`, from("a")},
		{"member names are case-sensitive", "POST", send, `{"fromEmailAddress":"a"}`, &sesv2.SendEmailInput{}},
		{"a member's name may be escaped", "POST", send, `{"\u0046romEmailAddress":"a"}`, from("a")},
		{"null is absent", "POST", send, `{"FromEmailAddress":null,"Destination":null,"ReplyToAddresses":null}`, &sesv2.SendEmailInput{}},
		{"the last of two members counts", "POST", send, `{"FromEmailAddress":"b","FromEmailAddress":"a"}`, from("a")},
		{"null takes back an earlier value", "POST", send, `{"FromEmailAddress":"b","FromEmailAddress":null}`, &sesv2.SendEmailInput{}},
		{"an empty string is a value", "POST", send, `{"FromEmailAddress":""}`, from("")},
		{"every escape", "POST", send, `{"FromEmailAddress":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, from("\"\\/\b\f\n\r\té😀")},
		{"half a surrogate pair is replaced", "POST", send, `{"FromEmailAddress":"\ud83dx\ude00"}`, from("\uFFFDx\uFFFD")},
		{"a surrogate followed by another escape", "POST", send, `{"FromEmailAddress":"\ud83d\u0041"}`, from("\uFFFDA")},
		{"text beyond ASCII", "POST", send, `{"FromEmailAddress":"日本語 é 😀 and more text behind"}`, from("日本語 é 😀 and more text behind")},
		{"empty lists and maps mean absent", "POST", send,
			`{"ReplyToAddresses":[],"Destination":{"ToAddresses":[ ]},"EmailTags":[]}`, &sesv2.SendEmailInput{Destination: &types.Destination{}}},
		{"a blob", "POST", send, `{"Content":{"Raw":{"Data":"AP/+"}}}`,
			&sesv2.SendEmailInput{Content: &types.EmailContent{Raw: &types.RawMessage{Data: []byte{0, 0xff, 0xfe}}}}},
		{"a blob with escaped slashes, as PHP writes it", "POST", send, `{"Content":{"Raw":{"Data":"AP\/+"}}}`,
			&sesv2.SendEmailInput{Content: &types.EmailContent{Raw: &types.RawMessage{Data: []byte{0, 0xff, 0xfe}}}}},
		{"labels come from the path alone", "PUT", "/v2/email/configuration-sets/a/sending",
			`{"ConfigurationSetName":"b","SendingEnabled":true}`,
			&sesv2.PutConfigurationSetSendingOptionsInput{ConfigurationSetName: aws.String("a"), SendingEnabled: true}},
		{"a set of options may be empty", "POST", "/v2/email/configuration-sets",
			`{"ConfigurationSetName":"a","SendingOptions":{}}`,
			&sesv2.CreateConfigurationSetInput{ConfigurationSetName: aws.String("a"), SendingOptions: &types.SendingOptions{}}},
		{"an empty list of suppressed reasons is not an absent one", "PUT", "/v2/email/configuration-sets/a/suppression-options",
			`{"SuppressedReasons":[]}`,
			&sesv2.PutConfigurationSetSuppressionOptionsInput{ConfigurationSetName: aws.String("a"), SuppressedReasons: []types.SuppressionListReason{}}},
		{"an absent list of suppressed reasons", "PUT", "/v2/email/configuration-sets/a/suppression-options", "",
			&sesv2.PutConfigurationSetSuppressionOptionsInput{ConfigurationSetName: aws.String("a")}},
		{"an empty list of topics is not an absent one", "PUT", "/v2/email/contact-lists/l", `{"Topics":[]}`,
			&sesv2.UpdateContactListInput{ContactListName: aws.String("l"), Topics: []types.Topic{}}},
		{"a union", "POST", "/v2/email/update-configuration-sets",
			`{"ConfigurationSetName":"a","MessageSecurityOptions":{"SigningScheme":{"SmimeScheme":{"SignatureFormat":"DETACHED"},"DefaultScheme":null}}}`,
			&sesv2.UpdateConfigurationSetInput{
				ConfigurationSetName: aws.String("a"),
				MessageSecurityOptions: &types.MessageSecurityOptions{SigningScheme: &types.SigningSchemeMemberSmimeScheme{
					Value: types.SmimeSigningScheme{SignatureFormat: "DETACHED"},
				}},
			}},
		{"a map", "POST", "/v2/email/tenants/list", `{"Filter":{"SENDING_STATUS":"ENABLED"}}`,
			&sesv2.ListTenantsInput{Filter: map[string]string{"SENDING_STATUS": "ENABLED"}}},
		{"integers that look like others", "POST", "/v2/email/tenants/list", `{"PageSize":1.0e2}`,
			&sesv2.ListTenantsInput{PageSize: aws.Int32(100)}},
		{"parameters of the query string", "DELETE", "/v2/email/tags?ResourceArn=arn%3Aa&TagKeys=b+c&TagKeys=a%2Bd", "",
			&sesv2.UntagResourceInput{ResourceArn: aws.String("arn:a"), TagKeys: []string{"b c", "a+d"}}},
		{"an empty number in the query string is absent", "GET", "/v2/email/templates?PageSize=&NextToken=", "",
			&sesv2.ListEmailTemplatesInput{NextToken: aws.String("")}},
		{"times in the query string", "GET", "/v2/email/suppression/addresses?StartDate=2024-02-29T12:00:00Z&EndDate=2024-03-01T00:00:00.123%2B01:00&Reason=BOUNCE", "",
			&sesv2.ListSuppressedDestinationsInput{
				StartDate: aws.Time(time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)),
				EndDate:   aws.Time(time.Date(2024, 2, 29, 23, 0, 0, 123e6, time.UTC)),
				Reasons:   []types.SuppressionListReason{"BOUNCE"},
			}},
		{"the old way to list contacts, with a body", "GET", "/v2/email/contact-lists/l/contacts?PageSize=7&NextToken=t",
			`{"Filter":{"FilteredStatus":"OPT_IN"}}`,
			&sesv2.ListContactsInput{
				ContactListName: aws.String("l"), PageSize: aws.Int32(7), NextToken: aws.String("t"),
				Filter: &types.ListContactsFilter{FilteredStatus: "OPT_IN"},
			}},
		{"the new way to list contacts ignores the query string", "POST", "/v2/email/contact-lists/l/contacts/list?PageSize=7", "",
			&sesv2.ListContactsInput{ContactListName: aws.String("l")}},
		{"the old way to list identities", "GET", "/v2/email/identities?PageSize=5", "",
			&sesv2.ListEmailIdentitiesInput{PageSize: aws.Int32(5)}},
		{"an operation without a body ignores one", "GET", "/v2/email/account", "not JSON", &sesv2.GetAccountInput{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := rest(s, c.method, c.target, c.body)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %s, want %s", dump(got), dump(c.want))
			}
		})
	}
}

// TestBooleans holds the strings that SES takes for a boolean.
func TestBooleans(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSESv2)
	for text, want := range map[string]string{
		`true`: "true", `false`: "false",
		`"true"`: "true", `"TRUE"`: "true", `"Yes"`: "true", `"y"`: "true", `"T"`: "true", `"1"`: "true",
		`"false"`: "false", `"FALSE"`: "false", `"No"`: "false", `"n"`: "false", `"F"`: "false", `"0"`: "false",
		`"abc"`: "STRING_VALUE can not be converted to an Boolean", `""`: "STRING_VALUE can not be converted to an Boolean",
		`" true"`: "STRING_VALUE can not be converted to an Boolean",
		`1`:       "NUMBER_VALUE can not be converted to a Boolean",
		`null`:    "", `tru`: "",
		`[]`: "Start of list found where not expected", `{}`: "Start of structure or map found where not expected.",
	} {
		in, err := rest(s, "PUT", "/v2/email/account/sending", `{"SendingEnabled":`+text+`}`)
		if err == nil {
			got := in.(*sesv2.PutAccountSendingAttributesInput).SendingEnabled
			if (want == "true") != got || (want == "false") == got {
				t.Errorf("%s: got %v, want %s", text, got, want)
			}
			continue
		}
		if e := wireError(t, err); e.Code != "SerializationException" || e.Message != want || e.Status != 400 {
			t.Errorf("%s: got %v, want %s", text, e, want)
		}
	}
}

func TestMalformedJSONBodies(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSESv2)
	const (
		list = "Start of list found where not expected"
		obj  = "Start of structure or map found where not expected."
	)
	for _, c := range []struct{ name, body, message string }{
		{"no JSON", "FromEmailAddress=a", ""},
		{"a list", "[]", list},
		{"a string", `"a"`, ""},
		{"null", "null", ""},
		{"a number for a string", `{"FromEmailAddress":1}`, "NUMBER_VALUE can not be converted to a String"},
		{"true for a string", `{"FromEmailAddress":true}`, "TRUE_VALUE can not be converted to a String"},
		{"false for a string", `{"FromEmailAddress":false}`, "FALSE_VALUE can not be converted to a String"},
		{"a list for a string", `{"FromEmailAddress":["a"]}`, list},
		{"an object for a string", `{"FromEmailAddress":{"a":1}}`, obj},
		{"a list for a structure", `{"Content":[]}`, list},
		{"a string for a structure", `{"Content":"a"}`, "Expected null"},
		{"a string for a list", `{"ReplyToAddresses":"a"}`, "Expected list or null"},
		{"an object for a list", `{"ReplyToAddresses":{}}`, "Expected list or null"},
		{"a number in a list of strings", `{"ReplyToAddresses":["a",1]}`, "NUMBER_VALUE can not be converted to a String"},
		{"null in a list", `{"ReplyToAddresses":[null]}`, ""},
		{"null in a list of structures", `{"EmailTags":[null]}`, ""},
		{"no base64", `{"Content":{"Raw":{"Data":"a b"}}}`, ""},
		{"base64 without padding", `{"Content":{"Raw":{"Data":"YQ"}}}`, ""},
		{"a list for a blob", `{"Content":{"Raw":{"Data":[]}}}`, list},
		{"an unknown escape", `{"FromEmailAddress":"\x"}`, ""},
		{"half an escape", `{"FromEmailAddress":"\u00"}`, ""},
		{"an unknown escape in an unknown member", `{"X":"\x"}`, ""},
		{"a line break in a string", "{\"FromEmailAddress\":\"a\nb\"}", ""},
		{"bytes that are not UTF-8", "{\"FromEmailAddress\":\"\xff\"}", ""},
		{"bytes that are not UTF-8 in an unknown member", "{\"X\":\"\xff\"}", ""},
		{"no end", `{"FromEmailAddress":"a"`, ""},
		{"no end of a string", `{"FromEmailAddress":"a`, ""},
		{"a backslash at the end", `{"FromEmailAddress":"a\`, ""},
		{"no colon", `{"FromEmailAddress" "a"}`, ""},
		{"no comma", `{"FromEmailAddress":"a" "X":1}`, ""},
		{"a comma at the end", `{"FromEmailAddress":"a",}`, ""},
		{"a comma at the end of a list", `{"ReplyToAddresses":["a",]}`, ""},
		{"a comma at the end of an unknown list", `{"X":["a",]}`, ""},
		{"brackets that do not fit", `{"X":[}]}`, ""},
		{"text behind the body", `{} {}`, ""},
		{"a name without quotes", `{FromEmailAddress:"a"}`, ""},
		{"a number with a leading zero", `{"X":01}`, ""},
		{"a number with a plus", `{"X":+1}`, ""},
		{"a number without digits behind the point", `{"X":1.}`, ""},
		{"a number longer than any", `{"X":` + strings.Repeat("1", 100) + `}`, ""},
		{"nesting without end", `{"X":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, ""},
		{"elements without end", `{"EmailTags":[` + strings.Repeat("{},", 60_000) + `{}]}`, "Too many elements"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := rest(s, "POST", "/v2/email/outbound-emails", c.body)
			e := wireError(t, err)
			if e.Code != "SerializationException" || e.Status != 400 || e.Message != c.message {
				t.Errorf("got %v, want %q", e, c.message)
			}
		})
	}
}

func TestMalformedJSONOfOtherTypes(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSESv2)
	for _, c := range []struct{ name, method, target, body, message string }{
		{"a string for an integer", "POST", "/v2/email/tenants/list", `{"PageSize":"7"}`, "STRING_VALUE can not be converted to an Integer"},
		{"a fraction for an integer", "POST", "/v2/email/tenants/list", `{"PageSize":1.5}`, ""},
		{"an integer out of range", "POST", "/v2/email/tenants/list", `{"PageSize":2147483648}`, ""},
		{"a list for a map", "POST", "/v2/email/tenants/list", `{"Filter":[]}`, "Start of list found where not expected"},
		{"a string for a map", "POST", "/v2/email/tenants/list", `{"Filter":"a"}`, "Expected map or null"},
		{"null in a map", "POST", "/v2/email/tenants/list", `{"Filter":{"a":null}}`, ""},
		{"a string for a time", "POST", "/v2/email/metrics/batch", `{"Queries":[{"StartDate":"2024-01-01T00:00:00Z"}]}`, "STRING_VALUE can not be converted to a Timestamp"},
		{"a time after the year 9999", "POST", "/v2/email/metrics/batch", `{"Queries":[{"StartDate":1e30}]}`, ""},
		{"a union with two members", "POST", "/v2/email/update-configuration-sets",
			`{"MessageSecurityOptions":{"SigningScheme":{"SmimeScheme":{},"DefaultScheme":{}}}}`, ""},
		{"a union without members", "POST", "/v2/email/update-configuration-sets", `{"MessageSecurityOptions":{"SigningScheme":{}}}`, ""},
		{"a union with an unknown member", "POST", "/v2/email/update-configuration-sets", `{"MessageSecurityOptions":{"SigningScheme":{"X":{}}}}`, ""},
		{"a list for a union", "POST", "/v2/email/update-configuration-sets", `{"MessageSecurityOptions":{"SigningScheme":[]}}`, "Start of list found where not expected"},
		{"no number in the query string", "GET", "/v2/email/templates?PageSize=abc", "", "'abc' can not be converted to Integer"},
		{"no time in the query string", "GET", "/v2/email/suppression/addresses?StartDate=now", "", "'now' can not be converted to Timestamp"},
		{"a broken query string", "GET", "/v2/email/templates?PageSize=%zz", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := rest(s, c.method, c.target, c.body)
			e := wireError(t, err)
			if e.Code != "SerializationException" || e.Status != 400 || e.Message != c.message {
				t.Errorf("got %v, want %q", e, c.message)
			}
		})
	}
}

func TestTimestamps(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSESv2)
	for text, want := range map[string]time.Time{
		"0": time.Unix(0, 0), "1700000000": time.Unix(1700000000, 0), "1.7e9": time.Unix(1700000000, 0),
		"1700000000.123": time.UnixMilli(1700000000123), "1.790312384592E9": time.UnixMilli(1790312384592),
		"-1.5": time.UnixMilli(-1500), "1700000000.0004": time.Unix(1700000000, 0),
	} {
		in, err := rest(s, "POST", "/v2/email/metrics/batch", `{"Queries":[{"StartDate":`+text+`}]}`)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := *in.(*sesv2.BatchGetMetricDataInput).Queries[0].StartDate; got != want.UTC() {
			t.Errorf("%s: got %v, want %v", text, got, want.UTC())
		}
	}
}

func TestJSONAnswers(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSESv2)
	for _, c := range []struct {
		name string
		op   string
		out  any
		want string
	}{
		{"nothing", "DeleteEmailIdentity", nil, `{}`},
		{"a string", "SendEmail", &sesv2.SendEmailOutput{MessageId: aws.String("a\"b<\u2028\x01")}, "{\"MessageId\":\"a\\\"b<\u2028\\u0001\"}"},
		{"bytes that are not UTF-8", "SendEmail", &sesv2.SendEmailOutput{MessageId: aws.String("a\xffb")}, "{\"MessageId\":\"a\uFFFDb\"}"},
		{"numbers and booleans without a pointer stay", "GetAccount",
			&sesv2.GetAccountOutput{SendQuota: &types.SendQuota{Max24HourSend: 200, MaxSendRate: 1.5, SentLast24Hours: 1e16}},
			`{"DedicatedIpAutoWarmupEnabled":false,"ProductionAccessEnabled":false,` +
				`"SendQuota":{"Max24HourSend":200.0,"MaxSendRate":1.5,"SentLast24Hours":1E+16},"SendingEnabled":false}`},
		{"empty lists that are not nil stay", "ListEmailTemplates",
			&sesv2.ListEmailTemplatesOutput{TemplatesMetadata: []types.EmailTemplateMetadata{}}, `{"TemplatesMetadata":[]}`},
		{"times have a fraction", "ListEmailTemplates",
			&sesv2.ListEmailTemplatesOutput{TemplatesMetadata: []types.EmailTemplateMetadata{
				{CreatedTimestamp: aws.Time(time.Unix(1700000000, 0))}, {CreatedTimestamp: aws.Time(time.UnixMilli(1700000000120))},
				{CreatedTimestamp: aws.Time(time.UnixMilli(1700000000007))}, {CreatedTimestamp: aws.Time(time.UnixMilli(-1500))},
			}},
			`{"TemplatesMetadata":[{"CreatedTimestamp":1700000000.0},{"CreatedTimestamp":1700000000.12},` +
				`{"CreatedTimestamp":1700000000.007},{"CreatedTimestamp":-1.5}]}`},
		{"maps are sorted", "GetEmailIdentityPolicies",
			&sesv2.GetEmailIdentityPoliciesOutput{Policies: map[string]string{"b": "2", "a": "1"}}, `{"Policies":{"a":"1","b":"2"}}`},
		{"an unset enum is left out", "CreateEmailIdentity", &sesv2.CreateEmailIdentityOutput{}, `{"VerifiedForSendingStatus":false}`},
		{"what JSON has no number for", "GetAccount",
			&sesv2.GetAccountOutput{SendQuota: &types.SendQuota{Max24HourSend: math.Inf(1), MaxSendRate: math.NaN(), SentLast24Hours: -0.25}},
			`{"DedicatedIpAutoWarmupEnabled":false,"ProductionAccessEnabled":false,` +
				`"SendQuota":{"Max24HourSend":"Infinity","MaxSendRate":"NaN","SentLast24Hours":-0.25},"SendingEnabled":false}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := s.Operation(c.op).EncodeOutput(c.out, requestID)
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Body) != c.want {
				t.Errorf("got %s\nwant %s", r.Body, c.want)
			}
			if r.Status != 200 || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("X-Amzn-RequestId") != requestID {
				t.Errorf("got %d %v", r.Status, r.Header)
			}
		})
	}
}

func TestAnOutputOfAnotherOperationIsADefect(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSESv2)
	if _, err := s.Operation("SendEmail").EncodeOutput(&sesv2.GetAccountOutput{}, requestID); err == nil {
		t.Error("no error")
	}
	var none *sesv2.SendEmailOutput
	if r, err := s.Operation("SendEmail").EncodeOutput(none, requestID); err != nil || string(r.Body) != "{}" {
		t.Errorf("a nil output: %v, %v", r, err)
	}
}
