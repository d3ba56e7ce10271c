// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"sync"
	"testing"

	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/proto/policy"
)

// policies are those of a world: of users, who may do everything until a test says
// otherwise, and of identities, which have their own until then.
type policies struct {
	*identity.Identities

	mu            sync.Mutex
	users         map[string][]*policy.Document // by ARN
	identities    map[string][]*policy.Document // by ARN
	organizations map[string]string             // by account
}

// everything is what a user may do by default.
const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

func newPolicies(ids *identity.Identities) *policies {
	return &policies{Identities: ids, users: map[string][]*policy.Document{}, identities: map[string][]*policy.Document{}, organizations: map[string]string{}}
}

// Policies implements access.Policies.
func (p *policies) Policies(_ context.Context, who account.Principal) ([]*policy.Document, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if docs, ok := p.users[who.ARN()]; ok {
		return docs, nil
	}
	all, err := policy.Parse([]byte(everything))
	return []*policy.Document{all}, err
}

// PolicyDocuments implements access.Identities.
func (p *policies) PolicyDocuments(ctx context.Context, sc scope.Scope, name string) ([]*policy.Document, error) {
	p.mu.Lock()
	docs, ok := p.identities[sc.ARN("identity/"+name)]
	p.mu.Unlock()
	if ok {
		return docs, nil
	}
	return p.Identities.PolicyDocuments(ctx, sc, name)
}

// Organization implements access.Organizations.
func (p *policies) Organization(_ context.Context, account string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.organizations[account], nil
}

// compile reads policies that a test gives.
func compile(t testing.TB, kind policy.Kind, texts []string) []*policy.Document {
	t.Helper()
	docs := []*policy.Document{}
	for _, text := range texts {
		d, err := policy.Parse([]byte(text))
		if err == nil {
			err = d.Validate(kind)
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		docs = append(docs, d)
	}
	return docs
}

// ofUser sets all policies of a user.
func (p *policies) ofUser(t testing.TB, arn string, texts ...string) {
	t.Helper()
	docs := compile(t, policy.IdentityBased, texts)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users[arn] = docs
}

// ofIdentity sets all policies of an identity.
func (p *policies) ofIdentity(t testing.TB, arn string, texts ...string) {
	t.Helper()
	docs := compile(t, policy.ResourceBased, texts)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.identities[arn] = docs
}
