// SPDX-License-Identifier: Apache-2.0

package importjob

import (
	"context"
	"errors"
	"io"
	"unicode/utf8"

	"sesame/internal/base/fault"
	"sesame/internal/core/store"
)

// Bounds of a batch, which is one commit: small enough that senders never wait long for it.
const (
	batchRecords = 250
	batchOctets  = 4 << 20
)

// turn is how many batches a job has before others that wait have theirs.
const turn = 100

// work deals with the records of a job's file that are not dealt with yet; done is false if
// the turn is over before.
func (j *Jobs) work(ctx context.Context, job *Job) (done bool, err error) {
	to := j.sink(*job)
	if job.etag == "" { // nothing is done yet: a file that is refused changes nothing
		if err := j.check(ctx, job, to); err != nil {
			return false, err
		}
	}
	content, _, err := j.open(ctx, job)
	if err != nil {
		return false, err
	}
	defer content.Close()
	from, err := begin(*job, to, content)
	if err != nil {
		return false, err
	}
	for n := int64(0); n < job.Processed; n++ {
		if _, err := from.next(); err != nil && !errors.Is(err, errTooLong) {
			return false, err
		}
	}
	for n := 1; ; n++ {
		more, err := j.batch(ctx, job, from, to)
		if err != nil || !more {
			return err == nil, err
		}
		if n%turn == 0 {
			if wait, err := j.othersWait(ctx); err != nil || wait {
				return false, err
			}
		}
	}
}

// open opens a job's file, which must be the one that was begun with.
func (j *Jobs) open(ctx context.Context, job *Job) (content io.ReadCloser, etag string, err error) {
	at, err := ParseURL(job.URL)
	if err != nil {
		return nil, "", err
	}
	content, etag, err = j.o.Objects.Open(ctx, job.Scope, at)
	if err != nil {
		return nil, "", err
	}
	if job.etag != "" && job.etag != etag {
		changed := fault.New(fault.Invalid, "The object %s changed while it was imported.", fault.Printable(job.URL))
		return nil, "", errors.Join(changed, content.Close())
	}
	return attended{content, func() error { return j.keep(ctx, job) }}, etag, nil
}

// attended is a file that is read under a lease, whatever is in it.
type attended struct {
	io.ReadCloser
	keep func() error
}

// Read reads on, if the lease can be kept.
func (a attended) Read(b []byte) (int, error) {
	if err := a.keep(); err != nil {
		return 0, err
	}
	return a.ReadCloser.Read(b)
}

// begin finds the records of a file, behind its header.
func begin(job Job, to sink, content io.Reader) (reader, error) {
	from := records(job, content)
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

// check reads a file once, to see whether it has a header and not too many records. From then
// on no other file will do.
func (j *Jobs) check(ctx context.Context, job *Job, to sink) error {
	content, etag, err := j.open(ctx, job)
	if err != nil {
		return err
	}
	defer content.Close()
	from, err := begin(*job, to, content)
	if err != nil {
		return err
	}
	for n := int64(0); n <= to.max(); n++ {
		_, err := from.next()
		if errors.Is(err, io.EOF) {
			job.etag = etag
			return nil
		}
		if err != nil && !errors.Is(err, errTooLong) {
			return err
		}
	}
	return fault.New(fault.Invalid, "The file has more than %d records.", to.max())
}

// portion is what was read of a file for one commit.
type portion struct {
	records  int64
	more     bool // there may be others behind it
	taken    []failure
	failures []failure
}

// failure is a record that was not imported.
type failure struct {
	n      int64 // of the records before it
	record []byte
	err    string
}

// maxKept is how much of a record that failed is kept for the report.
const maxKept = 4 << 10

func (p *portion) fail(f failure, err error) {
	f.record = f.record[:min(len(f.record), maxKept)]
	f.err = printable(fault.PeerText(err))
	p.failures = append(p.failures, f)
}

// read reads records into the sink's batch; n of the file's are before them.
func read(from reader, to sink, n int64) (p portion, err error) {
	for octets := 0; p.records < batchRecords && octets < batchOctets; p.records++ {
		record, err := from.next()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil && !errors.Is(err, errTooLong) {
			return p, err
		}
		octets += len(record)
		if err == nil && !utf8.Valid(record) {
			err = fault.New(fault.Invalid, "The record is not UTF-8.")
		}
		if err == nil {
			err = to.add(record)
		}
		if f := (failure{n: n + p.records, record: record}); err != nil {
			p.fail(f, err)
		} else {
			p.taken = append(p.taken, f)
		}
	}
	p.more = true
	return p, nil
}

// batch deals with some records: what they change, which of them failed and how far the job
// is are one commit.
func (j *Jobs) batch(ctx context.Context, job *Job, from reader, to sink) (more bool, err error) {
	p, err := read(from, to, job.Processed)
	if err != nil {
		return false, err
	}
	write, errs, err := to.flush(ctx)
	if err != nil {
		return false, err
	}
	for i, err := range errs {
		if err != nil {
			p.fail(p.taken[i], err)
		}
	}
	done := *job
	done.Failed += int64(len(p.failures))
	done.Processed += p.records
	rows := make([][]any, len(p.failures))
	for i, f := range p.failures {
		rows[i] = []any{job.Scope.Account, job.Scope.Region, job.ID, f.n, f.record, f.err}
	}
	err = j.renew(ctx, &done, leaseFor, func(tx *store.Tx) error {
		if err := write(tx); err != nil {
			return err
		}
		_, err := tx.ExecRows(`INSERT INTO import_failures (account, region, job, n, record, error) VALUES {{rows}}`, rows)
		return err
	})
	if err == nil {
		j.stats.records.Add(p.records)
		j.stats.failed.Add(int64(len(p.failures)))
		*job = done
	}
	return p.more, err
}
