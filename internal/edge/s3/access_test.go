// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sesame/internal/core/account"
	"sesame/internal/edge/s3"
)

// try is a call by somebody; its error is what they read.
type try func(c *awss3.Client) error

func tryGet(key string) try {
	return func(c *awss3.Client) error {
		_, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("files"), Key: &key})
		return err
	}
}

func tryPut(key string) try {
	return func(c *awss3.Client) error {
		_, err := c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: &key, Body: strings.NewReader("new")})
		return err
	}
}

func tryDelete(key string) try {
	return func(c *awss3.Client) error {
		_, err := c.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String("files"), Key: &key})
		return err
	}
}

func tryList(prefix string) try {
	return func(c *awss3.Client) error {
		_, err := c.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("files"), Prefix: &prefix})
		return err
	}
}

func tryCopy(from, to string) try {
	return func(c *awss3.Client) error {
		_, err := c.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("files"), Key: &to, CopySource: aws.String("files/" + from)})
		return err
	}
}

func tryUpload(key string) try {
	return func(c *awss3.Client) error {
		_, err := c.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: aws.String("files"), Key: &key})
		return err
	}
}

func tryBuckets(c *awss3.Client) error {
	_, err := c.ListBuckets(ctx, &awss3.ListBucketsInput{})
	return err
}

func tryMake(c *awss3.Client) error {
	_, err := c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("more")})
	return err
}

func tryRemove(c *awss3.Client) error {
	_, err := c.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("files")})
	return err
}

// TestPoliciesDecide has users with one policy each.
func TestPoliciesDecide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.admin(t)
	const everything = `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
	for n, c := range []struct {
		what       string
		statements []string
		call       try
		want       string
	}{
		{"nothing is allowed: read", []string{`{"Effect":"Allow","Action":"ses:*","Resource":"*"}`}, tryGet("a/1"), "AccessDenied"},
		{"nothing is allowed: list buckets", []string{`{"Effect":"Allow","Action":"ses:*","Resource":"*"}`}, tryBuckets, "AccessDenied"},
		{"everything: read", []string{everything}, tryGet("a/1"), ""},
		{"everything: make a bucket", []string{everything}, tryMake, ""},
		{"reading below a prefix: there", []string{`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::files/a/*"}`}, tryGet("a/1"), ""},
		{"reading below a prefix: elsewhere", []string{`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::files/a/*"}`}, tryGet("b/1"), "AccessDenied"},
		{"reading below a prefix: write", []string{`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::files/a/*"}`}, tryPut("a/1"), "AccessDenied"},
		{"reading below a prefix: what is not there", []string{`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::files/a/*"}`}, tryGet("a/gone"), "AccessDenied"},
		{"reading and listing: what is not there", []string{`{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"*"}`}, tryGet("a/gone"), "NoSuchKey"},
		{"writing: write", []string{`{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::files/*"}`}, tryPut("w"), ""},
		{"writing: an upload in parts", []string{`{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::files/*"}`}, tryUpload("w"), ""},
		{"writing: read", []string{`{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::files/*"}`}, tryGet("w"), "AccessDenied"},
		{"writing: delete", []string{`{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::files/*"}`}, tryDelete("w"), "AccessDenied"},
		{"writing: copy", []string{`{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::files/*"}`}, tryCopy("a/1", "w"), "AccessDenied"},
		{"writing, and reading the source: copy", []string{`{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"},{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::files/a/1"}`}, tryCopy("a/1", "w"), ""},
		{"listing a prefix: this one", []string{`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::files","Condition":{"StringLike":{"s3:prefix":["a/*"]}}}`}, tryList("a/"), ""},
		{"listing a prefix: all", []string{`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::files","Condition":{"StringLike":{"s3:prefix":["a/*"]}}}`}, tryList(""), "AccessDenied"},
		{"listing another bucket", []string{`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::others"}`}, tryList(""), "AccessDenied"},
		{"a deny wins", []string{everything, `{"Effect":"Deny","Action":"s3:DeleteObject","Resource":"*"}`}, tryDelete("a/1"), "AccessDenied"},
		{"without TLS alone", []string{everything, `{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`}, tryGet("a/1"), "AccessDenied"},
		{"buckets may not be deleted", []string{everything, `{"Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}`}, tryRemove, "AccessDenied"},
	} {
		put(t, admin, "a/1", "content")
		put(t, admin, "b/1", "content")
		user := w.user(t, accountID, "user"+string(rune('A'+n)), c.statements...)
		code(t, c.what, c.call(w.client(user, region)), c.want)
	}
	if got := get(t, admin, "a/1"); got != "content" {
		t.Errorf("a/1 has %q", got)
	}
}

// TestAParameterThatComesTwice is for the policies what it is for the listing.
func TestAParameterThatComesTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.admin(t)
	put(t, admin, "a/1", "content")
	put(t, admin, "secret/1", "content")
	user := w.user(t, accountID, "user", `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::files","Condition":{"ForAnyValue:StringLike":{"s3:prefix":["a/*"]}}}`)
	for query, want := range map[string]int{"prefix=a/": 200, "prefix=a/&prefix=": 200, "prefix=&prefix=a/": 403, "prefix=secret/&prefix=a/": 403} {
		resp, body := w.signed(t, user, "GET", "/files?"+query, nil, "")
		if resp.StatusCode != want || strings.Contains(body, "secret/1") {
			t.Errorf("%s: %d %s", query, resp.StatusCode, body)
		}
	}
}

// TestTheSpellingOfASource makes no difference to policies.
func TestTheSpellingOfASource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put(t, w.admin(t), "secret/1", "content")
	user := w.user(t, accountID, "user", `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`,
		`{"Effect":"Deny","Action":"s3:PutObject","Resource":"*","Condition":{"StringLike":{"s3:x-amz-copy-source":"files/secret/*"}}}`)
	for _, source := range []string{"files/secret/1", "/files/secret/1", "files/s%65cret/1", "files%2Fsecret%2F1"} {
		resp, body := w.signed(t, user, "PUT", "/files/copy", http.Header{"X-Amz-Copy-Source": {source}}, "")
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d %s", source, resp.StatusCode, body)
		}
	}
}

// TestADenyCountsForEachKeyOfMany: DeleteObjects deletes what may be deleted, and says what
// may not.
func TestADenyCountsForEachKeyOfMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.admin(t)
	put(t, admin, "secret/1", "content")
	put(t, admin, "open/1", "content")
	user := w.client(w.user(t, accountID, "user", `{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::files/*"}`,
		`{"Effect":"Deny","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::files/secret/*"}`), region)
	out := done(user.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("files"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{
		{Key: aws.String("secret/1")}, {Key: aws.String("open/1")},
	}}}))(t)
	if len(out.Deleted) != 1 || *out.Deleted[0].Key != "open/1" || len(out.Errors) != 1 || *out.Errors[0].Key != "secret/1" || *out.Errors[0].Code != "AccessDenied" {
		t.Errorf("%+v", out)
	}
	get(t, admin, "secret/1")
}

// TestThePoliciesOfAWS for S3 are there.
func TestThePoliciesOfAWS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put(t, w.admin(t), "a", "content")
	for arn, want := range map[string]string{account.S3FullAccess: "", account.S3ReadOnlyAccess: "AccessDenied", account.SESFullAccess: "AccessDenied"} {
		c := done(w.accounts.CreateUser(ctx, account.NewUser{Account: accountID, Name: arn[strings.LastIndex(arn, "/")+1:], Policies: []string{arn}}))(t)
		user := w.client(aws.Credentials{AccessKeyID: c.KeyID, SecretAccessKey: c.Secret}, region)
		code(t, arn+": write", tryPut("b")(user), want)
		if arn == account.SESFullAccess {
			code(t, arn+": read", tryGet("a")(user), want)
		} else {
			code(t, arn+": read", tryGet("a")(user), "")
		}
	}
}

// TestAnotherAccountSeesNothing: a bucket of somebody else is a bucket that is not there.
func TestAnotherAccountSeesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.admin(t)
	put(t, admin, "a", "content")
	upload := done(admin.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: aws.String("files"), Key: aws.String("b")}))(t).UploadId
	stranger := w.user(t, otherID, "stranger")
	owner := w.user(t, accountID, "owner")
	for what, c := range map[string]*awss3.Client{"another account": w.client(stranger, region), "another region": w.client(owner, "eu-west-1")} {
		for name, call := range map[string]try{
			"get": tryGet("a"), "put": tryPut("a"), "delete": tryDelete("a"), "list": tryList(""), "copy": tryCopy("a", "c"), "upload": tryUpload("a"), "remove": tryRemove,
			"part": func(c *awss3.Client) error {
				_, err := c.UploadPart(ctx, &awss3.UploadPartInput{Bucket: aws.String("files"), Key: aws.String("b"), UploadId: upload, PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
				return err
			},
		} {
			code(t, what+": "+name, call(c), "NoSuchBucket")
		}
		if list := done(c.ListBuckets(ctx, &awss3.ListBucketsInput{}))(t); len(list.Buckets) > 0 {
			t.Errorf("%s lists %+v", what, list.Buckets)
		}
		done(c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("files"), CreateBucketConfiguration: nil}))(t)
		code(t, what+": get from an own bucket", tryGet("a")(c), "NoSuchKey")
	}
	_, err := w.client(owner, region).HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: aws.String("files"), ExpectedBucketOwner: aws.String(otherID)})
	code(t, "a bucket that is thought to be another's", err, "Forbidden")
}

// TestKeysThatAreNoGood are refused with the codes that SDKs know.
func TestKeysThatAreNoGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.admin(t)
	good := w.user(t, accountID, "alice")
	list := func(c aws.Credentials) error { return tryList("")(w.client(c, region)) }
	code(t, "good ones", list(good), "")
	code(t, "an unknown key", list(aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "x"}), "InvalidAccessKeyId")
	code(t, "another secret", list(aws.Credentials{AccessKeyID: good.AccessKeyID, SecretAccessKey: "another"}), "SignatureDoesNotMatch")
	code(t, "a token that does not belong to it", list(aws.Credentials{AccessKeyID: good.AccessKeyID, SecretAccessKey: good.SecretAccessKey, SessionToken: "x"}), "InvalidToken")

	key := done(w.accounts.Key(ctx, good.AccessKeyID))(t)
	issued := done(w.accounts.UserSession(ctx, key.Principal, time.Hour))(t)
	temporary := aws.Credentials{AccessKeyID: issued.KeyID, SecretAccessKey: issued.Secret, SessionToken: issued.Token}
	code(t, "temporary ones", list(temporary), "")
	presigned := done(awss3.NewPresignClient(w.client(temporary, region)).PresignGetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("files"), Key: aws.String("gone")}))(t)
	if resp, body := w.ask(t, "GET", presigned.URL, nil, nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("presigned with temporary ones: %d %s", resp.StatusCode, body)
	}
	without := temporary
	without.SessionToken = ""
	code(t, "temporary ones without their token", list(without), "InvalidToken")

	must(t, w.accounts.SetState(ctx, scopeOf(accountID), "test", account.Paused, "test"))
	code(t, "of an account that may not send", list(good), "")
	must(t, w.accounts.SetState(ctx, scopeOf(accountID), "test", account.Closed, "test"))
	code(t, "of a closed account", list(good), "InvalidAccessKeyId")
	code(t, "temporary ones of a closed account", list(temporary), "InvalidToken")
	must(t, w.accounts.SetState(ctx, scopeOf(accountID), "test", account.Active, "test"))
	must(t, w.accounts.SetKeyActive(ctx, accountID, "alice", good.AccessKeyID, false))
	code(t, "a disabled key", list(good), "InvalidAccessKeyId")
	must(t, w.accounts.SetKeyActive(ctx, accountID, "alice", good.AccessKeyID, true))
	code(t, "enabled again", list(good), "")

	w.clock.Advance(16 * time.Minute)
	code(t, "a clock that is wrong", list(good), "RequestTimeTooSkewed")
	w.clock.Advance(time.Hour)
	if resp, body := w.ask(t, "GET", presigned.URL, nil, nil); !strings.Contains(body, "<Code>ExpiredToken</Code>") && !strings.Contains(body, "Request has expired") {
		t.Errorf("presigned, later: %d %s", resp.StatusCode, body)
	}
}

// TestTheRegionsThatAreServed and no others.
func TestTheRegionsThatAreServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *s3.Options) { o.Regions = []string{"eu-west-1"} })
	user := w.user(t, accountID, "alice")
	code(t, "served", tryBuckets(w.client(user, "eu-west-1")), "")
	code(t, "not served", tryBuckets(w.client(user, region)), "AuthorizationHeaderMalformed")
}

// TestSignaturesOfVersion2AreRefusedInS3sWords: older AWS CLIs make such URLs by default. They
// were taken for requests for a page.
func TestSignaturesOfVersion2AreRefusedInS3sWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for what, c := range map[string]struct {
		query  string
		header http.Header
	}{
		"in the URL":    {"?AWSAccessKeyId=AKIA&Signature=abc%3D&Expires=1795916499", nil},
		"in the header": {"", http.Header{"Authorization": {"AWS AKIA:abc="}}},
	} {
		r := &http.Request{Method: "GET", URL: done(url.Parse(w.URL + "/files/a" + c.query))(t), Header: c.header}
		if !s3.IsRequest(r) {
			t.Errorf("%s: not for S3", what)
		}
		resp, body := w.ask(t, r.Method, r.URL.String(), c.header, nil)
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "<Code>InvalidRequest</Code>") || !strings.Contains(body, "Please use AWS4-HMAC-SHA256.") {
			t.Errorf("%s: %d %s", what, resp.StatusCode, body)
		}
	}
	if s3.IsRequest(&http.Request{URL: &url.URL{Path: "/files/a"}, Header: http.Header{"Authorization": {"Bearer AWS "}}}) {
		t.Error("a token is no signature")
	}
}

// signed signs a request as the SDK does, with a body whose hash is in the head.
func (w *world) signed(t testing.TB, c aws.Credentials, method, target string, header http.Header, body string) (*http.Response, string) {
	t.Helper()
	r := done(http.NewRequestWithContext(t.Context(), method, w.URL+target, strings.NewReader(body)))(t)
	for name, values := range header {
		r.Header[name] = values
	}
	sum := sha256.Sum256([]byte(body))
	r = signedAs(t, c, r, cmp.Or(r.Header.Get("X-Amz-Content-Sha256"), hex.EncodeToString(sum[:])))
	return w.ask(t, method, w.URL+target, r.Header, []byte(body))
}

// TestWhatIsNotThere is refused: nobody may think that it was done.
func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put(t, w.admin(t), "a", "content")
	user := w.user(t, accountID, "alice")
	for _, c := range []struct {
		method, target, header, value string
		status                        int
		code                          string
	}{
		{"GET", "/files?policy", "", "", 501, "NotImplemented"},
		{"PUT", "/files?acl", "", "", 501, "NotImplemented"},
		{"PUT", "/files?versioning", "", "", 501, "NotImplemented"},
		{"DELETE", "/files?lifecycle", "", "", 501, "NotImplemented"},
		{"POST", "/files", "Content-Type", "multipart/form-data; boundary=x", 501, "NotImplemented"},
		{"GET", "/files/a?acl", "", "", 501, "NotImplemented"},
		{"DELETE", "/files/a?tagging", "", "", 501, "NotImplemented"},
		{"PUT", "/files/a?tagging", "", "", 501, "NotImplemented"},
		{"GET", "/files/a?versionId=1", "", "", 501, "NotImplemented"},
		{"DELETE", "/files/a?versionId=1", "", "", 501, "NotImplemented"},
		{"GET", "/files/a?uploads&tagging", "", "", 501, "NotImplemented"},
		{"PATCH", "/files/a", "", "", 501, "NotImplemented"},
		{"OPTIONS", "/files/a", "Origin", "https://example.com", 501, "NotImplemented"},
		{"PUT", "/files/a", "X-Amz-Server-Side-Encryption", "AES256", 501, "NotImplemented"},
		{"PUT", "/files/a", "X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256", 501, "NotImplemented"},
		{"PUT", "/files/a", "X-Amz-Object-Lock-Mode", "GOVERNANCE", 501, "NotImplemented"},
		{"PUT", "/files/a", "X-Amz-Tagging", "a=b", 501, "NotImplemented"},
		{"PUT", "/files/a", "X-Amz-Checksum-Md4", "x", 400, "InvalidRequest"},
		{"PUT", "/files/a", "X-Amz-Storage-Class", "GLACIER", 400, "InvalidStorageClass"},
		{"PUT", "/files/a", "X-Amz-Acl", "public-read", 400, "AccessControlListNotSupported"},
		{"PUT", "/files/a", "X-Amz-Grant-Read", "id=1", 400, "AccessControlListNotSupported"},
		{"PUT", "/files/a", "X-Amz-Copy-Source", "files/a?versionId=1", 501, "NotImplemented"},
		{"PUT", "/files/a", "X-Amz-Copy-Source", "files", 400, "InvalidArgument"},
		{"PUT", "/more", "X-Amz-Bucket-Object-Lock-Enabled", "true", 501, "NotImplemented"},
		{"GET", "/files?max-keys=x", "", "", 400, "InvalidArgument"},
		{"GET", "/files/a?uploadId=1&max-parts=x", "", "", 400, "InvalidArgument"},
		{"PUT", "/files/a?uploadId=1&partNumber=10001", "", "", 400, "InvalidArgument"},
		{"POST", "/files?delete", "", "", 400, "InvalidRequest"},
		{"GET", "/files?a;b", "", "", 400, "InvalidURI"},
	} {
		header := http.Header{}
		if c.header != "" {
			header.Set(c.header, c.value)
		}
		resp, body := w.signed(t, user, c.method, c.target, header, "")
		if resp.StatusCode != c.status || !strings.Contains(body, "<Code>"+c.code+"</Code>") {
			t.Errorf("%s %s %s: %s: %d %s", c.method, c.target, c.header, c.value, resp.StatusCode, body)
		}
		for name := range resp.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s %s: %s", c.method, c.target, name)
			}
		}
	}
	digest := http.Header{"Content-Md5": {"x"}, "If-None-Match": {"*"}}
	if resp, body := w.signed(t, user, "PUT", "/files/new", digest, "x"); !strings.Contains(body, "<Code>InvalidDigest</Code>") {
		t.Errorf("a digest that is none, of an object that is not there: %d %s", resp.StatusCode, body)
	}
	if got := get(t, w.client(user, region), "a"); got != "content" {
		t.Errorf("after all that it has %q", got)
	}
}

// TestATypeIsNotGuessed of an object that was put without one.
func TestATypeIsNotGuessed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.admin(t)
	user := w.user(t, accountID, "alice")
	w.signed(t, user, "PUT", "/files/a", nil, "<html>")
	for _, method := range []string{"GET", "HEAD"} {
		resp, _ := w.signed(t, user, method, "/files/a", nil, "")
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "binary/octet-stream" {
			t.Errorf("%s: %d, %q", method, resp.StatusCode, got)
		}
	}
}

// TestNoOtherOriginIsAllowed: the library allows all.
func TestNoOtherOriginIsAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put(t, w.admin(t), "empty", "")
	user := w.user(t, accountID, "alice")
	for _, target := range []string{"/", "/files", "/files/empty", "/files/gone", "/files?location"} {
		for _, method := range []string{"GET", "HEAD"} {
			resp, _ := w.signed(t, user, method, target, http.Header{"Origin": {"https://example.com"}}, "")
			for name := range resp.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s: %s", method, target, name)
				}
			}
			if resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("X-Amz-Request-Id") == "" {
				t.Errorf("%s %s: %v", method, target, resp.Header)
			}
		}
	}
}

// TestBodiesThatAreNotWhatTheHeadSays leave nothing.
func TestBodiesThatAreNotWhatTheHeadSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.admin(t)
	user := w.user(t, accountID, "alice")
	other := sha256.Sum256([]byte("other"))
	stream := func(decoded string) http.Header {
		return http.Header{"X-Amz-Content-Sha256": {"STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "X-Amz-Decoded-Content-Length": {decoded}, "X-Amz-Trailer": {"x-amz-checksum-crc32"}}
	}
	const sum = "/sUwqQ=="
	const good = "7\r\ncontent\r\n0\r\nx-amz-checksum-crc32:" + sum + "\r\n\r\n"
	for _, b := range []struct {
		what   string
		header http.Header
		body   string
		code   string
	}{
		{"another hash", http.Header{"X-Amz-Content-Sha256": {hex.EncodeToString(other[:])}}, "content", "XAmzContentSHA256Mismatch"},
		{"chunks", stream("7"), good, ""},
		{"a length that is too small", stream("6"), good, "IncompleteBody"},
		{"a length that is too large", stream("8"), good, "IncompleteBody"},
		{"a length that is none", stream("x"), good, "InvalidArgument"},
		{"another checksum", stream("7"), strings.Replace(good, sum, "AAAAAA==", 1), "BadDigest"},
		{"no checksum", stream("7"), "7\r\ncontent\r\n0\r\n\r\n", "BadDigest"},
		{"broken chunks", stream("7"), strings.Replace(good, "7\r", "6\r", 1), "IncompleteBody"},
		{"chunks without an end", stream("7"), good[:20], "IncompleteBody"},
		{"nothing, with more behind it", stream("0"), good, "IncompleteBody"},
		{"a trailer that is not known", http.Header{"X-Amz-Content-Sha256": {"STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "X-Amz-Decoded-Content-Length": {"7"}, "X-Amz-Trailer": {"x-other"}}, good, "NotImplemented"},
	} {
		resp, body := w.signed(t, user, "PUT", "/files/a", b.header, b.body)
		if (resp.StatusCode == 200) != (b.code == "") || !strings.Contains(body, b.code) {
			t.Errorf("%s: %d %s", b.what, resp.StatusCode, body)
		}
		resp, body = w.signed(t, user, "PUT", "/files/a?partNumber=1&uploadId=1", b.header, b.body)
		if resp.StatusCode == 200 {
			t.Errorf("%s, as a part: %d %s", b.what, resp.StatusCode, body)
		}
		if b.code == "" {
			if got := get(t, c, "a"); got != "content" {
				t.Errorf("%s: %q", b.what, got)
			}
			must(t, tryDelete("a")(c))
		}
		code(t, b.what, tryGet("a")(c), "NoSuchKey")
	}
}

// FuzzTargets sends whatever targets the fuzzer makes up, signed by who may do everything:
// the door never fails at it, and touches no file that is not its own.
func FuzzTargets(f *testing.F) {
	w := newWorld(f)
	w.admin(f)
	user := w.user(f, accountID, "alice")
	f.Add("GET", "/files/../../etc/passwd", "", "")
	f.Add("PUT", "/files/a%2Fb", "X-Amz-Copy-Source", "files/%2e%2e/a")
	f.Add("POST", "/files?delete", "Content-Md5", "1B2M2Y8AsgTpgAmY7PhCfg==")
	f.Add("GET", "//files//?list-type=2&continuation-token=%2F%2F&delimiter=%00", "Range", "bytes=-1")
	f.Fuzz(func(t *testing.T, method, target, name, value string) {
		r, err := http.NewRequest(method, w.URL+target, http.NoBody)
		if err != nil || !strings.HasPrefix(target, "/") || strings.ContainsAny(name+value, "\r\n") {
			return
		}
		if name != "" {
			r.Header.Set(name, value)
		}
		resp, err := w.Client().Transport.RoundTrip(signedAs(t, user, r, "UNSIGNED-PAYLOAD"))
		if err != nil {
			return // not a request that is sent
		}
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusInternalServerError {
			t.Errorf("%s %q, %s: %q: %d", method, target, name, value, resp.StatusCode)
		}
	})
}

// signedAs signs a request with what its head says of the body.
func signedAs(t testing.TB, c aws.Credentials, r *http.Request, hash string) *http.Request {
	t.Helper()
	r.Header.Set("X-Amz-Content-Sha256", hash)
	must(t, v4.NewSigner().SignHTTP(ctx, c, r, hash, "s3", region, time.Now(), func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }))
	return r
}
