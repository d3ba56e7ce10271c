// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// batch is how many entries one commit removes, so that senders never wait long for it.
const batch = 500

// keepPaused is how long the list of an account that is paused is kept (SES: account-level
// suppression list).
const keepPaused = 90 * 24 * time.Hour

// Clean forgets the bounces of addresses that were long ago, and removes the entries of
// accounts whose sending has been paused for 90 days. A pause begins with the first Clean
// that sees it and ends with the first that does not, so it has to be called oftener than
// once a day.
func (l *Lists) Clean(ctx context.Context) error {
	err := l.removeAll(ctx, `DELETE FROM suppressed_globally WHERE (region, address) IN
		(SELECT region, address FROM suppressed_globally WHERE bounced_at < ? AND expires_at < ? LIMIT 500)`,
		store.Millis(l.now().Add(-remember)), store.Millis(l.now()))
	if err != nil {
		return err
	}
	for sc := (scope.Scope{}); ; {
		// Steps from account to account in the index, however many entries each has.
		err := l.o.DB.QueryRow(ctx, `SELECT account, region FROM suppressed WHERE (account, region) > (?, ?) ORDER BY account, region LIMIT 1`,
			sc.Account, sc.Region).Scan(&sc.Account, &sc.Region)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return store.Wrap("suppression.Clean", err)
		}
		if err := l.cleanAccount(ctx, sc); err != nil {
			return err
		}
	}
}

func (l *Lists) cleanAccount(ctx context.Context, sc scope.Scope) error {
	details, err := l.o.Accounts.Current(ctx, sc)
	if err != nil {
		return err
	}
	over := false
	now := store.Millis(l.now())
	err = l.o.DB.Write(ctx, func(tx *store.Tx) error {
		var since int64
		err := tx.Get([]any{&since}, `SELECT paused_since FROM suppression_attributes WHERE account = ? AND region = ?`, sc.Account, sc.Region)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		over = since > 0 && !details.MaySend() && now-since >= keepPaused.Milliseconds()
		switch {
		case details.MaySend() && since != 0:
			since = 0
		case !details.MaySend() && since == 0:
			since = now
		default:
			return nil
		}
		_, err = tx.Exec(`INSERT INTO suppression_attributes (account, region, paused_since) VALUES (?, ?, ?)
			ON CONFLICT (account, region) DO UPDATE SET paused_since = excluded.paused_since`, sc.Account, sc.Region, since)
		return err
	})
	if err != nil || !over {
		return err
	}
	return l.removeAll(ctx, `DELETE FROM suppressed WHERE account = ? AND region = ? AND (tenant, address) IN
		(SELECT tenant, address FROM suppressed WHERE account = ? AND region = ? LIMIT 500)`, sc.Account, sc.Region, sc.Account, sc.Region)
}

// removeAll runs a deletion of up to batch rows until nothing is left of them.
func (l *Lists) removeAll(ctx context.Context, query string, args ...any) error {
	for {
		var n int64
		err := l.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.Exec(query, args...)
			return err
		})
		if err != nil || n < batch {
			return err
		}
	}
}
