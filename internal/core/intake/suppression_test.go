// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
	"sesame/internal/core/event"
	"sesame/internal/core/intake"
	"sesame/internal/core/spool"
	"sesame/internal/core/suppression"
)

// listed suppresses the addresses that it has; each is on the list that it names, for a
// bounce unless it complained.
type listed struct {
	on     map[string]suppression.List
	angry  []string // who complained
	err    error
	policy suppression.Policy // that it was asked with
	asked  int
}

func (l *listed) Check(_ context.Context, _ scope.Scope, p suppression.Policy, recipients []address.Address) (hits []suppression.Hit, err error) {
	l.policy, l.asked = p, l.asked+1
	for n, r := range recipients {
		if list, ok := l.on[r.String()]; ok {
			e := suppression.Entry{List: list, Address: r.String(), Reason: suppression.Bounce, UpdatedAt: now, ExpiresAt: now.Add(time.Hour)}
			if slices.Contains(l.angry, e.Address) {
				e.Reason = suppression.Complaint
			}
			hits = append(hits, suppression.Hit{N: n, Entry: e})
		}
	}
	return hits, l.err
}

// oneSet is an account with one configuration set.
type oneSet struct{ configset.Set }

func (s oneSet) Get(context.Context, scope.Scope, string) (configset.Set, error) { return s.Set, nil }

func (w *world) suppressing(l *listed) *intake.Intake {
	set := configset.Set{Name: "quiet", Options: configset.Default()}
	set.Suppressed = &[]string{configset.Complaint}
	return intake.New(intake.Options{
		Spool: w, Identities: w, Access: w, Quotas: w, Accounts: w, Settings: w, Suppressed: l, ConfigSets: oneSet{set}, Clock: clock.NewFake(now).Now, Random: zeros{},
		MAC: func(purpose string, data []byte) []byte { return []byte(purpose) },
	})
}

// TestSuppressedRecipientsAreFinalFromTheStart: the message is accepted and all count
// against the quota.
func TestSuppressedRecipientsAreFinalFromTheStart(t *testing.T) {
	t.Parallel()
	w, l := &world{}, &listed{on: map[string]suppression.List{
		"mine@example.net": suppression.AccountList, "all@example.net": suppression.GlobalList, "angry@example.net": suppression.AccountList,
	}, angry: []string{"angry@example.net"}}
	raw := "From: a@example.com\nTo: mine@example.net, b@example.net, all@example.net, angry@example.net\n\nhello\n"
	if _, err := w.suppressing(l).Accept(ctx, submission(raw)); err != nil {
		t.Fatal(err)
	}
	bounce := event.Detail{BounceType: "Permanent", Cause: "suppressed", Enhanced: "5.1.1"}
	mine, all := bounce, bounce
	mine.BounceSubType, mine.Reply = "OnAccountSuppressionList",
		"Amazon SES did not send the message to this address because it is on the suppression list for your account."
	all.BounceSubType, all.Reply = "Suppressed",
		"Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an invalid address."
	want := []spool.Fate{
		{Recipients: []int{0}, State: spool.Suppressed, Cause: "suppressed", Reason: "on the account's suppression list since 2026-01-02T03:04:05Z, reason BOUNCE",
			Event: event.Bounce, Detail: mine},
		{Recipients: []int{2}, State: spool.Suppressed, Cause: "suppressed", Reason: "on the global suppression list until 2026-01-02T04:04:05Z",
			Event: event.Bounce, Detail: all, Counter: spool.BounceCounter},
		{Recipients: []int{3}, State: spool.Suppressed, Cause: "suppressed", Reason: "on the account's suppression list since 2026-01-02T03:04:05Z, reason COMPLAINT",
			Event: event.Complaint, Detail: event.Detail{ComplaintSubType: "OnAccountSuppressionList", Cause: "suppressed", Reply: mine.Reply}},
	}
	if got := w.kept[0].Fates; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if w.load.Recipients != 4 || w.reserved != 4 {
		t.Errorf("%d of the quota", w.reserved)
	}
	if l.policy.Override {
		t.Errorf("a message without a set overrides: %+v", l.policy)
	}
}

func TestTheSetsReasonsDecideWhoIsSuppressed(t *testing.T) {
	t.Parallel()
	w, l := &world{}, &listed{}
	if _, err := w.suppressing(l).Accept(ctx, submission("X-SES-CONFIGURATION-SET: quiet\n"+simple)); err != nil {
		t.Fatal(err)
	}
	if want := (suppression.Policy{Override: true, Reasons: []suppression.Reason{suppression.Complaint}}); !reflect.DeepEqual(l.policy, want) {
		t.Errorf("%+v", l.policy)
	}
}

func TestListsThatCannotBeReadRefuseTheMessage(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	w, l := &world{}, &listed{err: boom}
	if _, err := w.suppressing(l).Accept(ctx, submission(simple)); !errors.Is(err, boom) || len(w.kept) != 0 || w.reserved != 0 {
		t.Errorf("%v", err)
	}
	l.err, l.asked = nil, 0
	if _, err := w.suppressing(l).Accept(ctx, submission(simple, func(s *intake.Submission) { s.System = true })); err != nil || l.asked != 0 {
		t.Errorf("the service's own mail asked: %d, %v", l.asked, err)
	}
}
