// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"

	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/proto/policy"
)

// authorizer is what decides who may do what.
func (s *Server) authorizer() *access.Authorizer {
	return access.New(access.Options{Policies: fullAccess{}, Identities: s.identities, Clock: s.clock})
}

// fullAccess lets every principal do everything in its account.
type fullAccess struct{}

// Policies implements access.Policies.
func (fullAccess) Policies(context.Context, account.Principal) ([]*policy.Document, error) {
	d, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`))
	return []*policy.Document{d}, err
}
