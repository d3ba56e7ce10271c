// SPDX-License-Identifier: Apache-2.0

package awswire_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	v1 "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	v2 "github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sesame/internal/proto/awswire"
	"sesame/internal/proto/awswire/internal/gen"
)

// v1Errors are all errors of SES v1, with an operation that may return each.
var v1Errors = []struct {
	operation string
	err       smithy.APIError
	code      string
}{
	{"SendEmail", &v1.AccountSendingPausedException{}, "AccountSendingPausedException"},
	{"CloneReceiptRuleSet", &v1.AlreadyExistsException{}, "AlreadyExists"},
	{"DeleteReceiptRuleSet", &v1.CannotDeleteException{}, "CannotDelete"},
	{"CreateConfigurationSet", &v1.ConfigurationSetAlreadyExistsException{}, "ConfigurationSetAlreadyExists"},
	{"SendEmail", &v1.ConfigurationSetDoesNotExistException{}, "ConfigurationSetDoesNotExist"},
	{"SendEmail", &v1.ConfigurationSetSendingPausedException{}, "ConfigurationSetSendingPausedException"},
	{"CreateCustomVerificationEmailTemplate", &v1.CustomVerificationEmailInvalidContentException{}, "CustomVerificationEmailInvalidContent"},
	{"CreateCustomVerificationEmailTemplate", &v1.CustomVerificationEmailTemplateAlreadyExistsException{}, "CustomVerificationEmailTemplateAlreadyExists"},
	{"GetCustomVerificationEmailTemplate", &v1.CustomVerificationEmailTemplateDoesNotExistException{}, "CustomVerificationEmailTemplateDoesNotExist"},
	{"CreateConfigurationSetEventDestination", &v1.EventDestinationAlreadyExistsException{}, "EventDestinationAlreadyExists"},
	{"DeleteConfigurationSetEventDestination", &v1.EventDestinationDoesNotExistException{}, "EventDestinationDoesNotExist"},
	{"CreateCustomVerificationEmailTemplate", &v1.FromEmailAddressNotVerifiedException{}, "FromEmailAddressNotVerified"},
	{"CreateConfigurationSetEventDestination", &v1.InvalidCloudWatchDestinationException{}, "InvalidCloudWatchDestination"},
	{"CreateConfigurationSet", &v1.InvalidConfigurationSetException{}, "InvalidConfigurationSet"},
	{"PutConfigurationSetDeliveryOptions", &v1.InvalidDeliveryOptionsException{}, "InvalidDeliveryOptions"},
	{"CreateConfigurationSetEventDestination", &v1.InvalidFirehoseDestinationException{}, "InvalidFirehoseDestination"},
	{"CreateReceiptRule", &v1.InvalidLambdaFunctionException{}, "InvalidLambdaFunction"},
	{"PutIdentityPolicy", &v1.InvalidPolicyException{}, "InvalidPolicy"},
	{"TestRenderTemplate", &v1.InvalidRenderingParameterException{}, "InvalidRenderingParameter"},
	{"CreateReceiptRule", &v1.InvalidS3ConfigurationException{}, "InvalidS3Configuration"},
	{"CreateConfigurationSetEventDestination", &v1.InvalidSNSDestinationException{}, "InvalidSNSDestination"},
	{"CreateReceiptRule", &v1.InvalidSnsTopicException{}, "InvalidSnsTopic"},
	{"CreateTemplate", &v1.InvalidTemplateException{}, "InvalidTemplate"},
	{"CreateConfigurationSetTrackingOptions", &v1.InvalidTrackingOptionsException{}, "InvalidTrackingOptions"},
	{"CloneReceiptRuleSet", &v1.LimitExceededException{}, "LimitExceeded"},
	{"SendEmail", &v1.MailFromDomainNotVerifiedException{}, "MailFromDomainNotVerifiedException"},
	{"SendEmail", &v1.MessageRejected{}, "MessageRejected"},
	{"TestRenderTemplate", &v1.MissingRenderingAttributeException{}, "MissingRenderingAttribute"},
	{"SendCustomVerificationEmail", &v1.ProductionAccessNotGrantedException{}, "ProductionAccessNotGranted"},
	{"CreateReceiptRule", &v1.RuleDoesNotExistException{}, "RuleDoesNotExist"},
	{"CloneReceiptRuleSet", &v1.RuleSetDoesNotExistException{}, "RuleSetDoesNotExist"},
	{"GetTemplate", &v1.TemplateDoesNotExistException{}, "TemplateDoesNotExist"},
	{"CreateConfigurationSetTrackingOptions", &v1.TrackingOptionsAlreadyExistsException{}, "TrackingOptionsAlreadyExistsException"},
	{"DeleteConfigurationSetTrackingOptions", &v1.TrackingOptionsDoesNotExistException{}, "TrackingOptionsDoesNotExistException"},
}

// fillError fills an error's members but for the SDK's own override.
func fillError(err smithy.APIError) smithy.APIError {
	filled := reflect.New(reflect.TypeOf(err).Elem())
	(&filler{}).fill(filled.Elem())
	filled.Elem().FieldByName("ErrorCodeOverride").SetZero()
	return filled.Interface().(smithy.APIError)
}

// status is the HTTP status of an answer that the client took for an error.
func status(t *testing.T, err error) int {
	t.Helper()
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) {
		t.Fatalf("%v has no response", err)
	}
	return response.HTTPStatusCode()
}

func TestErrorsOfV1AreCaughtByTheirType(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSES)
	e := newEndpoint(t, s)
	client := e.client()
	for _, c := range v1Errors {
		input := s.Operation(c.operation).NewInput()
		(&filler{}).fill(reflect.ValueOf(input).Elem())
		want := fillError(c.err)
		e.err = fmt.Errorf("wrapped: %w", want)
		_, err := call(client, c.operation, input)
		got := reflect.New(reflect.TypeOf(want))
		if !errors.As(err, got.Interface()) {
			t.Errorf("%s: %T was not caught: %v", c.operation, want, err)
			continue
		}
		if !reflect.DeepEqual(got.Elem().Interface(), want) {
			t.Errorf("%T:\n got %s\nwant %s", want, dump(got.Elem().Interface()), dump(want))
		}
		if want.ErrorCode() != c.code || status(t, err) != 400 {
			t.Errorf("%T: code %s, status %d", want, want.ErrorCode(), status(t, err))
		}
	}
}

func TestAllErrorsOfV1AreTested(t *testing.T) {
	t.Parallel()
	dir, err := gen.PackageDir(gen.SDK + "ses")
	if err != nil {
		t.Fatal(err)
	}
	names, err := gen.ErrorTypes(dir)
	if err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, c := range v1Errors {
		tested[reflect.TypeOf(c.err).Elem().Name()] = true
	}
	for _, name := range names {
		if !tested[name] {
			t.Errorf("%s is not tested", name)
		}
	}
	if len(names) != len(v1Errors) {
		t.Errorf("%d types, %d tested", len(names), len(v1Errors))
	}
}

func TestErrorsOfV2AreCaughtByTheirType(t *testing.T) {
	t.Parallel()
	statuses := map[string]int{
		"NotFoundException": 404, "ConflictException": 409, "TooManyRequestsException": 429,
		"ConcurrentModificationException": 500, "InternalServiceErrorException": 500,
	}
	s := service(t, awswire.NewSESv2)
	e := newEndpoint(t, s)
	client := e.client()
	if n := len(sesv2.TypeRegistry.Entries); n < 13 {
		t.Fatalf("the SDK knows %d errors", n)
	}
	for _, entry := range sesv2.TypeRegistry.Entries {
		want := fillError(entry.New().(smithy.APIError))
		e.err = want
		_, err := call(client, "GetAccount", &sesv2.GetAccountInput{})
		got := reflect.New(reflect.TypeOf(want))
		if !errors.As(err, got.Interface()) {
			t.Errorf("%T was not caught: %v", want, err)
			continue
		}
		if got.Elem().Interface().(smithy.APIError).ErrorMessage() != want.ErrorMessage() {
			t.Errorf("%T: got %v", want, got.Elem())
		}
		wantStatus := statuses[want.ErrorCode()]
		if wantStatus == 0 {
			wantStatus = 400
		}
		if status(t, err) != wantStatus {
			t.Errorf("%T: status %d, want %d", want, status(t, err), wantStatus)
		}
	}
}

func TestErrorsAsText(t *testing.T) {
	t.Parallel()
	rest, query := service(t, awswire.NewSESv2), service(t, awswire.NewSES)
	const ns = `<ErrorResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><Error>`
	const end = "</Error><RequestId>" + requestID + "</RequestId></ErrorResponse>"
	for _, c := range []struct {
		name    string
		service *awswire.Service
		err     awswire.Error
		want    string
	}{
		{"v2", rest, awswire.Error{Code: "NotFoundException", Message: `a "b"`, Status: 404}, `{"message":"a \"b\""}`},
		{"v2 without a message", rest, awswire.Error{Code: "BadRequestException", Status: 400}, `{"message":null}`},
		{"v2 with members", rest, awswire.Error{Code: "X", Message: "m", Status: 400, Fields: []awswire.ErrorField{{Name: "F", Value: "v"}}},
			`{"message":"m","F":"v"}`},
		{"v1", query, awswire.Error{Code: "MessageRejected", Message: "a <b>", Status: 400},
			ns + "<Type>Sender</Type><Code>MessageRejected</Code><Message>a &lt;b&gt;</Message>" + end},
		{"v1 with a fault of the server", query, awswire.Error{Code: "InternalFailure", Status: 500},
			ns + "<Type>Receiver</Type><Code>InternalFailure</Code>" + end},
		{"v1 with members", query, awswire.Error{Code: "ConfigurationSetDoesNotExist", Message: "m", Status: 400,
			Fields: []awswire.ErrorField{{Name: "ConfigurationSetName", Value: "a&b"}}},
			ns + "<Type>Sender</Type><Code>ConfigurationSetDoesNotExist</Code><Message>m</Message>" +
				"<ConfigurationSetName>a&amp;b</ConfigurationSetName>" + end},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.err.Header = map[string][]string{"Allow": {"GET"}}
			r := c.service.EncodeError(&c.err, requestID)
			if string(r.Body) != c.want {
				t.Errorf("got  %s\nwant %s", r.Body, c.want)
			}
			if r.Status != c.err.Status || r.Header.Get("X-Amzn-RequestId") != requestID || r.Header.Get("Allow") != "GET" {
				t.Errorf("got %d %v", r.Status, r.Header)
			}
			if c.service == rest && r.Header.Get("X-Amzn-ErrorType") != c.err.Code {
				t.Errorf("got %v", r.Header)
			}
			contentType := map[bool]string{true: "application/json", false: "text/xml"}[c.service == rest]
			if r.Header.Get("Content-Type") != contentType {
				t.Errorf("got %v", r.Header)
			}
		})
	}
}

func TestErrorOf(t *testing.T) {
	t.Parallel()
	rest, query := service(t, awswire.NewSESv2), service(t, awswire.NewSES)
	generic := func(code string, fault smithy.ErrorFault) error {
		return &smithy.GenericAPIError{Code: code, Message: "m", Fault: fault}
	}
	for _, c := range []struct {
		name    string
		service *awswire.Service
		err     error
		want    string
	}{
		{"an error of the codecs themselves", rest, &awswire.Error{Code: "A", Status: 418, Message: "m"}, "A (418): m"},
		{"a code without a type", query, generic("Throttling", smithy.FaultClient), "Throttling (400): m"},
		{"a code that is forbidden in v1", query, generic("AccessDenied", smithy.FaultClient), "AccessDenied (403): m"},
		{"a code that is forbidden in v2", rest, generic("AccessDeniedException", smithy.FaultClient), "AccessDeniedException (403): m"},
		{"a fault of the server", rest, generic("Strange", smithy.FaultServer), "Strange (500): m"},
		{"not implemented", rest, generic("NotImplementedException", smithy.FaultServer), "NotImplementedException (501): m"},
		{"a message that is missing", rest, &v2.NotFoundException{}, "NotFoundException (404): "},
		{"an overridden code", rest, &v2.BadRequestException{Message: aws.String("m"), ErrorCodeOverride: aws.String("Other")}, "Other (400): m"},
		{"an error of v1 in v2", rest, &v1.AlreadyExistsException{}, ""},
		{"an error of v2 in v1", query, &v2.NotFoundException{}, ""},
		{"any other error", query, errors.New("disk full"), ""},
		{"no error", query, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, ok := c.service.ErrorOf(c.err)
			if !ok {
				if c.want != "" {
					t.Errorf("not known")
				}
				return
			}
			if e.Error() != c.want {
				t.Errorf("got %s, want %s", e, c.want)
			}
		})
	}
}

// TestErrorsOfTheCodecsReachTheClient checks that clients read what the codecs refuse.
func TestErrorsOfTheCodecsReachTheClient(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, service(t, awswire.NewSES))
	e.err = &awswire.Error{Code: "ValidationError", Message: "1 validation error detected", Status: 400}
	_, err := e.client().(*ses.Client).GetSendQuota(t.Context(), &ses.GetSendQuotaInput{})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "ValidationError" || !strings.Contains(api.ErrorMessage(), "validation") {
		t.Errorf("got %v", err)
	}
}
