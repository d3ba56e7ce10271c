#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The commands of SES's guide on the account-level suppression list, with the AWS CLI. Keys,
# region and CA come from the environment; the endpoint must be given, since Debian's CLI is
# older than AWS_ENDPOINT_URL.
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

# missing COMMAND...: the command must fail, since there is no such address.
missing() {
	if said=$("$@" 2>&1); then fail "not refused: $*"; fi
	case $said in
	*"An error occurred (NotFoundException)"*"does not exist on your suppression list."*) ;;
	*) fail "refused, but not as not found: $said" ;;
	esac
}

reasons='SuppressionAttributes.SuppressedReasons'
shows "BOUNCE COMPLAINT" aws sesv2 get-account --query "$reasons"
aws sesv2 put-account-suppression-attributes --suppressed-reasons COMPLAINT
shows "COMPLAINT" aws sesv2 get-account --query "$reasons"
aws sesv2 put-account-suppression-attributes --suppressed-reasons
shows "" aws sesv2 get-account --query "$reasons"
aws sesv2 put-account-suppression-attributes --suppressed-reasons BOUNCE COMPLAINT

aws sesv2 put-suppressed-destination --email-address recipient1@example.com --reason BOUNCE
aws sesv2 put-suppressed-destination --email-address recipient2@example.com --reason COMPLAINT
summaries='SuppressedDestinationSummaries[].[EmailAddress,Reason]'
shows "recipient1@example.com BOUNCE recipient2@example.com COMPLAINT" aws sesv2 list-suppressed-destinations --query "$summaries"
shows "recipient2@example.com COMPLAINT" aws sesv2 list-suppressed-destinations --reasons COMPLAINT --query "$summaries"
shows "" aws sesv2 list-suppressed-destinations --start-date 4102444800 --query "$summaries"
shows "" aws sesv2 list-suppressed-destinations --end-date 1611126000 --query "$summaries"
token=$(aws sesv2 list-suppressed-destinations --page-size 1 --query NextToken --output text)
shows "recipient2@example.com COMPLAINT" aws sesv2 list-suppressed-destinations --page-size 1 --next-token "$token" --query "$summaries"
shows "recipient1@example.com BOUNCE" aws sesv2 get-suppressed-destination --email-address recipient1@EXAMPLE.com \
	--query 'SuppressedDestination.[EmailAddress,Reason]'

aws sesv2 delete-suppressed-destination --email-address recipient1@example.com
missing aws sesv2 delete-suppressed-destination --email-address recipient1@example.com
missing aws sesv2 get-suppressed-destination --email-address recipient1@example.com
echo "every address is where it was put"
