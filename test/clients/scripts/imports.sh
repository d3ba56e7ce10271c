#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The commands of SES's guide that add and remove addresses in bulk, and import contacts, with
# the AWS CLI. Keys, region and CA come from the environment; the endpoint must be given, since
# Debian's CLI is older than AWS_ENDPOINT_URL.
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

# import DESTINATION FILE FORMAT: uploads the file, begins a job and waits for its end; its id
# is in $job.
import() {
	aws s3 cp --quiet "$2" "s3://s3bucket/$2"
	job=$(aws sesv2 create-import-job --import-destination "$1" --import-data-source "S3Url=s3://s3bucket/$2,DataFormat=$3" --query JobId --output text)
	for try in $(seq 60); do
		case $(aws sesv2 get-import-job --job-id "$job" --query JobStatus --output text) in
		COMPLETED) return ;;
		FAILED) fail "$2 failed: $(aws sesv2 get-import-job --job-id "$job")" ;;
		esac
		sleep 0.5
	done
	fail "$2 is not imported"
}

aws s3 mb s3://s3bucket >/dev/null
printf 'recipient1@example.com,BOUNCE\nrecipient2@example.com,COMPLAINT\nnobody,BOUNCE\n' >put.csv
printf '{"emailAddress":"recipient3@example.com","reason":"BOUNCE"}\n' >put.json
printf 'recipient1@example.com\n' >delete.csv

add='SuppressionListDestination={SuppressionListImportAction=PUT}'
remove='SuppressionListDestination={SuppressionListImportAction=DELETE}'
import "$add" put.csv CSV
first=$job
shows "3 1 s3://s3bucket/put.csv CSV PUT" aws sesv2 get-import-job --job-id "$job" --query '[ProcessedRecordsCount,FailedRecordsCount,
	ImportDataSource.S3Url,ImportDataSource.DataFormat,ImportDestination.SuppressionListDestination.SuppressionListImportAction]'
report=$(aws s3 cp "s3://ses-import-failures/$job.json" -)
[ "$report" = '{"record":3,"content":"nobody,BOUNCE","errorMessage":"The email address is not valid."}' ] || fail "the report is $report"
shows "recipient1@example.com BOUNCE" aws sesv2 get-suppressed-destination --email-address recipient1@example.com --query 'SuppressedDestination.[EmailAddress,Reason]'
import "$add" put.json JSON
import "$remove" delete.csv CSV
shows "recipient2@example.com COMPLAINT recipient3@example.com BOUNCE" aws sesv2 list-suppressed-destinations \
	--query 'sort_by(SuppressedDestinationSummaries,&EmailAddress)[].[EmailAddress,Reason]'

aws sesv2 create-contact-list --contact-list-name ExampleContactListName \
	--topics TopicName=Sports,DisplayName=Sports,DefaultSubscriptionStatus=OPT_OUT TopicName=Cycling,DisplayName=Cycling,DefaultSubscriptionStatus=OPT_IN
printf '%s\n' 'emailAddress,unsubscribeAll,attributesData,topicPreferences.Sports,topicPreferences.Cycling' \
	'example1@amazon.com,false,{"Name": "John"},OPT_IN,OPT_OUT' 'example2@amazon.com,true,,OPT_OUT,OPT_OUT' >contacts.csv
import 'ContactListDestination={ContactListName=ExampleContactListName,ContactListImportAction=PUT}' contacts.csv CSV
shows "True Sports OPT_OUT Cycling OPT_OUT" aws sesv2 get-contact --contact-list-name ExampleContactListName --email-address example2@amazon.com \
	--query '[[UnsubscribeAll],TopicPreferences[].[TopicName,SubscriptionStatus][]][]'

shows "4" aws sesv2 list-import-jobs --query 'length(ImportJobs)'
shows "$job" aws sesv2 list-import-jobs --import-destination-type CONTACT_LIST --query 'ImportJobs[].JobId'
shows "$first COMPLETED" aws sesv2 list-import-jobs --import-destination-type SUPPRESSION_LIST --query 'ImportJobs[-1].[JobId,JobStatus]'
if said=$(aws sesv2 create-import-job --import-destination "$add" --import-data-source S3Url=s3://s3bucket/nothing,DataFormat=CSV 2>&1); then
	fail "a file that is not there is imported"
fi
case $said in
*"An error occurred (BadRequestException)"*"s3://s3bucket/nothing does not exist"*) ;;
*) fail "refused, but not as not found: $said" ;;
esac
echo "every list is as its files say"
