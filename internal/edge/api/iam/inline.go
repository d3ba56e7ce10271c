// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// PutUserPolicy is the operation of its name.
func (a *API) PutUserPolicy(ctx context.Context, in *iam.PutUserPolicyInput) (*iam.PutUserPolicyOutput, error) {
	return nil, a.Accounts.PutInline(ctx, user(ctx, in.UserName), aws.ToString(in.PolicyName), aws.ToString(in.PolicyDocument))
}

// GetUserPolicy is the operation of its name.
func (a *API) GetUserPolicy(ctx context.Context, in *iam.GetUserPolicyInput) (*iam.GetUserPolicyOutput, error) {
	document, err := a.Accounts.Inline(ctx, user(ctx, in.UserName), aws.ToString(in.PolicyName))
	if err != nil {
		return nil, err
	}
	return &iam.GetUserPolicyOutput{UserName: in.UserName, PolicyName: in.PolicyName, PolicyDocument: encoded(document)}, nil
}

// ListUserPolicies is the operation of its name.
func (a *API) ListUserPolicies(ctx context.Context, in *iam.ListUserPoliciesInput) (*iam.ListUserPoliciesOutput, error) {
	names, err := a.Accounts.InlineNames(ctx, user(ctx, in.UserName))
	if err != nil {
		return nil, err
	}
	names, next, err := cut(page{"ListUserPolicies", in.Marker, in.MaxItems}, names, text)
	if err != nil {
		return nil, err
	}
	return &iam.ListUserPoliciesOutput{PolicyNames: names, Marker: next, IsTruncated: next != nil}, nil
}

// DeleteUserPolicy is the operation of its name.
func (a *API) DeleteUserPolicy(ctx context.Context, in *iam.DeleteUserPolicyInput) (*iam.DeleteUserPolicyOutput, error) {
	return nil, a.Accounts.DeleteInline(ctx, user(ctx, in.UserName), aws.ToString(in.PolicyName))
}

// PutRolePolicy is the operation of its name.
func (a *API) PutRolePolicy(ctx context.Context, in *iam.PutRolePolicyInput) (*iam.PutRolePolicyOutput, error) {
	return nil, a.Accounts.PutInline(ctx, role(ctx, in.RoleName), aws.ToString(in.PolicyName), aws.ToString(in.PolicyDocument))
}

// GetRolePolicy is the operation of its name.
func (a *API) GetRolePolicy(ctx context.Context, in *iam.GetRolePolicyInput) (*iam.GetRolePolicyOutput, error) {
	document, err := a.Accounts.Inline(ctx, role(ctx, in.RoleName), aws.ToString(in.PolicyName))
	if err != nil {
		return nil, err
	}
	return &iam.GetRolePolicyOutput{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: encoded(document)}, nil
}

// ListRolePolicies is the operation of its name.
func (a *API) ListRolePolicies(ctx context.Context, in *iam.ListRolePoliciesInput) (*iam.ListRolePoliciesOutput, error) {
	names, err := a.Accounts.InlineNames(ctx, role(ctx, in.RoleName))
	if err != nil {
		return nil, err
	}
	names, next, err := cut(page{"ListRolePolicies", in.Marker, in.MaxItems}, names, text)
	if err != nil {
		return nil, err
	}
	return &iam.ListRolePoliciesOutput{PolicyNames: names, Marker: next, IsTruncated: next != nil}, nil
}

// DeleteRolePolicy is the operation of its name.
func (a *API) DeleteRolePolicy(ctx context.Context, in *iam.DeleteRolePolicyInput) (*iam.DeleteRolePolicyOutput, error) {
	return nil, a.Accounts.DeleteInline(ctx, role(ctx, in.RoleName), aws.ToString(in.PolicyName))
}
