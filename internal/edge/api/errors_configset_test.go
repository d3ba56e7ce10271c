// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"fmt"
	"maps"
	"testing"

	"sesame/internal/core/configset"
	"sesame/internal/core/event"
	"sesame/internal/core/store"
)

// furnishSets makes as many configuration sets as there may be: full has all event
// destinations and a tracking domain, bare has none, and stopped is paused.
func (w *world) furnishSets(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for name, sending := range map[string]bool{"full": true, "bare": true, "stopped": false} {
		must(t, w.configSets.Create(ctx, configset.Set{Scope: home, Name: name, Options: configset.Options{SendingEnabled: sending}}))
	}
	must(t, w.configSets.AddTracking(ctx, home, "full", "d.example.com"))
	for n := range configset.MaxDestinations {
		must(t, w.configSets.AddDestination(ctx, home, "full", configset.Destination{Name: fmt.Sprint("d", n), Events: []event.Kind{event.Send}, SNSTopic: eventTopic}))
	}
	must(t, w.db.Write(ctx, func(tx *store.Tx) error {
		for n := range configset.MaxSets - 3 {
			if _, err := tx.Exec(`INSERT INTO configuration_sets (account, region, name, options, tags, created_at) VALUES (?, ?, ?, '{}', 'null', 1)`,
				home.Account, home.Region, fmt.Sprint("n", n)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// ofSet is the input of an operation on a configuration set.
func ofSet(name string, more input) input {
	m := input{"ConfigurationSetName": name}
	maps.Copy(m, more)
	return m
}

func producedBySetsV1() []produced {
	destination := func(name string, more input) input {
		d := input{"Name": name, "MatchingEventTypes": []string{"send"}}
		maps.Copy(d, more)
		return input{"EventDestination": d}
	}
	topic := input{"SNSDestination": input{"TopicARN": eventTopic}}
	noTopic := input{"SNSDestination": input{"TopicARN": "nowhere"}}
	noStream := input{"KinesisFirehoseDestination": input{"DeliveryStreamARN": "nowhere", "IAMRoleARN": eventRole}}
	noMetrics := input{"CloudWatchDestination": input{"DimensionConfigurations": []input{{"DimensionName": "a b", "DimensionValueSource": "messageTag", "DefaultDimensionValue": "x"}}}}
	track := func(domain string) input { return input{"TrackingOptions": input{"CustomRedirectDomain": domain}} }
	both := func(set string, more input) []asked {
		return []asked{{"CreateConfigurationSetEventDestination", ofSet(set, more)}, {"UpdateConfigurationSetEventDestination", ofSet(set, more)}}
	}
	return []produced{
		{"ses", "ConfigurationSetAlreadyExistsException", "", []asked{{"CreateConfigurationSet", input{"ConfigurationSet": input{"Name": "full"}}}}},
		{"ses", "ConfigurationSetDoesNotExistException", "", append(both("gone", destination("d0", topic)),
			asked{"CreateConfigurationSetTrackingOptions", ofSet("gone", track("d.example.com"))},
			asked{"DeleteConfigurationSet", ofSet("gone", nil)},
			asked{"DeleteConfigurationSetEventDestination", ofSet("gone", input{"EventDestinationName": "d0"})},
			asked{"DeleteConfigurationSetTrackingOptions", ofSet("gone", nil)},
			asked{"DescribeConfigurationSet", ofSet("gone", nil)},
			asked{"PutConfigurationSetDeliveryOptions", ofSet("gone", nil)},
			asked{"UpdateConfigurationSetReputationMetricsEnabled", ofSet("gone", input{"Enabled": true})},
			asked{"UpdateConfigurationSetSendingEnabled", ofSet("gone", input{"Enabled": true})},
			asked{"UpdateConfigurationSetTrackingOptions", ofSet("gone", track("d.example.com"))},
		)},
		{"ses", "ConfigurationSetSendingPausedException", "", []asked{
			{"SendEmail", mailV1(sender, ofSet("stopped", nil))},
			{"SendRawEmail", rawMailV1(sender, ofSet("stopped", nil))},
		}},
		{"ses", "EventDestinationAlreadyExistsException", "", []asked{{"CreateConfigurationSetEventDestination", ofSet("full", destination("d0", topic))}}},
		{"ses", "EventDestinationDoesNotExistException", "", []asked{
			{"DeleteConfigurationSetEventDestination", ofSet("full", input{"EventDestinationName": "gone"})},
			{"UpdateConfigurationSetEventDestination", ofSet("full", destination("gone", topic))},
		}},
		{"ses", "InvalidCloudWatchDestinationException", "", both("full", destination("d0", noMetrics))},
		{"ses", "InvalidFirehoseDestinationException", "", both("full", destination("d0", noStream))},
		{"ses", "InvalidSNSDestinationException", "", both("full", destination("d0", noTopic))},
		{"ses", "InvalidTrackingOptionsException", "", []asked{
			{"CreateConfigurationSetTrackingOptions", ofSet("bare", track("example.net"))},
			{"UpdateConfigurationSetTrackingOptions", ofSet("full", track("example.net"))},
		}},
		{"ses", "TrackingOptionsAlreadyExistsException", "", []asked{{"CreateConfigurationSetTrackingOptions", ofSet("full", track("d.example.com"))}}},
		{"ses", "TrackingOptionsDoesNotExistException", "", []asked{
			{"DeleteConfigurationSetTrackingOptions", ofSet("bare", nil)},
			{"UpdateConfigurationSetTrackingOptions", ofSet("bare", track("d.example.com"))},
		}},
		{"ses", "LimitExceededException", "", []asked{
			{"CreateConfigurationSet", input{"ConfigurationSet": input{"Name": "new"}}},
			{"CreateConfigurationSetEventDestination", ofSet("full", destination("new", topic))},
		}},
	}
}

func producedBySetsV2() []produced {
	destination := func(name string) input {
		return input{"EventDestinationName": name, "EventDestination": input{"MatchingEventTypes": []string{"SEND"}, "SnsDestination": input{"TopicArn": eventTopic}}}
	}
	const odd = "an odd name"
	missing, refused := []asked{}, []asked{}
	for operation, more := range map[string]input{
		"CreateConfigurationSetEventDestination": destination("d0"), "DeleteConfigurationSet": nil,
		"DeleteConfigurationSetEventDestination": {"EventDestinationName": "d0"}, "GetConfigurationSet": nil, "GetConfigurationSetEventDestinations": nil,
		"PutConfigurationSetArchivingOptions": nil, "PutConfigurationSetDeliveryOptions": nil, "PutConfigurationSetReputationOptions": nil,
		"PutConfigurationSetSendingOptions": nil, "PutConfigurationSetSuppressionOptions": nil, "PutConfigurationSetTrackingOptions": nil,
		"PutConfigurationSetVdmOptions": nil, "UpdateConfigurationSetEventDestination": destination("d0"),
	} {
		missing = append(missing, asked{operation, ofSet("gone", more)})
		refused = append(refused, asked{operation, ofSet(odd, more)})
	}
	return []produced{
		{"sesv2", "NotFoundException", "", missing},
		{"sesv2", "BadRequestException", "", append(refused,
			asked{"CreateConfigurationSet", ofSet(odd, nil)},
			asked{"ListConfigurationSets", input{"NextToken": "nonsense"}},
			asked{"PutAccountVdmAttributes", input{"VdmAttributes": input{"VdmEnabled": "MAYBE"}}},
		)},
		{"sesv2", "AlreadyExistsException", "", []asked{
			{"CreateConfigurationSet", ofSet("full", nil)},
			{"CreateConfigurationSetEventDestination", ofSet("full", destination("d0"))},
		}},
		{"sesv2", "LimitExceededException", "", []asked{
			{"CreateConfigurationSet", ofSet("new", nil)},
			{"CreateConfigurationSetEventDestination", ofSet("full", destination("new"))},
		}},
	}
}
