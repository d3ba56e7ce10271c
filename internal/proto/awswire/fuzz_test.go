// SPDX-License-Identifier: Apache-2.0

package awswire_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ses"

	"sesame/internal/proto/awswire"
)

// onlyWireErrors fails for an error that a client could not be told.
func onlyWireErrors(t *testing.T, err error) {
	t.Helper()
	var e *awswire.Error
	if err != nil && (!errors.As(err, &e) || e.Status < 400 || e.Status > 499 || e.Code == "") {
		t.Fatalf("got %v", err)
	}
}

// FuzzJSONBody decodes bodies for operations of different shapes. What is decoded must
// be JSON for the standard library too, and must survive being validated.
func FuzzJSONBody(f *testing.F) {
	for _, seed := range []string{
		``, ` `, `{}`, `[]`, `null`, `{"FromEmailAddress":"a@b.c","Destination":{"ToAddresses":["x","y"]},"Content":{"Simple":{"Subject":{"Data":"s"},"Body":{"Text":{"Data":"t\u00e9\n"}}}}}`,
		`{"Content":{"Raw":{"Data":"YQ=="}}}`, `{"Content":{"Raw":{"Data":"Y\/\/="}}}`, `{"X":[1,-2.5e+3,{"a":[[]]},"\ud83d\ude00",true,null]}`,
		`{"ConfigurationSetName":"c","SendingOptions":{"SendingEnabled":"yes"},"MessageSecurityOptions":{"SigningScheme":{"SmimeScheme":{"SignatureFormat":"DETACHED"}}}}`,
		`{"Queries":[{"Id":"a","StartDate":1.7e9,"Dimensions":{"ISP":"x"}}]}`, `{"Filter":{"a":"b"},"PageSize":10}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	s := service(f, awswire.NewSESv2)
	ops := []string{"SendEmail", "SendBulkEmail", "CreateConfigurationSet", "BatchGetMetricData", "ListTenants", "CreateExportJob", "PutConfigurationSetSuppressionOptions"}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, name := range ops {
			op := s.Operation(name)
			in, err := rest(s, op.Method, strings.ReplaceAll(op.Path, "{ConfigurationSetName}", "c"), string(body))
			onlyWireErrors(t, err)
			if err != nil {
				continue
			}
			if !json.Valid(body) && len(bytes.TrimLeft(body, " \t\r\n")) > 0 {
				t.Fatalf("%s took %q", name, body)
			}
			onlyWireErrors(t, op.Validate(in))
		}
	})
}

// FuzzJSONString compares a string's value with what the standard library reads, and
// what is written with what it reads back.
func FuzzJSONString(f *testing.F) {
	for _, seed := range []string{"", "a", "\\u00e9", "\\ud83d\\ude00", "\\ud83d", "12345678\\n", "é1234567é", "\"", "\x01", "\xff", "0123456\\"} {
		f.Add(seed)
	}
	s := service(f, awswire.NewSES)
	v2 := service(f, awswire.NewSESv2)
	f.Fuzz(func(t *testing.T, text string) {
		in, err := rest(v2, "POST", "/v2/email/tenants/list", `{"NextToken":"`+text+`"}`)
		var want struct{ NextToken *string }
		if err == nil {
			if err := json.Unmarshal([]byte(`{"NextToken":"`+text+`"}`), &want); err != nil {
				t.Fatalf("%q was taken", text)
			}
			if got := reflect.ValueOf(in).Elem().FieldByName("NextToken").Interface().(*string); *got != *want.NextToken {
				t.Fatalf("%q became %q, want %q", text, *got, *want.NextToken)
			}
		}
		checkWritten(t, v2, s, text)
	})
}

// checkWritten writes any text as JSON and as XML and reads it back.
func checkWritten(t *testing.T, v2, v1 *awswire.Service, text string) {
	t.Helper()
	var j struct{ Message string }
	body := v2.EncodeError(&awswire.Error{Message: text + ".", Status: 400}, requestID).Body
	if err := json.Unmarshal(body, &j); err != nil || j.Message != strings.ToValidUTF8(text, "\uFFFD")+"." && !strings.Contains(j.Message, "\uFFFD") {
		t.Fatalf("%q was written as %q: %v", text, body, err)
	}
	r, err := v1.Operation("TestRenderTemplate").EncodeOutput(&ses.TestRenderTemplateOutput{RenderedTemplate: &text}, requestID)
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(bytes.NewReader(r.Body))
	var read strings.Builder
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%q was written as %q: %v", text, r.Body, err)
		}
		if data, ok := token.(xml.CharData); ok {
			read.Write(data)
		}
	}
	if got := read.String(); got != text+requestID && !strings.Contains(got, "\uFFFD") {
		t.Fatalf("%q was read as %q", text, got)
	}
}

// FuzzForm decodes forms of the Query protocol.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"", "Action=SendEmail", "Source=a%40b.c&Destination.ToAddresses.member.1=x&Message.Subject.Data=s", "Tags.member.1.Name=a&Tags.member.3.Value=b",
		"Tags.member.0.Name=a", "Rule.Actions.member.2.StopAction.Scope=RuleSet&Rule.Enabled=1", "%zz", "a.b.c..d=&=&&.=", "MessageDsn.ArrivalDate=2024-01-01T00:00:00Z",
		"MaxItems=5", "RawMessage.Data=YQ%3D%3D", "Identities=", "Identities.member.99999=a",
	} {
		f.Add([]byte(seed))
	}
	s := service(f, awswire.NewSES)
	actions := []string{"SendEmail", "SendRawEmail", "CreateReceiptRule", "SendBounce", "ListIdentities", "GetIdentityDkimAttributes"}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, action := range actions {
			call, err := s.Route(&awswire.Request{
				Method: "POST", RawPath: "/", RawQuery: string(body),
				Body: append(append([]byte{}, body...), "&Version=2010-12-01&Action="+action...),
			})
			onlyWireErrors(t, err)
			if err != nil {
				continue
			}
			in, err := call.Decode()
			onlyWireErrors(t, err)
			if err == nil {
				onlyWireErrors(t, call.Op.Validate(in))
			}
		}
	})
}

// FuzzPath routes paths and query strings.
func FuzzPath(f *testing.F) {
	f.Add("GET", "/v2/email/identities/a%40b.c", "")
	f.Add("DELETE", "/v2/email/tags", "ResourceArn=a&TagKeys=b&TagKeys=c")
	f.Add("GET", "/v2/email/suppression/addresses", "StartDate=2024-01-01&PageSize=x")
	f.Add("PUT", "/v1/email/identities//dkim/signing/", "%")
	f.Add("", "////%%%", "a=b;c=d")
	s := service(f, awswire.NewSESv2)
	f.Fuzz(func(t *testing.T, method, path, query string) {
		call, err := s.Route(&awswire.Request{Method: method, RawPath: path, RawQuery: query})
		if err != nil {
			var e *awswire.Error
			if !errors.As(err, &e) || (e.Status != 400 && e.Status != 404 && e.Status != 405) {
				t.Fatalf("got %v", err)
			}
			return
		}
		if _, err := url.PathUnescape(path); err != nil {
			t.Fatalf("%q was routed to %s", path, call.Op.Name)
		}
		in, err := call.Decode()
		onlyWireErrors(t, err)
		if err == nil {
			onlyWireErrors(t, call.Op.Validate(in))
		}
	})
}
