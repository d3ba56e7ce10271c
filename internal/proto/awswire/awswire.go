// SPDX-License-Identifier: Apache-2.0

// Package awswire speaks the two protocols of the AWS APIs from the server's side:
// REST-JSON (SES v2) and Query/XML (SES v1, and SNS, IAM and STS, which share it). The
// types are the official Go SDK's: a request becomes the operation's Input, an Output
// or an error becomes the answer that every SDK reads. A Service is compiled once from
// the types (and, for REST-JSON, from the SDK's Smithy schemas) and is then read-only,
// so it may be used from any number of goroutines.
//
// The order of work for one request is Service.Route, Call.Decode, Operation.Validate,
// the handler, and Operation.EncodeOutput or Service.EncodeError. Everything that goes
// wrong on the way in is an *Error that holds the answer's code, status and text.
//
// The package knows no handler, no account and no database. It checks no signature.
package awswire

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
)

// Bounds of what one request may make the codecs build. They are far above anything
// that SES accepts and keep small bodies from becoming large values.
const (
	maxDepth    = 64      // nesting of a JSON body, of a form key
	maxElements = 50_000  // list elements and map entries of one request
	maxPairs    = 50_000  // parameters of one form
	maxNodes    = 200_000 // names in the keys of one form, counted as often as they come
)

// Operation is one operation of a service. Its fields are read-only.
type Operation struct {
	Service       string // the SDK's name of the service: "sesv2", "ses"
	Name          string // as in IAM actions and in the SDK: "SendEmail"
	Method        string // "POST" for the Query protocol
	Path          string // the URI template: "/v2/email/identities/{EmailIdentity}"
	SuccessStatus int

	service *Service
	in, out *structPlan
	bare    bool // the Query answer has no result element
	checks  *structChecks
}

// NewInput returns a new, empty input of the operation, as *sesv2.SendEmailInput.
func (o *Operation) NewInput() any { return reflect.New(o.in.typ).Interface() }

// NewOutput returns a new, empty output of the operation, as *sesv2.SendEmailOutput.
func (o *Operation) NewOutput() any { return reflect.New(o.out.typ).Interface() }

// Service is a service's operations and the protocol that it speaks.
type Service struct {
	name       string
	operations []*Operation // sorted by name
	byName     map[string]*Operation
	protocol   protocol
	errors     errorTable
}

// Name is the SDK's name of the service: "sesv2", "ses".
func (s *Service) Name() string { return s.name }

// Operations returns the service's operations, sorted by name. The slice is shared:
// callers must not change it.
func (s *Service) Operations() []*Operation { return s.operations }

// Operation returns the operation of that name, or nil.
func (s *Service) Operation(name string) *Operation { return s.byName[name] }

// Request is what the codecs read of an HTTP request.
type Request struct {
	Method   string
	RawPath  string // as received, still percent-encoded: url.URL.EscapedPath
	RawQuery string // as received
	Body     []byte // whole and decompressed; not kept after Decode
}

// Response is an answer, ready to be written. Content-Length is the writer's.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Call is a request whose operation is known.
type Call struct {
	Op *Operation

	binding *restBinding // REST: where the members come from
	labels  []string     // REST: decoded path labels, in the template's order
	query   url.Values   // REST: decoded query string
	body    []byte       // REST: the JSON body
	form    *formNode    // Query: the parameters as a tree
}

// Decode returns the operation's input, of the type that NewInput returns. A malformed
// request is an *Error (SerializationException for REST-JSON, MalformedInput for Query).
func (c *Call) Decode() (any, error) {
	in := reflect.New(c.Op.in.typ)
	if err := c.Op.service.protocol.decode(c, in.Elem()); err != nil {
		return nil, err
	}
	return in.Interface(), nil
}

// Route finds the operation that a request names. What names none is an *Error:
// UnknownOperationException (404) for an unknown path and MethodNotAllowedException
// (405) for a known one with another method; for the Query protocol MissingAction or
// InvalidAction (400).
func (s *Service) Route(r *Request) (*Call, error) { return s.protocol.route(s, r) }

// EncodeOutput returns the answer that carries out, which must be a pointer to the
// operation's output type, or nil for an empty output. The error tells of a wrong type
// only, which is a defect of the caller.
func (o *Operation) EncodeOutput(out any, requestID string) (*Response, error) {
	v := reflect.ValueOf(out)
	if out == nil || (v.Kind() == reflect.Pointer && v.IsNil()) {
		v = reflect.New(o.out.typ)
	}
	if v.Type() != reflect.PointerTo(o.out.typ) {
		return nil, fmt.Errorf("awswire: output of %s.%s is a %T", o.Service, o.Name, out)
	}
	return o.service.protocol.encodeOutput(o, v.Elem(), requestID), nil
}

// EncodeError returns the answer that carries e.
func (s *Service) EncodeError(e *Error, requestID string) *Response {
	return s.protocol.encodeError(e, requestID)
}

// protocol is what REST-JSON and Query do differently.
type protocol interface {
	route(s *Service, r *Request) (*Call, error)
	decode(c *Call, in reflect.Value) error
	encodeOutput(o *Operation, out reflect.Value, requestID string) *Response
	encodeError(e *Error, requestID string) *Response
	validationCode() string
}
