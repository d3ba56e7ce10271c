// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"slices"
	"testing"

	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
	"sesame/internal/core/zone"
	"sesame/internal/testkit/storetest"
)

func TestTheZoneHasTheKeysOfAllAccounts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		if own, err := w.ServiceKeys(ctx); err != nil || len(own) > 0 {
			t.Errorf("before there is a service identity: %v, %v", own, err)
		}
		var want []string
		for _, s := range []scope.Scope{sc, {Account: "123456789012", Region: "eu-west-1"}, {Account: "999999999999", Region: "us-east-1"}} {
			id, err := w.Create(ctx, s, "example.com", identity.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, id.Tokens()...)
		}
		// A customer's own key is the customer's to publish.
		if _, err := w.Create(ctx, sc, "byo.example", identity.Settings{DKIM: external("sel1", pkcs1(rsaKeys()[0]))}); err != nil {
			t.Fatal(err)
		}
		if err := w.EnsureService(ctx); err != nil {
			t.Fatal(err)
		}
		own, err := w.ServiceKeys(ctx)
		if err != nil || len(own) != 3 {
			t.Fatalf("the service's keys: %v, %v", own, err)
		}
		for _, k := range own {
			want = append(want, k.Selector)
		}
		var got []string
		for after := ""; ; {
			page, err := w.KeyRecords(ctx, after, 5)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range page {
				if txt, ok, err := w.KeyRecord(ctx, k.Selector); !ok || err != nil || k != (zone.Key{Selector: k.Selector, TXT: txt}) {
					t.Errorf("%+v, but %q, %v, %v", k, txt, ok, err)
				}
				got, after = append(got, k.Selector), k.Selector
			}
			if len(page) < 5 {
				break
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}
