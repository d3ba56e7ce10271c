// SPDX-License-Identifier: Apache-2.0

package submission_test

import (
	"cmp"
	"context"
	"sync"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/proto/policy"
)

// policies are those of a world: the user may do everything until a test says otherwise,
// and identities have none.
type policies struct {
	*identity.Identities

	mu         sync.Mutex
	user       string            // of the user; "" allows everything
	identities map[string]string // by ARN
}

// everything is what a user may do by default.
const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

func (p *policies) authorizer(c clock.Clock) *access.Authorizer {
	return access.New(access.Options{Policies: p, Identities: p, Clock: c})
}

// Policies implements access.Policies.
func (p *policies) Policies(context.Context, account.Principal) ([]*policy.Document, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, err := policy.Parse([]byte(cmp.Or(p.user, everything)))
	return []*policy.Document{d}, err
}

// PolicyDocuments implements access.Identities.
func (p *policies) PolicyDocuments(_ context.Context, sc scope.Scope, name string) ([]*policy.Document, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, ok := p.identities[sc.ARN("identity/"+name)]
	if !ok {
		return nil, nil
	}
	d, err := policy.Parse([]byte(text))
	return []*policy.Document{d}, err
}
