// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

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

// Put writes an object, in place of what has its key. size is what content must have, or
// -1. When it returns nil, the object survives a power cut; with an error nothing has
// changed.
func (s *Store) Put(ctx context.Context, sc scope.Scope, bucket string, o Object, content io.Reader) (Object, error) {
	if !validKey(o.Key) {
		return o, ErrKey
	}
	if err := s.Exists(ctx, sc, bucket); err != nil {
		return o, err
	}
	name, err := s.newName()
	if err != nil {
		return o, err
	}
	w, err := s.write(s.file(name), content, o.Size)
	if err != nil {
		return o, err
	}
	o.Size, o.file = w.size, name
	if o.ETag == "" {
		o.ETag = w.etag()
	}
	return s.name(ctx, sc, bucket, o)
}

// name writes the row of an object whose file is there.
func (s *Store) name(ctx context.Context, sc scope.Scope, bucket string, o Object) (Object, error) {
	meta, err := json.Marshal(o.Meta)
	if err == nil && len(meta) > MaxMeta {
		err = ErrTooLarge
	}
	if err != nil {
		s.remove(o.file)
		return o, err
	}
	o.ModifiedAt = s.now()
	var old string
	var refused error
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		old, refused = "", nil
		// Touching the bucket's row keeps it from being deleted meanwhile.
		n, err := tx.Exec(`UPDATE buckets SET name = name WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, bucket)
		if err != nil {
			return err
		}
		if n == 0 {
			refused = ErrNoBucket
			return nil
		}
		err = tx.Get([]any{&old}, `SELECT file FROM bucket_objects WHERE account = ? AND region = ? AND bucket = ? AND name = ?`,
			sc.Account, sc.Region, bucket, []byte(o.Key))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		_, err = tx.Exec(`INSERT INTO bucket_objects (account, region, bucket, name, size, etag, meta, file, modified_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, bucket, name) DO UPDATE SET size = excluded.size,
			etag = excluded.etag, meta = excluded.meta, file = excluded.file, modified_at = excluded.modified_at`,
			sc.Account, sc.Region, bucket, []byte(o.Key), o.Size, o.ETag, string(meta), o.file, store.Millis(o.ModifiedAt))
		return err
	})
	if err == nil && refused == nil {
		s.remove(old)
		return o, nil
	}
	if err == nil { // an error may come of a commit that happened: then the file is Sweep's
		s.remove(o.file)
	}
	return o, errors.Join(err, refused)
}

const selectObject = `SELECT name, size, etag, meta, file, modified_at FROM bucket_objects WHERE account = ? AND region = ? AND bucket = ?`

func scan(row interface{ Scan(...any) error }) (o Object, err error) {
	var key []byte
	var meta string
	var at int64
	if err = row.Scan(&key, &o.Size, &o.ETag, &meta, &o.file, &at); err != nil {
		return o, err
	}
	o.Key, o.ModifiedAt = string(key), store.Time(at)
	return o, json.Unmarshal([]byte(meta), &o.Meta)
}

// Head returns an object without its content.
func (s *Store) Head(ctx context.Context, sc scope.Scope, bucket, key string) (Object, error) {
	if err := s.Exists(ctx, sc, bucket); err != nil {
		return Object{}, err
	}
	o, err := scan(s.o.DB.QueryRow(ctx, selectObject+` AND name = ?`, sc.Account, sc.Region, bucket, []byte(key)))
	if errors.Is(err, sql.ErrNoRows) {
		return o, ErrNoObject
	}
	return o, store.Wrap("bucket.Head", err)
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
			return o, nil, err
		}
		f, err := os.Open(s.file(o.file))
		if err == nil {
			return o, f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return o, nil, fmt.Errorf("bucket: %w", err)
		}
	}
	return Object{}, nil, fmt.Errorf("bucket: the content of an object in %s is not there", bucket)
}

// Remove removes an object; one that is not there is no error.
func (s *Store) Remove(ctx context.Context, sc scope.Scope, bucket, key string) error {
	if err := s.Exists(ctx, sc, bucket); err != nil {
		return err
	}
	var old string
	err := s.o.DB.Write(ctx, func(tx *store.Tx) error {
		old = ""
		err := tx.Get([]any{&old}, `SELECT file FROM bucket_objects WHERE account = ? AND region = ? AND bucket = ? AND name = ?`,
			sc.Account, sc.Region, bucket, []byte(key))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err == nil {
			_, err = tx.Exec(`DELETE FROM bucket_objects WHERE account = ? AND region = ? AND bucket = ? AND name = ?`,
				sc.Account, sc.Region, bucket, []byte(key))
		}
		return err
	})
	if err == nil {
		s.remove(old)
	}
	return err
}

// Query says which objects of a bucket are listed.
type Query struct {
	Prefix    string
	Delimiter string // keys that have it behind the prefix are listed as one prefix
	After     string // keys, or common prefixes, behind this one
	Limit     int
}

// Page is what is listed: objects and common prefixes, each in the order of their octets.
type Page struct {
	Objects  []Object
	Prefixes []string
	More     bool
	Last     string // to go on behind; a key or a prefix
}

// List lists objects of a bucket. The prefixes of a page cost a query each, whatever is
// below them.
func (s *Store) List(ctx context.Context, sc scope.Scope, bucket string, q Query) (p Page, err error) {
	if err := s.Exists(ctx, sc, bucket); err != nil {
		return p, err
	}
	from, inclusive := q.Prefix, true
	if q.After >= q.Prefix && q.After != "" {
		from, inclusive = q.After, false
		if q.Delimiter != "" && strings.HasPrefix(q.After, q.Prefix) && strings.HasSuffix(q.After, q.Delimiter) {
			if from, inclusive = behind(q.After); from == "" {
				return p, nil
			}
		}
	}
	for {
		o, found, err := s.chunk(ctx, sc, bucket, from, inclusive)
		if err != nil || !found {
			return p, err
		}
		for _, o := range o {
			rest, ok := strings.CutPrefix(o.Key, q.Prefix)
			if !ok {
				return p, nil
			}
			if len(p.Objects)+len(p.Prefixes) >= q.Limit {
				p.More = true
				return p, nil
			}
			if at := strings.Index(rest, q.Delimiter); q.Delimiter != "" && at >= 0 {
				p.Last = q.Prefix + rest[:at+len(q.Delimiter)]
				p.Prefixes = append(p.Prefixes, p.Last)
				if from, inclusive = behind(p.Last); from == "" {
					return p, nil
				}
				break
			}
			p.Objects, p.Last = append(p.Objects, o), o.Key
			from, inclusive = o.Key, false
		}
	}
}

// behind is the first string that is behind all that begin with prefix; "" if there is
// none.
func behind(prefix string) (string, bool) {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return string(b[:i+1]), true
		}
	}
	return "", false
}

// chunk returns some objects from a key on.
func (s *Store) chunk(ctx context.Context, sc scope.Scope, bucket, from string, inclusive bool) (list []Object, found bool, err error) {
	query := selectObject + ` AND name > ? ORDER BY name LIMIT 256`
	if inclusive {
		query = selectObject + ` AND name >= ? ORDER BY name LIMIT 256`
	}
	rows, err := s.o.DB.Query(ctx, query, sc.Account, sc.Region, bucket, []byte(from))
	if err != nil {
		return nil, false, store.Wrap("bucket.List", err)
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scan(rows)
		if err != nil {
			return nil, false, store.Wrap("bucket.List", err)
		}
		list = append(list, o)
	}
	return list, len(list) > 0, store.Wrap("bucket.List", rows.Err())
}
