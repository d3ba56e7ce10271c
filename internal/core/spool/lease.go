// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/scope"
	"sesame/internal/core/event"
	"sesame/internal/core/quota"
	"sesame/internal/core/store"
)

// Due is a destination with queued recipients.
type Due struct {
	Domain address.Domain
	At     time.Time // when the first of them is due
}

// Due lists up to limit destinations that have queued recipients. Where there are more,
// the next call goes on after them, and begins anew at the end.
func (s *Spool) Due(ctx context.Context, limit int) ([]Due, error) {
	s.dueMu.Lock()
	defer s.dueMu.Unlock()
	// Steps from domain to domain in the index instead of reading every queued recipient.
	rows, err := s.o.DB.Query(ctx, `WITH RECURSIVE d(domain) AS (
			SELECT (SELECT min(domain) FROM recipients WHERE state = 0 AND domain > ?)
			UNION ALL
			SELECT (SELECT min(r.domain) FROM recipients r WHERE r.state = 0 AND r.domain > d.domain) FROM d WHERE d.domain IS NOT NULL
		)
		SELECT domain, (SELECT min(due_at) FROM recipients r WHERE r.state = 0 AND r.domain = d.domain) FROM d
		WHERE domain IS NOT NULL LIMIT ?`, s.dueAfter, limit)
	if err != nil {
		return nil, store.Wrap("spool.Due", err)
	}
	defer rows.Close()
	var due []Due
	for rows.Next() {
		var d Due
		var at sql.NullInt64 // leased since the domain was found
		if err := rows.Scan(&d.Domain, &at); err != nil {
			return nil, store.Wrap("spool.Due", err)
		}
		if at.Valid {
			d.At = store.Time(at.Int64)
			due = append(due, d)
		}
	}
	s.dueAfter = ""
	if len(due) == limit {
		s.dueAfter = string(due[limit-1].Domain)
	}
	return due, store.Wrap("spool.Due", rows.Err())
}

// leased is a row that Lease took.
type leased struct {
	scope    scope.Scope
	id       string
	n        int
	address  string
	attempt  int
	accepted time.Time
}

// Lease takes up to limit due recipients of a destination, oldest first, but no more
// than one once their content is over maxBytes, and records their next attempt in the
// same commit. next is when the first of those that are
// left is due, zero if none is.
func (s *Spool) Lease(ctx context.Context, d address.Domain, limit, maxBytes int) (entries []*Entry, next time.Time, err error) {
	now := s.now()
	until := now.Add(s.o.LeaseFor)
	var taken []leased
	var nextDue sql.NullInt64
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		var err error
		if taken, err = s.take(tx, d, limit, maxBytes, until); err != nil {
			return err
		}
		return tx.Get([]any{&nextDue}, `SELECT min(due_at) FROM recipients WHERE domain = ? AND state = 0`, string(d))
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	messages := map[string]*Message{}
	var unreadable []leased
	for _, l := range taken {
		e, err := s.entry(ctx, l, messages)
		if err != nil {
			s.o.Log.Error("a leased recipient can't be read", "message", l.id, "recipient", l.n, "error", err)
			unreadable = append(unreadable, l)
			continue
		}
		e.LeaseUntil = until
		entries = append(entries, e)
	}
	if len(unreadable) > 0 {
		if err := s.putOff(ctx, unreadable, now); err != nil {
			s.o.Log.Error("unreadable recipients stay leased until their lease runs out", "recipients", len(unreadable), "error", err)
		}
	}
	return entries, store.Time(nextDue.Int64), nil
}

// entry reads what a lease is about; messages holds those that were read already.
func (s *Spool) entry(ctx context.Context, l leased, messages map[string]*Message) (*Entry, error) {
	a, err := address.Parse(l.address)
	if err != nil {
		return nil, err
	}
	m := messages[l.id]
	if m == nil {
		if m, err = s.load(ctx, l.scope, l.id); err != nil {
			return nil, err
		}
		messages[l.id] = m
	}
	return &Entry{Message: m, N: l.n, Address: a, Attempt: l.attempt}, nil
}

// unreadableWait is when a recipient is leased again that could not be read.
const unreadableWait = 5 * time.Minute

// putOff queues recipients for later that could not be read: the disk or the database
// may be back by then. Past the maximum age they expire, with a bounce that says why.
func (s *Spool) putOff(ctx context.Context, ls []leased, now time.Time) error {
	return s.o.DB.Write(ctx, func(tx *store.Tx) error {
		for _, l := range ls {
			state, due, settled := Queued, store.Millis(now.Add(unreadableWait)), int64(0)
			if now.Sub(l.accepted) > s.o.MaxAge {
				state, due, settled = Expired, 0, store.Millis(now)
				e := event.Event{Scope: l.scope, Kind: event.Bounce, MessageID: l.id, At: now,
					Detail: event.Detail{Recipients: []string{l.address}, Cause: "unreadable", Attempt: l.attempt, Expired: true}}
				if err := event.Append(tx, e); err != nil {
					return err
				}
			}
			if _, err := tx.Exec(`UPDATE recipients SET state = ?, due_at = ?, settled_at = ?, lease_owner = '', lease_until = 0
				WHERE account = ? AND region = ? AND message_id = ? AND n = ? AND state = 1 AND lease_owner = ? AND attempts = ?`,
				int(state), due, settled, l.scope.Account, l.scope.Region, l.id, l.n, s.o.Node, l.attempt); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Spool) take(tx *store.Tx, d address.Domain, limit, maxBytes int, until time.Time) ([]leased, error) {
	lock := ""
	if s.o.DB.Shared() {
		lock = " FOR UPDATE OF r SKIP LOCKED"
	}
	rows, err := tx.Query(`SELECT r.account, r.region, r.message_id, r.n, r.address, r.attempts, m.size, m.accepted_at FROM recipients r
		JOIN messages m ON m.account = r.account AND m.region = r.region AND m.id = r.message_id
		WHERE r.domain = ? AND r.state = 0 AND r.due_at <= ? ORDER BY r.due_at LIMIT ?`+lock,
		string(d), store.Millis(s.o.Clock()), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var taken []leased
	bytes := 0
	for bytes <= maxBytes && rows.Next() {
		var l leased
		var size int
		var accepted int64
		if err := rows.Scan(&l.scope.Account, &l.scope.Region, &l.id, &l.n, &l.address, &l.attempt, &size, &accepted); err != nil {
			return nil, err
		}
		bytes += size
		l.attempt++
		l.accepted = store.Time(accepted)
		taken = append(taken, l)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for _, l := range taken {
		if _, err := tx.Exec(`UPDATE recipients SET state = 1, attempts = ?, lease_owner = ?, lease_until = ?
			WHERE account = ? AND region = ? AND message_id = ? AND n = ?`,
			l.attempt, s.o.Node, store.Millis(until), l.scope.Account, l.scope.Region, l.id, l.n); err != nil {
			return nil, err
		}
	}
	return taken, nil
}

// load reads a message with its content. Recipients are not filled in.
func (s *Spool) load(ctx context.Context, sc scope.Scope, id string) (*Message, error) {
	m := &Message{Scope: sc, ID: id}
	var at int64
	var returnPath, sender, tags, key string
	var eightBit, shared int
	err := s.o.DB.QueryRow(ctx, `SELECT accepted_at, operation, caller, source_ip, return_path, sender, identity, identity_account,
		subject, original_id, config_set, tags, header_size, eight_bit, shared_return_path, blob, content FROM messages WHERE account = ? AND region = ? AND id = ?`, sc.Account, sc.Region, id).
		Scan(&at, &m.Operation, &m.Caller, &m.SourceIP, &returnPath, &sender, &m.Identity, &m.IdentityAccount,
			&m.Subject, &m.OriginalID, &m.ConfigSet, &tags, &m.HeaderSize, &eightBit, &shared, &key, &m.Content)
	if err != nil {
		return nil, err
	}
	m.AcceptedAt, m.EightBit, m.SharedReturnPath = store.Time(at), eightBit != 0, shared != 0
	if m.ReturnPath, err = parseStored(returnPath); err != nil {
		return nil, err
	}
	if m.Sender, err = parseStored(sender); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(tags), &m.Tags); err != nil {
		return nil, err
	}
	if key != "" {
		m.Content, err = s.o.Blobs.Get(key)
	}
	return m, err
}

func parseStored(s string) (address.Address, error) {
	if s == "" {
		return address.Address{}, nil
	}
	return address.Parse(s)
}

// Attempt is the record of one try, kept for whoever asks what happened.
type Attempt struct {
	Started    time.Time
	Duration   time.Duration
	Host       string // name of the server, as far as one was reached
	Remote     string // its address
	TLS        string // version and cipher, empty without TLS
	Class      string
	Code       int
	Enhanced   string
	Command    string // the SMTP command that got the reply
	Cause      string
	Reply      string
	Transcript string
}

// Settlement is the outcome of an attempt.
type Settlement struct {
	Entry   *Entry
	State   State     // Queued: to be tried again at Due
	Due     time.Time // for Queued
	Reason  string    // why then, or why no more
	Attempt Attempt
	Event   event.Kind
	Detail  event.Detail
	Counter string // counter that the outcome adds to, if any

	// Also is what is written in the same commit. It may run more than once; an error of it
	// leaves the recipient unsettled.
	Also []func(tx *store.Tx) error
}

// Settle records an outcome, its attempt and its event in one commit. An outcome
// whose lease has gone to somebody else is counted and changes nothing.
func (s *Spool) Settle(ctx context.Context, st Settlement) error {
	now := s.o.Clock()
	lost := false
	err := s.o.DB.Write(ctx, func(tx *store.Tx) error {
		var err error
		lost, err = s.settle(tx, st, now)
		return err
	})
	if err == nil && lost {
		s.lost.Add(1)
		s.o.Log.Warn("outcome of a lost lease", "message", st.Entry.Message.ID, "recipient", st.Entry.N)
	}
	return err
}

func (s *Spool) settle(tx *store.Tx, st Settlement, now time.Time) (lost bool, err error) {
	e, m, a := st.Entry, st.Entry.Message, st.Attempt
	due, settled := store.Millis(st.Due), int64(0)
	if st.State != Queued {
		due, settled = 0, store.Millis(now)
	}
	n, err := tx.Exec(`UPDATE recipients SET state = ?, due_at = ?, lease_owner = '', lease_until = 0, settled_at = ?
		WHERE account = ? AND region = ? AND message_id = ? AND n = ? AND state = 1 AND lease_owner = ? AND attempts = ?`,
		int(st.State), due, settled, m.Scope.Account, m.Scope.Region, m.ID, e.N, s.o.Node, e.Attempt)
	if err != nil {
		return false, fmt.Errorf("recipients: %w", err)
	}
	if n == 0 {
		return true, nil
	}
	if _, err = tx.Exec(`INSERT INTO attempts (account, region, message_id, n, attempt, started_at, duration_ms, host, remote, tls, class, code,
		enhanced, command, cause, reply, next_at, reason, transcript) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`,
		m.Scope.Account, m.Scope.Region, m.ID, e.N, e.Attempt, store.Millis(a.Started), a.Duration.Milliseconds(), a.Host, a.Remote, a.TLS, a.Class,
		a.Code, a.Enhanced, a.Command, a.Cause, a.Reply, due, st.Reason, a.Transcript); err != nil {
		return false, fmt.Errorf("attempts: %w", err)
	}
	if st.Counter != "" {
		tx.Count(m.Scope, st.Counter, now, 1)
	}
	for _, also := range st.Also {
		if err := also(tx); err != nil {
			return false, err
		}
	}
	st.Detail.Recipients, st.Detail.Attempt = []string{e.Address.String()}, e.Attempt
	return false, event.Append(tx, event.Event{Scope: m.Scope, Kind: st.Event, MessageID: m.ID, At: now, Detail: st.Detail})
}

// BounceCounter is the name of the counter of hard bounces, for GetSendStatistics.
const BounceCounter = quota.Bounced

// Release queues leased recipients again, due at once, without an attempt: the node
// stops, or it took more than it can try in time.
func (s *Spool) Release(ctx context.Context, entries []*Entry) error {
	now := store.Millis(s.o.Clock())
	return s.o.DB.Write(ctx, func(tx *store.Tx) error {
		for _, e := range entries {
			if _, err := tx.Exec(`UPDATE recipients SET state = 0, due_at = ?, attempts = attempts - 1, lease_owner = '', lease_until = 0
				WHERE account = ? AND region = ? AND message_id = ? AND n = ? AND state = 1 AND lease_owner = ? AND attempts = ?`,
				now, e.Message.Scope.Account, e.Message.Scope.Region, e.Message.ID, e.N, s.o.Node, e.Attempt); err != nil {
				return err
			}
		}
		return nil
	})
}

// Recover queues what earlier starts of this node had leased. Its number is how many
// recipients may get a second copy: those whose attempt ended between the remote
// server's 250 and our commit.
func (s *Spool) Recover(ctx context.Context) (int64, error) {
	return s.requeue(ctx, `UPDATE recipients SET state = 0, due_at = ?, lease_owner = '', lease_until = 0
		WHERE state = 1 AND lease_owner <> ? AND lease_owner LIKE ?`, s.o.Node, nodeOf(s.o.Node)+"/%")
}

// Reclaim queues the leases, of whatever node, that have run out.
func (s *Spool) Reclaim(ctx context.Context) (int64, error) {
	return s.requeue(ctx, `UPDATE recipients SET state = 0, due_at = ?, lease_owner = '', lease_until = 0
		WHERE state = 1 AND lease_until < ?`, store.Millis(s.o.Clock()))
}

func (s *Spool) requeue(ctx context.Context, query string, args ...any) (int64, error) {
	var n int64
	err := s.o.DB.Write(ctx, func(tx *store.Tx) error {
		var err error
		n, err = tx.Exec(query, append([]any{store.Millis(s.o.Clock())}, args...)...)
		return err
	})
	if err == nil {
		s.recovered.Add(n)
	}
	return n, err
}
