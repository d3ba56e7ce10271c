// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"

	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/identity"
	"sesame/internal/proto/policy"
)

// authorizer is what decides who may do what.
func (s *Server) authorizer() *access.Authorizer {
	return access.New(access.Options{
		Policies: s.accounts, Identities: withoutPolicies{s.identities}, Organizations: s.accounts, Clock: s.clock,
	})
}

// withoutPolicies are identities that have none.
type withoutPolicies struct{ *identity.Identities }

// PolicyDocuments implements access.Identities.
func (withoutPolicies) PolicyDocuments(context.Context, scope.Scope, string) ([]*policy.Document, error) {
	return nil, nil
}
