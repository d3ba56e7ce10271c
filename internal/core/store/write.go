// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

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
// share the transaction; an error of fn undoes only fn's own, and what fn had seen of
// the others' is durable or undone when Write returns it. fn may run more than
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
	if err := db.enqueue(o); err != nil {
		return unavailable(err)
	}
	return <-o.done
}

// enqueue hands o to the writers. What was taken before Close is answered.
func (db *DB) enqueue(o *op) error {
	db.taking.RLock()
	defer db.taking.RUnlock()
	if db.closed {
		return errors.New("closed")
	}
	select {
	case db.ops <- o:
		return nil
	default:
		return errors.New("too many writes wait")
	}
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

// maxRetries is how often a batch is tried again whose transaction came to nothing for
// a passing reason.
const maxRetries = 3

// txError is the failure of a transaction as a whole.
type txError struct {
	err   error
	again bool // nothing happened, and the next try may succeed
}

func (e *txError) Error() string { return e.err.Error() }
func (e *txError) Unwrap() error { return e.err }

// commit applies the batch. An op that fails is left out, and the rest is tried again,
// since neither engine can take back a part cheaply. It is answered with the rest: what
// it has failed for may be what another one has done in the same transaction, and whoever
// gets the error must find that.
func (w *writer) commit(batch []*op) {
	var refused []refusal
	defer func() {
		for _, r := range refused {
			r.op.done <- r.err
		}
	}()
	for retries := 0; len(batch) > 0; {
		failed, err := w.try(batch)
		if err == nil {
			w.db.stats.commits.Add(1)
			w.db.stats.ops.Add(int64(len(batch)))
			answer(batch, nil)
			return
		}
		w.db.stats.failures.Add(1)
		var whole *txError
		switch {
		case !errors.As(err, &whole):
			refused = append(refused, refusal{batch[failed], classify(err)})
			batch = append(batch[:failed:failed], batch[failed+1:]...)
		case whole.again && retries < maxRetries && w.db.ctx.Err() == nil:
			retries++
		default:
			w.db.log.Error("commit failed", "ops", len(batch), "error", err)
			answer(batch, unavailable(err))
			return
		}
	}
}

// refusal is what an op that failed is told.
type refusal struct {
	op  *op
	err error
}

func answer(batch []*op, err error) {
	for _, o := range batch {
		o.done <- err
	}
}

// try runs one transaction. Its error is a txError, or that of the op failed.
func (w *writer) try(batch []*op) (failed int, err error) {
	if err := w.db.ctx.Err(); err != nil {
		return 0, &txError{err, false}
	}
	ctx, cancel := w.context()
	defer cancel()
	if err := w.begin(ctx); err != nil {
		return 0, &txError{err, true}
	}
	tx := &Tx{ctx: ctx, w: w}
	for i, o := range batch {
		if err := call(o.fn, tx); err != nil {
			w.rollback(ctx)
			if ctx.Err() != nil || w.conn == nil {
				// The database is slow or gone: the other ops would wait as long, one by one.
				return 0, &txError{err, false}
			}
			if transient(err) {
				return 0, &txError{err, true}
			}
			return i, err
		}
	}
	err = tx.flushCounters()
	if err == nil {
		_, err = w.conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		w.rollback(ctx)
		return 0, &txError{err, transient(err)}
	}
	w.db.bells.ring(tx.rung)
	return 0, nil
}

// begin starts a transaction, on a new connection if the old one is of no use.
func (w *writer) begin(ctx context.Context) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	_, err := w.conn.ExecContext(ctx, w.db.dialect.begin)
	if err != nil {
		w.reset()
	}
	return err
}

// context bounds a commit. SQLite is in this process and answers by itself; its driver
// would start a goroutine for each statement of a context that can end (a tenth of
// the cost of a commit, by profile).
func (w *writer) context() (context.Context, context.CancelFunc) {
	if !w.db.Shared() {
		return context.Background(), func() {}
	}
	return context.WithTimeout(w.db.ctx, commitTimeout)
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
	// The driver's connection must not go back to the pool with a transaction open;
	// this word of an error makes the pool drop it.
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
	if err := w.conn.Close(); !errors.Is(err, sql.ErrConnDone) {
		errs = append(errs, err)
	}
	w.conn, w.stmts = nil, nil
	return errors.Join(errs...)
}

// Tx is the transaction that a Write's function changes the database through. It is
// valid only during that call.
type Tx struct {
	ctx      context.Context
	w        *writer
	counters map[counterKey]int64
	rung     []string
	changed  int64
}

// Changed is how many rows Exec has changed so far.
func (tx *Tx) Changed() int64 { return tx.changed }

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
	n, err := r.RowsAffected()
	tx.changed += n
	return n, err
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
	// All writers take the rows in one order, or they would wait for each other in a ring.
	keys := slices.SortedFunc(maps.Keys(tx.counters), func(a, b counterKey) int {
		return cmp.Or(cmp.Compare(a.scope.Account, b.scope.Account), cmp.Compare(a.scope.Region, b.scope.Region),
			cmp.Compare(a.name, b.name), cmp.Compare(a.minute, b.minute))
	})
	for _, k := range keys {
		n := tx.counters[k]
		_, err := tx.Exec(`INSERT INTO counters (account, region, name, minute, value) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (account, region, name, minute) DO UPDATE SET value = counters.value + excluded.value`,
			k.scope.Account, k.scope.Region, k.name, k.minute, n)
		if err != nil {
			return fmt.Errorf("counters: %w", err)
		}
	}
	return nil
}
