// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"regexp"

	"sesame/internal/app"
	"sesame/internal/edge/api"
	"sesame/internal/edge/api/iam"
	"sesame/internal/edge/api/ses"
	"sesame/internal/edge/api/sesv2"
	"sesame/internal/edge/api/sts"
)

// group is a heading with the operations whose names match, and that no group before
// it has.
type group struct {
	title string
	names *regexp.Regexp
}

func groups() []group {
	var all []group
	for _, g := range [][2]string{
		{"Sending", `^Send(Email|RawEmail|Bulk|Templated|Bounce)`},
		{"Verification mails of your own", `CustomVerification`},
		{"Identities", `Identit|^Verify|VerifiedEmail`},
		{"Configuration sets and event destinations", `ConfigurationSet`},
		{"Account, quotas and statistics", `Account|SendQuota|SendStatistics`},
		{"Templates", `Template`},
		{"Suppression list", `Suppressed`},
		{"Contacts and lists", `Contact`},
		{"Tenants", `Tenant`},
		{"Receiving", `Receipt`},
		{"Dedicated IP addresses", `DedicatedIp`},
		{"Import and export", `ImportJob|ExportJob`},
		{"Reputation, insights and deliverability", `Reputation|Insight|Metric|Deliverability|DomainStatistics|Blacklist|Recommendation`},
		{"Several regions at once", `MultiRegion`},
		{"Tags", `[Tt]ag`},
	} {
		all = append(all, group{g[0], regexp.MustCompile(g[1])})
	}
	return all
}

// compatibilityPage lists every operation of both versions.
func compatibilityPage() ([]byte, error) {
	v1, v2, err := app.APIs(&ses.API{}, &sesv2.API{})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(generated)
	b.WriteString("# Which operations of SES there are\n\n")
	b.WriteString("Every operation is routed, its signature checked and its input decoded. One that is not built yet answers HTTP 501 with\n" +
		"`NotImplementedException` (API v2) or `NotImplemented` (API v1) and its name; so does a parameter that is not heeded yet.\n" +
		"`sesame api` prints the same list. Where behaviour differs on purpose is in [differences.md](differences.md).\n\n")
	b.WriteString("| | answered | of |\n| --- | --- | --- |\n")
	fmt.Fprintf(&b, "| API v2 | %d | %d |\n", built(v2), len(v2.Service.Operations()))
	fmt.Fprintf(&b, "| API v1 | %d | %d |\n", built(v1), len(v1.Service.Operations()))
	if err := listOperations(&b, "API v2", v2); err != nil {
		return nil, err
	}
	if err := listOperations(&b, "API v1", v1); err != nil {
		return nil, err
	}
	users, tokens, err := app.IdentityAPIs(&iam.API{}, &sts.API{})
	if err != nil {
		return nil, err
	}
	listAnswered(&b, "IAM", users)
	listAnswered(&b, "STS", tokens)
	return b.Bytes(), nil
}

// listAnswered writes the operations of a service that are answered. The others are of
// no concern to mail.
func listAnswered(b *bytes.Buffer, title string, service api.Binding) {
	fmt.Fprintf(b, "\n## %s\n\n%d operations are answered, see [access.md](access.md):\n", title, built(service))
	separator := ""
	for _, op := range service.Service.Operations() {
		if service.Implements(op.Name) {
			fmt.Fprintf(b, "%s`%s`", separator, op.Name)
			separator = ", "
		}
	}
	b.WriteString(".\n")
}

func built(service api.Binding) (n int) {
	for _, op := range service.Service.Operations() {
		if service.Implements(op.Name) {
			n++
		}
	}
	return n
}

// listOperations writes a service's operations, group by group. An operation that
// belongs to no group is an error: the SDK has something new.
func listOperations(b *bytes.Buffer, title string, service api.Binding) error {
	fmt.Fprintf(b, "\n## %s\n", title)
	listed := map[string]bool{}
	for _, g := range groups() {
		begun := false
		for _, op := range service.Service.Operations() {
			if listed[op.Name] || !g.names.MatchString(op.Name) {
				continue
			}
			listed[op.Name] = true
			if !begun {
				begun = true
				fmt.Fprintf(b, "\n### %s\n\n| operation | |\n| --- | --- |\n", g.title)
			}
			has := "no"
			if service.Implements(op.Name) {
				has = "yes"
			}
			fmt.Fprintf(b, "| `%s` | %s |\n", op.Name, has)
		}
	}
	for _, op := range service.Service.Operations() {
		if !listed[op.Name] {
			return fmt.Errorf("%s of %s belongs to no group: see groups", op.Name, title)
		}
	}
	return nil
}
