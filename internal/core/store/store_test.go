// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
	"sesame/internal/testkit/pgtest"
	"sesame/internal/testkit/storetest"
)

var (
	ctx = context.Background()
	sc  = scope.Scope{Account: "123456789012", Region: "us-east-1"}
)

func addUser(name string) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO users (account, name, created_at) VALUES (?, ?, ?)`, sc.Account, name, 1)
		return err
	}
}

func users(t *testing.T, db *store.DB) int {
	t.Helper()
	var n int
	if err := db.QueryRow(ctx, `SELECT count(*) FROM users`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWritesAreSeenWhenWriteReturns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				if err := db.Write(ctx, addUser(fmt.Sprint("user", i))); err != nil {
					t.Error(err)
				}
				var n int
				if err := db.QueryRow(ctx, `SELECT count(*) FROM users WHERE name = ?`, fmt.Sprint("user", i)).Scan(&n); err != nil || n != 1 {
					t.Errorf("user%d: %d rows, %v", i, n, err)
				}
			})
		}
		wg.Wait()
		if s := db.Stats(); s.Ops != 100 || s.Commits > 100 {
			t.Errorf("stats: %+v", s)
		}
	})
}

func TestOneFailedWriteUndoesOnlyItself(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		boom := errors.New("boom")
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				err := db.Write(ctx, func(tx *store.Tx) error {
					if err := addUser(fmt.Sprint("user", i))(tx); err != nil {
						return err
					}
					switch i % 6 {
					case 1:
						return boom
					case 2:
						panic("defect")
					case 3: // a statement that fails spoils the transaction in PostgreSQL
						return addUser(fmt.Sprint("user", i))(tx)
					}
					return nil
				})
				if failed := i%6 >= 1 && i%6 <= 3; (err != nil) != failed {
					t.Errorf("write %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if n := users(t, db); n != 30 {
			t.Errorf("%d users, want the 30 of the writes that succeeded", n)
		}
	})
}

// TestAConflictIsToldWhenItsCauseIsThere: the write that was faster may be in the same
// transaction.
func TestAConflictIsToldWhenItsCauseIsThere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for round := range 50 {
			name := fmt.Sprint("user", round)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					var n int
					err := db.Write(ctx, addUser(name))
					if e := db.QueryRow(ctx, `SELECT count(*) FROM users WHERE name = ?`, name).Scan(&n); e != nil || n != 1 {
						t.Errorf("after %v there are %d rows, %v", err, n, e)
					}
				})
			}
			wg.Wait()
		}
	})
}

func TestConflictsAreTold(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Write(ctx, addUser("a")); err != nil {
			t.Fatal(err)
		}
		if err := db.Write(ctx, addUser("a")); !store.IsConflict(err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCountersAddUpAcrossWritesAndBatches(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		at := time.Unix(600, 0)
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				err := db.Write(ctx, func(tx *store.Tx) error {
					tx.Count(sc, "sent", at, 2)
					if i%5 == 0 {
						return errors.New("refused: must not count")
					}
					return nil
				})
				_ = err
			})
		}
		wg.Wait()
		var n int64
		if err := db.QueryRow(ctx, `SELECT value FROM counters WHERE name = 'sent' AND minute = 10`).Scan(&n); err != nil || n != 80 {
			t.Errorf("counter %d, %v; want 80", n, err)
		}
	})
}

// Batches that add to the same counters in different orders would deadlock.
func TestCountersOfManyWritersDoNotDeadlock(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		at := time.Unix(600, 0)
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				for range 20 {
					err := db.Write(ctx, func(tx *store.Tx) error {
						for n := range 6 {
							tx.Count(scope.Scope{Account: fmt.Sprint(n), Region: "r"}, "sent", at, 1)
							tx.Count(scope.Scope{Account: fmt.Sprint(n), Region: "r"}, "bounce", at, 1)
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var n int64
		if err := db.QueryRow(ctx, `SELECT sum(value) FROM counters`).Scan(&n); err != nil || n != 30*20*12 {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func TestALostConnectionCostsNoWrite(t *testing.T) {
	t.Parallel()
	db, err := store.Open(ctx, store.Options{URL: pgtest.URL(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i := range 8 {
		if err := db.Write(ctx, addUser(fmt.Sprint("user", i))); err != nil {
			t.Errorf("write %d: %v", i, err)
		}
		// Every idle connection of the server is ended, as by its restart.
		rows, err := db.Query(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
		}
		rows.Close()
	}
}

func TestWritesDuringCloseAreAnswered(t *testing.T) {
	t.Parallel()
	for range 20 {
		db, err := store.Open(ctx, store.Options{Path: filepath.Join(t.TempDir(), "x.db")})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				for n := range 50 {
					if db.Write(ctx, addUser(fmt.Sprint(i, "-", n))) != nil {
						return
					}
				}
			})
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	}
}

func TestWriteAfterCloseIsRefused(t *testing.T) {
	t.Parallel()
	db, err := store.Open(ctx, store.Options{Path: filepath.Join(t.TempDir(), "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(ctx, addUser("a")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

// TestShutdownGivesUpCommitsThatHang has somebody else hold what the commit needs.
func TestShutdownGivesUpCommitsThatHang(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := pgtest.URL(t)
		shutsDown(t, store.Options{URL: url}, "pgx", url, `BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE`, true)
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "x.db")
		shutsDown(t, store.Options{Path: path}, "sqlite", path, `BEGIN IMMEDIATE`, false)
	})
}

// shutsDown opens a database and shuts it down while another connection holds it. A clean
// end is one that let go of the database.
func shutsDown(t *testing.T, o store.Options, driver, dsn, hold string, clean bool) {
	t.Helper()
	db, err := store.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	holder, err := other.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if _, err := holder.ExecContext(ctx, hold); err != nil {
		t.Fatal(err)
	}
	answers := make(chan error)
	for n := range 600 { // in several commits
		go func() { answers <- db.Write(ctx, addUser(fmt.Sprint("u", n))) }()
	}
	for db.Stats().Queued == 0 {
		time.Sleep(time.Millisecond)
	}
	soon, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := db.Shutdown(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if !clean {
		if _, err := holder.ExecContext(ctx, `ROLLBACK`); err != nil {
			t.Fatal(err)
		}
	}
	given := 0
	for range 600 {
		if fault.Is(<-answers, fault.Unavailable) {
			given++
		}
	}
	if given < 600-256 {
		t.Errorf("%d of 600 writes were given up", given)
	}
}

func TestReopenKeepsDataAndMigratesOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sesame.db")
	for round := range 3 {
		db, err := store.Open(ctx, store.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if n := users(t, db); n != round {
			t.Errorf("round %d: %d users", round, n)
		}
		if err := db.Write(ctx, addUser(fmt.Sprint("u", round))); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the database file is %v, %v; want it private", info.Mode(), err)
	}
}

// A full disk must refuse and keep what was accepted. SQLite's page limit stands for
// the disk.
func TestFullDatabaseIsUnavailableAndLosesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	if err := db.Write(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`PRAGMA max_page_count = 200`)
		if err != nil {
			return err
		}
		return rows.Close()
	}); err != nil {
		t.Fatal(err)
	}
	accepted, refused := 0, false
	for i := 0; i < 400 && !refused; i++ {
		err := db.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`INSERT INTO access_keys (id, account, user_name, secret, created_at) VALUES (?, ?, ?, ?, 0)`,
				fmt.Sprint(i), sc.Account, sc.Region, make([]byte, 8192))
			return err
		})
		switch {
		case err == nil:
			accepted++
		case fault.Is(err, fault.Unavailable):
			refused = true
		default:
			t.Fatalf("write %d: %v", i, err)
		}
	}
	if !refused || accepted == 0 {
		t.Fatalf("accepted %d, refused %v", accepted, refused)
	}
	var n int
	if err := db.QueryRow(ctx, `SELECT count(*) FROM access_keys`).Scan(&n); err != nil || n != accepted {
		t.Errorf("%d rows, %v; %d were accepted", n, err, accepted)
	}
	if err := db.Write(ctx, func(tx *store.Tx) error { _, err := tx.Exec(`DELETE FROM access_keys`); return err }); err != nil {
		t.Errorf("after the disk was full, making room failed: %v", err)
	}
	if err := db.Write(ctx, addUser("later")); err != nil {
		t.Errorf("after room was made: %v", err)
	}
}

// Released migrations never change: a database that has run one will not run it
// again. A new file is added here with its checksum.
func TestMigrationsArePinned(t *testing.T) {
	t.Parallel()
	pinned, err := os.ReadFile("testdata/migrations.sha256")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		fmt.Fprintf(&got, "%s  %s\n", hex.EncodeToString(sum[:]), filepath.Base(f))
	}
	if got.String() != string(pinned) {
		t.Errorf("the migrations are not as pinned in testdata/migrations.sha256; they are\n%s", got.String())
	}
}

func BenchmarkWrite(b *testing.B) {
	db := storetest.SQLite(b)
	data := make([]byte, 4096)
	b.ReportAllocs()
	b.SetParallelism(50)
	var mu sync.Mutex
	n := 0
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			n++
			id := fmt.Sprintf("%020d", n)
			mu.Unlock()
			err := db.Write(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec(`INSERT INTO access_keys (id, account, user_name, secret, created_at) VALUES (?, ?, ?, ?, 0)`, id, sc.Account, sc.Region, data)
				return err
			})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}
