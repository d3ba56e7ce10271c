// SPDX-License-Identifier: Apache-2.0

package store

import "strings"

// maxRows is how many rows one statement of ExecRows writes.
const maxRows = 256

// ExecRows inserts rows of values, many with one statement: a statement for each would have
// the database answer for each, while everybody else's changes wait for the commit. query
// has {{rows}} behind VALUES. All rows have as many values, and no two are of one row of the
// table. It returns how many rows were changed.
//
// It is for inserting alone. PostgreSQL keeps the plan of a statement, and for one that
// looks for many rows, when the table is small, that is to read all of it.
func (tx *Tx) ExecRows(query string, rows [][]any) (changed int64, err error) {
	for _, size := range []int{maxRows, 32, 4, 1} { // few sizes, since statements are kept
		if len(rows) < size {
			continue
		}
		row := "(?" + strings.Repeat(", ?", len(rows[0])-1) + ")"
		sized := strings.Replace(query, "{{rows}}", row+strings.Repeat(", "+row, size-1), 1)
		for ; len(rows) >= size; rows = rows[size:] {
			args := make([]any, 0, size*len(rows[0]))
			for _, row := range rows[:size] {
				args = append(args, row...)
			}
			n, err := tx.Exec(sized, args...)
			if err != nil {
				return changed, err
			}
			changed += n
		}
	}
	return changed, nil
}
