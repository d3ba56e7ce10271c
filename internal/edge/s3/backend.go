// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/rclone/gofakes3"

	"sesame/internal/core/bucket"
)

// backend gives the library the buckets of the account and the region that a request is
// for. What the store refuses it tells the answer, which knows how S3 says it; to the
// library it only matters whether a key is missing.
type backend struct{ store *bucket.Store }

var _ gofakes3.Backend = backend{}

// result notes what came of a step, and tells the library.
func (c *call) result(err error) error {
	c.answer.refused = err
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bucket.ErrNoObject):
		return gofakes3.ErrNoSuchKey
	}
	return gofakes3.ErrInternal
}

// ListBuckets is not asked: the door answers.
func (backend) ListBuckets(context.Context) ([]gofakes3.BucketInfo, error) {
	return nil, gofakes3.ErrNotImplemented
}

// CreateBucket is not asked: the door answers.
func (backend) CreateBucket(context.Context, string) error { return gofakes3.ErrNotImplemented }

// DeleteObject is not asked: the door answers.
func (backend) DeleteObject(context.Context, string, string) (out gofakes3.ObjectDeleteResult, err error) {
	return out, gofakes3.ErrNotImplemented
}

// DeleteMulti is not asked: the door answers.
func (backend) DeleteMulti(context.Context, string, ...string) (out gofakes3.MultiDeleteResult, err error) {
	return out, gofakes3.ErrNotImplemented
}

// maxKeys is how many keys a page has at most (S3: ListObjectsV2).
const maxKeys = 1000

// ListBucket lists objects.
func (b backend) ListBucket(ctx context.Context, name string, prefix *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	c := callOf(ctx)
	limit := maxKeys
	if page.MaxKeys > 0 && page.MaxKeys < maxKeys {
		limit = int(page.MaxKeys)
	}
	p, err := b.store.List(ctx, c.Scope, name, bucket.Query{Prefix: prefix.Prefix, Delimiter: prefix.Delimiter, After: page.Marker, Limit: limit})
	if err := c.result(err); err != nil {
		return nil, err
	}
	list := gofakes3.NewObjectList()
	owner := &gofakes3.UserInfo{ID: c.Scope.Account, DisplayName: c.Scope.Account}
	for _, o := range p.Objects {
		list.Add(&gofakes3.Content{
			Key: o.Key, LastModified: gofakes3.NewContentTime(o.ModifiedAt), ETag: `"` + o.ETag + `"`, Size: o.Size,
			StorageClass: gofakes3.StorageStandard, Owner: owner,
		})
	}
	for _, prefix := range p.Prefixes {
		list.AddPrefix(prefix)
	}
	if list.IsTruncated = p.More; p.More {
		list.NextMarker = p.Last
	}
	return list, nil
}

// BucketExists tells whether the account has a bucket.
func (b backend) BucketExists(ctx context.Context, name string) (bool, error) {
	c := callOf(ctx)
	err := b.store.Exists(ctx, c.Scope, name)
	if result := c.result(err); err != nil && !errors.Is(err, bucket.ErrNoBucket) {
		return false, result
	}
	return err == nil, nil
}

// DeleteBucket removes a bucket without objects.
func (b backend) DeleteBucket(ctx context.Context, name string) error {
	c := callOf(ctx)
	return c.result(b.store.Delete(ctx, c.Scope, name))
}

// unknownType is that of an object that was put without one (S3: PutObject). Without it the
// server would guess, from what somebody has written.
const unknownType = "binary/octet-stream"

// object is what the library shows of an object. Its hash is the ETag without the number
// of parts, as unnumber leaves it in conditions; the answer has all of it.
func (c *call) object(o bucket.Object) *gofakes3.Object {
	c.answer.etag = o.ETag
	hash, _ := hex.DecodeString(bare(o.ETag)) // the store writes hex alone
	meta := maps.Clone(o.Meta)
	if meta == nil {
		meta = map[string]string{}
	}
	if meta["Content-Type"] == "" {
		meta["Content-Type"] = unknownType
	}
	meta["Last-Modified"] = o.ModifiedAt.UTC().Format(http.TimeFormat)
	return &gofakes3.Object{Name: o.Key, Metadata: meta, Size: o.Size, Hash: hash, Contents: io.NopCloser(strings.NewReader(""))}
}

// HeadObject finds an object.
func (b backend) HeadObject(ctx context.Context, name, key string) (*gofakes3.Object, error) {
	c := callOf(ctx)
	o, err := b.store.Head(ctx, c.Scope, name, key)
	if errors.Is(err, bucket.ErrNoObject) && c.op.content && c.source == nil {
		return nil, gofakes3.ErrNoSuchKey // what is to be written need not be there: nothing is refused yet
	}
	if err != nil {
		return nil, c.result(c.missing(ctx, err, name))
	}
	c.found = o
	return c.object(o), c.result(nil)
}

// section is a part of an object's content.
type section struct {
	io.Reader
	io.Closer
}

// GetObject finds an object with its content.
func (b backend) GetObject(ctx context.Context, name, key string, asked *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	c := callOf(ctx)
	o, content, err := b.store.Get(ctx, c.Scope, name, key)
	if err != nil {
		return nil, c.result(c.missing(ctx, err, name))
	}
	out := c.object(o)
	if asked != nil && asked.FromEnd && asked.End > o.Size {
		asked = &gofakes3.ObjectRangeRequest{FromEnd: true, End: o.Size} // RFC 9110 §14.1.2: all of it
	}
	if asked != nil && !asked.FromEnd && asked.End >= o.Size {
		asked = &gofakes3.ObjectRangeRequest{Start: asked.Start, End: gofakes3.RangeNoEnd} // the library adds to it
	}
	if out.Range, err = asked.Range(o.Size); err != nil {
		return nil, c.result(errors.Join(err, content.Close()))
	}
	out.Contents = content
	if out.Range != nil {
		out.Contents = section{io.NewSectionReader(content, out.Range.Start, out.Range.Length), content}
	}
	return out, c.result(nil)
}

// PutObject writes an object. The conditions of the request are asked in the commit.
func (b backend) PutObject(ctx context.Context, name, key string, meta map[string]string, content io.Reader, size int64) (out gofakes3.PutObjectResult, err error) {
	c := callOf(ctx)
	o, err := b.store.Put(ctx, c.Scope, name, bucket.Draft{Key: key, Meta: meta, Size: size, Late: c.late, Admit: c.writable}, content)
	if err == nil && c.late != nil {
		for name, value := range c.late() {
			c.answer.Header().Set(name, value)
		}
	}
	c.answer.etag, out.ETag = o.ETag, `"`+o.ETag+`"`
	return out, c.result(err)
}

// CopyObject writes an object that has the content of another. Of the conditions the library
// knows only those on the other, which it asks beforehand: of that it takes the headers, too.
func (b backend) CopyObject(ctx context.Context, fromBucket, fromKey, name, key string, meta map[string]string) (out gofakes3.CopyObjectResult, err error) {
	c := callOf(ctx)
	o, content, err := b.store.Get(ctx, c.Scope, fromBucket, fromKey)
	if err != nil {
		return out, c.result(c.missing(ctx, err, fromBucket))
	}
	if !o.ModifiedAt.Equal(c.found.ModifiedAt) || o.ETag != c.found.ETag {
		return out, c.result(errors.Join(errAborted, content.Close()))
	}
	o, err = b.store.Put(ctx, c.Scope, name, bucket.Draft{Key: key, Meta: meta, Size: o.Size, Admit: c.writable}, content)
	err = errors.Join(err, content.Close())
	return gofakes3.CopyObjectResult{ETag: `"` + o.ETag + `"`, LastModified: gofakes3.NewContentTime(o.ModifiedAt)}, c.result(err)
}
