// SPDX-License-Identifier: Apache-2.0

package configset

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/fresh"
	"sesame/internal/core/identity"
	"sesame/internal/core/setting"
	"sesame/internal/core/store"
)

// Create adds a set without destinations; its CreatedAt is now. The options are looked at
// before the name is (as SES does), and the caller has looked at the tags.
func (s *Sets) Create(ctx context.Context, set Set) error {
	if err := s.check(ctx, set); err != nil {
		return err
	}
	options, err := json.Marshal(set.Options)
	if err != nil {
		return fault.Wrap("configset.Create", err)
	}
	tags, err := json.Marshal(set.Tags)
	if err != nil {
		return fault.Wrap("configset.Create", err)
	}
	sc, now := set.Scope, s.now()
	return s.write(ctx, sc, func(tx *store.Tx) (refusal, err error) {
		var n int64
		if err := tx.Get([]any{&n}, `SELECT count(*) FROM configuration_sets WHERE account = ? AND region = ? AND name <> ?`,
			sc.Account, sc.Region, set.Name); err != nil {
			return nil, err
		}
		if n >= MaxSets {
			return fault.New(fault.LimitExceeded, "You have reached the maximum of %d configuration sets.", MaxSets), nil
		}
		n, err = tx.Exec(`INSERT INTO configuration_sets (account, region, name, options, tags, tracking_domain, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			sc.Account, sc.Region, set.Name, string(options), string(tags), set.TrackingHost(), store.Millis(now))
		if err == nil && n == 0 {
			refusal = because(ErrExists, fault.AlreadyExists, "ConfigurationSetName", "Configuration set <%s> already exists.", set.Name)
		}
		return refusal, err
	})
}

// check looks at all of a set that is to be made, in SES's order.
func (s *Sets) check(ctx context.Context, set Set) error {
	if err := checkName(set.Name); err != nil {
		return err
	}
	if err := checkReasons(set.Suppressed); err != nil {
		return err
	}
	if set.TrackingDomain != "" {
		if err := s.checkDomain(ctx, set.Scope, set.TrackingDomain); err != nil {
			return err
		}
	}
	return checkPool(set.Pool)
}

// Delete removes a set with its destinations and its extra settings. That it is some
// identity's default does not keep it (SES: default configuration sets).
func (s *Sets) Delete(ctx context.Context, sc scope.Scope, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return s.write(ctx, sc, func(tx *store.Tx) (refusal, err error) {
		n, err := tx.Exec(`DELETE FROM configuration_sets WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, name)
		if err != nil || n == 0 {
			return notFound(name), err
		}
		if _, err := tx.Exec(`DELETE FROM event_destinations WHERE account = ? AND region = ? AND config_set = ?`, sc.Account, sc.Region, name); err != nil {
			return nil, err
		}
		return nil, setting.Forget(tx, setting.Resource{Scope: sc, Kind: setting.ConfigurationSet, Name: name})
	})
}

// write runs a change of a scope's sets, which other nodes then hear of. A refusal is no
// error of the transaction, which others share. fn may run more than once; it refuses
// before it changes anything.
func (s *Sets) write(ctx context.Context, sc scope.Scope, fn func(tx *store.Tx) (refusal, err error)) error {
	var refusal error
	err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
		if err := fresh.Changed(tx, sc.Account); err != nil {
			return err
		}
		refusal, err = fn(tx)
		return err
	})
	s.changes.Forget(sc.Account)
	return cmp.Or(store.Wrap("configset", err), refusal)
}

// change lets edit change a set's options and tags; its row is locked, and edit may run
// more than once, and refuse.
func (s *Sets) change(ctx context.Context, sc scope.Scope, name string, edit func(set *Set) error) error {
	if err := checkName(name); err != nil {
		return err
	}
	return s.write(ctx, sc, func(tx *store.Tx) (refusal, err error) {
		set, refusal, err := lock(tx, sc, name)
		if err != nil || refusal != nil {
			return refusal, err
		}
		if refusal = edit(&set); refusal != nil {
			return refusal, nil
		}
		options, err := json.Marshal(set.Options)
		if err != nil {
			return nil, err
		}
		tags, err := json.Marshal(set.Tags)
		if err != nil {
			return nil, err
		}
		_, err = tx.Exec(`UPDATE configuration_sets SET options = ?, tags = ?, tracking_domain = ? WHERE account = ? AND region = ? AND name = ?`,
			string(options), string(tags), set.TrackingHost(), sc.Account, sc.Region, name)
		return nil, err
	})
}

// lock reads a set's row, without its destinations, in a transaction that then is the only
// one to change it: fresh.Changed has let it in alone.
func lock(tx *store.Tx, sc scope.Scope, name string) (set Set, refusal, err error) {
	rows, err := tx.Query(setQuery, sc.Account, sc.Region, name)
	if err != nil {
		return set, nil, err
	}
	defer rows.Close()
	set.Scope = sc
	if !rows.Next() {
		return set, notFound(name), rows.Err()
	}
	if err := scan(rows, &set); err != nil {
		return set, nil, err
	}
	return set, nil, rows.Close()
}

// SetSending pauses the mail of a set or lets it go on. Going on is a fresh start of the
// set's reputation (SES API v1: ReputationOptions).
func (s *Sets) SetSending(ctx context.Context, sc scope.Scope, name string, on bool) error {
	now := s.now()
	return s.change(ctx, sc, name, func(set *Set) error {
		if on && !set.SendingEnabled {
			set.LastFreshStart = now
		}
		set.SendingEnabled = on
		return nil
	})
}

// SetReputationMetrics says whether the set's bounce and complaint rates are kept.
func (s *Sets) SetReputationMetrics(ctx context.Context, sc scope.Scope, name string, on bool) error {
	return s.change(ctx, sc, name, func(set *Set) error {
		set.ReputationMetrics = on
		return nil
	})
}

// SetSuppressed says for which reasons recipients are suppressed, as Options has it.
func (s *Sets) SetSuppressed(ctx context.Context, sc scope.Scope, name string, reasons *[]string) error {
	if err := checkReasons(reasons); err != nil {
		return err
	}
	return s.change(ctx, sc, name, func(set *Set) error {
		set.Suppressed = reasons
		return nil
	})
}

// Delivery is how mail of a set is delivered, with the meanings of Options.
type Delivery struct {
	TLSPolicy string
	Pool      string
	Max       time.Duration
}

// SetDelivery replaces the delivery options.
func (s *Sets) SetDelivery(ctx context.Context, sc scope.Scope, name string, d Delivery) error {
	return s.change(ctx, sc, name, func(set *Set) error {
		set.TLSPolicy, set.Pool, set.MaxDelivery = d.TLSPolicy, d.Pool, d.Max
		return checkPool(d.Pool)
	})
}

// SetTLSPolicy replaces the TLS policy alone, which is all that API v1 knows.
func (s *Sets) SetTLSPolicy(ctx context.Context, sc scope.Scope, name, policy string) error {
	return s.change(ctx, sc, name, func(set *Set) error {
		set.TLSPolicy = policy
		return nil
	})
}

// SetVDM says how the set overrides what the account has told Virtual Deliverability
// Manager, with the meanings of Options.
func (s *Sets) SetVDM(ctx context.Context, sc scope.Scope, name, engagement, sharedDelivery string) error {
	return s.change(ctx, sc, name, func(set *Set) error {
		set.EngagementMetrics, set.OptimizedSharedDelivery = engagement, sharedDelivery
		return nil
	})
}

// SetArchive says which archive keeps the set's mail; "" is none.
func (s *Sets) SetArchive(ctx context.Context, sc scope.Scope, name, arn string) error {
	return s.change(ctx, sc, name, func(set *Set) error {
		set.ArchiveARN = arn
		return nil
	})
}

// Tags are the tags of a set, past the cache.
func (s *Sets) Tags(ctx context.Context, sc scope.Scope, name string) ([]identity.Tag, error) {
	set, err := s.Read(ctx, sc, name)
	return set.Tags, err
}

// Tag adds tags to a set, or changes those that it has.
func (s *Sets) Tag(ctx context.Context, sc scope.Scope, name string, tags []identity.Tag) error {
	return s.change(ctx, sc, name, func(set *Set) (err error) {
		set.Tags, err = identity.WithTags(set.Tags, tags)
		return err
	})
}

// Untag removes the tags with these keys. Those that are not there are no error.
func (s *Sets) Untag(ctx context.Context, sc scope.Scope, name string, keys []string) error {
	return s.change(ctx, sc, name, func(set *Set) error {
		set.Tags = slices.Clip(identity.WithoutTags(set.Tags, keys))
		return nil
	})
}
