#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The commands for configuration sets of SES's guide with the AWS CLI, and what they have
# set read back. The argument is the version of the API, v1 or v2. Keys, region and CA come
# from the environment; the endpoint must be given, since Debian's CLI is older than
# AWS_ENDPOINT_URL.
set -eu
cd "$HOME"

aws() { /usr/bin/aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }
fail() { echo "$*" >&2; exit 1; }

# shows WANT COMMAND...: the command prints that, on one line and in words.
shows() {
	want=$1
	shift
	got=$("$@" --output text | tr '\t\n' '  ' | sed 's/ *$//')
	[ "$got" = "$want" ] || fail "$* printed '$got', not '$want'"
}

# refused ERROR COMMAND...: the command must fail with that error of the API.
refused() {
	error=$1
	shift
	if said=$("$@" 2>&1); then fail "not refused: $*"; fi
	case $said in
	*"An error occurred ($error)"*) ;;
	*) fail "refused, but not with $error: $said" ;;
	esac
}

topic="arn:aws:sns:$AWS_REGION:123456789012:events"

v2() {
	set="--configuration-set-name my-set"
	aws sesv2 create-email-identity --email-identity some.domain.example >/dev/null
	cat >create-configuration-set.json <<-'EOF'
		{
			"ConfigurationSetName": "my-set",
			"TrackingOptions": { "CustomRedirectDomain": "some.domain.example" },
			"DeliveryOptions": { "TlsPolicy": "REQUIRE", "SendingPoolName": "ses-shared-pool" },
			"ReputationOptions": { "ReputationMetricsEnabled": true, "LastFreshStart": "2024-01-02T03:04:05Z" },
			"SendingOptions": { "SendingEnabled": true },
			"Tags": [ { "Key": "team", "Value": "mail" } ],
			"SuppressionOptions": { "SuppressedReasons": [ "BOUNCE", "COMPLAINT" ] }
		}
	EOF
	aws sesv2 create-configuration-set --cli-input-json file://create-configuration-set.json
	refused AlreadyExistsException aws sesv2 create-configuration-set $set
	aws sesv2 create-configuration-set --configuration-set-name another
	shows 'another my-set' aws sesv2 list-configuration-sets --query ConfigurationSets
	aws sesv2 put-configuration-set-sending-options $set --no-sending-enabled
	shows 'False some.domain.example REQUIRE ses-shared-pool True BOUNCE COMPLAINT mail' aws sesv2 get-configuration-set $set \
		--query '[SendingOptions.SendingEnabled,TrackingOptions.CustomRedirectDomain,DeliveryOptions.[TlsPolicy,SendingPoolName],
			ReputationOptions.ReputationMetricsEnabled,SuppressionOptions.SuppressedReasons[],Tags[].Value][]'
	refused SendingPausedException aws sesv2 send-email $set --from-email-address a@some.domain.example \
		--destination ToAddresses=b@example.net --content 'Simple={Subject={Data=x},Body={Text={Data=x}}}'
	aws sesv2 put-configuration-set-sending-options $set --sending-enabled
	aws sesv2 put-configuration-set-delivery-options $set --tls-policy OPTIONAL
	aws sesv2 put-configuration-set-reputation-options $set --no-reputation-metrics-enabled
	aws sesv2 put-configuration-set-suppression-options $set --suppressed-reasons COMPLAINT
	aws sesv2 put-configuration-set-tracking-options $set
	aws sesv2 put-configuration-set-vdm-options $set --vdm-options 'DashboardOptions={EngagementMetrics=ENABLED}'
	shows 'True OPTIONAL False COMPLAINT ENABLED' aws sesv2 get-configuration-set $set \
		--query '[SendingOptions.SendingEnabled,TrackingOptions,DeliveryOptions.[TlsPolicy,SendingPoolName],
			ReputationOptions.ReputationMetricsEnabled,SuppressionOptions.SuppressedReasons[],VdmOptions.DashboardOptions.EngagementMetrics][]'
	refused BadRequestException aws sesv2 put-configuration-set-tracking-options $set --custom-redirect-domain example.net
	destination="$set --event-destination-name events"
	aws sesv2 create-configuration-set-event-destination $destination \
		--event-destination "Enabled=true,MatchingEventTypes=SEND,BOUNCE,SnsDestination={TopicArn=$topic}"
	aws sesv2 update-configuration-set-event-destination $destination \
		--event-destination "Enabled=false,MatchingEventTypes=OPEN,SnsDestination={TopicArn=$topic}"
	shows "events False OPEN $topic" aws sesv2 get-configuration-set-event-destinations $set \
		--query 'EventDestinations[0].[Name,Enabled,MatchingEventTypes[0],SnsDestination.TopicArn]'
	aws sesv2 delete-configuration-set-event-destination $destination
	refused NotFoundException aws sesv2 delete-configuration-set-event-destination $destination
	aws sesv2 send-email $set --from-email-address a@some.domain.example \
		--destination ToAddresses=b@example.net --content 'Simple={Subject={Data=x},Body={Text={Data=x}}}' >/dev/null
	aws sesv2 put-email-identity-configuration-set-attributes --email-identity some.domain.example $set
	aws sesv2 delete-configuration-set $set
	refused NotFoundException aws sesv2 get-configuration-set $set
	refused BadRequestException aws sesv2 send-email --from-email-address a@some.domain.example \
		--destination ToAddresses=b@example.net --content 'Simple={Subject={Data=x},Body={Text={Data=x}}}'
	shows None aws sesv2 get-account --query VdmAttributes
	aws sesv2 put-account-vdm-attributes --vdm-attributes VdmEnabled=ENABLED
	shows ENABLED aws sesv2 get-account --query VdmAttributes.VdmEnabled
}

v1() {
	set="--configuration-set-name ConfigSet"
	aws ses verify-domain-identity --domain some.domain.example >/dev/null
	aws ses create-configuration-set --configuration-set Name=ConfigSet
	refused ConfigurationSetAlreadyExists aws ses create-configuration-set --configuration-set Name=ConfigSet
	shows 'False True' aws ses describe-configuration-set $set --query 'ReputationOptions.[ReputationMetricsEnabled,SendingEnabled]'
	aws ses update-configuration-set-reputation-metrics-enabled $set --enabled
	aws ses update-configuration-set-sending-enabled $set --no-enabled
	shows 'True False' aws ses describe-configuration-set $set --configuration-set-attribute-names reputationOptions \
		--query 'ReputationOptions.[ReputationMetricsEnabled,SendingEnabled]'
	refused ConfigurationSetSendingPausedException aws ses send-email $set --from a@some.domain.example --to b@example.net --subject x --text x
	aws ses update-configuration-set-sending-enabled $set --enabled
	aws ses update-configuration-set-reputation-metrics-enabled $set --no-enabled
	aws ses put-configuration-set-delivery-options $set --delivery-options TlsPolicy=Require
	aws ses create-configuration-set-tracking-options $set --tracking-options CustomRedirectDomain=some.domain.example
	refused TrackingOptionsAlreadyExistsException aws ses create-configuration-set-tracking-options $set --tracking-options CustomRedirectDomain=some.domain.example
	aws ses update-configuration-set-tracking-options $set --tracking-options CustomRedirectDomain=click.some.domain.example
	aws ses create-configuration-set-event-destination $set \
		--event-destination "Name=events,Enabled=true,MatchingEventTypes=send,bounce,SNSDestination={TopicARN=$topic}"
	refused EventDestinationAlreadyExists aws ses create-configuration-set-event-destination $set \
		--event-destination "Name=events,MatchingEventTypes=send,SNSDestination={TopicARN=$topic}"
	aws ses update-configuration-set-event-destination $set \
		--event-destination "Name=events,Enabled=false,MatchingEventTypes=renderingFailure,SNSDestination={TopicARN=$topic}"
	shows "ConfigSet Require click.some.domain.example events False renderingFailure $topic" aws ses describe-configuration-set $set \
		--configuration-set-attribute-names deliveryOptions trackingOptions eventDestinations \
		--query '[ConfigurationSet.Name,DeliveryOptions.TlsPolicy,TrackingOptions.CustomRedirectDomain,EventDestinations[0].Name,
			EventDestinations[0].Enabled,EventDestinations[0].MatchingEventTypes[0],EventDestinations[0].SNSDestination.TopicARN]'
	aws ses delete-configuration-set-event-destination $set --event-destination-name events
	refused EventDestinationDoesNotExist aws ses delete-configuration-set-event-destination $set --event-destination-name events
	aws ses delete-configuration-set-tracking-options $set
	refused TrackingOptionsDoesNotExistException aws ses delete-configuration-set-tracking-options $set
	shows ConfigSet aws ses list-configuration-sets --query 'ConfigurationSets[].Name'
	aws ses delete-configuration-set $set
	refused ConfigurationSetDoesNotExist aws ses describe-configuration-set $set
}

"$1"
echo "every configuration set is as it was set"
