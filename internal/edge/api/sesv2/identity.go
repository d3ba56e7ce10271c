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
	"sesame/internal/edge/api/page"
)

// Page sizes of ListEmailIdentities, as SES has them.
const (
	defaultPage = 25
	maxPage     = 1000
)

// CreateEmailIdentity adds a domain or an address. A domain's answer has the DKIM
// tokens, whose status is NOT_STARTED here and PENDING from the first read on, as
// with SES. So is the order of the refusals: the name, the tags, the configuration set.
func (a *API) CreateEmailIdentity(ctx context.Context, in *sesv2.CreateEmailIdentityInput) (*sesv2.CreateEmailIdentityOutput, error) {
	if in.DkimSigningAttributes != nil {
		return nil, fault.InField(fault.NotImplemented, "DkimSigningAttributes",
			"The parameter DkimSigningAttributes of CreateEmailIdentity is not implemented by this server.")
	}
	sc, name := caller.From(ctx).Scope, aws.ToString(in.EmailIdentity)
	if id, err := a.Identities.Get(ctx, sc, name); err == nil {
		return nil, fault.InField(fault.AlreadyExists, "EmailIdentity", "Email identity %s already exist.", id.Name)
	} else if !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	tags, err := resourceTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if set := aws.ToString(in.ConfigurationSetName); set != "" {
		return nil, fault.InField(fault.ConfigSetNotFound, "ConfigurationSetName", "Configuration set <%s> does not exist.", set)
	}
	id, err := a.Identities.Create(ctx, sc, name, identity.Settings{Tags: tags})
	if err != nil {
		return nil, err
	}
	attrs := dkim(id)
	if id.DKIM == identity.Pending {
		attrs.Status = types.DkimStatusNotStarted
	}
	return &sesv2.CreateEmailIdentityOutput{
		IdentityType: kind(id), VerifiedForSendingStatus: id.Verified(), DkimAttributes: attrs,
	}, nil
}

// GetEmailIdentity describes one identity.
func (a *API) GetEmailIdentity(ctx context.Context, in *sesv2.GetEmailIdentityInput) (*sesv2.GetEmailIdentityOutput, error) {
	id, err := a.Identities.Get(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailIdentity))
	if err != nil {
		return nil, err
	}
	out := &sesv2.GetEmailIdentityOutput{
		IdentityType: kind(id), VerifiedForSendingStatus: id.Verified(), VerificationStatus: types.VerificationStatus(id.Verification),
		FeedbackForwardingStatus: true, DkimAttributes: dkim(id), Policies: map[string]string{}, Tags: []types.Tag{},
		MailFromAttributes: &types.MailFromAttributes{BehaviorOnMxFailure: types.BehaviorOnMxFailureUseDefaultValue},
	}
	for _, t := range id.Tags {
		out.Tags = append(out.Tags, types.Tag{Key: aws.String(t.Key), Value: aws.String(t.Value)})
	}
	if !id.VerifiedAt.IsZero() {
		out.VerificationInfo = &types.VerificationInfo{LastCheckedTimestamp: aws.Time(id.VerifiedAt), LastSuccessTimestamp: aws.Time(id.VerifiedAt)}
	}
	return out, nil
}

func kind(id identity.Identity) types.IdentityType { return types.IdentityType(id.Kind) }

func dkim(id identity.Identity) *types.DkimAttributes {
	d := &types.DkimAttributes{SigningEnabled: id.Signing, Status: types.DkimStatus(id.DKIM), SigningAttributesOrigin: types.DkimSigningAttributesOriginAwsSes}
	if len(id.Keys) > 0 {
		d.Tokens = id.Tokens()
		d.CurrentSigningKeyLength, d.NextSigningKeyLength = types.DkimSigningKeyLengthRsa2048Bit, types.DkimSigningKeyLengthRsa2048Bit
		d.LastKeyGenerationTimestamp = aws.Time(id.Keys[0].CreatedAt)
	}
	return d
}

// ListEmailIdentities lists identities by name, whatever their status.
func (a *API) ListEmailIdentities(ctx context.Context, in *sesv2.ListEmailIdentitiesInput) (*sesv2.ListEmailIdentitiesOutput, error) {
	sc := caller.From(ctx).Scope
	list := page.List{Kind: "identity", Region: sc.Region}
	size, err := page.Size("PageSize", in.PageSize, defaultPage, maxPage)
	if err != nil {
		return nil, err
	}
	after, err := list.After(in.NextToken)
	if err != nil {
		return nil, err
	}
	ids, more, err := a.Identities.List(ctx, sc, "", after, size)
	if err != nil {
		return nil, err
	}
	out := &sesv2.ListEmailIdentitiesOutput{EmailIdentities: []types.IdentityInfo{}}
	for _, id := range ids {
		out.EmailIdentities = append(out.EmailIdentities, types.IdentityInfo{
			IdentityName: aws.String(id.Name), IdentityType: kind(id), SendingEnabled: id.Verified(),
			VerificationStatus: types.VerificationStatus(id.Verification),
		})
	}
	if more {
		out.NextToken = list.Token(ids[len(ids)-1].Name)
	}
	return out, nil
}

// DeleteEmailIdentity removes an identity with its keys.
func (a *API) DeleteEmailIdentity(ctx context.Context, in *sesv2.DeleteEmailIdentityInput) (*sesv2.DeleteEmailIdentityOutput, error) {
	err := a.Identities.Delete(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailIdentity))
	if err != nil {
		return nil, err
	}
	return &sesv2.DeleteEmailIdentityOutput{}, nil
}
