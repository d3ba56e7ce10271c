// SPDX-License-Identifier: Apache-2.0

package awswire_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/proto/awswire"
)

func TestForms(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSES)
	for _, c := range []struct {
		name  string
		pairs []string
		want  any
	}{
		{"members at every depth", []string{
			"Action=SendEmail", "Source=a@b.c", "Destination.ToAddresses.member.1=x", "Destination.ToAddresses.member.2=y",
			"Message.Subject.Data=s", "Message.Body.Html.Data=<b>", "Message.Body.Html.Charset=utf-8", "Tags.member.1.Name=n",
		}, &ses.SendEmailInput{
			Source: aws.String("a@b.c"), Destination: &types.Destination{ToAddresses: []string{"x", "y"}},
			Message: &types.Message{Subject: &types.Content{Data: aws.String("s")}, Body: &types.Body{
				Html: &types.Content{Data: aws.String("<b>"), Charset: aws.String("utf-8")},
			}},
			Tags: []types.MessageTag{{Name: aws.String("n")}},
		}},
		{"elements in any order", []string{"Action=GetIdentityDkimAttributes", "Identities.member.2=b", "Identities.member.10=j",
			"Identities.member.1=a", "Identities.member.3=c", "Identities.member.4=d", "Identities.member.5=e", "Identities.member.6=f",
			"Identities.member.7=g", "Identities.member.8=h", "Identities.member.9=i"},
			&ses.GetIdentityDkimAttributesInput{Identities: strings.Split("abcdefghij", "")}},
		{"a gap is an empty element", []string{"Action=CreateReceiptRule", "Rule.Actions.member.2.StopAction.Scope=RuleSet"},
			&ses.CreateReceiptRuleInput{Rule: &types.ReceiptRule{Actions: []types.ReceiptAction{
				{}, {StopAction: &types.StopAction{Scope: "RuleSet"}},
			}}}},
		{"an empty list, as SDKs send it", []string{"Action=SendEmail", "ReplyToAddresses=", "Destination.CcAddresses="},
			&ses.SendEmailInput{Destination: &types.Destination{}}},
		{"an empty string is a value", []string{"Action=DeleteIdentity", "Identity="}, &ses.DeleteIdentityInput{Identity: aws.String("")}},
		{"the last of two values counts", []string{"Action=DeleteIdentity", "Identity=a", "Identity=b"}, &ses.DeleteIdentityInput{Identity: aws.String("b")}},
		{"unknown parameters are ignored", []string{"Action=DeleteIdentity", "Identity=a", "X-Amz-Date=x", "Identity.member.1=b", "identity=c"},
			&ses.DeleteIdentityInput{Identity: aws.String("a")}},
		{"a blob", []string{"Action=SendRawEmail", "RawMessage.Data=AP/+"},
			&ses.SendRawEmailInput{RawMessage: &types.RawMessage{Data: []byte{0, 0xff, 0xfe}}}},
		{"a number", []string{"Action=ListIdentities", "MaxItems=-7"}, &ses.ListIdentitiesInput{MaxItems: aws.Int32(-7)}},
		{"true as a number", []string{"Action=SetIdentityDkimEnabled", "DkimEnabled=1"}, &ses.SetIdentityDkimEnabledInput{DkimEnabled: true}},
		{"false", []string{"Action=SetIdentityDkimEnabled", "DkimEnabled=false"}, &ses.SetIdentityDkimEnabledInput{}},
		{"a time", []string{"Action=SendBounce", "MessageDsn.ArrivalDate=2024-02-29T12:00:00.5Z"},
			&ses.SendBounceInput{MessageDsn: &types.MessageDsn{ArrivalDate: aws.Time(time.Date(2024, 2, 29, 12, 0, 0, 5e8, time.UTC))}}},
		{"a name in capitals", []string{"Action=CreateReceiptRule", "Rule.Actions.member.1.SNSAction.TopicArn=t", "Rule.Actions.member.1.ConnectAction.IAMRoleARN=r"},
			&ses.CreateReceiptRuleInput{Rule: &types.ReceiptRule{Actions: []types.ReceiptAction{
				{SNSAction: &types.SNSAction{TopicArn: aws.String("t")}, ConnectAction: &types.ConnectAction{IAMRoleARN: aws.String("r")}},
			}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got, err := form(s, c.pairs...)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %s\nwant %s", dump(got), dump(c.want))
			}
		})
	}
}

func TestMalformedForms(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSES)
	for _, c := range []struct {
		name    string
		pairs   []string
		message string
	}{
		{"index 0", []string{"Action=SendEmail", "Tags.member.0.Name=a"}, "0 is not a valid index"},
		{"a negative index", []string{"Action=SendEmail", "Tags.member.-1.Name=a"}, "-1 is not a valid index"},
		{"an index with a plus", []string{"Action=SendEmail", "Tags.member.+1.Name=a"}, "+1 is not a valid index"},
		{"no index", []string{"Action=SendEmail", "Tags.member.x.Name=a"}, "x is not a valid index"},
		{"an empty index", []string{"Action=SendEmail", "Tags.member.=a"}, " is not a valid index"},
		{"an index beyond all", []string{"Action=SendEmail", "Tags.member.999999999999999999999.Name=a"}, "999999999999999999999 is not a valid index"},
		{"gaps beyond all", []string{"Action=SendEmail", "Tags.member.40000.Name=a", "ReplyToAddresses.member.40000=b"}, "Too many elements"},
		{"no boolean", []string{"Action=SetIdentityDkimEnabled", "DkimEnabled=bogus"}, "boolean must follow xsd1.1 definition"},
		{"a boolean in capitals", []string{"Action=SetIdentityDkimEnabled", "DkimEnabled=TRUE"}, "boolean must follow xsd1.1 definition"},
		{"no number", []string{"Action=ListIdentities", "MaxItems=abc"}, ""},
		{"an empty number", []string{"Action=ListIdentities", "MaxItems="}, "missing value for decimal type"},
		{"a number out of range", []string{"Action=ListIdentities", "MaxItems=2147483648"}, ""},
		{"no time", []string{"Action=SendBounce", "MessageDsn.ArrivalDate=now"}, "timestamp must follow ISO8601"},
		{"no base64", []string{"Action=SendRawEmail", "RawMessage.Data=a b"}, ""},
		{"bytes that are not UTF-8", []string{"Action=DeleteIdentity", "Identity=\xff"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := form(s, c.pairs...)
			if e := wireError(t, err); e.Code != "MalformedInput" || e.Status != 400 || e.Message != c.message {
				t.Errorf("got %v, want %q", e, c.message)
			}
		})
	}
}

func TestFormsAreBounded(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSES)
	many := func(n int, pair func(i int) string) string {
		var b strings.Builder
		b.WriteString("Action=GetSendQuota&Version=2010-12-01")
		for i := range n {
			b.WriteString("&" + pair(i))
		}
		return b.String()
	}
	for name, body := range map[string]string{
		"parameters without end": many(60_000, func(int) string { return "a=b" }),
		"names without end":      many(5_000, func(i int) string { return fmt.Sprintf("%d%s=", i, strings.Repeat(".a", 60)) }),
		"depth without end":      many(1, func(int) string { return strings.Repeat("a.", 100) + "=" }),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Route(&awswire.Request{Method: "POST", RawPath: "/", Body: []byte(body)})
			if e := wireError(t, err); e.Code != "MalformedQueryString" {
				t.Errorf("got %v", e)
			}
		})
	}
	// Many distinct names are fine, and found fast.
	call, err := s.Route(&awswire.Request{Method: "POST", RawPath: "/", Body: []byte(many(40_000, func(i int) string {
		return fmt.Sprintf("Identities.member.%d=x", i+1)
	}))})
	if err != nil || call.Op.Name != "GetSendQuota" {
		t.Errorf("got %v, %v", call, err)
	}
}

func TestXMLAnswers(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSES)
	const (
		ns   = ` xmlns="http://ses.amazonaws.com/doc/2010-12-01/"`
		meta = "<ResponseMetadata><RequestId>" + requestID + "</RequestId></ResponseMetadata>"
	)
	for _, c := range []struct {
		name, op string
		out      any
		want     string
	}{
		{"a result", "SendEmail", &ses.SendEmailOutput{MessageId: aws.String("0100")},
			"<SendEmailResponse" + ns + "><SendEmailResult><MessageId>0100</MessageId></SendEmailResult>" + meta + "</SendEmailResponse>"},
		{"an empty result", "DeleteIdentity", nil,
			"<DeleteIdentityResponse" + ns + "><DeleteIdentityResult></DeleteIdentityResult>" + meta + "</DeleteIdentityResponse>"},
		{"an operation that has no result", "VerifyEmailAddress", nil,
			"<VerifyEmailAddressResponse" + ns + ">" + meta + "</VerifyEmailAddressResponse>"},
		{"a list, escaped", "ListIdentities", &ses.ListIdentitiesOutput{Identities: []string{"a&b", `<"'>`, "x\r\n\x01\xff"}},
			"<ListIdentitiesResponse" + ns + "><ListIdentitiesResult><Identities><member>a&amp;b</member>" +
				"<member>&lt;&quot;&apos;&gt;</member><member>x&#xD;\n\uFFFD\uFFFD</member></Identities></ListIdentitiesResult>" + meta + "</ListIdentitiesResponse>"},
		{"an empty list that is not nil", "ListIdentities", &ses.ListIdentitiesOutput{Identities: []string{}},
			"<ListIdentitiesResponse" + ns + "><ListIdentitiesResult><Identities></Identities></ListIdentitiesResult>" + meta + "</ListIdentitiesResponse>"},
		{"a map", "GetIdentityVerificationAttributes", &ses.GetIdentityVerificationAttributesOutput{
			VerificationAttributes: map[string]types.IdentityVerificationAttributes{
				"b.c": {VerificationStatus: "Success"}, "a.c": {VerificationStatus: "Pending", VerificationToken: aws.String("t")},
			}},
			"<GetIdentityVerificationAttributesResponse" + ns + "><GetIdentityVerificationAttributesResult><VerificationAttributes>" +
				"<entry><key>a.c</key><value><VerificationStatus>Pending</VerificationStatus><VerificationToken>t</VerificationToken></value></entry>" +
				"<entry><key>b.c</key><value><VerificationStatus>Success</VerificationStatus></value></entry>" +
				"</VerificationAttributes></GetIdentityVerificationAttributesResult>" + meta + "</GetIdentityVerificationAttributesResponse>"},
		{"numbers", "GetSendQuota", &ses.GetSendQuotaOutput{Max24HourSend: 200, MaxSendRate: 1.5, SentLast24Hours: 0},
			"<GetSendQuotaResponse" + ns + "><GetSendQuotaResult><Max24HourSend>200.0</Max24HourSend><MaxSendRate>1.5</MaxSendRate>" +
				"<SentLast24Hours>0.0</SentLast24Hours></GetSendQuotaResult>" + meta + "</GetSendQuotaResponse>"},
		{"times", "ListReceiptRuleSets", &ses.ListReceiptRuleSetsOutput{RuleSets: []types.ReceiptRuleSetMetadata{
			{CreatedTimestamp: aws.Time(time.Date(2024, 2, 29, 13, 0, 0, 0, time.FixedZone("", 3600)))},
			{CreatedTimestamp: aws.Time(time.Date(2024, 2, 29, 12, 0, 0, 120e6, time.UTC))},
		}},
			"<ListReceiptRuleSetsResponse" + ns + "><ListReceiptRuleSetsResult><RuleSets>" +
				"<member><CreatedTimestamp>2024-02-29T12:00:00Z</CreatedTimestamp></member>" +
				"<member><CreatedTimestamp>2024-02-29T12:00:00.120Z</CreatedTimestamp></member>" +
				"</RuleSets></ListReceiptRuleSetsResult>" + meta + "</ListReceiptRuleSetsResponse>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := s.Operation(c.op).EncodeOutput(c.out, requestID)
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Body) != c.want {
				t.Errorf("got  %s\nwant %s", r.Body, c.want)
			}
			if r.Status != 200 || r.Header.Get("Content-Type") != "text/xml" || r.Header.Get("X-Amzn-RequestId") != requestID {
				t.Errorf("got %d %v", r.Status, r.Header)
			}
		})
	}
}
