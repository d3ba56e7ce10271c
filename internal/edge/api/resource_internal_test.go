// SPDX-License-Identifier: Apache-2.0

package api

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/edge/api/admin"
	"sesame/internal/proto/awswire"
)

var update = flag.Bool("update", false, "write testdata/permissions.txt anew")

var home = scope.Scope{Account: "123456789012", Region: "us-east-1"}

// filled is an input whose every text is the member's name, or an ARN where it wants one.
func filled(v reflect.Value, name string, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		if depth < 3 {
			v.Set(reflect.New(v.Type().Elem()))
			filled(v.Elem(), name, depth)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().Field(i).Type.Kind() != reflect.Interface {
				filled(v.Field(i), v.Type().Field(i).Name, depth+1)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			filled(v.Index(0), name, depth)
		}
	case reflect.String:
		v.SetString(strings.ToLower(name) + ".example")
		if strings.HasSuffix(name, "Arn") || strings.HasSuffix(name, "Reference") {
			v.SetString(home.ARN("kind/" + strings.ToLower(name)))
		}
	}
}

// TestEveryOperationHasItsPermission compares what each operation of SES needs with a
// list for people: action, and the resource with the names of the members that name it.
func TestEveryOperationHasItsPermission(t *testing.T) {
	t.Parallel()
	v1, err := awswire.NewSES()
	if err != nil {
		t.Fatal(err)
	}
	v2, err := awswire.NewSESv2()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, svc := range []*awswire.Service{v1, v2} {
		for _, op := range svc.Operations() {
			p := permissionOf(op)
			if p.action != "ses:"+op.Name {
				t.Errorf("%s needs %s", op.Name, p.action)
			}
			in := op.NewInput()
			filled(reflect.ValueOf(in).Elem(), "", 0)
			of := "decided by the intake"
			if !p.free {
				named, err := p.resources(home, in)
				if err != nil {
					t.Fatal(err)
				}
				of = strings.TrimPrefix(named[0].ARN, home.ARN(""))
			}
			fmt.Fprintf(&b, "%s %s %s\n", svc.Name(), op.Name, of)
		}
	}
	path := filepath.Join("testdata", "permissions.txt")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the permissions are no longer those of %s: look at the difference, then run this test with -update", path)
	}
}

func TestResourcesOfInputs(t *testing.T) {
	t.Parallel()
	svc, err := awswire.NewSESv2()
	if err != nil {
		t.Fatal(err)
	}
	first, err := awswire.NewSES()
	if err != nil {
		t.Fatal(err)
	}
	anIdentity := func(name string) []access.Resource {
		return []access.Resource{{ARN: home.ARN("identity/" + name), Identity: name}}
	}
	set := func(svc *awswire.Service, op, member string, value any) []access.Resource {
		o := svc.Operation(op)
		in := o.NewInput()
		f := reflect.ValueOf(in).Elem().FieldByName(member)
		if s, ok := value.(string); ok {
			value = &s
		}
		f.Set(reflect.ValueOf(value))
		p := permissionOf(o)
		named, err := p.resources(home, in)
		if err != nil {
			t.Errorf("%s: %v", op, err)
		}
		return named
	}
	for name, c := range map[string]struct{ got, want []access.Resource }{
		"a domain in capitals is the domain":           {set(svc, "GetEmailIdentity", "EmailIdentity", "EXAMPLE.com"), anIdentity("example.com")},
		"a member that is not set names nothing":       {set(svc, "PutSuppressedDestination", "EmailAddress", "a@b.example"), access.Any()},
		"an identity by its ARN":                       {set(svc, "TagResource", "ResourceArn", home.ARN("identity/Example.com")), anIdentity("example.com")},
		"somebody else's identity is not one of ours":  {set(svc, "TagResource", "ResourceArn", "arn:aws:ses:us-east-1:999999999999:identity/example.com"), []access.Resource{{ARN: "arn:aws:ses:us-east-1:999999999999:identity/example.com"}}},
		"what is no ARN":                               {set(svc, "TagResource", "ResourceArn", "example.com"), access.Any()},
		"a name that no identity can have":             {set(svc, "GetEmailIdentity", "EmailIdentity", "a b"), []access.Resource{{ARN: home.ARN("identity/a b")}}},
		"each of several identities":                   {set(first, "GetIdentityVerificationAttributes", "Identities", []string{"a.example", "b@b.example"}), append(anIdentity("a.example"), anIdentity("b@b.example")...)},
		"no identities":                                {set(first, "GetIdentityVerificationAttributes", "Identities", []string{}), access.Any()},
		"a structure that is not there":                {set(first, "CreateTemplate", "Template", (any)(nilTemplate(first))), access.Any()},
		"a set in a structure of an operation of v1":   {set(first, "SetActiveReceiptRuleSet", "RuleSetName", "R"), []access.Resource{{ARN: home.ARN("receipt-rule-set/R")}}},
		"a template that verifies, which is of a kind": {set(svc, "GetCustomVerificationEmailTemplate", "TemplateName", "T"), []access.Resource{{ARN: home.ARN("custom-verification-email-template/T")}}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

// nilTemplate is a nil pointer of the type that CreateTemplate wants.
func nilTemplate(svc *awswire.Service) any {
	return reflect.Zero(reflect.TypeOf(svc.Operation("CreateTemplate").NewInput()).Elem().Field(0).Type).Interface()
}

func TestResourcesOfTheAdminAPI(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pattern string
		vars    map[string]string
		want    string
	}{
		"an identity":                   {"/identities/{Name}/records", map[string]string{"Name": "EXAMPLE.com"}, home.ARN("identity/example.com")},
		"settings of a set":             {"/settings/{Arn}", map[string]string{"Arn": home.ARN("configuration-set/s")}, home.ARN("configuration-set/s")},
		"a name of what is no identity": {"/queues/{Name}", map[string]string{"Name": "example.com"}, "*"},
		"nothing":                       {"/mailbox/messages", nil, "*"},
	} {
		if got := adminResources(home, c.vars, &admin.Route{Pattern: c.pattern}); got[0].ARN != c.want {
			t.Errorf("%s: %s, want %s", name, got[0].ARN, c.want)
		}
	}
}
