// SPDX-License-Identifier: Apache-2.0

package awswire_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"sesame/internal/proto/awswire"
)

const requestID = "5b1e7b0e-9c2a-4d0e-8f21-3a4c5d6e7f80"

// service compiles a service or ends the test.
func service(t testing.TB, build builder) *awswire.Service {
	t.Helper()
	s, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// endpoint is an HTTP server that speaks a service through the codecs. It keeps the
// input that it decoded last and answers with what the test put into it.
type endpoint struct {
	service *awswire.Service
	url     string

	op     string
	input  any
	output any
	err    error
}

func newEndpoint(t *testing.T, s *awswire.Service) *endpoint {
	e := &endpoint{service: s}
	server := httptest.NewServer(http.HandlerFunc(e.serve))
	t.Cleanup(server.Close)
	e.url = server.URL
	return e
}

func (e *endpoint) serve(w http.ResponseWriter, r *http.Request) {
	response := e.answer(r)
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(response.Status)
	_, _ = w.Write(response.Body)
}

func (e *endpoint) answer(r *http.Request) *awswire.Response {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return e.failed(err)
	}
	call, err := e.service.Route(&awswire.Request{
		Method: r.Method, RawPath: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Body: body,
	})
	if err != nil {
		return e.failed(err)
	}
	e.op = call.Op.Name
	if e.input, err = call.Decode(); err != nil {
		return e.failed(err)
	}
	if e.err != nil {
		return e.failed(e.err)
	}
	response, err := call.Op.EncodeOutput(e.output, requestID)
	if err != nil {
		return e.failed(err)
	}
	return response
}

func (e *endpoint) failed(err error) *awswire.Response {
	wire, ok := e.service.ErrorOf(err)
	if !ok {
		wire = &awswire.Error{Code: "InternalFailure", Message: err.Error(), Status: 500}
	}
	return e.service.EncodeError(wire, requestID)
}

// client returns the SDK's client for the service.
func (e *endpoint) client() any {
	key := credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")
	switch e.service.Name() {
	case "iam":
		return iam.New(iam.Options{
			BaseEndpoint: &e.url, Region: "us-east-1", Credentials: key, Retryer: aws.NopRetryer{},
		})
	case "sts":
		return sts.New(sts.Options{
			BaseEndpoint: &e.url, Region: "us-east-1", Credentials: key, Retryer: aws.NopRetryer{},
		})
	case "ses":
		return ses.New(ses.Options{
			BaseEndpoint: &e.url, Region: "us-east-1", Credentials: key, Retryer: aws.NopRetryer{},
		})
	}
	return sesv2.New(sesv2.Options{
		BaseEndpoint: &e.url, Region: "us-east-1", Credentials: key, Retryer: aws.NopRetryer{},
	})
}

// call calls the client's operation and returns what it returns, without the metadata.
func call(client any, name string, input any) (any, error) {
	results := reflect.ValueOf(client).MethodByName(name).Call([]reflect.Value{
		reflect.ValueOf(context.Background()), reflect.ValueOf(input),
	})
	if err, ok := results[1].Interface().(error); ok {
		return nil, err
	}
	results[0].Elem().FieldByName("ResultMetadata").SetZero()
	return results[0].Interface(), nil
}

// filler fills every member of a value with something that can be told apart.
type filler struct {
	n       int
	variant int // which variant of a union is taken
}

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.String:
		v.SetString(fmt.Sprintf("v%04d", f.n)) // the SDK sorts the values of a query parameter
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.n))
	case reflect.Float64:
		v.SetFloat(float64(f.n) + 0.25)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte{0, 0xff, byte(f.n), '\n'})
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0))
		f.fill(v.Index(1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key)
			f.fill(value)
			v.SetMapIndex(key, value)
		}
	case reflect.Interface:
		f.union(v)
	case reflect.Struct:
		f.structure(v)
	}
}

func (f *filler) structure(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.UnixMilli(1_700_000_000_000 + int64(f.n)*1_001).UTC()))
		return
	}
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.IsExported() && field.Name != "ResultMetadata" {
			f.fill(v.Field(i))
		}
	}
}

func (f *filler) union(v reflect.Value) {
	variants := []any{&types.SigningSchemeMemberDefaultScheme{}, &types.SigningSchemeMemberSmimeScheme{}}
	if v.Type() == reflect.TypeFor[iamtypes.PolicyIdentifier]() {
		variants = []any{&iamtypes.PolicyIdentifierMemberInlinePolicyIdentifier{}, &iamtypes.PolicyIdentifierMemberPolicyArn{}}
	}
	variant := reflect.ValueOf(variants[f.variant%len(variants)])
	f.fill(variant.Elem())
	v.Set(variant)
}

type builder = func() (*awswire.Service, error)

// eachService runs a test for both versions of SES.
func eachService(t *testing.T, test func(t *testing.T, s *awswire.Service)) {
	runFor(t, map[string]builder{"ses": awswire.NewSES, "sesv2": awswire.NewSESv2}, test)
}

// eachProtocolUser runs a test for all services.
func eachProtocolUser(t *testing.T, test func(t *testing.T, s *awswire.Service)) {
	runFor(t, map[string]builder{"ses": awswire.NewSES, "sesv2": awswire.NewSESv2, "iam": awswire.NewIAM, "sts": awswire.NewSTS}, test)
}

func runFor(t *testing.T, services map[string]builder, test func(t *testing.T, s *awswire.Service)) {
	for name, build := range services {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, service(t, build))
		})
	}
}

func TestClientsInputIsDecodedAsItWasGiven(t *testing.T) {
	t.Parallel()
	eachProtocolUser(t, func(t *testing.T, s *awswire.Service) {
		e := newEndpoint(t, s)
		client := e.client()
		for _, op := range s.Operations() {
			for variant := range 2 {
				want := op.NewInput()
				(&filler{variant: variant}).fill(reflect.ValueOf(want).Elem())
				e.output, e.input, e.op = nil, nil, ""
				if _, err := call(client, op.Name, want); err != nil {
					t.Errorf("%s: %v", op.Name, err)
					continue
				}
				if e.op != op.Name {
					t.Errorf("%s was routed to %s", op.Name, e.op)
				}
				if !reflect.DeepEqual(e.input, want) {
					t.Errorf("%s:\n got %s\nwant %s", op.Name, dump(e.input), dump(want))
				}
			}
		}
	})
}

func TestClientsReadTheOutputThatWasGiven(t *testing.T) {
	t.Parallel()
	eachProtocolUser(t, func(t *testing.T, s *awswire.Service) {
		e := newEndpoint(t, s)
		client := e.client()
		for _, op := range s.Operations() {
			for variant := range 2 {
				input, want := op.NewInput(), op.NewOutput()
				(&filler{}).fill(reflect.ValueOf(input).Elem())
				(&filler{variant: variant}).fill(reflect.ValueOf(want).Elem())
				e.output = want
				got, err := call(client, op.Name, input)
				if err != nil {
					t.Errorf("%s: %v", op.Name, err)
					continue
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s:\n got %s\nwant %s", op.Name, dump(got), dump(want))
				}
			}
		}
	})
}

func TestEmptyOutputsAreReadAsEmpty(t *testing.T) {
	t.Parallel()
	eachProtocolUser(t, func(t *testing.T, s *awswire.Service) {
		e := newEndpoint(t, s)
		client := e.client()
		for _, op := range s.Operations() {
			input := op.NewInput()
			(&filler{}).fill(reflect.ValueOf(input).Elem())
			got, err := call(client, op.Name, input)
			if err != nil {
				t.Errorf("%s: %v", op.Name, err)
				continue
			}
			if !reflect.DeepEqual(got, op.NewOutput()) {
				t.Errorf("%s: got %s", op.Name, dump(got))
			}
		}
	})
}

// TestOddTextSurvives sends text that JSON, forms, XML and paths must escape.
func TestOddTextSurvives(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", " ", "a b+c%20d", "<>&'\"", "a\r\nb\tc", "é 日本語 😀", "\\u0041\\", "a=b&c=d", "/?#[]@!$",
		strings.Repeat("0123456789abcde\"", 1000),
	}
	t.Run("v2", func(t *testing.T) {
		t.Parallel()
		e := newEndpoint(t, service(t, awswire.NewSESv2))
		client := e.client().(*sesv2.Client)
		for _, text := range texts {
			e.output = &sesv2.SendEmailOutput{MessageId: &text}
			out, err := client.SendEmail(t.Context(), &sesv2.SendEmailInput{
				Content:          &types.EmailContent{Raw: &types.RawMessage{Data: []byte(text)}},
				FromEmailAddress: &text,
			})
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			in := e.input.(*sesv2.SendEmailInput)
			if *in.FromEmailAddress != text || string(in.Content.Raw.Data) != text || *out.MessageId != text {
				t.Errorf("%q became %q, %q and %q", text, *in.FromEmailAddress, in.Content.Raw.Data, *out.MessageId)
			}
			if text == "" {
				continue // the client refuses an empty label
			}
			e.output = nil
			if _, err := client.GetEmailIdentity(t.Context(), &sesv2.GetEmailIdentityInput{EmailIdentity: &text}); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if got := *e.input.(*sesv2.GetEmailIdentityInput).EmailIdentity; got != text {
				t.Errorf("label %q became %q", text, got)
			}
		}
	})
	t.Run("v1", func(t *testing.T) {
		t.Parallel()
		e := newEndpoint(t, service(t, awswire.NewSES))
		client := e.client().(*ses.Client)
		for _, text := range texts {
			e.output = &ses.TestRenderTemplateOutput{RenderedTemplate: &text}
			out, err := client.TestRenderTemplate(t.Context(), &ses.TestRenderTemplateInput{
				TemplateName: &text, TemplateData: &text,
			})
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			in := e.input.(*ses.TestRenderTemplateInput)
			if *in.TemplateData != text || *out.RenderedTemplate != text {
				t.Errorf("%q became %q and %q", text, *in.TemplateData, *out.RenderedTemplate)
			}
		}
	})
}
