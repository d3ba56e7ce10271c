// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"sesame/internal/core/account"
)

// GetAccountSummary is the operation of its name: what there is, and how much there may
// be.
func (a *API) GetAccountSummary(ctx context.Context, _ *iam.GetAccountSummaryInput) (*iam.GetAccountSummaryOutput, error) {
	users, err := a.Accounts.Users(ctx, own(ctx))
	if err != nil {
		return nil, err
	}
	roles, err := a.Accounts.Roles(ctx, own(ctx))
	if err != nil {
		return nil, err
	}
	policies, err := a.Accounts.ManagedPolicies(ctx, own(ctx), true, false)
	if err != nil {
		return nil, err
	}
	return &iam.GetAccountSummaryOutput{SummaryMap: map[string]int32{
		"Users": int32(len(users)), "UsersQuota": account.MaxUsers,
		"Roles": int32(len(roles)), "RolesQuota": account.MaxRoles,
		"Policies": int32(len(policies)), "PoliciesQuota": account.MaxPolicies,
		"Groups": 0, "GroupsQuota": 0, "MFADevices": 0, "MFADevicesInUse": 0, "AccountMFAEnabled": 0, "AccountAccessKeysPresent": 0,
		"AccessKeysPerUserQuota": account.MaxKeys, "VersionsPerPolicyQuota": account.MaxVersions,
		"AttachedPoliciesPerUserQuota": account.MaxAttached, "AttachedPoliciesPerRoleQuota": account.MaxAttached,
		"PolicySizeQuota": account.MaxPolicySize, "UserPolicySizeQuota": account.MaxUserInline,
		"RolePolicySizeQuota": account.MaxRoleInline, "AssumeRolePolicySizeQuota": account.MaxTrustSize,
	}}, nil
}

// ListAccountAliases is the operation of its name. There are no aliases.
func (a *API) ListAccountAliases(context.Context, *iam.ListAccountAliasesInput) (*iam.ListAccountAliasesOutput, error) {
	return &iam.ListAccountAliasesOutput{AccountAliases: []string{}}, nil
}
