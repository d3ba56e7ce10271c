// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"sesame/internal/base/fault"
)

// QueryConfig is what a service of the Query protocol is made of.
type QueryConfig struct {
	Name string
	// Client is the type of the SDK's client, reflect.TypeFor[*ses.Client](); its
	// methods are the operations.
	Client    reflect.Type
	Namespace string // of the XML answers
	Version   string // "2010-12-01"
	// Names lists the members ("SubscribeInput.Protocol") whose name on the wire is
	// not the name of the Go field.
	Names map[string]string
	// Unions lists the unions' variants, by the Go interface. Only inputs have some.
	Unions map[reflect.Type][]unionVariant
	// Constraints is the service's constraint file, or empty.
	Constraints string
	// Statuses are the HTTP statuses of the SDK's error types that are not 400.
	Statuses map[reflect.Type]int
}

// queryXML is the Query protocol: a form in, XML out.
type queryXML struct {
	namespace, version string
}

// NewQuery compiles a service of the Query protocol. An error means that the SDK's
// types and the constraint file do not fit each other.
func NewQuery(cfg *QueryConfig) (*Service, error) {
	p := planner{
		wireName: func(t reflect.Type, field string) (string, error) {
			if name, ok := cfg.Names[t.Name()+"."+field]; ok {
				return name, nil
			}
			return field, nil
		},
		unions: cfg.Unions,
		done:   map[reflect.Type]*structPlan{},
	}
	s := &Service{
		name: cfg.Name, byName: map[string]*Operation{},
		protocol: &queryXML{namespace: cfg.Namespace, version: cfg.Version},
		errors:   errorTable{pkgPath: cfg.Client.Elem().PkgPath() + "/types", statuses: cfg.Statuses},
	}
	for method := range cfg.Client.Methods() {
		if !isOperation(method) {
			continue
		}
		op := &Operation{
			Service: cfg.Name, Name: method.Name, Method: http.MethodPost, Path: "/",
			SuccessStatus: http.StatusOK, service: s,
		}
		var err error
		if op.in, err = p.structure(method.Type.In(2).Elem()); err == nil {
			op.out, err = p.structure(method.Type.Out(0).Elem())
		}
		if err != nil {
			return nil, fmt.Errorf("awswire: %s: %w", cfg.Name, err)
		}
		s.byName[op.Name] = op
	}
	s.operations = slices.SortedFunc(maps.Values(s.byName), func(a, b *Operation) int {
		return strings.Compare(a.Name, b.Name)
	})
	if err := s.constrain(cfg.Constraints); err != nil {
		return nil, fmt.Errorf("awswire: %s: %w", cfg.Name, err)
	}
	return s, nil
}

// isOperation reports whether a client's method is an operation:
// Name(ctx, *NameInput, ...func(*Options)) (*NameOutput, error).
func isOperation(m reflect.Method) bool {
	t := m.Type
	return t.NumIn() == 4 && t.IsVariadic() && t.NumOut() == 2 &&
		t.In(2).Kind() == reflect.Pointer && t.In(2).Elem().Name() == m.Name+"Input" &&
		t.Out(0).Kind() == reflect.Pointer && t.Out(0).Elem().Name() == m.Name+"Output"
}

func (p *queryXML) route(s *Service, r *Request) (*Call, error) {
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		return nil, &Error{
			Code: "MethodNotAllowedException", Status: http.StatusMethodNotAllowed,
			Header: http.Header{"Allow": {"GET, POST"}},
		}
	}
	var form formNode
	f := formParser{root: &form}
	if err := f.add([]byte(r.RawQuery)); err != nil {
		return nil, err
	}
	if r.Method == http.MethodPost {
		if err := f.add(r.Body); err != nil {
			return nil, err
		}
	}
	action, version := form.child("Action"), form.child("Version")
	if action == nil || action.value == "" {
		return nil, malformed("MissingAction", "Missing Action")
	}
	given := "NO_VERSION_SPECIFIED"
	if version != nil && version.value != "" {
		given = version.value
	}
	op := s.byName[action.value]
	if op == nil || given != p.version {
		return nil, malformed("InvalidAction", "Could not find operation %s for version %s", fault.Printable(action.value), fault.Printable(given))
	}
	return &Call{Op: op, form: &form}, nil
}

func (p *queryXML) decode(c *Call, in reflect.Value) error {
	var d formDecoder
	return d.structure(c.Op.in, c.form, in)
}

func (p *queryXML) encodeOutput(o *Operation, out reflect.Value, requestID string) *Response {
	b := make([]byte, 0, 512)
	b = append(append(append(b, '<'), o.Name...), `Response xmlns="`...)
	b = append(appendXMLText(b, p.namespace), `">`...)
	if !o.bare {
		b = appendXMLStruct(b, o.Name+"Result", o.out, out)
	}
	b = append(b, "<ResponseMetadata>"...)
	b = appendXMLElement(b, "RequestId", requestID)
	b = append(append(append(b, "</ResponseMetadata></"...), o.Name...), "Response>"...)
	return &Response{
		Status: o.SuccessStatus,
		Header: http.Header{"Content-Type": {"text/xml"}, "X-Amzn-Requestid": {requestID}},
		Body:   b,
	}
}

func (p *queryXML) encodeError(e *Error, requestID string) *Response {
	b := make([]byte, 0, 512)
	b = append(appendXMLText(append(b, `<ErrorResponse xmlns="`...), p.namespace), `"><Error>`...)
	fault := "Sender"
	if e.Status >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	b = appendXMLElement(b, "Type", fault)
	b = appendXMLElement(b, "Code", e.Code)
	if e.Message != "" {
		b = appendXMLElement(b, "Message", e.Message)
	}
	for _, f := range e.Fields {
		b = appendXMLElement(b, f.Name, f.Value)
	}
	b = append(b, "</Error>"...)
	b = appendXMLElement(b, "RequestId", requestID)
	header := http.Header{}
	for name, values := range e.Header {
		header[name] = values
	}
	header["Content-Type"] = []string{"text/xml"}
	header["X-Amzn-Requestid"] = []string{requestID}
	return &Response{Status: e.Status, Header: header, Body: append(b, "</ErrorResponse>"...)}
}

func (p *queryXML) validationCode() string { return "ValidationError" }
