// SPDX-License-Identifier: Apache-2.0

package admin_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/dnscheck"
	"sesame/internal/core/identity"
	"sesame/internal/edge/api/admin"
)

func echo(name string) func(context.Context, admin.Request) (any, error) {
	return func(_ context.Context, r admin.Request) (any, error) {
		r.Path["Route"] = name
		return r.Path, nil
	}
}

// run runs the route of a request, as the door does once the caller is authorized.
func run(ctx context.Context, r *admin.Router, method, path string, req admin.Request) (admin.Response, error) {
	route, vars, err := r.Find(method, path)
	if err != nil {
		return admin.Response{}, err
	}
	req.Path = vars
	return route.Answer(ctx, req)
}

func route(method, pattern string) admin.Route {
	return admin.Route{Method: method, Pattern: pattern, Action: "sesame:Test", Doc: "Tests.", Handle: echo(pattern)}
}

func TestRouting(t *testing.T) {
	t.Parallel()
	r := admin.New(
		[]admin.Route{route("GET", "/things"), route("GET", "/things/{Id}"), route("DELETE", "/things/{Id}")},
		[]admin.Route{route("GET", "/things/newest"), route("GET", "/things/{Id}/parts/{N}")},
	)
	for _, c := range []struct{ name, method, path, want string }{
		{"a fixed path", "GET", "/_sesame/v1/things", `{"Route":"/things"}`},
		{"a variable", "GET", "/_sesame/v1/things/7", `{"Id":"7","Route":"/things/{Id}"}`},
		{"a variable that is escaped", "GET", "/_sesame/v1/things/a%2Fb%20%3C", `{"Id":"a/b <","Route":"/things/{Id}"}`},
		{"two variables", "GET", "/_sesame/v1/things/a/parts/b", `{"Id":"a","N":"b","Route":"/things/{Id}/parts/{N}"}`},
		{"a fixed path before a variable", "GET", "/_sesame/v1/things/newest", `{"Route":"/things/newest"}`},
		{"another method", "DELETE", "/_sesame/v1/things/7", `{"Id":"7","Route":"/things/{Id}"}`},
		{"a method that the path has not", "POST", "/_sesame/v1/things/7", ""},
		{"an empty variable", "GET", "/_sesame/v1/things/", ""},
		{"a longer path", "GET", "/_sesame/v1/things/7/parts", ""},
		{"another version", "GET", "/_sesame/v2/things", ""},
		{"the prefix alone", "GET", "/_sesame/v1", ""},
		{"a bad escape", "GET", "/_sesame/v1/things/%zz", ""},
		{"a path without the prefix", "GET", "/things", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			resp, err := run(t.Context(), r, c.method, c.path, admin.Request{})
			if c.want == "" {
				if !fault.Is(err, fault.NotFound) {
					t.Errorf("%s, %v, want NotFound", resp.Body, err)
				}
				return
			}
			if err != nil || string(resp.Body) != c.want+"\n" || resp.Status != http.StatusOK || resp.ContentType != "application/json" {
				t.Errorf("%+v %s, %v", resp, resp.Body, err)
			}
		})
	}
	if n := len(r.Routes()); n != 5 {
		t.Errorf("%d routes, want 5", n)
	}
}

func TestErrorsPass(t *testing.T) {
	t.Parallel()
	failing := route("GET", "/x")
	failing.Handle = func(context.Context, admin.Request) (any, error) { return nil, errors.ErrUnsupported }
	unfit := route("GET", "/y")
	unfit.Handle = func(context.Context, admin.Request) (any, error) { return func() {}, nil }
	r := admin.New([]admin.Route{failing, unfit})
	if _, err := run(t.Context(), r, "GET", "/_sesame/v1/x", admin.Request{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := run(t.Context(), r, "GET", "/_sesame/v1/y", admin.Request{}); !fault.Is(err, fault.Internal) {
		t.Error(err)
	}
}

func TestABadTablePanics(t *testing.T) {
	t.Parallel()
	undocumented := route("GET", "/x")
	undocumented.Doc = ""
	for name, table := range map[string][]admin.Route{
		"the same path twice":               {route("GET", "/x"), route("GET", "/x")},
		"paths that differ in a name alone": {route("GET", "/x/{A}"), route("GET", "/x/{B}")},
		"a pattern that begins with none":   {route("GET", "x")},
		"a route that says nothing":         {undocumented},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("New took it")
				}
			}()
			admin.New(table)
		})
	}
}

type identities map[string]dnscheck.Subject

func (ids identities) Subject(_ context.Context, sc scope.Scope, name string) (dnscheck.Subject, error) {
	if s, ok := ids[sc.String()+"/"+name]; ok {
		return s, nil
	}
	return dnscheck.Subject{}, fault.New(fault.NotFound, "none")
}

func (ids identities) Check(ctx context.Context, sc scope.Scope, name string) (dnscheck.Report, error) {
	s, err := ids.Subject(ctx, sc, name)
	return dnscheck.Report{Domain: s.Domain, Verdict: dnscheck.Missing}, err
}

func (ids identities) CheckNow(ctx context.Context, sc scope.Scope, name string) (identity.Identity, error) {
	s, err := ids.Subject(ctx, sc, name)
	return identity.Identity{Name: s.Domain, Verification: identity.Failed, DKIM: identity.Failed, Check: identity.Check{At: time.UnixMilli(1_700_000_000_500), Error: "HOST_NOT_FOUND"}}, err
}

func (ids identities) RotateKeys(ctx context.Context, sc scope.Scope, name string) (identity.Identity, error) {
	s, err := ids.Subject(ctx, sc, name)
	return identity.Identity{Name: s.Domain, Verification: identity.Success, DKIM: identity.Success}, err
}

func TestIdentityRecords(t *testing.T) {
	t.Parallel()
	s := dnscheck.Subject{Domain: "example.com", Wanted: []dnscheck.Wanted{
		{Name: "abc._domainkey.example.com", Type: "TXT", Value: "v=DKIM1; p=S0VZ", Purpose: "DKIM", Required: true, Key: "S0VZ"}}}
	ids := identities{"123456789012/us-east-1/example.com": s}
	r := admin.New(admin.Identities(ids, ids))
	req := admin.Request{Scope: scope.Scope{Account: "123456789012", Region: "us-east-1"}}
	for path, want := range map[string]string{
		"check":   `{"Identity":"example.com","VerificationStatus":"FAILED","DkimStatus":"FAILED","Error":"HOST_NOT_FOUND","CheckedAt":1700000000.5}`,
		"rotate":  `{"Identity":"example.com","VerificationStatus":"SUCCESS","DkimStatus":"SUCCESS",`,
		"records": `{"Records":[{"Name":"abc._domainkey.example.com","Type":"TXT","Value":"v=DKIM1; p=S0VZ","Purpose":"DKIM","Required":true}]}`,
		"dns":     `{"Domain":"example.com","Verdict":"missing",`,
	} {
		req.Scope.Region = "us-east-1"
		method := map[bool]string{false: "GET", true: "POST"}[path == "check" || path == "rotate"]
		resp, err := run(t.Context(), r, method, "/_sesame/v1/identities/example.com/"+path, req)
		if err != nil || !strings.HasPrefix(string(resp.Body), want) {
			t.Errorf("%s, %v, want %s", resp.Body, err, want)
		}
		req.Scope.Region = "eu-west-1"
		if _, err := run(t.Context(), r, method, "/_sesame/v1/identities/example.com/"+path, req); !fault.Is(err, fault.NotFound) {
			t.Errorf("another region: %v", err)
		}
	}
}

func TestEveryRouteHasADifferentDoc(t *testing.T) {
	t.Parallel()
	docs := map[string]bool{}
	for _, r := range admin.New(admin.Mailbox(nil), admin.Identities(nil, nil)).Routes() {
		if docs[r.Doc] || r.Doc[len(r.Doc)-1] != '.' {
			t.Errorf("%s %s: %q", r.Method, r.Pattern, r.Doc)
		}
		docs[r.Doc] = true
		for i, p := range r.Params {
			if p.Name == "" || p.Doc == "" || i > 0 && reflect.DeepEqual(p, r.Params[i-1]) {
				t.Errorf("%s %s: parameter %+v", r.Method, r.Pattern, p)
			}
		}
	}
}
