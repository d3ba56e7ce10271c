// SPDX-License-Identifier: Apache-2.0

package suppression_test

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/proto/smtpclient"
	"sesame/internal/testkit/storetest"
)

var (
	ctx   = context.Background()
	sc    = scope.Scope{Account: "123456789012", Region: "us-east-1"}
	other = scope.Scope{Account: "210987654321", Region: "us-east-1"}
	start = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
)

const day = 24 * time.Hour

// world is the lists of one node, with what they ask.
type world struct {
	*suppression.Lists
	db     *store.DB
	clock  *clock.Fake
	sets   sets
	paused bool
}

// sets are configuration sets by name.
type sets map[string]suppression.Policy

func (s sets) Get(_ context.Context, _ scope.Scope, name string) (set configset.Set, err error) {
	p, ok := s[name]
	if !ok {
		return set, fault.New(fault.ConfigSetNotFound, "Configuration set <%s> does not exist.", name)
	}
	if p.Override {
		set.Suppressed = &[]string{}
		for _, r := range p.Reasons {
			*set.Suppressed = append(*set.Suppressed, string(r))
		}
	}
	return set, nil
}

func (s sets) List(context.Context, scope.Scope, string, string, int) ([]string, bool, error) {
	return slices.Sorted(maps.Keys(s)), false, nil
}

func (w *world) Current(context.Context, scope.Scope) (account.Details, error) {
	return account.Details{SendingEnabled: !w.paused}, nil
}

// each runs a test on both databases.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{db: db, clock: clock.NewFake(start), sets: sets{}}
		w.Lists = w.node()
		test(t, w)
	})
}

// node is another node on the same database.
func (w *world) node() *suppression.Lists {
	return suppression.New(suppression.Options{DB: w.db, Clock: w.clock.Now, Random: rand.Reader, ConfigSets: w.sets, Accounts: w})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func parse(t testing.TB, s string) address.Address {
	t.Helper()
	a, err := address.Parse(s)
	must(t, err)
	return a
}

// bounce settles a hard bounce of a message of the scope with a configuration set.
func (w *world) bounce(t testing.TB, of scope.Scope, set, to string) {
	t.Helper()
	w.add(t, w.Bounced(ctx, suppression.Feedback{Scope: of, MessageID: "m-" + of.Account, ConfigSet: set, Address: parse(t, to)}, unknownUser()))
}

func (w *world) complain(t testing.TB, of scope.Scope, set, to string) {
	t.Helper()
	w.add(t, w.Complained(ctx, suppression.Feedback{Scope: of, MessageID: "m-" + of.Account, ConfigSet: set, Address: parse(t, to)}))
}

func (w *world) add(t testing.TB, writes []func(*store.Tx) error) {
	t.Helper()
	must(t, w.db.Write(ctx, func(tx *store.Tx) error {
		for _, write := range writes {
			if err := write(tx); err != nil {
				return err
			}
		}
		return nil
	}))
	w.clock.Advance(time.Second) // whatever was known before is asked for again
}

func unknownUser() *smtpclient.Outcome {
	return &smtpclient.Outcome{
		Class: smtpclient.Permanent, Cause: smtpclient.CauseReply, Command: smtpclient.CommandRcpt, Code: 550, Enhanced: smtpclient.Enhanced{5, 1, 1},
		Lines: []string{"550 5.1.1 <x>: no such user, dear customer"},
	}
}

// suppressed are those of some recipients that a message of the scope is not sent to, each
// with the list that has it.
func (w *world) suppressed(t testing.TB, of scope.Scope, p suppression.Policy, to ...string) string {
	t.Helper()
	return check(t, w.Lists, of, p, to...)
}

func check(t testing.TB, l *suppression.Lists, of scope.Scope, p suppression.Policy, to ...string) string {
	t.Helper()
	var as []address.Address
	for _, a := range to {
		as = append(as, parse(t, a))
	}
	hits, err := l.Check(ctx, of, p, as)
	must(t, err)
	var names []string
	for _, h := range hits {
		names = append(names, to[h.N]+" "+string(h.Entry.List))
	}
	return strings.Join(names, ", ")
}

// Import writes records at once and returns their errors.
func (w *world) Import(of scope.Scope, records []suppression.Record) []error {
	return w.write(w.Adding(of, records))
}

// Remove removes them.
func (w *world) Remove(of scope.Scope, records []suppression.Record) []error {
	return w.write(w.Removing(of, records))
}

func (w *world) write(write func(*store.Tx) error, errs []error) []error {
	if err := w.db.Write(ctx, write); err != nil {
		panic(err)
	}
	return errs
}
