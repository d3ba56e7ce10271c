// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"fmt"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

// TestVerificationMailBombsNobody: not by asking again, nor by deleting in between, nor
// by asking many.
func TestVerificationMailBombsNobody(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		const victim = "a@victim.example"
		w.create(victim, identity.Settings{})
		for range 3 {
			if _, err := w.Resend(ctx, sc, victim); err != nil {
				t.Fatal(err)
			}
			if err := w.Delete(ctx, sc, victim); err != nil {
				t.Fatal(err)
			}
			w.create(victim, identity.Settings{})
		}
		if told := w.told(victim); len(told) != 1 {
			t.Errorf("%d mails at once", len(told))
		}
		w.clock.Advance(time.Minute)
		if _, err := w.Resend(ctx, sc, victim); err != nil || len(w.told(victim)) != 1 {
			t.Errorf("a minute later: no mail, %v", err)
		}
		err := db.Write(ctx, func(tx *store.Tx) error {
			for i := range 998 {
				if _, err := tx.Exec(`INSERT INTO verification_mails (account, region, address, sent_at) VALUES (?, ?, ?, ?)`,
					sc.Account, "eu-west-1", fmt.Sprintf("u%d@example.net", i), store.Millis(w.clock.Now())); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		if _, err := w.Create(ctx, sc, "b@victim.example", identity.Settings{}); !fault.Is(err, fault.Throttled) {
			t.Errorf("the 1,001st address within an hour: %v", err)
		}
		if _, err := w.Get(ctx, sc, "b@victim.example"); !fault.Is(err, fault.NotFound) {
			t.Errorf("the refused one is there: %v", err)
		}
		if _, err := w.Resend(ctx, sc, victim); !fault.Is(err, fault.Throttled) {
			t.Errorf("the 1,001st mail within an hour: %v", err)
		}
		w.clock.Advance(time.Hour)
		w.create("b@victim.example", identity.Settings{})
	})
}
