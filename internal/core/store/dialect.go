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
	dollars      bool // parameters are $1, $2 ... instead of ?
}

var (
	sqliteDialect = dialect{
		name: "sqlite", blob: "BLOB", serial: "INTEGER PRIMARY KEY AUTOINCREMENT",
		withoutRowid: "WITHOUT ROWID", begin: "BEGIN IMMEDIATE",
	}
	postgres = dialect{
		name: "postgres", blob: "BYTEA", serial: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
		begin: "BEGIN", dollars: true,
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
