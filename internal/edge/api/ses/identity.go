// SPDX-License-Identifier: Apache-2.0

package ses

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/identity"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/page"
)

// maxItems is how many identities one call lists at most.
const maxItems = 1000

// ensure creates the identity unless it exists: the Verify operations may be called
// again. It must be of the wanted kind.
func (a *API) ensure(ctx context.Context, name *string, kind identity.Kind) (identity.Identity, error) {
	_, got, err := identity.ParseName(aws.ToString(name))
	if err != nil {
		return identity.Identity{}, err
	}
	if got != kind {
		if kind == identity.Domain {
			return identity.Identity{}, fault.InField(fault.Invalid, "Domain", "Invalid domain name <%s>.", aws.ToString(name))
		}
		return identity.Identity{}, fault.InField(fault.Invalid, "EmailAddress", "Invalid email address <%s>.", aws.ToString(name))
	}
	sc := caller.From(ctx).Scope
	id, err := a.Identities.Create(ctx, sc, aws.ToString(name), identity.Settings{})
	if fault.Is(err, fault.AlreadyExists) {
		return a.Identities.Get(ctx, sc, aws.ToString(name))
	}
	return id, err
}

// VerifyEmailIdentity adds an address.
func (a *API) VerifyEmailIdentity(ctx context.Context, in *ses.VerifyEmailIdentityInput) (*ses.VerifyEmailIdentityOutput, error) {
	if _, err := a.ensure(ctx, in.EmailAddress, identity.Address); err != nil {
		return nil, err
	}
	return &ses.VerifyEmailIdentityOutput{}, nil
}

// VerifyEmailAddress is the deprecated name of VerifyEmailIdentity.
func (a *API) VerifyEmailAddress(ctx context.Context, in *ses.VerifyEmailAddressInput) (*ses.VerifyEmailAddressOutput, error) {
	if _, err := a.ensure(ctx, in.EmailAddress, identity.Address); err != nil {
		return nil, err
	}
	return &ses.VerifyEmailAddressOutput{}, nil
}

// VerifyDomainIdentity adds a domain and gives the token that proves it.
func (a *API) VerifyDomainIdentity(ctx context.Context, in *ses.VerifyDomainIdentityInput) (*ses.VerifyDomainIdentityOutput, error) {
	id, err := a.ensure(ctx, in.Domain, identity.Domain)
	if err != nil {
		return nil, err
	}
	return &ses.VerifyDomainIdentityOutput{VerificationToken: aws.String(id.Token)}, nil
}

// VerifyDomainDkim adds a domain and gives its DKIM tokens.
func (a *API) VerifyDomainDkim(ctx context.Context, in *ses.VerifyDomainDkimInput) (*ses.VerifyDomainDkimOutput, error) {
	id, err := a.ensure(ctx, in.Domain, identity.Domain)
	if err != nil {
		return nil, err
	}
	return &ses.VerifyDomainDkimOutput{DkimTokens: id.Tokens()}, nil
}

// ListIdentities lists identities by name, whatever their status.
func (a *API) ListIdentities(ctx context.Context, in *ses.ListIdentitiesInput) (*ses.ListIdentitiesOutput, error) {
	sc := caller.From(ctx).Scope
	list := page.List{Kind: "identity", Region: sc.Region}
	limit, err := page.Size("MaxItems", in.MaxItems, maxItems, maxItems)
	if err != nil {
		return nil, err
	}
	after, err := list.After(in.NextToken)
	if err != nil {
		return nil, err
	}
	var kind identity.Kind
	switch in.IdentityType {
	case types.IdentityTypeDomain:
		kind = identity.Domain
	case types.IdentityTypeEmailAddress:
		kind = identity.Address
	}
	ids, more, err := a.Identities.List(ctx, sc, kind, after, limit)
	if err != nil {
		return nil, err
	}
	out := &ses.ListIdentitiesOutput{Identities: []string{}}
	for _, id := range ids {
		out.Identities = append(out.Identities, id.Name)
	}
	if more {
		out.NextToken = list.Token(ids[len(ids)-1].Name)
	}
	return out, nil
}

// ListVerifiedEmailAddresses lists the addresses that are verified.
func (a *API) ListVerifiedEmailAddresses(ctx context.Context, _ *ses.ListVerifiedEmailAddressesInput) (*ses.ListVerifiedEmailAddressesOutput, error) {
	out := &ses.ListVerifiedEmailAddressesOutput{VerifiedEmailAddresses: []string{}}
	after := ""
	for {
		ids, more, err := a.Identities.List(ctx, caller.From(ctx).Scope, identity.Address, after, maxItems)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			after = id.Name
			if id.Verified() {
				out.VerifiedEmailAddresses = append(out.VerifiedEmailAddresses, id.Name)
			}
		}
		if !more {
			return out, nil
		}
	}
}

// get calls fn for each of the named identities that exists; SES leaves the others
// out of its answers.
func (a *API) get(ctx context.Context, names []string, fn func(name string, id identity.Identity)) error {
	for _, name := range names {
		id, err := a.Identities.Get(ctx, caller.From(ctx).Scope, name)
		switch {
		case err == nil:
			fn(name, id)
		case fault.Is(err, fault.NotFound), fault.Is(err, fault.Invalid):
		default:
			return err
		}
	}
	return nil
}

// status is API v1's spellings of the statuses.
func status(s identity.Status) types.VerificationStatus {
	switch s {
	case identity.Success:
		return types.VerificationStatusSuccess
	case identity.NotStarted:
		return types.VerificationStatusNotStarted
	}
	return types.VerificationStatusPending
}

// GetIdentityVerificationAttributes tells the status of each named identity.
func (a *API) GetIdentityVerificationAttributes(ctx context.Context, in *ses.GetIdentityVerificationAttributesInput) (*ses.GetIdentityVerificationAttributesOutput, error) {
	out := &ses.GetIdentityVerificationAttributesOutput{VerificationAttributes: map[string]types.IdentityVerificationAttributes{}}
	err := a.get(ctx, in.Identities, func(name string, id identity.Identity) {
		attrs := types.IdentityVerificationAttributes{VerificationStatus: status(id.Verification)}
		if id.Kind == identity.Domain {
			attrs.VerificationToken = aws.String(id.Token)
		}
		out.VerificationAttributes[name] = attrs
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetIdentityDkimAttributes tells the DKIM status of each named identity.
func (a *API) GetIdentityDkimAttributes(ctx context.Context, in *ses.GetIdentityDkimAttributesInput) (*ses.GetIdentityDkimAttributesOutput, error) {
	out := &ses.GetIdentityDkimAttributesOutput{DkimAttributes: map[string]types.IdentityDkimAttributes{}}
	err := a.get(ctx, in.Identities, func(name string, id identity.Identity) {
		attrs := types.IdentityDkimAttributes{DkimEnabled: id.Signing, DkimVerificationStatus: status(id.DKIM)}
		if id.Kind == identity.Domain { // others have no list, not an empty one
			attrs.DkimTokens = id.Tokens()
		}
		out.DkimAttributes[name] = attrs
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteIdentity removes an identity; one that does not exist is no error.
func (a *API) DeleteIdentity(ctx context.Context, in *ses.DeleteIdentityInput) (*ses.DeleteIdentityOutput, error) {
	if err := a.remove(ctx, in.Identity); err != nil {
		return nil, err
	}
	return &ses.DeleteIdentityOutput{}, nil
}

// DeleteVerifiedEmailAddress is the deprecated form of DeleteIdentity.
func (a *API) DeleteVerifiedEmailAddress(ctx context.Context, in *ses.DeleteVerifiedEmailAddressInput) (*ses.DeleteVerifiedEmailAddressOutput, error) {
	if err := a.remove(ctx, in.EmailAddress); err != nil {
		return nil, err
	}
	return &ses.DeleteVerifiedEmailAddressOutput{}, nil
}

func (a *API) remove(ctx context.Context, name *string) error {
	err := a.Identities.Delete(ctx, caller.From(ctx).Scope, aws.ToString(name))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
