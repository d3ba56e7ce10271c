#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The operations on identities of SES API v1 and v2 with the AWS CLI, which takes a second
# to start: each is called, and what they have set is read back at once. The argument is
# the version, v1 or v2. Keys, region and CA come from the environment; the endpoint must
# be given, since Debian's CLI is older than AWS_ENDPOINT_URL.
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

policy() { echo '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"210987654321"},"Action":"ses:SendEmail","Resource":"'"$1"'"}]}'; }

v2() {
	domain=cli.example.com
	id="--email-identity $domain"
	arn="arn:aws:ses:$AWS_REGION:123456789012:identity/$domain"
	aws sesv2 create-email-identity $id --tags Key=team,Value=mail >/dev/null
	aws sesv2 put-email-identity-dkim-attributes $id --no-signing-enabled
	aws sesv2 put-email-identity-dkim-signing-attributes $id --signing-attributes-origin AWS_SES \
		--signing-attributes NextSigningKeyLength=RSA_1024_BIT >/dev/null
	aws sesv2 put-email-identity-feedback-attributes $id --no-email-forwarding-enabled
	aws sesv2 put-email-identity-mail-from-attributes $id --mail-from-domain "bounce.$domain" --behavior-on-mx-failure REJECT_MESSAGE
	refused NotFoundException aws sesv2 put-email-identity-configuration-set-attributes $id --configuration-set-name gone
	aws sesv2 create-email-identity-policy $id --policy-name p --policy "$(policy "$arn.other")" 2>/dev/null && fail "a policy for something else"
	aws sesv2 create-email-identity-policy $id --policy-name p --policy "$(policy "$arn")"
	refused AlreadyExistsException aws sesv2 create-email-identity-policy $id --policy-name p --policy "$(policy "$arn")"
	aws sesv2 tag-resource --resource-arn "$arn" --tags Key=team,Value=post Key=x,Value=y
	aws sesv2 untag-resource --resource-arn "$arn" --tag-keys x gone
	shows 'team post' aws sesv2 list-tags-for-resource --resource-arn "$arn" --query 'Tags[0].[Key,Value]'
	shows "DOMAIN True False False SUCCESS AWS_SES RSA_1024_BIT 3 bounce.$domain REJECT_MESSAGE None $(policy "$arn")" \
		aws sesv2 get-email-identity $id --query "[IdentityType,VerifiedForSendingStatus,FeedbackForwardingStatus,
			DkimAttributes.SigningEnabled,DkimAttributes.Status,DkimAttributes.SigningAttributesOrigin,
			DkimAttributes.NextSigningKeyLength,length(DkimAttributes.Tokens),
			MailFromAttributes.MailFromDomain,MailFromAttributes.BehaviorOnMxFailure,ConfigurationSetName,Policies.p]"
	aws sesv2 delete-email-identity $id
	refused NotFoundException aws sesv2 get-email-identity-policies $id
}

v1() {
	name=cli.example.org
	id="--identity $name"
	arn="arn:aws:ses:$AWS_REGION:123456789012:identity/$name"
	topic="arn:aws:sns:$AWS_REGION:123456789012:feedback"
	aws ses verify-email-identity --email-address "a+b@$name"
	aws ses wait identity-exists --identities "a+b@$name"
	token=$(aws ses verify-domain-identity --domain "$name" --query VerificationToken --output text)
	shows "Success $token" aws ses get-identity-verification-attributes --identities "$name" \
		--query "VerificationAttributes.\"$name\".[VerificationStatus,VerificationToken]"
	tokens=$(aws ses verify-domain-dkim --domain "$name" --query DkimTokens --output text | tr '\t' ' ')
	aws ses set-identity-dkim-enabled $id --no-dkim-enabled
	shows "False $tokens" aws ses get-identity-dkim-attributes --identities "$name" --query "DkimAttributes.\"$name\".[DkimEnabled,DkimTokens[]][]"
	aws ses set-identity-mail-from-domain $id --mail-from-domain "m.$name" --behavior-on-mx-failure RejectMessage
	shows "m.$name Success RejectMessage" aws ses get-identity-mail-from-domain-attributes --identities "$name" \
		--query "MailFromDomainAttributes.\"$name\".[MailFromDomain,MailFromDomainStatus,BehaviorOnMXFailure]"
	refused InvalidParameterValue aws ses set-identity-feedback-forwarding-enabled $id --no-forwarding-enabled
	aws ses set-identity-notification-topic $id --notification-type Bounce --sns-topic "$topic"
	aws ses set-identity-notification-topic $id --notification-type Complaint --sns-topic "$topic"
	aws ses set-identity-headers-in-notifications-enabled $id --notification-type Bounce --enabled
	aws ses set-identity-feedback-forwarding-enabled $id --no-forwarding-enabled
	shows "$topic None False True False" aws ses get-identity-notification-attributes --identities "$name" \
		--query "NotificationAttributes.\"$name\".[BounceTopic,DeliveryTopic,ForwardingEnabled,HeadersInBounceNotificationsEnabled,HeadersInComplaintNotificationsEnabled]"
	aws ses put-identity-policy $id --policy-name p --policy "$(policy "$arn")"
	refused InvalidPolicy aws ses put-identity-policy $id --policy-name p --policy '{}'
	shows "$(policy "$arn")" aws ses get-identity-policies $id --policy-names p q --query Policies.p
	aws ses delete-identity-policy $id --policy-name p
	shows '' aws ses list-identity-policies $id --query PolicyNames
	aws ses delete-identity --identity "a+b@$name"
	shows "$name" aws ses list-identities --query Identities
}

"$1"
echo "every identity is as it was set"
