// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/account"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

const id = "123456789012"

var ctx = context.Background()

func each(t *testing.T, test func(t *testing.T, a *account.Accounts, db *store.DB, c *clock.Fake)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		test(t, account.New(db, keyring.Ephemeral(), c.Now, rand.Reader), db, c)
	})
}

func TestNewUserHasAKeyThatSigns(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, db *store.DB, _ *clock.Fake) {
		c, err := a.CreateUser(ctx, account.NewUser{Account: id, Name: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(c.KeyID) || len(c.Secret) != 40 {
			t.Errorf("key %q with a secret of %d characters", c.KeyID, len(c.Secret))
		}
		k, err := a.Key(ctx, c.KeyID)
		if err != nil || k.Secret != c.Secret || k.ARN() != "arn:aws:iam::123456789012:user/alice" {
			t.Errorf("%+v, %v", k, err)
		}
		var sealed []byte
		if err := db.QueryRow(ctx, `SELECT secret FROM access_keys WHERE id = ?`, c.KeyID).Scan(&sealed); err != nil || bytes.Contains(sealed, []byte(c.Secret)) {
			t.Errorf("the secret is readable at rest (%v)", err)
		}
	})
}

func TestSMTPPasswordIsOfOneRegion(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, _ *store.DB, _ *clock.Fake) {
		c, err := a.CreateUser(ctx, account.NewUser{Account: id, Name: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		if who, err := a.SMTP(ctx, c.KeyID, c.SMTPPassword("us-east-1"), "us-east-1"); err != nil || who.User != "alice" {
			t.Errorf("%v, %v", who, err)
		}
		for name, login := range map[string][2]string{
			"another region's password": {c.KeyID, c.SMTPPassword("eu-west-1")},
			"the secret key itself":     {c.KeyID, c.Secret},
			"no password":               {c.KeyID, ""},
			"an unknown user":           {"AKIAUNKNOWNUNKNOWN00", c.SMTPPassword("us-east-1")},
			"an unknown user with the password of an empty secret": {"AKIAUNKNOWNUNKNOWN00", account.Credentials{}.SMTPPassword("us-east-1")},
			"a user name that is no key id":                        {"' OR 1=1 --", "x"},
		} {
			if _, err := a.SMTP(ctx, login[0], login[1], "us-east-1"); !errors.Is(err, account.ErrNoKey) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestDeletedUserIsRefusedAtOnce(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, _ *store.DB, _ *clock.Fake) {
		c, err := a.CreateUser(ctx, account.NewUser{Account: id, Name: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Key(ctx, c.KeyID); err != nil {
			t.Fatal(err)
		}
		if err := a.DeleteUser(ctx, id, "alice"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Key(ctx, c.KeyID); !errors.Is(err, account.ErrNoKey) {
			t.Errorf("%v", err)
		}
		if err := a.DeleteUser(ctx, id, "alice"); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleting twice: %v", err)
		}
	})
}

func TestAnotherNodesChangeIsSeenWithinASecond(t *testing.T) {
	t.Parallel()
	db, ring := storetest.SQLite(t), keyring.Ephemeral()
	c := clock.NewFake(time.Now())
	a, b := account.New(db, ring, c.Now, rand.Reader), account.New(db, ring, c.Now, rand.Reader)
	cred, err := a.CreateUser(ctx, account.NewUser{Account: id, Name: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Key(ctx, cred.KeyID); err != nil {
		t.Fatal(err)
	}
	if err := a.DeleteUser(ctx, id, "alice"); err != nil {
		t.Fatal(err)
	}
	c.Advance(1001 * time.Millisecond)
	if _, err := b.Key(ctx, cred.KeyID); !errors.Is(err, account.ErrNoKey) {
		t.Errorf("%v", err)
	}
}

func TestUsersAreListedWithTheirKeys(t *testing.T) {
	each(t, func(t *testing.T, a *account.Accounts, _ *store.DB, _ *clock.Fake) {
		for _, n := range []string{"bob", "alice"} {
			if _, err := a.CreateUser(ctx, account.NewUser{Account: id, Name: n}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.CreateUser(ctx, account.NewUser{Account: "210987654321", Name: "carol"}); err != nil {
			t.Fatal(err)
		}
		users, err := a.Users(ctx, id)
		if err != nil || len(users) != 2 || users[0].Name != "alice" || len(users[0].Keys) != 1 {
			t.Errorf("%+v, %v", users, err)
		}
		if all, err := a.Users(ctx, ""); err != nil || len(all) != 3 {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

func TestBadUsersAreRefused(t *testing.T) {
	t.Parallel()
	a := account.New(storetest.SQLite(t), keyring.Ephemeral(), clock.System, rand.Reader)
	if _, err := a.CreateUser(ctx, account.NewUser{Account: id, Name: "taken", KeyID: "AKIATAKENTAKENTAKEN0", Secret: "12345678"}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		u    account.NewUser
		kind fault.Kind
	}{
		"an account of 11 digits":    {account.NewUser{Account: "12345678901", Name: "a"}, fault.Invalid},
		"an account with a letter":   {account.NewUser{Account: "12345678901x", Name: "a"}, fault.Invalid},
		"no name":                    {account.NewUser{Account: id}, fault.Invalid},
		"a name with a space":        {account.NewUser{Account: id, Name: "a b"}, fault.Invalid},
		"a key without a secret":     {account.NewUser{Account: id, Name: "a", KeyID: "AKIAAAAAAAAAAAAAAAAA"}, fault.Invalid},
		"a key in lower case":        {account.NewUser{Account: id, Name: "a", KeyID: "akiaaaaaaaaaaaaaaaaa", Secret: "12345678"}, fault.Invalid},
		"a name that is taken":       {account.NewUser{Account: id, Name: "taken"}, fault.AlreadyExists},
		"a key id that is taken":     {account.NewUser{Account: id, Name: "b", KeyID: "AKIATAKENTAKENTAKEN0", Secret: "12345678"}, fault.AlreadyExists},
		"a secret that is too short": {account.NewUser{Account: id, Name: "a", KeyID: "AKIAAAAAAAAAAAAAAAAA", Secret: "1234567"}, fault.Invalid},
	} {
		if _, err := a.CreateUser(ctx, c.u); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
