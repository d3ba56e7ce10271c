// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
)

// commitTimeout bounds one commit with all its statements. A database that takes
// longer is treated as gone; the outcome of the commit is then unknown, as after a
// crash.
const commitTimeout = 30 * time.Second

// op is one caller's change while it waits for its commit.
type op struct {
	fn   func(*Tx) error
	done chan error
}

type stats struct {
	commits, ops, failures atomic.Int64
}

// Stats are counters since Open, for metrics.
type Stats struct {
	Commits  int64 // transactions committed
	Ops      int64 // writes in them
	Failures int64 // commits that failed
	Queued   int   // writes that wait now
	MaxQueue int
}

// Stats returns the present counters.
func (db *DB) Stats() Stats {
	return Stats{db.stats.commits.Load(), db.stats.ops.Load(), db.stats.failures.Load(), len(db.ops), cap(db.ops)}
}

// Write applies fn in a transaction and returns when it is durable. Others' changes
// share the transaction; an error of fn undoes only fn's own. fn may run more than
// once (its neighbour failed) and must change nothing but the database and variables
// that it sets anew each time. It must not wait for anything outside the database.
//
// Write does not stop for ctx once the change has been taken: whoever gets an error
// of kind Unavailable must take the outcome as unknown.
func (db *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := &op{fn: fn, done: make(chan error, 1)}
	select {
	case <-db.stop:
		return &fault.Error{Kind: fault.Unavailable, Op: "store.Write", Text: "Temporary service failure", Err: errors.New("closed")}
	default:
	}
	select {
	case db.ops <- o:
	default:
		return &fault.Error{Kind: fault.Unavailable, Op: "store.Write", Text: "Temporary service failure", Err: errors.New("too many writes wait")}
	}
	return <-o.done
}

// writer commits batches over one connection.
type writer struct {
	db    *DB
	pool  *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func (w *writer) run() {
	defer w.db.wg.Done()
	batch := make([]*op, 0, maxBatch)
	for {
		batch = batch[:0]
		select {
		case o := <-w.db.ops:
			batch = append(batch, o)
		case <-w.db.stop:
			w.drain(batch)
			return
		}
		w.commit(w.fill(batch))
	}
}

// fill adds what waits already; it never waits for more.
func (w *writer) fill(batch []*op) []*op {
	for len(batch) < maxBatch {
		select {
		case o := <-w.db.ops:
			batch = append(batch, o)
		default:
			return batch
		}
	}
	return batch
}

// drain commits what was taken before Close.
func (w *writer) drain(batch []*op) {
	for {
		if batch = w.fill(batch[:0]); len(batch) == 0 {
			return
		}
		w.commit(batch)
	}
}

// commit applies the batch. An op that fails is answered and left out, and the rest
// is tried again, since neither engine can take back a part cheaply.
func (w *writer) commit(batch []*op) {
	for len(batch) > 0 {
		failed, err := w.try(batch)
		if err == nil {
			w.db.stats.commits.Add(1)
			w.db.stats.ops.Add(int64(len(batch)))
			for _, o := range batch {
				o.done <- nil
			}
			return
		}
		w.db.stats.failures.Add(1)
		if failed < 0 { // the transaction itself
			w.db.log.Error("commit failed", "ops", len(batch), "error", err)
			for _, o := range batch {
				o.done <- classify(err)
			}
			return
		}
		batch[failed].done <- classify(err)
		batch = append(batch[:failed:failed], batch[failed+1:]...)
	}
}

// try runs one transaction. failed is the op whose function returned err, or -1.
func (w *writer) try(batch []*op) (failed int, err error) {
	ctx, cancel := w.context()
	defer cancel()
	if err := w.connect(ctx); err != nil {
		return -1, err
	}
	if _, err := w.conn.ExecContext(ctx, w.db.dialect.begin); err != nil {
		w.reset()
		return -1, err
	}
	tx := &Tx{ctx: ctx, w: w}
	for i, o := range batch {
		if err := call(o.fn, tx); err != nil {
			w.rollback(ctx)
			return i, err
		}
	}
	err = tx.flushCounters()
	if err == nil {
		_, err = w.conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		w.rollback(ctx)
		return -1, err
	}
	return -1, nil
}

// context bounds a commit. SQLite is in this process and answers by itself; its driver
// would start a goroutine for each statement of a context that can end (a tenth of
// the cost of a commit, by profile).
func (w *writer) context() (context.Context, context.CancelFunc) {
	if !w.db.Shared() {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), commitTimeout)
}

// call keeps a panic in one op from taking the others with it.
func call(fn func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(tx)
}

func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	c, err := w.pool.Conn(ctx)
	if err != nil {
		return err
	}
	w.conn, w.stmts = c, map[string]*sql.Stmt{}
	return nil
}

func (w *writer) rollback(ctx context.Context) {
	if _, err := w.conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		w.reset()
	}
}

// reset drops the connection; the next batch opens another.
func (w *writer) reset() {
	if err := w.close(); err != nil {
		w.db.log.Warn("closing a broken database connection", "error", err)
	}
}

func (w *writer) close() error {
	if w.conn == nil {
		return nil
	}
	var errs []error
	for _, s := range w.stmts {
		errs = append(errs, s.Close())
	}
	// The driver's connection must not go back to the pool with a transaction open.
	_ = w.conn.Raw(func(any) error { return nil })
	errs = append(errs, w.conn.Close())
	w.conn, w.stmts = nil, nil
	return errors.Join(errs...)
}

// Tx is the transaction that a Write's function changes the database through. It is
// valid only during that call.
type Tx struct {
	ctx      context.Context
	w        *writer
	counters map[counterKey]int64
}

func (tx *Tx) stmt(query string) (*sql.Stmt, error) {
	if s, ok := tx.w.stmts[query]; ok {
		return s, nil
	}
	s, err := tx.w.conn.PrepareContext(tx.ctx, tx.w.db.dialect.query(query))
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	tx.w.stmts[query] = s
	return s, nil
}

// Exec runs a statement and returns how many rows it changed. Statements are
// prepared once and kept, so query must not be built from input.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	s, err := tx.stmt(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(tx.ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Query runs a query that sees the transaction's own changes. The rows must be
// closed before the next call on tx.
func (tx *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	s, err := tx.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(tx.ctx, args...)
}

// Get runs a query for one row and scans it into dest. Without a row it returns
// sql.ErrNoRows.
func (tx *Tx) Get(dest []any, query string, args ...any) error {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return errors.Join(rows.Err(), sql.ErrNoRows)
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	return rows.Close()
}

type counterKey struct {
	scope  scope.Scope
	name   string
	minute int64
}

// Count adds n to the counter name of s in the minute of at. The additions of a
// whole batch are written as one change per counter.
func (tx *Tx) Count(s scope.Scope, name string, at time.Time, n int64) {
	if tx.counters == nil {
		tx.counters = map[counterKey]int64{}
	}
	tx.counters[counterKey{s, name, at.Unix() / 60}] += n
}

func (tx *Tx) flushCounters() error {
	for k, n := range tx.counters {
		_, err := tx.Exec(`INSERT INTO counters (account, region, name, minute, value) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (account, region, name, minute) DO UPDATE SET value = counters.value + excluded.value`,
			k.scope.Account, k.scope.Region, k.name, k.minute, n)
		if err != nil {
			return fmt.Errorf("counters: %w", err)
		}
	}
	return nil
}
