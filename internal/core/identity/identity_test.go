// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"strings"
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
	for _, n := range []string{"example.com", "sub.example.com", "User@example.com", "Only@ALONE.example", "a+b@alone.example", "a@alone.example",
		`"q"@alone.example`, "xn--bcher-kva.example"} {
		create(t, ids, n)
	}
	for _, c := range []struct{ from, want string }{
		{"User@example.com", "User@example.com"},
		{"user@example.com", "example.com"}, // the local part's case counts
		{"User@EXAMPLE.com", "example.com"}, // and so does an address's domain's
		{"x@EXAMPLE.com", "example.com"},    // but not a domain's own
		{"x@a.b.example.com", "example.com"},
		{"x@a.sub.example.com", "sub.example.com"},
		{"x@notexample.com", ""},
		{"x@com", ""},
		{"Only@ALONE.example", "Only@ALONE.example"},
		{"Only@alone.example", ""},
		{"Only+x@ALONE.example", "Only@ALONE.example"},
		{"User+label@example.com", "User@example.com"},
		{"user+label@example.com", "example.com"},
		{"a+x@alone.example", "a@alone.example"},
		{"a+@alone.example", "a@alone.example"},
		{"a+b@alone.example", "a+b@alone.example"},
		{"a+b+x@alone.example", "a+b@alone.example"},
		{"a+x+y+z@alone.example", "a@alone.example"},
		{"+a@alone.example", ""},
		{"++@alone.example", ""},
		{`"q+x"@alone.example`, ""},
		{"x@xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"x@bucher.example", ""}, // a look-alike
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
	label := strings.Repeat("a", 63)
	longest := strings.Repeat(strings.Repeat("b", 49)+".", 5) + "x.com" // 255 octets
	for _, c := range []struct {
		name, in, want string
		kind           identity.Kind // "" where it is refused
	}{
		{"a domain, in lower case", "Example.COM", "example.com", identity.Domain},
		{"a subdomain with an underscore", "_x.example.com", "_x.example.com", identity.Domain},
		{"an A-label", "XN--bcher-kva.example", "xn--bcher-kva.example", identity.Domain},
		{"a U-label", "bücher.example", "", ""},
		{"a look-alike: a Cyrillic letter", "ex\u0430mple.com", "", ""},
		{"a label of 63 octets", label + ".example", label + ".example", identity.Domain},
		{"a label of 64 octets", label + "a.example", "", ""},
		{"255 octets", longest, longest, identity.Domain},
		{"256 octets", "x" + longest, "", ""},
		{"a dot at the end", "example.com.", "", ""},
		{"an empty label", "a..example", "", ""},
		{"a wildcard", "*.example.com", "", ""},
		{"a top-level domain", "com", "", ""},
		{"nothing", "", "", ""},
		{"white space", "a b.example", "", ""},
		{"a hyphen at the beginning", "-a.example", "", ""},
		{"an IP address literal", "[127.0.0.1]", "", ""},
		{"an address, in its letters", "User@Example.COM", "User@Example.COM", identity.Address},
		{"an address with a quoted local part", `"a@b"@example.com`, `"a@b"@example.com`, identity.Address},
		{"an address of a domain with an A-label", "a@xn--bcher-kva.example", "a@xn--bcher-kva.example", identity.Address},
		{"an address of a domain with a U-label", "a@bücher.example", "", ""},
		{"an address with an umlaut", "ü@example.com", "", ""},
		{"an address with a dot at the end", "a@example.com.", "", ""},
		{"no domain", "a@", "", ""},
		{"no local part", "@example.com", "", ""},
		{"a display name", "A <a@example.com>", "", ""},
		{"an address at an IP address", "a@[127.0.0.1]", "", ""},
		{"a line break", "a@x\r\ny.example", "", ""},
	} {
		got, kind, err := identity.ParseName(c.in)
		if got != c.want || kind != c.kind || (err == nil) != (c.kind != "") || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: ParseName(%q) = %q, %q, %v", c.name, c.in, got, kind, err)
		}
	}
}

func TestANameIsTakenOnce(t *testing.T) {
	t.Parallel()
	ids := open(storetest.SQLite(t), clock.System, true)
	for name, taken := range map[string][]string{
		"taken.example":   {"taken.example", "TAKEN.example"},
		"A@taken.example": {"A@taken.example"},
		"A@TAKEN.example": {"A@TAKEN.example"}, // another address
		"a@taken.example": {"a@taken.example"},
	} {
		create(t, ids, name)
		for _, again := range taken {
			if _, err := ids.Create(ctx, sc, again, identity.Settings{}); !fault.Is(err, fault.AlreadyExists) {
				t.Errorf("%q after %q: %v", again, name, err)
			}
		}
	}
	if _, err := ids.Create(ctx, sc, "a b.example", identity.Settings{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"example.com", "a+b@Example.com", `"a b"@x.example`, "a@b@c", "xn--bcher-kva.example", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, kind, err := identity.ParseName(s)
		if err != nil {
			if text := fault.PeerText(err); strings.ContainsAny(text, "\r\n\x00") || len(text) > 400 {
				t.Fatalf("%q is not fit to be sent", text)
			}
			return
		}
		if again, k, err := identity.ParseName(name); err != nil || again != name || k != kind {
			t.Fatalf("%q became %q, and that %q, %v", s, name, again, err)
		}
	})
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
