// SPDX-License-Identifier: Apache-2.0

// Package importjob adds addresses to suppression lists and contacts to contact lists from
// files in buckets, or removes them (SES API v2: CreateImportJob).
//
// A job is a row. The nodes take jobs by a lease and work through the file batch by batch.
// What a batch changes, which of its records failed, and how far the job is then, are one
// commit, which is refused when the lease is lost. So each record takes effect and is counted
// once, whichever node dies or is late: the next one goes on behind the last batch. Others'
// jobs do not wait for a large one, since nodes take turns among those that wait.
package importjob

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/contact"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
)

// Destination is what a job imports into, in API v2's spelling.
type Destination string

// The destinations.
const (
	Suppression Destination = "SUPPRESSION_LIST"
	Contacts    Destination = "CONTACT_LIST"
)

// State is how far a job is, in API v2's spelling.
type State string

// The states.
const (
	Created    State = "CREATED"
	Processing State = "PROCESSING"
	Completed  State = "COMPLETED" // with or without records that failed
	Failed     State = "FAILED"    // Error says why
)

// The formats of files and the actions.
const (
	CSV    = "CSV"
	JSON   = "JSON"
	Put    = "PUT"
	Delete = "DELETE"
)

// Job is an import job.
type Job struct {
	Scope       scope.Scope
	ID          string // a UUID
	Destination Destination
	Action      string
	List        string // name of the contact list
	URL         string // s3://BUCKET/KEY
	Format      string

	State       State
	Error       string // of a failed job or of one without its report, for the owner
	Processed   int64  // records that are dealt with, those that failed included
	Failed      int64
	Reported    bool // there is a report of the records that failed
	CreatedAt   time.Time
	CompletedAt time.Time // zero while it is not

	etag  string
	lease string
	until time.Time // the end of the lease
}

// Addresses is the suppression list.
type Addresses interface {
	Adding(sc scope.Scope, records []suppression.Record) (write func(*store.Tx) error, errs []error)
	Removing(sc scope.Scope, records []suppression.Record) (write func(*store.Tx) error, errs []error)
}

// Lists are the contact lists.
type Lists interface {
	List(ctx context.Context, sc scope.Scope, name string) (contact.List, error)
	Adding(ctx context.Context, sc scope.Scope, list string, contacts []contact.Contact) (write func(*store.Tx) error, errs []error, err error)
	Removing(ctx context.Context, sc scope.Scope, list string, contacts []contact.Contact) (write func(*store.Tx) error, errs []error, err error)
}

// Authorizer decides who may read an object.
type Authorizer interface {
	Authorize(ctx context.Context, c access.Call) error
}

// Options configure Jobs.
type Options struct {
	DB        *store.DB
	Clock     clock.Clock
	Node      string // NODE/START, as of the spool: the owner of leases
	Objects   Objects
	Access    Authorizer
	Addresses Addresses
	Contacts  Lists
}

// Jobs keeps import jobs. It is safe for concurrent use.
type Jobs struct {
	o     Options
	stats struct{ records, failed, completed, refused, errors atomic.Int64 }
}

// New returns the jobs that are kept in o.DB.
func New(o Options) *Jobs { return &Jobs{o: o} }

// Stats are counters of this node since its start, for metrics.
type Stats struct {
	Records, Failed    int64 // records dealt with, and those of them that failed
	Completed, Refused int64 // jobs that ended, as COMPLETED and as FAILED
	Errors             int64 // of the server; the jobs are tried again
}

// Stats returns the present counters.
func (j *Jobs) Stats() Stats {
	s := &j.stats
	return Stats{s.records.Load(), s.failed.Load(), s.completed.Load(), s.refused.Load(), s.errors.Load()}
}

// bell rings when there is a new job.
const bell = "import jobs"

// MaxPage is how many jobs a page may have; ours.
const MaxPage = 1000

// MaxWaiting is how many jobs of an account may be unfinished in a region; ours.
const MaxWaiting = 20

// Create queues a job of who asks, and returns its id. The object has to be there, and who
// asks has to be allowed to read it; the contact list has to be there, too.
func (j *Jobs) Create(ctx context.Context, who access.Request, job Job) (string, error) {
	job.Scope = who.Scope
	at, err := ParseURL(job.URL)
	if err != nil {
		return "", err
	}
	// The report of what failed shows the content of the file.
	err = j.o.Access.Authorize(ctx, access.Call{Request: who, Action: "s3:GetObject", Resources: []access.Resource{{ARN: at.ARN()}}})
	if err != nil {
		return "", err
	}
	if job.Destination == Contacts {
		_, err := j.o.Contacts.List(ctx, job.Scope, job.List)
		if fault.Is(err, fault.NotFound) { // the operation has no error of that kind
			return "", fault.InField(fault.Invalid, "ContactListName", "%s", fault.PeerText(err))
		}
		if err != nil {
			return "", err
		}
	}
	if err := j.look(ctx, job.Scope, at); err != nil {
		return "", err
	}
	return j.insert(ctx, job)
}

// lookFor is how long whoever creates a job waits for the bucket.
const lookFor = 15 * time.Second

// look refuses an object that can't be read.
func (j *Jobs) look(ctx context.Context, sc scope.Scope, at Place) error {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	content, _, err := j.o.Objects.Open(ctx, sc, at)
	if err != nil && owners(err) {
		return fault.InField(fault.Invalid, "S3Url", "%s", fault.PeerText(err))
	}
	if err != nil {
		return err
	}
	return content.Close()
}

// insert writes the row of a job, and returns its id.
func (j *Jobs) insert(ctx context.Context, job Job) (string, error) {
	id, err := newID()
	if err != nil {
		return "", err
	}
	var refused error
	err = j.o.DB.Write(ctx, func(tx *store.Tx) error {
		refused = nil
		n := 0
		if err := tx.Get([]any{&n}, `SELECT COUNT(*) FROM import_jobs WHERE account = ? AND region = ? AND state IN ('CREATED', 'PROCESSING')`,
			job.Scope.Account, job.Scope.Region); err != nil {
			return err
		}
		if n >= MaxWaiting {
			refused = fault.New(fault.LimitExceeded, "The account has %d import jobs that are not finished.", n)
			return nil
		}
		tx.Ring(bell)
		_, err := tx.Exec(`INSERT INTO import_jobs (account, region, id, destination, action, list, url, format, state, error, etag,
			processed, failed, reported, created_at, completed_at, lease, leased_until)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 0, 0, 0, ?, 0, '', 0)`,
			job.Scope.Account, job.Scope.Region, id, string(job.Destination), job.Action, job.List, job.URL, job.Format, string(Created),
			store.Millis(j.o.Clock()))
		return err
	})
	return id, errors.Join(err, refused)
}

// newID is a random UUID (RFC 9562, version 4).
func newID() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(rand.Reader, b[:]); err != nil {
		return "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

const selectJob = `SELECT account, region, id, destination, action, list, url, format, state, error, etag, processed, failed, reported,
	created_at, completed_at FROM import_jobs`

func scan(row interface{ Scan(...any) error }) (job Job, err error) {
	var created, completed int64
	err = row.Scan(&job.Scope.Account, &job.Scope.Region, &job.ID, &job.Destination, &job.Action, &job.List, &job.URL, &job.Format, &job.State,
		&job.Error, &job.etag, &job.Processed, &job.Failed, &job.Reported, &created, &completed)
	job.CreatedAt = store.Time(created)
	if completed > 0 {
		job.CompletedAt = store.Time(completed)
	}
	return job, err
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Get returns a job, or NotFound.
func (j *Jobs) Get(ctx context.Context, sc scope.Scope, id string) (Job, error) {
	err := sql.ErrNoRows
	var job Job
	if uuid.MatchString(id) {
		job, err = scan(j.o.DB.QueryRow(ctx, selectJob+` WHERE account = ? AND region = ? AND id = ?`, sc.Account, sc.Region, id))
	}
	if errors.Is(err, sql.ErrNoRows) {
		return job, fault.InField(fault.NotFound, "JobId", "Import job %s does not exist.", fault.Printable(id))
	}
	return job, store.Wrap("importjob.Get", err)
}

// Position is where a page begins: behind a job. The zero value is the beginning.
type Position struct {
	At time.Time
	ID string
}

// List lists jobs, the newest first: those of a destination, or with "" all. more says
// that there are others behind them.
func (j *Jobs) List(ctx context.Context, sc scope.Scope, d Destination, behind Position, limit int) (jobs []Job, more bool, err error) {
	query := []string{selectJob + ` WHERE account = ? AND region = ?`}
	args := []any{sc.Account, sc.Region}
	if d != "" {
		query, args = append(query, `destination = ?`), append(args, string(d))
	}
	if behind != (Position{}) {
		query, args = append(query, `(created_at, id) < (?, ?)`), append(args, store.Millis(behind.At), behind.ID)
	}
	rows, err := j.o.DB.Query(ctx, strings.Join(query, ` AND `)+` ORDER BY created_at DESC, id DESC LIMIT ?`, append(args, limit+1)...)
	if err != nil {
		return nil, false, store.Wrap("importjob.List", err)
	}
	defer rows.Close()
	for rows.Next() {
		job, err := scan(rows)
		if err != nil {
			return nil, false, store.Wrap("importjob.List", err)
		}
		jobs = append(jobs, job)
	}
	if len(jobs) > limit {
		return jobs[:limit], true, nil
	}
	return jobs, false, store.Wrap("importjob.List", rows.Err())
}

// ReportURL returns a URL by which anybody may read the report of a job's failed records for
// an hour; "" if there is none.
func (j *Jobs) ReportURL(ctx context.Context, job Job) (string, error) {
	if !job.Reported {
		return "", nil
	}
	return j.o.Objects.ReportURL(ctx, job.Scope, job.ID)
}

// keepFinished is how long jobs are shown that are finished; ours.
const keepFinished = 90 * 24 * time.Hour

// Clean forgets jobs that were finished 90 days ago. Their reports stay.
func (j *Jobs) Clean(ctx context.Context) error {
	const most = 500
	for n := int64(most); n >= most; {
		err := j.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.Exec(`DELETE FROM import_jobs WHERE (account, region, id) IN
				(SELECT account, region, id FROM import_jobs WHERE completed_at > 0 AND completed_at <= ? LIMIT ?)`,
				store.Millis(j.o.Clock().Add(-keepFinished)), most)
			return err
		})
		if err != nil {
			return store.Wrap("importjob.Clean", err)
		}
	}
	return nil
}
