// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/identity"
	"sesame/internal/edge/api/caller"
)

// dkim is the state of an identity's DKIM. The lengths and tokens are those of Easy DKIM:
// a key of the owner's has neither here. SES names a next length for addresses, too.
func (a *API) dkim(id identity.Identity) *types.DkimAttributes {
	d := &types.DkimAttributes{
		SigningEnabled: id.Signing, Status: types.DkimStatus(id.DKIM), SigningAttributesOrigin: types.DkimSigningAttributesOrigin(id.DKIMInfo.Origin),
		Tokens: id.Tokens(),
	}
	if id.Kind == identity.Address {
		d.NextSigningKeyLength = types.DkimSigningKeyLengthRsa1024Bit
	}
	if len(d.Tokens) > 0 {
		d.CurrentSigningKeyLength, d.NextSigningKeyLength = keyLength(id.CurrentBits()), keyLength(id.DKIMInfo.NextBits)
		d.LastKeyGenerationTimestamp, d.SigningHostedZone = moment(id.KeyMadeAt()), optional(a.Zone.DKIMZone())
	}
	return d
}

func keyLength(bits int) types.DkimSigningKeyLength {
	if bits == 1024 {
		return types.DkimSigningKeyLengthRsa1024Bit
	}
	return types.DkimSigningKeyLengthRsa2048Bit
}

// onlyDomain refuses what DKIM can't be set up for: whatever is no domain.
func onlyDomain(name string) error {
	if _, kind, err := identity.ParseName(name); err != nil || kind != identity.Domain {
		return fault.InField(fault.Invalid, "EmailIdentity", "The EmailIdentity value must be a valid domain.")
	}
	return nil
}

// dkimSetup reads what the caller wants of DKIM, and refuses members that do not belong
// to the origin: AWS_SES is Easy DKIM, EXTERNAL a key of the caller's, and the others
// copy the keys of the region that they name. Without an origin the members tell.
func dkimSetup(origin types.DkimSigningAttributesOrigin, in *types.DkimSigningAttributes) (identity.DKIMSetup, error) {
	set := identity.DKIMSetup{Origin: identity.Origin(origin)}
	if in == nil {
		in = &types.DkimSigningAttributes{}
	}
	set.PrivateKey, set.Selector = aws.ToString(in.DomainSigningPrivateKey), aws.ToString(in.DomainSigningSelector)
	own := set.PrivateKey != "" || set.Selector != ""
	if set.Origin == "" {
		set.Origin = identity.OriginEasy
		if own {
			set.Origin = identity.OriginExternal
		}
	}
	switch in.NextSigningKeyLength {
	case types.DkimSigningKeyLengthRsa1024Bit:
		set.NextBits = 1024
	case types.DkimSigningKeyLengthRsa2048Bit:
		set.NextBits = 2048
	}
	switch {
	case set.Origin == identity.OriginExternal && (set.PrivateKey == "" || set.Selector == ""):
		return set, dkimFault("DomainSigningSelector and DomainSigningPrivateKey are both required when the origin of the signing attributes is EXTERNAL.")
	case set.Origin != identity.OriginExternal && own:
		return set, dkimFault("DomainSigningSelector and DomainSigningPrivateKey are only allowed when the origin of the signing attributes is EXTERNAL.")
	case set.Origin != identity.OriginEasy && set.NextBits != 0:
		return set, dkimFault("NextSigningKeyLength is only allowed when the origin of the signing attributes is AWS_SES.")
	}
	return set, nil
}

func dkimFault(text string) error {
	return fault.InField(fault.Invalid, "SigningAttributes", "%s", text)
}

// PutEmailIdentityDkimAttributes switches the DKIM signature on or off.
func (a *API) PutEmailIdentityDkimAttributes(ctx context.Context, in *sesv2.PutEmailIdentityDkimAttributesInput) (*sesv2.PutEmailIdentityDkimAttributesOutput, error) {
	err := a.Identities.SetSigning(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailIdentity), in.SigningEnabled)
	if err != nil {
		return nil, err
	}
	return &sesv2.PutEmailIdentityDkimAttributesOutput{}, nil
}

// PutEmailIdentityDkimSigningAttributes sets up the DKIM of a domain anew, or changes the
// length of its next key.
func (a *API) PutEmailIdentityDkimSigningAttributes(ctx context.Context, in *sesv2.PutEmailIdentityDkimSigningAttributesInput) (*sesv2.PutEmailIdentityDkimSigningAttributesOutput, error) {
	name := aws.ToString(in.EmailIdentity)
	if err := onlyDomain(name); err != nil {
		return nil, err
	}
	if s := in.SigningAttributes; s != nil && s.DomainSigningAttributesOrigin != "" {
		return nil, dkimFault("DomainSigningAttributesOrigin is not allowed here, SigningAttributesOrigin is to be used.")
	}
	set, err := dkimSetup(in.SigningAttributesOrigin, in.SigningAttributes)
	if err != nil {
		return nil, err
	}
	id, err := a.Identities.SetDKIM(ctx, caller.From(ctx).Scope, name, set)
	if err != nil {
		return nil, err
	}
	attrs := a.dkim(id)
	return &sesv2.PutEmailIdentityDkimSigningAttributesOutput{
		DkimStatus: attrs.Status, DkimTokens: attrs.Tokens, SigningHostedZone: attrs.SigningHostedZone,
	}, nil
}
