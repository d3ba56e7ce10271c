// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"context"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// ListGlobal returns up to limit entries that are on the global list of a region now, by
// address behind one, and whether there are more. With an account it returns those alone
// that the account's own mail put there.
func (l *Lists) ListGlobal(ctx context.Context, sc scope.Scope, behind string, limit int) (entries []Entry, more bool, err error) {
	rows, err := l.o.DB.Query(ctx, selectGlobal+` AND expires_at > ? AND address > ? AND (? = '' OR caused_by = ?) ORDER BY address LIMIT ?`,
		sc.Region, store.Millis(l.now()), behind, sc.Account, sc.Account, limit+1)
	if err != nil {
		return nil, false, store.Wrap("suppression.ListGlobal", err)
	}
	if entries, err = collect(rows, GlobalList); err != nil {
		return nil, false, store.Wrap("suppression.ListGlobal", err)
	}
	if len(entries) > limit {
		return entries[:limit], true, nil
	}
	return entries, false, nil
}

// RemoveGlobal takes an address off the global list of a region and forgets its bounces.
// With an account it does so only if that account's mail put it there, and else says
// NotFound, as of an address that is not on the list.
func (l *Lists) RemoveGlobal(ctx context.Context, sc scope.Scope, address string) error {
	key, err := ParseAddress(address)
	if err != nil {
		return err
	}
	var n int64
	err = l.o.DB.Write(ctx, func(tx *store.Tx) error {
		n, err = tx.Exec(`DELETE FROM suppressed_globally WHERE region = ? AND address = ? AND expires_at > ? AND (? = '' OR caused_by = ?)`,
			sc.Region, key, store.Millis(l.now()), sc.Account, sc.Account)
		return err
	})
	if err == nil && n == 0 {
		return fault.InField(fault.NotFound, "EmailAddress", "Email address %s is not on the global suppression list.", key)
	}
	return err
}
