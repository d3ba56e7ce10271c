// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
)

// everything is a policy that allows it.
const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// ofUser sets all policies of a user.
func (w *world) ofUser(t testing.TB, arn string, texts ...string) {
	t.Helper()
	ctx := context.Background()
	parts := strings.SplitN(arn, ":", 6)
	e := account.Entity{Account: parts[4], Kind: account.KindUser, Name: strings.TrimPrefix(parts[5], "user/")}
	attached, err := w.accounts.Attached(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, arn := range attached {
		if err := w.accounts.Detach(ctx, e, arn); err != nil {
			t.Fatal(err)
		}
	}
	names, err := w.accounts.InlineNames(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := w.accounts.DeleteInline(ctx, e, name); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range texts {
		if err := w.accounts.PutInline(ctx, e, "p"+strconv.Itoa(i), text); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
}

// ofIdentity sets all policies of an identity.
func (w *world) ofIdentity(t testing.TB, arn string, texts ...string) {
	t.Helper()
	ctx := context.Background()
	sc, resource, ok := scope.ParseARN(arn)
	if !ok {
		t.Fatalf("%s is no ARN", arn)
	}
	name := strings.TrimPrefix(resource, "identity/")
	old, err := w.identities.Policies(ctx, sc, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range old {
		if err := w.identities.DeletePolicy(ctx, sc, name, o.Name); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range texts {
		if err := w.identities.PutPolicy(ctx, sc, name, identity.Create, identity.Policy{Name: "p" + strconv.Itoa(i), Document: text}); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
}

// newAccount makes a user of another account, who may do everything there, and returns
// who signs as it.
func (w *world) newAccount(t testing.TB, id, user string) who {
	t.Helper()
	c, err := w.accounts.CreateUser(context.Background(), account.NewUser{Account: id, Name: user, Policies: []string{account.AdministratorAccess}})
	if err != nil {
		t.Fatal(err)
	}
	return who{key: c.KeyID, secret: c.Secret, region: region}
}
