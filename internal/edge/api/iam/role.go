// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"sesame/internal/core/account"
)

func toRole(r account.Role) *types.Role {
	return &types.Role{
		RoleName: aws.String(r.Name), RoleId: aws.String(r.ID), Path: aws.String(r.Path), Arn: aws.String(r.ARN()),
		AssumeRolePolicyDocument: encoded(r.Trust), Description: optional(r.Description),
		MaxSessionDuration: aws.Int32(int32(r.MaxSession / time.Second)), CreateDate: date(r.CreatedAt), Tags: toTags(r.Tags),
	}
}

// optional is nil for an empty text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func seconds(n *int32) time.Duration { return time.Duration(aws.ToInt32(n)) * time.Second }

// CreateRole is the operation of its name.
func (a *API) CreateRole(ctx context.Context, in *iam.CreateRoleInput) (*iam.CreateRoleOutput, error) {
	if err := unbounded(in.PermissionsBoundary); err != nil {
		return nil, err
	}
	r, err := a.Accounts.CreateRole(ctx, account.Role{
		Account: own(ctx), Name: aws.ToString(in.RoleName), Path: aws.ToString(in.Path), Trust: aws.ToString(in.AssumeRolePolicyDocument),
		Description: aws.ToString(in.Description), MaxSession: seconds(in.MaxSessionDuration), Tags: fromTags(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &iam.CreateRoleOutput{Role: toRole(r)}, nil
}

// GetRole is the operation of its name. When the role was last used is not kept.
func (a *API) GetRole(ctx context.Context, in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
	r, err := a.Accounts.Role(ctx, own(ctx), aws.ToString(in.RoleName))
	if err != nil {
		return nil, err
	}
	out := toRole(r)
	out.RoleLastUsed = &types.RoleLastUsed{}
	return &iam.GetRoleOutput{Role: out}, nil
}

// ListRoles is the operation of its name. It shows no tags.
func (a *API) ListRoles(ctx context.Context, in *iam.ListRolesInput) (*iam.ListRolesOutput, error) {
	all, err := a.Accounts.Roles(ctx, own(ctx))
	if err != nil {
		return nil, err
	}
	var roles []types.Role
	for _, r := range all {
		if strings.HasPrefix(r.Path, aws.ToString(in.PathPrefix)) {
			r.Tags = nil
			roles = append(roles, *toRole(r))
		}
	}
	roles, next, err := cut(page{"ListRoles", in.Marker, in.MaxItems}, roles, func(r types.Role) string { return *r.RoleName })
	if err != nil {
		return nil, err
	}
	return &iam.ListRolesOutput{Roles: roles, Marker: next, IsTruncated: next != nil}, nil
}

// UpdateRole is the operation of its name.
func (a *API) UpdateRole(ctx context.Context, in *iam.UpdateRoleInput) (*iam.UpdateRoleOutput, error) {
	name := aws.ToString(in.RoleName)
	if in.MaxSessionDuration != nil {
		if err := a.Accounts.SetMaxSession(ctx, own(ctx), name, seconds(in.MaxSessionDuration)); err != nil {
			return nil, err
		}
	}
	return nil, a.Accounts.SetDescription(ctx, own(ctx), name, aws.ToString(in.Description))
}

// UpdateRoleDescription is the operation of its name.
func (a *API) UpdateRoleDescription(ctx context.Context, in *iam.UpdateRoleDescriptionInput) (*iam.UpdateRoleDescriptionOutput, error) {
	if err := a.Accounts.SetDescription(ctx, own(ctx), aws.ToString(in.RoleName), aws.ToString(in.Description)); err != nil {
		return nil, err
	}
	r, err := a.Accounts.Role(ctx, own(ctx), aws.ToString(in.RoleName))
	if err != nil {
		return nil, err
	}
	return &iam.UpdateRoleDescriptionOutput{Role: toRole(r)}, nil
}

// UpdateAssumeRolePolicy is the operation of its name.
func (a *API) UpdateAssumeRolePolicy(ctx context.Context, in *iam.UpdateAssumeRolePolicyInput) (*iam.UpdateAssumeRolePolicyOutput, error) {
	return nil, a.Accounts.SetTrust(ctx, own(ctx), aws.ToString(in.RoleName), aws.ToString(in.PolicyDocument))
}

// DeleteRole is the operation of its name.
func (a *API) DeleteRole(ctx context.Context, in *iam.DeleteRoleInput) (*iam.DeleteRoleOutput, error) {
	return nil, a.Accounts.RemoveRole(ctx, own(ctx), aws.ToString(in.RoleName))
}

// ListInstanceProfilesForRole is the operation of its name. There are no instance
// profiles.
func (a *API) ListInstanceProfilesForRole(ctx context.Context, in *iam.ListInstanceProfilesForRoleInput) (*iam.ListInstanceProfilesForRoleOutput, error) {
	if _, err := a.Accounts.Role(ctx, own(ctx), aws.ToString(in.RoleName)); err != nil {
		return nil, err
	}
	return &iam.ListInstanceProfilesForRoleOutput{InstanceProfiles: []types.InstanceProfile{}}, nil
}
