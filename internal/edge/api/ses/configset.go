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
	"sesame/internal/core/configset"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/page"
)

// configSetError is the error of an operation on a configuration set, which have types of
// their own in this version.
func configSetError(err error, set, destination *string) error {
	text := aws.String(fault.PeerText(err))
	switch {
	case fault.Is(err, fault.ConfigSetNotFound):
		return &types.ConfigurationSetDoesNotExistException{Message: text, ConfigurationSetName: set}
	case errors.Is(err, configset.ErrExists):
		return &types.ConfigurationSetAlreadyExistsException{Message: text, ConfigurationSetName: set}
	case errors.Is(err, configset.ErrTracking):
		return &types.InvalidTrackingOptionsException{Message: text}
	case errors.Is(err, configset.ErrTrackingExists):
		return &types.TrackingOptionsAlreadyExistsException{Message: text, ConfigurationSetName: set}
	case errors.Is(err, configset.ErrNoTracking):
		return &types.TrackingOptionsDoesNotExistException{Message: text, ConfigurationSetName: set}
	case errors.Is(err, configset.ErrDestinationExists):
		return &types.EventDestinationAlreadyExistsException{Message: text, ConfigurationSetName: set, EventDestinationName: destination}
	case errors.Is(err, configset.ErrNoDestination):
		return &types.EventDestinationDoesNotExistException{Message: text, ConfigurationSetName: set, EventDestinationName: destination}
	case errors.Is(err, configset.ErrSNSDestination):
		return &types.InvalidSNSDestinationException{Message: text, ConfigurationSetName: set, EventDestinationName: destination}
	case errors.Is(err, configset.ErrStreamDestination):
		return &types.InvalidFirehoseDestinationException{Message: text, ConfigurationSetName: set, EventDestinationName: destination}
	case errors.Is(err, configset.ErrMetricsDestination):
		return &types.InvalidCloudWatchDestinationException{Message: text, ConfigurationSetName: set, EventDestinationName: destination}
	}
	return err
}

// CreateConfigurationSet adds a configuration set, in this version one without reputation
// metrics.
func (a *API) CreateConfigurationSet(ctx context.Context, in *ses.CreateConfigurationSetInput) (*ses.CreateConfigurationSetOutput, error) {
	name := in.ConfigurationSet.Name
	set := configset.Set{Scope: caller.From(ctx).Scope, Name: aws.ToString(name), Options: configset.Default()}
	set.ReputationMetrics = false
	if err := a.ConfigSets.Create(ctx, set); err != nil {
		return nil, configSetError(err, name, nil)
	}
	return &ses.CreateConfigurationSetOutput{}, nil
}

// DescribeConfigurationSet describes what is asked for of a set. Whoever asks for nothing
// is told its ReputationOptions, as by SES.
func (a *API) DescribeConfigurationSet(ctx context.Context, in *ses.DescribeConfigurationSetInput) (*ses.DescribeConfigurationSetOutput, error) {
	set, err := a.ConfigSets.Read(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName))
	if err != nil {
		return nil, configSetError(err, in.ConfigurationSetName, nil)
	}
	asked := func(attribute types.ConfigurationSetAttribute) bool {
		return slices.Contains(in.ConfigurationSetAttributeNames, attribute)
	}
	out := &ses.DescribeConfigurationSetOutput{ConfigurationSet: &types.ConfigurationSet{Name: &set.Name}}
	if asked(types.ConfigurationSetAttributeReputationOptions) || len(in.ConfigurationSetAttributeNames) == 0 {
		out.ReputationOptions = &types.ReputationOptions{ReputationMetricsEnabled: set.ReputationMetrics, SendingEnabled: set.SendingEnabled}
		if !set.LastFreshStart.IsZero() {
			out.ReputationOptions.LastFreshStart = &set.LastFreshStart
		}
	}
	if asked(types.ConfigurationSetAttributeTrackingOptions) && set.TrackingDomain != "" {
		out.TrackingOptions = &types.TrackingOptions{CustomRedirectDomain: &set.TrackingDomain}
	}
	if asked(types.ConfigurationSetAttributeDeliveryOptions) {
		out.DeliveryOptions = deliveryOptions(set.TLSPolicy)
	}
	if asked(types.ConfigurationSetAttributeEventDestinations) {
		out.EventDestinations = []types.EventDestination{}
		for _, d := range set.Destinations {
			out.EventDestinations = append(out.EventDestinations, eventDestination(d))
		}
	}
	return out, nil
}

// deliveryOptions are a TLS policy in this version's spelling; nothing where none was said.
func deliveryOptions(policy string) *types.DeliveryOptions {
	switch policy {
	case configset.TLSRequire:
		return &types.DeliveryOptions{TlsPolicy: types.TlsPolicyRequire}
	case configset.TLSOptional:
		return &types.DeliveryOptions{TlsPolicy: types.TlsPolicyOptional}
	}
	return nil
}

// PutConfigurationSetDeliveryOptions replaces the TLS policy of a set; without one it is
// optional.
func (a *API) PutConfigurationSetDeliveryOptions(ctx context.Context, in *ses.PutConfigurationSetDeliveryOptionsInput) (*ses.PutConfigurationSetDeliveryOptionsOutput, error) {
	policy := ""
	if in.DeliveryOptions != nil {
		switch in.DeliveryOptions.TlsPolicy {
		case types.TlsPolicyRequire:
			policy = configset.TLSRequire
		case types.TlsPolicyOptional:
			policy = configset.TLSOptional
		}
	}
	if err := a.ConfigSets.SetTLSPolicy(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), policy); err != nil {
		return nil, configSetError(err, in.ConfigurationSetName, nil)
	}
	return &ses.PutConfigurationSetDeliveryOptionsOutput{}, nil
}

// defaultSets is how many sets one call lists if the client does not say, or asks for a
// number that can't be, which this version does not refuse.
const defaultSets = 50

// ListConfigurationSets lists the sets by name.
func (a *API) ListConfigurationSets(ctx context.Context, in *ses.ListConfigurationSetsInput) (*ses.ListConfigurationSetsOutput, error) {
	sc := caller.From(ctx).Scope
	list := page.List{Kind: configset.ListKind, Region: sc.Region}
	limit := int(aws.ToInt32(in.MaxItems))
	if limit < 1 || limit > maxItems {
		limit = defaultSets
	}
	after, err := list.After(in.NextToken)
	if err != nil {
		return nil, err
	}
	names, more, err := a.ConfigSets.List(ctx, sc, after, "", limit)
	if err != nil {
		return nil, err
	}
	out := &ses.ListConfigurationSetsOutput{ConfigurationSets: []types.ConfigurationSet{}}
	for _, name := range names {
		out.ConfigurationSets = append(out.ConfigurationSets, types.ConfigurationSet{Name: aws.String(name)})
	}
	if more {
		out.NextToken = list.Token(names[len(names)-1])
	}
	return out, nil
}

// DeleteConfigurationSet removes a set with its event destinations.
func (a *API) DeleteConfigurationSet(ctx context.Context, in *ses.DeleteConfigurationSetInput) (*ses.DeleteConfigurationSetOutput, error) {
	if err := a.ConfigSets.Delete(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName)); err != nil {
		return nil, configSetError(err, in.ConfigurationSetName, nil)
	}
	return &ses.DeleteConfigurationSetOutput{}, nil
}

// UpdateConfigurationSetSendingEnabled pauses the mail of a set, or lets it go on.
func (a *API) UpdateConfigurationSetSendingEnabled(ctx context.Context, in *ses.UpdateConfigurationSetSendingEnabledInput) (*ses.UpdateConfigurationSetSendingEnabledOutput, error) {
	if err := a.ConfigSets.SetSending(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), in.Enabled); err != nil {
		return nil, configSetError(err, in.ConfigurationSetName, nil)
	}
	return &ses.UpdateConfigurationSetSendingEnabledOutput{}, nil
}

// UpdateConfigurationSetReputationMetricsEnabled says whether a set's bounce and complaint
// rates are kept.
func (a *API) UpdateConfigurationSetReputationMetricsEnabled(ctx context.Context, in *ses.UpdateConfigurationSetReputationMetricsEnabledInput) (*ses.UpdateConfigurationSetReputationMetricsEnabledOutput, error) {
	if err := a.ConfigSets.SetReputationMetrics(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), in.Enabled); err != nil {
		return nil, configSetError(err, in.ConfigurationSetName, nil)
	}
	return &ses.UpdateConfigurationSetReputationMetricsEnabledOutput{}, nil
}

// CreateConfigurationSetTrackingOptions gives a set the domain of its links and pixels,
// which must be a verified one or below one.
func (a *API) CreateConfigurationSetTrackingOptions(ctx context.Context, in *ses.CreateConfigurationSetTrackingOptionsInput) (*ses.CreateConfigurationSetTrackingOptionsOutput, error) {
	err := a.ConfigSets.AddTracking(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), aws.ToString(in.TrackingOptions.CustomRedirectDomain))
	if err != nil {
		return nil, configSetError(err, in.ConfigurationSetName, nil)
	}
	return &ses.CreateConfigurationSetTrackingOptionsOutput{}, nil
}

// UpdateConfigurationSetTrackingOptions changes the domain of a set that has one.
func (a *API) UpdateConfigurationSetTrackingOptions(ctx context.Context, in *ses.UpdateConfigurationSetTrackingOptionsInput) (*ses.UpdateConfigurationSetTrackingOptionsOutput, error) {
	err := a.ConfigSets.ReplaceTracking(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), aws.ToString(in.TrackingOptions.CustomRedirectDomain))
	if err != nil {
		return nil, configSetError(err, in.ConfigurationSetName, nil)
	}
	return &ses.UpdateConfigurationSetTrackingOptionsOutput{}, nil
}

// DeleteConfigurationSetTrackingOptions takes the domain away from a set that has one.
func (a *API) DeleteConfigurationSetTrackingOptions(ctx context.Context, in *ses.DeleteConfigurationSetTrackingOptionsInput) (*ses.DeleteConfigurationSetTrackingOptionsOutput, error) {
	if err := a.ConfigSets.RemoveTracking(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName)); err != nil {
		return nil, configSetError(err, in.ConfigurationSetName, nil)
	}
	return &ses.DeleteConfigurationSetTrackingOptionsOutput{}, nil
}
