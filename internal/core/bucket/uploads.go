// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"time"

	"sesame/internal/core/store"
)

// Parts lists at most limit parts of an upload whose numbers are above after, in order.
func (s *Store) Parts(ctx context.Context, of Upload, after, limit int) (list []Part, more bool, err error) {
	if _, err := s.begun(ctx, of); err != nil {
		return nil, false, err
	}
	rows, err := s.o.DB.Query(ctx, `SELECT n, size, etag, file, modified_at FROM bucket_parts
		WHERE account = ? AND region = ? AND upload = ? AND n > ? ORDER BY n LIMIT ?`, of.Scope.Account, of.Scope.Region, of.ID, after, limit+1)
	if err != nil {
		return nil, false, store.Wrap("bucket.Parts", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p Part
		var modified int64
		if err := rows.Scan(&p.N, &p.Size, &p.ETag, &p.file, &modified); err != nil {
			return nil, false, store.Wrap("bucket.Parts", err)
		}
		p.ModifiedAt = store.Time(modified)
		list = append(list, p)
	}
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	return list, more, store.Wrap("bucket.Parts", rows.Err())
}

// BehindAll is behind the ids of all uploads of a key.
const BehindAll = "g" // they are hex

// Begun is an upload that was begun and not ended.
type Begun struct {
	Upload
	StartedAt time.Time
}

// Uploads lists at most limit uploads to a bucket behind that of a key and an id, in the
// order of keys and ids. An id that is none is in front of all.
func (s *Store) Uploads(ctx context.Context, after Upload, limit int) (list []Begun, more bool, err error) {
	if !isName(after.ID) && after.ID != BehindAll {
		after.ID = ""
	}
	if err := s.Exists(ctx, after.Scope, after.Bucket); err != nil {
		return nil, false, err
	}
	key := []byte(after.Key)
	list, err = s.uploads(ctx, `SELECT account, region, bucket, name, id, started_at FROM bucket_uploads
		WHERE account = ? AND region = ? AND bucket = ? AND (name > ? OR name = ? AND id > ?) ORDER BY name, id LIMIT ?`,
		after.Scope.Account, after.Scope.Region, after.Bucket, key, key, after.ID, limit+1)
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	return list, more, err
}

func (s *Store) uploads(ctx context.Context, query string, args ...any) (list []Begun, err error) {
	rows, err := s.o.DB.Query(ctx, query, args...)
	if err != nil {
		return nil, store.Wrap("bucket.Uploads", err)
	}
	defer rows.Close()
	for rows.Next() {
		var u Begun
		var key []byte
		var started int64
		if err := rows.Scan(&u.Scope.Account, &u.Scope.Region, &u.Bucket, &key, &u.ID, &started); err != nil {
			return nil, store.Wrap("bucket.Uploads", err)
		}
		u.Key, u.StartedAt = string(key), store.Time(started)
		list = append(list, u)
	}
	return list, store.Wrap("bucket.Uploads", rows.Err())
}
