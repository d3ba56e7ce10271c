// SPDX-License-Identifier: Apache-2.0

package configset

import (
	"context"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// TrackingHost is TrackingDomain as hosts are written in URLs; "" for none.
func (o Options) TrackingHost() string {
	d, err := address.ParseDomain(o.TrackingDomain)
	if err != nil { // there is none: others were refused
		return ""
	}
	return strings.ToLower(string(d))
}

// maxOwners is how many accounts and regions with a tracking domain are asked whether it
// is theirs.
const maxOwners = 20

// Tracks reports whether a host is the tracking domain of any account's set, and still a
// verified domain of that account.
func (s *Sets) Tracks(ctx context.Context, host string) (bool, error) {
	d, err := address.ParseDomain(host)
	if err != nil {
		return false, nil
	}
	owners, err := s.trackers(ctx, strings.ToLower(string(d)))
	if err != nil {
		return false, err
	}
	for _, sc := range owners {
		_, err := s.domains.ResolveDomain(ctx, sc, d)
		if err == nil || !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
			return err == nil, err
		}
	}
	return false, nil
}

// trackers are the scopes of the sets that have the tracking domain.
func (s *Sets) trackers(ctx context.Context, host string) (owners []scope.Scope, err error) {
	rows, err := s.db.Query(ctx, `SELECT DISTINCT account, region FROM configuration_sets WHERE tracking_domain = ? AND tracking_domain <> '' LIMIT ?`, host, maxOwners)
	if err != nil {
		return nil, store.Wrap("configset.Tracks", err)
	}
	defer rows.Close()
	for rows.Next() {
		var sc scope.Scope
		if err := rows.Scan(&sc.Account, &sc.Region); err != nil {
			return nil, store.Wrap("configset.Tracks", err)
		}
		owners = append(owners, sc)
	}
	return owners, store.Wrap("configset.Tracks", rows.Err())
}

// SetTracking replaces the tracking options as API v2 does; domain "" is the service's
// own. The set has to be there before the domain is looked at (as SES does).
func (s *Sets) SetTracking(ctx context.Context, sc scope.Scope, name, domain, httpsPolicy string) error {
	if _, err := s.Read(ctx, sc, name); err != nil {
		return err
	}
	if domain != "" {
		if err := s.checkDomain(ctx, sc, domain); err != nil {
			return err
		}
	}
	return s.change(ctx, sc, name, func(set *Set) error {
		set.TrackingDomain, set.HTTPSPolicy = domain, httpsPolicy
		return nil
	})
}

// AddTracking gives a tracking domain to a set that has none, as API v1 does: the domain
// is looked at first.
func (s *Sets) AddTracking(ctx context.Context, sc scope.Scope, name, domain string) error {
	return s.retrack(ctx, sc, name, domain, func(set *Set) error {
		if set.TrackingDomain != "" {
			return because(ErrTrackingExists, fault.AlreadyExists, "TrackingOptions", "Configuration set <%s> already has tracking options.", name)
		}
		return nil
	})
}

// ReplaceTracking gives another tracking domain to a set that has one, as API v1 does.
func (s *Sets) ReplaceTracking(ctx context.Context, sc scope.Scope, name, domain string) error {
	return s.retrack(ctx, sc, name, domain, func(set *Set) error { return hasTracking(set) })
}

func (s *Sets) retrack(ctx context.Context, sc scope.Scope, name, domain string, allowed func(set *Set) error) error {
	if strings.TrimSpace(domain) == "" {
		return because(ErrTracking, fault.Invalid, "TrackingOptions", "At least one field of TrackingOptions must contain a value.")
	}
	if err := s.checkDomain(ctx, sc, domain); err != nil {
		return err
	}
	return s.change(ctx, sc, name, func(set *Set) error {
		if err := allowed(set); err != nil {
			return err
		}
		set.TrackingDomain = domain
		return nil
	})
}

// RemoveTracking takes the tracking domain away from a set that has one.
func (s *Sets) RemoveTracking(ctx context.Context, sc scope.Scope, name string) error {
	return s.change(ctx, sc, name, func(set *Set) error {
		if err := hasTracking(set); err != nil {
			return err
		}
		set.TrackingDomain, set.HTTPSPolicy = "", ""
		return nil
	})
}

func hasTracking(set *Set) error {
	if set.TrackingDomain == "" {
		return because(ErrNoTracking, fault.NotFound, "TrackingOptions", "There are no tracking options for configuration set <%s>", set.Name)
	}
	return nil
}
