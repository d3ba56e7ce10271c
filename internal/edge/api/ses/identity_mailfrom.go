// SPDX-License-Identifier: Apache-2.0

package ses

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/core/identity"
	"sesame/internal/edge/api/caller"
)

// SetIdentityMailFromDomain gives an identity a custom MAIL FROM domain. Without a domain,
// or with an empty one, it has none from then on and the behaviour is the default again.
func (a *API) SetIdentityMailFromDomain(ctx context.Context, in *ses.SetIdentityMailFromDomainInput) (*ses.SetIdentityMailFromDomainOutput, error) {
	name, domain, behavior := aws.ToString(in.Identity), aws.ToString(in.MailFromDomain), identity.UseDefault
	if domain != "" && in.BehaviorOnMXFailure == types.BehaviorOnMXFailureRejectMessage {
		behavior = identity.RejectMessage
	}
	if err := a.Identities.SetMailFrom(ctx, caller.From(ctx).Scope, name, domain, behavior); err != nil {
		return nil, absent(err, "Identity <%s> does not exist.", name)
	}
	return &ses.SetIdentityMailFromDomainOutput{}, nil
}

// GetIdentityMailFromDomainAttributes tells the custom MAIL FROM domain of each named
// identity. One that has none has the behaviour alone.
func (a *API) GetIdentityMailFromDomainAttributes(ctx context.Context, in *ses.GetIdentityMailFromDomainAttributesInput) (*ses.GetIdentityMailFromDomainAttributesOutput, error) {
	all, err := each(ctx, a, in.Identities, func(id identity.Identity) types.IdentityMailFromDomainAttributes {
		attrs := types.IdentityMailFromDomainAttributes{BehaviorOnMXFailure: types.BehaviorOnMXFailureUseDefaultValue}
		if id.MailFrom.Behavior == identity.RejectMessage {
			attrs.BehaviorOnMXFailure = types.BehaviorOnMXFailureRejectMessage
		}
		if id.MailFrom.Domain != "" {
			attrs.MailFromDomain = aws.String(id.MailFrom.Domain)
			attrs.MailFromDomainStatus = types.CustomMailFromStatus(status(id.MailFrom.Status))
		}
		return attrs
	})
	if err != nil {
		return nil, err
	}
	return &ses.GetIdentityMailFromDomainAttributesOutput{MailFromDomainAttributes: all}, nil
}
