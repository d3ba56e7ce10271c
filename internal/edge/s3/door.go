// SPDX-License-Identifier: Apache-2.0

// Package s3 answers the API of Amazon S3 for the buckets of core/bucket: it proves who
// signed a request, asks whether they may, and speaks the protocol, for objects and their
// listings by way of a library. Requests are those whose credential is scoped to the
// service s3, with the bucket in the path.
//
// What the library would keep in memory is kept in core/bucket: uploads in parts are
// answered here. So is whatever a policy decides key by key.
package s3

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rclone/gofakes3"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/bucket"
	"sesame/internal/edge/httpx"
	"sesame/internal/edge/signer"
	"sesame/internal/proto/sigv4"
)

// Authorizer decides who may call what.
type Authorizer interface {
	Authorize(ctx context.Context, c access.Call) error
}

// Calls throttles the calls of an operation by an account in a region.
type Calls interface {
	Allow(sc scope.Scope, operation string) bool
}

// Options configure a Door.
type Options struct {
	Buckets *bucket.Store
	Keys    signer.Keys
	Access  Authorizer
	Reports *Reports
	Clock   clock.Clock
	Random  io.Reader
	Log     *slog.Logger
	Regions []string // regions that are served; empty means any
	Calls   Calls    // nil: calls are not throttled

	// Answered is told of each answer; the operation is "" if it is none. nil: nobody is.
	Answered func(operation string, status int)
}

// Door serves the API. It is safe for concurrent use.
type Door struct {
	o          Options
	verifier   *sigv4.Verifier
	operations map[string]operation
	library    http.Handler
	documents  atomic.Int64 // octets of bodies that are no content, at this moment
}

// skew is how far the date of a signature may be off (S3: RequestTimeTooSkewed).
const skew = 15 * time.Minute

// New returns the door.
func New(o Options) *Door {
	d := &Door{o: o, verifier: sigv4.New(sigv4.Options{Services: []string{"s3"}, Skew: skew})}
	d.operations = d.all()
	var first [8]byte // the library counts request ids on from a number
	if _, err := io.ReadFull(o.Random, first[:]); err != nil {
		o.Log.Error("s3: random source", "error", err)
	}
	d.library = gofakes3.New(backend{o.Buckets},
		gofakes3.WithoutVersioning(), gofakes3.WithTimeSkewLimit(0), // the signature's date is checked
		gofakes3.WithRequestID(binary.BigEndian.Uint64(first[:]))).Server()
	return d
}

// IsRequest reports whether a request is signed for S3: its credential is scoped to it, or
// its signature is of the version that was S3's own.
func IsRequest(r *http.Request) bool {
	if isVersion2(r) {
		return true
	}
	credential := ""
	if auth := r.Header.Get("Authorization"); auth != "" {
		_, credential, _ = strings.Cut(auth, "Credential=")
		if end := strings.IndexAny(credential, ", \t"); end >= 0 {
			credential = credential[:end]
		}
	} else if strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
		credential = r.URL.Query().Get("X-Amz-Credential")
	}
	return strings.HasSuffix(credential, "/s3/aws4_request")
}

// isVersion2 reports whether a request has a signature of version 2, as the older AWS CLI
// makes them for URLs.
func isVersion2(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "AWS ") ||
		strings.Contains(r.URL.RawQuery, "AWSAccessKeyId=") && strings.Contains(r.URL.RawQuery, "Signature=")
}

// call is a request, as far as it was admitted.
type call struct {
	access.Request
	door   *Door
	answer *answer
	report bool // signed by the service, for anybody who has the URL
	op     operation
	target
	late     func() map[string]string   // headers of the content that are known at its end
	taken    int64                      // octets of a document so far
	held     int64                      // those of them that are in Door.documents
	found    bucket.Object              // by HeadObject
	writable func(*bucket.Object) error // whether what is there may be replaced, nil for nothing
}

type callKey struct{}

// callOf is the call that a request of the library belongs to.
func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// ServeHTTP answers one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	patient := httpx.NewPatient(w)
	defer patient.Done()
	if r.ContentLength == 0 && strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		// net/http does not say it where nothing follows, but S3 does, and botocore is lost on
		// a connection that stays open without it.
		patient.WriteHeader(http.StatusContinue)
	}
	a := &answer{ResponseWriter: patient, head: r.Method == http.MethodHead, presigned: r.Header.Get("Authorization") == ""}
	c := &call{door: d, answer: a}
	defer c.release()
	id, err := httpx.RequestID(d.o.Random)
	if err == nil {
		a.Header().Set(requestID, id)
		err = caught(func() error { return c.serve(a, r, patient.Body(r.Body)) })
	}
	if err != nil {
		a.refuse(err)
	}
	a.log(d.o.Log.With("request", a.Header().Get(requestID), "operation", c.op.name, "account", c.Scope.Account))
	if d.o.Answered != nil {
		d.o.Answered(c.op.name, a.status)
	}
	if err != nil && !a.told {
		panic(http.ErrAbortHandler) // the client must not take a part for the whole
	}
}

func (c *call) serve(a *answer, r *http.Request, body io.ReadCloser) (err error) {
	if r, err = c.admit(r, body); err != nil {
		return err
	}
	if c.op.serve != nil {
		return c.op.serve(c, a, r)
	}
	a.call, c.writable = c, writeConditions(r.Header)
	c.door.library.ServeHTTP(a, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
	a.WriteHeader(http.StatusOK) // unless it has begun: there may be no body
	return nil
}

// admit proves who signed a request and that they may, and returns it with a body that is
// the content, proven while it is read.
func (c *call) admit(r *http.Request, body io.Reader) (*http.Request, error) {
	o := &c.door.o
	if isVersion2(r) {
		return nil, errVersion2
	}
	claim, err := c.door.verifier.Parse(r)
	if err != nil {
		return nil, err
	}
	if len(o.Regions) > 0 && !slices.Contains(o.Regions, claim.Region) {
		return nil, &sigv4.Error{Kind: sigv4.Incomplete, Text: "The region of the credential is not served here."}
	}
	key, report := o.Reports.key(claim)
	if !report {
		if key, err = signer.Find(r.Context(), o.Keys, claim); err != nil {
			return nil, err
		}
	}
	content, trailer, err := claim.CheckStream(r, body, key.Secret, o.Clock())
	if err != nil {
		return nil, err
	}
	if !report {
		o.Keys.Used(claim.AccessKeyID, claim.Service, claim.Region)
	} else if err := o.Reports.alive(r.Context(), key.Account); err != nil {
		return nil, err
	}
	c.report = report
	c.Request = access.Request{
		Scope: scope.Scope{Account: key.Account, Region: claim.Region}, Principal: key.Principal, SourceIP: httpx.ClientIP(r), UserAgent: r.UserAgent(), Secure: r.TLS != nil,
	}
	if claim.Presigned {
		r = withHeaders(r)
	}
	if c.op, c.target, err = c.door.find(r); err != nil {
		return nil, err
	}
	if err := c.permit(r, claim); err != nil {
		return nil, err
	}
	return c.withBody(r, content, trailer)
}

// permit refuses a call that its headers, its rate or the policies do not allow.
func (c *call) permit(r *http.Request, claim *sigv4.Claim) error {
	if err := checkHeaders(r.Header, c.Scope.Account); err != nil {
		return err
	}
	if c.door.o.Calls != nil && !c.door.o.Calls.Allow(c.Scope, c.op.name) {
		return fault.New(fault.Throttled, "Please reduce your request rate.")
	}
	c.keys = conditionKeys(r, claim, c.door.o.Clock())
	c.keys["s3:resourceaccount"] = []string{c.Scope.Account}
	if c.source != nil { // however it is spelled
		c.keys["s3:x-amz-copy-source"] = []string{c.source.bucket + "/" + c.source.key}
	}
	if c.op.action != "" {
		if err := c.allow(r.Context(), c.op.action, c.arn()); err != nil {
			return err
		}
	}
	if c.source == nil {
		return nil
	}
	return c.allow(r.Context(), "s3:GetObject", c.source.arn())
}

// allow asks the policies. A report may be read by its URL, and nothing else.
func (c *call) allow(ctx context.Context, action, arn string) error {
	if c.report {
		if c.op.name == "GetObject" && action == "s3:GetObject" {
			return nil
		}
		return fault.New(fault.AccessDenied, "Access Denied")
	}
	return c.door.o.Access.Authorize(ctx, access.Call{Request: c.Request, Action: action, Resources: []access.Resource{{ARN: arn}}, Keys: c.keys})
}

// missing is what a reader learns of a key that a bucket does not have: that it is not
// there, if they may list the bucket (S3: GetObject, permissions).
func (c *call) missing(ctx context.Context, err error, name string) error {
	if !errors.Is(err, bucket.ErrNoObject) {
		return err
	}
	if denied := c.allow(ctx, "s3:ListBucket", target{bucket: name}.arn()); denied != nil {
		return denied
	}
	return err
}
