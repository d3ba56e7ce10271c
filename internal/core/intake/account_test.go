// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/core/account"
	"sesame/internal/core/intake"
	"sesame/internal/core/quota"
	"sesame/internal/core/setting"
)

func TestWhoMayNotSend(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for _, c := range []struct {
		name string
		w    *world
		text string
	}{
		{"the owner's switch is off", &world{switchedOff: true}, "Account is paused"},
		{"the operator's pause", &world{details: map[string]account.Details{sc.Account: {Enforcement: account.Shutdown}}}, "Sending paused for this account."},
		{"both", &world{switchedOff: true, details: map[string]account.Details{sc.Account: {Enforcement: account.Shutdown}}}, "Sending paused for this account."},
	} {
		_, err := c.w.intake().Accept(ctx, submission(simple))
		if !fault.Is(err, fault.AccountPaused) || !strings.HasPrefix(fault.PeerText(err), c.text) || len(c.w.kept) != 0 || c.w.reserved != 0 {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for name, w := range map[string]*world{"account": {accountErr: boom}, "settings": {settingErr: boom}} {
		if _, err := w.intake().Accept(ctx, submission(simple)); !errors.Is(err, boom) || len(w.kept) != 0 {
			t.Errorf("%s that can't be read: %v", name, err)
		}
	}
	w := &world{details: map[string]account.Details{sc.Account: {Enforcement: account.Probation}}}
	if _, err := w.intake().Accept(ctx, submission(simple)); err != nil {
		t.Errorf("an account under review: %v", err)
	}
}

// TestTheServicesOwnMailAsksNoAccount: the notice of a pause must leave.
func TestTheServicesOwnMailAsksNoAccount(t *testing.T) {
	t.Parallel()
	w := &world{switchedOff: true, accountErr: errors.New("boom")}
	if _, err := w.intake().Accept(ctx, submission(simple, func(s *intake.Submission) { s.System = true })); err != nil {
		t.Error(err)
	}
}

// TestTheSandboxOfTheOwner holds for the delegate, too (SES: sending authorization,
// tasks of the delegate sender).
func TestTheSandboxOfTheOwner(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, sandboxed, to, want string
	}{
		{"nobody is in the sandbox", "", "x@example.net", ""},
		{"the owner is", owner.Account, "x@example.net", "x@example.net"},
		{"the owner is, and the recipient is the delegate's own", owner.Account, "x@example.com", ""},
		{"the delegate is", sc.Account, "x@example.net", "x@example.net"},
		{"somebody else is", "111111111111", "x@example.net", ""},
		{"to the simulator", owner.Account, "bounce@simulator.amazonses.com", ""},
	} {
		w := shared()
		w.details = map[string]account.Details{c.sandboxed: {Sandbox: true}}
		raw := "From: a@example.org\nTo: " + c.to + "\n\nhello\n"
		_, err := w.intake().Accept(ctx, submission(raw, func(s *intake.Submission) { s.ARNs.Source = ownedARN }))
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		want := "Email address is not verified. The following identities failed the check in region US-EAST-1: " + c.want
		if !fault.Is(err, fault.Rejected) || fault.PeerText(err) != want || len(w.kept) != 0 {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestWhatAMessageTakesOfTheQuotas(t *testing.T) {
	t.Parallel()
	w := &world{settings: setting.Values{QuotaMode: setting.Delay}}
	raw := "From: a@example.com\nTo: b@example.net, bounce@simulator.amazonses.com, b@example.net\n\nhello\n"
	s := submission(raw)
	if _, err := w.intake().Accept(ctx, s); err != nil {
		t.Fatal(err)
	}
	if want := (quota.Load{Recipients: 2, Simulated: 1, Bytes: len(s.Raw), Delay: true}); w.load != want {
		t.Errorf("%+v, want %+v", w.load, want)
	}
}

// TestASettingOfTheOwnersIdentityIsNotLookedUpAsTheDelegates sends with another's
// identity: an identity of the same name in the sender's account has nothing to say.
func TestASettingOfTheOwnersIdentityIsNotLookedUpAsTheDelegates(t *testing.T) {
	t.Parallel()
	w := shared()
	for _, s := range []intake.Submission{
		submission("From: a@example.org\nTo: x@example.net\n\nhello\n", func(s *intake.Submission) { s.ARNs.Source = ownedARN }),
		submission(simple),
	} {
		if _, err := w.intake().Accept(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"", "example.com"}; !slices.Equal(w.setFor, want) {
		t.Errorf("settings of %q, want %q", w.setFor, want)
	}
}

// TestAPausedOwnersIdentityDoesNotSendThroughDelegates, and it is told only to who may
// send with the identity, in the words for one that is not verified.
func TestAPausedOwnersIdentityDoesNotSendThroughDelegates(t *testing.T) {
	t.Parallel()
	w := shared()
	w.details = map[string]account.Details{owner.Account: {Enforcement: account.Shutdown}}
	send := func() error {
		_, err := w.intake().Accept(ctx, submission("From: a@example.org\nTo: x@example.net\n\nhello\n", func(s *intake.Submission) { s.ARNs.Source = ownedARN }))
		return err
	}
	const want = "Email address is not verified. The following identities failed the check in region US-EAST-1: example.org"
	if err := send(); !fault.Is(err, fault.Rejected) || fault.PeerText(err) != want || len(w.kept) != 0 || w.reserved != 0 {
		t.Errorf("paused: %v", err)
	}
	w.accessErr = fault.New(fault.AccessDenied, "no")
	if err := send(); !fault.Is(err, fault.AccessDenied) {
		t.Errorf("paused, to a stranger: %v", err)
	}
	w.accessErr, w.details = nil, map[string]account.Details{owner.Account: {Enforcement: account.Probation}}
	if err := send(); err != nil {
		t.Errorf("under review: %v", err)
	}
}
