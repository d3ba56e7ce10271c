// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"net/http"

	"sesame/internal/base/scope"
	"sesame/internal/core/dnscheck"
)

// IdentityRecords knows what the owner of an identity should publish, and looks at what is
// published.
type IdentityRecords interface {
	Subject(ctx context.Context, sc scope.Scope, name string) (dnscheck.Subject, error)
	Check(ctx context.Context, sc scope.Scope, name string) (dnscheck.Report, error)
}

// RecordList is the answer of the list of DNS records.
type RecordList struct{ Records []Record }

// Record is a DNS record to publish.
type Record struct {
	Name, Type, Value, Purpose string
	Required                   bool
}

// Identities are the routes of what SES does not say about identities.
func Identities(ids IdentityRecords) []Route {
	return []Route{{
		Method: http.MethodGet, Pattern: "/identities/{Name}/records", Action: "sesame:GetIdentityRecords",
		Doc: "Lists the DNS records that the owner of an identity should publish, with what they are for. Those that are not required are advice.",
		Handle: func(ctx context.Context, r Request) (any, error) {
			s, err := ids.Subject(ctx, r.Scope, r.Path["Name"])
			if err != nil {
				return nil, err
			}
			out := RecordList{Records: []Record{}}
			for _, w := range s.Wanted {
				out.Records = append(out.Records, Record{Name: w.Name, Type: w.Type, Value: w.Value, Purpose: w.Purpose, Required: w.Required})
			}
			return out, nil
		},
	}, {
		Method: http.MethodGet, Pattern: "/identities/{Name}/dns", Action: "sesame:GetIdentityDns",
		Doc: "Looks at these records on each authoritative server and through the resolver, and says what is wrong with them, with SPF, DMARC and BIMI. " +
			"It takes up to 20 s and changes nothing.",
		Handle: func(ctx context.Context, r Request) (any, error) { return ids.Check(ctx, r.Scope, r.Path["Name"]) },
	}}
}
