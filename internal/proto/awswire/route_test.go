// SPDX-License-Identifier: Apache-2.0

package awswire_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"sesame/internal/proto/awswire"
)

func TestRESTRoutes(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSESv2)
	for _, c := range []struct{ name, method, path, op string }{
		{"a fixed path", "POST", "/v2/email/outbound-emails", "SendEmail"},
		{"a slash at the end is tolerated", "POST", "/v2/email/outbound-emails/", "SendEmail"},
		{"a label", "GET", "/v2/email/identities/example.com", "GetEmailIdentity"},
		{"a label with escapes", "GET", "/v2/email/identities/a%40b.c", "GetEmailIdentity"},
		{"two labels", "PUT", "/v2/email/identities/example.com/policies/p", "UpdateEmailIdentityPolicy"},
		{"the method tells operations apart", "DELETE", "/v2/email/identities/example.com/policies/p", "DeleteEmailIdentityPolicy"},
		{"a fixed segment wins over a label", "POST", "/v2/email/import-jobs/list", "ListImportJobs"},
		{"a label where only other methods have a fixed segment", "GET", "/v2/email/import-jobs/list", "GetImportJob"},
		{"an ARN as a label", "GET", "/v2/email/reputation/entities/RESOURCE/arn%3Aaws%3Ases%3Aus-east-1%3A1%3Aidentity%2Fx", "GetReputationEntity"},
		{"a template that older models end with a slash", "GET", "/v2/email/insights/0100/", "GetMessageInsights"},
		{"contacts as older SDKs list them", "GET", "/v2/email/contact-lists/l/contacts", "ListContacts"},
		{"contacts as newer SDKs list them", "POST", "/v2/email/contact-lists/l/contacts/list", "ListContacts"},
		{"identities as older SDKs list them", "GET", "/v2/email/identities", "ListEmailIdentities"},
		{"identities as newer SDKs list them", "POST", "/v2/email/list-identities", "ListEmailIdentities"},
		{"configuration sets as older SDKs list them", "GET", "/v2/email/configuration-sets", "ListConfigurationSets"},
		{"import jobs as older SDKs list them", "GET", "/v2/email/import-jobs", "ListImportJobs"},
		{"DKIM keys as older SDKs put them", "PUT", "/v1/email/identities/example.com/dkim/signing", "PutEmailIdentityDkimSigningAttributes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			call, err := s.Route(&awswire.Request{Method: c.method, RawPath: c.path})
			if err != nil {
				t.Fatal(err)
			}
			if call.Op.Name != c.op || call.Op != s.Operation(c.op) {
				t.Errorf("got %s, want %s", call.Op.Name, c.op)
			}
		})
	}
}

func TestRESTRoutesThatDoNotExist(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSESv2)
	const unknown, method = "UnknownOperationException", "MethodNotAllowedException"
	for _, c := range []struct {
		name, method, path, code string
		status                   int
		allow                    string
	}{
		{"an unknown path", "GET", "/v2/email/nothing", unknown, 404, ""},
		{"the root", "GET", "/", unknown, 404, ""},
		{"an empty path", "GET", "", unknown, 404, ""},
		{"a path that goes on", "GET", "/v2/email/identities/a/b/c/d", unknown, 404, ""},
		{"a path that ends early", "GET", "/v2/email", unknown, 404, ""},
		{"a longer path than any", "GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r", unknown, 404, ""},
		{"an empty label", "DELETE", "/v2/email/identities//policies/p", unknown, 404, ""},
		{"a broken escape", "GET", "/v2/email/identities/%zz", unknown, 404, ""},
		{"letter case matters", "POST", "/v2/email/Outbound-Emails", unknown, 404, ""},
		{"another method", "GET", "/v2/email/outbound-emails", method, 405, "POST"},
		{"all methods of the path are told", "PATCH", "/v2/email/identities/example.com", method, 405, "DELETE, GET"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Route(&awswire.Request{Method: c.method, RawPath: c.path})
			e := wireError(t, err)
			if e.Code != c.code || e.Status != c.status || e.Header.Get("Allow") != c.allow {
				t.Errorf("got %s %d %q", e.Code, e.Status, e.Header.Get("Allow"))
			}
		})
	}
}

func TestLabelsAreDecodedOnce(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSESv2)
	for path, want := range map[string]string{
		"a%40b.c": "a@b.c", "a+b@c.d": "a+b@c.d", "a%2Bb": "a+b", "a%2fb": "a/b", "a%252Fb": "a%2Fb",
		"%20": " ", "caf%C3%A9": "café", "..": "..",
	} {
		in, err := rest(s, "GET", "/v2/email/identities/"+path, "")
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got := *in.(*sesv2.GetEmailIdentityInput).EmailIdentity; got != want {
			t.Errorf("%s became %q, want %q", path, got, want)
		}
	}
}

func TestQueryRoutes(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewSES)
	for _, c := range []struct {
		name, method, query, body string
		op, code, message         string
	}{
		{name: "the action in the body", method: "POST", body: "Action=GetSendQuota&Version=2010-12-01", op: "GetSendQuota"},
		{name: "the action in the query string", method: "GET", query: "Version=2010-12-01&Action=GetSendQuota&X-Amz-Signature=x", op: "GetSendQuota"},
		{name: "no action", method: "POST", body: "Version=2010-12-01", code: "MissingAction", message: "Missing Action"},
		{name: "an empty body", method: "POST", code: "MissingAction", message: "Missing Action"},
		{name: "an unknown action", method: "POST", body: "Action=Nothing&Version=2010-12-01", code: "InvalidAction",
			message: "Could not find operation Nothing for version 2010-12-01"},
		{name: "an action with line breaks", method: "POST", body: "Action=a%0D%0Ab&Version=2010-12-01", code: "InvalidAction",
			message: "Could not find operation a??b for version 2010-12-01"},
		{name: "letter case matters", method: "POST", body: "Action=getsendquota&Version=2010-12-01", code: "InvalidAction",
			message: "Could not find operation getsendquota for version 2010-12-01"},
		{name: "no version", method: "POST", body: "Action=GetSendQuota", code: "InvalidAction",
			message: "Could not find operation GetSendQuota for version NO_VERSION_SPECIFIED"},
		{name: "another version", method: "POST", body: "Action=GetSendQuota&Version=2012-01-01", code: "InvalidAction",
			message: "Could not find operation GetSendQuota for version 2012-01-01"},
		{name: "an action of v2", method: "POST", body: "Action=GetAccount&Version=2010-12-01", code: "InvalidAction",
			message: "Could not find operation GetAccount for version 2010-12-01"},
		{name: "a broken escape", method: "POST", body: "Action=%zz", code: "MalformedQueryString",
			message: "The query string contains a syntax error"},
		{name: "another method", method: "DELETE", query: "Action=GetSendQuota&Version=2010-12-01", code: "MethodNotAllowedException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			call, err := s.Route(&awswire.Request{Method: c.method, RawPath: "/", RawQuery: c.query, Body: []byte(c.body)})
			if c.op != "" {
				if err != nil || call.Op.Name != c.op {
					t.Fatalf("got %v, %v", call, err)
				}
				return
			}
			if e := wireError(t, err); e.Code != c.code || e.Message != c.message {
				t.Errorf("got %s %q", e.Code, e.Message)
			}
		})
	}
}
