// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"strings"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Query says which objects of a bucket are listed.
type Query struct {
	Prefix    string
	Delimiter string // keys that have it behind the prefix are listed as one common prefix
	After     string // keys, or common prefixes, behind this one
	Limit     int    // objects and common prefixes; at least 1
}

// common is the common prefix that a key is listed as; false if it is listed by itself.
func (q Query) common(key string) (string, bool) {
	rest, ok := strings.CutPrefix(key, q.Prefix)
	at := strings.Index(rest, q.Delimiter)
	if !ok || q.Delimiter == "" || at < 0 {
		return "", false
	}
	return key[:len(q.Prefix)+at+len(q.Delimiter)], true
}

// Page is what is listed: objects and common prefixes, each in the order of their octets.
// The objects are without their headers.
type Page struct {
	Objects  []Object
	Prefixes []string
	More     bool
	Last     string // the last key or prefix; Query.After of the next page
}

// position is where a listing goes on: at the key from, or at the one behind it.
type position struct {
	from   string
	behind bool
	end    bool // there is nothing more
}

// start is where a listing begins. What is behind a common prefix is behind all that is
// listed as it.
func (q Query) start() position {
	if q.After < q.Prefix {
		return position{from: q.Prefix}
	}
	if common, ok := q.common(q.After); ok && common == q.After {
		return afterAll(common)
	}
	return position{from: q.After, behind: true}
}

// afterAll is the position behind all keys that begin with prefix.
func afterAll(prefix string) position {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return position{from: string(b[:i+1])}
		}
	}
	return position{end: true}
}

// How many rows are read at once: few first, lest they all be one common prefix, and more
// as long as they are not.
const (
	fewRows  = 16
	manyRows = 256
)

// List lists objects of a bucket. The common prefixes of a page cost a query each, whatever
// is below them.
func (s *Store) List(ctx context.Context, sc scope.Scope, bucket string, q Query) (p Page, err error) {
	if err := s.Exists(ctx, sc, bucket); err != nil {
		return p, err
	}
	n := fewRows
	for at := q.start(); !at.end; {
		some, err := s.rows(ctx, place{sc, bucket}, at, n)
		if err != nil || len(some) == 0 {
			return p, err
		}
		n = min(2*n, manyRows)
		for _, o := range some {
			if !strings.HasPrefix(o.Key, q.Prefix) {
				return p, nil
			}
			if p.More = len(p.Objects)+len(p.Prefixes) >= q.Limit; p.More {
				return p, nil
			}
			if common, ok := q.common(o.Key); ok {
				p.Prefixes, p.Last = append(p.Prefixes, common), common
				at, n = afterAll(common), fewRows
				break
			}
			p.Objects, p.Last = append(p.Objects, o), o.Key
			at = position{from: o.Key, behind: true}
		}
	}
	return p, nil
}

// rows returns the next n objects, without their headers.
func (s *Store) rows(ctx context.Context, in place, at position, n int) (list []Object, err error) {
	compare := ">="
	if at.behind {
		compare = ">"
	}
	rows, err := s.o.DB.Query(ctx, `SELECT name, size, etag, modified_at FROM bucket_objects
		WHERE account = ? AND region = ? AND bucket = ? AND name `+compare+` ? ORDER BY name LIMIT ?`,
		in.Account, in.Region, in.bucket, []byte(at.from), n)
	if err != nil {
		return nil, store.Wrap("bucket.List", err)
	}
	defer rows.Close()
	for rows.Next() {
		var o Object
		var key []byte
		var modified int64
		if err := rows.Scan(&key, &o.Size, &o.ETag, &modified); err != nil {
			return nil, store.Wrap("bucket.List", err)
		}
		o.Key, o.ModifiedAt = string(key), store.Time(modified)
		list = append(list, o)
	}
	return list, store.Wrap("bucket.List", rows.Err())
}
