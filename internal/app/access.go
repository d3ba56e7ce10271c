// SPDX-License-Identifier: Apache-2.0

package app

import "sesame/internal/core/access"

// authorizer is what decides who may do what.
func (s *Server) authorizer() *access.Authorizer {
	return access.New(access.Options{Policies: s.accounts, Identities: s.identities, Organizations: s.accounts, Clock: s.clock})
}
