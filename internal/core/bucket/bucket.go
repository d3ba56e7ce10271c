// SPDX-License-Identifier: Apache-2.0

// Package bucket keeps buckets with objects, as Amazon S3 has them: the names in the
// database, the content in a folder, one file an object. No name of a bucket or an object
// is ever part of a path, so that there is nothing that a hostile one could reach.
//
// A file is written once, and synced with its folder, before the row that names it is
// committed; it is removed after the row. What a crash leaves of it is removed by Sweep.
// Several nodes that share a database have to share the folder too.
package bucket

import (
	"cmp"
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Bounds of S3, and ours where it has none.
const (
	MaxKey     = 1024    // octets of an object's key
	MaxBuckets = 100     // of an account in a region
	MaxMeta    = 8 << 10 // octets of an object's headers, as JSON
	MaxPart    = 10_000  // the highest number of a part (S3: multipart upload limits)
	MinPart    = 5 << 20 // octets of every part but the last
)

// The refusals. They are comparable.
var (
	ErrNoBucket   = errors.New("bucket: no such bucket")
	ErrNoObject   = errors.New("bucket: no such object")
	ErrNoUpload   = errors.New("bucket: no such upload")
	ErrExists     = errors.New("bucket: the bucket exists")
	ErrNotEmpty   = errors.New("bucket: the bucket is not empty")
	ErrName       = errors.New("bucket: not the name of a bucket")
	ErrKey        = errors.New("bucket: the key is empty, too long or no UTF-8")
	ErrMeta       = errors.New("bucket: the headers are too large")
	ErrTooLarge   = errors.New("bucket: the object is too large")
	ErrTooMany    = errors.New("bucket: too many buckets")
	ErrIncomplete = errors.New("bucket: the content does not have its size")
	ErrPart       = errors.New("bucket: no such part")
	ErrPartOrder  = errors.New("bucket: the parts are not in order")
	ErrFull       = errors.New("bucket: the disk is full")
	ErrSmallPart  = errors.New("bucket: a part that is not the last is too small")
)

// Options configure a Store.
type Options struct {
	DB        *store.DB
	Dir       string // made if need be
	Clock     clock.Clock
	Random    io.Reader
	MaxObject int64 // octets of one object

	// Free tells how many octets the disk of Dir has left: KeepFree of them are for others, mail
	// before all. nil: nobody asks.
	Free     func(dir string) (int64, error)
	KeepFree int64
}

// Store keeps the buckets of all accounts. It is safe for concurrent use.
type Store struct{ o Options }

// New opens the store.
func New(o Options) (*Store, error) {
	s := &Store{o}
	return s, s.makeFolders()
}

func (s *Store) now() time.Time { return s.o.Clock() }

// ValidName reports whether name may be the name of a bucket (S3: bucket naming rules).
func ValidName(name string) bool {
	return bucketName.MatchString(name) && !strings.Contains(name, "..") && !ipAddress.MatchString(name)
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	ipAddress  = regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+$`)
)

// write runs a change. A refusal is no error of the transaction, which others share. fn may
// run more than once; it refuses before it changes anything. Whoever gets a refusal knows
// that nothing has changed; after another error the change may have been made.
func (s *Store) write(ctx context.Context, fn func(tx *store.Tx) (refusal, err error)) (refusal, err error) {
	err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		refusal, err = fn(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return refusal, nil
}

// touch keeps a bucket from being deleted until the transaction ends; it refuses what is
// not there.
func touch(tx *store.Tx, sc scope.Scope, name string) (refusal, err error) {
	if !ValidName(name) {
		return ErrNoBucket, nil
	}
	n, err := tx.Exec(`UPDATE buckets SET created_at = created_at WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, name)
	if err == nil && n == 0 {
		refusal = ErrNoBucket
	}
	return refusal, err
}

// Bucket is a bucket.
type Bucket struct {
	Name      string
	CreatedAt time.Time
}

// Create makes a bucket; ErrExists if the account has it in the region.
func (s *Store) Create(ctx context.Context, sc scope.Scope, name string) error {
	if !ValidName(name) {
		return ErrName
	}
	refusal, err := s.write(ctx, func(tx *store.Tx) (refusal, err error) {
		n, own := 0, 0
		err = tx.Get([]any{&n, &own}, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN name = ? THEN 1 ELSE 0 END), 0) FROM buckets WHERE account = ? AND region = ?`,
			name, sc.Account, sc.Region)
		switch {
		case err != nil:
			return nil, err
		case own > 0:
			return ErrExists, nil
		case n >= MaxBuckets:
			return ErrTooMany, nil
		}
		added, err := tx.Exec(`INSERT INTO buckets (account, region, name, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			sc.Account, sc.Region, name, store.Millis(s.now()))
		if err == nil && added == 0 { // another node's, just now
			refusal = ErrExists
		}
		return refusal, err
	})
	return cmp.Or(err, refusal)
}

// Exists returns nil if the account has the bucket in the region, and else ErrNoBucket.
func (s *Store) Exists(ctx context.Context, sc scope.Scope, name string) error {
	if !ValidName(name) { // nor need it be a text that every database takes
		return ErrNoBucket
	}
	n := 0
	err := s.o.DB.QueryRow(ctx, `SELECT COUNT(*) FROM buckets WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, name).Scan(&n)
	if err == nil && n == 0 {
		return ErrNoBucket
	}
	return store.Wrap("bucket.Exists", err)
}

// Buckets lists the account's buckets in the region by their names.
func (s *Store) Buckets(ctx context.Context, sc scope.Scope) (list []Bucket, err error) {
	rows, err := s.o.DB.Query(ctx, `SELECT name, created_at FROM buckets WHERE account = ? AND region = ? ORDER BY name`, sc.Account, sc.Region)
	if err != nil {
		return nil, store.Wrap("bucket.Buckets", err)
	}
	defer rows.Close()
	for rows.Next() {
		var b Bucket
		var at int64
		if err := rows.Scan(&b.Name, &at); err != nil {
			return nil, store.Wrap("bucket.Buckets", err)
		}
		b.CreatedAt = store.Time(at)
		list = append(list, b)
	}
	return list, store.Wrap("bucket.Buckets", rows.Err())
}

// errUploads says that something is being uploaded to a bucket.
var errUploads = errors.New("bucket: there are uploads")

// Delete removes a bucket that has no objects, with what is being uploaded to it: one upload
// after the other, since there may be many, and a commit has to be short.
func (s *Store) Delete(ctx context.Context, sc scope.Scope, name string) error {
	for {
		refusal, err := s.write(ctx, func(tx *store.Tx) (refusal, err error) { return deleteEmpty(tx, sc, name) })
		if err != nil || !errors.Is(refusal, errUploads) {
			return cmp.Or(err, refusal)
		}
		begun, _, err := s.Uploads(ctx, Upload{Scope: sc, Bucket: name}, sweepBatch)
		if err != nil {
			return err
		}
		for _, u := range begun {
			if err := s.Abort(ctx, u.Upload); err != nil && !errors.Is(err, ErrNoUpload) {
				return err
			}
		}
	}
}

// deleteEmpty removes a bucket that has nothing.
func deleteEmpty(tx *store.Tx, sc scope.Scope, name string) (refusal, err error) {
	if refusal, err := touch(tx, sc, name); refusal != nil || err != nil {
		return refusal, err
	}
	for _, has := range []struct {
		table   string
		refusal error
	}{{"bucket_objects", ErrNotEmpty}, {"bucket_uploads", errUploads}} {
		n := 0
		err := tx.Get([]any{&n}, `SELECT COUNT(*) FROM (SELECT 1 FROM `+has.table+` WHERE account = ? AND region = ? AND bucket = ? LIMIT 1) AS found`,
			sc.Account, sc.Region, name)
		if err != nil || n > 0 {
			return has.refusal, err
		}
	}
	_, err = tx.Exec(`DELETE FROM buckets WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, name)
	return nil, err
}
