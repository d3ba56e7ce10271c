// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

const home = "123456789012"

func each(t *testing.T, test func(t *testing.T, a *Accounts, c *clock.Fake)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		a := New(db, keyring.Ephemeral(), c.Now, rand.Reader)
		if err := a.EnsureAccount(context.Background(), home); err != nil {
			t.Fatal(err)
		}
		test(t, a, c)
	})
}

func TestARefusalAfterAChangeKeepsNothingOfIt(t *testing.T) {
	each(t, func(t *testing.T, a *Accounts, _ *clock.Fake) {
		err := a.change(context.Background(), home, func(tx *store.Tx) error {
			if _, err := tx.Exec(`UPDATE accounts SET contact = 'half@example.com' WHERE id = ?`, home); err != nil {
				return err
			}
			return fault.New(fault.Conflict, "no")
		})
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("%v", err)
		}
		if contact, err := a.Contact(context.Background(), home); err != nil || contact != "" {
			t.Errorf("half of the change is there: %q, %v", contact, err)
		}
	})
}

func TestAnAccountThatWasOpenedInTimeIsNotPurged(t *testing.T) {
	each(t, func(t *testing.T, a *Accounts, c *clock.Fake) {
		ctx := context.Background()
		if err := a.SetState(ctx, scope.Scope{Account: home, Region: "us-east-1"}, Operator, Closed, ""); err != nil {
			t.Fatal(err)
		}
		c.Advance(KeepClosed)
		before := store.Millis(c.Now().Add(-KeepClosed))
		if err := a.SetState(ctx, scope.Scope{Account: home, Region: "us-east-1"}, Operator, Active, ""); err != nil { // after Purge has found it due
			t.Fatal(err)
		}
		if mine, err := a.beginPurge(ctx, home, before); mine || err != nil {
			t.Errorf("an open account is purged: %v", err)
		}
	})
}

func TestAnAccountThatIsBeingPurgedIsNotOpenedAndThePurgeIsFinished(t *testing.T) {
	each(t, func(t *testing.T, a *Accounts, c *clock.Fake) {
		ctx := context.Background()
		cred, err := a.CreateUser(ctx, NewUser{Account: home, Name: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.SetState(ctx, scope.Scope{Account: home, Region: "us-east-1"}, Operator, Closed, ""); err != nil {
			t.Fatal(err)
		}
		c.Advance(KeepClosed)
		if mine, err := a.beginPurge(ctx, home, store.Millis(c.Now().Add(-KeepClosed))); !mine || err != nil {
			t.Fatalf("%v, %v", mine, err)
		}
		if err := a.SetState(ctx, scope.Scope{Account: home, Region: "us-east-1"}, Operator, Active, ""); !fault.Is(err, fault.NotFound) {
			t.Errorf("it is open again: %v", err)
		}
		if _, err := a.Key(ctx, cred.KeyID); err == nil {
			t.Error("its key works")
		}
		if gone, err := a.Purge(ctx); err != nil || !slices.Equal(gone, []string{home}) {
			t.Errorf("%v, %v", gone, err)
		}
	})
}

func TestTheUseOfATemporaryKeyIsNotNoted(t *testing.T) {
	t.Parallel()
	a := New(storetest.SQLite(t), keyring.Ephemeral(), clock.System, rand.Reader)
	id, err := a.newID(prefixTemporary)
	if err != nil {
		t.Fatal(err)
	}
	a.Used(id, "ses", "us-east-1")
	if n := len(a.uses.take()); n != 0 {
		t.Errorf("%d uses wait to be written", n)
	}
}
