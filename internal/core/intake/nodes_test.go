// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/fresh"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/keyring"
	"sesame/internal/core/setting"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

// node is a server on a database that it shares with others.
type node struct {
	accounts *account.Accounts
	ids      *identity.Identities
	in       *intake.Intake
}

func newNode(db *store.DB, ring *keyring.Ring, c clock.Clock) node {
	n := node{
		accounts: account.New(db, ring, c, rand.Reader),
		ids:      identity.New(identity.Options{DB: db, Seal: ring, Clock: c, Random: rand.Reader, VerifyAtOnce: true}),
	}
	n.in = intake.New(intake.Options{
		Spool: nowhere{}, Quotas: nowhere{}, Identities: n.ids, Accounts: n.accounts, Settings: setting.New(setting.Options{DB: db, Clock: c}),
		Access: access.New(access.Options{Policies: n.accounts, Identities: n.ids, Organizations: n.accounts, Clock: c}),
		Clock:  c, Random: rand.Reader, MAC: ring.MAC,
	})
	return n
}

// send is a message by the key's user, as a door brings it.
func (n node) send(keyID string) error {
	k, err := n.accounts.Key(ctx, keyID)
	if err != nil {
		return err
	}
	_, err = n.in.Accept(ctx, submission("From: a@d.example\nTo: b@example.net\n\nx\n", func(s *intake.Submission) {
		s.Principal, s.Action = k.Principal, "ses:SendEmail"
	}))
	return err
}

func TestAnotherNodesChangeCountsWithinASecondUnderLoad(t *testing.T) {
	t.Parallel()
	const policyARN = "arn:aws:iam::123456789012:policy/send"
	user := account.Entity{Account: sc.Account, Kind: account.KindUser, Name: "u"}
	for _, c := range []struct {
		sentence string
		change   func(ctx context.Context, other node, keyID string) error
		refusal  func(error) bool
	}{
		{"the policy that allows it is detached",
			func(ctx context.Context, other node, _ string) error {
				return other.accounts.Detach(ctx, user, policyARN)
			},
			func(err error) bool { return fault.Is(err, fault.AccessDenied) }},
		{"the identity denies it",
			func(ctx context.Context, other node, _ string) error {
				return other.ids.PutPolicy(ctx, sc, "d.example", identity.Create, identity.Policy{Name: "no", Document: `{"Version":"2012-10-17","Statement":{
					"Effect":"Deny","Principal":"*","Action":"ses:SendEmail","Resource":"arn:aws:ses:us-east-1:123456789012:identity/d.example"}}`})
			},
			func(err error) bool { return fault.Is(err, fault.AccessDenied) }},
		{"the identity is deleted",
			func(ctx context.Context, other node, _ string) error { return other.ids.Delete(ctx, sc, "d.example") },
			func(err error) bool { return fault.Is(err, fault.Rejected) }},
		{"the key is disabled",
			func(ctx context.Context, other node, keyID string) error {
				return other.accounts.SetKeyActive(ctx, sc.Account, "u", keyID, false)
			},
			func(err error) bool { return errors.Is(err, account.ErrNoKey) }},
		{"the owner stops all mail",
			func(ctx context.Context, other node, _ string) error {
				return other.accounts.SetSending(ctx, sc, "test", false)
			},
			func(err error) bool { return fault.Is(err, fault.AccountPaused) }},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				now, ring := clock.NewFake(now), keyring.Ephemeral()
				here, there := newNode(db, ring, now.Now), newNode(db, ring, now.Now)
				keyID := furnish(t, there, policyARN)
				load(t, func() {
					if err := here.send(keyID); err != nil {
						t.Errorf("before: %v", err)
					}
				})
				if err := c.change(ctx, there, keyID); err != nil {
					t.Fatal(err)
				}
				for range 3 { // what is asked meanwhile keeps nothing alive
					now.Advance(fresh.Within/4 + time.Millisecond)
					load(t, func() { _ = here.send(keyID) })
				}
				now.Advance(fresh.Within/4 - 3*time.Millisecond)
				load(t, func() {
					if err := here.send(keyID); !c.refusal(err) {
						t.Errorf("after a second: %v", err)
					}
				})
			})
		})
	}
}

// furnish makes what a message needs, and returns the key of its user.
func furnish(t *testing.T, n node, policyARN string) string {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(n.accounts.EnsureAccount(ctx, sc.Account))
	p, err := n.accounts.CreatePolicy(ctx, account.Policy{Account: sc.Account, Name: "send",
		Document: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ses:SendEmail","Resource":"*"}}`})
	check(err)
	if p.ARN() != policyARN {
		t.Fatal(p.ARN())
	}
	cred, err := n.accounts.CreateUser(ctx, account.NewUser{Account: sc.Account, Name: "u", Policies: []string{policyARN}})
	check(err)
	_, err = n.ids.Create(ctx, sc, "d.example", identity.Settings{TokenOnly: true})
	check(err)
	return cred.KeyID
}

// load runs do many times, by several at once.
func load(t *testing.T, do func()) {
	t.Helper()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				do()
			}
		})
	}
	wg.Wait()
}

// TestAMessageAsksTheDatabaseNothing: what decides about it is known once it was asked for,
// until the second is over.
func TestAMessageAsksTheDatabaseNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(db, keyring.Ephemeral(), clock.NewFake(now).Now)
		keyID := furnish(t, n, "arn:aws:iam::123456789012:policy/send")
		if err := n.send(keyID); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := n.send(keyID); err != nil {
			t.Errorf("without a database: %v", err)
		}
	})
}
