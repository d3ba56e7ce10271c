// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// TagUser is the operation of its name.
func (a *API) TagUser(ctx context.Context, in *iam.TagUserInput) (*iam.TagUserOutput, error) {
	return nil, a.Accounts.SetTags(ctx, user(ctx, in.UserName), fromTags(in.Tags))
}

// UntagUser is the operation of its name.
func (a *API) UntagUser(ctx context.Context, in *iam.UntagUserInput) (*iam.UntagUserOutput, error) {
	return nil, a.Accounts.RemoveTags(ctx, user(ctx, in.UserName), in.TagKeys)
}

// ListUserTags is the operation of its name.
func (a *API) ListUserTags(ctx context.Context, in *iam.ListUserTagsInput) (*iam.ListUserTagsOutput, error) {
	u, err := a.Accounts.User(ctx, own(ctx), aws.ToString(in.UserName))
	if err != nil {
		return nil, err
	}
	tags, next, err := cut(page{"ListUserTags", in.Marker, in.MaxItems}, toTags(u.Tags), tagKey)
	if err != nil {
		return nil, err
	}
	return &iam.ListUserTagsOutput{Tags: tags, Marker: next, IsTruncated: next != nil}, nil
}

// TagRole is the operation of its name.
func (a *API) TagRole(ctx context.Context, in *iam.TagRoleInput) (*iam.TagRoleOutput, error) {
	return nil, a.Accounts.SetTags(ctx, role(ctx, in.RoleName), fromTags(in.Tags))
}

// UntagRole is the operation of its name.
func (a *API) UntagRole(ctx context.Context, in *iam.UntagRoleInput) (*iam.UntagRoleOutput, error) {
	return nil, a.Accounts.RemoveTags(ctx, role(ctx, in.RoleName), in.TagKeys)
}

// ListRoleTags is the operation of its name.
func (a *API) ListRoleTags(ctx context.Context, in *iam.ListRoleTagsInput) (*iam.ListRoleTagsOutput, error) {
	r, err := a.Accounts.Role(ctx, own(ctx), aws.ToString(in.RoleName))
	if err != nil {
		return nil, err
	}
	tags, next, err := cut(page{"ListRoleTags", in.Marker, in.MaxItems}, toTags(r.Tags), tagKey)
	if err != nil {
		return nil, err
	}
	return &iam.ListRoleTagsOutput{Tags: tags, Marker: next, IsTruncated: next != nil}, nil
}

// TagPolicy is the operation of its name.
func (a *API) TagPolicy(ctx context.Context, in *iam.TagPolicyInput) (*iam.TagPolicyOutput, error) {
	return nil, a.Accounts.TagPolicy(ctx, own(ctx), aws.ToString(in.PolicyArn), fromTags(in.Tags))
}

// UntagPolicy is the operation of its name.
func (a *API) UntagPolicy(ctx context.Context, in *iam.UntagPolicyInput) (*iam.UntagPolicyOutput, error) {
	return nil, a.Accounts.UntagPolicy(ctx, own(ctx), aws.ToString(in.PolicyArn), in.TagKeys)
}

// ListPolicyTags is the operation of its name.
func (a *API) ListPolicyTags(ctx context.Context, in *iam.ListPolicyTagsInput) (*iam.ListPolicyTagsOutput, error) {
	p, err := a.Accounts.Policy(ctx, own(ctx), aws.ToString(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	tags, next, err := cut(page{"ListPolicyTags", in.Marker, in.MaxItems}, toTags(p.Tags), tagKey)
	if err != nil {
		return nil, err
	}
	return &iam.ListPolicyTagsOutput{Tags: tags, Marker: next, IsTruncated: next != nil}, nil
}

func tagKey(t types.Tag) string { return *t.Key }
