// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // the driver
)

// Stored returns the one value that a query finds in the server's SQLite database, which it
// reads beside the running server. It is for what no door tells yet, such as a message's
// tags; ok is false if there is no such row.
func (s *Server) Stored(t testing.TB, query string, args ...any) (value string, ok bool) {
	t.Helper()
	file := url.URL{Scheme: "file", Opaque: filepath.Join(s.Dir, "sesame.db"), RawQuery: "mode=ro&_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	switch err := db.QueryRowContext(t.Context(), query, args...).Scan(&value); err {
	case nil:
		return value, true
	case sql.ErrNoRows:
		return "", false
	default:
		t.Fatalf("%s: %v", query, err)
		return "", false
	}
}
