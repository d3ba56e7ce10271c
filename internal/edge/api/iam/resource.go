// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"cmp"
	"context"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"sesame/internal/core/account"
	"sesame/internal/edge/api/caller"
	"sesame/internal/proto/policy"
)

// Resources are the ARNs of what a request is about, all of which must be allowed: the
// one that it names and, of a user who gets another name or path, the one that he will
// have (IAM: UpdateUser needs permission on source and target).
func (a *API) Resources(ctx context.Context, in any) ([]string, error) {
	if in, ok := in.(*iam.UpdateUserInput); ok {
		return a.renamed(ctx, in)
	}
	arn, err := a.resource(ctx, in)
	return []string{arn}, err
}

// renamed are the ARNs of a user before and after UpdateUser. Of one who is not there the
// handler tells.
func (a *API) renamed(ctx context.Context, in *iam.UpdateUserInput) ([]string, error) {
	u, err := a.Accounts.User(ctx, own(ctx), aws.ToString(in.UserName))
	if unlessGone(err) != nil {
		return nil, err
	}
	if err != nil {
		u = account.User{Account: own(ctx), Name: aws.ToString(in.UserName)}
	}
	after := u
	after.Name, after.Path = cmp.Or(aws.ToString(in.NewUserName), u.Name), cmp.Or(aws.ToString(in.NewPath), u.Path)
	return []string{u.ARN(), after.ARN()}, nil
}

// Keys are the condition keys of a request that others have not: iam:PolicyARN where a
// policy is attached or detached.
func (a *API) Keys(in any) policy.Keys {
	v := reflect.ValueOf(in).Elem()
	if arn := member(v, "PolicyArn"); arn != "" && (member(v, "UserName") != "" || member(v, "RoleName") != "") {
		return policy.Keys{"iam:policyarn": {arn}}
	}
	return nil
}

// resource is the ARN of what a request is about, as policies name it (IAM: resources
// defined by IAM): the user, the role, or the policy. A list of all is about "*".
func (a *API) resource(ctx context.Context, in any) (string, error) {
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
