// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"reflect"

	"sesame/internal/core/account"
	"sesame/internal/edge/api/caller"
)

// Resource is the ARN of what a request is about, as policies name it (IAM: resources
// defined by IAM): the user, the role, or the policy. A list of all is about "*".
func (a *API) Resource(ctx context.Context, in any) (string, error) {
	v := reflect.ValueOf(in).Elem()
	who := caller.From(ctx).Principal
	arn := func(kind account.Kind, name string) string {
		path := member(v, "Path")
		if path == "" {
			path = "/"
		}
		return "arn:aws:iam::" + who.Account + ":" + string(kind) + path + name
	}
	if arn := member(v, "PolicySourceArn"); arn != "" {
		return arn, nil
	}
	if name := member(v, "RoleName"); name != "" {
		if r, err := a.Accounts.Role(ctx, who.Account, name); err == nil {
			return r.ARN(), nil
		} else if unlessGone(err) != nil {
			return "", err
		}
		return arn(account.KindRole, name), nil
	}
	name := member(v, "UserName")
	if name == "" && v.FieldByName("UserName").IsValid() {
		name = who.User
	}
	if name != "" {
		if u, err := a.Accounts.User(ctx, who.Account, name); err == nil {
			return u.ARN(), nil
		} else if unlessGone(err) != nil {
			return "", err
		}
		return arn(account.KindUser, name), nil
	}
	if arn := member(v, "PolicyArn"); arn != "" {
		return arn, nil
	}
	if name := member(v, "PolicyName"); name != "" {
		return arn(account.KindPolicy, name), nil
	}
	return "*", nil
}

// member is the text of a member, "" if the input has none.
func member(v reflect.Value, name string) string {
	if f := v.FieldByName(name); f.IsValid() {
		if s, ok := f.Interface().(*string); ok && s != nil {
			return *s
		}
	}
	return ""
}
