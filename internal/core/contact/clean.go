// SPDX-License-Identifier: Apache-2.0

package contact

import (
	"context"
	"database/sql"
	"errors"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// batch is how many contacts one commit takes, so that senders never wait long for it.
const batch = 500

// Clean removes the contacts of lists that are gone.
func (l *Lists) Clean(ctx context.Context) error {
	var sc scope.Scope
	for list := int64(0); ; {
		// Steps from list to list in the index, however many contacts each has.
		err := l.o.DB.QueryRow(ctx, `SELECT account, region, list FROM contacts WHERE (account, region, list) > (?, ?, ?) ORDER BY account, region, list LIMIT 1`,
			sc.Account, sc.Region, list).Scan(&sc.Account, &sc.Region, &list)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return store.Wrap("contact.Clean", err)
		}
		var there bool
		if err := l.o.DB.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM contact_lists WHERE id = ?)`, list).Scan(&there); err != nil {
			return store.Wrap("contact.Clean", err)
		}
		if there {
			continue
		}
		if err := l.empty(ctx, sc, list); err != nil {
			return err
		}
	}
}

// empty removes all that a list has, the contacts last: by these it is found again.
func (l *Lists) empty(ctx context.Context, sc scope.Scope, list int64) error {
	for _, query := range []string{
		`DELETE FROM contact_preferences WHERE account = ? AND region = ? AND list = ? AND (address, topic) IN
			(SELECT address, topic FROM contact_preferences WHERE account = ? AND region = ? AND list = ? LIMIT ?)`,
		`DELETE FROM contacts WHERE account = ? AND region = ? AND list = ? AND address IN
			(SELECT address FROM contacts WHERE account = ? AND region = ? AND list = ? LIMIT ?)`,
	} {
		for n := int64(batch); n >= batch; {
			err := l.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
				n, err = tx.Exec(query, sc.Account, sc.Region, list, sc.Account, sc.Region, list, batch)
				return err
			})
			if err != nil {
				return store.Wrap("contact.Clean", err)
			}
		}
	}
	return nil
}
