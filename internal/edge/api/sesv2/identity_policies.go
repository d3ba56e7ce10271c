// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"sesame/internal/core/identity"
	"sesame/internal/edge/api/caller"
)

func policyMap(policies []identity.Policy) map[string]string {
	all := make(map[string]string, len(policies))
	for _, p := range policies {
		all[p.Name] = p.Document
	}
	return all
}

// CreateEmailIdentityPolicy attaches a policy to an identity under a name that is free.
func (a *API) CreateEmailIdentityPolicy(ctx context.Context, in *sesv2.CreateEmailIdentityPolicyInput) (*sesv2.CreateEmailIdentityPolicyOutput, error) {
	err := a.Identities.PutPolicy(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailIdentity), identity.Create,
		identity.Policy{Name: aws.ToString(in.PolicyName), Document: aws.ToString(in.Policy)})
	if err != nil {
		return nil, err
	}
	return &sesv2.CreateEmailIdentityPolicyOutput{}, nil
}

// UpdateEmailIdentityPolicy replaces a policy of an identity.
func (a *API) UpdateEmailIdentityPolicy(ctx context.Context, in *sesv2.UpdateEmailIdentityPolicyInput) (*sesv2.UpdateEmailIdentityPolicyOutput, error) {
	err := a.Identities.PutPolicy(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailIdentity), identity.Update,
		identity.Policy{Name: aws.ToString(in.PolicyName), Document: aws.ToString(in.Policy)})
	if err != nil {
		return nil, err
	}
	return &sesv2.UpdateEmailIdentityPolicyOutput{}, nil
}

// DeleteEmailIdentityPolicy removes a policy of an identity.
func (a *API) DeleteEmailIdentityPolicy(ctx context.Context, in *sesv2.DeleteEmailIdentityPolicyInput) (*sesv2.DeleteEmailIdentityPolicyOutput, error) {
	err := a.Identities.DeletePolicy(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailIdentity), aws.ToString(in.PolicyName))
	if err != nil {
		return nil, err
	}
	return &sesv2.DeleteEmailIdentityPolicyOutput{}, nil
}

// GetEmailIdentityPolicies gives all policies of an identity.
func (a *API) GetEmailIdentityPolicies(ctx context.Context, in *sesv2.GetEmailIdentityPoliciesInput) (*sesv2.GetEmailIdentityPoliciesOutput, error) {
	policies, err := a.Identities.Policies(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailIdentity))
	if err != nil {
		return nil, err
	}
	return &sesv2.GetEmailIdentityPoliciesOutput{Policies: policyMap(policies)}, nil
}
