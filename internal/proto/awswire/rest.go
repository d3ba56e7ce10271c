// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"time"

	"github.com/aws/smithy-go"
)

// RESTOperation names an operation's schemas and types in the SDK.
type RESTOperation struct {
	Op, Input, Output *smithy.Schema
	In, Out           reflect.Type // sesv2.SendEmailInput, not a pointer
}

// RESTVariant is one variant of a union: its Go type and its schema's member name.
type RESTVariant struct {
	Union, Variant reflect.Type
	Name           string
}

// RESTAlias is a further way to call an operation, of older SDKs. Members may come in
// the query string as well as in the body.
type RESTAlias struct {
	Operation, Method, Path string
	Query                   []string // member names
}

// RESTConfig is what a REST-JSON service is made of.
type RESTConfig struct {
	Name       string
	Operations []RESTOperation
	Variants   []RESTVariant
	Errors     *smithy.TypeRegistry
	Aliases    []RESTAlias
	// KeepEmpty lists the members ("Type.Field") in which an empty list differs from
	// an absent one; everywhere else an empty list decodes as nil.
	KeepEmpty []string
	// Constraints is the service's constraint file, or empty.
	Constraints string
}

// restJSON is the restJson1 protocol.
type restJSON struct {
	root routeNode
}

// restBinding says where the parts of an operation's input come from.
type restBinding struct {
	labels []int       // positions in the input plan, in the template's order
	query  []restQuery // by position
	body   *structPlan // nil if no member is in the body
}

type restQuery struct {
	name  string // of the parameter
	field int
}

// NewRESTJSON compiles a REST-JSON service. An error means that the SDK's types,
// schemas and the constraint file do not fit each other.
func NewRESTJSON(cfg *RESTConfig) (*Service, error) {
	c := &restCompiler{cfg: cfg, schemas: map[reflect.Type]*smithy.Schema{}}
	c.planner = planner{
		wireName: c.wireName, unions: map[reflect.Type][]unionVariant{},
		keepEmpty: map[string]bool{}, done: map[reflect.Type]*structPlan{},
	}
	for _, v := range cfg.Variants {
		c.unions[v.Union] = append(c.unions[v.Union], unionVariant{name: v.Name, typ: v.Variant})
	}
	for _, name := range cfg.KeepEmpty {
		c.keepEmpty[name] = true
	}
	proto := &restJSON{}
	s := &Service{name: cfg.Name, byName: map[string]*Operation{}, protocol: proto}
	for i := range cfg.Operations {
		op, err := c.operation(&cfg.Operations[i])
		if err != nil {
			return nil, fmt.Errorf("awswire: %s: %w", cfg.Name, err)
		}
		op.service = s
		if err := c.route(proto, op, op.Path, op.Method, nil); err != nil {
			return nil, fmt.Errorf("awswire: %s: %w", cfg.Name, err)
		}
		s.byName[op.Name] = op
	}
	if err := c.finish(s, proto); err != nil {
		return nil, fmt.Errorf("awswire: %s: %w", cfg.Name, err)
	}
	return s, nil
}

func (p *restJSON) route(_ *Service, r *Request) (*Call, error) {
	m, e := p.root.match(r.Method, r.RawPath)
	if e != nil {
		return nil, e
	}
	query, err := url.ParseQuery(r.RawQuery)
	if err != nil {
		return nil, serialization("")
	}
	return &Call{Op: m.route.op, binding: m.route.binding, labels: m.labels, query: query, body: r.Body}, nil
}

// decode fills an input from the labels, the query string and the body.
func (p *restJSON) decode(c *Call, in reflect.Value) error {
	plan := c.Op.in
	if c.binding.body != nil && len(c.body) > 0 {
		d := jsonDecoder{jsonScanner: jsonScanner{buf: c.body}}
		if d.next() != 0 || d.pos < len(d.buf) { // white space alone is no body
			if err := d.document(c.binding.body, in); err != nil {
				return err
			}
		}
	}
	for i, field := range c.binding.labels {
		f := &plan.fields[field]
		setString(&f.value, in.Field(f.goField), c.labels[i])
	}
	for _, q := range c.binding.query {
		values := c.query[q.name]
		if len(values) == 0 {
			continue
		}
		f := &plan.fields[q.field]
		if err := setQuery(&f.value, in.Field(f.goField), values); err != nil {
			return err
		}
	}
	return nil
}

// setQuery stores the values of one query parameter. Beyond strings, an empty value
// means absent.
func setQuery(p *valuePlan, v reflect.Value, values []string) error {
	if p.kind == kindList {
		if len(values) > maxElements {
			return serialization("Too many elements")
		}
		list := reflect.MakeSlice(v.Type(), len(values), len(values))
		for i, s := range values {
			setString(p.elem, list.Index(i), s)
		}
		v.Set(list)
		return nil
	}
	s := values[0]
	if p.kind == kindString {
		setString(p, v, s)
		return nil
	}
	if s == "" {
		return nil
	}
	target := reflect.New(p.typ).Elem()
	if wanted, ok := setQueryScalar(p.kind, target, s); !ok {
		return serialization(fmt.Sprintf("'%.100s' can not be converted to %s", s, wanted))
	}
	if p.pointer {
		v.Set(target.Addr())
	} else {
		v.Set(target)
	}
	return nil
}

func setQueryScalar(k kind, v reflect.Value, s string) (wanted string, ok bool) {
	switch k {
	case kindBool:
		b, err := strconv.ParseBool(s)
		v.SetBool(b)
		return "Boolean", err == nil
	case kindInt:
		n, err := strconv.ParseInt(s, 10, v.Type().Bits())
		v.SetInt(n)
		return "Integer", err == nil
	case kindFloat:
		f, err := strconv.ParseFloat(s, 64)
		v.SetFloat(f)
		return "Double", err == nil
	}
	t, ok := parseTime(s)
	*v.Addr().Interface().(*time.Time) = t
	return "Timestamp", ok
}

// parseTime reads an ISO 8601 time (RFC 3339), to the millisecond; without a zone it
// is UTC.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Millisecond), true
		}
	}
	return time.Time{}, false
}

func (p *restJSON) encodeOutput(o *Operation, out reflect.Value, requestID string) *Response {
	return &Response{
		Status: o.SuccessStatus,
		Header: http.Header{"Content-Type": {"application/json"}, "X-Amzn-Requestid": {requestID}},
		Body:   appendJSON(make([]byte, 0, 256), o.out, out),
	}
}

func (p *restJSON) encodeError(e *Error, requestID string) *Response {
	body := append(make([]byte, 0, 64+len(e.Message)), `{"message":`...)
	if e.Message == "" {
		body = append(body, "null"...)
	} else {
		body = appendJSONString(body, e.Message)
	}
	for _, f := range e.Fields {
		body = append(body, ',')
		body = appendJSONString(body, f.Name)
		body = append(body, ':')
		body = appendJSONString(body, f.Value)
	}
	header := http.Header{}
	for name, values := range e.Header {
		header[name] = values
	}
	header["Content-Type"] = []string{"application/json"}
	header["X-Amzn-Errortype"] = []string{e.Code}
	header["X-Amzn-Requestid"] = []string{requestID}
	return &Response{Status: e.Status, Header: header, Body: append(body, '}')}
}

func (p *restJSON) validationCode() string { return "BadRequestException" }
