// SPDX-License-Identifier: Apache-2.0

package awswire_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/proto/awswire"
)

// place is the start of a violation's text.
func place(path string) string { return "Value at '" + path + "' failed to satisfy constraint: " }

const (
	notNull = "Member must not be null"
	atLeast = "Member must have length greater than or equal to "
	atMost  = "Member must have length less than or equal to "
	pattern = "Member must satisfy regular expression pattern: "
	enumSet = "Member must satisfy enum value set: "
)

// checkViolations compares the outcome of Validate with the texts that are wanted.
func checkViolations(t *testing.T, op *awswire.Operation, in any, code string, want []string) {
	t.Helper()
	err := op.Validate(in)
	if len(want) == 0 {
		if err != nil {
			t.Errorf("got %v", err)
		}
		return
	}
	e := wireError(t, err)
	detected := "1 validation error detected: "
	if len(want) > 1 {
		detected = string(rune('0'+len(want))) + " validation errors detected: "
	}
	if got := detected + strings.Join(want, "; "); e.Message != got {
		t.Errorf("got  %s\nwant %s", e.Message, got)
	}
	if e.Code != code || e.Status != 400 {
		t.Errorf("got %s %d", e.Code, e.Status)
	}
}

func TestConstraintsOfV1(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSES)
	const namePattern = pattern + "^[a-zA-Z0-9_.-]+$"
	const bounce = "rule.actions.1.member.bounceAction."
	for _, c := range []struct {
		name  string
		pairs []string
		want  []string
	}{
		{"all required members are named, in SES's order", []string{"Action=SendEmail"},
			[]string{place("destination") + notNull, place("source") + notNull, place("message") + notNull}},
		{"required members below", []string{"Action=SendEmail", "Source=", "Destination.ToAddresses=", "Message.Subject.Charset=utf-8"},
			[]string{place("message.subject.data") + notNull, place("message.body") + notNull}},
		{"an empty string is not null", []string{"Action=SendEmail", "Source=", "Destination.ToAddresses=", "Message.Subject.Data=", "Message.Body.Text.Data="}, nil},
		{"an empty list is null", []string{"Action=GetIdentityDkimAttributes", "Identities="}, []string{place("identities") + notNull}},
		{"members of a list's structures", []string{"Action=SendRawEmail", "RawMessage.Data=YQ==", "Tags.member.1.Name=a", "Tags.member.1.Value=b", "Tags.member.2.Value=c"},
			[]string{place("tags.2.member.name") + notNull}},
		{"a name in capitals has its first letter lowered", []string{"Action=CreateReceiptRule", "RuleSetName=s", "Rule.Name=n",
			"Rule.Actions.member.1.SNSAction.Encoding=x", "Rule.Actions.member.2.ConnectAction.InstanceARN=arn:aws:connect:eu-west-1:1:instance/00000000-0000-0000-0000-000000000000"},
			[]string{place("rule.actions.1.member.sNSAction.encoding") + enumSet + "[Base64, UTF-8]",
				place("rule.actions.1.member.sNSAction.topicArn") + notNull,
				place("rule.actions.2.member.connectAction.iAMRoleARN") + notNull}},
		{"a bounce action with a topic alone", []string{"Action=CreateReceiptRule", "RuleSetName=s", "Rule.Name=n", "Rule.Actions.member.1.BounceAction.TopicArn=t"},
			[]string{place(bounce+"smtpReplyCode") + notNull, place(bounce+"sender") + notNull, place(bounce+"message") + notNull}},
		{"a gap in a list has no required members", []string{"Action=CreateReceiptRule", "RuleSetName=s", "Rule.Name=n", "Rule.Actions.member.2.StopAction.Scope=RuleSet"}, nil},
		{"the name of a rule set", []string{"Action=CreateReceiptRuleSet", "RuleSetName=a b"}, []string{place("ruleSetName") + namePattern}},
		{"an empty name of a rule set", []string{"Action=CreateReceiptRuleSet", "RuleSetName="},
			[]string{place("ruleSetName") + atLeast + "1", place("ruleSetName") + namePattern}},
		{"a long name of a rule set is for the handler", []string{"Action=CreateReceiptRuleSet", "RuleSetName=" + strings.Repeat("a", 100)}, nil},
		{"the name of a rule", []string{"Action=DescribeReceiptRule", "RuleSetName=s", "RuleName=a!"}, []string{place("ruleName") + namePattern}},
		{"the active rule set may be none", []string{"Action=SetActiveReceiptRuleSet"}, nil},
		{"an enum", []string{"Action=PutConfigurationSetDeliveryOptions", "ConfigurationSetName=c", "DeliveryOptions.TlsPolicy=REQUIRE"},
			[]string{place("deliveryOptions.tlsPolicy") + enumSet + "[Optional, Require]"}},
		{"another enum", []string{"Action=CreateReceiptRule", "RuleSetName=s", "Rule.Name=n", "Rule.Actions.member.1.LambdaAction.InvocationType=x"},
			[]string{place("rule.actions.1.member.lambdaAction.invocationType") + enumSet + "[RequestResponse, Event]",
				place("rule.actions.1.member.lambdaAction.functionArn") + notNull}},
		{"an enum in a list", []string{"Action=DescribeConfigurationSet", "ConfigurationSetName=c", "ConfigurationSetAttributeNames.member.1=x"},
			[]string{place("configurationSetAttributeNames") + "Member must satisfy constraint: [" + enumSet +
				"[reputationOptions, trackingOptions, deliveryOptions, eventDestinations]]"}},
		{"a length", []string{"Action=PutIdentityPolicy", "Identity=i", "Policy=", "PolicyName=" + strings.Repeat("é", 65)},
			[]string{place("policyName") + atMost + "64", place("policy") + atLeast + "1"}},
		{"a length is counted in characters", []string{"Action=PutIdentityPolicy", "Identity=i", "Policy=p", "PolicyName=" + strings.Repeat("é", 64)}, nil},
		{"a length of a list's elements", []string{"Action=GetIdentityPolicies", "Identity=i", "PolicyNames.member.1=" + strings.Repeat("p", 65)},
			[]string{place("policyNames") + "Member must satisfy constraint: [" + atMost + "64, " + atLeast + "1]"}},
		{"length and pattern of a role", []string{"Action=CreateReceiptRule", "RuleSetName=s", "Rule.Name=n", "Rule.Actions.member.1.S3Action.BucketName=b",
			"Rule.Actions.member.1.S3Action.IamRoleArn=arn"},
			[]string{place("rule.actions.1.member.s3Action.iamRoleArn") + atLeast + "20",
				place("rule.actions.1.member.s3Action.iamRoleArn") + pattern + `arn:[\w-]+:iam::[0-9]+:role(\u002F)([\u0021-\u007E]+\u002F)?([\w+=,.@-]+)`}},
		{"a role that is right", []string{"Action=CreateReceiptRule", "RuleSetName=s", "Rule.Name=n", "Rule.Actions.member.1.S3Action.BucketName=b",
			"Rule.Actions.member.1.S3Action.IamRoleArn=arn:aws:iam::123456789012:role/a/b/mail"}, nil},
		{"tracking options that are missing", []string{"Action=CreateConfigurationSetTrackingOptions", "ConfigurationSetName=c"}, []string{place("trackingOptions") + notNull}},
		{"a value that is longer than any pattern", []string{"Action=CreateReceiptRuleSet", "RuleSetName=" + strings.Repeat("a", 70_000)},
			[]string{place("ruleSetName") + namePattern}},
		{"an operation without constraints", []string{"Action=GetSendQuota"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			op, in, err := form(s, c.pairs...)
			if err != nil {
				t.Fatal(err)
			}
			checkViolations(t, op, in, "ValidationError", c.want)
		})
	}
}

func TestConstraintsOfV2(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSESv2)
	reasons := "Member must satisfy constraint: [" + enumSet + "[BOUNCE, COMPLAINT]]"
	const simple = `"Subject":{"Data":"s"},"Body":{}`
	for _, c := range []struct {
		name, op, body string
		want           []string
	}{
		{"a message without content", "SendEmail", `{}`, []string{place("content") + notNull}},
		{"a sender is for the handler", "SendEmail", `{"Content":{"Simple":{` + simple + `}}}`, nil},
		{"content below", "SendEmail", `{"Content":{"Simple":{"Subject":{}},"Raw":{},"Template":{}}}`,
			[]string{place("content.raw.data") + notNull, place("content.simple.subject.data") + notNull, place("content.simple.body") + notNull}},
		{"headers", "SendEmail", `{"Content":{"Simple":{` + simple + `,"Headers":[{"Name":"a"},{"Name":"b:","Value":"ok"},{"Name":"c","Value":"` + "é" + `"}]}}}`,
			[]string{place("content.simple.headers.1.member.value") + notNull,
				place("content.simple.headers.2.member.name") + pattern + "^[!-9;-@A-~]+$",
				place("content.simple.headers.3.member.value") + pattern + "[ -~]*"}},
		{"too many headers", "SendEmail", `{"Content":{"Simple":{` + simple + `,"Headers":[` + strings.Repeat(`{"Name":"a","Value":"b"},`, 15) + `{"Name":"a","Value":"b"}]}}}`,
			[]string{place("content.simple.headers") + atMost + "15"}},
		{"attachments", "SendEmail", `{"Content":{"Simple":{` + simple + `,"Attachments":[{"FileName":"` + strings.Repeat("a", 256) + `","RawContent":"","ContentDisposition":"x"}]}}}`,
			[]string{place("content.simple.attachments.1.member.fileName") + atMost + "255",
				place("content.simple.attachments.1.member.contentDisposition") + enumSet + "[ATTACHMENT, INLINE]"}},
		{"template data has a length", "SendEmail", `{"Content":{"Template":{"TemplateData":"` + strings.Repeat("a", 262145) + `"}}}`,
			[]string{place("content.template.templateData") + atMost + "262144"}},
		{"reasons of the account", "PutAccountSuppressionAttributes", `{"SuppressedReasons":["BOUNCE","X"]}`, []string{place("suppressedReasons") + reasons}},
		{"reasons of a new set", "CreateConfigurationSet", `{"ConfigurationSetName":"c","SuppressionOptions":{"SuppressedReasons":["X"]}}`,
			[]string{place("suppressionOptions.suppressedReasons") + reasons}},
		{"reasons of a set are for the handler", "PutConfigurationSetSuppressionOptions", `{"SuppressedReasons":["X"]}`, nil},
		{"reasons and scope of a tenant", "PutTenantSuppressionAttributes", `{"TenantName":"t","SuppressedReasons":["X"],"SuppressionScope":"Y"}`,
			[]string{place("suppressedReasons") + reasons, place("suppressionScope") + enumSet + "[TENANT, ACCOUNT]"}},
		{"a single reason", "PutSuppressedDestination", `{"EmailAddress":"a@b.c","Reason":"X"}`, []string{place("reason") + enumSet + "[BOUNCE, COMPLAINT]"}},
		{"a range", "PutConfigurationSetDeliveryOptions", `{"MaxDeliverySeconds":299,"TlsPolicy":"Require"}`,
			[]string{place("tlsPolicy") + enumSet + "[OPTIONAL, REQUIRE]", place("maxDeliverySeconds") + "Member must have value greater than or equal to 300"}},
		{"zero is in no range", "PutConfigurationSetDeliveryOptions", `{"MaxDeliverySeconds":0}`,
			[]string{place("maxDeliverySeconds") + "Member must have value greater than or equal to 300"}},
		{"tracking options need no domain here", "CreateConfigurationSet", `{"ConfigurationSetName":"c","TrackingOptions":{}}`, nil},
		{"a policy for HTTPS", "PutConfigurationSetTrackingOptions", `{"CustomRedirectDomain":"a.b","HttpsPolicy":"x"}`,
			[]string{place("httpsPolicy") + enumSet + "[OPTIONAL, REQUIRE, REQUIRE_OPEN_ONLY]"}},
		{"features", "PutConfigurationSetVdmOptions", `{"VdmOptions":{"DashboardOptions":{"EngagementMetrics":"x"}}}`,
			[]string{place("vdmOptions.dashboardOptions.engagementMetrics") + enumSet + "[ENABLED, DISABLED]"}},
		{"topics", "CreateContactList", `{"ContactListName":"l","Topics":[{"TopicName":"t","DisplayName":"d","DefaultSubscriptionStatus":"x"}]}`,
			[]string{place("topics.1.member.defaultSubscriptionStatus") + enumSet + "[OPT_OUT, OPT_IN]"}},
		{"keys of a map", "ListTenants", `{"Filter":{"X":"a"}}`,
			[]string{place("filter") + "Map keys must satisfy constraint: [" + enumSet + "[SENDING_STATUS, TENANT_NAME_CONTAINS]]"}},
		{"values of a map", "ListTenantResources", `{"TenantName":"t","Filter":{"RESOURCE_TYPE":""}}`,
			[]string{place("filter") + "Map value must satisfy constraint: [" + atMost + "512, " + atLeast + "1]"}},
		{"the size of a map, and lists in it", "CreateExportJob", `{"ExportDestination":{"DataFormat":"XML"},"ExportDataSource":{"MetricsDataSource":{
			"Dimensions":{"ISP":["` + strings.Join(make([]string, 11), `","`) + `"]},"Namespace":"VDM","Metrics":[{}],"StartDate":1,"EndDate":2}}}`,
			[]string{place("exportDataSource.metricsDataSource.dimensions") + "Map value must satisfy constraint: [" + atMost + "10, " + atLeast + "1]",
				place("exportDestination.dataFormat") + enumSet + "[CSV, JSON]"}},
		{"a list that is too long", "BatchGetMetricData", `{"Queries":[` + strings.Repeat(`{"Id":"a","Namespace":"VDM","Metric":"SEND","StartDate":1,"EndDate":2},`, 10) +
			`{"Id":"a","Namespace":"VDM","Metric":"SEND","StartDate":1,"EndDate":2}]}`, []string{place("queries") + atMost + "10"}},
		{"addresses", "PutAccountDetails", `{"MailType":"MARKETING","WebsiteURL":"https://a.b","AdditionalContactEmailAddresses":["a@b.example","x"]}`,
			[]string{place("additionalContactEmailAddresses") + "Member must satisfy constraint: [" + atMost + "254, " + atLeast + "6, " + pattern + "^(.+)@(.+)$]"}},
		{"a secret is not repeated", "CreateEmailIdentity", `{"EmailIdentity":"a.b","DkimSigningAttributes":{"DomainSigningSelector":"s","DomainSigningPrivateKey":"not base64!"}}`,
			[]string{place("dkimSigningAttributes.domainSigningPrivateKey") + pattern + `^[a-zA-Z0-9+\/]+={0,2}$`}},
		{"a certificate", "AssociateEmailIdentityCertificate", `{"EmailIdentity":"","CertificateArn":"arn"}`,
			[]string{place("certificateArn") + atLeast + "20",
				place("certificateArn") + pattern + `arn:[\w+=/,.@-]+:[\w+=/,.@-]+:[\w+=/,.@-]*:[0-9]+:certificate/[\w+=,.@-]+`,
				place("emailIdentity") + atLeast + "1"}},
		{"a union", "UpdateConfigurationSet", `{"ConfigurationSetName":"c","MessageSecurityOptions":{"SigningScheme":{"SmimeScheme":{"SignatureFormat":"X"}}}}`,
			[]string{place("messageSecurityOptions.signingScheme.smimeScheme.signatureFormat") + enumSet + "[DETACHED]"}},
		{"another variant of the union", "UpdateConfigurationSet", `{"ConfigurationSetName":"c","MessageSecurityOptions":{"SigningScheme":{"DefaultScheme":{}}}}`, nil},
		{"labels are required too", "CreateContact", `{}`, []string{place("emailAddress") + notNull, place("contactListName") + notNull}},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := s.Operation(c.op)
			path := strings.NewReplacer("{ConfigurationSetName}", "c", "{ContactListName}", "l").Replace(op.Path)
			in, err := rest(s, op.Method, path, c.body)
			if err != nil {
				t.Fatal(err)
			}
			if c.op == "CreateContact" { // the path can't leave the label out
				in = &sesv2.CreateContactInput{}
			}
			checkViolations(t, op, in, "BadRequestException", c.want)
		})
	}
}

func TestViolationsAreBounded(t *testing.T) {
	t.Parallel()
	op := service(t, awswire.NewSESv2).Operation("TagResource")
	in := &sesv2.TagResourceInput{ResourceArn: aws.String("arn"), Tags: make([]types.Tag, 1000)}
	e := wireError(t, op.Validate(in))
	if !strings.HasPrefix(e.Message, "100 validation errors detected: ") || strings.Count(e.Message, ";") != 99 {
		t.Errorf("got %.100s", e.Message)
	}
}

func TestValidateRefusesInputsOfOtherOperations(t *testing.T) {
	t.Parallel()
	op := service(t, awswire.NewSES).Operation("SendEmail")
	var none *ses.SendEmailInput
	for _, in := range []any{nil, none, &ses.SendRawEmailInput{}, ses.SendEmailInput{}} {
		if err := op.Validate(in); err == nil {
			t.Errorf("%T was taken", in)
		}
	}
}

// TestFilledInputsAreWalkedWhole walks every check of every operation.
func TestFilledInputsAreWalkedWhole(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, s *awswire.Service) {
		for _, op := range s.Operations() {
			for variant := range 2 {
				in := op.NewInput()
				(&filler{variant: variant}).fill(reflect.ValueOf(in).Elem())
				if err := op.Validate(in); err != nil && strings.Contains(wireError(t, err).Message, notNull) {
					t.Errorf("%s: %v", op.Name, err)
				}
			}
		}
	})
}
