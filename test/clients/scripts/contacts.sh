#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The commands for contact lists of SES's guide with the AWS CLI, from its files, and what
# they have set read back. Keys, region and CA come from the environment; the endpoint must
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

cat >list.json <<'EOF'
{
	"ContactListName": "ExampleContactListName",
	"Description": "Creating a contact list example",
	"Topics": [
		{ "TopicName": "Sports", "DisplayName": "Sports Newsletter", "Description": "Sign up for our free newsletter to receive updates on all sports.", "DefaultSubscriptionStatus": "OPT_OUT" },
		{ "TopicName": "Cycling", "DisplayName": "Cycling newsletter", "Description": "Never miss a cycling update by subscribing to our newsletter.", "DefaultSubscriptionStatus": "OPT_IN" },
		{ "TopicName": "NewProducts", "DisplayName": "New products", "Description": "Hear about new products by subscribing to this mailing list.", "DefaultSubscriptionStatus": "OPT_IN" },
		{ "TopicName": "DailyUpdates", "DisplayName": "Daily updates", "Description": "Start your day with sport updates, Monday through Friday.", "DefaultSubscriptionStatus": "OPT_OUT" }
	]
}
EOF
cat >contact.json <<'EOF'
{
	"ContactListName": "ExampleContactListName",
	"EmailAddress": "example@amazon.com",
	"UnsubscribeAll": false,
	"TopicPreferences": [
		{ "TopicName": "Sports", "SubscriptionStatus": "OPT_IN" },
		{ "TopicName": "Cycling", "SubscriptionStatus": "OPT_OUT" }
	],
	"AttributesData": "{\"Name\": \"John\", \"Location\": \"Seattle\"}"
}
EOF
cat >filter.json <<'EOF'
{
	"ContactListName": "ExampleContactListName",
	"Filter": {
		"FilteredStatus": "OPT_IN",
		"TopicFilter": { "TopicName": "Cycling", "UseDefaultIfPreferenceUnavailable": true }
	},
	"PageSize": 50
}
EOF
list="--contact-list-name ExampleContactListName"

aws sesv2 create-contact-list --cli-input-json file://list.json
refused BadRequestException aws sesv2 create-contact-list --contact-list-name Another
shows 'ExampleContactListName' aws sesv2 list-contact-lists --query 'ContactLists[].ContactListName'
shows 'Creating a contact list example Sports Cycling NewProducts DailyUpdates' aws sesv2 get-contact-list $list --query '[[Description],Topics[].TopicName][]'

aws sesv2 create-contact --cli-input-json file://contact.json
refused AlreadyExistsException aws sesv2 create-contact --cli-input-json file://contact.json
shows '{"Name": "John", "Location": "Seattle"} Sports OPT_IN Cycling OPT_OUT NewProducts OPT_IN DailyUpdates OPT_OUT' \
	aws sesv2 get-contact $list --email-address example@amazon.com \
	--query '[[AttributesData],TopicPreferences[].[TopicName,SubscriptionStatus][],TopicDefaultPreferences[].[TopicName,SubscriptionStatus][]][]'

# Mail to the list: one recipient is new, and one does not want the topic.
aws sesv2 create-email-identity --email-identity example.com >/dev/null
aws sesv2 send-email --from-email-address news@example.com --destination ToAddresses=new@example.net,example@amazon.com \
	--list-management-options ContactListName=ExampleContactListName,TopicName=Cycling \
	--content 'Simple={Subject={Data=x},Body={Text={Data=x}}}' >/dev/null
shows 'new@example.net' aws sesv2 list-contacts $list --query 'Contacts[?EmailAddress!=`example@amazon.com`].EmailAddress'
# Debian's CLI asks for lists of contacts by GET, which has no place for the filter.
aws sesv2 list-contacts --cli-input-json file://filter.json >/dev/null
refused BadRequestException aws sesv2 send-email --from-email-address news@example.com --destination ToAddresses=new@example.net \
	--list-management-options ContactListName=ExampleContactListName,TopicName=None --content 'Simple={Subject={Data=x},Body={Text={Data=x}}}'

aws sesv2 update-contact $list --email-address example@amazon.com --unsubscribe-all
shows 'True' aws sesv2 get-contact $list --email-address example@amazon.com --query UnsubscribeAll
aws sesv2 update-contact-list $list --description Other
shows 'Other 4' aws sesv2 get-contact-list $list --query '[Description,length(Topics)]'
aws sesv2 delete-contact $list --email-address example@amazon.com
refused NotFoundException aws sesv2 get-contact $list --email-address example@amazon.com
aws sesv2 delete-contact-list $list
refused NotFoundException aws sesv2 get-contact-list $list
echo "the list is as it was set"
