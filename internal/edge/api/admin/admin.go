// SPDX-License-Identifier: Apache-2.0

// Package admin is the admin API: what SES cannot say. It is REST with JSON below
// Prefix, signed like SES (SigV4, service ses); members are in UpperCamel and times
// are epoch seconds, as in SES API v2. The door has proven who calls before a request
// gets here, and encodes the errors, which are of package fault.
//
// Each subject adds its routes as a table, from which the documentation is made too.
package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
)

// Prefix is what all paths begin with. Patterns are without it.
const Prefix = "/_sesame/v1"

// Request is an authenticated request.
type Request struct {
	Scope  scope.Scope       // account of the caller, region of the signature
	Caller string            // ARN of the principal
	Path   map[string]string // the pattern's variables, as Router.Find gives them
	Query  url.Values
	Body   []byte
}

// Response is a success. Handlers return it for what is not JSON.
type Response struct {
	Status      int
	ContentType string
	Body        []byte

	// Stream writes the body instead of Body, for what has no bound. After its first byte
	// an error of it can only cut the answer short.
	Stream func(w io.Writer) error
}

// Param is a parameter of the query string.
type Param struct{ Name, Doc string }

// Route is one operation.
type Route struct {
	Method  string
	Pattern string  // below Prefix, such as /mailbox/messages/{Id}
	Action  string  // for IAM, such as sesame:ListMailbox
	Doc     string  // what it does, one line
	Params  []Param // of the query string

	// Handle returns a Response, or a value to encode as JSON.
	Handle func(ctx context.Context, r Request) (any, error)
}

// Router finds the route of a request. It is safe for concurrent use.
type Router struct {
	routes   []Route
	segments [][]string
}

// New returns a router of the tables. It panics if two routes are for the same
// requests or one is incomplete, since the tables are part of the program.
func New(tables ...[]Route) *Router {
	r := &Router{routes: slices.Concat(tables...)}
	seen := map[string]bool{}
	for _, route := range r.routes {
		segments, ok := strings.CutPrefix(route.Pattern, "/")
		if !ok || route.Method == "" || route.Action == "" || route.Doc == "" || route.Handle == nil {
			panic(fmt.Sprintf("admin: the route %s %q is incomplete", route.Method, route.Pattern))
		}
		list := strings.Split(segments, "/")
		shape := route.Method
		for _, s := range list {
			if _, ok := variable(s); ok {
				s = "{}"
			}
			shape += "/" + s
		}
		if seen[shape] {
			panic(fmt.Sprintf("admin: two routes for %s %s", route.Method, route.Pattern))
		}
		seen[shape] = true
		r.segments = append(r.segments, list)
	}
	return r
}

// Routes returns the table, in the order in which it was built.
func (r *Router) Routes() []Route { return slices.Clone(r.routes) }

func variable(segment string) (name string, ok bool) {
	if name, ok = strings.CutPrefix(segment, "{"); !ok {
		return "", false
	}
	return strings.CutSuffix(name, "}")
}

// Find returns the route of a request and the variables of its path, which is escaped
// and has Prefix. Who may call the route is the caller's matter. A path without a
// route is NotFound, as is a method that the path does not have.
func (r *Router) Find(method, path string) (*Route, map[string]string, error) {
	route, vars := r.find(method, path)
	if route == nil {
		return nil, nil, fault.New(fault.NotFound, "The admin API has no such operation.")
	}
	return route, vars, nil
}

// Answer runs the route.
func (r *Route) Answer(ctx context.Context, req Request) (Response, error) {
	out, err := r.Handle(ctx, req)
	if err != nil {
		return Response{}, err
	}
	if resp, ok := out.(Response); ok {
		return resp, nil
	}
	body, err := encode(out)
	if err != nil {
		return Response{}, fault.Wrap("admin."+r.Action, err)
	}
	return Response{Status: http.StatusOK, ContentType: "application/json", Body: body}, nil
}

// find prefers the route with fewer variables where several fit.
func (r *Router) find(method, path string) (*Route, map[string]string) {
	rest, ok := strings.CutPrefix(path, Prefix+"/")
	if !ok {
		return nil, nil
	}
	parts := strings.Split(rest, "/")
	var best *Route
	var vars map[string]string
	for i := range r.routes {
		if r.routes[i].Method != method {
			continue
		}
		if v, ok := match(r.segments[i], parts); ok && (best == nil || len(v) < len(vars)) {
			best, vars = &r.routes[i], v
		}
	}
	return best, vars
}

func match(pattern, parts []string) (vars map[string]string, ok bool) {
	if len(pattern) != len(parts) {
		return nil, false
	}
	vars = map[string]string{}
	for i, want := range pattern {
		got, err := url.PathUnescape(parts[i])
		if err != nil {
			return nil, false
		}
		if name, ok := variable(want); ok && got != "" {
			vars[name] = got
		} else if got != want {
			return nil, false
		}
	}
	return vars, true
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// epoch is t as the API has it: seconds since 1970 with a fraction of milliseconds.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
