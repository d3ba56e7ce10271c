// SPDX-License-Identifier: Apache-2.0

package ses

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/identity"
	"sesame/internal/edge/api/caller"
)

// maxPolicyNames is how many policies one call gives at most (SES API v1:
// GetIdentityPolicies).
const maxPolicyNames = 20

// PutIdentityPolicy attaches a policy to an identity, in place of the one that has its
// name.
func (a *API) PutIdentityPolicy(ctx context.Context, in *ses.PutIdentityPolicyInput) (*ses.PutIdentityPolicyOutput, error) {
	name := aws.ToString(in.Identity)
	err := a.Identities.PutPolicy(ctx, caller.From(ctx).Scope, name, identity.Upsert,
		identity.Policy{Name: aws.ToString(in.PolicyName), Document: aws.ToString(in.Policy)})
	if err != nil {
		return nil, policyFault(absent(err, "Identity <%s> does not exist.", name))
	}
	return &ses.PutIdentityPolicyOutput{}, nil
}

// policyFault gives an error about a policy the code that API v1 has for it.
func policyFault(err error) error {
	var f *fault.Error
	switch {
	case !errors.As(err, &f):
	case f.Kind == fault.Invalid && f.Field == identity.PolicyField:
		return &types.InvalidPolicyException{Message: aws.String(f.Text)}
	case f.Kind == fault.LimitExceeded:
		return fault.InField(fault.Invalid, identity.PolicyField, "%s", f.Text)
	}
	return err
}

// policies are those of an identity; of one that does not exist there are none.
func (a *API) policies(ctx context.Context, name *string) ([]identity.Policy, error) {
	all, err := a.Identities.Policies(ctx, caller.From(ctx).Scope, aws.ToString(name))
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return all, err
}

// GetIdentityPolicies gives the named policies of an identity, as far as they exist.
func (a *API) GetIdentityPolicies(ctx context.Context, in *ses.GetIdentityPoliciesInput) (*ses.GetIdentityPoliciesOutput, error) {
	if len(in.PolicyNames) > maxPolicyNames {
		return nil, fault.InField(fault.Invalid, "PolicyNames", "At most %d policies can be retrieved at a time.", maxPolicyNames)
	}
	all, err := a.policies(ctx, in.Identity)
	if err != nil {
		return nil, err
	}
	out := &ses.GetIdentityPoliciesOutput{Policies: map[string]string{}}
	for _, p := range all {
		if slices.Contains(in.PolicyNames, p.Name) {
			out.Policies[p.Name] = p.Document
		}
	}
	return out, nil
}

// ListIdentityPolicies lists the names of an identity's policies.
func (a *API) ListIdentityPolicies(ctx context.Context, in *ses.ListIdentityPoliciesInput) (*ses.ListIdentityPoliciesOutput, error) {
	all, err := a.policies(ctx, in.Identity)
	if err != nil {
		return nil, err
	}
	out := &ses.ListIdentityPoliciesOutput{PolicyNames: make([]string, 0, len(all))}
	for _, p := range all {
		out.PolicyNames = append(out.PolicyNames, p.Name)
	}
	return out, nil
}

// DeleteIdentityPolicy removes a policy of an identity; one that does not exist is no
// error.
func (a *API) DeleteIdentityPolicy(ctx context.Context, in *ses.DeleteIdentityPolicyInput) (*ses.DeleteIdentityPolicyOutput, error) {
	err := a.Identities.DeletePolicy(ctx, caller.From(ctx).Scope, aws.ToString(in.Identity), aws.ToString(in.PolicyName))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	return &ses.DeleteIdentityPolicyOutput{}, nil
}
