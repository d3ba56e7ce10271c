// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/keyring"
	"sesame/internal/core/notice"
	"sesame/internal/core/servicemail"
	"sesame/internal/core/verification"
	"sesame/internal/core/zone"
	"sesame/internal/proto/dns"
	"sesame/internal/proto/rsasign"
	"sesame/internal/testkit/storetest"
	"sesame/test/harness"
)

// The identities of these tests, and who hears of them.
const (
	proven    = "example.com"      // a domain whose records come and go
	never     = "example.org"      // a domain whose records are never published
	nobody    = "user@example.net" // an address whose link is never used
	contact   = "owner@example.edu"
	mailFrom  = "bounce.example.com"
	deadlines = "2 January 2006, 15:04" // how letters write a time
)

var here = scope.Scope{Account: harness.Account, Region: harness.Region}

// clocked is what a server does about statuses, from the database to the letters, with a
// clock that stands still until a test moves it. DNS is a real server's.
type clocked struct {
	*identity.Identities

	t        *testing.T
	clock    *clock.Fake
	checker  *identity.Checker
	signers  *identity.Signers
	mail     *servicemail.Sender
	customer *harness.NameServer

	mu      sync.Mutex
	letters []letter // handed to intake and not looked at yet
}

// letter is a mail of the service.
type letter struct{ kind, to, text string }

// about is the identity that a letter names.
func (l letter) about() string {
	for _, name := range []string{proven, never, nobody} {
		if strings.Contains(l.text, name) {
			return name
		}
	}
	return "none of them"
}

func newClocked(t *testing.T, customer *harness.NameServer) *clocked {
	t.Helper()
	w := &clocked{t: t, customer: customer, clock: clock.NewFake(time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC))}
	db, ring, log := storetest.SQLite(t), keyring.Ephemeral(), slog.New(slog.DiscardHandler)
	// The resolver remembers answers by the same clock, as long as the zone says.
	resolver, err := dns.New(dns.Options{Servers: []string{customer.Addr}, Clock: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	names := zone.Names{Zone: serviceZone}
	w.Identities = identity.New(identity.Options{
		DB: db, Seal: ring, Clock: w.clock.Now, Random: rand.Reader, Resolver: resolver, Names: names,
		Signatures: func(context.Context, scope.Scope, string, string) (identity.Signatures, error) {
			return identity.Signatures{}, nil // the domain's own alone
		},
	})
	w.checker = identity.NewChecker(w.Identities, log)
	w.signers = identity.NewSigners(w.Identities, rsasign.Open(rsasign.Options{}))
	accounts := account.New(db, ring, w.clock.Now, rand.Reader)
	if _, err := accounts.CreateUser(t.Context(), account.NewUser{Account: here.Account, Name: "owner"}); err != nil {
		t.Fatal(err)
	}
	if err := accounts.SetContact(t.Context(), here.Account, contact); err != nil {
		t.Fatal(err)
	}
	w.mail = servicemail.New(servicemail.Options{
		Queue:  &notice.Queue{DB: db, Clock: w.clock.Now, LeaseFor: servicemail.LeaseFor},
		Intake: w, Contacts: accounts, Identities: w.Identities,
		Records: func(id identity.Identity) []identity.Record { return w.Expected(id, names) },
		Links:   &verification.Links{Wrap: ring, Clock: w.clock.Now, Base: "https://mail.example.edu"},
		From:    "no-reply@mail.example.edu", Clock: w.clock.Now, Log: log,
	})
	return w
}

// AcceptFormatted is the intake, which keeps the letters.
func (w *clocked) AcceptFormatted(_ context.Context, s intake.Submission, f intake.Formatted) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.letters = append(w.letters, letter{s.Operation, strings.Join(f.To, " "), f.Subject.Data + "\n" + f.Text.Data})
	return "id", nil
}

func (w *clocked) create(name string) {
	w.t.Helper()
	// Keys that are made quickly.
	if _, err := w.Create(w.t.Context(), here, name, identity.Settings{DKIM: identity.DKIMSetup{NextBits: 1024}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *clocked) setMailFrom() {
	w.t.Helper()
	if err := w.SetMailFrom(w.t.Context(), here, proven, mailFrom, identity.UseDefault); err != nil {
		w.t.Fatal(err)
	}
}

func (w *clocked) get(name string) identity.Identity {
	w.t.Helper()
	id, err := w.Get(w.t.Context(), here, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// statuses are those of an identity as GetEmailIdentity shows them.
func (w *clocked) statuses(name string) string {
	w.t.Helper()
	id := w.get(name)
	return fmt.Sprintf("%s DKIM %s MAIL FROM %s", id.Verification, id.DKIM, cmp.Or(id.MailFrom.Status, "none"))
}

// work does what is due now: the looks at DNS, then the letters.
func (w *clocked) work() {
	w.t.Helper()
	if _, err := w.checker.Round(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for n := 1; n > 0; {
		var err error
		if n, err = w.mail.Work(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	if s := w.mail.Stats(); s.Failed != 0 || s.Dropped != 0 {
		w.t.Errorf("letters: %+v", s)
	}
	if s := w.checker.Stats(); s.Failures != 0 {
		w.t.Errorf("checks: %+v", s)
	}
}

// pass lets d go by. All that falls due meanwhile is done at its time.
func (w *clocked) pass(d time.Duration) {
	w.t.Helper()
	end := w.clock.Now().Add(d)
	for {
		ids, _, err := w.List(w.t.Context(), here, "", "", 100)
		if err != nil {
			w.t.Fatal(err)
		}
		next := end
		for _, id := range ids {
			if at := id.Check.Next; !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		w.clock.Advance(max(0, next.Sub(w.clock.Now())))
		w.work()
		if next.Equal(end) {
			return
		}
	}
}

// skip lets d go by with the server off: what has fallen due is done at the end.
func (w *clocked) skip(d time.Duration) {
	w.t.Helper()
	w.clock.Advance(d)
	w.work()
}

// told takes the letters since the last call, as "KIND NAME", sorted, and checks who they
// are to and that a warning says how long there is time: 72 hours from now.
func (w *clocked) told() []string {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	got := []string{}
	for _, l := range w.letters {
		name, to := l.about(), contact
		if name == nobody {
			to = nobody
		}
		if l.to != to {
			w.t.Errorf("%s about %s went to %q, want %q", l.kind, name, l.to, to)
		}
		if l.kind == string(notice.VerifyAddress) && !strings.Contains(l.text, "https://mail.example.edu"+verification.Path) {
			w.t.Errorf("no link for %s:\n%s", name, l.text)
		}
		deadline := w.clock.Now().Add(72*time.Hour).Format(deadlines) + " UTC"
		warns := l.kind == string(notice.DKIMWarning) || l.kind == string(notice.MailFromTemporary)
		if warns && !strings.Contains(l.text, "back by "+deadline) {
			w.t.Errorf("%s does not name %s:\n%s", l.kind, deadline, l.text)
		}
		got = append(got, l.kind+" "+name)
	}
	w.letters = nil
	slices.Sort(got)
	return got
}

// signed reports whether mail of the domain is signed, and whether it may be sent at all.
func (w *clocked) signed() (signed, sent bool) {
	w.t.Helper()
	from, err := address.Parse("news@" + proven)
	if err != nil {
		w.t.Fatal(err)
	}
	signers, err := w.signers.For(w.t.Context(), here, from, "")
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.ResolveDomain(w.t.Context(), here, proven)
	return len(signers) > 0, err == nil
}

// publishKeys puts the keys into the service's zone.
func (w *clocked) publishKeys() {
	w.t.Helper()
	keys, err := w.KeyRecords(w.t.Context(), "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	var lines []string
	for _, id := range []string{proven, never} {
		for _, token := range w.get(id).Tokens() {
			txt, ok, err := w.KeyRecord(w.t.Context(), token)
			if err != nil || !ok {
				w.t.Fatalf("no key for %s: %v", token, err)
			}
			lines = append(lines, fmt.Sprintf("update add %s.dkim.%s. 5 TXT %q", token, serviceZone, txt))
		}
	}
	if len(lines) != len(keys) {
		w.t.Errorf("%d of %d keys", len(lines), len(keys))
	}
	w.customer.Update(lines...)
}

// publish adds the records that a status of the domain depends on, or deletes them.
func (w *clocked) publish(verb string) {
	w.t.Helper()
	var lines []string
	id := w.get(proven)
	for _, r := range w.Expected(id, w.Names()) {
		if r.Required {
			lines = append(lines, "update "+verb+" "+r.Name+". 5 "+r.Type+" "+r.Value+".")
		}
	}
	if len(lines) != 4 {
		w.t.Fatalf("records of %s: %q", proven, lines)
	}
	if verb == "delete" {
		for n := range lines {
			lines[n] = strings.Replace(lines[n], " 5 ", " ", 1)
		}
	}
	w.customer.Update(lines...)
}

// secondMX leads to a host that exists: BIND takes no other into its zone.
const secondMX = mailFrom + ". 5 MX 20 ns." + proven + "."

// step is something that happens, and what everybody sees afterwards.
type step struct {
	name   string
	do     func(*clocked)
	want   string   // statuses of the domain whose records come and go
	never  string   // of the domain that is never published
	nobody string   // of the address
	told   []string // each letter since the step before, once
	signed bool
	sent   bool
}

const (
	allPending   = "PENDING DKIM PENDING MAIL FROM PENDING"
	allSuccess   = "SUCCESS DKIM SUCCESS MAIL FROM SUCCESS"
	allTemporary = "TEMPORARY_FAILURE DKIM TEMPORARY_FAILURE MAIL FROM TEMPORARY_FAILURE"
	allFailed    = "FAILED DKIM FAILED MAIL FROM FAILED"

	domainPending  = "PENDING DKIM PENDING MAIL FROM none"
	domainFailed   = "FAILED DKIM FAILED MAIL FROM none"
	addressPending = "PENDING DKIM NOT_STARTED MAIL FROM none"
	addressFailed  = "FAILED DKIM NOT_STARTED MAIL FROM none"
)

// life is what happens to three identities in about two weeks, from their making on.
func life() []step {
	return []step{
		{"the identities are made", func(w *clocked) {
			w.create(proven)
			w.setMailFrom()
			w.create(never)
			w.create(nobody)
			w.publishKeys()
			w.work()
		}, allPending, domainPending, addressPending, []string{"MailFromPending " + proven, "VerifyAddress " + nobody}, false, false},

		{"the records are published, with a second MX", func(w *clocked) {
			w.publish("add")
			w.customer.Update("update add " + secondMX)
			w.pass(15 * time.Minute)
		}, "SUCCESS DKIM SUCCESS MAIL FROM PENDING", domainPending, addressPending, []string{"DKIMSuccess " + proven, "DomainVerified " + proven}, true, true},

		{"the second MX goes", func(w *clocked) {
			w.customer.Update("update delete " + strings.Replace(secondMX, " 5 ", " ", 1))
			w.pass(15 * time.Minute)
		}, allSuccess, domainPending, addressPending, []string{"MailFromSuccess " + proven}, true, true},

		{"the last second of the address's 24 hours begins", func(w *clocked) { w.pass(24*time.Hour - 30*time.Minute - time.Second) },
			allSuccess, domainPending, addressPending, nil, true, true},
		{"it ends", func(w *clocked) { w.pass(time.Second) }, allSuccess, domainPending, addressFailed, nil, true, true},

		{"the last second of the domain's 72 hours begins", func(w *clocked) { w.pass(48*time.Hour - time.Second) },
			allSuccess, domainPending, addressFailed, nil, true, true},
		{"it ends", func(w *clocked) { w.pass(time.Second) },
			allSuccess, domainFailed, addressFailed, []string{"DKIMFailed " + never, "DomainFailed " + never}, true, true},

		{"the records vanish", func(w *clocked) { w.publish("delete"); w.vanish() },
			allTemporary, domainFailed, addressFailed, []string{"DKIMWarning " + proven, "MailFromTemporary " + proven}, true, true},
		{"they are back within 72 hours", func(w *clocked) { w.skip(71 * time.Hour); w.publish("add"); w.pass(15 * time.Minute) },
			allSuccess, domainFailed, addressFailed, []string{"DKIMSuccess " + proven, "MailFromSuccess " + proven}, true, true},

		{"they vanish again", func(w *clocked) { w.publish("delete"); w.vanish() },
			allTemporary, domainFailed, addressFailed, []string{"DKIMWarning " + proven, "MailFromTemporary " + proven}, true, true},
		{"the last second of 72 hours begins", func(w *clocked) { w.pass(2 * time.Hour); w.skip(70*time.Hour - time.Second) },
			allTemporary, domainFailed, addressFailed, nil, true, true},
		{"it ends: mail is not signed, and not sent", func(w *clocked) { w.pass(time.Second) }, allFailed, domainFailed, addressFailed,
			[]string{"DKIMFailed " + proven, "DomainFailed " + proven, "MailFromFailed " + proven}, false, false},

		{"they are back too late: nobody looks", func(w *clocked) { w.publish("add"); w.pass(48 * time.Hour) },
			allFailed, domainFailed, addressFailed, nil, false, false},
		{"everything is started anew", func(w *clocked) {
			if _, err := w.SetDKIM(w.t.Context(), here, proven, identity.DKIMSetup{}); err != nil {
				w.t.Fatal(err)
			}
			w.setMailFrom()
			w.work()
		}, allSuccess, domainFailed, addressFailed, []string{"DKIMSuccess " + proven, "DomainVerified " + proven,
			"MailFromPending " + proven, "MailFromSuccess " + proven}, true, true},

		{"an MX is added to the one in use", func(w *clocked) { w.customer.Update("update add " + secondMX); w.vanish() },
			"SUCCESS DKIM SUCCESS MAIL FROM TEMPORARY_FAILURE", domainFailed, addressFailed, []string{"MailFromTemporary " + proven}, true, true},
	}
}

// vanish waits for the look that sees what has gone: every 4 hours there is one. It ends
// at that look, so that a deadline counts from now.
func (w *clocked) vanish() {
	w.t.Helper()
	w.pass(w.get(proven).Check.Next.Sub(w.clock.Now()))
}

// TestStatusesFollowDNSAndTheClock takes identities through every status that DNS and
// time give them, at the second at which they change (SES: identity statuses, custom MAIL
// FROM set-up states), with what their account is told of it.
func TestStatusesFollowDNSAndTheClock(t *testing.T) {
	t.Parallel()
	for _, program := range nameServers {
		t.Run(program.name, func(t *testing.T) {
			t.Parallel()
			w := newClocked(t, program.start(t, harness.NameServerOptions{Zones: []string{proven, never, serviceZone}}))
			for n, s := range life() {
				s.do(w)
				w.expect(fmt.Sprintf("%d, %s", n, s.name), s)
			}
		})
	}
}

func (w *clocked) expect(at string, s step) {
	w.t.Helper()
	for name, want := range map[string]string{proven: s.want, never: s.never, nobody: s.nobody} {
		if got := w.statuses(name); got != want {
			w.t.Errorf("%s: %s is %s, want %s", at, name, got, want)
		}
		c := w.get(name).Check
		if zone := c.SOA.Primary != ""; zone && (c.SOA.Primary != "ns."+name || c.SOA.Admin != "hostmaster."+name || c.SOA.Serial == 0) || zone && name == nobody {
			w.t.Errorf("%s: %s is in a zone that starts with %+v", at, name, c.SOA)
		} else if !zone && name == never && !c.At.IsZero() {
			w.t.Errorf("%s: the zone of %s was not seen", at, name)
		}
	}
	if got := w.told(); !slices.Equal(got, s.told) {
		w.t.Errorf("%s: told %q, want %q", at, got, s.told)
	}
	if signed, sent := w.signed(); signed != s.signed || sent != s.sent {
		w.t.Errorf("%s: signed %v, sent %v; want %v, %v", at, signed, sent, s.signed, s.sent)
	}
}
