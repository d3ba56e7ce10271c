// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"net/http"

	"sesame/internal/base/scope"
	"sesame/internal/core/dnscheck"
	"sesame/internal/core/identity"
)

// IdentityRecords knows what the owner of an identity should publish, and looks at what is
// published.
type IdentityRecords interface {
	Subject(ctx context.Context, sc scope.Scope, name string) (dnscheck.Subject, error)
	Check(ctx context.Context, sc scope.Scope, name string) (dnscheck.Report, error)
}

// IdentityChecker settles the status of an identity by what DNS says now, and gives it a
// new DKIM key.
type IdentityChecker interface {
	CheckNow(ctx context.Context, sc scope.Scope, name string) (identity.Identity, error)
	RotateKeys(ctx context.Context, sc scope.Scope, name string) (identity.Identity, error)
}

// RecordList is the answer of the list of DNS records.
type RecordList struct{ Records []Record }

// Record is a DNS record to publish.
type Record struct {
	Name, Type, Value, Purpose string
	Required                   bool
}

// IdentityStatus is the answer of a check. Statuses are in API v2's spelling.
type IdentityStatus struct {
	Identity             string
	VerificationStatus   identity.Status
	DkimStatus           identity.Status
	MailFromDomain       string          `json:",omitempty"`
	MailFromDomainStatus identity.Status `json:",omitempty"`
	Error                string          `json:",omitempty"` // why the identity is not verified: HOST_NOT_FOUND
	CheckedAt            float64
	NextCheckAt          float64 `json:",omitempty"` // absent: none is due
}

func statusOf(id identity.Identity) IdentityStatus {
	s := IdentityStatus{
		Identity: id.Name, VerificationStatus: id.Verification, DkimStatus: id.DKIM, MailFromDomain: id.MailFrom.Domain, MailFromDomainStatus: id.MailFrom.Status,
		Error: id.Check.Error, CheckedAt: epoch(id.Check.At),
	}
	if !id.Check.Next.IsZero() {
		s.NextCheckAt = epoch(id.Check.Next)
	}
	return s
}

// Identities are the routes of what SES does not say about identities.
func Identities(ids IdentityRecords, now IdentityChecker) []Route {
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
	}, {
		Method: http.MethodPost, Pattern: "/identities/{Name}/check", Action: "sesame:CheckIdentity",
		Doc: "Looks at DNS for the identity now, whether a look is due or not, and settles its statuses.",
		Handle: func(ctx context.Context, r Request) (any, error) {
			id, err := now.CheckNow(ctx, r.Scope, r.Path["Name"])
			if err != nil {
				return nil, err
			}
			return statusOf(id), nil
		},
	}, {
		Method: http.MethodPost, Pattern: "/identities/{Name}/rotate", Action: "sesame:RotateIdentityKeys",
		Doc: "Gives a domain with Easy DKIM a new key, which signs once DNS has shown it for as long as verifiers may remember the old one. The tokens stay as they are.",
		Handle: func(ctx context.Context, r Request) (any, error) {
			id, err := now.RotateKeys(ctx, r.Scope, r.Path["Name"])
			if err != nil {
				return nil, err
			}
			return statusOf(id), nil
		},
	}}
}
