// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"fmt"
	"io"
	"reflect"

	"sesame/internal/base/fault"
	"sesame/internal/core/access"
	"sesame/internal/proto/awswire"
	"sesame/internal/proto/policy"
)

// handler runs one operation.
type handler func(ctx context.Context, in any) (any, error)

// Binding is a service with what answers its operations.
type Binding struct {
	Service     *awswire.Service
	handlers    map[string]handler
	permissions map[string]permission
	resource    resourcer // nil: the permissions tell what an operation is about
}

// resourcer tells what the requests to a service are about, as policies name it, and the
// condition keys that they have of their own.
type resourcer interface {
	Resources(ctx context.Context, in any) (arns []string, err error)
	Keys(in any) policy.Keys
}

// Bind connects a service to the methods of impl. A method answers the operation of
// its name and has the signature of the SDK client's, without options:
//
//	SendEmail(context.Context, *sesv2.SendEmailInput) (*sesv2.SendEmailOutput, error)
//
// Operations without a method are not implemented. Bind panics on a method that has
// an operation's name and another signature, since that is a defect of the program.
func Bind(svc *awswire.Service, impl any) Binding {
	b := Binding{Service: svc, handlers: map[string]handler{}, permissions: map[string]permission{}}
	b.resource, _ = impl.(resourcer)
	v := reflect.ValueOf(impl)
	for _, op := range svc.Operations() {
		b.permissions[op.Name] = permissionOf(op)
		if m := v.MethodByName(op.Name); m.IsValid() {
			b.handlers[op.Name] = bindMethod(op, m)
		}
	}
	return b
}

// Implements reports whether the operation is answered.
func (b Binding) Implements(op string) bool { return b.handlers[op] != nil }

func bindMethod(op *awswire.Operation, m reflect.Value) handler {
	t := m.Type()
	ok := t.NumIn() == 2 && t.NumOut() == 2 &&
		t.In(0) == reflect.TypeFor[context.Context]() && t.In(1) == reflect.TypeOf(op.NewInput()) &&
		t.Out(0) == reflect.TypeOf(op.NewOutput()) && t.Out(1) == reflect.TypeFor[error]()
	if !ok {
		panic(fmt.Sprintf("api: method %s of %s has the signature %s", op.Name, op.Service, t))
	}
	return func(ctx context.Context, in any) (any, error) {
		out := m.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(in)})
		if err, _ := out[1].Interface().(error); err != nil {
			return nil, err
		}
		return out[0].Interface(), nil
	}
}

func (b Binding) call(ctx context.Context, op *awswire.Operation, in any) (any, error) {
	h := b.handlers[op.Name]
	if h == nil {
		return nil, fault.New(fault.NotImplemented, "The operation %s is not implemented by this server.", op.Name)
	}
	return h(ctx, in)
}

// access is the call as the authorizer wants it; ok is false for an operation that needs
// no permission here.
func (b Binding) access(ctx context.Context, r access.Request, op *awswire.Operation, in any) (c access.Call, ok bool, err error) {
	p := b.permissions[op.Name]
	if p.free {
		return access.Call{}, false, nil
	}
	c = access.Call{Request: r, Action: p.action}
	if b.resource == nil {
		c.Resources, err = p.resources(r.Scope, in)
		return c, true, err
	}
	arns, err := b.resource.Resources(ctx, in)
	for _, arn := range arns {
		c.Resources = append(c.Resources, access.Resource{ARN: arn})
	}
	c.Keys = b.resource.Keys(in)
	return c, true, err
}

// List writes one line per operation: service, operation, yes or no.
func (b Binding) List(w io.Writer) error {
	for _, op := range b.Service.Operations() {
		has := "no"
		if b.Implements(op.Name) {
			has = "yes"
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", op.Service, op.Name, has); err != nil {
			return err
		}
	}
	return nil
}

// ListAnswered is List without the operations that are not implemented.
func (b Binding) ListAnswered(w io.Writer) error {
	for _, op := range b.Service.Operations() {
		if !b.Implements(op.Name) {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\tyes\n", op.Service, op.Name); err != nil {
			return err
		}
	}
	return nil
}
