// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"

	"sesame/internal/base/fault"
	"sesame/internal/core/dispatch"
	"sesame/internal/core/spool"
)

// terms are how a message's configuration set, as it is now, wants it delivered. Of a set
// that was removed since nothing is left to heed.
func (s *Server) terms(ctx context.Context, m *spool.Message) (dispatch.Terms, error) {
	if m.ConfigSet == "" {
		return dispatch.Terms{}, nil
	}
	set, err := s.configSets.Get(ctx, m.Scope, m.ConfigSet)
	if fault.Is(err, fault.ConfigSetNotFound) {
		return dispatch.Terms{}, nil
	}
	return dispatch.Terms{MaxAge: set.MaxDelivery, RequireTLS: set.TLSRequired()}, err
}
