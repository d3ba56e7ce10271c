// SPDX-License-Identifier: Apache-2.0

package api

import (
	"reflect"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/identity"
	"sesame/internal/edge/api/admin"
	"sesame/internal/proto/awswire"
)

// rule says which member of an input names the resource that an operation is about.
type rule struct {
	member string // its path, such as Template.TemplateName
	kind   string // what stands before the name in the ARN; "" where the member is an ARN
	only   string // "" or what the operation's name has in it
}

const (
	identityKind  = "identity/"
	templateKind  = "template/"
	customKind    = "custom-verification-email-template/"
	setKind       = "configuration-set/"
	ruleSetKind   = "receipt-rule-set/"
	filterKind    = "receipt-filter/"
	exportKind    = "export-job/"
	importKind    = "import-job/"
	reportKind    = "deliverability-test-report/"
	endpointKind  = "multi-region-endpoint/"
	poolKind      = "dedicated-ip-pool/"
	listKind      = "contact-list/"
	tenantKind    = "tenant/"
	verifications = "CustomVerification"
)

// sesRules are those of both versions of SES, the first that fits counts. An operation
// without one has no resource of its own: policies name it with "*".
func sesRules() []rule {
	return []rule{
		{"Identity", identityKind, ""}, {"Identities", identityKind, ""}, {"EmailIdentity", identityKind, ""}, {"Domain", identityKind, ""},
		{"TemplateName", customKind, verifications}, {"TemplateName", templateKind, ""}, {"Template.TemplateName", templateKind, ""},
		{"EmailAddress", identityKind, "Verify"}, {"EmailAddress", identityKind, "Verified"},
		{"ConfigurationSetName", setKind, ""}, {"ConfigurationSet.Name", setKind, ""},
		{"RuleSetName", ruleSetKind, ""}, {"FilterName", filterKind, ""}, {"Filter.Name", filterKind, ""},
		{"ContactListName", listKind, ""}, {"PoolName", poolKind, ""}, {"DestinationPoolName", poolKind, ""},
		{"TenantName", tenantKind, ""}, {"EndpointName", endpointKind, ""}, {"ReportId", reportKind, ""},
		{"JobId", exportKind, "ExportJob"}, {"JobId", importKind, "ImportJob"},
		{"ResourceArn", "", ""}, {"ReputationEntityReference", "", ""},
	}
}

// permission is what an operation needs.
type permission struct {
	action string
	free   bool // none: what is asked of everybody's own self, or what the handler decides
	kind   string
	path   [][]int // of the member, through pointers; nil where there is none
}

// permissionOf finds what an operation needs by its service's rules.
func permissionOf(op *awswire.Operation) permission {
	if op.Service != "ses" && op.Service != "sesv2" {
		// STS asks nobody: everyone may know who they are, and a role's trust is the handler's.
		return permission{action: op.Service + ":" + op.Name, free: op.Service == "sts"}
	}
	p := permission{action: "ses:" + op.Name, free: sends(op.Name)}
	input := reflect.TypeOf(op.NewInput()).Elem()
	for _, r := range sesRules() {
		if r.only != "" && !strings.Contains(op.Name, r.only) {
			continue
		}
		if path := memberPath(input, strings.Split(r.member, ".")); path != nil {
			p.kind, p.path = r.kind, path
			break
		}
	}
	return p
}

// sends reports whether an operation sends mail: the intake decides about it when it
// knows the addresses.
func sends(op string) bool {
	switch op {
	case "SendEmail", "SendRawEmail", "SendTemplatedEmail", "SendBulkTemplatedEmail", "SendBulkEmail", "SendBounce":
		return true
	}
	return false
}

// memberPath is where a member is in a struct, or nil if there is none.
func memberPath(t reflect.Type, names []string) [][]int {
	var path [][]int
	for _, name := range names {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return nil
		}
		f, ok := t.FieldByName(name)
		if !ok {
			return nil
		}
		path = append(path, f.Index)
		t = f.Type
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.String {
		return nil
	}
	return path
}

// maxNames is how many identities one call may name.
const maxNames = 100

// resources are those that the input names. Each costs a decision, so a longer list than
// the operations take is refused here, in their words.
func (p *permission) resources(sc scope.Scope, in any) ([]access.Resource, error) {
	if p.path == nil {
		return access.Any(), nil
	}
	v := reflect.ValueOf(in)
	for _, index := range p.path {
		if v = reflect.Indirect(v); !v.IsValid() {
			return access.Any(), nil
		}
		v = v.FieldByIndex(index)
	}
	if v = reflect.Indirect(v); !v.IsValid() {
		return access.Any(), nil
	}
	if v.Kind() != reflect.Slice {
		return []access.Resource{p.resource(sc, v.String())}, nil
	}
	if v.Len() > maxNames {
		return nil, fault.InField(fault.Invalid, "Identities", "At most %d identities can be retrieved at a time.", maxNames)
	}
	var all []access.Resource
	for i := range v.Len() {
		all = append(all, p.resource(sc, v.Index(i).String()))
	}
	if len(all) == 0 {
		return access.Any(), nil
	}
	return all, nil
}

func (p *permission) resource(sc scope.Scope, value string) access.Resource {
	switch {
	case p.kind == "":
		return arnResource(sc, value)
	case value == "":
		return access.Resource{ARN: "*"}
	case p.kind == identityKind:
		return identityResource(sc, value)
	}
	return access.Resource{ARN: sc.ARN(p.kind + value)}
}

// identityResource is an identity of the caller's, by the name under which it is kept:
// no other spelling must get around a policy.
func identityResource(sc scope.Scope, name string) access.Resource {
	norm, _, err := identity.ParseName(name)
	if err != nil {
		return access.Resource{ARN: sc.ARN(identityKind + name)}
	}
	return access.Resource{ARN: sc.ARN(identityKind + norm), Identity: norm}
}

// arnResource is a resource that a request names by its ARN.
func arnResource(sc scope.Scope, arn string) access.Resource {
	of, resource, ok := scope.ParseARN(arn)
	if name, is := strings.CutPrefix(resource, identityKind); ok && is && of == sc {
		return identityResource(sc, name)
	}
	if !strings.HasPrefix(arn, "arn:") {
		return access.Resource{ARN: "*"}
	}
	return access.Resource{ARN: arn}
}

// adminResources are what a path of the admin API is about: the identity or the ARN that
// it names.
func adminResources(sc scope.Scope, vars map[string]string, route *admin.Route) []access.Resource {
	if name := vars["Name"]; name != "" && strings.HasPrefix(route.Pattern, "/identities/{Name}") {
		return []access.Resource{identityResource(sc, name)}
	}
	for _, value := range vars {
		if strings.HasPrefix(value, "arn:") {
			return []access.Resource{arnResource(sc, value)}
		}
	}
	return access.Any()
}
