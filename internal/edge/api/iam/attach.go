// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"sesame/internal/core/account"
)

// AttachUserPolicy is the operation of its name.
func (a *API) AttachUserPolicy(ctx context.Context, in *iam.AttachUserPolicyInput) (*iam.AttachUserPolicyOutput, error) {
	return nil, a.Accounts.Attach(ctx, user(ctx, in.UserName), aws.ToString(in.PolicyArn))
}

// DetachUserPolicy is the operation of its name.
func (a *API) DetachUserPolicy(ctx context.Context, in *iam.DetachUserPolicyInput) (*iam.DetachUserPolicyOutput, error) {
	return nil, a.Accounts.Detach(ctx, user(ctx, in.UserName), aws.ToString(in.PolicyArn))
}

// ListAttachedUserPolicies is the operation of its name.
func (a *API) ListAttachedUserPolicies(ctx context.Context, in *iam.ListAttachedUserPoliciesInput) (*iam.ListAttachedUserPoliciesOutput, error) {
	p := page{"ListAttachedUserPolicies", in.Marker, in.MaxItems}
	attached, next, err := a.attached(ctx, user(ctx, in.UserName), aws.ToString(in.PathPrefix), p)
	if err != nil {
		return nil, err
	}
	return &iam.ListAttachedUserPoliciesOutput{AttachedPolicies: attached, Marker: next, IsTruncated: next != nil}, nil
}

// AttachRolePolicy is the operation of its name.
func (a *API) AttachRolePolicy(ctx context.Context, in *iam.AttachRolePolicyInput) (*iam.AttachRolePolicyOutput, error) {
	return nil, a.Accounts.Attach(ctx, role(ctx, in.RoleName), aws.ToString(in.PolicyArn))
}

// DetachRolePolicy is the operation of its name.
func (a *API) DetachRolePolicy(ctx context.Context, in *iam.DetachRolePolicyInput) (*iam.DetachRolePolicyOutput, error) {
	return nil, a.Accounts.Detach(ctx, role(ctx, in.RoleName), aws.ToString(in.PolicyArn))
}

// ListAttachedRolePolicies is the operation of its name.
func (a *API) ListAttachedRolePolicies(ctx context.Context, in *iam.ListAttachedRolePoliciesInput) (*iam.ListAttachedRolePoliciesOutput, error) {
	p := page{"ListAttachedRolePolicies", in.Marker, in.MaxItems}
	attached, next, err := a.attached(ctx, role(ctx, in.RoleName), aws.ToString(in.PathPrefix), p)
	if err != nil {
		return nil, err
	}
	return &iam.ListAttachedRolePoliciesOutput{AttachedPolicies: attached, Marker: next, IsTruncated: next != nil}, nil
}

func (a *API) attached(ctx context.Context, e account.Entity, prefix string, p page) ([]types.AttachedPolicy, *string, error) {
	arns, err := a.Accounts.Attached(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	all := []types.AttachedPolicy{}
	for _, arn := range arns {
		if path, name := splitPolicy(arn); strings.HasPrefix(path, prefix) {
			all = append(all, types.AttachedPolicy{PolicyArn: aws.String(arn), PolicyName: aws.String(name)})
		}
	}
	return cut(p, all, func(p types.AttachedPolicy) string { return policyKey(*p.PolicyArn) })
}

// splitPolicy is the path and the name in a policy's ARN.
func splitPolicy(arn string) (path, name string) {
	_, rest, _ := strings.Cut(arn, ":policy/")
	i := strings.LastIndexByte(rest, '/') + 1
	return "/" + rest[:i], rest[i:]
}

// policyKey orders policies by name, and tells an account's own from AWS's of that name.
func policyKey(arn string) string {
	_, name := splitPolicy(arn)
	if strings.HasPrefix(arn, "arn:aws:iam::aws:") {
		return name + "\x00aws"
	}
	return name
}

// ListEntitiesForPolicy is the operation of its name.
func (a *API) ListEntitiesForPolicy(ctx context.Context, in *iam.ListEntitiesForPolicyInput) (*iam.ListEntitiesForPolicyOutput, error) {
	arn, prefix := aws.ToString(in.PolicyArn), aws.ToString(in.PathPrefix)
	if _, err := a.Accounts.Policy(ctx, own(ctx), arn); err != nil {
		return nil, err
	}
	if in.PolicyUsageFilter == types.PolicyUsageTypePermissionsBoundary {
		return &iam.ListEntitiesForPolicyOutput{}, nil
	}
	var all []account.Entity
	for kind, filter := range map[account.Kind]types.EntityType{account.KindUser: types.EntityTypeUser, account.KindRole: types.EntityTypeRole} {
		if in.EntityFilter != "" && in.EntityFilter != filter {
			continue
		}
		names, err := a.Accounts.AttachedTo(ctx, own(ctx), arn, kind)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			all = append(all, account.Entity{Account: own(ctx), Kind: kind, Name: name})
		}
	}
	all, next, err := cut(page{"ListEntitiesForPolicy", in.Marker, in.MaxItems}, all, func(e account.Entity) string { return string(e.Kind) + "\x00" + e.Name })
	if err != nil {
		return nil, err
	}
	out := &iam.ListEntitiesForPolicyOutput{Marker: next, IsTruncated: next != nil}
	for _, e := range all {
		if err := a.addEntity(ctx, out, e, prefix); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// addEntity adds a user or a role whose path begins with prefix, unless it is gone by
// now.
func (a *API) addEntity(ctx context.Context, out *iam.ListEntitiesForPolicyOutput, e account.Entity, prefix string) error {
	if e.Kind == account.KindRole {
		r, err := a.Accounts.Role(ctx, e.Account, e.Name)
		if err == nil && strings.HasPrefix(r.Path, prefix) {
			out.PolicyRoles = append(out.PolicyRoles, types.PolicyRole{RoleName: aws.String(r.Name), RoleId: aws.String(r.ID)})
		}
		return unlessGone(err)
	}
	u, err := a.Accounts.User(ctx, e.Account, e.Name)
	if err == nil && strings.HasPrefix(u.Path, prefix) {
		out.PolicyUsers = append(out.PolicyUsers, types.PolicyUser{UserName: aws.String(u.Name), UserId: aws.String(u.ID)})
	}
	return unlessGone(err)
}
