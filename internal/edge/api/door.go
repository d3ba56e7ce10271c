// SPDX-License-Identifier: Apache-2.0

// Package api is the HTTP door: it proves who signed a request (SigV4), finds the
// operation, decodes and checks its input, runs the handler and writes the answer, for
// SES API v1 (Query), SES API v2 (REST-JSON), IAM and STS (Query) and Sesame's own admin
// API. The service that a request's credential is scoped to tells IAM and STS from SES.
// The operations are in the packages below it, one method each.
package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/intake"
	"sesame/internal/edge/api/admin"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/httpx"
	"sesame/internal/edge/signer"
	"sesame/internal/proto/awswire"
	"sesame/internal/proto/sigv4"
)

// Authorizer decides who may call what.
type Authorizer interface {
	Authorize(ctx context.Context, c access.Call) error
}

// Options configure a Door.
type Options struct {
	V1, V2  Binding
	IAM     Binding
	STS     Binding
	Admin   *admin.Router
	Keys    signer.Keys
	Access  Authorizer
	Clock   clock.Clock
	Random  io.Reader
	Log     *slog.Logger
	Regions []string // regions that are served; empty means any
	Calls   Calls    // nil: calls are not throttled
	Sandbox Sandbox  // nil: nobody is in the sandbox

	// MaxInFlightBytes bounds the request bodies being handled at once, as far as they
	// have arrived, inflated; what would go over it is told to come later. Bodies of up
	// to smallBody bytes are not counted: whoever serves the Door bounds the connections.
	// Handling a body takes a few times its size. 0 means no bound.
	MaxInFlightBytes int64
}

// Bounds of one request's body, before and after decompression. The first must hold
// a message of 40 MB in base64.
const (
	maxBody   = 60 << 20
	smallBody = 64 << 10
)

// Door serves the APIs. It is safe for concurrent use.
type Door struct {
	o        Options
	verifier *sigv4.Verifier
	inflater httpx.Inflater
	inFlight atomic.Int64
}

// New returns the door.
func New(o Options) *Door {
	return &Door{o: o, verifier: sigv4.New(sigv4.Options{Services: []string{"ses", "iam", "sts"}})}
}

// Paths of the APIs. Older SDKs have one operation of v2 below oldPrefix.
const (
	v2Prefix    = "/v2/"
	oldPrefix   = "/v1/email/"
	adminPrefix = "/_sesame/"
)

// speaksJSON reports whether path belongs to an API that speaks REST-JSON.
func speaksJSON(path string) bool {
	return strings.HasPrefix(path, v2Prefix) || strings.HasPrefix(path, oldPrefix) || strings.HasPrefix(path, adminPrefix)
}

// IsRequest reports whether r is for the APIs rather than for a page: it is signed,
// or goes to a path that only they have, or is a POST to the root.
func IsRequest(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == "/" || r.Header.Get("Authorization") != "" ||
		speaksJSON(r.URL.Path) ||
		strings.Contains(r.URL.RawQuery, "X-Amz-Algorithm=") || strings.Contains(r.URL.RawQuery, "Action=")
}

// request is one request on its way.
type request struct {
	id  string
	r   *http.Request
	svc *awswire.Service // whose protocol the answer speaks; known for certain with the claim
	log *slog.Logger

	stream func(io.Writer) error // writes the body of a success that has no bound
}

// ServeHTTP answers one request. Whatever goes wrong becomes an error that the SDKs
// can read.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := httpx.RequestID(d.o.Random)
	q := &request{id: id, r: r, svc: d.o.V1.Service, log: d.o.Log.With("request", id)}
	if speaksJSON(r.URL.Path) {
		q.svc = d.o.V2.Service
	}
	var resp *awswire.Response
	if err == nil {
		resp, err = d.serve(q)
	}
	if err != nil {
		resp = q.svc.EncodeError(d.errorOf(q.svc, err, q.log), id)
		q.log.Debug("refused", "method", r.Method, "path", r.URL.Path, "status", resp.Status, "error", err)
	}
	h := w.Header()
	for name, values := range resp.Header {
		h[name] = values
	}
	if q.stream != nil {
		q.pour(w, resp.Status)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(resp.Body)))
	w.WriteHeader(resp.Status)
	if _, err := w.Write(resp.Body); err != nil {
		q.log.Debug("answer not written", "error", err)
	}
}

// pour writes a body that has no bound, to whoever takes some of it every minute. When it
// can't be finished, the connection is cut: the client must not take a part for the whole.
func (q *request) pour(w http.ResponseWriter, status int) {
	w.WriteHeader(status)
	patient := httpx.NewPatient(w)
	if err := q.stream(patient); err != nil {
		q.log.Warn("an answer was cut short", "path", q.r.URL.Path, "error", err)
		panic(http.ErrAbortHandler)
	}
	patient.Done()
}

func (d *Door) serve(q *request) (resp *awswire.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &fault.Error{Kind: fault.Internal, Op: "api", Text: "Internal failure", Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	room := &room{door: d}
	defer room.release()
	who, wire, err := d.authenticate(q, room)
	if err != nil {
		return nil, err
	}
	body, err := d.inflate(q, wire, room)
	if err != nil {
		return nil, err
	}
	ctx := caller.With(q.r.Context(), who)
	if strings.HasPrefix(q.r.URL.Path, adminPrefix) {
		return d.admin(ctx, q, body)
	}
	return d.operation(ctx, q, body)
}

// binding is what answers the operations of the request's service.
func (d *Door) binding(q *request) Binding {
	for _, b := range []Binding{d.o.V2, d.o.IAM, d.o.STS} {
		if b.Service == q.svc {
			return b
		}
	}
	return d.o.V1
}

// address sets the service that a signed request is for. IAM and STS have one path.
func (d *Door) address(q *request, service string) error {
	other := map[string]*awswire.Service{"iam": d.o.IAM.Service, "sts": d.o.STS.Service}[service]
	switch {
	case service == "ses":
		return nil
	case other == nil || q.r.URL.Path != "/":
		return &sigv4.Error{Kind: sigv4.Mismatch, Text: "Credential should be scoped to correct service: 'ses'."}
	}
	q.svc = other
	return nil
}

// operation runs an operation of a service of AWS.
func (d *Door) operation(ctx context.Context, q *request, body []byte) (*awswire.Response, error) {
	b := d.binding(q)
	call, err := q.svc.Route(&awswire.Request{Method: q.r.Method, RawPath: q.r.URL.EscapedPath(), RawQuery: q.r.URL.RawQuery, Body: body})
	if err != nil {
		return nil, err
	}
	if err := d.admit(ctx, call.Op); err != nil {
		return nil, err
	}
	in, err := call.Decode()
	if err != nil {
		return nil, err
	}
	if b.Implements(call.Op.Name) {
		if err := call.Op.Validate(in); err != nil {
			return nil, err
		}
		if err := d.authorize(ctx, b, call.Op, in); err != nil {
			audit(ctx, q.log, call.Op, in, err)
			return nil, err
		}
	}
	out, err := b.call(ctx, call.Op, in)
	audit(ctx, q.log, call.Op, in, err)
	if err != nil {
		return nil, err
	}
	return call.Op.EncodeOutput(out, q.id)
}

// authorize refuses a call that the caller's policies do not allow.
func (d *Door) authorize(ctx context.Context, b Binding, op *awswire.Operation, in any) error {
	version := map[string]string{"ses": "1", "sesv2": "2"}[op.Service]
	c, ok, err := b.access(ctx, caller.From(ctx).Access(version), op, in)
	if err != nil || !ok {
		return err
	}
	return d.o.Access.Authorize(ctx, c)
}

// admin runs a request of the admin API.
func (d *Door) admin(ctx context.Context, q *request, body []byte) (*awswire.Response, error) {
	who := caller.From(ctx)
	route, vars, err := d.o.Admin.Find(q.r.Method, q.r.URL.EscapedPath())
	if err != nil {
		return nil, err
	}
	if err := d.throttle(who.Scope, "sesame", route.Action); err != nil {
		return nil, err
	}
	err = d.o.Access.Authorize(ctx, access.Call{Request: who.Access("2"), Action: route.Action, Resources: adminResources(who.Scope, vars, route)})
	if err != nil {
		auditAdmin(ctx, q.log, route, vars, err)
		return nil, err
	}
	a, err := route.Answer(ctx, admin.Request{
		Scope: who.Scope, Caller: who.Principal.ARN(), Path: vars, Query: q.r.URL.Query(), Body: body,
	})
	auditAdmin(ctx, q.log, route, vars, err)
	if err != nil {
		return nil, err
	}
	q.stream = a.Stream
	h := http.Header{"Content-Type": {a.ContentType}, "X-Amzn-Requestid": {q.id}, "X-Content-Type-Options": {"nosniff"}}
	return &awswire.Response{Status: a.Status, Header: h, Body: a.Body}, nil
}

// authenticate proves who signed the request and returns the body as it came. The
// body is read only for a request whose head is in order, into room.
func (d *Door) authenticate(q *request, room *room) (who caller.Caller, body []byte, err error) {
	claim, err := d.verifier.Parse(q.r)
	if err != nil {
		return who, nil, err
	}
	if err := d.address(q, claim.Service); err != nil {
		return who, nil, err
	}
	// IAM and STS are everywhere: clients sign for whatever region they think is theirs.
	if claim.Service == "ses" && len(d.o.Regions) > 0 && !slices.Contains(d.o.Regions, claim.Region) {
		return who, nil, &sigv4.Error{Kind: sigv4.Mismatch, Text: "Credential should be scoped to a valid region."}
	}
	if err := claim.CheckHead(q.r, d.o.Clock()); err != nil {
		return who, nil, err
	}
	key, err := signer.Find(q.r.Context(), d.o.Keys, claim)
	if err != nil {
		return who, nil, err
	}
	var hash [sha256.Size]byte
	if body, err = room.read(q.r); err == nil {
		hash = sha256.Sum256(body)
		err = claim.Check(q.r, hash, key.Secret, d.o.Clock())
	}
	if err != nil {
		return who, nil, transport(err)
	}
	d.o.Keys.Used(claim.AccessKeyID, claim.Service, claim.Region)
	who = caller.Caller{
		Scope: scope.Scope{Account: key.Account, Region: claim.Region}, Principal: key.Principal, RequestID: q.id, SourceIP: httpx.ClientIP(q.r),
		UserAgent: q.r.UserAgent(), Secure: q.r.TLS != nil,
		Idempotency: intake.Idempotency{
			Key: q.r.Header.Get("Idempotency-Key"), Retry: q.r.Header.Get("Amz-Sdk-Invocation-Id"),
			First: strings.HasPrefix(q.r.Header.Get("Amz-Sdk-Request"), "attempt=1;"), Hash: hex.EncodeToString(hash[:]),
		},
	}
	return who, body, nil
}

// transport turns a refusal of HTTP's own kind into an error of the APIs.
func transport(err error) error {
	var h *httpx.Error
	if !errors.As(err, &h) {
		return err
	}
	code := "SerializationException"
	switch h.Status {
	case http.StatusRequestEntityTooLarge:
		code = "RequestEntityTooLargeException"
	case http.StatusUnsupportedMediaType:
		code = "UnsupportedMediaTypeException"
	case http.StatusRequestTimeout:
		code = "RequestTimeoutException"
	}
	return &awswire.Error{Code: code, Message: h.Text, Status: h.Status}
}
