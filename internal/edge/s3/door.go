// SPDX-License-Identifier: Apache-2.0

// Package s3 answers the API of Amazon S3 for the buckets of core/bucket: it proves who
// signed a request, asks whether they may, and has a library speak the protocol. Requests
// are those whose credential is scoped to the service s3, with the bucket in the path.
package s3

import (
	"bufio"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rclone/gofakes3"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/bucket"
	"sesame/internal/proto/sigv4"
)

// Keys finds access keys, permanent ones and temporary ones by their token.
type Keys interface {
	Key(ctx context.Context, id string) (account.Key, error)
	SessionKey(ctx context.Context, id, token string) (account.Key, error)
	Used(id, service, region string)
}

// Authorizer decides who may call what.
type Authorizer interface {
	Authorize(ctx context.Context, c access.Call) error
}

// Options configure a Door.
type Options struct {
	Buckets *bucket.Store
	Keys    Keys
	Access  Authorizer
	Reports *Reports
	Clock   clock.Clock
	Log     *slog.Logger
	Regions []string // regions that are served; empty means any
}

// Door serves the API. It is safe for concurrent use.
type Door struct {
	o        Options
	verifier *sigv4.Verifier
	library  http.Handler
}

// New returns the door.
func New(o Options) *Door {
	library := gofakes3.New(backend{o.Buckets},
		gofakes3.WithoutVersioning(), gofakes3.WithTimeSkewLimit(0), // the signature's date is checked
		gofakes3.WithUploadOwner(func(ctx context.Context) string { sc := scopeOf(ctx); return sc.Account + "/" + sc.Region }))
	return &Door{
		o: o, library: library.Server(),
		verifier: sigv4.New(sigv4.Options{Services: []string{"s3"}, UnsignedPayload: sigv4.UnsignedAlways}),
	}
}

// IsRequest reports whether the credential of a request is scoped to S3.
func IsRequest(r *http.Request) bool {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if auth := r.Header.Get("Authorization"); auth != "" {
		_, credential, _ = strings.Cut(auth, "Credential=")
		credential, _, _ = strings.Cut(credential, ",")
	}
	return strings.HasSuffix(strings.TrimSpace(credential), "/s3/aws4_request")
}

// ServeHTTP answers one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, err := d.admit(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	d.library.ServeHTTP(w, r)
}

// admit proves who signed a request and that they may, and returns it as the library takes
// it.
func (d *Door) admit(r *http.Request) (*http.Request, error) {
	claim, err := d.verifier.Parse(r)
	if err != nil {
		return r, err
	}
	if len(d.o.Regions) > 0 && !slices.Contains(d.o.Regions, claim.Region) {
		return r, &sigv4.Error{Kind: sigv4.Mismatch, Text: "Credential should be scoped to a valid region."}
	}
	t, err := parseTarget(r)
	if err != nil {
		return r, err
	}
	report, isReport := d.o.Reports.key(claim)
	key := report
	if !isReport {
		if key, err = d.key(r.Context(), claim); err != nil {
			return r, err
		}
	}
	content, trailer, err := claim.CheckStream(r, r.Body, key.Secret, d.o.Clock())
	if err != nil {
		return r, err
	}
	sc := scope.Scope{Account: key.Account, Region: claim.Region}
	if isReport {
		err = t.onlyReads()
	} else {
		d.o.Keys.Used(claim.AccessKeyID, claim.Service, claim.Region)
		err = d.authorize(r, sc, key.Principal, t)
	}
	if err != nil {
		return r, err
	}
	return plain(r.WithContext(context.WithValue(r.Context(), scopeKey{}, sc)), t, content, trailer)
}

func (d *Door) key(ctx context.Context, claim *sigv4.Claim) (key account.Key, err error) {
	temporary := account.IsTemporary(claim.AccessKeyID)
	if temporary {
		key, err = d.o.Keys.SessionKey(ctx, claim.AccessKeyID, claim.SessionToken)
	} else {
		key, err = d.o.Keys.Key(ctx, claim.AccessKeyID)
	}
	switch {
	case errors.Is(err, account.ErrExpired):
		return key, sigv4.NewTokenExpired()
	case errors.Is(err, account.ErrNoKey) && temporary, err == nil && !temporary && claim.SessionToken != "":
		return key, sigv4.NewTokenInvalid()
	case errors.Is(err, account.ErrNoKey):
		return key, sigv4.NewUnknownKey()
	}
	return key, err
}

func (d *Door) authorize(r *http.Request, sc scope.Scope, who account.Principal, t target) error {
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	request := access.Request{Scope: sc, Principal: who, SourceIP: ip, UserAgent: r.UserAgent(), Secure: r.TLS != nil}
	calls := []access.Call{{Request: request, Action: t.action, Resources: []access.Resource{{ARN: t.arn()}}}}
	if t.source != "" {
		calls = append(calls, access.Call{Request: request, Action: "s3:GetObject", Resources: []access.Resource{{ARN: "arn:aws:s3:::" + t.source}}})
	}
	for _, c := range calls {
		if err := d.o.Access.Authorize(r.Context(), c); err != nil {
			return err
		}
	}
	return nil
}

// maxDocument bounds the bodies that are no content.
const maxDocument = 2 << 20

// plain returns a request whose body is the content, whole and proven.
func plain(r *http.Request, t target, content io.Reader, trailer map[string]string) (*http.Request, error) {
	r = r.Clone(r.Context())
	size := r.ContentLength
	if decoded := r.Header.Get("X-Amz-Decoded-Content-Length"); decoded != "" {
		n, err := strconv.ParseInt(decoded, 10, 64)
		if err != nil || n < 0 {
			return r, &sigv4.Error{Kind: sigv4.Incomplete, Text: "X-Amz-Decoded-Content-Length is no number."}
		}
		size = n
	}
	if !t.content && (size > maxDocument || size < 0) {
		return r, fault.New(fault.TooLarge, "The body is too large.")
	}
	if size < 0 {
		return r, &sigv4.Error{Kind: sigv4.Incomplete, Text: "You must provide the Content-Length HTTP header."}
	}
	sum, err := checksum(r.Header.Get("X-Amz-Trailer"), trailer)
	if err != nil {
		return r, err
	}
	body := &body{r: bufio.NewReader(sum.reader(content)), left: size}
	if size == 0 {
		if err := body.end(); err != nil {
			return r, err
		}
	}
	r.Body = io.NopCloser(body)
	r.ContentLength = size
	r.Header.Set("Content-Length", strconv.FormatInt(size, 10))
	for _, name := range []string{"X-Amz-Decoded-Content-Length", "X-Amz-Content-Sha256", "X-Amz-Trailer"} {
		r.Header.Del(name)
	}
	return r, nil
}

// body gives out the last octets of the content only when the end behind them is proven:
// who knows how many there are does not ask for more.
type body struct {
	r    *bufio.Reader
	left int64
}

// Read reads on.
func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	if b.left -= int64(n); errors.Is(err, io.EOF) && b.left > 0 {
		return n, io.ErrUnexpectedEOF
	}
	if err == nil && b.left == 0 {
		if err := b.end(); err != nil {
			return 0, err
		}
	}
	return n, err
}

// end reads the end of the content.
func (b *body) end() error {
	_, err := b.r.Peek(1)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return &sigv4.Error{Kind: sigv4.Incomplete, Text: "The body is longer than its head says."}
	}
	return err
}

// refuse answers with an error as S3 does.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var signature *sigv4.Error
	code, status, text := "InternalError", http.StatusInternalServerError, "We encountered an internal error. Please try again."
	switch {
	case errors.As(err, &signature):
		text = signature.Text
		switch signature.Kind {
		case sigv4.UnknownKey:
			code, status = "InvalidAccessKeyId", http.StatusForbidden
		case sigv4.Skewed:
			code, status = "RequestTimeTooSkewed", http.StatusForbidden
		case sigv4.Expired, sigv4.MissingToken:
			code, status = "AccessDenied", http.StatusForbidden
		case sigv4.TokenExpired, sigv4.TokenInvalid:
			code, status = signature.Kind.Wire().V1, http.StatusBadRequest
		case sigv4.Mismatch:
			code, status = "SignatureDoesNotMatch", http.StatusForbidden
		default:
			code, status = "InvalidRequest", http.StatusBadRequest
		}
	case fault.Is(err, fault.AccessDenied):
		code, status, text = "AccessDenied", http.StatusForbidden, fault.PeerText(err)
	case fault.Is(err, fault.NotImplemented):
		code, status, text = "NotImplemented", http.StatusNotImplemented, fault.PeerText(err)
	case fault.Is(err, fault.TooLarge):
		code, status, text = "EntityTooLarge", http.StatusBadRequest, fault.PeerText(err)
	default:
		d.o.Log.Error("s3", "method", r.Method, "error", err)
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	body, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: code, Message: text})
	if err == nil {
		_, err = w.Write(append([]byte(xml.Header), body...))
	}
	if err != nil {
		d.o.Log.Debug("answer not written", "error", err)
	}
}

// target is what a request does to what.
type target struct {
	action  string
	bucket  string
	key     string
	source  string // BUCKET/KEY that is copied
	content bool   // the body is the content of an object
}

func (t target) arn() string {
	switch {
	case t.bucket == "":
		return "*"
	case t.key == "":
		return "arn:aws:s3:::" + t.bucket
	}
	return "arn:aws:s3:::" + t.bucket + "/" + t.key
}

// onlyReads refuses everything but reading a report.
func (t target) onlyReads() error {
	if t.action == "s3:GetObject" {
		return nil
	}
	return fault.New(fault.AccessDenied, "Access Denied")
}

// parameters are those that select no operation.
func harmless(name string) bool {
	switch name {
	case "list-type", "prefix", "delimiter", "max-keys", "continuation-token", "start-after", "marker", "encoding-type",
		"fetch-owner", "x-id", "max-buckets", "bucket-region":
		return true
	}
	return strings.HasPrefix(name, "X-Amz-") || strings.HasPrefix(name, "response-")
}

// parseTarget finds what a request does. The path is taken apart as the library does.
// Whatever is not known here is refused, lest the library take it for something else than
// what was asked about.
func parseTarget(r *http.Request) (t target, err error) {
	t.bucket, t.key, _ = strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return t, &sigv4.Error{Kind: sigv4.MalformedQuery, Text: "The query string can't be read."}
	}
	var selects []string
	for name := range query {
		if !harmless(name) {
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
	switch operation := r.Method + " " + level + " " + strings.Join(selects, "+"); operation {
	case "GET service ":
		t.action = "s3:ListAllMyBuckets"
	case "PUT bucket ":
		t.action = "s3:CreateBucket"
	case "HEAD bucket ", "GET bucket ":
		t.action = "s3:ListBucket"
	case "GET bucket location":
		t.action = "s3:GetBucketLocation"
	case "DELETE bucket ":
		t.action = "s3:DeleteBucket"
	case "POST bucket delete":
		t.action, t.key = "s3:DeleteObject", "*"
	case "GET object ", "HEAD object ":
		t.action = "s3:GetObject"
	case "DELETE object ":
		t.action = "s3:DeleteObject"
	case "PUT object ", "PUT object partNumber+uploadId", "POST object uploads", "POST object uploadId":
		t.action, t.content = "s3:PutObject", r.Method == http.MethodPut
	case "DELETE object uploadId":
		t.action = "s3:AbortMultipartUpload"
	case "GET object uploadId":
		t.action = "s3:ListMultipartUploadParts"
	default:
		return t, fault.New(fault.NotImplemented, "A header or parameter you provided implies functionality that is not implemented.")
	}
	if source := r.Header.Get("X-Amz-Copy-Source"); source != "" {
		name, key, _ := strings.Cut(strings.TrimPrefix(source, "/"), "/")
		key, err = url.QueryUnescape(key) // as the library does
		if err != nil || strings.Contains(source, "?") || !t.content {
			return t, fault.New(fault.NotImplemented, "The source of the copy is not understood.")
		}
		t.source = name + "/" + key
	}
	return t, nil
}
