// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"sesame/internal/core/account"
)

func status(active bool) types.StatusType {
	if active {
		return types.StatusTypeActive
	}
	return types.StatusTypeInactive
}

// CreateAccessKey is the operation of its name. Its answer is the only one that ever has
// the secret.
func (a *API) CreateAccessKey(ctx context.Context, in *iam.CreateAccessKeyInput) (*iam.CreateAccessKeyOutput, error) {
	name, err := self(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	c, err := a.Accounts.CreateKey(ctx, own(ctx), name)
	if err != nil {
		return nil, err
	}
	k, err := a.Accounts.AccessKey(ctx, own(ctx), c.KeyID)
	if err != nil {
		return nil, err
	}
	return &iam.CreateAccessKeyOutput{AccessKey: &types.AccessKey{
		AccessKeyId: aws.String(k.ID), SecretAccessKey: aws.String(c.Secret), UserName: aws.String(k.User),
		Status: status(k.Active), CreateDate: date(k.CreatedAt),
	}}, nil
}

// ListAccessKeys is the operation of its name.
func (a *API) ListAccessKeys(ctx context.Context, in *iam.ListAccessKeysInput) (*iam.ListAccessKeysOutput, error) {
	name, err := self(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	all, err := a.Accounts.AccessKeys(ctx, own(ctx), name)
	if err != nil {
		return nil, err
	}
	all, next, err := cut(page{"ListAccessKeys", in.Marker, in.MaxItems}, all, func(k account.AccessKey) string { return k.ID })
	if err != nil {
		return nil, err
	}
	keys := []types.AccessKeyMetadata{}
	for _, k := range all {
		keys = append(keys, types.AccessKeyMetadata{
			AccessKeyId: aws.String(k.ID), UserName: aws.String(k.User), Status: status(k.Active), CreateDate: date(k.CreatedAt),
		})
	}
	return &iam.ListAccessKeysOutput{AccessKeyMetadata: keys, Marker: next, IsTruncated: next != nil}, nil
}

// UpdateAccessKey is the operation of its name.
func (a *API) UpdateAccessKey(ctx context.Context, in *iam.UpdateAccessKeyInput) (*iam.UpdateAccessKeyOutput, error) {
	name, err := self(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, a.Accounts.SetKeyActive(ctx, own(ctx), name, aws.ToString(in.AccessKeyId), in.Status == types.StatusTypeActive)
}

// DeleteAccessKey is the operation of its name.
func (a *API) DeleteAccessKey(ctx context.Context, in *iam.DeleteAccessKeyInput) (*iam.DeleteAccessKeyOutput, error) {
	name, err := self(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, a.Accounts.DeleteKey(ctx, own(ctx), name, aws.ToString(in.AccessKeyId))
}

// GetAccessKeyLastUsed is the operation of its name. Of a key that was never used,
// service and region are N/A.
func (a *API) GetAccessKeyLastUsed(ctx context.Context, in *iam.GetAccessKeyLastUsedInput) (*iam.GetAccessKeyLastUsedOutput, error) {
	k, err := a.Accounts.AccessKey(ctx, own(ctx), aws.ToString(in.AccessKeyId))
	if err != nil {
		return nil, err
	}
	used := types.AccessKeyLastUsed{ServiceName: aws.String("N/A"), Region: aws.String("N/A")}
	if !k.Used.At.IsZero() {
		used = types.AccessKeyLastUsed{
			LastUsedDate: date(k.Used.At), ServiceName: aws.String(k.Used.Service), Region: aws.String(k.Used.Region),
		}
	}
	return &iam.GetAccessKeyLastUsedOutput{UserName: aws.String(k.User), AccessKeyLastUsed: &used}, nil
}
