// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"net/http"

	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
)

// IdentityReader finds identities.
type IdentityReader interface {
	Get(ctx context.Context, sc scope.Scope, name string) (identity.Identity, error)
}

// RecordList is the answer of the list of DNS records.
type RecordList struct{ Records []Record }

// Record is a DNS record to publish.
type Record struct{ Name, Type, Value string }

// Identities are the routes of what SES does not say about identities.
func Identities(ids IdentityReader) []Route {
	return []Route{{
		Method: http.MethodGet, Pattern: "/identities/{Name}/records", Action: "sesame:GetIdentityRecords",
		Doc: "Lists the DKIM records to publish for a domain, with the keys themselves instead of CNAMEs to Amazon's names.",
		Handle: func(ctx context.Context, r Request) (any, error) {
			id, err := ids.Get(ctx, r.Scope, r.Path["Name"])
			if err != nil {
				return nil, err
			}
			out := RecordList{Records: []Record{}}
			for _, rec := range id.Records() {
				out.Records = append(out.Records, Record{Name: rec.Name, Type: rec.Type, Value: rec.Value})
			}
			return out, nil
		},
	}}
}
