// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"time"
	"unicode/utf8"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Object is an object without its content.
type Object struct {
	Key        string
	Size       int64
	ETag       string            // without quotes: MD5 in hex, "-N" behind it for N parts
	Meta       map[string]string // headers
	ModifiedAt time.Time

	file string
}

// Draft is an object to be.
type Draft struct {
	Key  string
	Size int64             // what the content must have, or -1
	Meta map[string]string // headers

	// Late gives more headers, which are known when the content has been read; nil for none.
	Late func() map[string]string
	// Admit is asked in the commit what the object takes the place of, nil for nothing. Its
	// error refuses. It may be asked more than once; nil admits whatever is there.
	Admit func(old *Object) error
}

func validKey(key string) bool { return key != "" && len(key) <= MaxKey && utf8.ValidString(key) }

// encodeMeta is meta as it is kept.
func encodeMeta(meta map[string]string) (string, error) {
	b, err := json.Marshal(meta)
	if err == nil && len(b) > MaxMeta {
		err = ErrMeta
	}
	return string(b), err
}

// Put writes an object, in place of what has its key. When it returns nil, the object
// survives a power cut; with a refusal, or an error of the content, nothing has changed.
func (s *Store) Put(ctx context.Context, sc scope.Scope, bucket string, d Draft, content io.Reader) (Object, error) {
	if !validKey(d.Key) {
		return Object{}, ErrKey
	}
	if err := s.Exists(ctx, sc, bucket); err != nil {
		return Object{}, err
	}
	w, err := s.writeFile(content, d.Size)
	if err != nil {
		return Object{}, err
	}
	o := Object{Key: d.Key, Size: w.size, ETag: w.etag, Meta: d.Meta, file: w.file}
	if d.Late != nil {
		o.Meta = maps.Clone(d.Meta)
		if o.Meta == nil {
			o.Meta = map[string]string{}
		}
		maps.Copy(o.Meta, d.Late())
	}
	return s.name(ctx, sc, bucket, o, func(_ *store.Tx, old *Object) (refusal, err error) {
		if d.Admit != nil {
			refusal = d.Admit(old)
		}
		return refusal, nil
	})
}

// admission is asked in the commit what an object takes the place of, nil for nothing.
type admission func(tx *store.Tx, old *Object) (refusal, err error)

// name writes the row of an object whose file is there, and removes the file that it takes
// the place of.
func (s *Store) name(ctx context.Context, sc scope.Scope, bucket string, o Object, admit admission) (Object, error) {
	meta, err := encodeMeta(o.Meta)
	if err != nil {
		s.removeFiles(o.file)
		return Object{}, err
	}
	o.ModifiedAt = s.now()
	var old *Object
	refusal, err := s.write(ctx, func(tx *store.Tx) (refusal, err error) {
		if refusal, err := touch(tx, sc, bucket); refusal != nil || err != nil {
			return refusal, err
		}
		if old, err = current(tx, place{sc, bucket}, o.Key); err != nil {
			return nil, err
		}
		if refusal, err := admit(tx, old); refusal != nil || err != nil {
			return refusal, err
		}
		return nil, insert(tx, place{sc, bucket}, o, meta)
	})
	switch {
	case err != nil: // the commit may have happened: the file is Sweep's
		return Object{}, err
	case refusal != nil:
		s.removeFiles(o.file)
		return Object{}, refusal
	case old != nil:
		s.removeFiles(old.file)
	}
	return o, nil
}

// place is a bucket of an account in a region.
type place struct {
	scope.Scope
	bucket string
}

func insert(tx *store.Tx, in place, o Object, meta string) error {
	_, err := tx.Exec(`INSERT INTO bucket_objects (account, region, bucket, name, size, etag, meta, file, modified_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, bucket, name) DO UPDATE SET size = excluded.size,
		etag = excluded.etag, meta = excluded.meta, file = excluded.file, modified_at = excluded.modified_at`,
		in.Account, in.Region, in.bucket, []byte(o.Key), o.Size, o.ETag, meta, o.file, store.Millis(o.ModifiedAt))
	return err
}

const selectObject = `SELECT name, size, etag, meta, file, modified_at FROM bucket_objects WHERE account = ? AND region = ? AND bucket = ?`

// row is what a row of selectObject is read into.
type row struct {
	key, meta  []byte
	modifiedAt int64
	o          Object
}

func (r *row) into() []any {
	return []any{&r.key, &r.o.Size, &r.o.ETag, &r.meta, &r.o.file, &r.modifiedAt}
}

func (r *row) object() (Object, error) {
	r.o.Key, r.o.ModifiedAt = string(r.key), store.Time(r.modifiedAt)
	return r.o, json.Unmarshal(r.meta, &r.o.Meta)
}

// current is the object that has a key, nil if there is none.
func current(tx *store.Tx, in place, key string) (*Object, error) {
	var r row
	err := tx.Get(r.into(), selectObject+` AND name = ?`, in.Account, in.Region, in.bucket, []byte(key))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o, err := r.object()
	return &o, err
}

// Head returns an object without its content.
func (s *Store) Head(ctx context.Context, sc scope.Scope, bucket, key string) (Object, error) {
	if !ValidName(bucket) {
		return Object{}, ErrNoBucket
	}
	var r row
	err := s.o.DB.QueryRow(ctx, selectObject+` AND name = ?`, sc.Account, sc.Region, bucket, []byte(key)).Scan(r.into()...)
	if errors.Is(err, sql.ErrNoRows) {
		return Object{}, cmp.Or(s.Exists(ctx, sc, bucket), ErrNoObject)
	}
	if err != nil {
		return Object{}, store.Wrap("bucket.Head", err)
	}
	return r.object()
}

// Content is the content of an object. It stays whole, whatever happens to the object
// while it is read.
type Content interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// Get returns an object with its content, which has to be closed.
func (s *Store) Get(ctx context.Context, sc scope.Scope, bucket, key string) (Object, Content, error) {
	for range 10 { // it may be replaced between the two steps
		o, err := s.Head(ctx, sc, bucket, key)
		if err != nil {
			return Object{}, nil, err
		}
		f, err := os.Open(s.path(o.file))
		if err == nil {
			return o, f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Object{}, nil, fmt.Errorf("bucket: %w", err)
		}
	}
	return Object{}, nil, fmt.Errorf("bucket: the content of an object in %s is not there", bucket)
}

// Remove removes an object; one that is not there is no error. admit is asked in the commit
// about the one that is; its error refuses. nil admits.
func (s *Store) Remove(ctx context.Context, sc scope.Scope, bucket, key string, admit func(*Object) error) error {
	var old *Object
	refusal, err := s.write(ctx, func(tx *store.Tx) (refusal, err error) {
		if refusal, err := touch(tx, sc, bucket); refusal != nil || err != nil {
			return refusal, err
		}
		if old, err = current(tx, place{sc, bucket}, key); err != nil || old == nil {
			return nil, err
		}
		if admit != nil {
			if refusal := admit(old); refusal != nil {
				return refusal, nil
			}
		}
		_, err = tx.Exec(`DELETE FROM bucket_objects WHERE account = ? AND region = ? AND bucket = ? AND name = ?`,
			sc.Account, sc.Region, bucket, []byte(key))
		return nil, err
	})
	if err == nil && refusal == nil && old != nil {
		s.removeFiles(old.file)
	}
	return cmp.Or(err, refusal)
}
