// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sesame/internal/base/clock"
	"sesame/internal/edge/s3"
	"sesame/internal/testkit/storetest"
)

func TestBuckets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.user(t, accountID, "admin")
	c, frankfurt := w.client(admin, region), w.client(admin, "eu-central-1")
	in := &awss3.CreateBucketInput{Bucket: aws.String("files")}
	done(c.CreateBucket(ctx, in))(t)
	done(c.CreateBucket(ctx, in))(t) // no error in us-east-1
	_, err := frankfurt.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: in.Bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
	code(t, "another region's", err, "IllegalLocationConstraintException")
	there := &awss3.CreateBucketInput{Bucket: in.Bucket, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"}}
	done(frankfurt.CreateBucket(ctx, there))(t)
	_, err = frankfurt.CreateBucket(ctx, there)
	refused[*types.BucketAlreadyOwnedByYou](t, "again", err)
	_, err = c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("Files")})
	code(t, "a name that is none", err, "InvalidBucketName")

	head := done(c.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: in.Bucket}))(t)
	if aws.ToString(head.BucketRegion) != region {
		t.Errorf("HeadBucket: region %q", aws.ToString(head.BucketRegion))
	}
	for region, client := range map[string]*awss3.Client{"": c, "eu-central-1": frankfurt} {
		if got := done(client.GetBucketLocation(ctx, &awss3.GetBucketLocationInput{Bucket: in.Bucket}))(t); string(got.LocationConstraint) != region {
			t.Errorf("GetBucketLocation: %q, want %q", got.LocationConstraint, region)
		}
	}
	done(c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("more")}))(t)
	var names []string
	pages := awss3.NewListBucketsPaginator(c, &awss3.ListBucketsInput{MaxBuckets: aws.Int32(1)})
	for pages.HasMorePages() {
		page := done(pages.NextPage(ctx))(t)
		for _, b := range page.Buckets {
			if names = append(names, *b.Name); !b.CreationDate.Equal(w.clock.Now().Truncate(time.Millisecond)) || aws.ToString(page.Owner.ID) != accountID {
				t.Errorf("%s is of %v, %s", *b.Name, b.CreationDate, aws.ToString(page.Owner.ID))
			}
		}
	}
	if !slices.Equal(names, []string{"files", "more"}) {
		t.Errorf("listed: %q", names)
	}
	done(c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: in.Bucket}))(t)
	_, err = c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: in.Bucket})
	code(t, "delete again", err, "NoSuchBucket")
	_, err = c.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: in.Bucket})
	refused[*types.NotFound](t, "look at it", err)
	done(frankfurt.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: in.Bucket}))(t)
}

func TestObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.admin(t)
	for _, key := range []string{"a", "a/b/", "/a", "a b+c&d=e?f#g%h", "../a", "é\u4e16", "a//b", strings.Repeat("k", 1024)} {
		content := "of " + key
		made := done(c.PutObject(ctx, &awss3.PutObjectInput{
			Bucket: aws.String("files"), Key: &key, Body: strings.NewReader(content), ContentType: aws.String("text/x-test"),
			CacheControl: aws.String("no-cache"), Metadata: map[string]string{"colour": "green"},
		}))(t)
		if got := get(t, c, key); got != content {
			t.Errorf("%q has %q", key, got)
		}
		head := done(c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("files"), Key: &key}))(t)
		if *head.ETag != *made.ETag || *head.ContentLength != int64(len(content)) || *head.ContentType != "text/x-test" || *head.CacheControl != "no-cache" ||
			head.Metadata["colour"] != "green" || !head.LastModified.Equal(w.clock.Now().UTC().Truncate(time.Second)) {
			t.Errorf("%q: %+v", key, head)
		}
	}
	put(t, c, "empty", "")
	if got := get(t, c, "empty"); got != "" {
		t.Errorf("the empty one has %q", got)
	}
	_, err := c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("files")})
	code(t, "delete the bucket", err, "BucketNotEmpty")

	done(c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("files"), Key: aws.String("a")}))(t)
	done(c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("files"), Key: aws.String("a")}))(t)
	_, err = c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("files"), Key: aws.String("a")})
	refused[*types.NoSuchKey](t, "get what is gone", err)
	_, err = c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("files"), Key: aws.String("a")})
	refused[*types.NotFound](t, "look at what is gone", err)
	_, err = c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("gone"), Key: aws.String("a")})
	code(t, "get of no bucket", err, "NoSuchBucket")
	_, err = c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("gone"), Key: aws.String("a"), Body: strings.NewReader("x")})
	code(t, "put into no bucket", err, "NoSuchBucket")
	_, err = c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: aws.String(strings.Repeat("k", 1025)), Body: strings.NewReader("x")})
	code(t, "a long key", err, "KeyTooLongError")
}

func TestALargeObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *s3.Options) { o.Buckets = openBuckets(t, storetest.SQLite(t), clock.NewFake(time.Now()), 10) })
	c := w.admin(t)
	put(t, c, "a", "ten octets")
	_, err := c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), Body: strings.NewReader("ten octets.")})
	code(t, "one octet more", err, "EntityTooLarge")
	if got := get(t, c, "a"); got != "ten octets" {
		t.Errorf("now it has %q", got)
	}
}

func TestRangesAndConditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.admin(t)
	etag := *put(t, c, "a", "0123456789").ETag
	for asked, want := range map[string]string{
		"bytes=0-3": "0123", "bytes=8-": "89", "bytes=-2": "89", "bytes=5-5": "5", "bytes=8-100": "89", "bytes=-100": "0123456789",
		"bytes=0-9223372036854775807": "0123456789", "bytes=7-9223372036854775807": "789", "bytes=7-9223372036854775806": "789",
	} {
		out := done(c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), Range: &asked}))(t)
		got := string(done(io.ReadAll(out.Body))(t))
		if got != want || *out.ContentLength != int64(len(want)) || out.ContentRange == nil {
			t.Errorf("%s gives %q, %v", asked, got, aws.ToString(out.ContentRange))
		}
	}
	_, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), Range: aws.String("bytes=10-")})
	code(t, "a range behind the end", err, "InvalidRange")

	status := func(what string, err error, want int) {
		t.Helper()
		var e *awshttp.ResponseError
		if !errors.As(err, &e) || e.HTTPStatusCode() != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	other := aws.String(`"00000000000000000000000000000000"`)
	_, err = c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), IfNoneMatch: &etag})
	status("if none match", err, http.StatusNotModified)
	_, err = c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), IfMatch: other})
	code(t, "if match another", err, "PreconditionFailed")
	done(c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), IfMatch: &etag}))(t)

	body := func() io.Reader { return strings.NewReader("new") }
	_, err = c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), Body: body(), IfNoneMatch: aws.String("*")})
	code(t, "put if there is none", err, "PreconditionFailed")
	_, err = c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), Body: body(), IfMatch: other})
	code(t, "put if match another", err, "PreconditionFailed")
	_, err = c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: aws.String("b"), Body: body(), IfMatch: &etag})
	code(t, "put if match none", err, "NoSuchKey")
	_, err = c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), IfMatch: other})
	code(t, "delete if match another", err, "PreconditionFailed")
	if got := get(t, c, "a"); got != "0123456789" {
		t.Errorf("after all that it has %q", got)
	}
	made := done(c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), Body: body(), IfMatch: &etag}))(t)
	done(c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: aws.String("b"), Body: body(), IfNoneMatch: aws.String("*")}))(t)
	if *made.ETag == etag || get(t, c, "b") != "new" {
		t.Errorf("the ETag is still %s", etag)
	}
	done(c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), IfMatch: made.ETag}))(t)
}

func TestCopies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.admin(t)
	done(c.PutObject(ctx, &awss3.PutObjectInput{
		Bucket: aws.String("files"), Key: aws.String("a b+é"), Body: strings.NewReader("content"), ContentType: aws.String("text/x-a"), Metadata: map[string]string{"x": "1"},
	}))(t)
	source := aws.String("files/a%20b%2B%C3%A9")
	out := done(c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("files"), Key: aws.String("copy"), CopySource: source}))(t)
	head := done(c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("files"), Key: aws.String("copy")}))(t)
	if get(t, c, "copy") != "content" || *head.ContentType != "text/x-a" || head.Metadata["x"] != "1" || *out.CopyObjectResult.ETag != *head.ETag {
		t.Errorf("copied: %+v", head)
	}
	done(c.CopyObject(ctx, &awss3.CopyObjectInput{
		Bucket: aws.String("files"), Key: aws.String("a b+é"), CopySource: source, MetadataDirective: types.MetadataDirectiveReplace, Metadata: map[string]string{"y": "2"},
	}))(t)
	head = done(c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("files"), Key: aws.String("a b+é")}))(t)
	if get(t, c, "a b+é") != "content" || head.Metadata["x"] != "" || head.Metadata["y"] != "2" {
		t.Errorf("copied to itself: %+v", head)
	}
	_, err := c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("files"), Key: aws.String("copy"), CopySource: aws.String("files/gone")})
	code(t, "copy of nothing", err, "NoSuchKey")
	_, err = c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("files"), Key: aws.String("copy"), CopySource: aws.String("gone/gone")})
	code(t, "copy out of no bucket", err, "NoSuchBucket")
	_, err = c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("files"), Key: aws.String("copy"), CopySource: source, CopySourceIfMatch: aws.String(`"0"`)})
	code(t, "copy if match another", err, "PreconditionFailed")

	for _, spelled := range []string{"files%2Fcopy", "/files/copy", "%2Ffiles%2Fcopy", "files/c%6Fpy"} {
		_, err := c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("files"), Key: aws.String("of " + spelled), CopySource: &spelled})
		code(t, spelled, err, "")
	}

	put(t, c, "there", "kept")
	to := func(key string, match, none *string) error {
		_, err := c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("files"), Key: &key, CopySource: aws.String("files/copy"), IfMatch: match, IfNoneMatch: none})
		return err
	}
	code(t, "copy if there is none", to("there", nil, aws.String("*")), "PreconditionFailed")
	code(t, "copy over another", to("there", head.ETag, nil), "PreconditionFailed")
	code(t, "copy over nothing", to("nothing", head.ETag, nil), "NoSuchKey")
	if got := get(t, c, "there"); got != "kept" {
		t.Errorf("what was there has %q", got)
	}
	code(t, "copy, and there is none", to("new", nil, aws.String("*")), "")
	code(t, "copy over this one", to("new", head.ETag, nil), "")
}

func TestNoObjectHasTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.admin(t)
	put(t, c, "a", "content")
	if out := done(c.GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: aws.String("files"), Key: aws.String("a")}))(t); len(out.TagSet) > 0 {
		t.Errorf("%+v", out.TagSet)
	}
	_, err := c.GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: aws.String("files"), Key: aws.String("gone")})
	code(t, "of what is not there", err, "NoSuchKey")
}

func TestListings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.admin(t)
	keys := []string{"a/1", "a/2", "b", "b/1", "c d+é", "c/x/y"}
	for _, key := range keys {
		put(t, c, key, key)
	}
	var two, one []string
	v2 := awss3.NewListObjectsV2Paginator(c, &awss3.ListObjectsV2Input{Bucket: aws.String("files"), MaxKeys: aws.Int32(2)})
	for v2.HasMorePages() {
		page := done(v2.NextPage(ctx))(t)
		for _, o := range page.Contents {
			two = append(two, *o.Key)
			if *o.Size != int64(len(*o.Key)) || o.Owner != nil || len(aws.ToString(o.ETag)) != 34 {
				t.Errorf("%+v", o)
			}
		}
	}
	for marker, more := "", true; more; {
		page := done(c.ListObjects(ctx, &awss3.ListObjectsInput{Bucket: aws.String("files"), MaxKeys: aws.Int32(2), Marker: &marker}))(t)
		for _, o := range page.Contents {
			one, marker = append(one, *o.Key), *o.Key
			if aws.ToString(o.Owner.ID) != accountID {
				t.Errorf("%s is of %s", *o.Key, aws.ToString(o.Owner.ID))
			}
		}
		more = *page.IsTruncated
	}
	if !slices.Equal(two, keys) || !slices.Equal(one, keys) {
		t.Errorf("version 2 lists %q, version 1 %q", two, one)
	}
	for _, q := range []struct {
		prefix, delimiter, after, want string
	}{
		{"", "/", "", "b c d+é | a/ b/ c/"}, {"a/", "/", "", "a/1 a/2 | "}, {"c", "/", "", "c d+é | c/"}, {"", "", "b", "b/1 c d+é c/x/y | "}, {"z", "", "", " | "},
	} {
		for _, encoding := range []types.EncodingType{"", types.EncodingTypeUrl} {
			page := done(c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{
				Bucket: aws.String("files"), Prefix: &q.prefix, Delimiter: &q.delimiter, StartAfter: &q.after, EncodingType: encoding,
			}))(t)
			var names, prefixes []string
			for _, o := range page.Contents {
				names = append(names, *o.Key)
			}
			for _, p := range page.CommonPrefixes {
				prefixes = append(prefixes, *p.Prefix)
			}
			got := strings.Join(names, " ") + " | " + strings.Join(prefixes, " ")
			if encoding != "" {
				got = strings.ReplaceAll(got, "c%20d%2B%C3%A9", "c d+é")
			}
			if got != q.want {
				t.Errorf("%+v %s gives %q", q, encoding, got)
			}
		}
	}
	_, err := c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("gone")})
	refused[*types.NoSuchBucket](t, "list no bucket", err)
}

func TestDeletingMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.admin(t)
	put(t, c, "a", "x")
	put(t, c, "b", "x")
	out := done(c.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("files"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{
		{Key: aws.String("a")}, {Key: aws.String("gone")}, {Key: aws.String("b"), VersionId: aws.String("1")}, {Key: aws.String("b"), ETag: aws.String("0")},
	}}}))(t)
	if len(out.Deleted) != 2 || len(out.Errors) != 2 || *out.Errors[0].Code != "NotImplemented" || *out.Errors[1].Code != "PreconditionFailed" || get(t, c, "b") != "x" {
		t.Errorf("%+v", out)
	}
	var many []types.ObjectIdentifier
	for n := range 1001 {
		many = append(many, types.ObjectIdentifier{Key: aws.String(fmt.Sprint(n))})
	}
	_, err := c.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("files"), Delete: &types.Delete{Objects: many}})
	code(t, "more than a thousand", err, "MalformedXML")
	_, err = c.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("gone"), Delete: &types.Delete{Objects: many[:1]}})
	code(t, "of no bucket", err, "NoSuchBucket")
}

// TestUploadsInParts goes through an upload as an SDK's transfer manager does.
func TestUploadsInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.admin(t)
	bucket, key := aws.String("files"), aws.String("big/é")
	id := done(c.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{
		Bucket: bucket, Key: key, ContentType: aws.String("text/x-big"), Metadata: map[string]string{"x": "1"},
	}))(t).UploadId
	first := strings.Repeat("a", 5<<20)
	var parts []types.CompletedPart
	for n, content := range []string{first, "tail"} {
		part := done(c.UploadPart(ctx, &awss3.UploadPartInput{Bucket: bucket, Key: key, UploadId: id, PartNumber: aws.Int32(int32(n + 1)), Body: strings.NewReader(content)}))(t)
		if part.ChecksumCRC32 == nil {
			t.Error("the part's checksum is not said")
		}
		parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(int32(n + 1)), ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32})
	}
	put(t, c, "source", "0123456789")
	copied := done(c.UploadPartCopy(ctx, &awss3.UploadPartCopyInput{
		Bucket: bucket, Key: key, UploadId: id, PartNumber: aws.Int32(2), CopySource: aws.String("files/source"), CopySourceRange: aws.String("bytes=2-5"),
	}))(t)
	parts[1] = types.CompletedPart{PartNumber: aws.Int32(2), ETag: copied.CopyPartResult.ETag}

	uploads := done(c.ListMultipartUploads(ctx, &awss3.ListMultipartUploadsInput{Bucket: bucket}))(t)
	if len(uploads.Uploads) != 1 || *uploads.Uploads[0].UploadId != *id || *uploads.Uploads[0].Key != *key {
		t.Errorf("uploads: %+v", uploads.Uploads)
	}
	var numbers []int32
	pages := awss3.NewListPartsPaginator(c, &awss3.ListPartsInput{Bucket: bucket, Key: key, UploadId: id, MaxParts: aws.Int32(1)})
	for pages.HasMorePages() {
		for _, p := range done(pages.NextPage(ctx))(t).Parts {
			numbers = append(numbers, *p.PartNumber)
		}
	}
	if !slices.Equal(numbers, []int32{1, 2}) {
		t.Errorf("parts: %v", numbers)
	}
	_, err := c.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: key, UploadId: id, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{parts[1], parts[0]}},
	})
	code(t, "not in order", err, "InvalidPartOrder")
	in := &awss3.CompleteMultipartUploadInput{Bucket: bucket, Key: key, UploadId: id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}}
	made := done(c.CompleteMultipartUpload(ctx, in))(t)
	if again := done(c.CompleteMultipartUpload(ctx, in))(t); *again.ETag != *made.ETag || !strings.HasSuffix(*made.ETag, `-2"`) {
		t.Errorf("made %s, then %s", *made.ETag, *again.ETag)
	}
	head := done(c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: bucket, Key: key, IfMatch: made.ETag}))(t)
	if get(t, c, *key) != first+"2345" || *head.ETag != *made.ETag || *head.ContentType != "text/x-big" || head.Metadata["x"] != "1" {
		t.Errorf("%+v", head)
	}
	_, err = c.PutObject(ctx, &awss3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("x"), IfMatch: aws.String(`"0"`)})
	code(t, "put if match another", err, "PreconditionFailed")
	done(c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: bucket, Key: key, IfMatch: made.ETag}))(t)

	aborted := done(c.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: bucket, Key: key}))(t).UploadId
	done(c.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: aborted}))(t)
	_, err = c.UploadPart(ctx, &awss3.UploadPartInput{Bucket: bucket, Key: key, UploadId: aborted, PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
	code(t, "a part of what is aborted", err, "NoSuchUpload")
	_, err = c.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: aborted})
	refused[*types.NoSuchUpload](t, "abort again", err)
}

// TestPresignedURLs are used without the SDK, as a browser would.
func TestPresignedURLs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.admin(t)
	signer := awss3.NewPresignClient(c)
	write := done(signer.PresignPutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: aws.String("a b"), ContentType: aws.String("text/plain"), Metadata: map[string]string{"x": "1"}}))(t)
	if resp, body := w.ask(t, write.Method, write.URL, write.SignedHeader, []byte("content")); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %d: %s", write.URL, resp.StatusCode, body)
	}
	read := done(signer.PresignGetObject(ctx, &awss3.GetObjectInput{
		Bucket: aws.String("files"), Key: aws.String("a b"), ResponseContentType: aws.String("text/html"), ResponseContentDisposition: aws.String("attachment"),
	}))(t)
	resp, body := w.ask(t, "GET", read.URL, nil, nil)
	if h := resp.Header; body != "content" || h.Get("Content-Type") != "text/html" || h.Get("Content-Disposition") != "attachment" || h.Get("X-Amz-Meta-X") != "1" ||
		h.Get("Content-Security-Policy") != "sandbox" {
		t.Errorf("%d %q %v", resp.StatusCode, body, h)
	}
	for what, url := range map[string]string{
		"another key": strings.Replace(read.URL, "a%20b", "c", 1), "another type": strings.Replace(read.URL, "text%2Fhtml", "text%2Fxml", 1),
		"no signature": read.URL[:strings.Index(read.URL, "&X-Amz-Signature=")],
	} {
		if resp, body := w.ask(t, "GET", url, nil, nil); resp.StatusCode < 400 || strings.Contains(body, "content") {
			t.Errorf("%s: %d", what, resp.StatusCode)
		}
	}
	if resp, _ := w.ask(t, "DELETE", read.URL, nil, nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("another method: %d", resp.StatusCode)
	}
	w.clock.Advance(16 * time.Minute) // 15 by default
	if resp, body := w.ask(t, "GET", read.URL, nil, nil); resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "<Code>AccessDenied</Code><Message>Request has expired.") {
		t.Errorf("later: %d %s", resp.StatusCode, body)
	}
}

// TestChecksums has the SDK send each kind, ahead of the body and behind it, and get it back.
func TestChecksums(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.admin(t)
	for _, algorithm := range types.ChecksumAlgorithm("").Values() {
		if !slices.Contains([]types.ChecksumAlgorithm{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"}, algorithm) {
			continue // newer than what is answered here: see TestWhatIsNotThere
		}
		for where, body := range map[string]io.Reader{"ahead": strings.NewReader("content"), "behind": io.LimitReader(strings.NewReader("content"), 7)} {
			made, err := c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), Body: body, ChecksumAlgorithm: algorithm, ContentLength: aws.Int64(7)})
			if err != nil {
				t.Errorf("%s %s: %v", algorithm, where, err)
				continue
			}
			out := done(c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("files"), Key: aws.String("a"), ChecksumMode: types.ChecksumModeEnabled}))(t)
			content := string(done(io.ReadAll(out.Body))(t)) // the SDK compares
			sums := func(crc32, crc32c, crc64, sha1, sha256 *string) string {
				return aws.ToString(crc32) + aws.ToString(crc32c) + aws.ToString(crc64) + aws.ToString(sha1) + aws.ToString(sha256)
			}
			put, got := sums(made.ChecksumCRC32, made.ChecksumCRC32C, made.ChecksumCRC64NVME, made.ChecksumSHA1, made.ChecksumSHA256),
				sums(out.ChecksumCRC32, out.ChecksumCRC32C, out.ChecksumCRC64NVME, out.ChecksumSHA1, out.ChecksumSHA256)
			if content != "content" || put == "" || put != got {
				t.Errorf("%s %s: %q, put %q, got %q", algorithm, where, content, put, got)
			}
		}
	}
	_, err := c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: aws.String("b"), Body: strings.NewReader("content"), ChecksumCRC32: aws.String("AAAAAA==")})
	code(t, "another checksum", err, "BadDigest")
	_, err = c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: aws.String("b"), Body: strings.NewReader("content"), ContentMD5: aws.String("AAAAAAAAAAAAAAAAAAAAAA==")})
	code(t, "another MD5", err, "BadDigest")
	_, err = c.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("files"), Key: aws.String("b")})
	refused[*types.NotFound](t, "what was refused", err)
}
