// SPDX-License-Identifier: Apache-2.0

package setting_test

import (
	"context"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/setting"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

var (
	ctx = context.Background()
	sc  = scope.Scope{Account: "123456789012", Region: "us-east-1"}

	account  = setting.Resource{Scope: sc, Kind: setting.Account}
	identity = setting.Resource{Scope: sc, Kind: setting.Identity, Name: "example.com"}
	set      = setting.Resource{Scope: sc, Kind: setting.ConfigurationSet, Name: "set"}
)

func open(db *store.DB, c *clock.Fake) *setting.Settings {
	return setting.New(setting.Options{DB: db, Clock: c.Now, Exists: func(_ context.Context, r setting.Resource) error {
		if r == identity || r == set {
			return nil
		}
		return fault.New(fault.NotFound, "none")
	}})
}

func newClock() *clock.Fake { return clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) }

func put(t *testing.T, s *setting.Settings, r setting.Resource, o setting.Own) {
	t.Helper()
	if err := s.Put(ctx, r, o); err != nil {
		t.Fatal(err)
	}
}

func effective(t *testing.T, s *setting.Settings, identity, set string, want setting.Values) {
	t.Helper()
	if got, err := s.Effective(ctx, sc, identity, set); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestSettingsAreInherited(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := open(db, newClock())
		no, yes, delay, reject, domain := false, true, setting.Delay, setting.Reject, "ids.example.com"
		effective(t, s, "example.com", "set", setting.Default())
		put(t, s, account, setting.Own{QuotaMode: &delay, ServiceSignature: &no})
		put(t, s, identity, setting.Own{Ed25519Signature: &yes, ServiceSignature: &yes})
		put(t, s, set, setting.Own{QuotaMode: &reject, MessageIDDomain: &domain, SharedReturnPath: &yes})
		effective(t, s, "", "", setting.Values{QuotaMode: setting.Delay})
		effective(t, s, "example.com", "", setting.Values{QuotaMode: setting.Delay, ServiceSignature: true, Ed25519Signature: true})
		effective(t, s, "example.com", "set", setting.Values{QuotaMode: setting.Reject, ServiceSignature: true, Ed25519Signature: true, MessageIDDomain: domain, SharedReturnPath: true})
		effective(t, s, "example.org", "other", setting.Values{QuotaMode: setting.Delay})

		got, err := s.Get(ctx, identity)
		if err != nil || got.Arn != "arn:aws:ses:us-east-1:123456789012:identity/example.com" || got.Own.QuotaMode != nil || !*got.Own.ServiceSignature ||
			got.Effective != (setting.Values{QuotaMode: setting.Delay, ServiceSignature: true, Ed25519Signature: true}) ||
			got.From["QuotaMode"] != account.ARN() || got.From["ServiceSignature"] != identity.ARN() {
			t.Errorf("%+v, %v", got, err)
		}
		put(t, s, account, setting.Own{}) // all is inherited again
		if got, err = s.Get(ctx, identity); err != nil || got.From["QuotaMode"] != setting.FromServer || got.Effective.QuotaMode != setting.Reject {
			t.Errorf("%+v, %v", got, err)
		}
		if other, err := s.Effective(ctx, scope.Scope{Account: sc.Account, Region: "eu-west-1"}, "example.com", "set"); err != nil || other != setting.Default() {
			t.Errorf("another region: %+v, %v", other, err)
		}
	})
}

func TestAnotherNodesChangeIsSeenWithinASecond(t *testing.T) {
	t.Parallel()
	db, c := storetest.SQLite(t), newClock()
	here, there := open(db, c), open(db, c)
	delay := setting.Delay
	effective(t, here, "", "", setting.Default())
	put(t, there, account, setting.Own{QuotaMode: &delay})
	c.Advance(time.Second)
	effective(t, here, "", "", setting.Values{QuotaMode: setting.Delay, ServiceSignature: true})
}

func TestWhatIsNotThereHasNoSettings(t *testing.T) {
	t.Parallel()
	s := open(storetest.SQLite(t), newClock())
	gone := setting.Resource{Scope: sc, Kind: setting.Identity, Name: "example.org"}
	if _, err := s.Get(ctx, gone); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if err := s.Put(ctx, gone, setting.Own{}); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	odd := setting.QuotaMode("drop")
	if err := s.Put(ctx, account, setting.Own{QuotaMode: &odd}); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
	for _, odd := range []string{"", "example.com.", "a b.example", "x>\r\nBcc: a@example.com"} {
		if err := s.Put(ctx, account, setting.Own{MessageIDDomain: &odd}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q as a domain: %v", odd, err)
		}
	}
}

func TestARemovedResourceLeavesNoSettings(t *testing.T) {
	t.Parallel()
	db, c := storetest.SQLite(t), newClock()
	s := open(db, c)
	yes := true
	put(t, s, identity, setting.Own{Ed25519Signature: &yes})
	if err := db.Write(ctx, func(tx *store.Tx) error { return setting.Forget(tx, identity) }); err != nil {
		t.Fatal(err)
	}
	effective(t, s, "example.com", "", setting.Default())
}

func TestARNs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, arn string
		want      setting.Resource
	}{
		{"an account", "arn:aws:ses:us-east-1:123456789012:account", account},
		{"a domain", "arn:aws:ses:us-east-1:123456789012:identity/example.com", identity},
		{"an address with a slash", "arn:aws:ses:us-east-1:123456789012:identity/a/b@example.com", setting.Resource{Scope: sc, Kind: setting.Identity, Name: "a/b@example.com"}},
		{"a configuration set", "arn:aws:ses:us-east-1:123456789012:configuration-set/set", set},
		{"nothing", "", setting.Resource{}},
		{"another service", "arn:aws:sns:us-east-1:123456789012:account", setting.Resource{}},
		{"another partition", "arn:aws-cn:ses:us-east-1:123456789012:account", setting.Resource{}},
		{"no region", "arn:aws:ses::123456789012:account", setting.Resource{}},
		{"no account", "arn:aws:ses:us-east-1:1234:account", setting.Resource{}},
		{"a name without a kind", "arn:aws:ses:us-east-1:123456789012:identity/", setting.Resource{}},
		{"an account with a name", "arn:aws:ses:us-east-1:123456789012:account/x", setting.Resource{}},
		{"what has no settings", "arn:aws:ses:us-east-1:123456789012:template/x", setting.Resource{}},
	} {
		got, err := setting.ParseARN(c.arn)
		if got != c.want || (err == nil) != (c.want != setting.Resource{}) || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if err == nil && got.ARN() != c.arn {
			t.Errorf("%s comes back as %s", c.arn, got.ARN())
		}
	}
}
