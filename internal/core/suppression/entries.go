// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"context"
	"database/sql"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// MaxPage is how many entries a page may have (SES API v2: ListSuppressedDestinations).
const MaxPage = 1000

// notListed is the fault for an address that is not on the account's list.
func notListed(address string) error {
	return fault.InField(fault.NotFound, "EmailAddress", "Email address %s does not exist on your suppression list.", address)
}

// Put puts an address on the account's list, or changes why it is there (SES API v2:
// PutSuppressedDestination).
func (l *Lists) Put(ctx context.Context, sc scope.Scope, address string, reason Reason) error {
	key, err := ParseAddress(address)
	if err != nil {
		return err
	}
	return l.o.DB.Write(ctx, func(tx *store.Tx) error {
		return l.putIn(tx, sc, Entry{Address: key, Reason: reason, Source: Manual, UpdatedAt: l.now()})
	})
}

// putRows writes entries over what is there of their addresses.
const putRows = `INSERT INTO suppressed (account, region, tenant, address, reason, source, updated_at, feedback_id, message_id, response)
	VALUES {{rows}} ON CONFLICT (account, region, tenant, address) DO UPDATE SET reason = excluded.reason,
	source = excluded.source, updated_at = excluded.updated_at, feedback_id = excluded.feedback_id, message_id = excluded.message_id,
	response = excluded.response`

// row are the values of putRows.
func (e Entry) row(sc scope.Scope) []any {
	return []any{sc.Account, sc.Region, "", e.Address, string(e.Reason), string(e.Source), store.Millis(e.UpdatedAt), e.FeedbackID, e.MessageID, e.Response}
}

func put(tx *store.Tx, sc scope.Scope, e Entry) error {
	_, err := tx.ExecRows(putRows, [][]any{e.row(sc)})
	return err
}

// Get returns the entry of an address on the account's list, or NotFound.
func (l *Lists) Get(ctx context.Context, sc scope.Scope, address string) (Entry, error) {
	return l.get(ctx, sc, AccountList, address)
}

func (l *Lists) get(ctx context.Context, sc scope.Scope, list List, address string) (Entry, error) {
	key, err := ParseAddress(address)
	if err != nil {
		return Entry{}, err
	}
	found, err := l.find(ctx, sc, list, []string{key})
	if err != nil {
		return Entry{}, err
	}
	e, ok := found[key]
	if !ok {
		return Entry{}, notListed(key)
	}
	return e, nil
}

// Delete takes an address off the account's list; NotFound if it is not there.
func (l *Lists) Delete(ctx context.Context, sc scope.Scope, address string) error {
	key, err := ParseAddress(address)
	if err != nil {
		return err
	}
	var n int64
	err = l.o.DB.Write(ctx, func(tx *store.Tx) error {
		n, err = remove(tx, sc, key)
		return err
	})
	if err == nil && n == 0 {
		return notListed(key)
	}
	return err
}

func remove(tx *store.Tx, sc scope.Scope, address string) (int64, error) {
	return tx.Exec(`DELETE FROM suppressed WHERE account = ? AND region = ? AND tenant = '' AND address = ?`, sc.Account, sc.Region, address)
}

// Filter says which entries a list has. Zero members leave it open.
type Filter struct {
	Reason Reason
	After  time.Time // put there after it
	Before time.Time // put there before it
}

// Position is where a page begins: behind an entry in the order of the list, which is that
// of time. The zero value is the beginning.
type Position struct {
	At      time.Time
	Address string
}

// List returns up to limit entries of the account's list behind a position, and whether
// there are more (SES API v2: ListSuppressedDestinations). An entry that is put there anew
// meanwhile moves to the end.
func (l *Lists) List(ctx context.Context, sc scope.Scope, f Filter, behind Position, limit int) (entries []Entry, more bool, err error) {
	before := f.Before
	if before.IsZero() {
		before = time.UnixMilli(1 << 52)
	}
	if !f.After.IsZero() && !f.After.Before(behind.At) {
		behind = Position{At: f.After.Truncate(time.Millisecond).Add(time.Millisecond)}
	}
	rows, err := l.o.DB.Query(ctx, selectOwn+` AND (updated_at, address) > (?, ?) AND updated_at < ? AND (? = '' OR reason = ?)
		ORDER BY updated_at, address LIMIT ?`,
		sc.Account, sc.Region, store.Millis(behind.At), behind.Address, store.Millis(before), string(f.Reason), string(f.Reason), limit+1)
	if err != nil {
		return nil, false, store.Wrap("suppression.List", err)
	}
	if entries, err = collect(rows, AccountList); err != nil {
		return nil, false, store.Wrap("suppression.List", err)
	}
	if len(entries) > limit {
		return entries[:limit], true, nil
	}
	return entries, false, nil
}

func collect(rows *sql.Rows, list List) (entries []Entry, err error) {
	err = each(rows, list, func(e Entry) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}
