// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// routeNode is one position in the tree of the URI templates, which are compared
// segment by segment.
type routeNode struct {
	static  map[string]*routeNode
	label   *routeNode
	methods map[string]*restRoute
}

// restRoute is an operation at one path, and where its input comes from there.
type restRoute struct {
	op      *Operation
	binding *restBinding
}

// add puts a template into the tree. Templates with greedy labels, a query or more
// than one label in a segment do not occur in the services here.
func (n *routeNode) add(method, template string, r *restRoute) error {
	for _, segment := range splitPath(template) {
		switch {
		case !strings.ContainsAny(segment, "{}?"):
			if n.static[segment] == nil {
				if n.static == nil {
					n.static = map[string]*routeNode{}
				}
				n.static[segment] = &routeNode{}
			}
			n = n.static[segment]
		case segment[0] == '{' && strings.Index(segment, "}") == len(segment)-1 && !strings.Contains(segment, "+"):
			if n.label == nil {
				n.label = &routeNode{}
			}
			n = n.label
		default:
			return fmt.Errorf("%s: segment %q is not supported", r.op.Name, segment)
		}
	}
	if n.methods == nil {
		n.methods = map[string]*restRoute{}
	}
	if other := n.methods[method]; other != nil {
		return fmt.Errorf("%s and %s are both %s %s", r.op.Name, other.op.Name, method, template)
	}
	n.methods[method] = r
	return nil
}

// splitPath returns the path's segments. One slash at the end is tolerated, as by SES.
func splitPath(path string) []string {
	path = strings.TrimPrefix(path, "/")
	path = strings.TrimSuffix(path, "/")
	return strings.Split(path, "/")
}

// routeMatch is what a walk through the tree found.
type routeMatch struct {
	route  *restRoute
	labels []string
	allow  []string // methods of paths that fit
}

// maxSegments bounds the walk; no template is longer.
const maxSegments = 16

// find looks a path up. A static segment wins over a label unless it leads nowhere.
func (n *routeNode) find(method string, segments []string, m *routeMatch) bool {
	if len(segments) == 0 {
		if r := n.methods[method]; r != nil {
			m.route = r
			return true
		}
		for allowed := range n.methods {
			m.allow = append(m.allow, allowed)
		}
		return false
	}
	if next := n.static[segments[0]]; next != nil && next.find(method, segments[1:], m) {
		return true
	}
	if n.label == nil || segments[0] == "" {
		return false
	}
	label, err := url.PathUnescape(segments[0]) // keeps a plus sign
	if err != nil {
		return false
	}
	m.labels = append(m.labels, label)
	if n.label.find(method, segments[1:], m) {
		return true
	}
	m.labels = m.labels[:len(m.labels)-1]
	return false
}

// match finds the operation of a method and a raw path, or says why there is none.
func (n *routeNode) match(method, rawPath string) (routeMatch, *Error) {
	var m routeMatch
	segments := splitPath(rawPath)
	if len(segments) <= maxSegments && n.find(method, segments, &m) {
		return m, nil
	}
	if len(m.allow) == 0 {
		return m, &Error{Code: "UnknownOperationException", Status: 404}
	}
	slices.Sort(m.allow)
	return m, &Error{
		Code: "MethodNotAllowedException", Status: 405,
		Header: map[string][]string{"Allow": {strings.Join(slices.Compact(m.allow), ", ")}},
	}
}
