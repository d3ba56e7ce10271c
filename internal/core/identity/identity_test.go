// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/proto/rsasign"
	"sesame/internal/testkit/storetest"
)

var (
	ctx = context.Background()
	sc  = scope.Scope{Account: "123456789012", Region: "us-east-1"}
)

func open(db *store.DB, c clock.Clock, atOnce bool) *identity.Identities {
	return identity.New(identity.Options{DB: db, Seal: keyring.Ephemeral(), Clock: c, Random: rand.Reader, VerifyAtOnce: atOnce})
}

func create(t *testing.T, ids *identity.Identities, name string) identity.Identity {
	t.Helper()
	id, err := ids.Create(ctx, sc, name, identity.Settings{Tags: []identity.Tag{{Key: "k", Value: "v"}}})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestDomainWaitsForVerification(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewFake(time.Now())
		ids := open(db, c.Now, false)
		made := create(t, ids, "Example.COM")
		if made.Name != "example.com" || made.Verified() || made.DKIM != identity.Pending || len(made.Tokens()) != 3 || len(made.Token) != 44 {
			t.Errorf("%+v", made)
		}
		a := address.Address{Local: "a", Domain: "example.com"}
		if _, err := ids.Resolve(ctx, sc, a); !fault.Is(err, fault.NotFound) {
			t.Errorf("an unverified domain may send: %v", err)
		}
		if _, err := ids.MarkVerified(ctx, sc, "example.com"); err != nil {
			t.Fatal(err)
		}
		got, err := ids.Resolve(ctx, sc, a)
		if err != nil || !got.Verified() || got.DKIM != identity.Success || got.Tags[0] != (identity.Tag{Key: "k", Value: "v"}) || len(got.Records()) != 3 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestTheMostSpecificVerifiedIdentityWins(t *testing.T) {
	t.Parallel()
	ids := open(storetest.SQLite(t), clock.System, true)
	for _, n := range []string{"example.com", "sub.example.com", "User@example.com"} {
		create(t, ids, n)
	}
	for _, c := range []struct{ from, want string }{
		{"User@example.com", "User@example.com"},
		{"user@example.com", "example.com"}, // the local part's case counts
		{"User@EXAMPLE.com", "User@example.com"},
		{"x@a.b.example.com", "example.com"},
		{"x@a.sub.example.com", "sub.example.com"},
		{"x@notexample.com", ""},
		{"x@com", ""},
	} {
		a, err := address.Parse(c.from)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ids.Resolve(ctx, sc, a)
		if got.Name != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.from, got.Name, err, c.want)
		}
	}
	if _, err := ids.Resolve(ctx, scope.Scope{Account: sc.Account, Region: "eu-west-1"}, address.Address{Local: "x", Domain: "example.com"}); err == nil {
		t.Error("an identity counts in another region")
	}
}

func TestAddressShowsTheDKIMStateOfItsOwnDomain(t *testing.T) {
	t.Parallel()
	ids := open(storetest.SQLite(t), clock.System, true)
	for _, n := range []string{"example.com", "a@example.com", "a@sub.example.com", `"x@y"@example.com`} {
		create(t, ids, n)
	}
	for name, want := range map[string]identity.Status{
		"a@example.com":     identity.Success,
		`"x@y"@example.com`: identity.Success,
		"a@sub.example.com": identity.NotStarted,
	} {
		if id, err := ids.Get(ctx, sc, name); err != nil || id.DKIM != want || id.Signing != (want == identity.Success) {
			t.Errorf("%s: %v %v, %v", name, id.DKIM, id.Signing, err)
		}
	}
}

func TestIdentityNames(t *testing.T) {
	t.Parallel()
	ids := open(storetest.SQLite(t), clock.System, true)
	create(t, ids, "taken.example")
	for name, kind := range map[string]fault.Kind{
		"":                 fault.Invalid,
		"com":              fault.Invalid,
		"a b.example":      fault.Invalid,
		"-a.example":       fault.Invalid,
		"a@":               fault.Invalid,
		"@example.com":     fault.Invalid,
		"a@[127.0.0.1]":    fault.Invalid,
		"ü.example":        fault.Invalid,
		"a@x\r\ny.example": fault.Invalid,
		"TAKEN.example":    fault.AlreadyExists,
	} {
		if _, err := ids.Create(ctx, sc, name, identity.Settings{}); !fault.Is(err, kind) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestListPagesByName(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ids := open(db, clock.System, true)
		for _, n := range []string{"c@x.example", "a@x.example", "b@x.example", "d@x.example"} {
			create(t, ids, n)
		}
		page, more, err := ids.List(ctx, sc, "", "", 3)
		if err != nil || !more || len(page) != 3 || page[0].Name != "a@x.example" {
			t.Fatalf("%v %v %v", page, more, err)
		}
		page, more, err = ids.List(ctx, sc, identity.Address, page[2].Name, 3)
		if err != nil || more || len(page) != 1 || page[0].Name != "d@x.example" {
			t.Errorf("%v %v %v", page, more, err)
		}
		if page, _, err = ids.List(ctx, sc, identity.Domain, "", 3); err != nil || len(page) != 0 {
			t.Errorf("%v %v", page, err)
		}
	})
}

func TestDeletedIdentityMayNotSend(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ids := open(db, clock.System, true)
		create(t, ids, "example.com")
		a := address.Address{Local: "a", Domain: "example.com"}
		if _, err := ids.Resolve(ctx, sc, a); err != nil {
			t.Fatal(err)
		}
		if err := ids.Delete(ctx, sc, "example.com"); err != nil {
			t.Fatal(err)
		}
		if _, err := ids.Resolve(ctx, sc, a); !fault.Is(err, fault.NotFound) {
			t.Errorf("%v", err)
		}
		if err := ids.Delete(ctx, sc, "example.com"); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleting twice: %v", err)
		}
	})
}

func TestASilentDatabaseIsNoUnverifiedSender(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		create(t, open(db, clock.System, true), "example.com")
		ids := open(db, clock.System, true) // with nothing in its cache
		late, cancel := context.WithDeadline(ctx, time.Unix(1, 0))
		defer cancel()
		if _, err := ids.Resolve(late, sc, address.Address{Local: "a", Domain: "example.com"}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("the sender: %v", err)
		}
		signers := identity.NewSigners(ids, rsasign.Open(rsasign.Options{}))
		if _, err := signers.For(late, sc, address.Address{Local: "a", Domain: "example.com"}, ""); !fault.Is(err, fault.Unavailable) {
			t.Errorf("the signer: %v", err)
		}
		if id, err := ids.Resolve(ctx, sc, address.Address{Local: "a", Domain: "example.com"}); err != nil || id.Name != "example.com" {
			t.Errorf("once it answers: %+v, %v", id, err)
		}
	})
}

func TestSignerIsTheDomainsOwnKeySealedAtRest(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	ids := open(db, clock.System, true)
	made := create(t, ids, "example.com")
	signers := identity.NewSigners(ids, rsasign.Open(rsasign.Options{}))
	got, err := signers.For(ctx, sc, address.Address{Local: "a", Domain: "mail.example.com"}, "")
	if err != nil || len(got) != 1 || got[0].Domain != "example.com" || got[0].Selector != made.Tokens()[0] {
		t.Fatalf("%+v, %v", got, err)
	}
	s := got[0]
	again, err := signers.For(ctx, sc, address.Address{Local: "b", Domain: "example.com"}, "")
	if err != nil || again[0].Key != s.Key {
		t.Error("the key was parsed twice")
	}
	if got, err := signers.For(ctx, sc, address.Address{Local: "a", Domain: "other.example"}, ""); len(got) > 0 || err != nil {
		t.Errorf("a foreign domain is signed for: %v, %v", got, err)
	}
	var sealed []byte
	if err := db.QueryRow(ctx, `SELECT private_key FROM dkim_keys WHERE selector = ?`, s.Selector).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, s.Key.(*rsasign.Key).Public().N.Bytes()) {
		t.Error("the private key is readable at rest")
	}
}
