// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"sync"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/event"
	"sesame/internal/core/setting"
)

// Settings tells the settings that SES does not have; the identity or the set may be "".
type Settings interface {
	Effective(ctx context.Context, sc scope.Scope, identity, configSet string) (setting.Values, error)
}

// Managers tell what accounts have told Virtual Deliverability Manager.
type Managers interface {
	VDM(ctx context.Context, sc scope.Scope) (v account.VDM, told bool, err error)
}

// Rules decide what is tracked of which message. They are safe for concurrent use.
type Rules struct {
	settings Settings
	managers Managers
	now      clock.Clock

	mu    sync.Mutex
	cache map[scope.Scope]cached
}

// cached is what is known of an account until it is asked again.
type cached struct {
	vdm   account.VDM
	until time.Time
}

const (
	cacheFor  = time.Second // how long a change may go unseen
	cacheSize = 10_000      // accounts; at the bound the cache starts anew
)

// NewRules returns the rules of a server.
func NewRules(settings Settings, managers Managers, now clock.Clock) *Rules {
	return &Rules{settings: settings, managers: managers, now: now, cache: map[scope.Scope]cached{}}
}

// Options decide for a message: of an account, under an identity of its own ("" for
// others'), with a set, whose zero value is none. Opens and clicks are tracked if the set
// publishes them (SES: open and click tracking), and both if Virtual Deliverability Manager
// shows engagement, as the set or else the account says.
func (r *Rules) Options(ctx context.Context, sc scope.Scope, identity string, set configset.Set) (Options, error) {
	engaged, err := r.engaged(ctx, sc, set)
	if err != nil {
		return Options{}, err
	}
	o := Options{
		Opens: engaged || set.Publishes(event.Open), Clicks: engaged || set.Publishes(event.Click),
		Domain: set.TrackingHost(), HTTPS: HTTPS(set.HTTPSPolicy),
	}
	if o.Opens || o.Clicks {
		v, err := r.settings.Effective(ctx, sc, identity, set.Name)
		if err != nil {
			return Options{}, err
		}
		o.Discard = v.DiscardEngagement
	}
	return o, nil
}

// engaged reports whether Virtual Deliverability Manager shows engagement: the account
// must have it enabled, and a set may say otherwise than the account.
func (r *Rules) engaged(ctx context.Context, sc scope.Scope, set configset.Set) (bool, error) {
	v, err := r.vdm(ctx, sc)
	if err != nil || !v.Enabled {
		return false, err
	}
	switch set.EngagementMetrics {
	case configset.Enabled:
		return true, nil
	case configset.Disabled:
		return false, nil
	}
	return v.EngagementMetrics, nil
}

// vdm is what the account has told, as it was a moment ago.
func (r *Rules) vdm(ctx context.Context, sc scope.Scope) (account.VDM, error) {
	now := r.now()
	r.mu.Lock()
	c, ok := r.cache[sc]
	r.mu.Unlock()
	if ok && now.Before(c.until) {
		return c.vdm, nil
	}
	v, _, err := r.managers.VDM(ctx, sc)
	if err != nil {
		return account.VDM{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.cache) >= cacheSize {
		clear(r.cache)
	}
	r.cache[sc] = cached{v, now.Add(cacheFor)}
	return v, nil
}
