// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"strings"

	"sesame/internal/core/store"
)

// query is a query with its parameters, on behalf of an operation that errors name.
type query struct {
	op, sql string
	args    []any
}

// list reads all rows of a query. row reads one, with the scan that it is given.
func list[T any](ctx context.Context, db *store.DB, q query, row func(scan func(...any) error) (T, error)) ([]T, error) {
	rows, err := db.Query(ctx, q.sql, q.args...)
	if err != nil {
		return nil, store.Wrap(q.op, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := row(rows.Scan)
		if err != nil {
			return nil, store.Wrap(q.op, err)
		}
		all = append(all, one)
	}
	return all, store.Wrap(q.op, rows.Err())
}

// count is how many rows a query of an account counts.
func count(tx *store.Tx, query string, args ...any) (n int, err error) {
	err = tx.Get([]any{&n}, query, args...)
	return n, err
}

// taken reports whether an account has something of a name in a table. IAM does not tell
// names apart by the case of their letters.
func taken(tx *store.Tx, table, account, name string) (bool, error) {
	n, err := count(tx, `SELECT count(*) FROM `+table+` WHERE account = ? AND lower(name) = ?`, account, strings.ToLower(name))
	return n > 0, err
}

// roomFor refuses one more row of an account in a table, where a quota is used up.
func roomFor(tx *store.Tx, table, account, quota string, most int) error {
	n, err := count(tx, `SELECT count(*) FROM `+table+` WHERE account = ?`, account)
	if err == nil && n >= most {
		return overQuota(quota, most)
	}
	return err
}
