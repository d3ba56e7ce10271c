// SPDX-License-Identifier: Apache-2.0

package ses

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/core/configset"
	"sesame/internal/core/event"
	"sesame/internal/edge/api/caller"
)

// eventTypes are the kinds of events by their names in this version, and back. The last
// two are not in its model: a destination that API v2 made is shown with all that it has.
var eventTypes = [...]struct {
	name types.EventType
	kind event.Kind
}{
	{types.EventTypeSend, event.Send}, {types.EventTypeReject, event.Reject}, {types.EventTypeBounce, event.Bounce},
	{types.EventTypeComplaint, event.Complaint}, {types.EventTypeDelivery, event.Delivery}, {types.EventTypeOpen, event.Open},
	{types.EventTypeClick, event.Click}, {types.EventTypeRenderingFailure, event.RenderingFailure},
	{"deliveryDelay", event.Delay}, {"subscription", event.Subscription},
}

// sources are where dimensions have their values from, likewise.
var sources = [...]struct {
	name   types.DimensionValueSource
	source configset.Source
}{
	{types.DimensionValueSourceMessageTag, configset.MessageTag}, {types.DimensionValueSourceEmailHeader, configset.EmailHeader},
	{types.DimensionValueSourceLinkTag, configset.LinkTag},
}

// destination is an event destination of core.
func destination(in *types.EventDestination) configset.Destination {
	d := configset.Destination{Name: aws.ToString(in.Name), Enabled: in.Enabled}
	for _, t := range in.MatchingEventTypes {
		for _, known := range eventTypes {
			if known.name == t {
				d.Events = append(d.Events, known.kind)
			}
		}
	}
	if f := in.KinesisFirehoseDestination; f != nil {
		d.Firehose = &configset.Firehose{StreamARN: aws.ToString(f.DeliveryStreamARN), RoleARN: aws.ToString(f.IAMRoleARN)}
	}
	if c := in.CloudWatchDestination; c != nil {
		d.CloudWatch = []configset.Dimension{}
		for _, m := range c.DimensionConfigurations {
			one := configset.Dimension{Name: aws.ToString(m.DimensionName), Default: aws.ToString(m.DefaultDimensionValue)}
			for _, known := range sources {
				if known.name == m.DimensionValueSource {
					one.Source = known.source
				}
			}
			d.CloudWatch = append(d.CloudWatch, one)
		}
	}
	if s := in.SNSDestination; s != nil {
		d.SNSTopic = aws.ToString(s.TopicARN)
		if d.SNSTopic == "" {
			d.SNSTopic = "null" // a topic was meant, and is refused
		}
	}
	return d
}

// CreateConfigurationSetEventDestination adds an event destination to a set.
func (a *API) CreateConfigurationSetEventDestination(ctx context.Context, in *ses.CreateConfigurationSetEventDestinationInput) (*ses.CreateConfigurationSetEventDestinationOutput, error) {
	err := a.ConfigSets.AddDestination(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), destination(in.EventDestination))
	if err != nil {
		return nil, configSetError(err, in.ConfigurationSetName, in.EventDestination.Name)
	}
	return &ses.CreateConfigurationSetEventDestinationOutput{}, nil
}

// UpdateConfigurationSetEventDestination replaces an event destination.
func (a *API) UpdateConfigurationSetEventDestination(ctx context.Context, in *ses.UpdateConfigurationSetEventDestinationInput) (*ses.UpdateConfigurationSetEventDestinationOutput, error) {
	err := a.ConfigSets.ReplaceDestination(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), destination(in.EventDestination))
	if err != nil {
		return nil, configSetError(err, in.ConfigurationSetName, in.EventDestination.Name)
	}
	return &ses.UpdateConfigurationSetEventDestinationOutput{}, nil
}

// DeleteConfigurationSetEventDestination removes an event destination.
func (a *API) DeleteConfigurationSetEventDestination(ctx context.Context, in *ses.DeleteConfigurationSetEventDestinationInput) (*ses.DeleteConfigurationSetEventDestinationOutput, error) {
	err := a.ConfigSets.RemoveDestination(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), aws.ToString(in.EventDestinationName))
	if err != nil {
		return nil, configSetError(err, in.ConfigurationSetName, in.EventDestinationName)
	}
	return &ses.DeleteConfigurationSetEventDestinationOutput{}, nil
}

// eventDestination shows a destination. Where API v2 made it for a service that this
// version does not know, it is shown without one.
func eventDestination(d configset.Destination) types.EventDestination {
	out := types.EventDestination{Name: aws.String(d.Name), Enabled: d.Enabled}
	for _, k := range d.Events {
		for _, known := range eventTypes {
			if known.kind == k {
				out.MatchingEventTypes = append(out.MatchingEventTypes, known.name)
			}
		}
	}
	switch {
	case d.Firehose != nil:
		out.KinesisFirehoseDestination = &types.KinesisFirehoseDestination{DeliveryStreamARN: &d.Firehose.StreamARN, IAMRoleARN: &d.Firehose.RoleARN}
	case d.CloudWatch != nil:
		out.CloudWatchDestination = &types.CloudWatchDestination{}
		for _, m := range d.CloudWatch {
			one := types.CloudWatchDimensionConfiguration{DimensionName: aws.String(m.Name), DefaultDimensionValue: aws.String(m.Default)}
			for _, known := range sources {
				if known.source == m.Source {
					one.DimensionValueSource = known.name
				}
			}
			out.CloudWatchDestination.DimensionConfigurations = append(out.CloudWatchDestination.DimensionConfigurations, one)
		}
	case d.SNSTopic != "":
		out.SNSDestination = &types.SNSDestination{TopicARN: &d.SNSTopic}
	}
	return out
}
