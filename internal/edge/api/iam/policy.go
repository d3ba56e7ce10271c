// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/account"
)

func unlessGone(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func toPolicy(p account.Policy) *types.Policy {
	return &types.Policy{
		PolicyName: aws.String(p.Name), PolicyId: aws.String(p.ID), Path: aws.String(p.Path), Arn: aws.String(p.ARN()),
		DefaultVersionId: aws.String(account.VersionID(p.Version)), AttachmentCount: aws.Int32(int32(p.Attached)),
		PermissionsBoundaryUsageCount: aws.Int32(0), IsAttachable: true, Description: optional(p.Description),
		CreateDate: date(p.CreatedAt), UpdateDate: date(p.UpdatedAt), Tags: toTags(p.Tags),
	}
}

// CreatePolicy is the operation of its name.
func (a *API) CreatePolicy(ctx context.Context, in *iam.CreatePolicyInput) (*iam.CreatePolicyOutput, error) {
	p, err := a.Accounts.CreatePolicy(ctx, account.Policy{
		Account: own(ctx), Name: aws.ToString(in.PolicyName), Path: aws.ToString(in.Path), Description: aws.ToString(in.Description),
		Document: aws.ToString(in.PolicyDocument), Tags: fromTags(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	p.Description = "" // IAM tells it to GetPolicy alone
	return &iam.CreatePolicyOutput{Policy: toPolicy(p)}, nil
}

// GetPolicy is the operation of its name.
func (a *API) GetPolicy(ctx context.Context, in *iam.GetPolicyInput) (*iam.GetPolicyOutput, error) {
	p, err := a.Accounts.Policy(ctx, own(ctx), aws.ToString(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	return &iam.GetPolicyOutput{Policy: toPolicy(p)}, nil
}

// ListPolicies is the operation of its name. It shows neither tags nor descriptions.
func (a *API) ListPolicies(ctx context.Context, in *iam.ListPoliciesInput) (*iam.ListPoliciesOutput, error) {
	all, err := a.Accounts.ManagedPolicies(ctx, own(ctx), in.Scope != types.PolicyScopeTypeAws, in.Scope != types.PolicyScopeTypeLocal)
	if err != nil {
		return nil, err
	}
	policies := []types.Policy{}
	for _, p := range all {
		if in.OnlyAttached && p.Attached == 0 || !strings.HasPrefix(p.Path, aws.ToString(in.PathPrefix)) ||
			in.PolicyUsageFilter == types.PolicyUsageTypePermissionsBoundary {
			continue
		}
		p.Tags, p.Description = nil, ""
		policies = append(policies, *toPolicy(p))
	}
	policies, next, err := cut(page{"ListPolicies", in.Marker, in.MaxItems}, policies, func(p types.Policy) string { return policyKey(*p.Arn) })
	if err != nil {
		return nil, err
	}
	return &iam.ListPoliciesOutput{Policies: policies, Marker: next, IsTruncated: next != nil}, nil
}

// DeletePolicy is the operation of its name.
func (a *API) DeletePolicy(ctx context.Context, in *iam.DeletePolicyInput) (*iam.DeletePolicyOutput, error) {
	return nil, a.Accounts.DeletePolicy(ctx, own(ctx), aws.ToString(in.PolicyArn))
}

func toVersion(v account.PolicyVersion) *types.PolicyVersion {
	return &types.PolicyVersion{
		VersionId: aws.String(account.VersionID(v.Number)), IsDefaultVersion: v.Default, CreateDate: date(v.CreatedAt),
	}
}

// CreatePolicyVersion is the operation of its name.
func (a *API) CreatePolicyVersion(ctx context.Context, in *iam.CreatePolicyVersionInput) (*iam.CreatePolicyVersionOutput, error) {
	v, err := a.Accounts.CreateVersion(ctx, own(ctx), aws.ToString(in.PolicyArn), aws.ToString(in.PolicyDocument), in.SetAsDefault)
	if err != nil {
		return nil, err
	}
	return &iam.CreatePolicyVersionOutput{PolicyVersion: toVersion(v)}, nil
}

// GetPolicyVersion is the operation of its name.
func (a *API) GetPolicyVersion(ctx context.Context, in *iam.GetPolicyVersionInput) (*iam.GetPolicyVersionOutput, error) {
	v, err := a.Accounts.Version(ctx, own(ctx), aws.ToString(in.PolicyArn), account.ParseVersionID(aws.ToString(in.VersionId)))
	if err != nil {
		return nil, err
	}
	out := toVersion(v)
	out.Document = encoded(v.Document)
	return &iam.GetPolicyVersionOutput{PolicyVersion: out}, nil
}

// ListPolicyVersions is the operation of its name: the newest first.
func (a *API) ListPolicyVersions(ctx context.Context, in *iam.ListPolicyVersionsInput) (*iam.ListPolicyVersionsOutput, error) {
	all, err := a.Accounts.Versions(ctx, own(ctx), aws.ToString(in.PolicyArn))
	if err != nil {
		return nil, err
	}
	newestFirst := func(v account.PolicyVersion) string { return fmt.Sprintf("%010d", math.MaxInt32-v.Number) }
	all, next, err := cut(page{"ListPolicyVersions", in.Marker, in.MaxItems}, all, newestFirst)
	if err != nil {
		return nil, err
	}
	out := &iam.ListPolicyVersionsOutput{Marker: next, IsTruncated: next != nil}
	for _, v := range all {
		out.Versions = append(out.Versions, *toVersion(v))
	}
	return out, nil
}

// DeletePolicyVersion is the operation of its name.
func (a *API) DeletePolicyVersion(ctx context.Context, in *iam.DeletePolicyVersionInput) (*iam.DeletePolicyVersionOutput, error) {
	return nil, a.Accounts.DeleteVersion(ctx, own(ctx), aws.ToString(in.PolicyArn), account.ParseVersionID(aws.ToString(in.VersionId)))
}

// SetDefaultPolicyVersion is the operation of its name.
func (a *API) SetDefaultPolicyVersion(ctx context.Context, in *iam.SetDefaultPolicyVersionInput) (*iam.SetDefaultPolicyVersionOutput, error) {
	return nil, a.Accounts.SetDefaultVersion(ctx, own(ctx), aws.ToString(in.PolicyArn), account.ParseVersionID(aws.ToString(in.VersionId)))
}
