// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"time"

	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/identity"
	"sesame/internal/core/quota"
	"sesame/internal/core/setting"
	"sesame/internal/edge/api"
)

// buildLimits makes what says how much accounts may send, and how.
func (s *Server) buildLimits() {
	l := s.cfg.Limits
	s.accounts.SetDefaults(account.Defaults{Sandbox: l.Sandbox})
	s.quotas = quota.New(quota.Options{
		DB: s.db, Clock: s.clock, Accounts: s.accounts, Default: quota.Limits{Daily: l.DailyQuota, Rate: l.MaxSendRate},
		Shared: s.db.Shared(), Node: s.node.name, MaxDelay: l.MaxDelay.Duration,
	})
}

// Exists tells whether there is a resource to have settings.
func Exists(ids *identity.Identities, sets *configset.Sets) func(context.Context, setting.Resource) error {
	return func(ctx context.Context, r setting.Resource) error {
		if r.Kind == setting.ConfigurationSet {
			_, err := sets.Get(ctx, r.Scope, r.Name)
			return err
		}
		_, err := ids.Get(ctx, r.Scope, r.Name)
		return err
	}
}

// adjustEvery is how often accounts' quotas are compared with their reputation.
const adjustEvery = time.Hour

// adjustQuotas raises and lowers quotas by reputation, if the operator wants it, until
// ctx ends.
func (s *Server) adjustQuotas(ctx context.Context) {
	r := s.cfg.Limits.Reputation
	if !r.Adjust {
		return
	}
	(&quota.Adjuster{
		DB: s.db, Accounts: s.accounts, Clock: s.clock, Log: s.log,
		Default: quota.Limits{Daily: s.cfg.Limits.DailyQuota, Rate: s.cfg.Limits.MaxSendRate},
		Policy: quota.Policy{
			Min: quota.Limits{Daily: r.MinDailyQuota, Rate: r.MinSendRate}, Max: quota.Limits{Daily: r.MaxDailyQuota, Rate: r.MaxSendRate},
		},
	}).Run(ctx, adjustEvery)
}

// calls throttles calls of the API, if they are throttled.
func (s *Server) calls() api.Calls {
	if s.cfg.Limits.APICalls == 0 {
		return nil
	}
	return quota.NewCalls(s.clock, float64(s.cfg.Limits.APICalls))
}
