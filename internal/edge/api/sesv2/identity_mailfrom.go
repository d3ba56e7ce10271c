// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/identity"
	"sesame/internal/edge/api/caller"
)

// mailFrom is an identity's custom MAIL FROM domain. Without one there is the behaviour
// alone, as with SES.
func mailFrom(id identity.Identity) *types.MailFromAttributes {
	return &types.MailFromAttributes{
		MailFromDomain: optional(id.MailFrom.Domain), MailFromDomainStatus: types.MailFromDomainStatus(id.MailFrom.Status),
		BehaviorOnMxFailure: types.BehaviorOnMxFailure(id.MailFrom.Behavior),
	}
}

// PutEmailIdentityMailFromAttributes gives an identity a custom MAIL FROM domain. Without
// a domain it has none from then on, and the behaviour is the default again.
func (a *API) PutEmailIdentityMailFromAttributes(ctx context.Context, in *sesv2.PutEmailIdentityMailFromAttributesInput) (*sesv2.PutEmailIdentityMailFromAttributesOutput, error) {
	domain, behavior := aws.ToString(in.MailFromDomain), identity.Behavior(in.BehaviorOnMxFailure)
	if domain == "" || behavior == "" {
		behavior = identity.UseDefault
	}
	err := a.Identities.SetMailFrom(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailIdentity), domain, behavior)
	if err != nil {
		return nil, err
	}
	return &sesv2.PutEmailIdentityMailFromAttributesOutput{}, nil
}
