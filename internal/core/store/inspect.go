// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Setting is a setting of a database on which "accepted means durable" depends.
type Setting struct{ Name, Value, Want string }

// Health is what a look at a database shows.
type Health struct {
	Engine   string    // as the database calls itself: "SQLite 3.50.4"
	Settings []Setting // as they are for the store's connections
	Pending  int       // migrations that the next start will make; negative: the database is from a later version
	Asked    time.Time // our time in the middle of the question for Now
	Now      time.Time // the server's time; zero for SQLite, which has ours
}

// Inspect looks at a database and changes nothing in it: it is neither made nor migrated.
// A file that is not there is fs.ErrNotExist. A server may be running on it.
func Inspect(ctx context.Context, o Options) (Health, error) {
	if o.URL != "" {
		return inspectPostgres(ctx, o.URL)
	}
	if _, err := os.Stat(o.Path); err != nil {
		return Health{}, err
	}
	return inspectSQLite(ctx, o.Path)
}

func inspectSQLite(ctx context.Context, path string) (h Health, err error) {
	write, read, err := openSQLite(path)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, write.Close(), read.Close()) }()
	var version, journal, synchronous string
	if err := write.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return h, err
	}
	err = errors.Join(write.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal), write.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous))
	// 2 is FULL (https://www.sqlite.org/pragma.html#pragma_synchronous).
	h = Health{Engine: "SQLite " + version, Settings: []Setting{{"journal_mode", journal, "wal"}, {"synchronous", synchronous, "2"}}}
	if err == nil {
		h.Pending, err = pending(ctx, write, "SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'")
	}
	return h, err
}

// pending counts the migrations that have not been made; exists counts the table of those
// that have.
func pending(ctx context.Context, db *sql.DB, exists string) (int, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	var n int
	if err := db.QueryRowContext(ctx, exists).Scan(&n); err != nil || n == 0 {
		return len(names), err
	}
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM schema_migrations").Scan(&n)
	return len(names) - n, err
}

func inspectPostgres(ctx context.Context, url string) (h Health, err error) {
	write, read, err := openPostgres(url)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, write.Close(), read.Close()) }()
	if err := write.PingContext(ctx); err != nil {
		return h, errors.New("PostgreSQL does not answer") // pgx's text may hold parts of the URL
	}
	if h, err = postgresHealth(ctx, write); err == nil {
		h.Pending, err = pending(ctx, write, "SELECT count(*) FROM pg_tables WHERE tablename = 'schema_migrations' AND schemaname = current_schema()")
	}
	return h, err
}

func postgresHealth(ctx context.Context, conn *sql.DB) (h Health, err error) {
	setting := func(name string) (v string, err error) {
		err = conn.QueryRowContext(ctx, "SELECT current_setting($1)", name).Scan(&v)
		return v, err
	}
	version, err := setting("server_version")
	if err != nil {
		return h, fmt.Errorf("server_version: %w", err)
	}
	h.Engine = "PostgreSQL " + version
	for _, name := range []string{"synchronous_commit", "fsync", "full_page_writes"} {
		v, err := setting(name)
		if err != nil {
			return h, fmt.Errorf("%s: %w", name, err)
		}
		h.Settings = append(h.Settings, Setting{name, v, "on"})
	}
	var ms int64
	before := time.Now()
	err = conn.QueryRowContext(ctx, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").Scan(&ms)
	h.Asked, h.Now = before.Add(time.Since(before)/2), Time(ms)
	return h, err
}
