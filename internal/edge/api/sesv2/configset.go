// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/configset"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/page"
)

// How many sets one call lists at most, and if the client does not say.
const (
	maxSets     = 1000
	defaultSets = 50
)

// CreateConfigurationSet adds a configuration set. Options that are not given are as the
// account has them; a block that is given without its only member says false, as with SES.
func (a *API) CreateConfigurationSet(ctx context.Context, in *sesv2.CreateConfigurationSetInput) (*sesv2.CreateConfigurationSetOutput, error) {
	set := configset.Set{Scope: caller.From(ctx).Scope, Name: aws.ToString(in.ConfigurationSetName), Options: configset.Default()}
	if err := unbuiltSecurity(in.MessageSecurityOptions); err != nil {
		return nil, err
	}
	var err error
	if set.Tags, err = resourceTags(in.Tags); err != nil {
		return nil, err
	}
	if o := in.SendingOptions; o != nil {
		set.SendingEnabled = o.SendingEnabled
	}
	if o := in.ReputationOptions; o != nil {
		set.ReputationMetrics, set.LastFreshStart = o.ReputationMetricsEnabled, aws.ToTime(o.LastFreshStart)
	}
	if o := in.SuppressionOptions; o != nil {
		if err := unbuiltSuppression(o.SuppressionScope, o.ValidationOptions); err != nil {
			return nil, err
		}
		set.Suppressed = reasons(o.SuppressedReasons)
	}
	if o := in.TrackingOptions; o != nil {
		if err := checkTracking(o.CustomRedirectDomain, o.HttpsPolicy); err != nil {
			return nil, err
		}
		set.TrackingDomain, set.HTTPSPolicy = aws.ToString(o.CustomRedirectDomain), string(o.HttpsPolicy)
	}
	if o := in.DeliveryOptions; o != nil {
		d, err := delivery(o.TlsPolicy, o.SendingPoolName, o.MaxDeliverySeconds)
		if err != nil {
			return nil, err
		}
		set.TLSPolicy, set.Pool, set.MaxDelivery = d.TLSPolicy, d.Pool, d.Max
	}
	set.EngagementMetrics, set.OptimizedSharedDelivery = vdmOptions(in.VdmOptions)
	if o := in.ArchivingOptions; o != nil {
		set.ArchiveARN = aws.ToString(o.ArchiveArn)
	}
	if err := a.ConfigSets.Create(ctx, set); err != nil {
		return nil, err
	}
	return &sesv2.CreateConfigurationSetOutput{}, nil
}

// UpdateConfigurationSet changes how the messages themselves are secured. There is only
// one way so far.
func (a *API) UpdateConfigurationSet(ctx context.Context, in *sesv2.UpdateConfigurationSetInput) (*sesv2.UpdateConfigurationSetOutput, error) {
	if _, err := a.ConfigSets.Read(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName)); err != nil {
		return nil, err
	}
	if err := unbuiltSecurity(in.MessageSecurityOptions); err != nil {
		return nil, err
	}
	return &sesv2.UpdateConfigurationSetOutput{}, nil
}

// unbuiltSecurity refuses what this server does not do: to ignore it would send mail
// unsigned that was to be signed.
func unbuiltSecurity(o *types.MessageSecurityOptions) error {
	if o == nil {
		return nil
	}
	if _, smime := o.SigningScheme.(*types.SigningSchemeMemberSmimeScheme); smime {
		return fault.InField(fault.NotImplemented, "MessageSecurityOptions", "The S/MIME signing scheme is not implemented by this server.")
	}
	return nil
}

// unbuiltSuppression refuses the parts of the suppression options that this server does
// not have.
func unbuiltSuppression(scope types.SuppressionListScope, v *types.SuppressionValidationOptions) error {
	if scope == types.SuppressionListScopeTenant {
		return fault.InField(fault.NotImplemented, "SuppressionScope", "The suppression scope TENANT is not implemented by this server.")
	}
	if v != nil && v.ConditionThreshold != nil && v.ConditionThreshold.ConditionThresholdEnabled == types.FeatureStatusEnabled {
		return fault.InField(fault.NotImplemented, "ValidationOptions", "The validation of addresses is not implemented by this server.")
	}
	return nil
}

// reasons are those of suppression; nil, where there is no list, leaves them to the
// account.
func reasons(list []types.SuppressionListReason) *[]string {
	if list == nil {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, r := range list {
		out = append(out, string(r))
	}
	return &out
}

// checkTracking wants a domain wherever there is something to say of it, in SES's words.
func checkTracking(domain *string, policy types.HttpsPolicy) error {
	if domain != nil && strings.TrimSpace(*domain) == "" || domain == nil && policy != "" {
		return fault.InField(fault.Invalid, "CustomRedirectDomain", "CustomRedirectDomain must be specified.")
	}
	return nil
}

func delivery(policy types.TlsPolicy, pool *string, seconds *int64) (configset.Delivery, error) {
	if pool != nil && strings.TrimSpace(*pool) == "" {
		return configset.Delivery{}, fault.InField(fault.Invalid, "SendingPoolName", "sendingPoolName can't be blank.")
	}
	return configset.Delivery{TLSPolicy: string(policy), Pool: aws.ToString(pool), Max: time.Duration(aws.ToInt64(seconds)) * time.Second}, nil
}

func vdmOptions(o *types.VdmOptions) (engagement, sharedDelivery string) {
	if o == nil {
		return "", ""
	}
	if o.DashboardOptions != nil {
		engagement = string(o.DashboardOptions.EngagementMetrics)
	}
	if o.GuardianOptions != nil {
		sharedDelivery = string(o.GuardianOptions.OptimizedSharedDelivery)
	}
	return engagement, sharedDelivery
}

// GetConfigurationSet describes a set. Options that were never given are left out.
func (a *API) GetConfigurationSet(ctx context.Context, in *sesv2.GetConfigurationSetInput) (*sesv2.GetConfigurationSetOutput, error) {
	set, err := a.ConfigSets.Read(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName))
	if err != nil {
		return nil, err
	}
	out := &sesv2.GetConfigurationSetOutput{
		ConfigurationSetName: &set.Name, Tags: tagList(set.Tags), SendingOptions: &types.SendingOptions{SendingEnabled: set.SendingEnabled},
		ReputationOptions: &types.ReputationOptions{ReputationMetricsEnabled: set.ReputationMetrics, LastFreshStart: moment(set.LastFreshStart)},
	}
	if set.TrackingDomain != "" {
		out.TrackingOptions = &types.TrackingOptions{CustomRedirectDomain: &set.TrackingDomain, HttpsPolicy: types.HttpsPolicy(set.HTTPSPolicy)}
	}
	if set.TLSPolicy != "" || set.Pool != "" || set.MaxDelivery != 0 {
		out.DeliveryOptions = &types.DeliveryOptions{TlsPolicy: types.TlsPolicy(set.TLSPolicy), SendingPoolName: optional(set.Pool)}
		if set.MaxDelivery != 0 {
			out.DeliveryOptions.MaxDeliverySeconds = aws.Int64(int64(set.MaxDelivery / time.Second))
		}
	}
	if set.Suppressed != nil {
		out.SuppressionOptions = &types.SuppressionOptions{SuppressedReasons: []types.SuppressionListReason{}}
		for _, r := range *set.Suppressed {
			out.SuppressionOptions.SuppressedReasons = append(out.SuppressionOptions.SuppressedReasons, types.SuppressionListReason(r))
		}
	}
	out.VdmOptions = vdmOf(set.Options)
	if set.ArchiveARN != "" {
		out.ArchivingOptions = &types.ArchivingOptions{ArchiveArn: &set.ArchiveARN}
	}
	return out, nil
}

// vdmOf shows what a set overrides; nothing where it overrides nothing.
func vdmOf(o configset.Options) *types.VdmOptions {
	if o.EngagementMetrics == "" && o.OptimizedSharedDelivery == "" {
		return nil
	}
	out := &types.VdmOptions{}
	if o.EngagementMetrics != "" {
		out.DashboardOptions = &types.DashboardOptions{EngagementMetrics: types.FeatureStatus(o.EngagementMetrics)}
	}
	if o.OptimizedSharedDelivery != "" {
		out.GuardianOptions = &types.GuardianOptions{OptimizedSharedDelivery: types.FeatureStatus(o.OptimizedSharedDelivery)}
	}
	return out
}

// nameFilter is the key of the one filter of lists of sets, and how long what it looks for
// must be at least. SES takes other keys and does nothing about them.
const (
	nameFilter    = "CONFIGURATION_SET_NAME_CONTAINS"
	minNameFilter = 3
)

// ListConfigurationSets lists the names of sets, in their order.
func (a *API) ListConfigurationSets(ctx context.Context, in *sesv2.ListConfigurationSetsInput) (*sesv2.ListConfigurationSetsOutput, error) {
	sc := caller.From(ctx).Scope
	list := page.List{Kind: configset.ListKind, Region: sc.Region}
	size := defaultSets
	if in.PageSize != nil {
		if size = int(*in.PageSize); size < 1 || size > maxSets {
			return nil, fault.InField(fault.Invalid, "PageSize", "The page size must be between 1 and %d", maxSets)
		}
	}
	containing := in.Filter[nameFilter]
	if n := utf8.RuneCountInString(containing); containing != "" && (n < minNameFilter || n > configset.MaxName) {
		return nil, fault.InField(fault.Invalid, "Filter", "%s must be between %d and %d characters", nameFilter, minNameFilter, configset.MaxName)
	}
	after, err := list.After(in.NextToken)
	if err != nil { // this list has words of its own
		return nil, fault.InField(fault.Invalid, "NextToken", "invalid nextToken %s", fault.Printable(aws.ToString(in.NextToken)))
	}
	names, more, err := a.ConfigSets.List(ctx, sc, after, containing, size)
	if err != nil {
		return nil, err
	}
	out := &sesv2.ListConfigurationSetsOutput{ConfigurationSets: append([]string{}, names...)}
	if more {
		out.NextToken = list.Token(names[len(names)-1])
	}
	return out, nil
}

// DeleteConfigurationSet removes a set with its event destinations. Mail of identities
// whose default it is, is refused from then on.
func (a *API) DeleteConfigurationSet(ctx context.Context, in *sesv2.DeleteConfigurationSetInput) (*sesv2.DeleteConfigurationSetOutput, error) {
	if err := a.ConfigSets.Delete(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName)); err != nil {
		return nil, err
	}
	return &sesv2.DeleteConfigurationSetOutput{}, nil
}

// PutConfigurationSetSendingOptions pauses the mail of a set, or lets it go on.
func (a *API) PutConfigurationSetSendingOptions(ctx context.Context, in *sesv2.PutConfigurationSetSendingOptionsInput) (*sesv2.PutConfigurationSetSendingOptionsOutput, error) {
	if err := a.ConfigSets.SetSending(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), in.SendingEnabled); err != nil {
		return nil, err
	}
	return &sesv2.PutConfigurationSetSendingOptionsOutput{}, nil
}

// PutConfigurationSetReputationOptions says whether a set's bounce and complaint rates are
// kept.
func (a *API) PutConfigurationSetReputationOptions(ctx context.Context, in *sesv2.PutConfigurationSetReputationOptionsInput) (*sesv2.PutConfigurationSetReputationOptionsOutput, error) {
	err := a.ConfigSets.SetReputationMetrics(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), in.ReputationMetricsEnabled)
	if err != nil {
		return nil, err
	}
	return &sesv2.PutConfigurationSetReputationOptionsOutput{}, nil
}

// PutConfigurationSetSuppressionOptions says for which reasons recipients are suppressed:
// an empty list is none, no list is as the account has it.
func (a *API) PutConfigurationSetSuppressionOptions(ctx context.Context, in *sesv2.PutConfigurationSetSuppressionOptionsInput) (*sesv2.PutConfigurationSetSuppressionOptionsOutput, error) {
	if err := unbuiltSuppression(in.SuppressionScope, in.ValidationOptions); err != nil {
		return nil, err
	}
	err := a.ConfigSets.SetSuppressed(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), reasons(in.SuppressedReasons))
	if err != nil {
		return nil, err
	}
	return &sesv2.PutConfigurationSetSuppressionOptionsOutput{}, nil
}

// PutConfigurationSetTrackingOptions replaces the domain of links and pixels, which must
// be a verified one or below one. Without a domain it is the service's own again.
func (a *API) PutConfigurationSetTrackingOptions(ctx context.Context, in *sesv2.PutConfigurationSetTrackingOptionsInput) (*sesv2.PutConfigurationSetTrackingOptionsOutput, error) {
	sc, name := caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName)
	if _, err := a.ConfigSets.Read(ctx, sc, name); err != nil {
		return nil, err
	}
	if err := checkTracking(in.CustomRedirectDomain, in.HttpsPolicy); err != nil {
		return nil, err
	}
	if err := a.ConfigSets.SetTracking(ctx, sc, name, aws.ToString(in.CustomRedirectDomain), string(in.HttpsPolicy)); err != nil {
		return nil, err
	}
	return &sesv2.PutConfigurationSetTrackingOptionsOutput{}, nil
}

// PutConfigurationSetDeliveryOptions replaces how mail of a set is delivered.
func (a *API) PutConfigurationSetDeliveryOptions(ctx context.Context, in *sesv2.PutConfigurationSetDeliveryOptionsInput) (*sesv2.PutConfigurationSetDeliveryOptionsOutput, error) {
	sc, name := caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName)
	if _, err := a.ConfigSets.Read(ctx, sc, name); err != nil {
		return nil, err
	}
	d, err := delivery(in.TlsPolicy, in.SendingPoolName, in.MaxDeliverySeconds)
	if err != nil {
		return nil, err
	}
	if err := a.ConfigSets.SetDelivery(ctx, sc, name, d); err != nil {
		return nil, err
	}
	return &sesv2.PutConfigurationSetDeliveryOptionsOutput{}, nil
}

// PutConfigurationSetVdmOptions replaces what a set overrides of the account's Virtual
// Deliverability Manager.
func (a *API) PutConfigurationSetVdmOptions(ctx context.Context, in *sesv2.PutConfigurationSetVdmOptionsInput) (*sesv2.PutConfigurationSetVdmOptionsOutput, error) {
	engagement, sharedDelivery := vdmOptions(in.VdmOptions)
	if err := a.ConfigSets.SetVDM(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), engagement, sharedDelivery); err != nil {
		return nil, err
	}
	return &sesv2.PutConfigurationSetVdmOptionsOutput{}, nil
}

// PutConfigurationSetArchivingOptions says which archive keeps the mail of a set. It is
// kept and told; this server has no archives.
func (a *API) PutConfigurationSetArchivingOptions(ctx context.Context, in *sesv2.PutConfigurationSetArchivingOptionsInput) (*sesv2.PutConfigurationSetArchivingOptionsOutput, error) {
	if err := a.ConfigSets.SetArchive(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), aws.ToString(in.ArchiveArn)); err != nil {
		return nil, err
	}
	return &sesv2.PutConfigurationSetArchivingOptionsOutput{}, nil
}
