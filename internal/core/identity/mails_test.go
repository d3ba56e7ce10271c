// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
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

// TestVerificationMailsOfAllAccountsAreBounded, custom ones among them.
func TestVerificationMailsOfAllAccountsAreBounded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db, func(o *identity.Options) { o.MailsPerHour = 3 })
		others := []scope.Scope{{Account: "210987654321", Region: "us-east-1"}, {Account: "310987654321", Region: "eu-west-1"}}
		w.create("a@victim.example", identity.Settings{})
		if _, err := w.Create(ctx, others[0], "a@victim.example", identity.Settings{}); err != nil {
			t.Fatal(err)
		}
		if err := w.CountCustomMail(ctx, others[1]); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		for name, ask := range map[string]func() error{
			"a new address":     func() error { _, err := w.Create(ctx, others[1], "b@victim.example", identity.Settings{}); return err },
			"one asked again":   func() error { _, err := w.Resend(ctx, sc, "a@victim.example"); return err },
			"a custom mail":     func() error { return w.CountCustomMail(ctx, others[0]) },
			"an unknown tenant": func() error { return w.CountCustomMail(ctx, scope.Scope{Account: "410987654321", Region: "r"}) },
		} {
			if err := ask(); !fault.Is(err, fault.Throttled) || fault.PeerText(err) != "Rate exceeded" {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.create("example.com", easy()) // no mail
		w.clock.Advance(time.Hour)
		w.create("b@victim.example", identity.Settings{})
	})
}

// paused are the accounts that are.
type paused map[scope.Scope]bool

func (p paused) Details(_ context.Context, sc scope.Scope) (account.Details, error) {
	d := account.Details{SendingEnabled: true, Enforcement: account.Healthy}
	if p[sc] {
		d.Enforcement = account.Shutdown
	}
	return d, nil
}

// TestAPausedAccountAsksForNoMail: nor does one that is closed. What needs no mail goes on.
func TestAPausedAccountAsksForNoMail(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		is := paused{}
		w := newWorld(t, db, func(o *identity.Options) { o.Accounts = is })
		w.create("a@example.org", identity.Settings{})
		w.told("a@example.org")
		is[sc] = true
		w.clock.Advance(time.Hour)
		_, created := w.Create(ctx, sc, "b@example.org", identity.Settings{})
		_, again := w.Resend(ctx, sc, "a@example.org")
		for what, err := range map[string]error{"another address": created, "the same again": again, "a custom mail": w.CountCustomMail(ctx, sc)} {
			if !fault.Is(err, fault.AccountPaused) || !strings.HasPrefix(fault.PeerText(err), "Sending paused for this account.") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := w.Get(ctx, sc, "b@example.org"); !fault.Is(err, fault.NotFound) {
			t.Errorf("the refused one is there: %v", err)
		}
		if told := w.told("a@example.org"); len(told) != 0 {
			t.Errorf("mails of a paused account: %v", told)
		}
		w.create("c@example.org", identity.Settings{Confirmed: true})
		w.create("example.com", easy())
		if _, err := w.Resend(ctx, sc, "example.com"); err != nil {
			t.Errorf("a domain: %v", err)
		}
		if _, err := w.Create(ctx, scope.Scope{Account: sc.Account, Region: "eu-west-1"}, "b@example.org", identity.Settings{}); err != nil {
			t.Errorf("another region: %v", err)
		}
	})
}
