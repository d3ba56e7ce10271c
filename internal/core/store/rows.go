// SPDX-License-Identifier: Apache-2.0

package store

import "strings"

// Rows is a statement for many rows of values.
type Rows struct {
	// Query has {{rows}} where the values stand: as (?, ?) for each row, separated by
	// commas, or as ? for each if a row is one value.
	Query  string
	Before []any   // parameters in front of the rows
	Values [][]any // all rows have as many values; no two may be of one row of the table
}

// ExecRows runs a statement for all rows, many at a time: a statement for each would have
// the database answer for each, while everybody else's changes wait for the commit.
func (tx *Tx) ExecRows(r Rows) error {
	rest := r.Values
	for _, size := range []int{64, 8, 1} { // few sizes, since statements are kept
		if len(rest) < size {
			continue
		}
		query := r.query(size)
		for ; len(rest) >= size; rest = rest[size:] {
			args := append([]any{}, r.Before...)
			for _, row := range rest[:size] {
				args = append(args, row...)
			}
			if _, err := tx.Exec(query, args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// query is the statement for a number of rows.
func (r Rows) query(size int) string {
	row := "?"
	if n := len(r.Values[0]); n > 1 {
		row = "(?" + strings.Repeat(", ?", n-1) + ")"
	}
	return strings.Replace(r.Query, "{{rows}}", row+strings.Repeat(", "+row, size-1), 1)
}
