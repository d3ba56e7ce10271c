// SPDX-License-Identifier: Apache-2.0

// Package bucket keeps buckets with objects, as Amazon S3 has them: the names in the
// database, the content in a folder, one file an object. No name of a bucket or an object
// is ever part of a path, so that there is nothing that a hostile one could reach.
//
// A file is written and synced, with its folder, before the row that names it, and removed
// after the row. What a crash leaves of it is removed by Sweep. Several nodes that share a
// database have to share the folder too.
package bucket

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Bounds of S3, and ours where it has none.
const (
	MaxKey     = 1024 // octets of an object's key
	MaxBuckets = 100  // of an account in a region
	MaxMeta    = 8 << 10
)

// The refusals. They are comparable.
var (
	ErrNoBucket   = errors.New("bucket: no such bucket")
	ErrNoObject   = errors.New("bucket: no such object")
	ErrNoUpload   = errors.New("bucket: no such upload, or not this part")
	ErrExists     = errors.New("bucket: the bucket exists")
	ErrNotEmpty   = errors.New("bucket: the bucket is not empty")
	ErrName       = errors.New("bucket: not the name of a bucket")
	ErrKey        = errors.New("bucket: the key is too long or no UTF-8")
	ErrTooLarge   = errors.New("bucket: the object is too large")
	ErrTooMany    = errors.New("bucket: too many buckets")
	ErrIncomplete = errors.New("bucket: the content ended too early")
)

// Options configure a Store.
type Options struct {
	DB        *store.DB
	Dir       string // made if need be
	Clock     clock.Clock
	Random    io.Reader
	MaxObject int64 // octets of one object
}

// Store keeps the buckets of all accounts. It is safe for concurrent use.
type Store struct{ o Options }

// New opens the store.
func New(o Options) (*Store, error) {
	s := &Store{o}
	for _, dir := range []string{s.folder(objects), s.folder(parts)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("bucket: %w", err)
		}
	}
	return s, nil
}

// The folders of a store.
const (
	objects = "objects" // content that rows name, and files on their way
	parts   = "parts"   // a folder for each upload in parts
)

func (s *Store) folder(name string) string { return filepath.Join(s.o.Dir, name) }

func (s *Store) now() time.Time { return s.o.Clock() }

// newName is a name for a file or an upload that nobody can guess.
func (s *Store) newName() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(s.o.Random, b[:]); err != nil {
		return "", fmt.Errorf("bucket: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// ValidName reports whether name may be the name of a bucket (S3: bucket naming rules).
func ValidName(name string) bool {
	return bucketName.MatchString(name) && !strings.Contains(name, "..") && !ipAddress.MatchString(name)
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	ipAddress  = regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+$`)
)

func validKey(key string) bool { return key != "" && len(key) <= MaxKey && utf8.ValidString(key) }

// Bucket is a bucket.
type Bucket struct {
	Name      string
	CreatedAt time.Time
}

// Create makes a bucket; ErrExists if the account has it.
func (s *Store) Create(ctx context.Context, sc scope.Scope, name string) error {
	if !ValidName(name) {
		return ErrName
	}
	var refused error
	err := s.o.DB.Write(ctx, func(tx *store.Tx) error {
		refused = nil
		n := 0
		if err := tx.Get([]any{&n}, `SELECT COUNT(*) FROM buckets WHERE account = ? AND region = ?`, sc.Account, sc.Region); err != nil {
			return err
		}
		if n >= MaxBuckets {
			refused = ErrTooMany
			return nil
		}
		added, err := tx.Exec(`INSERT INTO buckets (account, region, name, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			sc.Account, sc.Region, name, store.Millis(s.now()))
		if err == nil && added == 0 {
			refused = ErrExists
		}
		return err
	})
	return errors.Join(err, refused)
}

// Exists returns nil if the account has the bucket, and else ErrNoBucket.
func (s *Store) Exists(ctx context.Context, sc scope.Scope, name string) error {
	n := 0
	err := s.o.DB.QueryRow(ctx, `SELECT COUNT(*) FROM buckets WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, name).Scan(&n)
	if err == nil && n == 0 {
		return ErrNoBucket
	}
	return store.Wrap("bucket.Exists", err)
}

// Buckets lists the account's buckets by their names.
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

// Delete removes a bucket that has no objects.
func (s *Store) Delete(ctx context.Context, sc scope.Scope, name string) error {
	var refused error
	err := s.o.DB.Write(ctx, func(tx *store.Tx) error {
		refused = nil
		n := 0
		err := tx.Get([]any{&n}, `SELECT COUNT(*) FROM (SELECT 1 FROM bucket_objects WHERE account = ? AND region = ? AND bucket = ? LIMIT 1) AS found`,
			sc.Account, sc.Region, name)
		if err != nil {
			return err
		}
		if n > 0 {
			refused = ErrNotEmpty
			return nil
		}
		gone, err := tx.Exec(`DELETE FROM buckets WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, name)
		if err == nil && gone == 0 {
			refused = ErrNoBucket
		}
		return err
	})
	return errors.Join(err, refused)
}
