// SPDX-License-Identifier: Apache-2.0

package suppression_test

import (
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
	"sesame/internal/core/suppression"
	"sesame/internal/proto/smtpclient"
)

// TestWhoComesBackGoesOnTheLists: a bounce always goes on the global list, and bounces and
// complaints on the account's by the settings that hold for the message.
func TestWhoComesBackGoesOnTheLists(t *testing.T) {
	type reasons = []suppression.Reason
	const b, c = suppression.Bounce, suppression.Complaint
	for _, cs := range []struct {
		what               string
		account            reasons
		set                *suppression.Policy
		bounce, complained bool // goes on the account's list
	}{
		{"a new account", nil, nil, true, true},
		{"bounces alone", reasons{b}, nil, true, false},
		{"complaints alone", reasons{c}, nil, false, true},
		{"an account that does not use its list", reasons{}, nil, false, false},
		{"a set for complaints alone", nil, &suppression.Policy{Override: true, Reasons: reasons{c}}, false, true},
		{"a set where the account does not use its list", reasons{}, &suppression.Policy{Override: true, Reasons: reasons{b}}, true, false},
		{"a set that overrides without reasons", nil, &suppression.Policy{Override: true}, false, false},
		{"a set that leaves it to the account", reasons{b}, &suppression.Policy{}, true, false},
		{"a set that is gone meanwhile", nil, nil, true, true},
	} {
		t.Run(cs.what, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				if cs.account != nil {
					must(t, w.SetReasons(ctx, sc, cs.account))
				}
				if cs.set != nil {
					w.sets["s"] = *cs.set
				}
				w.bounce(t, sc, "s", "b@example.com")
				w.complain(t, sc, "s", "c@example.com")
				_, err1 := w.Get(ctx, sc, "b@example.com")
				_, err2 := w.Get(ctx, sc, "c@example.com")
				if (err1 == nil) != cs.bounce || (err2 == nil) != cs.complained {
					t.Errorf("bounce: %v, complaint: %v", err1, err2)
				}
				if all, _, err := w.ListGlobal(ctx, scope.Scope{Region: sc.Region}, "", 10); err != nil || len(all) != 1 || all[0].Address != "b@example.com" {
					t.Errorf("global list %+v, %v", all, err)
				}
			})
		})
	}
}

func TestAnEntryOfTheServiceSaysWhy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.Put(ctx, sc, "b@example.com", suppression.Complaint))
		w.bounce(t, sc, "", "b@EXAMPLE.com")
		e, err := w.Get(ctx, sc, "b@example.com")
		must(t, err)
		if e.Reason != suppression.Bounce || e.Source != suppression.FromBounce || e.MessageID != "m-"+sc.Account || len(e.FeedbackID) != msgid.Len ||
			e.Response != "550 5.1.1 <x>: no such user, dear customer" || !e.UpdatedAt.Equal(start.Truncate(time.Millisecond)) {
			t.Errorf("%+v", e)
		}
		must(t, w.Put(ctx, sc, "b@example.com", suppression.Bounce))
		if e, err = w.Get(ctx, sc, "b@example.com"); err != nil || e.MessageID+e.FeedbackID+e.Response != "" || e.Source != suppression.Manual {
			t.Errorf("put by hand: %+v, %v", e, err)
		}
	})
}

// TestTheStayOnTheGlobalListGrows by each further bounce, to 14 days.
func TestTheStayOnTheGlobalListGrows(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.SetReasons(ctx, sc, nil))
		const to = "gone@example.com"
		blocked := func() bool { return w.suppressed(t, sc, suppression.Policy{}, to) != "" }
		for n, stay := range []time.Duration{day, 3 * day, 7 * day, 14 * day, 14 * day} {
			w.bounce(t, other, "", to)
			w.bounce(t, other, "", to) // of the same queue: it is one bounce
			w.clock.Advance(stay - time.Minute)
			if !blocked() {
				t.Errorf("bounce %d: free before %s", n+1, stay)
			}
			w.clock.Advance(2 * time.Minute)
			if blocked() {
				t.Errorf("bounce %d: not free after %s", n+1, stay)
			}
		}
		w.clock.Advance(91 * day)
		must(t, w.Clean(ctx))
		w.bounce(t, other, "", to)
		w.clock.Advance(day)
		if blocked() {
			t.Error("bounces of long ago are not forgotten")
		}
	})
}

func TestTheGlobalListIsOfARegionAndNobodysMailIsTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		far := scope.Scope{Account: sc.Account, Region: "eu-west-1"}
		for _, of := range []scope.Scope{sc, far} {
			must(t, w.SetReasons(ctx, of, nil))
		}
		w.bounce(t, other, "", "x@example.com")
		if w.suppressed(t, sc, suppression.Policy{}, "x@example.com") == "" || w.suppressed(t, far, suppression.Policy{}, "x@example.com") != "" {
			t.Error("the list is not that of its region")
		}
		if mine, _, err := w.ListGlobal(ctx, sc, "", 10); err != nil || len(mine) != 0 {
			t.Errorf("the account is told whose mail to others bounced: %+v, %v", mine, err)
		}
		if err := w.RemoveGlobal(ctx, sc, "x@example.com"); !fault.Is(err, fault.NotFound) {
			t.Errorf("another account's bounce was removed: %v", err)
		}
		if err := w.RemoveGlobal(ctx, other, "y@example.com"); !fault.Is(err, fault.NotFound) {
			t.Errorf("what is not there: %v", err)
		}
		must(t, w.RemoveGlobal(ctx, other, "x@Example.com"))
		if w.suppressed(t, sc, suppression.Policy{}, "x@example.com") != "" {
			t.Error("it is still there")
		}
		w.bounce(t, sc, "", "y@example.com")
		must(t, w.RemoveGlobal(ctx, scope.Scope{Region: sc.Region}, "y@example.com")) // the operator
	})
}

func TestTheSimulatorsAddressesGoOnNoList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.bounce(t, sc, "", "bounce@simulator.amazonses.com")
		if _, err := w.Get(ctx, sc, "bounce@simulator.amazonses.com"); !fault.Is(err, fault.NotFound) {
			t.Errorf("%v", err)
		}
	})
}

// TestWhoDoesNotExist tells bounces that name the recipient from all other refusals.
func TestWhoDoesNotExist(t *testing.T) {
	t.Parallel()
	type e = smtpclient.Enhanced
	const rcpt, dot, mail = smtpclient.CommandRcpt, smtpclient.CommandDot, smtpclient.CommandMail
	for _, c := range []struct {
		what    string
		command smtpclient.Command
		reply   string
		code    int
		e       e
		want    bool
	}{
		{"Gmail", rcpt, "550-5.1.1 The email account that you tried to reach does not exist.", 550, e{5, 1, 1}, true},
		{"Postfix", rcpt, "550 5.1.1 <x@example.com>: Recipient address rejected: User unknown in local recipient table", 550, e{5, 1, 1}, true},
		{"Exchange", rcpt, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", 550, e{5, 1, 10}, true},
		{"Exchange Online at its edge", rcpt, "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", 550, e{5, 4, 1}, true},
		{"Outlook.com", rcpt, "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", 550, e{5, 5, 0}, true},
		{"GMX", rcpt, "550 Requested action not taken: mailbox unavailable", 550, e{}, true},
		{"a disabled mailbox", rcpt, "550 5.2.1 The email account that you tried to reach is disabled.", 550, e{5, 2, 1}, true},
		{"exim", rcpt, "550 Unknown user", 550, e{}, true},
		{"a bad domain", rcpt, "550 5.1.2 <x@example.com>: Recipient address rejected: Domain not found", 550, e{5, 1, 2}, true},
		{"told after the message", dot, "550 5.1.1 no such user here", 550, e{5, 1, 1}, true},

		{"spam", dot, "550 5.7.1 Message rejected as spam", 550, e{5, 7, 1}, false},
		{"policy, in words that name a recipient", rcpt, "550 5.7.1 Recipient does not exist for you: policy", 550, e{5, 7, 1}, false},
		{"a block list", rcpt, "550 Service unavailable; client host [192.0.2.1] blocked using zen; no such user", 550, e{}, false},
		{"SPF", rcpt, "550 SPF check failed, recipient does not exist", 550, e{}, false},
		{"DMARC", dot, "550 5.7.26 Unauthenticated email is not accepted", 550, e{5, 7, 26}, false},
		{"the sender's address", mail, "550 5.1.8 Sender address rejected: Domain not found", 550, e{5, 1, 8}, false},
		{"the sender's address, told late", rcpt, "550 5.1.8 <a@b>: Sender address rejected: Domain not found", 550, e{5, 1, 8}, false},
		{"the sender's address without a code", rcpt, "550 Sender user unknown", 550, e{}, false},
		{"relaying", rcpt, "550 5.7.1 Relaying denied", 550, e{5, 7, 1}, false},
		{"relaying without a code", rcpt, "550 relay not permitted, user unknown", 550, e{}, false},
		{"full", rcpt, "552 5.2.2 Mailbox full", 552, e{5, 2, 2}, false},
		{"too large", dot, "552 5.3.4 Message too big", 552, e{5, 3, 4}, false},
		{"no reason", rcpt, "550 no", 550, e{}, false},
		{"words alone after the message", dot, "550 user unknown", 550, e{}, false},
		{"a transaction that failed", rcpt, "554 5.0.0 no such user", 554, e{5, 0, 0}, false},
		{"to MAIL FROM", mail, "550 5.1.1 no such user", 550, e{5, 1, 1}, false},
	} {
		o := &smtpclient.Outcome{Class: smtpclient.Permanent, Cause: smtpclient.CauseReply, Command: c.command, Code: c.code, Enhanced: c.e, Lines: []string{c.reply}}
		if got := suppression.NoRecipient(o); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
		o.Class = smtpclient.Temporary
		if suppression.NoRecipient(o) {
			t.Errorf("%s, for now: taken for good", c.what)
		}
	}
	for cause, want := range map[smtpclient.Cause]bool{
		smtpclient.CauseNullMX: true, smtpclient.CauseLoop: false, smtpclient.CausePrivate: false, smtpclient.CauseTLSRequired: false, smtpclient.CauseLiteral: false,
	} {
		o := &smtpclient.Outcome{Class: smtpclient.Permanent, Cause: cause, Command: smtpclient.CommandResolve, Enhanced: e{5, 1, 10}}
		if got := suppression.NoRecipient(o); got != want {
			t.Errorf("%s: %v", cause, got)
		}
	}
}

// TestTheListOfAPausedAccountIsKept90Days: the entries of an account that is paused go after 90
// days, unless it is let send again in time.
func TestTheListOfAPausedAccountIsKept90Days(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.Put(ctx, sc, "x@example.com", suppression.Bounce))
		there := func() bool {
			must(t, w.Clean(ctx))
			_, err := w.Get(ctx, sc, "x@example.com")
			return err == nil
		}
		w.paused = true
		for range 89 {
			w.clock.Advance(day)
			if !there() {
				t.Fatal("gone too early")
			}
		}
		w.paused = false
		if w.clock.Advance(day); !there() {
			t.Fatal("gone when it was let send again in time")
		}
		w.paused = true
		for range 90 {
			if w.clock.Advance(day); !there() {
				t.Fatal("the second pause did not begin anew")
			}
		}
		if w.clock.Advance(day); there() {
			t.Error("still there after 90 days")
		}
		if rs, err := w.Reasons(ctx, sc); err != nil || len(rs) != 2 {
			t.Errorf("the reasons have become %v, %v", rs, err)
		}
	})
}
