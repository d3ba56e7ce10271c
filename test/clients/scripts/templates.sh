#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The commands for templates of SES's guide with the AWS CLI, in both versions of the API.
# Keys, region and CA come from the environment; the endpoint must be given, since Debian's
# CLI is older than AWS_ENDPOINT_URL. Prints one line of JSON for each mail that it sends.
set -eu
cd "$HOME"

aws() { /usr/bin/aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }
sent() { printf '{"case": "%s", "MessageId": "%s"}\n' "$1" "$2"; }
fail() { echo "$*" >&2; exit 1; }

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

aws sesv2 create-email-identity --email-identity example.com >/dev/null

# API v1

[ "$(aws ses list-templates --query 'length(TemplatesMetadata)')" = 0 ] || fail "there are templates"
cat >mytemplate.json <<'END'
{
  "Template": {
    "TemplateName": "MyTemplate",
    "SubjectPart": "Greetings, {{name}}!",
    "HtmlPart": "<h1>Hello {{name}},</h1><p>Your favorite animal is {{favoriteanimal}}.</p>",
    "TextPart": "Dear {{name}},\r\nYour favorite animal is {{favoriteanimal}}."
  }
}
END
aws ses create-template --cli-input-json file://mytemplate.json
refused AlreadyExists aws ses create-template --cli-input-json file://mytemplate.json
[ "$(aws ses list-templates --query 'TemplatesMetadata[].Name' --output text)" = MyTemplate ] || fail "wrong list"
[ "$(aws ses get-template --template-name MyTemplate --query Template.SubjectPart --output text)" = "Greetings, {{name}}!" ] || fail "another template"
refused TemplateDoesNotExist aws ses get-template --template-name Gone

cat >myemail.json <<'END'
{
  "Source": "Mary Major <mary.major@example.com>",
  "Template": "MyTemplate",
  "Destination": { "ToAddresses": ["alejandro.rosalez@example.net"] },
  "TemplateData": "{ \"name\":\"Alejandro\", \"favoriteanimal\": \"alligator\" }"
}
END
sent "v1 templated" "$(aws ses send-templated-email --cli-input-json file://myemail.json --query MessageId --output text)"

cat >mybulkemail.json <<'END'
{
  "Source": "Mary Major <mary.major@example.com>",
  "Template": "MyTemplate",
  "Destinations": [
    { "Destination": { "ToAddresses": ["anaya.iyengar@example.net"] }, "ReplacementTemplateData": "{ \"name\":\"Anaya\", \"favoriteanimal\":\"angelfish\" }" },
    { "Destination": { "ToAddresses": ["liu.jie@example.net"] }, "ReplacementTemplateData": "{ \"name\":\"Liu\", \"favoriteanimal\":\"lion\" }" },
    { "Destination": { "ToAddresses": ["shirley.rodriguez@example.net"] }, "ReplacementTemplateData": "{ \"name\":\"Shirley\", \"favoriteanimal\":\"shark\" }" },
    { "Destination": { "ToAddresses": ["richard.roe@example.net"] }, "ReplacementTemplateData": "{}" }
  ],
  "DefaultTemplateData": "{ \"name\":\"friend\", \"favoriteanimal\":\"unknown\" }"
}
END
aws ses send-bulk-templated-email --cli-input-json file://mybulkemail.json --query 'Status[].[Status,MessageId]' --output text >status
n=0
while read -r status id; do
	[ "$status" = Success ] || fail "destination $n: $status"
	sent "v1 bulk $n" "$id"
	n=$((n + 1))
done <status
[ $n = 4 ] || fail "$n of 4 were answered"

aws ses test-render-template --template-name MyTemplate --template-data '{"name":"a","favoriteanimal":"b"}' --query RenderedTemplate --output text | grep -q "Greetings, a!" ||
	fail "nothing is rendered"
refused MissingRenderingAttribute aws ses test-render-template --template-name MyTemplate --template-data '{}'
sed 's/Greetings/Farewell/; /HtmlPart/d' mytemplate.json >update_template.json
aws ses update-template --cli-input-json file://update_template.json
[ "$(aws ses get-template --template-name MyTemplate --query 'Template.[SubjectPart,HtmlPart]' --output text)" = "$(printf 'Farewell, {{name}}!\tNone')" ] || fail "not updated"
aws ses delete-template --template-name MyTemplate
aws ses delete-template --template-name MyTemplate

# API v2

aws sesv2 create-email-template --template-name MyTemplate --template-content \
	'{"Subject":"Greetings, {{name}}!","Html":"<h1>Hello {{name}},</h1><p>Your favorite animal is {{favoriteanimal}}.</p>","Text":"Dear {{name}},\r\nYour favorite animal is {{favoriteanimal}}."}'
[ "$(aws sesv2 get-email-template --template-name MyTemplate --query TemplateContent.Subject --output text)" = "Greetings, {{name}}!" ] || fail "another template"
[ "$(aws sesv2 list-email-templates --page-size 1 --query 'TemplatesMetadata[].TemplateName' --output text)" = MyTemplate ] || fail "wrong list"
aws sesv2 tag-resource --resource-arn "arn:aws:ses:$AWS_REGION:123456789012:template/MyTemplate" --tags Key=team,Value=mail
[ "$(aws sesv2 list-tags-for-resource --resource-arn "arn:aws:ses:$AWS_REGION:123456789012:template/MyTemplate" --query 'Tags[].Value' --output text)" = mail ] || fail "no tags"
sent "v2 templated" "$(aws sesv2 send-email --from-email-address 'Mary Major <mary.major@example.com>' --destination ToAddresses=alejandro.rosalez@example.net \
	--content '{"Template":{"TemplateName":"MyTemplate","TemplateData":"{\"name\":\"Alejandro\",\n \"favoriteanimal\":\"alligator\"}"}}' --query MessageId --output text)"
set -- $(aws sesv2 send-bulk-email --from-email-address 'Mary Major <mary.major@example.com>' \
	--default-content '{"Template":{"TemplateName":"MyTemplate","TemplateData":"{\"name\":\"friend\",\"favoriteanimal\":\"unknown\"}"}}' \
	--bulk-email-entries '[{"Destination":{"ToAddresses":["richard.roe@example.net"]}}]' --query 'BulkEmailEntryResults[].[Status,MessageId]' --output text)
[ "$1" = SUCCESS ] || fail "v2 bulk: $1"
sent "v2 bulk" "$2"
refused BadRequestException aws sesv2 test-render-email-template --template-name MyTemplate --template-data '{'
aws sesv2 delete-email-template --template-name MyTemplate
refused NotFoundException aws sesv2 delete-email-template --template-name MyTemplate
