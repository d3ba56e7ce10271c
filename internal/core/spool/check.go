// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/event"
	"sesame/internal/core/store"
)

// Names of the counters of what was found in content. They count messages.
const (
	CheckedCounter = "checked" // by a scanner of spam
	SpamCounter    = "spam"    // of these: judged to be spam
)

// RejectCounter is the name of the counter of recipients whose message was rejected for
// its content, for GetSendStatistics.
const RejectCounter = "reject"

// Causes of rejecting a message for its content.
const (
	CauseVirus = "virus"
	CauseSpam  = "spam"
)

// BadContent is the one reason that Reject events have (SES: reject object).
const BadContent = "Bad content"

// Check is what a look at the content of a message found. A message has one at most; the
// first one stands.
type Check struct {
	At        time.Time
	Virus     string  // what was found; "" is nothing
	Scored    bool    // Spam and Score are known. It is not stored
	Spam      bool    // the scanner's verdict
	Score     float64 // as the scanner counts
	Rules     string  // of the scanner, that made the score
	Unscanned string  // why a scanner had no say; "" is that all had
	Cause     string  // CauseVirus or CauseSpam, if the message is rejected; else ""
}

// Rejection is the fate of the recipients of a message with bad content.
func (c Check) Rejection(recipients []int) Fate {
	why := "a virus was found: " + c.Virus
	if c.Cause == CauseSpam {
		why = fmt.Sprintf("judged to be spam, with a score of %.1f", c.Score)
	}
	return Fate{
		Recipients: recipients, State: Rejected, Cause: c.Cause, Reason: why,
		Event: event.Reject, Detail: event.Detail{Cause: c.Cause, Reason: BadContent}, Counter: RejectCounter,
	}
}

// Insert writes the check of a message in a transaction. It changes nothing, and says so,
// if there is one.
func (c Check) Insert(tx *store.Tx, sc scope.Scope, id string) (bool, error) {
	n, err := tx.Exec(`INSERT INTO message_checks (account, region, message_id, checked_at, virus, spam, score, rules, unscanned, cause)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		sc.Account, sc.Region, id, store.Millis(c.At), c.Virus, store.Flag(c.Spam), c.Score, c.Rules, c.Unscanned, c.Cause)
	if err != nil {
		return false, fmt.Errorf("message_checks: %w", err)
	}
	return n > 0, nil
}

// Checked is the check of a message, if there is one.
func (s *Spool) Checked(ctx context.Context, sc scope.Scope, id string) (c Check, ok bool, err error) {
	var at int64
	var spam int
	err = s.o.DB.QueryRow(ctx, `SELECT checked_at, virus, spam, score, rules, unscanned, cause FROM message_checks
		WHERE account = ? AND region = ? AND message_id = ?`, sc.Account, sc.Region, id).
		Scan(&at, &c.Virus, &spam, &c.Score, &c.Rules, &c.Unscanned, &c.Cause)
	if errors.Is(err, sql.ErrNoRows) {
		return Check{}, false, nil
	}
	c.At, c.Spam = store.Time(at), spam != 0
	return c, err == nil, store.Wrap("spool.Checked", err)
}

// RecordCheck keeps the check of a message, unless there is one, and returns the one that
// stands. If c has a cause, every recipient that has no outcome yet is rejected in the same
// commit, with one Reject event that names them all.
func (s *Spool) RecordCheck(ctx context.Context, m *Message, c Check) (Check, error) {
	first := false
	err := s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if first, err = c.Insert(tx, m.Scope, m.ID); err != nil || !first {
			return err
		}
		if c.Scored {
			tx.Count(m.Scope, CheckedCounter, c.At, 1)
		}
		if c.Spam {
			tx.Count(m.Scope, SpamCounter, c.At, 1)
		}
		if c.Cause == "" {
			return nil
		}
		return reject(tx, m, c)
	})
	if err != nil || first {
		return c, err
	}
	standing, _, err := s.Checked(ctx, m.Scope, m.ID)
	return standing, err
}

// reject gives every recipient without an outcome the check's fate.
func reject(tx *store.Tx, m *Message, c Check) error {
	rows, err := tx.Query(`SELECT n, address FROM recipients WHERE account = ? AND region = ? AND message_id = ? AND state IN (0, 1) ORDER BY n`,
		m.Scope.Account, m.Scope.Region, m.ID)
	if err != nil {
		return err
	}
	defer rows.Close()
	named := map[int]string{}
	var open []int
	for rows.Next() {
		var n int
		var addr string
		if err := rows.Scan(&n, &addr); err != nil {
			return err
		}
		named[n], open = addr, append(open, n)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	f := c.Rejection(nil)
	for _, n := range open {
		changed, err := tx.Exec(`UPDATE recipients SET state = ?, due_at = 0, lease_owner = '', lease_until = 0, settled_at = ?
			WHERE account = ? AND region = ? AND message_id = ? AND n = ? AND state IN (0, 1)`,
			int(f.State), store.Millis(c.At), m.Scope.Account, m.Scope.Region, m.ID, n)
		if err != nil {
			return fmt.Errorf("recipients: %w", err)
		}
		if changed > 0 {
			f.Recipients = append(f.Recipients, n)
		}
	}
	if len(f.Recipients) == 0 {
		return nil
	}
	return f.insert(tx, m, c.At, func(n int) string { return named[n] })
}

// insert writes why nothing is sent to the fate's recipients: to the record of attempts, as
// number 0, and to the outbox.
func (f Fate) insert(tx *store.Tx, m *Message, at time.Time, address func(n int) string) error {
	for _, n := range f.Recipients {
		if _, err := tx.Exec(`INSERT INTO attempts (account, region, message_id, n, attempt, started_at, duration_ms, host, remote, tls, class, code,
			enhanced, command, cause, reply, next_at, reason, transcript) VALUES (?, ?, ?, ?, 0, ?, 0, '', '', '', '', 0, '', '', ?, '', 0, ?, '')`,
			m.Scope.Account, m.Scope.Region, m.ID, n, store.Millis(at), f.Cause, f.Reason); err != nil {
			return fmt.Errorf("attempts: %w", err)
		}
		f.Detail.Recipients = append(f.Detail.Recipients, address(n))
	}
	if f.Counter != "" {
		tx.Count(m.Scope, f.Counter, at, int64(len(f.Recipients)))
	}
	return event.Append(tx, event.Event{Scope: m.Scope, Kind: f.Event, MessageID: m.ID, At: at, Detail: f.Detail})
}
