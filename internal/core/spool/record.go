// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"sesame/internal/base/fault"
	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
	"sesame/internal/core/event"
	"sesame/internal/core/store"
)

// Record is all that is known of a message.
type Record struct {
	Message    *Message // without its content, recipients and fates
	Size       int64    // octets
	Recipients []Recipient
	Events     []event.Event // the oldest, MaxRecordEvents at most
	Check      *Check        // nil: nobody has looked at its content
}

// MaxRecordEvents bounds the events of a record: people open mail as often as they like.
const MaxRecordEvents = 1000

// Recipient is where a recipient stands, and what was tried.
type Recipient struct {
	Address string
	State   State
	Due     time.Time // of the next attempt; zero if there is none
	Settled time.Time // zero while it is not
	Tries   []Try     // in their order
}

// Try is the record of an attempt. Number 0 says why nothing was sent at all.
type Try struct {
	Attempt
	Number int
	Next   time.Time // zero if there is none
	Reason string    // why then, or why no more
}

// Record finds a message by its id, by the Message-ID that it left with, or by the one that
// its caller gave; of several with that the youngest. It fails with NotFound.
func (s *Spool) Record(ctx context.Context, sc scope.Scope, id string) (Record, error) {
	notFound := fault.New(fault.NotFound, "Message %s does not exist.", fault.Printable(id))
	if !utf8.ValidString(id) || strings.Contains(id, "\x00") {
		return Record{}, notFound // PostgreSQL can't be asked for it
	}
	own, err := s.find(ctx, sc, id)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, notFound
	}
	if err != nil {
		return Record{}, store.Wrap("spool.Record", err)
	}
	r, err := s.record(ctx, sc, own)
	if errors.Is(err, sql.ErrNoRows) { // purged meanwhile
		return Record{}, notFound
	}
	return r, store.Wrap("spool.Record", err)
}

// find returns the id of the message. An id in a domain that is not SES's of the region may
// be of the caller's making, or ours in a domain of the operator's.
func (s *Spool) find(ctx context.Context, sc scope.Scope, id string) (own string, err error) {
	bare := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(id), "<"), ">")
	left, domain, _ := strings.Cut(bare, "@")
	ours := domain == "" || strings.EqualFold(domain, msgid.MailDomain(sc.Region))
	if ours {
		if own, err = s.byID(ctx, sc, left); !errors.Is(err, sql.ErrNoRows) {
			return own, err
		}
	}
	own, err = s.byOriginalID(ctx, sc, "<"+bare+">")
	if errors.Is(err, sql.ErrNoRows) && !ours {
		own, err = s.byID(ctx, sc, left)
	}
	return own, err
}

func (s *Spool) byID(ctx context.Context, sc scope.Scope, id string) (own string, err error) {
	err = s.o.DB.QueryRow(ctx, `SELECT id FROM messages WHERE account = ? AND region = ? AND id = ?`, sc.Account, sc.Region, id).Scan(&own)
	return own, err
}

// byOriginalID finds the youngest message with this Message-ID of its caller's.
func (s *Spool) byOriginalID(ctx context.Context, sc scope.Scope, given string) (own string, err error) {
	// The index has the first 200 characters.
	indexed := []rune(given)
	indexed = indexed[:min(len(indexed), 200)]
	err = s.o.DB.QueryRow(ctx, `SELECT id FROM messages WHERE account = ? AND region = ? AND substr(original_id, 1, 200) = ? AND original_id <> ''
		AND original_id = ? ORDER BY id DESC LIMIT 1`, sc.Account, sc.Region, string(indexed), given).Scan(&own)
	return own, err
}

func (s *Spool) record(ctx context.Context, sc scope.Scope, id string) (r Record, err error) {
	if r.Message, r.Size, err = s.facts(ctx, sc, id); err != nil {
		return r, err
	}
	if r.Recipients, err = s.recipients(ctx, sc, id); err != nil {
		return r, err
	}
	if err = s.tries(ctx, sc, id, r.Recipients); err != nil {
		return r, err
	}
	if r.Events, err = s.events(ctx, sc, id); err != nil {
		return r, err
	}
	c, ok, err := s.Checked(ctx, sc, id)
	if ok {
		r.Check = &c
	}
	return r, err
}

// facts are what the request said.
func (s *Spool) facts(ctx context.Context, sc scope.Scope, id string) (*Message, int64, error) {
	m := &Message{Scope: sc, ID: id}
	var at, size int64
	var returnPath, sender, tags string
	err := s.o.DB.QueryRow(ctx, `SELECT accepted_at, operation, caller, source_ip, return_path, sender, identity, identity_account,
		subject, original_id, config_set, tags, header_size, size FROM messages WHERE account = ? AND region = ? AND id = ?`, sc.Account, sc.Region, id).
		Scan(&at, &m.Operation, &m.Caller, &m.SourceIP, &returnPath, &sender, &m.Identity, &m.IdentityAccount,
			&m.Subject, &m.OriginalID, &m.ConfigSet, &tags, &m.HeaderSize, &size)
	if err != nil {
		return nil, 0, err
	}
	m.AcceptedAt = store.Time(at)
	if m.ReturnPath, err = parseStored(returnPath); err != nil {
		return nil, 0, err
	}
	if m.Sender, err = parseStored(sender); err != nil {
		return nil, 0, err
	}
	return m, size, json.Unmarshal([]byte(tags), &m.Tags)
}

func (s *Spool) recipients(ctx context.Context, sc scope.Scope, id string) (all []Recipient, err error) {
	rows, err := s.o.DB.Query(ctx, `SELECT address, state, due_at, settled_at FROM recipients
		WHERE account = ? AND region = ? AND message_id = ? ORDER BY n`, sc.Account, sc.Region, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Recipient
		var due, settled int64
		if err := rows.Scan(&r.Address, &r.State, &due, &settled); err != nil {
			return nil, err
		}
		if r.State == Queued {
			r.Due = timeOf(due)
		}
		r.Settled = timeOf(settled)
		all = append(all, r)
	}
	return all, rows.Err()
}

// tries fills in what was tried for each recipient.
func (s *Spool) tries(ctx context.Context, sc scope.Scope, id string, recipients []Recipient) error {
	rows, err := s.o.DB.Query(ctx, `SELECT n, attempt, started_at, duration_ms, host, remote, tls, class, code, enhanced, command, cause,
		reply, next_at, reason FROM attempts WHERE account = ? AND region = ? AND message_id = ? ORDER BY n, attempt`, sc.Account, sc.Region, id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t Try
		var n int
		var started, duration, next int64
		if err := rows.Scan(&n, &t.Number, &started, &duration, &t.Host, &t.Remote, &t.TLS, &t.Class, &t.Code, &t.Enhanced, &t.Command, &t.Cause,
			&t.Reply, &next, &t.Reason); err != nil {
			return err
		}
		t.Started, t.Duration, t.Next = store.Time(started), time.Duration(duration)*time.Millisecond, timeOf(next)
		if n < len(recipients) {
			recipients[n].Tries = append(recipients[n].Tries, t)
		}
	}
	return rows.Err()
}

func (s *Spool) events(ctx context.Context, sc scope.Scope, id string) (all []event.Event, err error) {
	rows, err := s.o.DB.Query(ctx, `SELECT kind, at, payload FROM outbox WHERE account = ? AND region = ? AND message_id = ? ORDER BY seq LIMIT ?`,
		sc.Account, sc.Region, id, MaxRecordEvents)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		e := event.Event{Scope: sc, MessageID: id}
		var at int64
		var payload string
		if err := rows.Scan(&e.Kind, &at, &payload); err != nil {
			return nil, err
		}
		e.At = store.Time(at)
		if err := json.Unmarshal([]byte(payload), &e.Detail); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

// timeOf is a stored time of which 0 is none.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return store.Time(ms)
}
