// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"time"

	"sesame/internal/core/store"
)

// KeepClosed is how long a closed account's data is kept (SES: deleting personal data).
const KeepClosed = 90 * 24 * time.Hour

// Purge removes all that accounts had which were closed KeepClosed ago: every row of
// every table that has an account, and then the account itself. It returns the accounts
// that are gone. What was begun and interrupted is finished by the next call.
func (a *Accounts) Purge(ctx context.Context) (gone []string, err error) {
	due, err := a.texts(ctx, `SELECT id FROM accounts WHERE state = ? AND closed_at <= ? ORDER BY id`,
		string(Closed), store.Millis(a.now().Add(-KeepClosed)))
	if err != nil || len(due) == 0 {
		return nil, err
	}
	tables, err := a.db.TablesWith(ctx, "account")
	if err != nil {
		return nil, err
	}
	for _, id := range due {
		for _, table := range tables {
			if err := a.purge(ctx, `DELETE FROM `+table+` WHERE account = ?`, id); err != nil {
				return gone, err
			}
		}
		if err := a.purge(ctx, `DELETE FROM accounts WHERE id = ?`, id); err != nil {
			return gone, err
		}
		gone = append(gone, id)
	}
	a.forget()
	return gone, nil
}

func (a *Accounts) purge(ctx context.Context, query, id string) error {
	return a.db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(query, id)
		return err
	})
}
