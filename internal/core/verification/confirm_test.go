// SPDX-License-Identifier: Apache-2.0

package verification_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
	"sesame/internal/core/verification"
	"sesame/internal/testkit/storetest"
)

func (w *world) follow(t testing.TB, tok string) verification.Result {
	t.Helper()
	r, err := w.confirmer.Confirm(t.Context(), tok)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) status(t testing.TB, sc scope.Scope, name string) identity.Status {
	t.Helper()
	id, err := w.identities.Get(t.Context(), sc, name)
	if fault.Is(err, fault.NotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return id.Verification
}

func TestALinkVerifiesAnAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		elsewhere := scope.Scope{Account: home.Account, Region: "eu-west-2"}
		other := scope.Scope{Account: "210987654321", Region: home.Region}
		const name = "user@example.net"
		for _, sc := range []scope.Scope{home, elsewhere, other} {
			if _, err := w.identities.Create(t.Context(), sc, name, identity.Settings{}); err != nil {
				t.Fatal(err)
			}
		}
		tok := token(t, w.links, name, "")
		if r := w.follow(t, tok); r.Outcome != verification.Verified || r.To != "" || r.Link.Address != name {
			t.Errorf("followed: %+v", r)
		}
		if got := w.status(t, home, name); got != identity.Success {
			t.Errorf("the address is %s", got)
		}
		for _, sc := range []scope.Scope{elsewhere, other} {
			if got := w.status(t, sc, name); got != identity.Pending {
				t.Errorf("in %s it is %s", sc, got)
			}
		}
		if r := w.follow(t, tok); r.Outcome != verification.Already {
			t.Errorf("followed again: %+v", r)
		}
		w.clock.Advance(verification.LinkLifetime)
		if r := w.follow(t, tok); r.Outcome != verification.Expired || r.Link.Address != name {
			t.Errorf("followed too late: %+v", r)
		}
		if r := w.follow(t, tok[1:]); r != (verification.Result{}) {
			t.Errorf("a broken link: %+v", r)
		}
	})
}

func TestALinkToWhatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	if r := w.follow(t, token(t, w.links, "user@example.net", "")); r.Outcome != verification.Gone || r.Reason == "" || w.status(t, home, "user@example.net") != "" {
		t.Errorf("%+v", r)
	}
}

func TestAClosedAccountsLinksVerifyNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	if err := w.templates.Create(t.Context(), home, example()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.identities.Create(t.Context(), home, "user@example.net", identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	plain, custom := token(t, w.links, "user@example.net", ""), token(t, w.links, "other@example.net", example().Name)
	w.accounts.state = account.Closed
	for _, tok := range []string{plain, custom} {
		if r := w.follow(t, tok); r.Outcome != verification.Gone || r.Reason == "" {
			t.Errorf("closed: %+v", r)
		}
	}
	if a, b := w.status(t, home, "user@example.net"), w.status(t, home, "other@example.net"); a != identity.Pending || b != "" {
		t.Errorf("the addresses are %q and %q", a, b)
	}
	w.accounts.state = account.Paused
	if r := w.follow(t, plain); r.Outcome != verification.Verified {
		t.Errorf("paused: %+v", r)
	}
}

func TestAnExpiredLinkVerifiesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	if _, err := w.identities.Create(t.Context(), home, "user@example.net", identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	tok := token(t, w.links, "user@example.net", "")
	w.clock.Advance(verification.LinkLifetime)
	if r := w.follow(t, tok); r.Outcome != verification.Expired || w.status(t, home, "user@example.net") == identity.Success {
		t.Errorf("%+v", r)
	}
}

func TestACustomLinkMakesTheIdentity(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		template := example()
		if err := w.templates.Create(t.Context(), home, template); err != nil {
			t.Fatal(err)
		}
		tok := token(t, w.links, "user@example.net", template.Name)
		if got := w.status(t, home, "user@example.net"); got != "" {
			t.Errorf("before the click the identity is %s", got)
		}
		if r := w.follow(t, tok); r.Outcome != verification.Verified || r.To != template.SuccessURL {
			t.Errorf("followed: %+v", r)
		}
		if got := w.status(t, home, "user@example.net"); got != identity.Success {
			t.Errorf("after the click it is %q", got)
		}
		var n int
		if err := db.QueryRow(t.Context(), `SELECT count(*) FROM notices`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d mails ask for what was agreed to, %v", n, err)
		}
		if r := w.follow(t, tok); r.Outcome != verification.Already || r.To != template.SuccessURL {
			t.Errorf("followed again: %+v", r)
		}

		// An identity that waits already is confirmed.
		if _, err := w.identities.Create(t.Context(), home, "waits@example.net", identity.Settings{}); err != nil {
			t.Fatal(err)
		}
		if r := w.follow(t, token(t, w.links, "waits@example.net", template.Name)); r.Outcome != verification.Verified || w.status(t, home, "waits@example.net") != identity.Success {
			t.Errorf("%+v", r)
		}

		late := token(t, w.links, "late@example.net", template.Name)
		w.clock.Advance(verification.LinkLifetime)
		if r := w.follow(t, late); r.Outcome != verification.Expired || r.To != template.FailureURL || w.status(t, home, "late@example.net") != "" {
			t.Errorf("followed too late: %+v", r)
		}
		if r := w.follow(t, late[1:]); r != (verification.Result{}) {
			t.Errorf("a broken link leads somewhere: %+v", r)
		}
		if err := w.templates.Delete(t.Context(), home, template.Name); err != nil {
			t.Fatal(err)
		}
		if r := w.follow(t, late); r.Outcome != verification.Expired || r.To != "" {
			t.Errorf("without its template: %+v", r)
		}
	})
}

// failing are identities that answer with errors.
type failing struct{ get, create, confirm error }

func (f failing) Get(context.Context, scope.Scope, string) (identity.Identity, error) {
	return identity.Identity{Verification: identity.Pending}, f.get
}
func (f failing) Create(context.Context, scope.Scope, string, identity.Settings) (identity.Identity, error) {
	return identity.Identity{}, f.create
}
func (f failing) Confirm(context.Context, scope.Scope, string) (identity.Identity, error) {
	return identity.Identity{}, f.confirm
}

func TestWhatCanGoWrongOnTheClick(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	if err := w.templates.Create(t.Context(), home, example()); err != nil {
		t.Fatal(err)
	}
	none := fault.New(fault.NotFound, "none")
	down := fault.New(fault.Unavailable, "down")
	for _, c := range []struct {
		name     string
		template string
		ids      failing
		want     verification.Outcome
		to       string
		err      error
	}{
		{"the database is down", "", failing{get: down}, 0, "", down},
		{"the database goes down", "", failing{confirm: down}, 0, "", down},
		{"it goes down while the identity is made", "welcome", failing{get: none, create: down}, 0, "", down},
		{"the identity goes while it is confirmed", "", failing{confirm: none}, verification.Gone, "", nil},
		{"the account is full", "welcome", failing{get: none, create: fault.New(fault.LimitExceeded, "full")}, verification.Gone, "http://example.com:8080/bad", nil},
		{"two clicks at once", "welcome", failing{get: none, create: fault.New(fault.AlreadyExists, "there")}, verification.Verified, "https://example.com/ok?a=b", nil},
	} {
		confirmer := &verification.Confirmer{Links: w.links, Identities: c.ids, Templates: w.templates, Accounts: &w.accounts}
		r, err := confirmer.Confirm(t.Context(), token(t, w.links, "user@example.net", c.template))
		if !errors.Is(err, c.err) || err == nil && (r.Outcome != c.want || r.To != c.to) || strings.Contains(r.Reason, "full") {
			t.Errorf("%s: %+v, %v", c.name, r, err)
		}
	}
}
