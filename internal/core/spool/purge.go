// SPDX-License-Identifier: Apache-2.0

package spool

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// purgeBatch is how many messages one commit removes, so that senders never wait long
// for it.
const purgeBatch = 200

// Purge removes the messages that were accepted before cutoff and are finished, with
// all that is known of them, and events and counters as old. It returns how many
// messages went.
func (s *Spool) Purge(ctx context.Context, cutoff time.Time) (int, error) {
	scopes, err := s.scopes(ctx)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, sc := range scopes {
		for {
			n, err := s.purgeSome(ctx, sc, cutoff)
			total += n
			if err != nil {
				return total, err
			}
			if n < purgeBatch {
				break
			}
		}
		if err := s.purgeCounters(ctx, sc, cutoff); err != nil {
			return total, err
		}
	}
	return total, s.purgeEvents(ctx, cutoff)
}

// scopes are those that have messages or counters: what could not be rendered has a message
// and no counter, and what was purged the other way round.
func (s *Spool) scopes(ctx context.Context) ([]scope.Scope, error) {
	known := map[scope.Scope]bool{}
	var scopes []scope.Scope
	for _, table := range []string{"messages", "counters"} {
		for sc := (scope.Scope{}); ; {
			// Steps from scope to scope in the index, however many rows each has.
			err := s.o.DB.QueryRow(ctx, `SELECT account, region FROM `+table+` WHERE (account, region) > (?, ?) ORDER BY account, region LIMIT 1`,
				sc.Account, sc.Region).Scan(&sc.Account, &sc.Region)
			if errors.Is(err, sql.ErrNoRows) {
				break
			}
			if err != nil {
				return nil, store.Wrap("spool.Purge", err)
			}
			if !known[sc] {
				known[sc] = true
				scopes = append(scopes, sc)
			}
		}
	}
	return scopes, nil
}

func (s *Spool) purgeSome(ctx context.Context, sc scope.Scope, cutoff time.Time) (int, error) {
	// Ids sort by time, so the range ends the walk at the first young message.
	rows, err := s.o.DB.Query(ctx, `SELECT id, blob FROM messages m WHERE account = ? AND region = ? AND id < ?
		AND NOT EXISTS (SELECT 1 FROM recipients r WHERE r.account = m.account AND r.region = m.region AND r.message_id = m.id AND r.state IN (0, 1))
		ORDER BY id LIMIT ?`, sc.Account, sc.Region, msgid.Floor(sc.Region, cutoff), purgeBatch)
	if err != nil {
		return 0, store.Wrap("spool.Purge", err)
	}
	defer rows.Close()
	var ids, blobs []string
	for rows.Next() {
		var id, blob string
		if err := rows.Scan(&id, &blob); err != nil {
			return 0, store.Wrap("spool.Purge", err)
		}
		ids = append(ids, id)
		if blob != "" {
			blobs = append(blobs, blob)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, store.Wrap("spool.Purge", err)
	}
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			if err := remove(tx, sc, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	// The rows are gone first: a crash here leaves files that Sweep finds.
	for _, key := range blobs {
		if err := s.o.Blobs.Delete(key); err != nil {
			return len(ids), store.Wrap("spool.Purge", err)
		}
	}
	return len(ids), nil
}

func remove(tx *store.Tx, sc scope.Scope, id string) error {
	for _, q := range []string{
		`DELETE FROM message_checks WHERE account = ? AND region = ? AND message_id = ?`,
		`DELETE FROM attempts WHERE account = ? AND region = ? AND message_id = ?`,
		`DELETE FROM recipients WHERE account = ? AND region = ? AND message_id = ?`,
		`DELETE FROM messages WHERE account = ? AND region = ? AND id = ?`,
	} {
		if _, err := tx.Exec(q, sc.Account, sc.Region, id); err != nil {
			return err
		}
	}
	return nil
}

// purgeCounters removes the old minutes of all counters of a scope, whoever counts there.
func (s *Spool) purgeCounters(ctx context.Context, sc scope.Scope, cutoff time.Time) error {
	// The statistics of the API reach back two weeks, whatever the retention is.
	oldest := min(cutoff.Unix()/60, s.o.Clock().Unix()/60-statisticsMinutes)
	for name := ""; ; {
		// Steps from name to name in the index, however many minutes each has.
		err := s.o.DB.QueryRow(ctx, `SELECT name FROM counters WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT 1`,
			sc.Account, sc.Region, name).Scan(&name)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return store.Wrap("spool.Purge", err)
		}
		err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`DELETE FROM counters WHERE account = ? AND region = ? AND name = ? AND minute < ?`, sc.Account, sc.Region, name, oldest)
			return err
		})
		if err != nil {
			return err
		}
	}
}

func (s *Spool) purgeEvents(ctx context.Context, cutoff time.Time) error {
	for {
		var n int64
		err := s.o.DB.Write(ctx, func(tx *store.Tx) error {
			var err error
			n, err = tx.Exec(`DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox ORDER BY seq LIMIT 1000) AND at < ?`, store.Millis(cutoff))
			return err
		})
		if err != nil || n < 1000 {
			return err
		}
	}
}
