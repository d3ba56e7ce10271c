// SPDX-License-Identifier: Apache-2.0

package ses

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/core/identity"
	"sesame/internal/edge/api/caller"
)

// VerifyDomainDkim starts Easy DKIM for a domain and gives its tokens. A domain that is no
// identity yet becomes one. Where Easy DKIM is under way the tokens stay as they are.
func (a *API) VerifyDomainDkim(ctx context.Context, in *ses.VerifyDomainDkimInput) (*ses.VerifyDomainDkimOutput, error) {
	id, err := a.ensure(ctx, aws.ToString(in.Domain), identity.Domain, identity.Settings{})
	if err != nil {
		return nil, err
	}
	if id, err = a.Identities.SetDKIM(ctx, caller.From(ctx).Scope, id.Name, identity.DKIMSetup{Origin: identity.OriginEasy}); err != nil {
		return nil, err
	}
	return &ses.VerifyDomainDkimOutput{DkimTokens: id.Tokens()}, nil
}

// GetIdentityDkimAttributes tells the DKIM status of each named identity.
func (a *API) GetIdentityDkimAttributes(ctx context.Context, in *ses.GetIdentityDkimAttributesInput) (*ses.GetIdentityDkimAttributesOutput, error) {
	all, err := each(ctx, a, in.Identities, func(id identity.Identity) types.IdentityDkimAttributes {
		attrs := types.IdentityDkimAttributes{DkimEnabled: id.Signing, DkimVerificationStatus: status(id.DKIM)}
		if tokens := id.Tokens(); len(tokens) > 0 { // others have no list, not an empty one
			attrs.DkimTokens = tokens
		}
		return attrs
	})
	if err != nil {
		return nil, err
	}
	return &ses.GetIdentityDkimAttributesOutput{DkimAttributes: all}, nil
}

// SetIdentityDkimEnabled switches the DKIM signature on or off.
func (a *API) SetIdentityDkimEnabled(ctx context.Context, in *ses.SetIdentityDkimEnabledInput) (*ses.SetIdentityDkimEnabledOutput, error) {
	name := aws.ToString(in.Identity)
	if err := a.Identities.SetSigning(ctx, caller.From(ctx).Scope, name, in.DkimEnabled); err != nil {
		return nil, absent(err, "Domain %s is not verified for DKIM signing.", name[strings.LastIndexByte(name, '@')+1:])
	}
	return &ses.SetIdentityDkimEnabledOutput{}, nil
}
