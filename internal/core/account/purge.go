// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"time"

	"sesame/internal/core/fresh"
	"sesame/internal/core/store"
)

// KeepClosed is how long a closed account's data is kept (SES: deleting personal data).
const KeepClosed = 90 * 24 * time.Hour

// Purge removes all that accounts had which were closed KeepClosed ago: every row of
// every table that has an account, and then the account itself. It returns the accounts
// that are gone. What was begun and interrupted is finished by the next call; an account
// that was opened again in time is left alone.
func (a *Accounts) Purge(ctx context.Context) (gone []string, err error) {
	before := store.Millis(a.now().Add(-KeepClosed))
	due, err := a.texts(ctx, `SELECT id FROM accounts WHERE state = ? AND closed_at <= ? OR state = ? ORDER BY id`,
		string(Closed), before, string(purging))
	if err != nil || len(due) == 0 {
		return nil, err
	}
	tables, err := a.db.TablesWith(ctx, "account")
	if err != nil {
		return nil, err
	}
	for _, id := range due {
		mine, err := a.beginPurge(ctx, id, before)
		if err != nil {
			return gone, err
		}
		if !mine {
			continue
		}
		for _, table := range tables {
			if table == fresh.Table {
				continue
			}
			if err := a.purge(ctx, `DELETE FROM `+table+` WHERE account = ?`, id); err != nil {
				return gone, err
			}
		}
		if err := a.purge(ctx, `DELETE FROM accounts WHERE id = ?`, id); err != nil {
			return gone, err
		}
		gone = append(gone, id)
	}
	return gone, nil
}

// beginPurge makes a closed account one that nothing opens again. It reports false for one
// that is not due any more.
func (a *Accounts) beginPurge(ctx context.Context, id string, before int64) (mine bool, err error) {
	err = a.db.Write(ctx, func(tx *store.Tx) error {
		if err := fresh.Changed(tx, id); err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE accounts SET state = ? WHERE id = ? AND (state = ? AND closed_at <= ? OR state = ?)`,
			string(purging), id, string(Closed), before, string(purging))
		mine = n == 1
		return err
	})
	a.changes.Forget(id)
	return mine, err
}

// purge runs one of the deletions. Each is a change: else nodes would go on sending with and
// signing for identities that are gone.
func (a *Accounts) purge(ctx context.Context, query, id string) error {
	err := a.db.Write(ctx, func(tx *store.Tx) error {
		if err := fresh.Changed(tx, id); err != nil {
			return err
		}
		_, err := tx.Exec(query, id)
		return err
	})
	a.changes.Forget(id)
	return err
}
