// SPDX-License-Identifier: Apache-2.0

package store

import (
	"strconv"
	"strings"
	"sync"
)

// dialect is all that differs between the two engines.
type dialect struct {
	name         string
	blob         string // column type of bytes
	serial       string // column definition of a growing key
	withoutRowid string // table option: keep the rows in the primary key's tree
	begin        string
	tablesWith   string // query for the tables that have a column
	dollars      bool   // parameters are $1, $2 ... instead of ?
}

var (
	sqliteDialect = dialect{
		name: "sqlite", blob: "BLOB", serial: "INTEGER PRIMARY KEY AUTOINCREMENT",
		withoutRowid: "WITHOUT ROWID", begin: "BEGIN IMMEDIATE",
		tablesWith: `SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = ? ORDER BY m.name`,
	}
	postgres = dialect{
		name: "postgres", blob: "BYTEA", serial: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
		begin: "BEGIN", dollars: true,
		tablesWith: `SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t
			ON t.table_schema = c.table_schema AND t.table_name = c.table_name
			WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.column_name = ? ORDER BY c.table_name`,
	}
)

// schema fills in the words of a migration that differ.
func (d dialect) schema(sql string) string {
	return strings.NewReplacer("{{blob}}", d.blob, "{{serial}}", d.serial, "{{without_rowid}}", d.withoutRowid).Replace(sql)
}

// query turns ? into the engine's form. No literal in a query may hold a ?.
func (d dialect) query(q string) string {
	if !d.dollars || !strings.Contains(q, "?") {
		return q
	}
	var b strings.Builder
	n := 0
	for i := range len(q) {
		if q[i] != '?' {
			b.WriteByte(q[i])
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// queryCache remembers rewritten queries; their number is that of the queries in the
// program, since none is built from input.
type queryCache struct{ m sync.Map }

func (c *queryCache) get(d dialect, q string) string {
	if !d.dollars {
		return q
	}
	if v, ok := c.m.Load(q); ok {
		return v.(string)
	}
	r := d.query(q)
	c.m.Store(q, r)
	return r
}
