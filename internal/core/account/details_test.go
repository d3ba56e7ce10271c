// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"crypto/rand"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

const actor = "arn:aws:iam::123456789012:user/app"

var here = scope.Scope{Account: "123456789012", Region: "us-east-1"}

// eachRegion runs the test with an account that exists, on both engines.
func eachRegion(t *testing.T, test func(t *testing.T, a *account.Accounts, db *store.DB, c *clock.Fake)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		a := account.New(db, keyring.Ephemeral(), c.Now, strings.NewReader(strings.Repeat("random, or so. ", 100)))
		if err := a.EnsureAccount(t.Context(), here.Account); err != nil {
			t.Fatal(err)
		}
		test(t, a, db, c)
	})
}

func details(t *testing.T, a *account.Accounts) account.Details {
	t.Helper()
	d, err := a.Details(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// notices are the kinds and texts of the mails that are to be sent.
func notices(t *testing.T, db *store.DB) (all []string) {
	t.Helper()
	rows, err := db.Query(t.Context(), `SELECT kind, detail FROM notices ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind, detail string
		if err := rows.Scan(&kind, &detail); err != nil {
			t.Fatal(err)
		}
		all = append(all, kind+" "+detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnAccountOfWhichNothingIsSaid(t *testing.T) {
	t.Parallel()
	eachRegion(t, func(t *testing.T, a *account.Accounts, db *store.DB, c *clock.Fake) {
		d := details(t, a)
		if d.Sandbox || !d.SendingEnabled || !d.MaySend() || d.Enforcement != account.Healthy || d.Limits != (account.Limits{Daily: -1, Rate: -1}) || d.Review != "" {
			t.Errorf("%+v", d)
		}
		a = account.New(db, keyring.Ephemeral(), c.Now, rand.Reader)
		a.SetDefaults(account.Defaults{Sandbox: true})
		if granted, err := a.ProductionAccess(t.Context(), here); err != nil || granted {
			t.Errorf("a server of sandboxes: %t, %v", granted, err)
		}
	})
}

func TestEachChangeIsRecordedAndTold(t *testing.T) {
	t.Parallel()
	eachRegion(t, func(t *testing.T, a *account.Accounts, db *store.DB, _ *clock.Fake) {
		ctx := t.Context()
		for _, change := range []func() error{
			func() error { return a.SetSending(ctx, here, actor, false) },
			func() error { return a.SetSending(ctx, here, actor, false) }, // changes nothing
			func() error { return a.SetSending(ctx, here, actor, true) },
			func() error { return a.SetSandbox(ctx, here, account.Operator, true) },
			func() error { return a.Enforce(ctx, here, account.Operator, account.Probation, "bounces") },
			func() error { return a.Enforce(ctx, here, account.Operator, account.Shutdown, "more bounces") },
			func() error { return a.Enforce(ctx, here, account.Operator, account.Healthy, "mended") },
			func() error {
				return a.SetLimits(ctx, here, account.Operator, account.Limits{Daily: 1000, Rate: account.ServerDefault}, "asked for")
			},
		} {
			if err := change(); err != nil {
				t.Fatal(err)
			}
		}
		d := details(t, a)
		if !d.Sandbox || !d.MaySend() || d.Limits != (account.Limits{Daily: 1000, Rate: -1}) || d.LimitsAt.IsZero() {
			t.Errorf("%+v", d)
		}
		changes, err := a.Changes(ctx, here.Account, 100)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, c := range changes {
			if c.Scope != here || c.At.IsZero() {
				t.Errorf("%+v", c)
			}
			texts = append(texts, c.Actor+": "+c.Text)
		}
		quotas := "1000 recipients in 24 hours and the server's default a second, formerly the server's default in 24 hours and the server's default a second: asked for"
		want := []string{
			"operator: sending quotas: " + quotas,
			"operator: status SHUTDOWN to HEALTHY: mended",
			"operator: status PROBATION to SHUTDOWN: more bounces",
			"operator: status HEALTHY to PROBATION: bounces",
			"operator: sandbox: true",
			actor + ": sending enabled: true",
			actor + ": sending enabled: false",
		}
		if strings.Join(texts, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(texts, "\n"), strings.Join(want, "\n"))
		}
		told := []string{`SendingPaused {"text":"more bounces"}`, `SendingResumed {"text":"mended"}`, `QuotaChanged {"text":"` + quotas + `"}`}
		if got := notices(t, db); strings.Join(got, "\n") != strings.Join(told, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(told, "\n"))
		}
		if other, err := a.Details(ctx, scope.Scope{Account: here.Account, Region: "eu-west-1"}); err != nil || other.Sandbox {
			t.Errorf("another region: %+v, %v", other, err)
		}
	})
}

// TestAPauseOfTheWholeAccountIsTold, as one of a region is, and so is its end.
func TestAPauseOfTheWholeAccountIsTold(t *testing.T) {
	t.Parallel()
	eachRegion(t, func(t *testing.T, a *account.Accounts, db *store.DB, _ *clock.Fake) {
		ctx := t.Context()
		for _, change := range []struct {
			to     account.State
			reason string
		}{
			{account.Paused, "unpaid"},
			{account.Paused, "unpaid still"}, // changes nothing
			{account.Active, "paid"},
			{account.Closed, "left"}, // nobody is there to be told
			{account.Active, "back"},
		} {
			if err := a.SetState(ctx, here, account.Operator, change.to, change.reason); err != nil {
				t.Fatal(err)
			}
		}
		changes, err := a.Changes(ctx, here.Account, 100)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, c := range changes {
			texts = append(texts, c.Actor+": "+c.Text)
		}
		want := []string{
			"operator: account CLOSED to ACTIVE: back",
			"operator: account ACTIVE to CLOSED: left",
			"operator: account PAUSED to ACTIVE: paid",
			"operator: account ACTIVE to PAUSED: unpaid",
		}
		if strings.Join(texts, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(texts, "\n"), strings.Join(want, "\n"))
		}
		told := []string{`SendingPaused {"text":"unpaid","everywhere":true}`, `SendingResumed {"text":"paid","everywhere":true}`}
		if got := notices(t, db); strings.Join(got, "\n") != strings.Join(told, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(told, "\n"))
		}
	})
}

func TestAReviewEndsInProductionOrNot(t *testing.T) {
	t.Parallel()
	eachRegion(t, func(t *testing.T, a *account.Accounts, db *store.DB, _ *clock.Fake) {
		ctx := t.Context()
		a.SetDefaults(account.Defaults{Sandbox: true})
		p := account.Profile{MailType: "MARKETING", WebsiteURL: "https://example.com", Language: "EN", Contacts: []string{"a@example.com"}}
		if err := a.EndReview(ctx, here, account.Operator, true, ""); !fault.Is(err, fault.NotFound) {
			t.Errorf("no review: %v", err)
		}
		if err := a.PutProfile(ctx, here, actor, p, true); err != nil {
			t.Fatal(err)
		}
		pending := details(t, a)
		if pending.Review != account.ReviewPending || len(pending.CaseID) != 10 || !pending.Sandbox || pending.Profile.WebsiteURL != p.WebsiteURL {
			t.Errorf("%+v", pending)
		}
		if err := a.PutProfile(ctx, here, actor, account.Profile{MailType: "TRANSACTIONAL", WebsiteURL: "https://example.org"}, false); !errors.Is(err, account.ErrInReview) || !strings.Contains(fault.PeerText(err), pending.CaseID) {
			t.Errorf("a change during the review: %v", err)
		}
		if err := a.EndReview(ctx, here, account.Operator, false, "say more"); err != nil {
			t.Fatal(err)
		}
		if d := details(t, a); d.Review != account.ReviewDenied || !d.Sandbox {
			t.Errorf("denied: %+v", d)
		}
		if err := a.PutProfile(ctx, here, actor, p, true); err != nil {
			t.Fatal(err)
		}
		if err := a.EndReview(ctx, here, account.Operator, true, ""); err != nil {
			t.Fatal(err)
		}
		if d := details(t, a); d.Review != account.ReviewGranted || d.Sandbox || d.CaseID == pending.CaseID {
			t.Errorf("granted: %+v", d)
		}
		got := notices(t, db)
		if len(got) != 2 || got[0] != `ReviewEnded {"text":"case `+pending.CaseID+`: DENIED: say more"}` || !strings.Contains(got[1], "GRANTED") {
			t.Errorf("%q", got)
		}
		if err := a.PutProfile(ctx, here, actor, p, true); err != nil { // in production there is nothing to review
			t.Fatal(err)
		}
		if d := details(t, a); d.Review != account.ReviewGranted {
			t.Errorf("%+v", d)
		}
	})
}

func TestAdjustmentsYieldToWhoWasFaster(t *testing.T) {
	t.Parallel()
	eachRegion(t, func(t *testing.T, a *account.Accounts, _ *store.DB, c *clock.Fake) {
		ctx := t.Context()
		seen := details(t, a)
		c.Advance(time.Minute)
		if err := a.SetLimits(ctx, here, account.Operator, account.Limits{Daily: 7, Rate: 7}, "by hand"); err != nil {
			t.Fatal(err)
		}
		by := account.Adjustment{From: seen.Limits, To: account.Limits{Daily: 100, Rate: 100}, Since: seen.LimitsAt, Actor: "reputation", Reason: "good"}
		if err := a.AdjustLimits(ctx, here, by); err != nil {
			t.Fatal(err)
		}
		if d := details(t, a); d.Limits != (account.Limits{Daily: 7, Rate: 7}) {
			t.Errorf("the operator's quotas were overwritten: %+v", d.Limits)
		}
		now := details(t, a)
		by.From, by.Since = now.Limits, now.LimitsAt
		if err := a.AdjustLimits(ctx, here, by); err != nil {
			t.Fatal(err)
		}
		if d := details(t, a); d.Limits != by.To {
			t.Errorf("%+v", d.Limits)
		}
	})
}

func TestChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	eachRegion(t, func(t *testing.T, a *account.Accounts, _ *store.DB, _ *clock.Fake) {
		ctx := t.Context()
		nobody := scope.Scope{Account: "210987654321", Region: "us-east-1"}
		if err := a.SetSandbox(ctx, nobody, account.Operator, true); !fault.Is(err, fault.NotFound) {
			t.Errorf("an account that does not exist: %v", err)
		}
		for _, l := range []account.Limits{{Daily: -2}, {Rate: math.NaN()}, {Daily: math.Inf(1)}} {
			if err := a.SetLimits(ctx, here, account.Operator, l, ""); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", l, err)
			}
		}
		if changes, err := a.Changes(ctx, here.Account, 10); err != nil || len(changes) != 0 {
			t.Errorf("%v, %v", changes, err)
		}
	})
}

func TestAnotherNodesChangeOfAnAccountIsSeenWithinASecond(t *testing.T) {
	t.Parallel()
	eachRegion(t, func(t *testing.T, a *account.Accounts, db *store.DB, c *clock.Fake) {
		other := account.New(db, keyring.Ephemeral(), c.Now, strings.NewReader(""))
		details(t, a)
		if err := other.SetSending(t.Context(), here, actor, false); err != nil {
			t.Fatal(err)
		}
		if d, err := a.Current(t.Context(), here); err != nil || d.SendingEnabled {
			t.Errorf("what the API reads must not be old: %+v, %v", d, err)
		}
		c.Advance(time.Second + time.Millisecond)
		if details(t, a).SendingEnabled {
			t.Error("after a second the change was not seen")
		}
	})
}
