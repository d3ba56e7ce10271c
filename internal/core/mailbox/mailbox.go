// SPDX-License-Identifier: Apache-2.0

// Package mailbox is the built-in mailbox: what the catch-all of dev mode was given,
// kept in the store, listed, searched, waited for and read. It belongs to one account
// and keeps the newest mails up to a number and a size.
//
// Mail that Deliver has taken survives a power cut. Reading never fails because of
// what a mail holds: Parse shows as much of it as it can.
package mailbox

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Options say whose the mailbox is and bound it. A zero bound has the default.
type Options struct {
	DB      *store.DB
	Account string
	Region  string // of mail whose Message-ID names no region

	MaxMessages int           // 50,000; the oldest are removed, in steps of a twentieth
	MaxBytes    int64         // 4 GiB of messages, kept in the same way
	MaxWaits    int           // 100 Waits at once
	Poll        time.Duration // 1 s: how often a Wait looks for what others delivered

	Clock clock.Clock
	Log   *slog.Logger // nil: no log
}

// Mailbox is safe for concurrent use, by any number of processes on one database.
type Mailbox struct {
	db      *store.DB
	account string
	region  string
	poll    time.Duration
	now     clock.Clock
	log     *slog.Logger
	keep    *keeper
	waits   waiters
}

// New returns the mailbox of the account. It fails only for options that can't be.
func New(o Options) (*Mailbox, error) {
	if o.DB == nil || o.Clock == nil || !scope.ValidAccount(o.Account) || !scope.ValidRegion(o.Region) {
		return nil, errors.New("mailbox: a database, a clock, an account and a region are needed")
	}
	orDefault(&o.MaxMessages, 50_000)
	orDefault(&o.MaxBytes, 4<<30)
	orDefault(&o.MaxWaits, 100)
	orDefault(&o.Poll, time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Mailbox{
		db: o.DB, account: o.Account, region: o.Region, poll: o.Poll, now: o.Clock, log: o.Log,
		keep:  newKeeper(o.MaxMessages, o.MaxBytes),
		waits: waiters{most: o.MaxWaits, all: map[*waiter]struct{}{}},
	}, nil
}

func orDefault[T ~int | ~int64](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Account is whose the mailbox is.
func (m *Mailbox) Account() string { return m.account }

// Envelope is what the SMTP session said about a message.
type Envelope struct {
	From     address.Address // zero: the null reverse-path
	To       []address.Address
	RemoteIP netip.Addr // of the client; may be the zero value
	TLS      string     // for people, such as "TLS 1.3"; "" in clear
}

// Summary is a mail as it is listed.
type Summary struct {
	ID         string      // of the mail in the mailbox: decimal digits, growing
	Scope      scope.Scope // the region as the Message-ID names it
	MessageID  string      // what the sending API call answered; of other mail, the Message-ID without brackets
	From       string      // header field, decoded
	To         []string    // header field, decoded; at most 100
	Subject    string      // decoded; at most 1,000 bytes
	ReceivedAt time.Time   // milliseconds, UTC
	Size       int64       // octets of the message as it is stored
	Envelope   Envelope
}

// Deliver stores a message and returns its id. When the error is nil, the message is
// durable. An error of kind Unavailable means that there is no room or no database
// now. message is not kept.
func (m *Mailbox) Deliver(ctx context.Context, e Envelope, message []byte) (string, error) {
	r := newRow(m.account, m.region, e, message)
	r.receivedAt = store.Millis(m.now())
	err := m.db.Write(ctx, func(tx *store.Tx) error { return r.insert(tx, message) })
	if err != nil {
		return "", fault.Wrap("mailbox.Deliver", err)
	}
	m.waits.wake(r)
	m.retain(ctx, r.size)
	return strconv.FormatInt(r.seq, 10), nil
}

// keeper knows when old mail has to go: each time that a twentieth of a bound has
// been delivered by this process, so that the cost of looking is shared.
type keeper struct {
	messages, bytes           int64
	stepMessages, stepBytes   int64
	sinceMessages, sinceBytes atomic.Int64
	busy                      sync.Mutex
}

func newKeeper(messages int, bytes int64) *keeper {
	k := &keeper{messages: int64(messages), bytes: bytes}
	k.stepMessages, k.stepBytes = max(k.messages/20, 1), max(bytes/20, 1)
	k.sinceMessages.Store(k.stepMessages) // the first delivery looks: a former process may have left more
	return k
}

// retain removes the oldest mails beyond the bounds. The message that was just
// delivered is safe already, so a failure is logged, and the next step tries again.
func (m *Mailbox) retain(ctx context.Context, size int64) {
	k := m.keep
	n, b := k.sinceMessages.Add(1), k.sinceBytes.Add(size)
	if n < k.stepMessages && b < k.stepBytes || !k.busy.TryLock() {
		return
	}
	defer k.busy.Unlock()
	k.sinceMessages.Store(0)
	k.sinceBytes.Store(0)
	ctx = context.WithoutCancel(ctx)
	last, err := m.tooOld(ctx)
	if err == nil && last > 0 {
		_, err = m.deleteUpTo(ctx, last)
	}
	if err != nil {
		m.log.Warn("old mail was not removed from the mailbox", "error", err)
	}
}
