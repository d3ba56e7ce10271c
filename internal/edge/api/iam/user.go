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

func toUser(u account.User) *types.User {
	return &types.User{
		UserName: aws.String(u.Name), UserId: aws.String(u.ID), Path: aws.String(u.Path), Arn: aws.String(u.ARN()),
		CreateDate: date(u.CreatedAt), Tags: toTags(u.Tags),
	}
}

// CreateUser is the operation of its name.
func (a *API) CreateUser(ctx context.Context, in *iam.CreateUserInput) (*iam.CreateUserOutput, error) {
	if err := unbounded(in.PermissionsBoundary); err != nil {
		return nil, err
	}
	u, err := a.Accounts.AddUser(ctx, account.NewUser{
		Account: own(ctx), Name: aws.ToString(in.UserName), Path: aws.ToString(in.Path), Tags: fromTags(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &iam.CreateUserOutput{User: toUser(u)}, nil
}

// GetUser is the operation of its name. Without a user name it is about the caller.
func (a *API) GetUser(ctx context.Context, in *iam.GetUserInput) (*iam.GetUserOutput, error) {
	name, err := self(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	u, err := a.Accounts.User(ctx, own(ctx), name)
	if err != nil {
		return nil, err
	}
	return &iam.GetUserOutput{User: toUser(u)}, nil
}

// ListUsers is the operation of its name. It shows no tags.
func (a *API) ListUsers(ctx context.Context, in *iam.ListUsersInput) (*iam.ListUsersOutput, error) {
	all, err := a.Accounts.Users(ctx, own(ctx))
	if err != nil {
		return nil, err
	}
	var users []types.User
	for _, u := range all {
		if strings.HasPrefix(u.Path, aws.ToString(in.PathPrefix)) {
			u.Tags = nil
			users = append(users, *toUser(u))
		}
	}
	users, next, err := cut(page{"ListUsers", in.Marker, in.MaxItems}, users, func(u types.User) string { return *u.UserName })
	if err != nil {
		return nil, err
	}
	return &iam.ListUsersOutput{Users: users, Marker: next, IsTruncated: next != nil}, nil
}

// UpdateUser is the operation of its name.
func (a *API) UpdateUser(ctx context.Context, in *iam.UpdateUserInput) (*iam.UpdateUserOutput, error) {
	return nil, a.Accounts.UpdateUser(ctx, own(ctx), aws.ToString(in.UserName), aws.ToString(in.NewUserName), aws.ToString(in.NewPath))
}

// DeleteUser is the operation of its name.
func (a *API) DeleteUser(ctx context.Context, in *iam.DeleteUserInput) (*iam.DeleteUserOutput, error) {
	return nil, a.Accounts.RemoveUser(ctx, own(ctx), aws.ToString(in.UserName))
}

// ListGroupsForUser is the operation of its name. There are no groups.
func (a *API) ListGroupsForUser(ctx context.Context, in *iam.ListGroupsForUserInput) (*iam.ListGroupsForUserOutput, error) {
	if _, err := a.Accounts.User(ctx, own(ctx), aws.ToString(in.UserName)); err != nil {
		return nil, err
	}
	return &iam.ListGroupsForUserOutput{Groups: []types.Group{}}, nil
}
