// SPDX-License-Identifier: Apache-2.0

package configset

import (
	"context"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
)

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
