// SPDX-License-Identifier: Apache-2.0

package track_test

import (
	"context"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/event"
	"sesame/internal/core/setting"
	"sesame/internal/core/track"
)

// world is what rules ask; it counts how often.
type world struct {
	vdm     account.VDM
	discard bool
	asked   int
}

func (w *world) VDM(context.Context, scope.Scope) (account.VDM, bool, error) {
	w.asked++
	return w.vdm, true, nil
}

func (w *world) Effective(context.Context, scope.Scope, string, string) (setting.Values, error) {
	return setting.Values{DiscardEngagement: w.discard}, nil
}

// TestWhenIsTracked: by what the set publishes, and by Virtual Deliverability Manager.
func TestWhenIsTracked(t *testing.T) {
	t.Parallel()
	publishes := func(enabled bool, kinds ...event.Kind) configset.Set {
		return configset.Set{Name: "set", Destinations: []configset.Destination{{Enabled: enabled, Events: kinds}}}
	}
	manages := func(engagement string) configset.Set {
		return configset.Set{Name: "set", Options: configset.Options{EngagementMetrics: engagement}}
	}
	on, partly, off := account.VDM{Enabled: true, EngagementMetrics: true}, account.VDM{Enabled: true}, account.VDM{EngagementMetrics: true}
	for _, c := range []struct {
		name   string
		set    configset.Set
		vdm    account.VDM
		opens  bool
		clicks bool
	}{
		{"no set", configset.Set{}, account.VDM{}, false, false},
		{"a set that publishes nothing", manages(""), account.VDM{}, false, false},
		{"a set that publishes opens", publishes(true, event.Send, event.Open), account.VDM{}, true, false},
		{"a set that publishes clicks", publishes(true, event.Click), account.VDM{}, false, true},
		{"to a destination that is off", publishes(false, event.Open, event.Click), account.VDM{}, false, false},
		{"the account has engagement shown, and no set is named", configset.Set{}, on, true, true},
		{"the account has it shown, and the set says nothing", manages(""), on, true, true},
		{"the set does not want it shown", manages(configset.Disabled), on, false, false},
		{"but it publishes opens all the same", configset.Set{Name: "set", Options: configset.Options{EngagementMetrics: configset.Disabled},
			Destinations: publishes(true, event.Open).Destinations}, on, true, false},
		{"the set wants it shown, and the account not", manages(configset.Enabled), partly, true, true},
		{"the account has no manager", manages(configset.Enabled), off, false, false},
	} {
		w := &world{vdm: c.vdm, discard: true}
		o, err := track.NewRules(w, w, clock.NewFake(start).Now).Options(t.Context(), home, "example.com", c.set)
		if err != nil || o.Opens != c.opens || o.Clicks != c.clicks || o.Discard != (c.opens || c.clicks) {
			t.Errorf("%s: %+v, %v", c.name, o, err)
		}
	}
}

func TestTheManagerIsAskedOnceASecond(t *testing.T) {
	t.Parallel()
	w, now := &world{}, clock.NewFake(start)
	r := track.NewRules(w, w, now.Now)
	ask := func(want bool) {
		t.Helper()
		if o, err := r.Options(t.Context(), home, "", configset.Set{}); err != nil || o.Opens != want {
			t.Errorf("%+v, %v", o, err)
		}
	}
	ask(false)
	w.vdm = account.VDM{Enabled: true, EngagementMetrics: true}
	ask(false)
	now.Advance(time.Second)
	ask(true)
	if w.asked != 2 {
		t.Errorf("asked %d times", w.asked)
	}
}
