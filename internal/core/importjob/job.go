// SPDX-License-Identifier: Apache-2.0

// Package importjob adds addresses to suppression lists and contacts to contact lists from
// files in buckets, or removes them (SES API v2: CreateImportJob).
//
// A job is a row. The nodes take jobs by a lease and work through the file batch by batch;
// after each batch the row says how far it is. When a node dies, another one goes on behind
// the last batch that is known to be done; the one that was under way is done again, which
// changes nothing, since a record that is imported twice is imported.
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
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/bucket"
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
	Error       string // of a failed job, for its owner
	Processed   int64  // records that are dealt with, those that failed included
	Failed      int64
	CreatedAt   time.Time
	CompletedAt time.Time // zero while it is not

	etag  string
	lease string
}

// Objects are the buckets that files are read from and reports written to.
type Objects interface {
	Get(ctx context.Context, sc scope.Scope, bucket, key string) (bucket.Object, bucket.Content, error)
	Create(ctx context.Context, sc scope.Scope, bucket string) error
	Put(ctx context.Context, sc scope.Scope, bucket string, d bucket.Draft, content io.Reader) (bucket.Object, error)
}

// Addresses is the suppression list.
type Addresses interface {
	Import(ctx context.Context, sc scope.Scope, records []suppression.Record) []error
	Remove(ctx context.Context, sc scope.Scope, records []suppression.Record) []error
}

// Lists are the contact lists.
type Lists interface {
	List(ctx context.Context, sc scope.Scope, name string) (contact.List, error)
	Import(ctx context.Context, sc scope.Scope, list string, contacts []contact.Contact) []error
	Remove(ctx context.Context, sc scope.Scope, list string, contacts []contact.Contact) []error
}

// Options configure Jobs.
type Options struct {
	DB        *store.DB
	Clock     clock.Clock
	Objects   Objects
	Addresses Addresses
	Contacts  Lists
}

// Jobs keeps import jobs. It is safe for concurrent use.
type Jobs struct{ o Options }

// New returns the jobs that are kept in o.DB.
func New(o Options) *Jobs { return &Jobs{o} }

// bell rings when there is a new job.
const bell = "import jobs"

// MaxPage is how many jobs a page may have; ours.
const MaxPage = 1000

// MaxWaiting is how many jobs of an account may be unfinished in a region; ours.
const MaxWaiting = 20

var objectURL = regexp.MustCompile(`^s3://([^/]+)/(.+)$`)

// Location is the bucket and the key that an S3Url names.
func Location(url string) (bucketName, key string, err error) {
	m := objectURL.FindStringSubmatch(url)
	if m == nil || !bucket.ValidName(m[1]) || len(m[2]) > bucket.MaxKey {
		return "", "", fault.InField(fault.Invalid, "S3Url", "S3Url must be an object in a bucket: s3://BUCKET/KEY.")
	}
	return m[1], m[2], nil
}

// Create queues a job and returns its id. The object has to be there, and the contact list
// too.
func (j *Jobs) Create(ctx context.Context, job Job) (string, error) {
	name, key, err := Location(job.URL)
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
	_, content, err := j.o.Objects.Get(ctx, job.Scope, name, key)
	switch {
	case errors.Is(err, bucket.ErrNoBucket), errors.Is(err, bucket.ErrNoObject):
		return "", fault.InField(fault.Invalid, "S3Url", "The object %s does not exist in this account and region.", fault.Printable(job.URL))
	case err != nil:
		return "", err
	}
	if err := content.Close(); err != nil {
		return "", err
	}
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
			processed, failed, created_at, completed_at, lease, leased_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 0, 0, ?, 0, '', 0)`,
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

const selectJob = `SELECT account, region, id, destination, action, list, url, format, state, error, etag, processed, failed, created_at,
	completed_at FROM import_jobs`

func scan(row interface{ Scan(...any) error }) (job Job, err error) {
	var created, completed int64
	err = row.Scan(&job.Scope.Account, &job.Scope.Region, &job.ID, &job.Destination, &job.Action, &job.List, &job.URL, &job.Format, &job.State,
		&job.Error, &job.etag, &job.Processed, &job.Failed, &created, &completed)
	job.CreatedAt = store.Time(created)
	if completed > 0 {
		job.CompletedAt = store.Time(completed)
	}
	return job, err
}

// Get returns a job.
func (j *Jobs) Get(ctx context.Context, sc scope.Scope, id string) (Job, error) {
	job, err := scan(j.o.DB.QueryRow(ctx, selectJob+` WHERE account = ? AND region = ? AND id = ?`, sc.Account, sc.Region, id))
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
