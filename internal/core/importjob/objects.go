// SPDX-License-Identifier: Apache-2.0

package importjob

import (
	"context"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/bucket"
)

// Place is where an object is.
type Place struct{ Bucket, Key string }

// ParseURL reads an S3Url: s3://BUCKET/KEY, with the key as it is (SES API v2:
// ImportDataSource).
func ParseURL(url string) (Place, error) {
	rest, isS3 := strings.CutPrefix(url, "s3://")
	name, key, _ := strings.Cut(rest, "/")
	bad := !isS3 || !bucket.ValidName(name) || key == "" || len(key) > bucket.MaxKey || !utf8.ValidString(key)
	if bad || strings.ContainsFunc(key, unicode.IsControl) { // the latter not every database takes
		return Place{}, fault.InField(fault.Invalid, "S3Url", "S3Url must be an object in a bucket: s3://BUCKET/KEY.")
	}
	return Place{name, key}, nil
}

// String is the URL.
func (p Place) String() string { return "s3://" + p.Bucket + "/" + p.Key }

// ARN is how policies name the object.
func (p Place) ARN() string { return "arn:aws:s3:::" + p.Bucket + "/" + p.Key }

// Objects are the buckets that files are read from and reports written to. What the job's
// owner can mend is a fault of another kind than Unavailable or Internal, with a text for
// them.
type Objects interface {
	// Open returns the content of an object, which has to be closed, and its ETag.
	Open(ctx context.Context, sc scope.Scope, at Place) (content io.ReadCloser, etag string, err error)
	// Report writes the report of a job, over what there is.
	Report(ctx context.Context, sc scope.Scope, job string, content io.Reader) error
	// ReportURL returns a URL by which anybody may read the report for an hour; "" if that
	// can't be any more.
	ReportURL(ctx context.Context, sc scope.Scope, job string) (string, error)
}

func notThere(at Place) error {
	return fault.New(fault.NotFound, "The object %s does not exist in this account and region.", fault.Printable(at.String()))
}

// Builtin are the built-in buckets: an account's jobs read and write those of the account in
// the region.
type Builtin struct {
	Buckets *bucket.Store
	Presign func(sc scope.Scope, bucket, key string) string // a URL to read an object by
}

// reports is the bucket of the account that reports are put into.
const reports = "ses-import-failures"

// reportKey is the key of the report of a job, by which it can be found.
func reportKey(job string) string { return job + ".json" }

// Open opens an object.
func (b Builtin) Open(ctx context.Context, sc scope.Scope, at Place) (io.ReadCloser, string, error) {
	object, content, err := b.Buckets.Get(ctx, sc, at.Bucket, at.Key)
	if errors.Is(err, bucket.ErrNoBucket) || errors.Is(err, bucket.ErrNoObject) {
		return nil, "", notThere(at)
	}
	if err != nil {
		return nil, "", fault.Wrap("importjob.Open", err)
	}
	return content, object.ETag, nil
}

// Report writes a report into the bucket ses-import-failures of the account, which is made if
// need be.
func (b Builtin) Report(ctx context.Context, sc scope.Scope, job string, content io.Reader) error {
	err := b.Buckets.Create(ctx, sc, reports)
	if err == nil || errors.Is(err, bucket.ErrExists) {
		_, err = b.Buckets.Put(ctx, sc, reports, bucket.Draft{Key: reportKey(job), Size: -1, Meta: map[string]string{"Content-Type": reportType}}, content)
	}
	switch {
	case errors.Is(err, bucket.ErrTooMany):
		return fault.New(fault.LimitExceeded, "The account has too many buckets.")
	case errors.Is(err, bucket.ErrTooLarge):
		return fault.New(fault.LimitExceeded, "It is larger than an object may be.")
	}
	return fault.Wrap("importjob.Report", err)
}

// ReportURL presigns a URL of the report.
func (b Builtin) ReportURL(_ context.Context, sc scope.Scope, job string) (string, error) {
	return b.Presign(sc, reports, reportKey(job)), nil
}
