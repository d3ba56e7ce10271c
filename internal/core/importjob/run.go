// SPDX-License-Identifier: Apache-2.0

package importjob

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

const (
	leaseFor  = 2 * time.Minute  // longer than anything takes between two renewals
	reportFor = 10 * time.Minute // to write a report
	again     = 30 * time.Second // after what was no fault of the file
	rescan    = 15 * time.Second // for jobs of other nodes that died
	giveUp    = 24 * time.Hour   // after a job was created that can't be done
)

// Run works on jobs, one at a time, until ctx ends. What earlier starts of this node were at
// it takes up at once.
func (j *Jobs) Run(ctx context.Context, log *slog.Logger) {
	if err := j.recover(ctx); err != nil && ctx.Err() == nil {
		log.Error("import jobs of an earlier start", "error", err) // their leases will be over
	}
	t := time.NewTicker(rescan)
	defer t.Stop()
	for {
		for {
			found, err := j.Step(ctx)
			if err != nil && ctx.Err() == nil {
				j.stats.errors.Add(1)
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

// recover ends the leases of earlier starts of this node.
func (j *Jobs) recover(ctx context.Context) error {
	node, _, _ := strings.Cut(j.o.Node, "/")
	return j.o.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE import_jobs SET leased_until = 0 WHERE state = 'PROCESSING' AND lease LIKE ? AND lease NOT LIKE ?`,
			node+"/%", j.o.Node+"/%")
		return err
	})
}

// Step works on the job that has waited longest, to its end or for a turn if others wait;
// found is false if none does. An error is of the server, not of the file: the job is tried
// again later, from where it is, and fails after a day.
func (j *Jobs) Step(ctx context.Context) (found bool, err error) {
	job, ok, err := j.claim(ctx)
	if err != nil || !ok {
		return false, err
	}
	done, err := j.work(ctx, &job)
	switch {
	case err != nil && owners(err):
		err = j.finish(ctx, &job, Failed, fault.PeerText(err))
	case err == nil && done:
		err = j.finish(ctx, &job, Completed, "")
	}
	switch {
	case errors.Is(err, errLost):
		return true, nil
	case err == nil && done || !job.CompletedAt.IsZero():
		return true, err
	case err != nil && ctx.Err() == nil && j.o.Clock().Sub(job.CreatedAt) > giveUp:
		return true, errors.Join(err, j.end(ctx, &job, Failed, fault.PeerText(err)))
	}
	wait := time.Duration(0) // the turn is over, or this node stops: any other may go on
	if err != nil && ctx.Err() == nil {
		wait = again
	}
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return true, errors.Join(err, j.renew(back, &job, wait, nothing))
}

// owners reports whether an error is one of the file or of what its owner has set.
func owners(err error) bool {
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable, fault.Throttled, fault.Conflict:
		return false
	}
	return true
}

// due are the jobs that wait, as a condition with the time as its parameter.
const due = `state IN ('CREATED', 'PROCESSING') AND leased_until <= ?`

// claim leases the job that has waited longest.
func (j *Jobs) claim(ctx context.Context) (job Job, ok bool, err error) {
	id, err := newID()
	if err != nil {
		return job, false, err
	}
	lease := j.o.Node + "/" + id
	var until time.Time
	err = j.o.DB.Write(ctx, func(tx *store.Tx) error {
		now := j.o.Clock()
		var sc scope.Scope
		var id string
		ok, until = false, now.Add(leaseFor)
		err := tx.Get([]any{&sc.Account, &sc.Region, &id},
			`SELECT account, region, id FROM import_jobs WHERE `+due+` ORDER BY leased_until, created_at, id LIMIT 1`, store.Millis(now))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE import_jobs SET state = 'PROCESSING', lease = ?, leased_until = ? WHERE account = ? AND region = ? AND id = ? AND `+due,
			lease, store.Millis(until), sc.Account, sc.Region, id, store.Millis(now))
		if ok = n == 1; ok {
			job.Scope, job.ID = sc, id
		}
		return err
	})
	if err != nil || !ok {
		return job, false, err
	}
	job, err = j.Get(ctx, job.Scope, job.ID)
	job.lease, job.until = lease, until
	return job, true, err
}

// othersWait reports whether there is a job for which nobody has time.
func (j *Jobs) othersWait(ctx context.Context) (wait bool, err error) {
	err = j.o.DB.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM import_jobs WHERE `+due+`)`, store.Millis(j.o.Clock())).Scan(&wait)
	return wait, store.Wrap("importjob.Step", err)
}

// errLost says that another node has the job now.
var errLost = errors.New("importjob: the lease is lost")

func nothing(*store.Tx) error { return nil }

// renew notes how far a job is, with what else is to be written in the commit, if it is
// still this node's.
func (j *Jobs) renew(ctx context.Context, job *Job, lease time.Duration, also func(*store.Tx) error) error {
	var lost error
	var until time.Time
	err := j.o.DB.Write(ctx, func(tx *store.Tx) error {
		lost, until = nil, j.o.Clock().Add(lease)
		completed := int64(0)
		if !job.CompletedAt.IsZero() {
			completed = store.Millis(job.CompletedAt)
		}
		n, err := tx.Exec(`UPDATE import_jobs SET state = ?, error = ?, etag = ?, processed = ?, failed = ?, reported = ?, completed_at = ?,
			leased_until = ? WHERE account = ? AND region = ? AND id = ? AND lease = ? AND state = 'PROCESSING'`,
			string(job.State), job.Error, job.etag, job.Processed, job.Failed, store.Flag(job.Reported), completed,
			store.Millis(until), job.Scope.Account, job.Scope.Region, job.ID, job.lease)
		if err != nil {
			return err
		}
		if n == 0 {
			lost = errLost
			return nil
		}
		return also(tx)
	})
	if err == nil && lost == nil {
		job.until = until
	}
	return errors.Join(err, lost)
}

// keep renews the lease when half of it is over.
func (j *Jobs) keep(ctx context.Context, job *Job) error {
	if job.until.Sub(j.o.Clock()) > leaseFor/2 {
		return nil
	}
	return j.renew(ctx, job, leaseFor, nothing)
}

// finish writes the report of the records that failed, and ends the job. A report that can't
// be written for its owner's sake ends it, too.
func (j *Jobs) finish(ctx context.Context, job *Job, state State, text string) error {
	if job.Failed > 0 {
		if err := j.renew(ctx, job, reportFor, nothing); err != nil {
			return err
		}
		err := j.report(ctx, job)
		if err != nil && !owners(err) {
			return err
		}
		if job.Reported = err == nil; err != nil {
			text += " The list of the records that failed could not be written: " + fault.PeerText(err)
		}
	}
	return j.end(ctx, job, state, text)
}

// end ends a job.
func (j *Jobs) end(ctx context.Context, job *Job, state State, text string) error {
	ended := *job
	ended.State, ended.Error, ended.CompletedAt = state, printable(text), j.o.Clock()
	err := j.renew(ctx, &ended, 0, func(tx *store.Tx) error {
		_, err := tx.Exec(`DELETE FROM import_failures WHERE account = ? AND region = ? AND job = ?`, job.Scope.Account, job.Scope.Region, job.ID)
		return err
	})
	if err != nil {
		return err
	}
	if *job = ended; state == Completed {
		j.stats.completed.Add(1)
	} else {
		j.stats.refused.Add(1)
	}
	return nil
}
