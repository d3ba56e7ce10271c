// SPDX-License-Identifier: Apache-2.0

package importjob

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/bucket"
	"sesame/internal/core/store"
)

const (
	batch    = 500              // records between two notes of how far a job is
	leaseFor = 2 * time.Minute  // longer than a batch takes
	again    = 30 * time.Second // after what was no fault of the file
	rescan   = 15 * time.Second // for jobs of other nodes that died
)

// Reports is the bucket of the account that lists of failed records are put into.
const Reports = "ses-import-failures"

// ReportKey is the key of the list of a job's failed records.
func (j Job) ReportKey() string { return j.ID + ".json" }

// Run works on jobs, one after the other, until ctx ends.
func (j *Jobs) Run(ctx context.Context, log *slog.Logger) {
	t := time.NewTicker(rescan)
	defer t.Stop()
	for {
		for {
			found, err := j.Step(ctx)
			if err != nil && ctx.Err() == nil {
				log.Error("import job", "error", err)
			}
			if !found || ctx.Err() != nil {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-j.o.DB.Bell(bell):
		case <-t.C:
		}
	}
}

// Step works on the oldest job that waits, to its end; found is false if none does. An error is of
// the server, not of the file: the job is tried again later, from where it is.
func (j *Jobs) Step(ctx context.Context) (found bool, err error) {
	job, ok, err := j.claim(ctx)
	if err != nil || !ok {
		return false, err
	}
	err = j.work(ctx, &job)
	switch refusal := (*fault.Error)(nil); {
	case err == nil:
		return true, j.finish(ctx, &job, Completed, "")
	case errors.Is(err, errLost):
		return true, nil
	case errors.As(err, &refusal) && mine(err):
		return true, j.finish(ctx, &job, Failed, fault.PeerText(err))
	}
	wait := again
	if ctx.Err() != nil {
		wait = 0 // this node stops; any other may go on
	}
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return true, errors.Join(err, j.renew(back, &job, wait, func(*store.Tx) error { return nil }))
}

// mine reports whether an error is one of the file or of its owner's settings.
func mine(err error) bool {
	return !fault.Is(err, fault.Internal) && !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Throttled) && !fault.Is(err, fault.Conflict)
}

// claim leases the oldest job that waits.
func (j *Jobs) claim(ctx context.Context) (job Job, ok bool, err error) {
	lease, err := newID()
	if err != nil {
		return job, false, err
	}
	err = j.o.DB.Write(ctx, func(tx *store.Tx) error {
		now := j.o.Clock()
		var sc scope.Scope
		var id string
		ok = false
		err := tx.Get([]any{&sc.Account, &sc.Region, &id}, `SELECT account, region, id FROM import_jobs
			WHERE state IN ('CREATED', 'PROCESSING') AND leased_until <= ? ORDER BY created_at, id LIMIT 1`, store.Millis(now))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE import_jobs SET state = 'PROCESSING', lease = ?, leased_until = ? WHERE account = ? AND region = ? AND id = ?
			AND state IN ('CREATED', 'PROCESSING') AND leased_until <= ?`,
			lease, store.Millis(now.Add(leaseFor)), sc.Account, sc.Region, id, store.Millis(now))
		if ok = n == 1; ok {
			job.Scope, job.ID = sc, id
		}
		return err
	})
	if err != nil || !ok {
		return job, false, err
	}
	job, err = j.Get(ctx, job.Scope, job.ID)
	job.lease = lease
	return job, true, err
}

// errLost says that another node has the job now.
var errLost = errors.New("importjob: the lease is lost")

// renew notes how far a job is, with what else is to be written in the commit, if it is
// still this node's.
func (j *Jobs) renew(ctx context.Context, job *Job, lease time.Duration, also func(*store.Tx) error) error {
	var lost error
	err := j.o.DB.Write(ctx, func(tx *store.Tx) error {
		lost = nil
		completed := int64(0)
		if !job.CompletedAt.IsZero() {
			completed = store.Millis(job.CompletedAt)
		}
		n, err := tx.Exec(`UPDATE import_jobs SET state = ?, error = ?, etag = ?, processed = ?, failed = ?, completed_at = ?, leased_until = ?
			WHERE account = ? AND region = ? AND id = ? AND lease = ? AND state = 'PROCESSING'`,
			string(job.State), job.Error, job.etag, job.Processed, job.Failed, completed, store.Millis(j.o.Clock().Add(lease)),
			job.Scope.Account, job.Scope.Region, job.ID, job.lease)
		if err != nil {
			return err
		}
		if n == 0 {
			lost = errLost
			return nil
		}
		return also(tx)
	})
	return errors.Join(err, lost)
}

// finish writes the report of the records that failed, and ends the job.
func (j *Jobs) finish(ctx context.Context, job *Job, state State, text string) error {
	if job.Failed > 0 {
		if err := j.report(ctx, job); err != nil {
			return err
		}
	}
	job.State, job.Error, job.CompletedAt = state, text, j.o.Clock()
	return j.renew(ctx, job, 0, func(tx *store.Tx) error {
		_, err := tx.Exec(`DELETE FROM import_failures WHERE account = ? AND region = ? AND job = ?`, job.Scope.Account, job.Scope.Region, job.ID)
		return err
	})
}

// work deals with the records of a job's file that are not dealt with yet.
func (j *Jobs) work(ctx context.Context, job *Job) error {
	name, key, err := Location(job.URL)
	if err != nil {
		return err
	}
	object, content, err := j.o.Objects.Get(ctx, job.Scope, name, key)
	if errors.Is(err, bucket.ErrNoBucket) || errors.Is(err, bucket.ErrNoObject) {
		return fault.New(fault.NotFound, "The object %s does not exist.", fault.Printable(job.URL))
	}
	if err != nil {
		return err
	}
	defer content.Close()
	if job.etag != "" && job.etag != object.ETag {
		return fault.New(fault.Invalid, "The object %s changed while it was imported.", fault.Printable(job.URL))
	}
	to := j.sink(*job)
	if job.etag == "" { // nothing is done yet: a file that is refused changes nothing
		if err := check(*job, to, content); err != nil {
			return err
		}
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return err
		}
		job.etag = object.ETag
	}
	from, err := begin(*job, to, content)
	if err != nil {
		return err
	}
	for n := int64(0); n < job.Processed; n++ {
		if _, err := from.next(); err != nil && !errors.Is(err, errTooLong) {
			return err
		}
	}
	for more := true; more; {
		if more, err = j.batch(ctx, job, from, to); err != nil {
			return err
		}
	}
	return nil
}

// begin opens a file and reads its header.
func begin(job Job, to sink, content io.Reader) (reader, error) {
	from := open(job, content)
	if !to.hasHeader() {
		return from, nil
	}
	line, err := from.next()
	if errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Invalid, "The file has no header.")
	}
	if err == nil {
		err = to.header(line)
	}
	return from, err
}

// check reads a file once, to see whether it has a header and not too many records.
func check(job Job, to sink, content io.Reader) error {
	from, err := begin(job, to, content)
	if err != nil {
		return err
	}
	for n := int64(0); n <= to.max(); n++ {
		_, err := from.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, errTooLong) {
			return err
		}
	}
	return fault.New(fault.Invalid, "The file has more than %d records.", to.max())
}

// failure is a record that was not imported.
type failure struct {
	n      int64
	record []byte
	err    string
}

// batch deals with some records and notes that they are done.
func (j *Jobs) batch(ctx context.Context, job *Job, from reader, to sink) (more bool, err error) {
	var failures []failure
	var taken []failure // those in the sink's batch; they have no error yet
	n := job.Processed
	for more = true; more && n < job.Processed+batch; {
		record, err := from.next()
		switch {
		case errors.Is(err, io.EOF):
			more = false
			continue
		case err != nil && !errors.Is(err, errTooLong):
			return false, err
		case err == nil:
			err = to.add(record)
		}
		if err != nil {
			failures = append(failures, failure{n, record, fault.PeerText(err)})
		} else {
			taken = append(taken, failure{n: n, record: record})
		}
		n++
	}
	for i, err := range to.flush(ctx) {
		if err != nil && !mine(err) {
			return false, err
		}
		if err != nil {
			taken[i].err = fault.PeerText(err)
			failures = append(failures, taken[i])
		}
	}
	done := *job
	done.Failed += int64(len(failures))
	done.Processed = n
	err = j.renew(ctx, &done, leaseFor, func(tx *store.Tx) error {
		for _, f := range failures {
			_, err := tx.Exec(`INSERT INTO import_failures (account, region, job, n, record, error) VALUES (?, ?, ?, ?, ?, ?)`,
				job.Scope.Account, job.Scope.Region, job.ID, f.n, f.record, f.err)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		*job = done
	}
	return more, err
}

// report writes the records that failed into an object: a JSON object on each line, with
// the record's number, the record and the error.
func (j *Jobs) report(ctx context.Context, job *Job) error {
	if err := j.o.Objects.Create(ctx, job.Scope, Reports); err != nil && !errors.Is(err, bucket.ErrExists) {
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(j.writeFailures(ctx, job, w)) }()
	_, err := j.o.Objects.Put(ctx, job.Scope, Reports, bucket.Draft{
		Key: job.ReportKey(), Size: -1, Meta: map[string]string{"Content-Type": "application/x-ndjson"},
	}, r)
	return errors.Join(err, r.Close())
}

func (j *Jobs) writeFailures(ctx context.Context, job *Job, w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for n, found := int64(-1), true; found; {
		rows, err := j.o.DB.Query(ctx, `SELECT n, record, error FROM import_failures WHERE account = ? AND region = ? AND job = ? AND n > ?
			ORDER BY n LIMIT 100`, job.Scope.Account, job.Scope.Region, job.ID, n)
		if err != nil {
			return store.Wrap("importjob.report", err)
		}
		found = false
		for rows.Next() && err == nil {
			var f failure
			if err = rows.Scan(&f.n, &f.record, &f.err); err == nil {
				n, found = f.n, true
				err = out.Encode(struct {
					Record       int64  `json:"record"`
					Content      string `json:"content"`
					ErrorMessage string `json:"errorMessage"`
				}{f.n + 1, strings.ToValidUTF8(string(f.record), "\ufffd"), f.err})
			}
		}
		if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	return nil
}
