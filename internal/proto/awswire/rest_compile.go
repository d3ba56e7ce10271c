// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/traits"
)

// restCompiler carries what one NewRESTJSON needs.
type restCompiler struct {
	planner
	cfg     *RESTConfig
	schemas map[reflect.Type]*smithy.Schema // of the structures seen so far
}

func (c *restCompiler) finish(s *Service, proto *restJSON) error {
	for _, a := range c.cfg.Aliases {
		op := s.byName[a.Operation]
		if op == nil {
			return fmt.Errorf("alias of %s, which does not exist", a.Operation)
		}
		if err := c.route(proto, op, a.Path, a.Method, a.Query); err != nil {
			return err
		}
	}
	s.operations = slices.SortedFunc(maps.Values(s.byName), func(a, b *Operation) int {
		return strings.Compare(a.Name, b.Name)
	})
	s.errors.statuses = map[reflect.Type]int{}
	if c.cfg.Errors != nil {
		for id, entry := range c.cfg.Errors.Entries {
			status, ok := smithy.SchemaTrait[*traits.HTTPError](entry.Schema)
			if !ok {
				return fmt.Errorf("error %s has no HTTP status", id)
			}
			s.errors.statuses[reflect.TypeOf(entry.New()).Elem()] = status.Code
		}
	}
	return s.constrain(c.cfg.Constraints)
}

// operation compiles one operation.
func (c *restCompiler) operation(r *RESTOperation) (*Operation, error) {
	op := &Operation{Service: c.cfg.Name, Name: r.Op.ID().Name}
	http, ok := smithy.SchemaTrait[*traits.HTTP](r.Op)
	if !ok {
		return nil, fmt.Errorf("%s has no HTTP trait", op.Name)
	}
	op.Method, op.Path, op.SuccessStatus = http.Method, http.URI, http.Code
	var err error
	if op.in, err = c.root(r.In, r.Input); err != nil {
		return nil, err
	}
	op.out, err = c.root(r.Out, r.Output)
	return op, err
}

// root plans an input or an output, whose Go type is not named as its shape.
func (c *restCompiler) root(t reflect.Type, schema *smithy.Schema) (*structPlan, error) {
	if err := c.collect(t, schema); err != nil {
		return nil, err
	}
	return c.structure(t)
}

// collect notes the schema of t and of every structure below it.
func (c *restCompiler) collect(t reflect.Type, schema *smithy.Schema) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch schema.Type() {
	case smithy.ShapeTypeList, smithy.ShapeTypeSet:
		return c.collect(t.Elem(), schema.ListMember())
	case smithy.ShapeTypeMap:
		return c.collect(t.Elem(), schema.MapValue())
	case smithy.ShapeTypeStructure:
		if c.schemas[t] != nil {
			return nil
		}
		c.schemas[t] = schema
		for name, member := range schema.Members() {
			f, ok := t.FieldByName(upperFirst(name))
			if !ok {
				return fmt.Errorf("%s has no field for the member %s", t, name)
			}
			if err := c.collect(f.Type, member); err != nil {
				return err
			}
		}
	case smithy.ShapeTypeUnion:
		if len(c.unions[t]) != len(schema.Members()) {
			return fmt.Errorf("%s has %d known variants, its schema %d", t, len(c.unions[t]), len(schema.Members()))
		}
		for _, v := range c.unions[t] {
			f, ok := v.typ.FieldByName("Value")
			if !ok || schema.Member(v.name) == nil {
				return fmt.Errorf("%s is no variant of %s", v.typ, t)
			}
			if err := c.collect(f.Type, schema.Member(v.name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// wireName finds the schema's member for a Go field. The SDK names the field as the
// member, with the first letter raised.
func (c *restCompiler) wireName(t reflect.Type, field string) (string, error) {
	schema := c.schemas[t]
	if schema == nil {
		return "", fmt.Errorf("no schema for %s", t)
	}
	for _, name := range []string{field, lowerFirst(field)} {
		m := schema.Member(name)
		if m == nil {
			continue
		}
		for _, unsupported := range []func(*smithy.Schema) bool{
			hasTrait[*traits.JSONName], hasTrait[*traits.HTTPHeader], hasTrait[*traits.HTTPPrefixHeaders],
			hasTrait[*traits.HTTPPayload], hasTrait[*traits.HTTPQueryParams],
			hasTrait[*traits.HTTPResponseCode], hasTrait[*traits.TimestampFormat], hasTrait[*traits.Streaming],
		} {
			if unsupported(m) {
				return "", fmt.Errorf("%s.%s has a trait that is not supported", t, field)
			}
		}
		return name, nil
	}
	return "", fmt.Errorf("%s.%s is not in the schema", t, field)
}

func hasTrait[T smithy.Trait](s *smithy.Schema) bool {
	_, ok := smithy.SchemaTrait[T](s)
	return ok
}

func upperFirst(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]&^0x20) + s[1:]
}

// route binds an operation at a path: its members are labels, query parameters (those
// of the schema and the extra ones) or in the body.
func (c *restCompiler) route(proto *restJSON, op *Operation, path, method string, extra []string) error {
	schema := c.schemas[op.in.typ]
	b := &restBinding{}
	body := &structPlan{typ: op.in.typ, index: map[string]int{}}
	for i := range op.in.fields {
		f := &op.in.fields[i]
		member := schema.Member(f.name)
		if hasTrait[*traits.HTTPLabel](member) {
			if f.value.kind != kindString {
				return fmt.Errorf("%s.%s: label is not a string", op.Name, f.name)
			}
			continue
		}
		q, inQuery := smithy.SchemaTrait[*traits.HTTPQuery](member)
		if slices.Contains(extra, f.name) {
			b.query = append(b.query, restQuery{name: f.name, field: i})
		} else if inQuery {
			b.query = append(b.query, restQuery{name: q.Name, field: i})
		}
		if !inQuery {
			body.index[f.name] = len(body.fields)
			body.fields = append(body.fields, *f)
		} else if !queryable(&f.value) {
			return fmt.Errorf("%s.%s can't be in a query string", op.Name, f.name)
		}
	}
	for _, segment := range splitPath(path) {
		if !strings.HasPrefix(segment, "{") {
			continue
		}
		i, ok := op.in.index[strings.Trim(segment, "{}")]
		if !ok {
			return fmt.Errorf("%s: label %s is no member", op.Name, segment)
		}
		b.labels = append(b.labels, i)
	}
	if len(body.fields) > 0 {
		b.body = body
	}
	return proto.root.add(method, path, &restRoute{op: op, binding: b})
}

func queryable(p *valuePlan) bool {
	if p.kind == kindList {
		return p.elem.kind == kindString
	}
	return p.kind <= kindTime
}
