// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"time"

	"sesame/internal/edge/api"
	"sesame/internal/edge/api/iam"
	"sesame/internal/edge/api/sts"
	"sesame/internal/proto/awswire"
)

// IdentityAPIs are IAM and STS with the operations that they answer; deps may be empty
// for whoever wants only the list.
func IdentityAPIs(users *iam.API, tokens *sts.API) (api.Binding, api.Binding, error) {
	first, err := awswire.NewIAM()
	if err != nil {
		return api.Binding{}, api.Binding{}, err
	}
	second, err := awswire.NewSTS()
	if err != nil {
		return api.Binding{}, api.Binding{}, err
	}
	return api.Bind(first, users), api.Bind(second, tokens), nil
}

// How often the accounts' upkeep is done.
const (
	flushUsesEvery     = time.Minute
	purgeAccountsEvery = time.Hour
)

// keepAccounts writes when keys were last used, the last time when ctx ends, and purges
// accounts that were closed long ago.
func (s *Server) keepAccounts(ctx context.Context) {
	flush := time.NewTicker(flushUsesEvery)
	defer flush.Stop()
	purge := time.NewTicker(purgeAccountsEvery)
	defer purge.Stop()
	for {
		select {
		case <-ctx.Done():
			s.flushUses(context.WithoutCancel(ctx))
			return
		case <-flush.C:
			s.flushUses(ctx)
		case <-purge.C:
			gone, err := s.accounts.Purge(ctx)
			for _, id := range gone {
				s.log.Info("audit", "operation", "PurgeAccount", "by", "retention", "account", id)
			}
			if err != nil && ctx.Err() == nil {
				s.log.Error("purge of closed accounts", "error", err)
			}
		}
	}
}

func (s *Server) flushUses(ctx context.Context) {
	if err := s.accounts.FlushUses(ctx); err != nil {
		s.log.Error("last uses of keys", "error", err)
	}
}
