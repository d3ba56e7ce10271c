// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"crypto/rand"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/core/account"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

func TestIdentitiesOfAPurgedAccountDoNotLiveOnInTheCache(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		accounts := account.New(db, w.ring, w.clock.Now, rand.Reader)
		if err := accounts.EnsureAccount(ctx, sc.Account); err != nil {
			t.Fatal(err)
		}
		create(t, w.Identities, "example.com")
		if _, err := w.MarkVerified(ctx, sc, "example.com"); err != nil {
			t.Fatal(err)
		}
		if err := accounts.SetState(ctx, sc, account.Operator, account.Closed, ""); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(account.KeepClosed)
		a := address.Address{Local: "a", Domain: "example.com"}
		if _, err := w.Resolve(ctx, sc, a); err != nil {
			t.Fatal(err)
		}
		if gone, err := accounts.Purge(ctx); err != nil || len(gone) != 1 {
			t.Fatalf("%v, %v", gone, err)
		}
		w.clock.Advance(1001 * time.Millisecond)
		if id, err := w.Resolve(ctx, sc, a); !fault.Is(err, fault.NotFound) {
			t.Errorf("a ghost: %s, %v", id.Name, err)
		}
	})
}
