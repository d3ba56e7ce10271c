#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# SES with the AWS CLI 2 of Debian 12. Keys, region and CA come from the environment; the
# endpoint must be given, since this CLI is older than AWS_ENDPOINT_URL.
# Prints one line of JSON for each mail that it sends.
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

# API v2

aws sesv2 create-email-identity --email-identity example.com >/dev/null
[ "$(aws sesv2 get-email-identity --email-identity example.com --query VerifiedForSendingStatus)" = true ] || fail "not verified"
[ "$(aws sesv2 list-email-identities --query 'EmailIdentities[].IdentityName' --output text)" = example.com ] || fail "wrong list"

sent "v2 text" "$(aws sesv2 send-email --from-email-address sender@example.com \
	--destination ToAddresses=to@example.net \
	--content 'Simple={Subject={Data=Plain and simple},Body={Text={Data=Hello from SES v2.}}}' \
	--query MessageId --output text)"

cat >everything.json <<'END'
{
  "FromEmailAddress": "Sesame Test <sender@example.com>",
  "Destination": {
    "ToAddresses": ["to@example.net", "\"Second Reader\" <second@example.net>"],
    "CcAddresses": ["cc@example.net"],
    "BccAddresses": ["hidden@example.net"]
  },
  "ReplyToAddresses": ["answers@example.com", "more@example.com"],
  "Content": {
    "Simple": {
      "Subject": { "Data": "Grüße aus Köln, 100 % – ✓", "Charset": "UTF-8" },
      "Body": {
        "Text": { "Data": "Käse kostet 3 €.\nZweite Zeile.", "Charset": "UTF-8" },
        "Html": { "Data": "<h1>Käse</h1>\n<p>kostet 3 €.</p>", "Charset": "UTF-8" }
      }
    }
  }
}
END
sent "v2 everything" "$(aws sesv2 send-email --cli-input-json file://everything.json --query MessageId --output text)"

[ "$(aws sesv2 get-account --query SendingEnabled)" = true ] || fail "sending is not enabled"
refused MessageRejected aws sesv2 send-email --from-email-address stranger@unverified.example \
	--destination ToAddresses=to@example.net --content 'Simple={Subject={Data=x},Body={Text={Data=x}}}'
aws sesv2 delete-email-identity --email-identity example.com
refused NotFoundException aws sesv2 get-email-identity --email-identity example.com

# API v1

aws ses verify-email-identity --email-address sender@example.org
aws ses wait identity-exists --identities sender@example.org
[ "$(aws ses list-identities --query 'Identities' --output text)" = sender@example.org ] || fail "wrong list"
# With a key of the domain, the address's mail is signed.
[ "$(aws ses verify-domain-dkim --domain example.org --query 'length(DkimTokens)')" = 3 ] || fail "not three tokens"

cat >destination.json <<'END'
{ "ToAddresses": ["to@example.net"], "CcAddresses": ["cc@example.net"], "BccAddresses": ["hidden@example.net"] }
END
cat >message.json <<'END'
{
  "Subject": { "Data": "Crème brûlée", "Charset": "UTF-8" },
  "Body": {
    "Text": { "Data": "Déjà vu.", "Charset": "UTF-8" },
    "Html": { "Data": "<p>Déjà vu.</p>", "Charset": "UTF-8" }
  }
}
END
sent "v1 everything" "$(aws ses send-email --from sender@example.org --destination file://destination.json \
	--message file://message.json --reply-to-addresses answers@example.org --query MessageId --output text)"

# As SES's documentation has it: the whole message is one string of a JSON file.
cat >raw.json <<'END'
{
  "Data": "From: sender@example.org\nTo: to@example.net\nSubject: Raw data only\nMIME-Version: 1.0\nContent-type: Multipart/Mixed; boundary=\"NextPart\"\n\n--NextPart\nContent-Type: text/plain\n\nThis is the message body.\n\n--NextPart\nContent-Type: text/plain;\nContent-Disposition: attachment; filename=\"attachment.txt\"\n\nThis is the text in the attachment.\n--NextPart--"
}
END
sent "v1 raw alone" "$(aws ses send-raw-email --cli-binary-format raw-in-base64-out --raw-message file://raw.json --query MessageId --output text)"

[ "$(aws ses get-send-quota --query 'SentLast24Hours >= `7`')" = true ] || fail "the quota does not count"
aws ses get-send-statistics --query 'SendDataPoints[0].DeliveryAttempts' >/dev/null
refused MessageRejected aws ses send-email --from stranger@unverified.example --to to@example.net --subject x --text x
aws ses delete-identity --identity sender@example.org
aws ses delete-identity --identity example.org
[ "$(aws ses list-identities --query 'length(Identities)')" = 0 ] || fail "still listed"
