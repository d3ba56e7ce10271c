// SPDX-License-Identifier: Apache-2.0

// Package storetest opens fresh databases for tests of packages with SQL, and runs
// such tests on every engine. For tests only.
package storetest

import (
	"context"
	"path/filepath"
	"testing"

	"sesame/internal/core/store"
	"sesame/internal/testkit/pgtest"
)

// SQLite returns an empty SQLite database in a folder of the test.
func SQLite(t testing.TB) *store.DB {
	t.Helper()
	return open(t, store.Options{Path: filepath.Join(t.TempDir(), "sesame.db")})
}

// Each runs the test on SQLite and on PostgreSQL, in parallel.
func Each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, store.Options{URL: pgtest.URL(t)}))
	})
}

func open(t testing.TB, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}
