// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/configset"
	"sesame/internal/core/event"
	"sesame/internal/edge/api/caller"
)

// eventTypes are the kinds of events by their names in this version, and back.
var eventTypes = [...]struct {
	name types.EventType
	kind event.Kind
}{
	{types.EventTypeSend, event.Send}, {types.EventTypeReject, event.Reject}, {types.EventTypeBounce, event.Bounce},
	{types.EventTypeComplaint, event.Complaint}, {types.EventTypeDelivery, event.Delivery}, {types.EventTypeOpen, event.Open},
	{types.EventTypeClick, event.Click}, {types.EventTypeRenderingFailure, event.RenderingFailure},
	{types.EventTypeDeliveryDelay, event.Delay}, {types.EventTypeSubscription, event.Subscription},
}

// destination is an event destination of core.
func destination(name *string, in *types.EventDestinationDefinition) configset.Destination {
	d := configset.Destination{Name: aws.ToString(name), Enabled: in.Enabled}
	for _, t := range in.MatchingEventTypes {
		for _, known := range eventTypes {
			if known.name == t {
				d.Events = append(d.Events, known.kind)
			}
		}
	}
	if f := in.KinesisFirehoseDestination; f != nil {
		d.Firehose = &configset.Firehose{StreamARN: aws.ToString(f.DeliveryStreamArn), RoleARN: aws.ToString(f.IamRoleArn)}
	}
	if c := in.CloudWatchDestination; c != nil {
		d.CloudWatch = []configset.Dimension{}
		for _, m := range c.DimensionConfigurations {
			d.CloudWatch = append(d.CloudWatch, configset.Dimension{
				Name: aws.ToString(m.DimensionName), Source: configset.Source(m.DimensionValueSource), Default: aws.ToString(m.DefaultDimensionValue),
			})
		}
	}
	if s := in.SnsDestination; s != nil {
		d.SNSTopic = given(s.TopicArn)
	}
	if e := in.EventBridgeDestination; e != nil {
		d.EventBus = given(e.EventBusArn)
	}
	if p := in.PinpointDestination; p != nil {
		d.PinpointApp = given(p.ApplicationArn)
	}
	return d
}

// given is an ARN in a block that is there: what is missing or empty in it is no ARN,
// and not no destination.
func given(arn *string) string {
	if s := aws.ToString(arn); s != "" {
		return s
	}
	return "null"
}

// CreateConfigurationSetEventDestination adds an event destination to a set.
func (a *API) CreateConfigurationSetEventDestination(ctx context.Context, in *sesv2.CreateConfigurationSetEventDestinationInput) (*sesv2.CreateConfigurationSetEventDestinationOutput, error) {
	err := a.ConfigSets.AddDestination(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), destination(in.EventDestinationName, in.EventDestination))
	if err != nil {
		return nil, err
	}
	return &sesv2.CreateConfigurationSetEventDestinationOutput{}, nil
}

// UpdateConfigurationSetEventDestination replaces an event destination.
func (a *API) UpdateConfigurationSetEventDestination(ctx context.Context, in *sesv2.UpdateConfigurationSetEventDestinationInput) (*sesv2.UpdateConfigurationSetEventDestinationOutput, error) {
	err := a.ConfigSets.ReplaceDestination(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), destination(in.EventDestinationName, in.EventDestination))
	if err != nil {
		return nil, err
	}
	return &sesv2.UpdateConfigurationSetEventDestinationOutput{}, nil
}

// DeleteConfigurationSetEventDestination removes an event destination.
func (a *API) DeleteConfigurationSetEventDestination(ctx context.Context, in *sesv2.DeleteConfigurationSetEventDestinationInput) (*sesv2.DeleteConfigurationSetEventDestinationOutput, error) {
	err := a.ConfigSets.RemoveDestination(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName), aws.ToString(in.EventDestinationName))
	if err != nil {
		return nil, err
	}
	return &sesv2.DeleteConfigurationSetEventDestinationOutput{}, nil
}

// GetConfigurationSetEventDestinations lists the event destinations of a set by name.
func (a *API) GetConfigurationSetEventDestinations(ctx context.Context, in *sesv2.GetConfigurationSetEventDestinationsInput) (*sesv2.GetConfigurationSetEventDestinationsOutput, error) {
	set, err := a.ConfigSets.Read(ctx, caller.From(ctx).Scope, aws.ToString(in.ConfigurationSetName))
	if err != nil {
		return nil, err
	}
	out := &sesv2.GetConfigurationSetEventDestinationsOutput{EventDestinations: []types.EventDestination{}}
	for _, d := range set.Destinations {
		out.EventDestinations = append(out.EventDestinations, eventDestination(d))
	}
	return out, nil
}

func eventDestination(d configset.Destination) types.EventDestination {
	out := types.EventDestination{Name: aws.String(d.Name), Enabled: d.Enabled, MatchingEventTypes: []types.EventType{}}
	for _, k := range d.Events {
		for _, known := range eventTypes {
			if known.kind == k {
				out.MatchingEventTypes = append(out.MatchingEventTypes, known.name)
			}
		}
	}
	switch {
	case d.Firehose != nil:
		out.KinesisFirehoseDestination = &types.KinesisFirehoseDestination{DeliveryStreamArn: &d.Firehose.StreamARN, IamRoleArn: &d.Firehose.RoleARN}
	case d.CloudWatch != nil:
		out.CloudWatchDestination = &types.CloudWatchDestination{}
		for _, m := range d.CloudWatch {
			out.CloudWatchDestination.DimensionConfigurations = append(out.CloudWatchDestination.DimensionConfigurations, types.CloudWatchDimensionConfiguration{
				DimensionName: aws.String(m.Name), DimensionValueSource: types.DimensionValueSource(m.Source), DefaultDimensionValue: aws.String(m.Default),
			})
		}
	case d.SNSTopic != "":
		out.SnsDestination = &types.SnsDestination{TopicArn: &d.SNSTopic}
	case d.EventBus != "":
		out.EventBridgeDestination = &types.EventBridgeDestination{EventBusArn: &d.EventBus}
	default:
		out.PinpointDestination = &types.PinpointDestination{ApplicationArn: &d.PinpointApp}
	}
	return out
}
