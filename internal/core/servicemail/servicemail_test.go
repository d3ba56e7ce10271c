// SPDX-License-Identifier: Apache-2.0

package servicemail_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/notice"
	"sesame/internal/core/servicemail"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

var (
	update = flag.Bool("update", false, "write the golden letters")

	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	home  = scope.Scope{Account: "123456789012", Region: "us-east-1"}
)

// world is a sender on a database, with fakes around it.
type world struct {
	db    *store.DB
	clock *clock.Fake
	log   bytes.Buffer

	mu         sync.Mutex
	sent       []sent
	accepted   chan struct{} // receives after each
	fail       error         // of intake
	contacts   map[string]string
	contactErr error
	identities map[string]identity.Identity
}

type sent struct {
	intake.Submission
	intake.Formatted
}

func newWorld(db *store.DB) *world {
	return &world{
		db: db, clock: clock.NewFake(start), accepted: make(chan struct{}, 100),
		contacts: map[string]string{home.Account: "owner@example.org"},
		identities: map[string]identity.Identity{
			"example.com": {Name: "example.com", Kind: identity.Domain, Verification: identity.Success,
				MailFrom: identity.MailFrom{Domain: "bounce.example.com", Behavior: identity.RejectMessage}},
			"user@example.net":     {Name: "user@example.net", Kind: identity.Address, Verification: identity.Pending},
			"verified@example.net": {Name: "verified@example.net", Kind: identity.Address, Verification: identity.Success},
		},
	}
}

func (w *world) AcceptFormatted(_ context.Context, s intake.Submission, f intake.Formatted) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return "", w.fail
	}
	w.sent = append(w.sent, sent{s, f})
	w.accepted <- struct{}{}
	return "id", nil
}

func (w *world) Contact(_ context.Context, account string) (string, error) {
	return w.contacts[account], w.contactErr
}

func (w *world) Get(_ context.Context, _ scope.Scope, name string) (identity.Identity, error) {
	id, ok := w.identities[name]
	if !ok {
		return id, fault.New(fault.NotFound, "none")
	}
	return id, nil
}

func (w *world) URL(sc scope.Scope, address, template string) (string, error) {
	return "https://mail.example.com/verify/" + sc.Region + "?<" + address + template + ">", nil
}

// records are what an owner of example.com is to publish.
func records(id identity.Identity) []identity.Record {
	if id.Kind != identity.Domain {
		return nil
	}
	return []identity.Record{
		{Name: "abc._domainkey.example.com", Type: "CNAME", Value: "abc.dkim.ses.example.net", Purpose: identity.ForDKIM, Required: true},
		{Name: "bounce.example.com", Type: "MX", Value: "10 feedback-smtp.us-east-1.ses.example.net", Purpose: identity.ForMailFrom, Required: true},
		{Name: "bounce.example.com", Type: "TXT", Value: `v=spf1 include:ses.example.net ~all`, Purpose: identity.ForSPF},
		{Name: "_dmarc.example.com", Type: "TXT", Value: "v=DMARC1; p=none;", Purpose: identity.ForDMARC},
	}
}

func (w *world) sender() *servicemail.Sender {
	return servicemail.New(servicemail.Options{
		Queue:  &notice.Queue{DB: w.db, Clock: w.clock.Now, LeaseFor: servicemail.LeaseFor},
		Intake: w, Contacts: w, Identities: w, Records: records, Links: w,
		From: "Sesame <no-reply@mail.example.com>", Clock: w.clock.Now, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
}

func (w *world) add(t *testing.T, n notice.Notice) {
	t.Helper()
	if n.Scope == (scope.Scope{}) {
		n.Scope = home
	}
	n.At = start
	if err := w.db.Write(t.Context(), func(tx *store.Tx) error { return notice.Append(tx, n) }); err != nil {
		t.Fatal(err)
	}
}

func (w *world) left(t *testing.T) (n int) {
	t.Helper()
	if err := w.db.QueryRow(t.Context(), `SELECT count(*) FROM notices`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func work(t *testing.T, s *servicemail.Sender) int {
	t.Helper()
	n, err := s.Work(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLetters compares the letter of every kind with its golden file.
func TestLetters(t *testing.T) {
	t.Parallel()
	until := start.Add(72 * time.Hour)
	for _, n := range []notice.Notice{
		{Kind: notice.VerifyAddress, Identity: "user@example.net"},
		{Kind: notice.DomainVerified, Identity: "example.com"},
		{Kind: notice.DomainFailed, Identity: "example.com"},
		{Kind: notice.DKIMSuccess, Identity: "example.com"},
		{Kind: notice.DKIMWarning, Identity: "example.com", Detail: notice.Detail{Until: until}},
		{Kind: notice.DKIMFailed, Identity: "example.com"},
		{Kind: notice.MailFromSuccess, Identity: "example.com", Detail: notice.Detail{Domain: "bounce.example.com"}},
		{Kind: notice.MailFromPending, Identity: "example.com", Detail: notice.Detail{Domain: "bounce.example.com", Until: until}},
		{Kind: notice.MailFromTemporary, Identity: "example.com", Detail: notice.Detail{Domain: "bounce.example.com", Until: until}},
		{Kind: notice.MailFromFailed, Identity: "deleted.example.com", Detail: notice.Detail{Domain: "bounce.example.com"}},
		{Kind: notice.SendingPaused, Detail: notice.Detail{Text: "Reason: bounces & <complaints>."}},
		{Kind: notice.SendingResumed},
		{Kind: notice.SendingPaused, Detail: notice.Detail{Text: "Unpaid.", Everywhere: true}},
		{Kind: notice.SendingResumed, Detail: notice.Detail{Everywhere: true}},
		{Kind: notice.ReviewEnded, Detail: notice.Detail{Text: "It was granted."}},
		{Kind: notice.QuotaChanged, Detail: notice.Detail{Text: "From 200 to 50000 messages in 24 hours."}},
	} {
		name := string(n.Kind)
		if n.Detail.Everywhere {
			name += "Everywhere"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(storetest.SQLite(t))
			w.add(t, n)
			if work(t, w.sender()) != 1 || len(w.sent) != 1 || w.left(t) != 0 {
				t.Fatalf("sent %d, left %d: %s", len(w.sent), w.left(t), w.log.String())
			}
			m := w.sent[0]
			if !m.System || m.Scope != home || m.Operation != string(n.Kind) || m.From != "Sesame <no-reply@mail.example.com>" ||
				len(m.Headers) != 1 || m.Headers[0].Name != "Auto-Submitted" {
				t.Errorf("%+v", m)
			}
			text := fmt.Sprintf("To: %s\nSubject: %s\n\n%s\n--- as HTML ---\n%s", m.To[0], m.Subject.Data, m.Text.Data, m.HTML.Data)
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want, err := os.ReadFile(golden); err != nil || string(want) != text {
				t.Errorf("the letter is not %s (%v):\n%s", golden, err, text)
			}
		})
	}
}

func TestTheSubjectOfAVerificationMail(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"us-east-1": "Amazon Web Services - Email Address Verification Request in region US East (N. Virginia)",
		"eu-west-1": "Amazon Web Services - Email Address Verification Request in region Europe (Ireland)",
		"moon-1":    "Amazon Web Services - Email Address Verification Request in region moon-1",
	} {
		w := newWorld(storetest.SQLite(t))
		w.add(t, notice.Notice{Scope: scope.Scope{Account: home.Account, Region: region}, Kind: notice.VerifyAddress, Identity: "user@example.net"})
		work(t, w.sender())
		if len(w.sent) != 1 || w.sent[0].Subject.Data != want || w.sent[0].To[0] != "user@example.net" {
			t.Errorf("%s: %+v", region, w.sent)
		}
	}
}

func TestWhoIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(storetest.SQLite(t))
	s := w.sender()
	silent := scope.Scope{Account: "210987654321", Region: "us-east-1"}
	for range 3 {
		w.add(t, notice.Notice{Scope: silent, Kind: notice.DomainVerified, Identity: "example.com"})
	}
	w.add(t, notice.Notice{Kind: notice.VerifyAddress, Identity: "verified@example.net"}) // it was, since
	work(t, s)
	if len(w.sent) != 0 || w.left(t) != 0 || s.Stats() != (servicemail.Stats{Dropped: 4}) {
		t.Errorf("sent %d, left %d, %+v", len(w.sent), w.left(t), s.Stats())
	}
	if n := strings.Count(w.log.String(), "no contact address"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, w.log.String())
	}
	// An identity that this node does not see yet, or that was deleted, is still asked.
	w.add(t, notice.Notice{Kind: notice.VerifyAddress, Identity: "new@example.net"})
	work(t, s)
	if len(w.sent) != 1 {
		t.Errorf("sent %d", len(w.sent))
	}
}

func TestWhatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		s := w.sender()
		w.add(t, notice.Notice{Kind: notice.VerifyAddress, Identity: "user@example.net"})
		w.fail = fault.New(fault.Unavailable, "no room")
		var waits []time.Duration
		for range 12 {
			before := w.clock.Now()
			for work(t, s) == 0 {
				w.clock.Advance(15 * time.Second)
			}
			waits = append(waits, w.clock.Now().Sub(before))
		}
		if waits[1] != 15*time.Second || waits[2] != 30*time.Second || waits[11] != time.Hour {
			t.Errorf("waited %v", waits)
		}
		w.fail = nil
		w.clock.Advance(time.Hour)
		work(t, s)
		if len(w.sent) != 1 || w.left(t) != 0 || s.Stats() != (servicemail.Stats{Sent: 1, Failed: 12}) {
			t.Errorf("sent %d, left %d, %+v", len(w.sent), w.left(t), s.Stats())
		}

		w.add(t, notice.Notice{Kind: notice.DomainVerified, Identity: "example.com"})
		w.contactErr = errors.New("the database is down")
		work(t, s)
		if w.left(t) != 1 {
			t.Error("a notice whose reader can't be looked up is lost")
		}
	})
}

func TestAnAddressThatTakesNoMailHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	w := newWorld(storetest.SQLite(t))
	s := w.sender()
	w.fail = fault.InField(fault.Invalid, "Destination.ToAddresses", "Illegal address")
	w.add(t, notice.Notice{Kind: notice.VerifyAddress, Identity: "user@example.net"})
	w.add(t, notice.Notice{Kind: "Unknown"})
	work(t, s)
	if w.left(t) != 0 || s.Stats().Dropped != 2 || strings.Count(w.log.String(), "level=ERROR") != 2 {
		t.Errorf("left %d, %+v: %s", w.left(t), s.Stats(), w.log.String())
	}
}

// TestACrashSendsTwice: the letter is durable, but the node dies before it removes the
// notice. It is sent again when the lease has run out: at least once.
func TestACrashSendsTwice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		w.add(t, notice.Notice{Kind: notice.VerifyAddress, Identity: "user@example.net"})
		ctx, crash := context.WithCancel(t.Context())
		crashing := servicemail.New(servicemail.Options{
			Queue: &notice.Queue{DB: w.db, Clock: w.clock.Now, LeaseFor: servicemail.LeaseFor}, Contacts: w, Identities: w, Records: records, Links: w,
			Intake: intakeFunc(func(ctx context.Context, s intake.Submission, f intake.Formatted) (string, error) {
				defer crash() // nothing more reaches the database
				return w.AcceptFormatted(ctx, s, f)
			}),
			From: "no-reply@mail.example.com", Clock: w.clock.Now, Log: slog.New(slog.DiscardHandler),
		})
		if _, err := crashing.Work(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		s := w.sender()
		if n := work(t, s); n != 0 {
			t.Errorf("%d notices are due while the lease lasts", n)
		}
		w.clock.Advance(servicemail.LeaseFor)
		work(t, s)
		if len(w.sent) != 2 || w.left(t) != 0 {
			t.Errorf("sent %d times, left %d", len(w.sent), w.left(t))
		}
	})
}

type intakeFunc func(ctx context.Context, s intake.Submission, f intake.Formatted) (string, error)

func (f intakeFunc) AcceptFormatted(ctx context.Context, s intake.Submission, m intake.Formatted) (string, error) {
	return f(ctx, s, m)
}

func TestTwoNodesSendOneMailEach(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		const all = 50
		for i := range all {
			w.add(t, notice.Notice{Kind: notice.VerifyAddress, Identity: fmt.Sprintf("u%d@example.net", i)})
		}
		var nodes sync.WaitGroup
		for range 2 {
			s := w.sender()
			nodes.Go(func() {
				for {
					n, err := s.Work(t.Context())
					if err != nil {
						t.Error(err)
					}
					if n == 0 {
						return
					}
				}
			})
		}
		nodes.Wait()
		seen := map[string]bool{}
		for _, m := range w.sent {
			seen[m.To[0]] = true
		}
		if len(w.sent) != all || len(seen) != all || w.left(t) != 0 {
			t.Errorf("%d mails to %d addresses, %d left", len(w.sent), len(seen), w.left(t))
		}
	})
}

// TestTheBellWakesTheSender would wait for the next look into the database otherwise.
func TestTheBellWakesTheSender(t *testing.T) {
	t.Parallel()
	w := newWorld(storetest.SQLite(t))
	ctx, stop := context.WithCancel(t.Context())
	s := w.sender()
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	for range 3 {
		w.add(t, notice.Notice{Kind: notice.VerifyAddress, Identity: "user@example.net"})
		select {
		case <-w.accepted:
		case <-time.After(10 * time.Second):
			t.Error("not sent")
		}
	}
	stop()
	<-done
}
