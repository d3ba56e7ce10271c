// SPDX-License-Identifier: Apache-2.0

// Package spool keeps what was accepted until each recipient has its outcome.
//
// Accept, Lease, Release and Settle are the only changes, each one commit with the
// events that it makes. A recipient is queued (due at a time), leased (one node is
// about to try it; the attempt is recorded before anything is dialled) or in one of
// the final states, which it never leaves. A lease ends by Settle or Release, or it
// runs out; nothing is ever dropped for a stale lease.
package spool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/blob"
	"sesame/internal/core/event"
	"sesame/internal/core/quota"
	"sesame/internal/core/store"
)

// State is where a recipient stands. The numbers are stored.
type State int

// The states. All after Leased are final.
const (
	Queued State = iota
	Leased
	Delivered
	Bounced
	Rejected
	Suppressed
	Expired
	Cancelled
)

// String is the state's name, for people.
func (s State) String() string {
	return [...]string{"queued", "leased", "delivered", "bounced", "rejected", "suppressed", "expired", "cancelled"}[s]
}

// Tag is a message tag (SES: EmailTags).
type Tag struct{ Name, Value string }

// Message is an accepted message. It is not changed once it is in the spool.
type Message struct {
	Scope      scope.Scope
	ID         string
	AcceptedAt time.Time
	Operation  string // the door: SendEmail, SendRawEmail, SMTP
	Caller     string // ARN of the principal
	SourceIP   string
	ReturnPath address.Address // where feedback about the message goes
	Sender     address.Address // the From address
	Identity   string          // the identity that the message is sent under
	Subject    string
	OriginalID string // the Message-ID that the caller gave
	ConfigSet  string
	Tags       []Tag
	EightBit   bool
	HeaderSize int
	Content    []byte // header section and body, CRLF, ready to be signed
	Recipients []address.Address

	// IdentityAccount is whose Identity is, if it is another account's that lets this one
	// send with it; else "".
	IdentityAccount string

	// SharedReturnPath says that the recipients have one return path: those of a destination
	// get the message in one transaction, as far as that can be.
	SharedReturnPath bool

	// Fates are recipients that nothing is sent to. They are final from the start.
	Fates []Fate

	// Unrendered says that there is nothing to send, since no content could be made: no
	// Send event is written. Every recipient has a fate.
	Unrendered bool

	// Also is what is written in the commit that accepts the message. It may run more than
	// once; an error of it refuses the message.
	Also []func(tx *store.Tx) error

	// Prepared is for the dispatcher: what it puts before Content, made once.
	Prepared atomic.Pointer[[]byte]
}

// Fate is why nothing is sent to some recipients of a message that was accepted.
type Fate struct {
	Recipients []int  // their indices
	State      State  // Suppressed, Rejected or Bounced
	Cause      string // a word for programs, such as "suppressed"
	Reason     string // for people: why

	Event   event.Kind
	Detail  event.Detail // its Recipients are filled in
	Counter string       // counter that each recipient adds to, if any
}

// Owner is the scope of the identity that the message is sent under: its settings and
// its keys hold for the message.
func (m *Message) Owner() scope.Scope {
	if m.IdentityAccount == "" {
		return m.Scope
	}
	return scope.Scope{Account: m.IdentityAccount, Region: m.Scope.Region}
}

// Entry is a leased recipient of a message.
type Entry struct {
	Message    *Message
	N          int // index of the recipient
	Address    address.Address
	Attempt    int // 1 for the first
	LeaseUntil time.Time
}

// Ready is the memory queue that accepted recipients go to directly when it has
// room, so that a first attempt needs neither a second commit nor a read.
type Ready interface {
	Reserve(d address.Domain, bytes int) bool // takes room for one entry
	Cancel(d address.Domain, bytes int)       // gives it back
	Push(entries []*Entry)                    // uses it; all are of one message
	Waiting(d address.Domain)                 // tells that d has a due recipient in the database
}

// Options configure a Spool.
type Options struct {
	DB    *store.DB
	Blobs *blob.Dir
	Clock clock.Clock
	Log   *slog.Logger

	Node     string        // this node and its start; names the owner of leases
	LeaseFor time.Duration // longer than any attempt takes
	MaxAge   time.Duration // after it a recipient that can't be read expires
	InRow    int           // content up to this many bytes lives in the database; all of it, where nodes share one
}

// Spool is safe for concurrent use.
type Spool struct {
	o     Options
	ready Ready

	dueMu    sync.Mutex
	dueAfter string // the last destination of a full Due

	lost, recovered atomic.Int64
}

// now is the wall clock alone: what is compared with times from the database must not
// keep its monotonic reading.
func (s *Spool) now() time.Time { return s.o.Clock().Round(0) }

// New returns the spool kept in o.DB. SetReady must be called before the first
// Accept if there is a memory queue.
func New(o Options) *Spool { return &Spool{o: o} }

// SetReady connects the memory queue.
func (s *Spool) SetReady(r Ready) { s.ready = r }

// Stats are counters since the start.
type Stats struct {
	LostLeases int64 // outcomes that came after the lease had gone to somebody else
	Recovered  int64 // leases of a dead node that were queued again; each may deliver twice
}

// Stats returns the present counters.
func (s *Spool) Stats() Stats { return Stats{s.lost.Load(), s.recovered.Load()} }

// Accept makes the message durable with its recipients, its Send event and its count
// against the quota. When it returns nil, the message survives a power cut; when it
// returns an error of kind Unavailable, nobody knows.
func (s *Spool) Accept(ctx context.Context, m *Message) error {
	tags, err := json.Marshal(m.Tags)
	if err != nil {
		return store.Wrap("spool.Accept", err)
	}
	key := ""
	if len(m.Content) > s.o.InRow {
		key = m.ID
		if err := s.o.Blobs.Put(key, m.Content); err != nil {
			return &fault.Error{Kind: fault.Unavailable, Op: "spool.Accept", Text: "Temporary service failure", Err: err}
		}
	}
	a := acceptance{Message: m, tags: string(tags), blob: key, until: s.now().Add(s.o.LeaseFor), fates: m.fates()}
	a.direct = s.reserve(a)
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error { return s.insert(tx, a) })
	if err != nil {
		s.cancel(a)
		if key != "" && !fault.Is(err, fault.Unavailable) {
			err = errors.Join(err, s.o.Blobs.Delete(key))
		}
		return err
	}
	s.hand(a)
	return nil
}

// acceptance is a message with what its rows need.
type acceptance struct {
	*Message
	tags   string // as JSON
	blob   string // key in the blob store, empty for content in the row
	direct []bool // recipients that the memory queue takes, leased from the start
	fates  map[int]*Fate
	until  time.Time
}

// fates is each recipient's fate, of those that have one.
func (m *Message) fates() map[int]*Fate {
	if len(m.Fates) == 0 {
		return nil
	}
	fates := map[int]*Fate{}
	for i := range m.Fates {
		for _, n := range m.Fates[i].Recipients {
			fates[n] = &m.Fates[i]
		}
	}
	return fates
}

// reserve tells for each recipient whether the memory queue takes it.
func (s *Spool) reserve(a acceptance) []bool {
	direct := make([]bool, len(a.Recipients))
	for i, r := range a.Recipients {
		direct[i] = s.ready != nil && a.fates[i] == nil && s.ready.Reserve(r.Domain, len(a.Content))
	}
	return direct
}

func (s *Spool) cancel(a acceptance) {
	for i, r := range a.Recipients {
		if a.direct[i] {
			s.ready.Cancel(r.Domain, len(a.Content))
		}
	}
}

func (s *Spool) hand(a acceptance) {
	if s.ready == nil {
		return
	}
	var direct []*Entry
	for i, r := range a.Recipients {
		switch {
		case a.fates[i] != nil:
		case a.direct[i]:
			direct = append(direct, &Entry{Message: a.Message, N: i, Address: r, Attempt: 1, LeaseUntil: a.until})
		default:
			s.ready.Waiting(r.Domain)
		}
	}
	s.ready.Push(direct)
}

func (s *Spool) insert(tx *store.Tx, a acceptance) error {
	m := a.Message
	inRow := m.Content
	if a.blob != "" {
		inRow = []byte{}
	}
	_, err := tx.Exec(`INSERT INTO messages (account, region, id, accepted_at, operation, caller, source_ip, return_path, sender, identity,
		identity_account, subject, original_id, config_set, tags, size, header_size, eight_bit, shared_return_path, blob, content)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.Scope.Account, m.Scope.Region, m.ID, store.Millis(m.AcceptedAt), m.Operation, m.Caller, m.SourceIP, m.ReturnPath.String(), m.Sender.Written(), m.Identity,
		m.IdentityAccount, m.Subject, m.OriginalID, m.ConfigSet, a.tags, len(m.Content), m.HeaderSize, store.Flag(m.EightBit), store.Flag(m.SharedReturnPath), a.blob, inRow)
	if err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	for i := range m.Recipients {
		if err := s.insertRecipient(tx, a, i); err != nil {
			return fmt.Errorf("recipients: %w", err)
		}
	}
	for _, also := range m.Also {
		if err := also(tx); err != nil {
			return err
		}
	}
	if m.Unrendered {
		return insertFates(tx, m)
	}
	tx.Count(m.Scope, quota.Counter, m.AcceptedAt, int64(len(m.Recipients)))
	if n := quota.ToSimulator(m.Recipients); n > 0 {
		tx.Count(m.Scope, quota.Simulated, m.AcceptedAt, int64(n))
	}
	if err := event.Append(tx, event.Event{Scope: m.Scope, Kind: event.Send, MessageID: m.ID, At: m.AcceptedAt,
		Detail: event.Detail{Recipients: addresses(m.Recipients)}}); err != nil {
		return err
	}
	return insertFates(tx, m)
}

func (s *Spool) insertRecipient(tx *store.Tx, a acceptance, i int) error {
	m, r := a.Message, a.Recipients[i]
	at := store.Millis(m.AcceptedAt)
	state, due, attempts, owner, lease, settled := Queued, at, 0, "", int64(0), int64(0)
	switch f := a.fates[i]; {
	case f != nil:
		state, due, settled = f.State, 0, at
	case a.direct[i]:
		state, attempts, owner, lease = Leased, 1, s.o.Node, store.Millis(a.until)
	}
	_, err := tx.Exec(`INSERT INTO recipients (account, region, message_id, n, address, domain, state, due_at, attempts, lease_owner, lease_until, settled_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.Scope.Account, m.Scope.Region, m.ID, i, r.String(), string(r.Domain), int(state), due, attempts, owner, lease, settled)
	return err
}

// insertFates writes why nothing is sent to some recipients.
func insertFates(tx *store.Tx, m *Message) error {
	for _, f := range m.Fates {
		if err := f.insert(tx, m, m.AcceptedAt, func(n int) string { return m.Recipients[n].String() }); err != nil {
			return err
		}
	}
	return nil
}

func addresses(as []address.Address) []string {
	s := make([]string, len(as))
	for i, a := range as {
		s[i] = a.String()
	}
	return s
}

// Sweep removes blobs that a crash left without a row.
func (s *Spool) Sweep(ctx context.Context) error {
	rows, err := s.o.DB.Query(ctx, `SELECT blob FROM messages WHERE blob <> ''`)
	if err != nil {
		return store.Wrap("spool.Sweep", err)
	}
	defer rows.Close()
	known := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return store.Wrap("spool.Sweep", err)
		}
		known[key] = true
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return store.Wrap("spool.Sweep", err)
	}
	// What is younger may belong to a row that was not there yet.
	return s.o.Blobs.Sweep(s.o.Clock().Add(-time.Hour), func(key string) bool { return known[key] })
}

// nodeOf is the part of an owner that survives restarts.
func nodeOf(owner string) string {
	node, _, _ := strings.Cut(owner, "/")
	return node
}
