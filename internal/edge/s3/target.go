// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sesame/internal/proto/policy"
	"sesame/internal/proto/sigv4"
)

// operation is one of the API.
type operation struct {
	name    string
	action  string // that a policy has to allow; "" if the operation asks itself
	content bool   // the body is the content of an object
	serve   func(*call, http.ResponseWriter, *http.Request) error
}

// all are the operations that are answered, by method, level and the parameters that select
// them. Those without a function are the library's.
func (*Door) all() map[string]operation {
	return map[string]operation{
		"GET service":                    {name: "ListBuckets", action: "s3:ListAllMyBuckets", serve: (*call).listBuckets},
		"PUT bucket":                     {name: "CreateBucket", action: "s3:CreateBucket", serve: (*call).createBucket},
		"HEAD bucket":                    {name: "HeadBucket", action: "s3:ListBucket"},
		"DELETE bucket":                  {name: "DeleteBucket", action: "s3:DeleteBucket"},
		"GET bucket":                     {name: "ListObjects", action: "s3:ListBucket"},
		"GET bucket location":            {name: "GetBucketLocation", action: "s3:GetBucketLocation", serve: (*call).bucketLocation},
		"GET bucket uploads":             {name: "ListMultipartUploads", action: "s3:ListBucketMultipartUploads", serve: (*call).listUploads},
		"POST bucket delete":             {name: "DeleteObjects", serve: (*call).deleteObjects},
		"GET object":                     {name: "GetObject", action: "s3:GetObject"},
		"GET object partNumber":          {name: "GetObject", action: "s3:GetObject"},
		"GET object tagging":             {name: "GetObjectTagging", action: "s3:GetObjectTagging", serve: (*call).objectTagging},
		"HEAD object":                    {name: "HeadObject", action: "s3:GetObject"},
		"HEAD object partNumber":         {name: "HeadObject", action: "s3:GetObject"},
		"PUT object":                     {name: "PutObject", action: "s3:PutObject", content: true},
		"DELETE object":                  {name: "DeleteObject", action: "s3:DeleteObject", serve: (*call).deleteObject},
		"POST object uploads":            {name: "CreateMultipartUpload", action: "s3:PutObject", serve: (*call).createUpload},
		"PUT object partNumber+uploadId": {name: "UploadPart", action: "s3:PutObject", content: true, serve: (*call).uploadPart},
		"POST object uploadId":           {name: "CompleteMultipartUpload", action: "s3:PutObject", serve: (*call).completeUpload},
		"DELETE object uploadId":         {name: "AbortMultipartUpload", action: "s3:AbortMultipartUpload", serve: (*call).abortUpload},
		"GET object uploadId":            {name: "ListParts", action: "s3:ListMultipartUploadParts", serve: (*call).listParts},
	}
}

// target is what a call is about.
type target struct {
	bucket string
	key    string
	source *target     // that is copied
	keys   policy.Keys // what policies may ask of the request
}

// arn is the target as policies name it.
func (t target) arn() string {
	switch {
	case t.bucket == "":
		return "*"
	case t.key == "":
		return "arn:aws:s3:::" + t.bucket
	}
	return "arn:aws:s3:::" + t.bucket + "/" + t.key
}

// selectsNothing reports whether a parameter says how an operation is done, not which.
func selectsNothing(name string) bool {
	switch name {
	case "list-type", "prefix", "delimiter", "max-keys", "continuation-token", "start-after", "marker", "encoding-type",
		"fetch-owner", "x-id", "max-buckets", "bucket-region", "key-marker", "upload-id-marker", "max-uploads", "part-number-marker", "max-parts":
		return true
	}
	return isAmz(name) || strings.HasPrefix(name, "response-")
}

func isAmz(name string) bool {
	const prefix = "x-amz-"
	return len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// find tells which operation a request is, of what. The path is taken apart as the library
// does. Whatever is not known here is refused, lest the library take it for something else
// than what was asked about.
func (d *Door) find(r *http.Request) (op operation, t target, err error) {
	t.bucket, t.key, _ = strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return op, t, errInvalidURI
	}
	var selects []string
	for name := range query {
		if !selectsNothing(name) {
			selects = append(selects, name)
		}
	}
	slices.Sort(selects)
	level := "service"
	switch {
	case t.key != "":
		level = "object"
	case t.bucket != "":
		level = "bucket"
	}
	op, ok := d.operations[strings.TrimSpace(r.Method+" "+level+" "+strings.Join(selects, "+"))]
	if !ok {
		return op, t, errNotImplemented
	}
	if source := r.Header.Get("X-Amz-Copy-Source"); source != "" {
		if !op.content {
			return op, t, errNotImplemented
		}
		if t.source, err = parseSource(source); err != nil {
			return op, t, err
		}
	}
	return op, t, nil
}

// parseSource reads X-Amz-Copy-Source, in which the slash may be escaped, too.
func parseSource(source string) (*target, error) {
	if strings.Contains(source, "?") {
		return nil, errNotImplemented // a version
	}
	plain, err := url.QueryUnescape(source)
	name, key, _ := strings.Cut(strings.TrimPrefix(plain, "/"), "/")
	if err != nil || name == "" || key == "" {
		return nil, invalidArgument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	return &target{bucket: name, key: key}, nil
}

// header is the target as X-Amz-Copy-Source, in the one form that leaves no doubt.
func (t target) header() string { return t.bucket + "/" + url.QueryEscape(t.key) }

// withHeaders returns a presigned request with the headers that its URL has in the query
// (S3: authenticating requests, query parameters).
func withHeaders(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	for name, values := range r.URL.Query() {
		switch name {
		case "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature",
			"X-Amz-Security-Token", "X-Amz-Content-Sha256":
			continue
		}
		if isAmz(name) && r.Header.Get(name) == "" {
			r.Header.Set(name, values[0])
		}
	}
	return r
}

// conditionKeys are what policies may ask of a request to S3 (IAM: condition keys for
// Amazon S3). They have one value each: of a parameter that comes more than once the first,
// which is the one that counts.
func conditionKeys(r *http.Request, claim *sigv4.Claim, now time.Time) policy.Keys {
	keys := policy.Keys{"s3:signatureversion": {sigv4.Algorithm}, "s3:authtype": {"REST-HEADER"}, "s3:signatureage": {strconv.FormatInt(now.Sub(claim.Date).Milliseconds(), 10)}}
	if claim.Presigned {
		keys["s3:authtype"] = []string{"REST-QUERY-STRING"}
	}
	query := r.URL.Query()
	for _, name := range []string{"prefix", "delimiter", "max-keys"} {
		if values, ok := query[name]; ok {
			keys["s3:"+name] = values[:1]
		}
	}
	for _, name := range []string{"x-amz-acl", "x-amz-content-sha256", "x-amz-metadata-directive", "x-amz-storage-class"} {
		if value := r.Header.Get(name); value != "" {
			keys["s3:"+name] = []string{value}
		}
	}
	return keys
}

// checkHeaders refuses headers that ask for what is not there: it must not be thought that
// it was done.
func checkHeaders(h http.Header, account string) error {
	for name := range h {
		value := h.Get(name)
		switch name {
		case "X-Amz-Expected-Bucket-Owner", "X-Amz-Source-Expected-Bucket-Owner":
			if value != account {
				return errAccessDenied
			}
		case "X-Amz-Acl":
			if value != "private" && value != "bucket-owner-full-control" {
				return errNoACLs
			}
		case "X-Amz-Storage-Class":
			if value != "STANDARD" {
				return errStorageClass
			}
		case "X-Amz-Object-Ownership":
			if value != "BucketOwnerEnforced" {
				return errNotImplemented
			}
		case "X-Amz-Bucket-Object-Lock-Enabled":
			if !strings.EqualFold(value, "false") {
				return errNotImplemented
			}
		case "X-Amz-Tagging", "X-Amz-Website-Redirect-Location", "X-Amz-Write-Offset-Bytes", "X-Amz-Mfa":
			return errNotImplemented
		}
		switch {
		case strings.HasPrefix(name, "X-Amz-Grant-"):
			return errNoACLs
		case strings.HasPrefix(name, "X-Amz-Server-Side-Encryption"), strings.HasPrefix(name, "X-Amz-Copy-Source-Server-Side-Encryption"),
			strings.HasPrefix(name, "X-Amz-Object-Lock-"):
			return errNotImplemented
		}
	}
	return nil
}
