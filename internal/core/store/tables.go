// SPDX-License-Identifier: Apache-2.0

package store

import "context"

// TablesWith returns the names of the tables that have a column of that name, in
// alphabetical order.
func (db *DB) TablesWith(ctx context.Context, column string) ([]string, error) {
	rows, err := db.Query(ctx, db.dialect.tablesWith, column)
	if err != nil {
		return nil, Wrap("store.TablesWith", err)
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, Wrap("store.TablesWith", err)
		}
		tables = append(tables, name)
	}
	return tables, Wrap("store.TablesWith", rows.Err())
}
