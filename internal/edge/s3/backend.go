// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"strings"

	"github.com/rclone/gofakes3"

	"sesame/internal/base/scope"
	"sesame/internal/core/bucket"
	"sesame/internal/proto/sigv4"
)

// backend gives the library the buckets of the account and the region that a request is
// for.
type backend struct{ store *bucket.Store }

type scopeKey struct{}

func scopeOf(ctx context.Context) scope.Scope { return ctx.Value(scopeKey{}).(scope.Scope) }

// wire turns the store's refusals into S3's.
func wire(err error, name, key string) error {
	for _, e := range []struct{ is, becomes error }{
		{bucket.ErrNoBucket, gofakes3.BucketNotFound(name)}, {bucket.ErrNoObject, gofakes3.KeyNotFound(key)},
		{bucket.ErrNoUpload, gofakes3.ErrNoSuchUpload}, {bucket.ErrPart, gofakes3.ErrInvalidPart}, {bucket.ErrPartOrder, gofakes3.ErrInvalidPartOrder}, {bucket.ErrExists, gofakes3.ResourceError(gofakes3.ErrBucketAlreadyExists, name)},
		{bucket.ErrNotEmpty, gofakes3.ResourceError(gofakes3.ErrBucketNotEmpty, name)}, {bucket.ErrName, gofakes3.ErrInvalidBucketName},
		{bucket.ErrKey, gofakes3.ResourceError(gofakes3.ErrKeyTooLong, "")}, {bucket.ErrIncomplete, gofakes3.ErrIncompleteBody},
		{bucket.ErrTooLarge, gofakes3.ErrorMessage("EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")},
		{bucket.ErrTooMany, gofakes3.ErrorMessage("TooManyBuckets", "You have attempted to create more buckets than allowed.")},
	} {
		if errors.Is(err, e.is) {
			return e.becomes
		}
	}
	var unproven *sigv4.Error
	if errors.As(err, &unproven) { // seen while the content was read
		return gofakes3.ErrorMessage(gofakes3.ErrBadDigest, unproven.Text)
	}
	return err
}

func (b backend) ListBuckets(ctx context.Context) (list []gofakes3.BucketInfo, err error) {
	all, err := b.store.Buckets(ctx, scopeOf(ctx))
	for _, one := range all {
		list = append(list, gofakes3.BucketInfo{Name: one.Name, CreationDate: gofakes3.NewContentTime(one.CreatedAt)})
	}
	return list, err
}

// maxKeys is how many keys a page has at most (S3: ListObjectsV2).
const maxKeys = 1000

func (b backend) ListBucket(ctx context.Context, name string, prefix *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	limit := maxKeys
	if page.MaxKeys > 0 && page.MaxKeys < maxKeys {
		limit = int(page.MaxKeys)
	}
	p, err := b.store.List(ctx, scopeOf(ctx), name, bucket.Query{Prefix: prefix.Prefix, Delimiter: prefix.Delimiter, After: page.Marker, Limit: limit})
	if err != nil {
		return nil, wire(err, name, "")
	}
	list := gofakes3.NewObjectList()
	for _, o := range p.Objects {
		list.Add(&gofakes3.Content{Key: o.Key, LastModified: gofakes3.NewContentTime(o.ModifiedAt), ETag: `"` + o.ETag + `"`, Size: o.Size, StorageClass: gofakes3.StorageStandard})
	}
	for _, prefix := range p.Prefixes {
		list.AddPrefix(prefix)
	}
	if list.IsTruncated = p.More; p.More {
		list.NextMarker = p.Last
	}
	return list, nil
}

func (b backend) CreateBucket(ctx context.Context, name string) error {
	return wire(b.store.Create(ctx, scopeOf(ctx), name), name, "")
}

func (b backend) BucketExists(ctx context.Context, name string) (bool, error) {
	err := b.store.Exists(ctx, scopeOf(ctx), name)
	if errors.Is(err, bucket.ErrNoBucket) {
		return false, nil
	}
	return err == nil, err
}

func (b backend) DeleteBucket(ctx context.Context, name string) error {
	return wire(b.store.Delete(ctx, scopeOf(ctx), name), name, "")
}

// object is what the library shows of an object. Its hash is the ETag.
func object(o bucket.Object) *gofakes3.Object {
	sum, _, _ := strings.Cut(o.ETag, "-")
	hash, _ := hex.DecodeString(sum) // the store writes hex alone
	meta := maps.Clone(o.Meta)
	if meta == nil {
		meta = map[string]string{}
	}
	meta["Last-Modified"] = o.ModifiedAt.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	return &gofakes3.Object{Name: o.Key, Metadata: meta, Size: o.Size, Hash: hash, Contents: io.NopCloser(strings.NewReader(""))}
}

func (b backend) HeadObject(ctx context.Context, name, key string) (*gofakes3.Object, error) {
	o, err := b.store.Head(ctx, scopeOf(ctx), name, key)
	if err != nil {
		return nil, wire(err, name, key)
	}
	return object(o), nil
}

// section is a part of an object's content.
type section struct {
	io.Reader
	io.Closer
}

func (b backend) GetObject(ctx context.Context, name, key string, asked *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	o, content, err := b.store.Get(ctx, scopeOf(ctx), name, key)
	if err != nil {
		return nil, wire(err, name, key)
	}
	out := object(o)
	if out.Range, err = asked.Range(o.Size); err != nil {
		return nil, errors.Join(err, content.Close())
	}
	out.Contents = content
	if out.Range != nil {
		out.Contents = section{io.NewSectionReader(content, out.Range.Start, out.Range.Length), content}
	}
	return out, nil
}

func (b backend) DeleteObject(ctx context.Context, name, key string) (out gofakes3.ObjectDeleteResult, err error) {
	return out, wire(b.store.Remove(ctx, scopeOf(ctx), name, key, nil), name, key)
}

func (b backend) DeleteMulti(ctx context.Context, name string, keys ...string) (out gofakes3.MultiDeleteResult, err error) {
	for _, key := range keys {
		if err := b.store.Remove(ctx, scopeOf(ctx), name, key, nil); err != nil {
			return out, wire(err, name, key)
		}
		out.Deleted = append(out.Deleted, gofakes3.ObjectID{Key: key})
	}
	return out, nil
}

func (b backend) PutObject(ctx context.Context, name, key string, meta map[string]string, content io.Reader, size int64) (gofakes3.PutObjectResult, error) {
	o, err := b.store.Put(ctx, scopeOf(ctx), name, bucket.Draft{Key: key, Meta: meta, Size: size}, content)
	return gofakes3.PutObjectResult{ETag: `"` + o.ETag + `"`}, wire(err, name, key)
}

func (b backend) CopyObject(ctx context.Context, fromBucket, fromKey, name, key string, meta map[string]string) (out gofakes3.CopyObjectResult, err error) {
	o, content, err := b.store.Get(ctx, scopeOf(ctx), fromBucket, fromKey)
	if err != nil {
		return out, wire(err, fromBucket, fromKey)
	}
	o, err = b.store.Put(ctx, scopeOf(ctx), name, bucket.Draft{Key: key, Meta: meta, Size: o.Size}, content)
	err = errors.Join(err, content.Close())
	return gofakes3.CopyObjectResult{ETag: `"` + o.ETag + `"`, LastModified: gofakes3.NewContentTime(o.ModifiedAt)}, wire(err, name, key)
}

func (b backend) CreateMultipartUpload(ctx context.Context, name, key string, meta map[string]string) (gofakes3.UploadID, error) {
	id, err := b.store.Begin(ctx, scopeOf(ctx), name, key, meta)
	return gofakes3.UploadID(id), wire(err, name, key)
}

func (b backend) UploadPart(ctx context.Context, name, key string, id gofakes3.UploadID, n int, size int64, body io.Reader) (string, error) {
	part, err := b.store.PutPart(ctx, bucket.Upload{Scope: scopeOf(ctx), Bucket: name, Key: key, ID: string(id)}, bucket.Part{N: n, Size: size}, body)
	return `"` + part.ETag + `"`, wire(err, name, key)
}

func (b backend) CompleteMultipartUpload(ctx context.Context, name, key string, id gofakes3.UploadID, in *gofakes3.CompleteMultipartUploadRequest) (gofakes3.VersionID, string, error) {
	var list []bucket.Part
	for _, p := range in.Parts {
		list = append(list, bucket.Part{N: p.PartNumber, ETag: strings.Trim(p.ETag, `"`)})
	}
	o, err := b.store.Complete(ctx, bucket.Upload{Scope: scopeOf(ctx), Bucket: name, Key: key, ID: string(id)}, bucket.Completion{Parts: list})
	return "", `"` + o.ETag + `"`, wire(err, name, key)
}

func (b backend) AbortMultipartUpload(ctx context.Context, name, key string, id gofakes3.UploadID) error {
	return wire(b.store.Abort(ctx, bucket.Upload{Scope: scopeOf(ctx), Bucket: name, Key: key, ID: string(id)}), name, key)
}
