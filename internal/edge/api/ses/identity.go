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

// maxItems is how many identities or configuration sets one call lists at most.
const maxItems = 1000

// ensure creates the identity unless it exists: the Verify operations may be called
// again, which starts a verification anew that has not succeeded. It must be of the
// wanted kind.
func (a *API) ensure(ctx context.Context, name string, kind identity.Kind, set identity.Settings) (identity.Identity, error) {
	_, got, err := identity.ParseName(name)
	if err != nil {
		return identity.Identity{}, err
	}
	if got != kind {
		if kind == identity.Domain {
			return identity.Identity{}, fault.InField(fault.Invalid, "Domain", "Invalid domain name <%s>.", name)
		}
		return identity.Identity{}, fault.InField(fault.Invalid, "EmailAddress", "Invalid email address <%s>.", name)
	}
	sc := caller.From(ctx).Scope
	id, err := a.Identities.Create(ctx, sc, name, set)
	if !fault.Is(err, fault.AlreadyExists) {
		return id, err
	}
	if _, err := a.Identities.Resend(ctx, sc, name); err != nil {
		return identity.Identity{}, err
	}
	return a.Identities.Read(ctx, sc, name)
}

// VerifyEmailIdentity adds an address, which is sent a mail with a link. Until it has
// been followed the address is sent another one with each call.
func (a *API) VerifyEmailIdentity(ctx context.Context, in *ses.VerifyEmailIdentityInput) (*ses.VerifyEmailIdentityOutput, error) {
	if _, err := a.ensure(ctx, aws.ToString(in.EmailAddress), identity.Address, identity.Settings{}); err != nil {
		return nil, err
	}
	return &ses.VerifyEmailIdentityOutput{}, nil
}

// VerifyEmailAddress is the deprecated name of VerifyEmailIdentity.
func (a *API) VerifyEmailAddress(ctx context.Context, in *ses.VerifyEmailAddressInput) (*ses.VerifyEmailAddressOutput, error) {
	if _, err := a.ensure(ctx, aws.ToString(in.EmailAddress), identity.Address, identity.Settings{}); err != nil {
		return nil, err
	}
	return &ses.VerifyEmailAddressOutput{}, nil
}

// VerifyDomainIdentity adds a domain and gives the token that proves it in a TXT record.
// It does not start DKIM.
func (a *API) VerifyDomainIdentity(ctx context.Context, in *ses.VerifyDomainIdentityInput) (*ses.VerifyDomainIdentityOutput, error) {
	id, err := a.ensure(ctx, aws.ToString(in.Domain), identity.Domain, identity.Settings{TokenOnly: true})
	if err != nil {
		return nil, err
	}
	return &ses.VerifyDomainIdentityOutput{VerificationToken: aws.String(id.Token)}, nil
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

// each collects what tell says of each named identity that exists, under the name as the
// caller wrote it. SES leaves the others out of its answers. The door bounds the names.
func each[T any](ctx context.Context, a *API, names []string, tell func(id identity.Identity) T) (map[string]T, error) {
	all := make(map[string]T, len(names))
	for _, name := range names {
		id, err := a.Identities.Read(ctx, caller.From(ctx).Scope, name)
		switch {
		case err == nil:
			all[name] = tell(id)
		case fault.Is(err, fault.NotFound), fault.Is(err, fault.Invalid):
		default:
			return nil, err
		}
	}
	return all, nil
}

// status is API v1's spelling of a status.
func status(s identity.Status) types.VerificationStatus {
	switch s {
	case identity.Success:
		return types.VerificationStatusSuccess
	case identity.NotStarted:
		return types.VerificationStatusNotStarted
	case identity.Failed:
		return types.VerificationStatusFailed
	case identity.TemporaryFailure:
		return types.VerificationStatusTemporaryFailure
	}
	return types.VerificationStatusPending
}

// GetIdentityVerificationAttributes tells the status of each named identity.
func (a *API) GetIdentityVerificationAttributes(ctx context.Context, in *ses.GetIdentityVerificationAttributesInput) (*ses.GetIdentityVerificationAttributesOutput, error) {
	all, err := each(ctx, a, in.Identities, func(id identity.Identity) types.IdentityVerificationAttributes {
		attrs := types.IdentityVerificationAttributes{VerificationStatus: status(id.Verification)}
		if id.Kind == identity.Domain {
			attrs.VerificationToken = aws.String(id.Token)
		}
		return attrs
	})
	if err != nil {
		return nil, err
	}
	return &ses.GetIdentityVerificationAttributesOutput{VerificationAttributes: all}, nil
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

// absent says in the words of an operation of API v1 that an identity does not exist.
// Other errors stay as they are. Format has the identity's name.
func absent(err error, format, name string) error {
	if fault.Is(err, fault.NotFound) {
		return fault.InField(fault.NotFound, "Identity", format, name)
	}
	return err
}
