// SPDX-License-Identifier: Apache-2.0

package api_test

// The furnished server has three configuration sets: "full" has ten event destinations, d0
// to d9, and a tracking domain, "bare" has neither, "paused" sends nothing.

// to is an event destination for API v1, with a block of what it is for.
func toV1(name, block string, of any) input {
	return input{"Name": name, "MatchingEventTypes": []string{"send"}, block: of}
}

// toV2 is one for API v2, without its name.
func toV2(block string, of any) input {
	return input{"MatchingEventTypes": []string{"SEND"}, block: of}
}

const (
	topicARN = "arn:aws:sns:us-east-1:123456789012:events"
	noTopic  = "arn:aws:sns:eu-west-1:123456789012:events" // of another region
)

// of is an input about a configuration set.
func of(set string, more input) input {
	m := input{"ConfigurationSetName": set}
	for name, value := range more {
		m[name] = value
	}
	return m
}

func producedByConfigSets() []produced {
	topic := input{"TopicARN": topicARN}
	destination := func(d input) input { return input{"EventDestination": d} }
	metrics := toV1("d0", "CloudWatchDestination", input{"DimensionConfigurations": []input{{"DimensionName": "a", "DimensionValueSource": "messageTag", "DefaultDimensionValue": "no way"}}})
	stream := toV1("d0", "KinesisFirehoseDestination", input{"DeliveryStreamARN": "stream", "IAMRoleARN": mailerARN})
	tracking := func(domain string) input {
		return input{"TrackingOptions": input{"CustomRedirectDomain": domain}}
	}
	v2 := func(name string, d input) input { return input{"EventDestinationName": name, "EventDestination": d} }
	good := toV2("SnsDestination", input{"TopicArn": topicARN})
	bad := toV2("SnsDestination", input{"TopicArn": noTopic})
	return []produced{
		{"ses", "ConfigurationSetDoesNotExistException", "", []asked{
			{"CreateConfigurationSetEventDestination", of("gone", destination(toV1("x", "SNSDestination", topic)))},
			{"CreateConfigurationSetTrackingOptions", of("gone", tracking("d.example.com"))},
			{"DeleteConfigurationSet", of("gone", nil)},
			{"DeleteConfigurationSetEventDestination", of("gone", input{"EventDestinationName": "x"})},
			{"DeleteConfigurationSetTrackingOptions", of("gone", nil)},
			{"DescribeConfigurationSet", of("gone", nil)},
			{"PutConfigurationSetDeliveryOptions", of("gone", nil)},
			{"UpdateConfigurationSetEventDestination", of("gone", destination(toV1("x", "SNSDestination", topic)))},
			{"UpdateConfigurationSetReputationMetricsEnabled", of("gone", input{"Enabled": true})},
			{"UpdateConfigurationSetSendingEnabled", of("gone", input{"Enabled": true})},
			{"UpdateConfigurationSetTrackingOptions", of("gone", tracking("d.example.com"))},
		}},
		{"ses", "ConfigurationSetAlreadyExistsException", "", []asked{{"CreateConfigurationSet", input{"ConfigurationSet": input{"Name": "full"}}}}},
		{"ses", "LimitExceededException", "", []asked{
			{"CreateConfigurationSetEventDestination", of("full", destination(toV1("OneMore", "SNSDestination", topic)))},
		}},
		{"ses", "EventDestinationAlreadyExistsException", "", []asked{
			{"CreateConfigurationSetEventDestination", of("full", destination(toV1("d0", "SNSDestination", topic)))},
		}},
		{"ses", "EventDestinationDoesNotExistException", "", []asked{
			{"DeleteConfigurationSetEventDestination", of("bare", input{"EventDestinationName": "gone"})},
			{"UpdateConfigurationSetEventDestination", of("bare", destination(toV1("gone", "SNSDestination", topic)))},
		}},
		{"ses", "InvalidSNSDestinationException", "", []asked{
			{"CreateConfigurationSetEventDestination", of("bare", destination(toV1("x", "SNSDestination", input{"TopicARN": noTopic})))},
			{"UpdateConfigurationSetEventDestination", of("full", destination(toV1("d0", "SNSDestination", input{"TopicARN": noTopic})))},
		}},
		{"ses", "InvalidFirehoseDestinationException", "", []asked{
			{"CreateConfigurationSetEventDestination", of("bare", destination(stream))},
			{"UpdateConfigurationSetEventDestination", of("full", destination(stream))},
		}},
		{"ses", "InvalidCloudWatchDestinationException", "", []asked{
			{"CreateConfigurationSetEventDestination", of("bare", destination(metrics))},
			{"UpdateConfigurationSetEventDestination", of("full", destination(metrics))},
		}},
		{"ses", "TrackingOptionsAlreadyExistsException", "", []asked{{"CreateConfigurationSetTrackingOptions", of("full", tracking("d.example.com"))}}},
		{"ses", "TrackingOptionsDoesNotExistException", "", []asked{
			{"DeleteConfigurationSetTrackingOptions", of("bare", nil)},
			{"UpdateConfigurationSetTrackingOptions", of("bare", tracking("d.example.com"))},
		}},
		{"ses", "InvalidTrackingOptionsException", "", []asked{
			{"CreateConfigurationSetTrackingOptions", of("bare", tracking("elsewhere.example.net"))},
			{"UpdateConfigurationSetTrackingOptions", of("full", tracking("elsewhere.example.net"))},
		}},
		{"ses", "ConfigurationSetSendingPausedException", "", []asked{
			{"SendEmail", mailV1(sender, of("paused", nil))},
			{"SendRawEmail", rawMailV1(sender, of("paused", nil))},
		}},
		{"ses", "LimitExceededException", "sets", []asked{{"CreateConfigurationSet", input{"ConfigurationSet": input{"Name": "OneMore"}}}}},
		{"sesv2", "LimitExceededException", "sets", []asked{{"CreateConfigurationSet", of("OneMore", nil)}}},

		{"sesv2", "NotFoundException", "", []asked{
			{"CreateConfigurationSetEventDestination", of("gone", v2("x", good))},
			{"DeleteConfigurationSet", of("gone", nil)},
			{"DeleteConfigurationSetEventDestination", of("bare", input{"EventDestinationName": "gone"})},
			{"GetConfigurationSet", of("gone", nil)},
			{"GetConfigurationSetEventDestinations", of("gone", nil)},
			{"PutConfigurationSetArchivingOptions", of("gone", nil)},
			{"PutConfigurationSetDeliveryOptions", of("gone", nil)},
			{"PutConfigurationSetReputationOptions", of("gone", nil)},
			{"PutConfigurationSetSendingOptions", of("gone", nil)},
			{"PutConfigurationSetSuppressionOptions", of("gone", nil)},
			{"PutConfigurationSetTrackingOptions", of("gone", nil)},
			{"PutConfigurationSetVdmOptions", of("gone", nil)},
			{"UpdateConfigurationSetEventDestination", of("bare", v2("gone", good))},
		}},
		{"sesv2", "AlreadyExistsException", "", []asked{
			{"CreateConfigurationSet", of("full", nil)},
			{"CreateConfigurationSetEventDestination", of("full", v2("d0", good))},
		}},
		{"sesv2", "LimitExceededException", "", []asked{
			{"CreateConfigurationSetEventDestination", of("full", v2("OneMore", good))},
		}},
		{"sesv2", "BadRequestException", "", []asked{
			{"CreateConfigurationSet", of("no name", nil)},
			{"CreateConfigurationSetEventDestination", of("bare", v2("x", bad))},
			{"ListConfigurationSets", input{"NextToken": "nonsense"}},
			{"PutConfigurationSetArchivingOptions", of("full", input{"ArchiveArn": "nonsense"})},
			{"PutConfigurationSetDeliveryOptions", of("full", input{"SendingPoolName": "gone"})},
			{"PutConfigurationSetSuppressionOptions", of("full", input{"SuppressedReasons": []string{"SPAM"}})},
			{"PutConfigurationSetTrackingOptions", of("full", input{"CustomRedirectDomain": "elsewhere.example.net"})},
			{"PutConfigurationSetVdmOptions", of("full", input{"VdmOptions": input{"DashboardOptions": input{"EngagementMetrics": "MAYBE"}}})},
			{"UpdateConfigurationSetEventDestination", of("full", v2("d0", bad))},
		}},
	}
}
