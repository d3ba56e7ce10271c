// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/proto/message"
	"sesame/internal/proto/policy"
)

// arranged has ten policies of one principal and twenty of one domain.
type arranged struct{ user, domain *policy.Set }

func (a arranged) Policies(context.Context, account.Principal) (*policy.Set, error) {
	return a.user, nil
}

func (a arranged) PolicySet(_ context.Context, _ scope.Scope, name string) (*policy.Set, error) {
	if name == "d.example" {
		return a.domain, nil
	}
	return nil, nil
}

func (a arranged) Resolve(ctx context.Context, sc scope.Scope, at address.Address) (identity.Identity, error) {
	return a.ResolveDomain(ctx, sc, at.Domain)
}

func (arranged) ResolveDomain(_ context.Context, sc scope.Scope, d address.Domain) (identity.Identity, error) {
	return identity.Identity{Scope: sc, Name: string(d), Kind: identity.Domain}, nil
}

// BenchmarkMaySend decides about one message by the most policies that IAM and SES allow to
// one user and one identity, all about the operation.
func BenchmarkMaySend(b *testing.B) {
	sets := func(n int, format string) *policy.Set {
		var docs []*policy.Document
		for i := range n {
			d, err := policy.Parse(fmt.Appendf(nil, format, i))
			if err != nil {
				b.Fatal(err)
			}
			docs = append(docs, d)
		}
		return policy.NewSet(docs...)
	}
	w := arranged{
		sets(10, `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":["ses:SendEmail","ses:SendRawEmail"],"Resource":"arn:aws:ses:*:123456789012:identity/*","Condition":{"StringLike":{"ses:FromAddress":"*+%[1]d@d.example"}}},
			{"Effect":"Deny","Action":"ses:Send*","Resource":"*","Condition":{"ForAnyValue:StringLike":{"ses:Recipients":"*@blocked%[1]d.example"}}}]}`),
		sets(20, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%012d:user/u"},
			"Action":["ses:SendEmail","ses:SendRawEmail"],"Resource":"arn:aws:ses:us-east-1:123456789012:identity/d.example","Condition":{"StringLike":{"ses:FromAddress":"*@d.example"}}}]}`),
	}
	now := time.Now()
	a := access.New(access.Options{Policies: w, Identities: w, Clock: func() time.Time { return now }})
	from := address.Address{Local: "a+9", Domain: "d.example"}
	sc := scope.Scope{Account: "123456789012", Region: "us-east-1"}
	send := access.Send{
		Request: access.Request{Scope: sc, Principal: account.Principal{Account: sc.Account, User: "u"}, SourceIP: "192.0.2.1", APIVersion: "2"},
		Action:  "ses:SendEmail", Uses: []access.Use{{Owner: sc, Identity: "a+9@d.example", Address: from, Nearest: true}},
		From: []message.Mailbox{{Address: from}}, ReturnPath: from, Recipients: []address.Address{{Local: "b", Domain: "example.net"}},
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := a.MaySend(context.Background(), send); err != nil {
			b.Fatal(err)
		}
	}
}
