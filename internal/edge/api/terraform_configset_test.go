// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/identity"
)

// The resources of configuration sets. A block that the configuration does not have must
// not be read either, unless the provider computes it: reputation_options and
// sending_options.

// v2SetState reads what aws_sesv2_configuration_set reads.
func v2SetState(t *testing.T, c *sesv2.Client, name string) state {
	t.Helper()
	out := getSet(t, c, name)
	s := state{
		"configuration_set_name": *out.ConfigurationSetName, "sending_options.sending_enabled": fmt.Sprint(out.SendingOptions.SendingEnabled),
		"reputation_options.reputation_metrics_enabled": fmt.Sprint(out.ReputationOptions.ReputationMetricsEnabled),
	}
	if d := out.DeliveryOptions; d != nil {
		s["delivery_options.tls_policy"], s["delivery_options.sending_pool_name"] = string(d.TlsPolicy), aws.ToString(d.SendingPoolName)
		s["delivery_options.max_delivery_seconds"] = fmt.Sprint(aws.ToInt64(d.MaxDeliverySeconds))
	}
	if o := out.SuppressionOptions; o != nil {
		s["suppression_options.suppressed_reasons"] = fmt.Sprint(o.SuppressedReasons)
	}
	if o := out.TrackingOptions; o != nil {
		s["tracking_options.custom_redirect_domain"], s["tracking_options.https_policy"] = aws.ToString(o.CustomRedirectDomain), string(o.HttpsPolicy)
	}
	if o := out.VdmOptions; o != nil {
		s["vdm_options"] = "1"
		if o.DashboardOptions != nil {
			s["vdm_options.dashboard_options.engagement_metrics"] = string(o.DashboardOptions.EngagementMetrics)
		}
		if o.GuardianOptions != nil {
			s["vdm_options.guardian_options.optimized_shared_delivery"] = string(o.GuardianOptions.OptimizedSharedDelivery)
		}
	}
	if o := out.ArchivingOptions; o != nil {
		s["archiving_options.archive_arn"] = aws.ToString(o.ArchiveArn)
	}
	tags, err := c.ListTagsForResource(t.Context(), &sesv2.ListTagsForResourceInput{ResourceArn: aws.String(home.ARN("configuration-set/" + name))})
	must(t, err)
	for _, tag := range tags.Tags {
		s["tags."+aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return s
}

func TestTerraformsSESv2ConfigurationSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.identities.Create(t.Context(), home, "example.org", identity.Settings{})
	must(t, err)
	c, ctx, name := w.sesv2Client(tester()), t.Context(), aws.String("tf")
	arn := aws.String(home.ARN("configuration-set/tf"))
	ignore := func(_ any, err error) error { return err }
	delivery := func(policy types.TlsPolicy, seconds *int64) func() error {
		return func() error {
			return ignore(c.PutConfigurationSetDeliveryOptions(ctx, &sesv2.PutConfigurationSetDeliveryOptionsInput{ConfigurationSetName: name, TlsPolicy: policy, MaxDeliverySeconds: seconds}))
		}
	}
	suppress := func(reasons ...types.SuppressionListReason) func() error {
		return func() error {
			return ignore(c.PutConfigurationSetSuppressionOptions(ctx, &sesv2.PutConfigurationSetSuppressionOptionsInput{ConfigurationSetName: name, SuppressedReasons: reasons}))
		}
	}
	vdm := func(o *types.VdmOptions) func() error {
		return func() error {
			return ignore(c.PutConfigurationSetVdmOptions(ctx, &sesv2.PutConfigurationSetVdmOptionsInput{ConfigurationSetName: name, VdmOptions: o}))
		}
	}
	noDelivery := state{"delivery_options.tls_policy": "", "delivery_options.sending_pool_name": "", "delivery_options.max_delivery_seconds": ""}
	for n := range 2 {
		apply(t, state{}, func() state { s := v2SetState(t, c, "tf"); return withoutEmpty(s) },
			step{"create", func() error {
				return ignore(c.CreateConfigurationSet(ctx, &sesv2.CreateConfigurationSetInput{ConfigurationSetName: name}))
			}, state{"configuration_set_name": "tf", "sending_options.sending_enabled": "true", "reputation_options.reputation_metrics_enabled": "true"}},
			step{"delivery_options", delivery(types.TlsPolicyRequire, nil), state{"delivery_options.tls_policy": "REQUIRE", "delivery_options.max_delivery_seconds": "0"}},
			step{"max_delivery_seconds", delivery(types.TlsPolicyOptional, aws.Int64(800)), state{"delivery_options.tls_policy": "OPTIONAL", "delivery_options.max_delivery_seconds": "800"}},
			step{"no delivery_options", delivery("", nil), noDelivery},
			step{"reputation_options", func() error {
				return ignore(c.PutConfigurationSetReputationOptions(ctx, &sesv2.PutConfigurationSetReputationOptionsInput{ConfigurationSetName: name}))
			}, state{"reputation_options.reputation_metrics_enabled": "false"}},
			step{"sending_options", func() error {
				return ignore(c.PutConfigurationSetSendingOptions(ctx, &sesv2.PutConfigurationSetSendingOptionsInput{ConfigurationSetName: name}))
			}, state{"sending_options.sending_enabled": "false"}},
			step{"suppression_options", suppress("COMPLAINT", "BOUNCE"), state{"suppression_options.suppressed_reasons": "[COMPLAINT BOUNCE]"}}, // in this order
			step{"suppression_options without reasons", suppress([]types.SuppressionListReason{}...), state{"suppression_options.suppressed_reasons": "[]"}},
			step{"no suppression_options", suppress(), state{"suppression_options.suppressed_reasons": ""}},
			step{"tracking_options", func() error {
				return ignore(c.PutConfigurationSetTrackingOptions(ctx, &sesv2.PutConfigurationSetTrackingOptionsInput{ConfigurationSetName: name, CustomRedirectDomain: aws.String("example.org"), HttpsPolicy: types.HttpsPolicyRequire}))
			}, state{"tracking_options.custom_redirect_domain": "example.org", "tracking_options.https_policy": "REQUIRE"}},
			step{"no tracking_options", func() error {
				return ignore(c.PutConfigurationSetTrackingOptions(ctx, &sesv2.PutConfigurationSetTrackingOptionsInput{ConfigurationSetName: name}))
			}, state{"tracking_options.custom_redirect_domain": "", "tracking_options.https_policy": ""}},
			step{"vdm_options", vdm(&types.VdmOptions{DashboardOptions: &types.DashboardOptions{EngagementMetrics: "ENABLED"}}),
				state{"vdm_options": "1", "vdm_options.dashboard_options.engagement_metrics": "ENABLED"}},
			step{"other vdm_options", vdm(&types.VdmOptions{GuardianOptions: &types.GuardianOptions{OptimizedSharedDelivery: "DISABLED"}}),
				state{"vdm_options.dashboard_options.engagement_metrics": "", "vdm_options.guardian_options.optimized_shared_delivery": "DISABLED"}},
			step{"no vdm_options", vdm(nil), state{"vdm_options": "", "vdm_options.guardian_options.optimized_shared_delivery": ""}},
			step{"tags", func() error {
				return ignore(c.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{tag("a", "1"), tag("b", "2")}}))
			}, state{"tags.a": "1", "tags.b": "2"}},
			step{"fewer tags", func() error {
				return ignore(c.UntagResource(ctx, &sesv2.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a"}}))
			}, state{"tags.a": ""}},
		)
		_, err := c.DeleteConfigurationSet(ctx, &sesv2.DeleteConfigurationSetInput{ConfigurationSetName: name})
		must(t, err)
		_, err = c.GetConfigurationSet(ctx, &sesv2.GetConfigurationSetInput{ConfigurationSetName: name})
		isA[*types.NotFoundException](t, err)
		if t.Failed() {
			t.Fatalf("round %d", n+1)
		}
	}
}

// withoutEmpty is a state as the provider compares it: what is empty is not there.
func withoutEmpty(s state) state {
	for name, value := range s {
		if value == "" {
			delete(s, name)
		}
	}
	return s
}

func TestTerraformsSESv2EventDestination(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSets)
	c, ctx, set, name := w.sesv2Client(tester()), t.Context(), aws.String("one"), aws.String("tf")
	read := func() state {
		out, err := c.GetConfigurationSetEventDestinations(ctx, &sesv2.GetConfigurationSetEventDestinationsInput{ConfigurationSetName: set})
		must(t, err)
		for _, d := range out.EventDestinations {
			if *d.Name == *name {
				return state{"definition": asJSON(t, d)}
			}
		}
		return state{}
	}
	types3 := []types.EventType{types.EventTypeSend, types.EventTypeBounce, types.EventTypeComplaint}
	definitions := map[string]*types.EventDestinationDefinition{
		"cloud_watch_destination": {Enabled: true, MatchingEventTypes: types3, CloudWatchDestination: &types.CloudWatchDestination{
			DimensionConfigurations: []types.CloudWatchDimensionConfiguration{
				{DimensionName: aws.String("b"), DimensionValueSource: types.DimensionValueSourceLinkTag, DefaultDimensionValue: aws.String("x")},
				{DimensionName: aws.String("a"), DimensionValueSource: types.DimensionValueSourceEmailHeader, DefaultDimensionValue: aws.String("y")},
			},
		}},
		"kinesis_firehose_destination": {MatchingEventTypes: types3, KinesisFirehoseDestination: &types.KinesisFirehoseDestination{DeliveryStreamArn: aws.String(eventStream), IamRoleArn: aws.String(eventRole)}},
		"pinpoint_destination":         {MatchingEventTypes: types3, PinpointDestination: &types.PinpointDestination{ApplicationArn: aws.String(eventApp)}},
		"sns_destination":              {MatchingEventTypes: types3, SnsDestination: &types.SnsDestination{TopicArn: aws.String(eventTopic)}},
		"event_bridge_destination":     {MatchingEventTypes: types3, EventBridgeDestination: &types.EventBridgeDestination{EventBusArn: aws.String(eventBus)}},
		"all types, backwards": {MatchingEventTypes: []types.EventType{
			"SUBSCRIPTION", "DELIVERY_DELAY", "RENDERING_FAILURE", "CLICK", "OPEN", "DELIVERY", "COMPLAINT", "BOUNCE", "REJECT", "SEND",
		}, SnsDestination: &types.SnsDestination{TopicArn: aws.String(eventTopic)}},
	}
	shown := func(d *types.EventDestinationDefinition) state {
		return state{"definition": asJSON(t, types.EventDestination{
			Name: name, Enabled: d.Enabled, MatchingEventTypes: d.MatchingEventTypes, CloudWatchDestination: d.CloudWatchDestination, SnsDestination: d.SnsDestination,
			KinesisFirehoseDestination: d.KinesisFirehoseDestination, EventBridgeDestination: d.EventBridgeDestination, PinpointDestination: d.PinpointDestination,
		})}
	}
	for kind, d := range definitions {
		other := *d
		other.Enabled, other.MatchingEventTypes = !d.Enabled, []types.EventType{types.EventTypeSend}
		apply(t, state{}, read,
			step{kind, func() error {
				_, err := c.CreateConfigurationSetEventDestination(ctx, &sesv2.CreateConfigurationSetEventDestinationInput{ConfigurationSetName: set, EventDestinationName: name, EventDestination: d})
				return err
			}, shown(d)},
			step{kind + ", updated", func() error {
				_, err := c.UpdateConfigurationSetEventDestination(ctx, &sesv2.UpdateConfigurationSetEventDestinationInput{ConfigurationSetName: set, EventDestinationName: name, EventDestination: &other})
				return err
			}, shown(&other)},
			step{kind + ", deleted", func() error {
				_, err := c.DeleteConfigurationSetEventDestination(ctx, &sesv2.DeleteConfigurationSetEventDestinationInput{ConfigurationSetName: set, EventDestinationName: name})
				return err
			}, state{"definition": ""}},
		)
	}
}

func TestTerraformsSESConfigurationSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.identities.Create(t.Context(), home, "example.org", identity.Settings{})
	must(t, err)
	c, ctx, name := w.sesClient(tester()), t.Context(), aws.String("tf")
	ignore := func(_ any, err error) error { return err }
	read := func() state {
		out, err := c.DescribeConfigurationSet(ctx, &ses.DescribeConfigurationSetInput{ConfigurationSetName: name,
			ConfigurationSetAttributeNames: []sestypes.ConfigurationSetAttribute{"deliveryOptions", "reputationOptions", "trackingOptions"}})
		must(t, err)
		s := state{"name": *out.ConfigurationSet.Name}
		if o := out.DeliveryOptions; o != nil {
			s["delivery_options.tls_policy"] = string(o.TlsPolicy)
		}
		if o := out.TrackingOptions; o != nil {
			s["tracking_options.custom_redirect_domain"] = aws.ToString(o.CustomRedirectDomain)
		}
		s["reputation_metrics_enabled"], s["sending_enabled"] = fmt.Sprint(out.ReputationOptions.ReputationMetricsEnabled), fmt.Sprint(out.ReputationOptions.SendingEnabled)
		return s
	}
	for range 2 {
		apply(t, state{}, read,
			step{"create", func() error {
				return ignore(c.CreateConfigurationSet(ctx, &ses.CreateConfigurationSetInput{ConfigurationSet: &sestypes.ConfigurationSet{Name: name}}))
			}, state{"name": "tf", "sending_enabled": "true", "reputation_metrics_enabled": "false"}},
			step{"delivery_options", func() error {
				return ignore(c.PutConfigurationSetDeliveryOptions(ctx, &ses.PutConfigurationSetDeliveryOptionsInput{ConfigurationSetName: name, DeliveryOptions: &sestypes.DeliveryOptions{TlsPolicy: "Optional"}}))
			}, state{"delivery_options.tls_policy": "Optional"}},
			step{"no delivery_options", func() error {
				return ignore(c.PutConfigurationSetDeliveryOptions(ctx, &ses.PutConfigurationSetDeliveryOptionsInput{ConfigurationSetName: name}))
			}, state{"delivery_options.tls_policy": ""}},
			step{"reputation_metrics_enabled", func() error {
				return ignore(c.UpdateConfigurationSetReputationMetricsEnabled(ctx, &ses.UpdateConfigurationSetReputationMetricsEnabledInput{ConfigurationSetName: name, Enabled: true}))
			}, state{"reputation_metrics_enabled": "true"}},
			step{"sending_enabled", func() error {
				return ignore(c.UpdateConfigurationSetSendingEnabled(ctx, &ses.UpdateConfigurationSetSendingEnabledInput{ConfigurationSetName: name}))
			}, state{"sending_enabled": "false"}},
			step{"tracking_options", func() error {
				return ignore(c.CreateConfigurationSetTrackingOptions(ctx, &ses.CreateConfigurationSetTrackingOptionsInput{ConfigurationSetName: name, TrackingOptions: &sestypes.TrackingOptions{CustomRedirectDomain: aws.String("example.org")}}))
			}, state{"tracking_options.custom_redirect_domain": "example.org"}},
			step{"other tracking_options", func() error {
				return ignore(c.UpdateConfigurationSetTrackingOptions(ctx, &ses.UpdateConfigurationSetTrackingOptionsInput{ConfigurationSetName: name, TrackingOptions: &sestypes.TrackingOptions{CustomRedirectDomain: aws.String("a.example.org")}}))
			}, state{"tracking_options.custom_redirect_domain": "a.example.org"}},
		)
		_, err := c.DeleteConfigurationSet(ctx, &ses.DeleteConfigurationSetInput{ConfigurationSetName: name})
		must(t, err)
		_, err = c.DescribeConfigurationSet(ctx, &ses.DescribeConfigurationSetInput{ConfigurationSetName: name})
		isA[*sestypes.ConfigurationSetDoesNotExistException](t, err)
	}
}

func TestTerraformsSESEventDestination(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSets)
	c, ctx, set, name := w.sesClient(tester()), t.Context(), aws.String("one"), aws.String("tf")
	read := func() state {
		out, err := c.DescribeConfigurationSet(ctx, &ses.DescribeConfigurationSetInput{ConfigurationSetName: set, ConfigurationSetAttributeNames: []sestypes.ConfigurationSetAttribute{"eventDestinations"}})
		must(t, err)
		if len(out.EventDestinations) == 0 {
			return state{}
		}
		return state{"definition": asJSON(t, out.EventDestinations[0])}
	}
	types2 := []sestypes.EventType{"renderingFailure", "bounce"}
	for kind, d := range map[string]*sestypes.EventDestination{
		"cloudwatch_destination": {Enabled: true, MatchingEventTypes: types2, CloudWatchDestination: &sestypes.CloudWatchDestination{DimensionConfigurations: []sestypes.CloudWatchDimensionConfiguration{
			{DimensionName: aws.String("dimension"), DimensionValueSource: "emailHeader", DefaultDimensionValue: aws.String("default")},
		}}},
		"kinesis_destination": {MatchingEventTypes: types2, KinesisFirehoseDestination: &sestypes.KinesisFirehoseDestination{DeliveryStreamARN: aws.String(eventStream), IAMRoleARN: aws.String(eventRole)}},
		"sns_destination":     {MatchingEventTypes: types2, SNSDestination: &sestypes.SNSDestination{TopicARN: aws.String(eventTopic)}},
	} {
		d.Name = name
		apply(t, state{}, read,
			step{kind, func() error {
				_, err := c.CreateConfigurationSetEventDestination(ctx, &ses.CreateConfigurationSetEventDestinationInput{ConfigurationSetName: set, EventDestination: d})
				return err
			}, state{"definition": asJSON(t, d)}},
			step{kind + ", deleted", func() error {
				_, err := c.DeleteConfigurationSetEventDestination(ctx, &ses.DeleteConfigurationSetEventDestinationInput{ConfigurationSetName: set, EventDestinationName: name})
				return err
			}, state{"definition": ""}},
		)
	}
}

func TestTerraformsSESv2AccountVDMAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.sesv2Client(tester()), t.Context()
	read := func() state {
		out, err := c.GetAccount(ctx, nil)
		must(t, err)
		s, v := state{}, out.VdmAttributes
		if v == nil {
			return s
		}
		s["vdm_enabled"] = string(v.VdmEnabled)
		if v.DashboardAttributes != nil {
			s["dashboard_attributes.engagement_metrics"] = string(v.DashboardAttributes.EngagementMetrics)
		}
		if v.GuardianAttributes != nil {
			s["guardian_attributes.optimized_shared_delivery"] = string(v.GuardianAttributes.OptimizedSharedDelivery)
		}
		return s
	}
	put := func(v types.VdmAttributes) func() error {
		return func() error {
			_, err := c.PutAccountVdmAttributes(ctx, &sesv2.PutAccountVdmAttributesInput{VdmAttributes: &v})
			return err
		}
	}
	for range 2 {
		apply(t, state{}, read,
			step{"create", put(types.VdmAttributes{
				VdmEnabled: "ENABLED", DashboardAttributes: &types.DashboardAttributes{EngagementMetrics: "ENABLED"}, GuardianAttributes: &types.GuardianAttributes{OptimizedSharedDelivery: "ENABLED"},
			}), state{"vdm_enabled": "ENABLED", "dashboard_attributes.engagement_metrics": "ENABLED", "guardian_attributes.optimized_shared_delivery": "ENABLED"}},
			step{"less", put(types.VdmAttributes{
				VdmEnabled: "ENABLED", DashboardAttributes: &types.DashboardAttributes{EngagementMetrics: "DISABLED"}, GuardianAttributes: &types.GuardianAttributes{OptimizedSharedDelivery: "ENABLED"},
			}), state{"dashboard_attributes.engagement_metrics": "DISABLED"}},
			step{"delete", put(types.VdmAttributes{VdmEnabled: "DISABLED"}),
				state{"vdm_enabled": "DISABLED", "dashboard_attributes.engagement_metrics": "", "guardian_attributes.optimized_shared_delivery": ""}},
		)
	}
}
