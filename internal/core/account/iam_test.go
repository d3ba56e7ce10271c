// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/fresh"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/proto/policy"
	"sesame/internal/testkit/storetest"
)

const (
	other    = "210987654321"
	readOnly = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ses:Get*","Resource":"*"}]}`
	sendOnly = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ses:Send*","Resource":"*"}]}`
	trust    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`
)

// ok ends the test if any of the steps failed.
func ok(t *testing.T, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("step %d: %v", i+1, err)
		}
	}
}

func user(name string) account.Entity {
	return account.Entity{Account: id, Kind: account.KindUser, Name: name}
}

// newUser makes a user without policies and returns who it is.
func newUser(t *testing.T, a *account.Accounts, name string, policies ...string) account.Credentials {
	t.Helper()
	c, err := a.CreateUser(ctx, account.NewUser{Account: id, Name: name, Policies: policies})
	ok(t, err)
	return c
}

// may is what the policies of who say about an action.
func may(t *testing.T, a *account.Accounts, who account.Principal, action string) policy.Decision {
	t.Helper()
	set, err := a.Policies(ctx, who)
	ok(t, err)
	return set.Evaluate(&policy.Request{Action: action, Resource: "*"})
}

func TestPoliciesAreInlineAndManagedOnes(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, _ *store.DB, _ *clock.Fake) {
		alice := newUser(t, a, "alice").Principal
		arn := "arn:aws:iam::123456789012:policy/team/read"
		want := func(step string, get, send policy.Decision) {
			t.Helper()
			if g, s := may(t, a, alice, "ses:GetAccount"), may(t, a, alice, "ses:SendEmail"); g != get || s != send {
				t.Errorf("%s: get %v, send %v", step, g, s)
			}
		}
		want("a new user", policy.NotApplicable, policy.NotApplicable)
		_, err := a.CreatePolicy(ctx, account.Policy{Account: id, Name: "read", Path: "/team/", Document: readOnly})
		ok(t, err, a.Attach(ctx, user("alice"), arn), a.Attach(ctx, user("alice"), arn))
		want("with a managed policy", policy.Allow, policy.NotApplicable)
		ok(t, a.PutInline(ctx, user("alice"), "send", sendOnly))
		want("and an inline one", policy.Allow, policy.Allow)
		_, err = a.CreateVersion(ctx, id, arn, sendOnly, true)
		ok(t, err, a.DeleteInline(ctx, user("alice"), "send"))
		want("with the second version of the managed one", policy.NotApplicable, policy.Allow)
		ok(t, a.SetDefaultVersion(ctx, id, arn, 1))
		want("with the first version again", policy.Allow, policy.NotApplicable)
		ok(t, a.Detach(ctx, user("alice"), arn), a.Attach(ctx, user("alice"), account.SESFullAccess))
		want("with a policy of AWS's", policy.Allow, policy.Allow)
		ok(t, a.UpdateUser(ctx, id, "alice", "eve", "/x/"))
		alice.User = "eve"
		want("with another name", policy.Allow, policy.Allow)
	})
}

func TestAnotherNodesPolicyHoldsWithinASecond(t *testing.T) {
	t.Parallel()
	db, ring := storetest.SQLite(t), keyring.Ephemeral()
	c := clock.NewFake(time.Now())
	a, b := account.New(db, ring, c.Now, rand.Reader), account.New(db, ring, c.Now, rand.Reader)
	alice := newUser(t, a, "alice", account.SESFullAccess).Principal
	if may(t, b, alice, "ses:SendEmail") != policy.Allow {
		t.Error("not allowed at first")
	}
	ok(t, a.Detach(ctx, user("alice"), account.SESFullAccess))
	if may(t, a, alice, "ses:SendEmail") == policy.Allow {
		t.Error("the node that detached still allows")
	}
	c.Advance(1001 * time.Millisecond)
	if may(t, b, alice, "ses:SendEmail") == policy.Allow {
		t.Error("the other node still allows")
	}
}

func TestLimitsHoldWhenManyAskAtOnce(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, _ *store.DB, _ *clock.Fake) {
		newUser(t, a, "alice")
		var made, refused int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := a.CreateKey(ctx, id, "alice")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					made++
				case fault.Is(err, fault.LimitExceeded):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if keys, err := a.AccessKeys(ctx, id, "alice"); err != nil || len(keys) != account.MaxKeys || made != 1 || refused != 7 {
			t.Errorf("%d keys, %d made, %d refused, %v", len(keys), made, refused, err)
		}
	})
}

func TestKeysAreDisabledAndDeleted(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, _ *store.DB, _ *clock.Fake) {
		c := newUser(t, a, "alice")
		password := c.SMTPPassword("us-east-1")
		works := func() bool {
			_, err := a.Key(ctx, c.KeyID)
			_, smtp := a.SMTP(ctx, c.KeyID, password, "us-east-1")
			if (err == nil) != (smtp == nil) || err != nil && !errors.Is(err, account.ErrNoKey) {
				t.Errorf("API: %v, SMTP: %v", err, smtp)
			}
			return err == nil
		}
		if !works() {
			t.Error("a new key does not work")
		}
		ok(t, a.SetKeyActive(ctx, id, "alice", c.KeyID, false))
		if works() {
			t.Error("a disabled key works")
		}
		ok(t, a.SetKeyActive(ctx, id, "alice", c.KeyID, true))
		if !works() {
			t.Error("a key that is enabled again does not work")
		}
		if err := a.DeleteKey(ctx, id, "bob", c.KeyID); !fault.Is(err, fault.NotFound) {
			t.Errorf("as another user's: %v", err)
		}
		ok(t, a.DeleteKey(ctx, id, "alice", c.KeyID))
		if works() {
			t.Error("a deleted key works")
		}
	})
}

func TestLastUse(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, db *store.DB, c *clock.Fake) {
		key := newUser(t, a, "alice").KeyID
		made, _, err := a.CreateSMTPCredential(ctx, id, "alice", "us-east-1")
		ok(t, err)
		commits := db.Stats().Commits
		for range 100 {
			a.Used(key, "ses", "us-east-1")
			c.Advance(time.Second)
			a.Used(key, "iam", "eu-west-1")
		}
		a.Used(made.ID, "ses", "us-east-1")
		if n := db.Stats().Commits - commits; n != 0 {
			t.Errorf("%d commits before FlushUses", n)
		}
		want := account.Use{At: c.Now().UTC(), Service: "iam", Region: "eu-west-1"}
		for _, step := range []string{"before it is written", "after it is written"} {
			k, err := a.AccessKey(ctx, id, key)
			if err != nil || k.Used != want {
				t.Errorf("%s: %+v, %v", step, k.Used, err)
			}
			smtp, err := a.SMTPCredentials(ctx, id)
			if err != nil || len(smtp) != 1 || !smtp[0].UsedAt.Equal(c.Now()) {
				t.Errorf("%s: %+v, %v", step, smtp, err)
			}
			ok(t, a.FlushUses(ctx))
		}
		if n := db.Stats().Ops; n == 0 {
			t.Error("nothing was written")
		}
		if k, err := account.New(db, keyring.Ephemeral(), c.Now, rand.Reader).AccessKey(ctx, id, key); err != nil || k.Used != want {
			t.Errorf("on another node: %+v, %v", k.Used, err)
		}
	})
}

func TestMadeUpSMTPCredentials(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, db *store.DB, _ *clock.Fake) {
		newUser(t, a, "alice")
		c, password, err := a.CreateSMTPCredential(ctx, id, "alice", "eu-west-1")
		ok(t, err)
		var mac []byte
		ok(t, db.QueryRow(ctx, `SELECT mac FROM smtp_credentials WHERE id = ?`, c.ID).Scan(&mac))
		if len(password) != 44 || strings.Contains(string(mac), password) {
			t.Errorf("a password of %d characters, kept as %q", len(password), mac)
		}
		who, err := a.SMTP(ctx, c.ID, password, "eu-west-1")
		ok(t, err, a.Check(ctx, who))
		if who.User != "alice" || who.KeyID != c.ID || who.Account != id {
			t.Errorf("%+v", who)
		}
		for name, login := range map[string][3]string{
			"another region": {c.ID, password, "us-east-1"}, "another password": {c.ID, password + "x", "eu-west-1"},
			"no password": {c.ID, "", "eu-west-1"}, "another user name": {"AKIAUNKNOWNUNKNOWN00", password, "eu-west-1"},
		} {
			if _, err := a.SMTP(ctx, login[0], login[1], login[2]); !errors.Is(err, account.ErrNoKey) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := a.Key(ctx, c.ID); !errors.Is(err, account.ErrNoKey) {
			t.Errorf("it signs the API: %v", err)
		}
		ok(t, a.SetSMTPCredentialActive(ctx, id, c.ID, false))
		if err := a.Check(ctx, who); !errors.Is(err, account.ErrNoKey) {
			t.Errorf("disabled: %v", err)
		}
		ok(t, a.SetSMTPCredentialActive(ctx, id, c.ID, true), a.Check(ctx, who), a.DeleteSMTPCredential(ctx, id, c.ID))
		if _, err := a.SMTP(ctx, c.ID, password, "eu-west-1"); !errors.Is(err, account.ErrNoKey) {
			t.Errorf("deleted: %v", err)
		}
	})
}

func in(account string) scope.Scope { return scope.Scope{Account: account, Region: "us-east-1"} }

func TestAnAccountsStates(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, _ *store.DB, c *clock.Fake) {
		cred := newUser(t, a, "alice")
		smtp, password, err := a.CreateSMTPCredential(ctx, id, "alice", "us-east-1")
		ok(t, err)
		ok(t, a.SetContact(ctx, id, "owner@example.com"), a.SetOrg(ctx, id, "o-a1b2c3d4e5"))
		home := scope.Scope{Account: id, Region: "us-east-1"}
		for _, step := range []struct {
			to            account.State
			signs, mayUse bool
		}{{account.Active, true, true}, {account.Paused, true, false}, {account.Closed, false, false}, {account.Active, true, true}} {
			ok(t, a.SetState(ctx, in(id), account.Operator, step.to, ""))
			_, key := a.Key(ctx, cred.KeyID)
			_, derived := a.SMTP(ctx, cred.KeyID, cred.SMTPPassword("us-east-1"), "us-east-1")
			_, madeUp := a.SMTP(ctx, smtp.ID, password, "us-east-1")
			for door, err := range map[string]error{"API": key, "SMTP": derived, "made-up SMTP": madeUp} {
				if step.signs != (err == nil) || err != nil && !errors.Is(err, account.ErrNoKey) {
					t.Errorf("%s, %s: %v", step.to, door, err)
				}
			}
			if d, err := a.Details(ctx, home); err != nil || d.MaySend() != step.mayUse {
				t.Errorf("%s: sending: %+v, %v", step.to, d, err)
			}
			x, err := a.Account(ctx, id)
			if err != nil || x.State != step.to || x.ClosedAt.IsZero() != (step.to != account.Closed) || x.Contact != "owner@example.com" || x.Org != "o-a1b2c3d4e5" {
				t.Errorf("%+v, %v", x, err)
			}
			c.Advance(time.Hour)
		}
		if err := a.SetState(ctx, in(other), account.Operator, account.Closed, ""); !fault.Is(err, fault.NotFound) {
			t.Errorf("an account that is not there: %v", err)
		}
		if err := a.SetContact(ctx, id, "nobody"); !fault.Is(err, fault.Invalid) {
			t.Errorf("a contact that is no address: %v", err)
		}
	})
}

func TestClosedAccountsArePurgedAfterNinetyDays(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, db *store.DB, c *clock.Fake) {
		newUser(t, a, "alice", account.SESFullAccess)
		_, err := a.CreateUser(ctx, account.NewUser{Account: other, Name: "bob"})
		ok(t, err)
		_, err = a.CreatePolicy(ctx, account.Policy{Account: id, Name: "p", Document: readOnly})
		ok(t, err)
		ok(t, db.Write(ctx, func(tx *store.Tx) error { // a row of a package that this one does not know
			for _, x := range []string{id, other} {
				if _, err := tx.Exec(`INSERT INTO counters (account, region, name, minute, value) VALUES (?, 'us-east-1', 'n', 1, 1)`, x); err != nil {
					return err
				}
			}
			return nil
		}))
		ok(t, a.SetState(ctx, in(id), account.Operator, account.Closed, ""))
		c.Advance(account.KeepClosed - time.Second)
		ok(t, a.SetState(ctx, in(id), account.Operator, account.Closed, "")) // closing again does not begin anew
		if gone, err := a.Purge(ctx); err != nil || len(gone) != 0 {
			t.Fatalf("%v, %v", gone, err)
		}
		c.Advance(time.Second)
		if gone, err := a.Purge(ctx); err != nil || !slices.Equal(gone, []string{id}) {
			t.Fatalf("%v, %v", gone, err)
		}
		tables, err := db.TablesWith(ctx, "account")
		ok(t, err)
		if len(tables) < 15 || !slices.Contains(tables, "messages") || slices.Contains(tables, "accounts") {
			t.Errorf("tables: %v", tables)
		}
		for _, table := range tables {
			if table == fresh.Table { // which tells other nodes
				continue
			}
			var n int
			if err := db.QueryRow(ctx, `SELECT count(*) FROM `+table+` WHERE account = ?`, id).Scan(&n); err != nil || n != 0 {
				t.Errorf("%s has %d rows, %v", table, n, err)
			}
		}
		accounts, err := a.List(ctx)
		if err != nil || len(accounts) != 1 || accounts[0].ID != other {
			t.Errorf("%+v, %v", accounts, err)
		}
		if users, err := a.Users(ctx, ""); err != nil || len(users) != 1 {
			t.Errorf("%+v, %v", users, err)
		}
	})
}

// TestUsersFromBeforePoliciesKeepTheirRights has a row as the first release wrote it.
func TestUsersFromBeforePoliciesKeepTheirRights(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, db *store.DB, _ *clock.Fake) {
		ok(t, a.EnsureAccount(ctx, id), db.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`INSERT INTO users (account, name, created_at) VALUES (?, 'old', 1)`, id)
			return err
		}))
		before, err := a.User(ctx, id, "old")
		ok(t, err)
		if len(before.ID) != 20 || !strings.HasPrefix(before.ID, "AIDA") || before.Path != "/" {
			t.Errorf("%+v", before)
		}
		ok(t, a.UpdateUser(ctx, id, "old", "new", ""))
		if after, err := a.User(ctx, id, "new"); err != nil || after.ID != before.ID {
			t.Errorf("the id changed with the name: %+v, %v", after, err)
		}
	})
}

func TestVersionsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, _ *store.DB, _ *clock.Fake) {
		ok(t, a.EnsureAccount(ctx, id))
		p, err := a.CreatePolicy(ctx, account.Policy{Account: id, Name: "p", Document: readOnly})
		ok(t, err)
		for range account.MaxVersions - 1 {
			_, err := a.CreateVersion(ctx, id, p.ARN(), sendOnly, false)
			ok(t, err)
		}
		if _, err := a.CreateVersion(ctx, id, p.ARN(), sendOnly, false); !fault.Is(err, fault.LimitExceeded) {
			t.Errorf("%v", err)
		}
		ok(t, a.DeleteVersion(ctx, id, p.ARN(), 2))
		if v, err := a.CreateVersion(ctx, id, p.ARN(), sendOnly, false); err != nil || v.Number != 6 {
			t.Errorf("a number came twice: %+v, %v", v, err)
		}
	})
}

func TestAttachmentsAreBounded(t *testing.T) {
	t.Parallel()
	a := account.New(storetest.SQLite(t), keyring.Ephemeral(), clock.System, rand.Reader)
	newUser(t, a, "alice")
	for i := range account.MaxAttached + 1 {
		p, err := a.CreatePolicy(ctx, account.Policy{Account: id, Name: fmt.Sprint("p", i), Document: readOnly})
		ok(t, err)
		if err := a.Attach(ctx, user("alice"), p.ARN()); (err == nil) != (i < account.MaxAttached) || err != nil && !fault.Is(err, fault.LimitExceeded) {
			t.Errorf("policy %d: %v", i+1, err)
		}
	}
}

func TestVersionIDs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"v1": 1, "v12": 12, "1": 0, "v": 0, "v0": 0, "v01": 0, "v-1": 0, "V1": 0, "v1.a": 0, "v99999999999999999999": 0} {
		if got := account.ParseVersionID(text); got != want {
			t.Errorf("%s: %d", text, got)
		}
	}
}

func TestSessionsOfAnotherKeyringAreUnknown(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	c := clock.NewFake(time.Now())
	a := account.New(db, keyring.Ephemeral(), c.Now, rand.Reader)
	who := newUser(t, a, "alice").Principal
	s, err := a.UserSession(ctx, who, time.Hour)
	ok(t, err)
	k, err := a.SessionKey(ctx, s.KeyID, s.Token)
	ok(t, err)
	if k.Secret != s.Secret || k.Principal != s.Principal || !k.Temporary {
		t.Errorf("%+v, made as %+v", k, s)
	}
	b := account.New(db, keyring.Ephemeral(), c.Now, rand.Reader)
	if _, err := b.SessionKey(ctx, s.KeyID, s.Token); !errors.Is(err, account.ErrNoKey) {
		t.Errorf("%v", err)
	}
	c.Advance(time.Hour)
	if _, err := a.SessionKey(ctx, s.KeyID, s.Token); !errors.Is(err, account.ErrExpired) {
		t.Errorf("%v", err)
	}
}

// FuzzSessionKey takes tokens from outside: none but the one that was made opens.
func FuzzSessionKey(f *testing.F) {
	c := clock.NewFake(time.Unix(1_700_000_000, 0))
	db := storetest.SQLite(f)
	a := account.New(db, keyring.Ephemeral(), c.Now, rand.Reader)
	cred, err := a.CreateUser(context.Background(), account.NewUser{Account: id, Name: "alice"})
	if err != nil {
		f.Fatal(err)
	}
	s, err := a.UserSession(context.Background(), cred.Principal, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.KeyID, s.Token)
	f.Add(s.KeyID, s.Token[:len(s.Token)/2])
	f.Add(cred.KeyID, s.Token)
	f.Add("ASIAAAAAAAAAAAAAAAAA", "AQAAAAE=")
	f.Add("ASIA", strings.Repeat("A", 9000))
	f.Fuzz(func(t *testing.T, key, token string) {
		k, err := a.SessionKey(context.Background(), key, token)
		if (err == nil) != (key == s.KeyID && token == s.Token) || err != nil && !errors.Is(err, account.ErrNoKey) {
			t.Errorf("%q with %q: %+v, %v", key, token, k, err)
		}
	})
}
