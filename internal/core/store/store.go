// SPDX-License-Identifier: Apache-2.0

// Package store is the one place that knows how the truth is kept: in SQLite inside
// the data folder, or in PostgreSQL when one machine is too small. Both have one
// schema, one set of queries and one set of tests.
//
// Queries are written once, with ? for parameters, BIGINT for times (milliseconds
// since 1970), TEXT and bytes. All changes go through Write, which shares commits:
// whatever waits at the same moment is applied in one transaction and made durable
// by one sync (SQLite synchronous=FULL, PostgreSQL synchronous_commit=on). When
// Write has returned nil, the change survives a power cut.
//
// The package must not know any SES concept; each core package holds its own SQL.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"sesame/internal/base/drain"
	"sesame/internal/base/fault"
)

// Options say which database to open.
type Options struct {
	URL  string // postgres:// URL; empty means SQLite
	Path string // SQLite file; its folder must exist
	Log  *slog.Logger

	// MaxQueued bounds the writes that wait for a commit; more are refused with
	// Unavailable. 0 means 10,000.
	MaxQueued int
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	dialect dialect
	read    *sql.DB
	writers []*writer
	ops     chan *op
	stop    chan struct{}
	wg      sync.WaitGroup
	ctx     context.Context // of all commits
	giveUp  context.CancelFunc
	log     *slog.Logger
	queries queryCache

	taking sync.RWMutex // held to read while an op is handed over, to write by Close
	closed bool
	stats  stats
	bells  bells
}

const (
	maxBatch      = 256 // ops in one commit; bounds how long a single op can wait for its neighbours
	pgWriters     = 4   // concurrent committers; PostgreSQL shares their syncs itself
	readersSQLite = 4
	readersPG     = 16
)

// Open opens the database, brings its schema up to date and starts the writers.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxQueued == 0 {
		o.MaxQueued = 10_000
	}
	db := &DB{ops: make(chan *op, o.MaxQueued), stop: make(chan struct{}), log: o.Log}
	db.ctx, db.giveUp = context.WithCancel(context.WithoutCancel(ctx))
	var write *sql.DB
	var err error
	n := 1
	if o.URL != "" {
		db.dialect = postgres
		n = pgWriters
		write, db.read, err = openPostgres(o.URL)
	} else {
		db.dialect = sqliteDialect
		write, db.read, err = openSQLite(o.Path)
	}
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	if err := migrate(ctx, write, db.dialect); err != nil {
		return nil, errors.Join(fmt.Errorf("store: migrate: %w", err), write.Close(), db.read.Close())
	}
	for range n {
		w := &writer{db: db, pool: write}
		db.writers = append(db.writers, w)
		db.wg.Add(1)
		go w.run()
	}
	return db, nil
}

func openSQLite(path string) (write, read *sql.DB, err error) {
	// The file is created private before SQLite does it with the umask.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := f.Close(); err != nil {
		return nil, nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, err
	}
	base := "file:" + strings.NewReplacer("?", "%3f", "#", "%23", "%", "%25").Replace(abs) +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=wal_autocheckpoint(4000)&_pragma=journal_size_limit(67108864)&_pragma=temp_store(MEMORY)"
	if write, err = sql.Open("sqlite", base+"&_pragma=cache_size(-65536)"); err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	if read, err = sql.Open("sqlite", base+"&_pragma=query_only(1)&_pragma=cache_size(-8192)"); err != nil {
		return nil, nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(readersSQLite)
	read.SetMaxIdleConns(readersSQLite)
	return write, read, nil
}

func openPostgres(url string) (write, read *sql.DB, err error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, nil, errors.New("the database URL does not parse") // pgx's text may hold the password
	}
	cfg.RuntimeParams["application_name"] = "sesame"
	cfg.RuntimeParams["synchronous_commit"] = "on"
	write = stdlib.OpenDB(*cfg)
	write.SetMaxOpenConns(pgWriters + 1)
	read = stdlib.OpenDB(*cfg)
	read.SetMaxOpenConns(readersPG)
	read.SetMaxIdleConns(readersPG)
	return write, read, nil
}

// Close waits for the writes that were taken and closes the database. Later writes
// are refused.
func (db *DB) Close() error { return db.Shutdown(context.Background()) }

// endTimeout is how long commits that were given up may take to end.
const endTimeout = time.Second

// Shutdown is Close for whoever can't wait: at the end of ctx it gives up the commits
// under way and refuses the writes that wait, with Unavailable. If the database does not
// even let go then, it is left open, with an error; all that is left to do is to exit.
func (db *DB) Shutdown(ctx context.Context) error {
	db.taking.Lock()
	if !db.closed {
		db.closed = true
		close(db.stop)
	}
	db.taking.Unlock()
	ended := drain.Done(&db.wg)
	err := drain.Wait(ctx, ended)
	db.giveUp()
	if err != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		if drain.Wait(last, ended) != nil {
			return fmt.Errorf("store: the database does not answer and was left: %w", err)
		}
	}
	errs := []error{err}
	for _, w := range db.writers {
		errs = append(errs, w.close())
	}
	if len(db.writers) > 0 {
		errs = append(errs, db.writers[0].pool.Close())
	}
	return errors.Join(append(errs, db.read.Close())...)
}

// Engine is "sqlite" or "postgres".
func (db *DB) Engine() string { return db.dialect.name }

// Shared reports whether other nodes may use the database at the same time.
func (db *DB) Shared() bool { return db.dialect.name == postgres.name }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.read.PingContext(ctx) }

// Query runs a query outside any transaction. It sees every committed Write.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.read.QueryContext(ctx, db.queries.get(db.dialect, query), args...)
}

// QueryRow is Query for at most one row; Scan gives sql.ErrNoRows if there is none.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return db.read.QueryRowContext(ctx, db.queries.get(db.dialect, query), args...)
}

// IsConflict reports whether err is a unique constraint's refusal.
func IsConflict(err error) bool {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code == "23505"
	}
	var se *sqlite.Error
	if errors.As(err, &se) {
		return se.Code() == sqliteConstraintUnique || se.Code() == sqliteConstraintPrimaryKey
	}
	return false
}

// The SQLite result codes that matter here (https://www.sqlite.org/rescode.html).
const (
	sqliteBusy                 = 5
	sqliteLocked               = 6
	sqliteIOErr                = 10
	sqliteFull                 = 13
	sqliteConstraintPrimaryKey = 1555
	sqliteConstraintUnique     = 2067
)

// unavailable is the fault for a change that could not be made now, or whose outcome is
// unknown.
func unavailable(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Op: "store.Write", Text: "Temporary service failure", Err: err}
}

// transient reports whether err ended a transaction that would go through if it were
// tried again: PostgreSQL's class 40, deadlocks and serialization.
func transient(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && strings.HasPrefix(pe.Code, "40")
}

// Wrap makes the error of a query a fault, as Write does with its own: Unavailable where
// the database does not answer, else Internal. Faults and nil pass.
func Wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	err = classify(err)
	var f *fault.Error
	if errors.As(err, &f) && f.Op == "store.Write" {
		f.Op = op
	}
	return err
}

// classify turns the error of an op into a fault: no room and no server are
// Unavailable, all else is Internal. Faults pass.
func classify(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	var se *sqlite.Error
	if errors.As(err, &se) {
		switch se.Code() & 0xff {
		case sqliteFull, sqliteIOErr, sqliteBusy, sqliteLocked:
			return unavailable(err)
		}
		return fault.Wrap("store.Write", err)
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		// PostgreSQL's Appendix A: 08 connection, 53 resources, 57 operator intervention.
		for _, class := range []string{"08", "53", "57"} {
			if strings.HasPrefix(pe.Code, class) {
				return unavailable(err)
			}
		}
		return fault.Wrap("store.Write", err)
	}
	var ne net.Error
	if errors.As(err, &ne) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return unavailable(err)
	}
	return fault.Wrap("store.Write", err)
}

// Millis is t as the store keeps it; Time is its inverse. The zero time is 0.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time is the time that Millis made ms from, in UTC.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Flag is a bool as both engines keep it.
func Flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
