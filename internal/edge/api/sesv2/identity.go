// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/page"
	"sesame/internal/proto/dns"
)

// Page sizes of ListEmailIdentities, as SES has them.
const (
	defaultPage = 25
	maxPage     = 1000
)

// configSet checks a configuration set that is to be an identity's default.
func (a *API) configSet(ctx context.Context, sc scope.Scope, name string) error {
	if name == "" {
		return nil
	}
	_, err := a.ConfigSets.Read(ctx, sc, name)
	return err
}

// CreateEmailIdentity adds a domain or an address. A domain's answer has the DKIM
// tokens, whose status is NOT_STARTED here and PENDING from the first read on, as
// with SES. So is the order of the refusals: the name, the tags, the configuration set,
// and then the DKIM attributes.
func (a *API) CreateEmailIdentity(ctx context.Context, in *sesv2.CreateEmailIdentityInput) (*sesv2.CreateEmailIdentityOutput, error) {
	sc, name := caller.From(ctx).Scope, aws.ToString(in.EmailIdentity)
	if id, err := a.Identities.Read(ctx, sc, name); err == nil {
		return nil, fault.InField(fault.AlreadyExists, "EmailIdentity", "Email identity %s already exist.", id.Name)
	} else if !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	set := identity.Settings{ConfigSet: aws.ToString(in.ConfigurationSetName)}
	var err error
	if set.Tags, err = resourceTags(in.Tags); err != nil {
		return nil, err
	}
	if err := a.configSet(ctx, sc, set.ConfigSet); err != nil {
		return nil, err
	}
	if d := in.DkimSigningAttributes; d != nil {
		if err := onlyDomain(name); err != nil {
			return nil, err
		}
		if set.DKIM, err = dkimSetup(d.DomainSigningAttributesOrigin, d); err != nil {
			return nil, err
		}
	}
	id, err := a.Identities.Create(ctx, sc, name, set)
	if err != nil {
		return nil, err
	}
	attrs := a.dkim(id)
	if id.DKIM == identity.Pending {
		attrs.Status = types.DkimStatusNotStarted
	}
	return &sesv2.CreateEmailIdentityOutput{
		IdentityType: kind(id), VerifiedForSendingStatus: id.Verified(), DkimAttributes: attrs,
	}, nil
}

// GetEmailIdentity describes one identity.
func (a *API) GetEmailIdentity(ctx context.Context, in *sesv2.GetEmailIdentityInput) (*sesv2.GetEmailIdentityOutput, error) {
	sc := caller.From(ctx).Scope
	id, err := a.Identities.Read(ctx, sc, aws.ToString(in.EmailIdentity))
	if err != nil {
		return nil, err
	}
	policies, err := a.Identities.Policies(ctx, sc, id.Name)
	if err != nil {
		return nil, err
	}
	return &sesv2.GetEmailIdentityOutput{
		IdentityType: kind(id), VerifiedForSendingStatus: id.Verified(), VerificationStatus: types.VerificationStatus(id.Verification),
		VerificationInfo: verificationInfo(id), FeedbackForwardingStatus: id.Forwarding, ConfigurationSetName: optional(id.ConfigSet),
		DkimAttributes: a.dkim(id), MailFromAttributes: mailFrom(id), Policies: policyMap(policies), Tags: tagList(id.Tags),
	}, nil
}

func kind(id identity.Identity) types.IdentityType { return types.IdentityType(id.Kind) }

// optional is s, or nothing where it is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// moment is t, or nothing where it is never.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// verificationInfo tells of the look-ups. What is verified without one, by a mailed link or
// by the operator's word, was checked at that moment.
func verificationInfo(id identity.Identity) *types.VerificationInfo {
	c := id.Check
	if c.At.IsZero() {
		c.At, c.SucceededAt = id.VerifiedAt, id.VerifiedAt
	}
	if c.At.IsZero() {
		return nil
	}
	return &types.VerificationInfo{
		ErrorType: types.VerificationError(c.Error), LastCheckedTimestamp: moment(c.At), LastSuccessTimestamp: moment(c.SucceededAt),
		SOARecord: soaRecord(c.SOA),
	}
}

// soaRecord is the start of the zone that a domain is in, where a check saw it.
func soaRecord(s dns.SOA) *types.SOARecord {
	if s.Primary == "" {
		return nil
	}
	return &types.SOARecord{PrimaryNameServer: &s.Primary, AdminEmail: optional(s.Admin), SerialNumber: int64(s.Serial)}
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

// DeleteEmailIdentity removes an identity with its keys and policies.
func (a *API) DeleteEmailIdentity(ctx context.Context, in *sesv2.DeleteEmailIdentityInput) (*sesv2.DeleteEmailIdentityOutput, error) {
	err := a.Identities.Delete(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailIdentity))
	if err != nil {
		return nil, err
	}
	return &sesv2.DeleteEmailIdentityOutput{}, nil
}

// PutEmailIdentityConfigurationSetAttributes gives an identity its default configuration
// set. Without a name it has none from then on.
func (a *API) PutEmailIdentityConfigurationSetAttributes(ctx context.Context, in *sesv2.PutEmailIdentityConfigurationSetAttributesInput) (*sesv2.PutEmailIdentityConfigurationSetAttributesOutput, error) {
	sc, name, set := caller.From(ctx).Scope, aws.ToString(in.EmailIdentity), aws.ToString(in.ConfigurationSetName)
	if _, err := a.Identities.Read(ctx, sc, name); err != nil {
		return nil, err
	}
	if err := a.configSet(ctx, sc, set); err != nil {
		return nil, err
	}
	if err := a.Identities.SetConfigSet(ctx, sc, name, set); err != nil {
		return nil, err
	}
	return &sesv2.PutEmailIdentityConfigurationSetAttributesOutput{}, nil
}

// PutEmailIdentityFeedbackAttributes says whether feedback is forwarded by mail.
func (a *API) PutEmailIdentityFeedbackAttributes(ctx context.Context, in *sesv2.PutEmailIdentityFeedbackAttributesInput) (*sesv2.PutEmailIdentityFeedbackAttributesOutput, error) {
	err := a.Identities.SetForwarding(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailIdentity), in.EmailForwardingEnabled)
	if err != nil {
		return nil, err
	}
	return &sesv2.PutEmailIdentityFeedbackAttributesOutput{}, nil
}
