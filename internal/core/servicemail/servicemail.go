// SPDX-License-Identifier: Apache-2.0

// Package servicemail sends the service's own mail: it takes the notices that are due,
// writes a letter for each and hands it to intake. A notice is removed after its letter is
// durable, so that a crash between the two sends it twice and none is lost.
package servicemail

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/notice"
	"sesame/internal/proto/message"
)

// Intake accepts messages.
type Intake interface {
	AcceptFormatted(ctx context.Context, s intake.Submission, f intake.Formatted) (id string, err error)
}

// Contacts knows where an account wants to be told: "" or NotFound is nowhere.
type Contacts interface {
	Contact(ctx context.Context, account string) (address string, err error)
}

// Identities tells what a notice is about.
type Identities interface {
	Get(ctx context.Context, sc scope.Scope, name string) (identity.Identity, error)
}

// Records lists the DNS records that the owner of an identity should publish.
type Records func(id identity.Identity) []identity.Record

// Links makes the links of verification mails.
type Links interface {
	URL(sc scope.Scope, address, template string) (string, error)
}

// Options configure a Sender. All are required.
type Options struct {
	Queue      *notice.Queue
	Intake     Intake
	Contacts   Contacts
	Identities Identities
	Records    Records
	Links      Links
	From       string // a mailbox: "Sesame <no-reply@example.com>"
	Clock      clock.Clock
	Log        *slog.Logger
}

const (
	batch    = 20
	poll     = 15 * time.Second // for notices of other nodes, and those put off
	firstTry = 15 * time.Second // wait after the first failure; it doubles
	lastTry  = time.Hour        // and ends here

	maxSilent = 10_000 // accounts without a contact that are remembered
)

// LeaseFor is a lease that is longer than a batch takes.
const LeaseFor = 5 * time.Minute

// Stats are counters since the start.
type Stats struct {
	Sent    int64 // letters handed to intake
	Dropped int64 // notices to accounts without a contact address, or about what is no more
	Failed  int64 // tries that failed; the notice is tried again
}

// Sender sends the letters. It is safe for concurrent use.
type Sender struct {
	o Options

	sent, dropped, failed atomic.Int64

	mu     sync.Mutex
	silent map[string]bool // accounts that were logged to have no contact
}

// New returns a sender; Run starts it.
func New(o Options) *Sender { return &Sender{o: o, silent: map[string]bool{}} }

// Stats returns the present counters.
func (s *Sender) Stats() Stats { return Stats{s.sent.Load(), s.dropped.Load(), s.failed.Load()} }

// Run sends what is due until ctx ends: at once what this node commits, and within a
// quarter of a minute what other nodes leave.
func (s *Sender) Run(ctx context.Context) {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		for n := batch; n == batch && ctx.Err() == nil; {
			var err error
			if n, err = s.Work(ctx); err != nil && ctx.Err() == nil {
				s.o.Log.Error("the service's own mail waits", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-s.o.Queue.Bell():
		case <-ticker.C:
		}
	}
}

// Work sends one batch of what is due now and returns how many notices it was. Its error
// is the database's; a letter that can't be sent is tried again later.
func (s *Sender) Work(ctx context.Context) (int, error) {
	due, err := s.o.Queue.Lease(ctx, batch)
	for _, l := range due {
		if err := s.one(ctx, l); err != nil {
			return len(due), err
		}
	}
	return len(due), err
}

// one sends one letter and removes its notice.
func (s *Sender) one(ctx context.Context, l notice.Leased) error {
	err := s.send(ctx, l.Notice)
	switch {
	case err == nil:
		return s.o.Queue.Done(ctx, l)
	case ctx.Err() != nil: // the server stops: the notice is due for whoever comes next
		return s.o.Queue.Later(context.WithoutCancel(ctx), l, s.o.Clock())
	case fault.Is(err, fault.Invalid) || fault.Is(err, fault.Rejected) || fault.Is(err, fault.TooLarge):
		// It will be as wrong the next time: an address that takes no mail.
		s.dropped.Add(1)
		s.o.Log.Error("a notice can't be sent", "kind", l.Kind, "scope", l.Scope, "identity", l.Identity, "error", err)
		return s.o.Queue.Done(ctx, l)
	}
	s.failed.Add(1)
	wait := min(firstTry<<min(l.Attempt-1, 10), lastTry)
	s.o.Log.Warn("a notice is sent later", "kind", l.Kind, "scope", l.Scope, "identity", l.Identity, "in", wait, "error", err)
	return s.o.Queue.Later(ctx, l, s.o.Clock().Add(wait))
}

// send writes the letter of n and hands it to intake. Where there is nobody to tell, or
// nothing any more, it does nothing.
func (s *Sender) send(ctx context.Context, n notice.Notice) error {
	to, err := s.recipient(ctx, n)
	if err != nil || to == "" {
		return err
	}
	l, err := s.letter(ctx, n)
	if err != nil {
		return err
	}
	if l.empty() {
		s.dropped.Add(1)
		return nil
	}
	text, html := l.text(), l.html()
	_, err = s.o.Intake.AcceptFormatted(ctx, intake.Submission{
		Scope: n.Scope, Operation: string(n.Kind), MaxBytes: intake.MaxBytesV1, System: true,
	}, intake.Formatted{
		From: s.o.From, To: []string{to}, Subject: message.Content{Data: l.subject},
		Text: &message.Content{Data: text}, HTML: &message.Content{Data: html},
		Headers: []message.NameValue{{Name: "Auto-Submitted", Value: "auto-generated"}}, // RFC 3834 §5
	})
	if err == nil {
		s.sent.Add(1)
	}
	return err
}

// recipient is who is told: the address itself, or the account's contact; "" is nobody.
func (s *Sender) recipient(ctx context.Context, n notice.Notice) (string, error) {
	if n.Kind == notice.VerifyAddress {
		return n.Identity, nil
	}
	to, err := s.o.Contacts.Contact(ctx, n.Scope.Account)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", err
	}
	if err != nil || to == "" {
		s.dropped.Add(1)
		if s.firstSilent(n.Scope.Account) {
			s.o.Log.Warn("the account has no contact address, so that nobody hears its notices", "account", n.Scope.Account, "kind", n.Kind)
		}
		return "", nil
	}
	return to, nil
}

// firstSilent reports whether the account is found without a contact for the first time.
func (s *Sender) firstSilent(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent[account] || len(s.silent) >= maxSilent {
		return false
	}
	s.silent[account] = true
	return true
}
