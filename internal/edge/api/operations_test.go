// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/smithy-go/middleware"

	"sesame/internal/edge/api"
	v1 "sesame/internal/edge/api/ses"
	v2 "sesame/internal/edge/api/sesv2"
	"sesame/internal/proto/awswire"
)

// built are the operations that this server has.
var built = map[string][]string{
	"ses": {
		"CreateCustomVerificationEmailTemplate", "DeleteCustomVerificationEmailTemplate", "GetCustomVerificationEmailTemplate",
		"ListCustomVerificationEmailTemplates", "SendCustomVerificationEmail", "UpdateCustomVerificationEmailTemplate",
		"DeleteIdentity", "DeleteIdentityPolicy", "DeleteVerifiedEmailAddress", "GetAccountSendingEnabled", "GetIdentityDkimAttributes",
		"GetIdentityMailFromDomainAttributes", "GetIdentityNotificationAttributes", "GetIdentityPolicies", "GetIdentityVerificationAttributes",
		"GetSendQuota", "GetSendStatistics", "ListIdentities", "ListIdentityPolicies", "ListVerifiedEmailAddresses", "PutIdentityPolicy",
		"SendEmail", "SendRawEmail", "SetIdentityDkimEnabled", "SetIdentityFeedbackForwardingEnabled",
		"SetIdentityHeadersInNotificationsEnabled", "SetIdentityMailFromDomain", "SetIdentityNotificationTopic", "UpdateAccountSendingEnabled", "VerifyDomainDkim",
		"VerifyDomainIdentity", "VerifyEmailAddress", "VerifyEmailIdentity",
		"CreateTemplate", "DeleteTemplate", "GetTemplate", "ListTemplates", "SendBulkTemplatedEmail", "SendTemplatedEmail", "TestRenderTemplate", "UpdateTemplate",
		"CreateConfigurationSet", "CreateConfigurationSetEventDestination", "CreateConfigurationSetTrackingOptions", "DeleteConfigurationSet",
		"DeleteConfigurationSetEventDestination", "DeleteConfigurationSetTrackingOptions", "DescribeConfigurationSet", "ListConfigurationSets",
		"PutConfigurationSetDeliveryOptions", "UpdateConfigurationSetEventDestination", "UpdateConfigurationSetReputationMetricsEnabled",
		"UpdateConfigurationSetSendingEnabled", "UpdateConfigurationSetTrackingOptions",
	},
	"sesv2": {
		"CreateCustomVerificationEmailTemplate", "DeleteCustomVerificationEmailTemplate", "GetCustomVerificationEmailTemplate",
		"ListCustomVerificationEmailTemplates", "SendCustomVerificationEmail", "UpdateCustomVerificationEmailTemplate",
		"CreateEmailIdentity", "CreateEmailIdentityPolicy", "DeleteEmailIdentity", "DeleteEmailIdentityPolicy", "GetAccount", "GetEmailIdentity",
		"GetEmailIdentityPolicies", "ListEmailIdentities", "PutAccountDetails", "PutAccountSendingAttributes", "ListTagsForResource", "PutEmailIdentityConfigurationSetAttributes",
		"PutEmailIdentityDkimAttributes", "PutEmailIdentityDkimSigningAttributes", "PutEmailIdentityFeedbackAttributes",
		"PutSuppressedDestination", "GetSuppressedDestination", "ListSuppressedDestinations", "DeleteSuppressedDestination", "PutAccountSuppressionAttributes",
		"PutEmailIdentityMailFromAttributes", "SendEmail", "TagResource", "UntagResource", "UpdateEmailIdentityPolicy",
		"CreateEmailTemplate", "DeleteEmailTemplate", "GetEmailTemplate", "ListEmailTemplates", "SendBulkEmail", "TestRenderEmailTemplate", "UpdateEmailTemplate",
		"CreateConfigurationSet", "CreateConfigurationSetEventDestination", "DeleteConfigurationSet", "DeleteConfigurationSetEventDestination",
		"GetConfigurationSet", "GetConfigurationSetEventDestinations", "ListConfigurationSets", "PutAccountVdmAttributes",
		"PutConfigurationSetArchivingOptions", "PutConfigurationSetDeliveryOptions", "PutConfigurationSetReputationOptions",
		"PutConfigurationSetSendingOptions", "PutConfigurationSetSuppressionOptions", "PutConfigurationSetTrackingOptions",
		"PutConfigurationSetVdmOptions", "UpdateConfigurationSet", "UpdateConfigurationSetEventDestination",
		"CreateContact", "CreateContactList", "DeleteContact", "DeleteContactList", "GetContact", "GetContactList", "ListContactLists", "ListContacts",
		"UpdateContact", "UpdateContactList", "CreateImportJob", "GetImportJob", "ListImportJobs",
	},
}

// unchecked switches off the SDK's own check of inputs, so that the server's is seen.
func unchecked(s *middleware.Stack) error {
	const check = "OperationInputValidation"
	if _, has := s.Initialize.Get(check); has {
		_, err := s.Initialize.Remove(check)
		return err
	}
	return nil
}

// label finds the members of an input that are in the path: without them the SDK can't
// write a request.
var label = regexp.MustCompile(`\{(\w+)\}`)

func emptyInput(op *awswire.Operation) any {
	in := op.NewInput()
	for _, m := range label.FindAllStringSubmatch(op.Path, -1) {
		f := reflect.ValueOf(in).Elem().FieldByName(m[1])
		if f.Kind() == reflect.Pointer {
			f.Set(reflect.New(f.Type().Elem()))
			f = f.Elem()
		}
		f.SetString("x")
	}
	return in
}

// invoke calls an operation of an SDK client by its name.
func invoke(ctx context.Context, client any, name string, in any) error {
	out := reflect.ValueOf(client).MethodByName(name).Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(in)})
	err, _ := out[1].Interface().(error)
	return err
}

func TestEveryOperationAnswersTheSDK(t *testing.T) {
	t.Parallel()
	both, err := services()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	clients := map[string]any{
		"ses":   w.sesClient(tester(), ses.WithAPIOptions(unchecked)),
		"sesv2": w.sesv2Client(tester(), sesv2.WithAPIOptions(unchecked)),
	}
	for n, least := range map[int]int{0: 71, 1: 116} {
		service := both[n]
		if got := len(service.Operations()); got < least {
			t.Errorf("%s has %d operations, want at least %d", service.Name(), got, least)
		}
		for _, op := range service.Operations() {
			// Not in parallel: they would wait for others longer than a signature is good.
			t.Run(service.Name()+"."+op.Name, func(t *testing.T) {
				err := invoke(t.Context(), clients[service.Name()], op.Name, emptyInput(op))
				if has := contains(built[service.Name()], op.Name); !has {
					code := map[string]string{"ses": "NotImplemented", "sesv2": "NotImplementedException"}[service.Name()]
					wantRefusal(t, err, refusal{501, code, "The operation " + op.Name + " is not implemented by this server."})
					return
				}
				if err == nil {
					return // there are operations that need nothing
				}
				if got := refused(t, err); got.status != 400 && got.status != 404 || got.text == "" {
					t.Errorf("an empty input: %+v", got)
				}
			})
		}
	}
	t.Cleanup(func() { // after all of them
		if log := w.log.String(); strings.Contains(log, "panic") {
			t.Errorf("a handler panicked:\n%s", log)
		}
	})
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestTheListOfOperations(t *testing.T) {
	t.Parallel()
	both, err := services()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for n, impl := range []any{&v1.API{}, &v2.API{}} {
		if err := api.Bind(both[n], impl).List(&b); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 3 || (f[2] == "yes") != contains(built[f[0]], f[1]) {
			t.Errorf("%q", line)
		}
	}
}

// wrongSignature has the name of an operation and not its shape.
type wrongSignature struct{}

func (wrongSignature) GetAccount(context.Context) error { return nil }

func TestAMethodOfTheWrongShapeIsADefect(t *testing.T) {
	t.Parallel()
	both, err := services()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if p, _ := recover().(string); !strings.Contains(p, "GetAccount of sesv2") {
			t.Errorf("%q", p)
		}
	}()
	api.Bind(both[1], wrongSignature{})
}

// panicking has operations that are defective.
type panicking struct{}

func (panicking) GetAccount(context.Context, *sesv2.GetAccountInput) (*sesv2.GetAccountOutput, error) {
	panic("the reason is nobody's business")
}

func (panicking) GetSendQuota(context.Context, *ses.GetSendQuotaInput) (*ses.GetSendQuotaOutput, error) {
	var none *ses.GetSendQuotaOutput
	none.SentLast24Hours = 1
	return none, nil
}

func TestAPanicIsAnInternalErrorAndSaysNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.v1, s.v2 = panicking{}, panicking{} })
	for version, code := range map[string]string{"v1": "InternalFailure", "v2": "InternalServiceErrorException"} {
		a := w.do(t, protocols[version])
		if a.status != http.StatusInternalServerError || a.code() != code || a.text() != "Internal failure" {
			t.Errorf("%s: %d %s", version, a.status, a.body)
		}
		for _, cause := range []string{"business", "nil pointer", "panic", "goroutine", ".go:"} {
			if strings.Contains(a.body, cause) {
				t.Errorf("%s: the answer tells the cause: %s", version, a.body)
			}
		}
		if id := a.header.Get("X-Amzn-Requestid"); id == "" || !strings.Contains(w.log.String(), id) {
			t.Errorf("%s: the log does not have the request %q", version, id)
		}
	}
	if log := w.log.String(); !strings.Contains(log, "the reason is nobody's business") || !strings.Contains(log, "nil pointer") ||
		!strings.Contains(log, "operations_test.go") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}
