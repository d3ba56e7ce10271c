#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Files in buckets, with the AWS CLI's commands for S3. Keys, region and CA come from the
# environment; the endpoint must be given, since Debian's CLI is older than AWS_ENDPOINT_URL.
set -eu
cd "$HOME"

aws() { /usr/bin/aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }
fail() { echo "$*" >&2; exit 1; }
same() { cmp "$1" "$2" >&2 || fail "$2 is not what $1 is"; }

# refused CODE COMMAND...: the command must fail with that error.
refused() {
	want=$1
	shift
	if said=$("$@" 2>&1); then fail "not refused: $*"; fi
	case $said in
	*"$want"*) ;;
	*) fail "$* was refused with: $said" ;;
	esac
}

# names URL: what is listed there, in one line.
names() { aws s3 ls "$@" | awk '{ printf "%s ", $NF }'; }

mkdir -p tree/sub
echo one >"tree/a file+1.txt"
: >tree/empty
head -c 20000000 /dev/urandom >tree/sub/large # goes up in parts

aws s3 mb s3://files >/dev/null
refused NoSuchBucket aws s3 ls s3://gone
aws s3 cp --only-show-errors "tree/a file+1.txt" s3://files/one
aws s3 cp --only-show-errors s3://files/one one
same "tree/a file+1.txt" one
echo piped | aws s3 cp --only-show-errors - s3://files/piped
[ "$(aws s3 cp s3://files/piped -)" = piped ] || fail "what was piped in does not come out"

aws s3 sync --only-show-errors tree s3://files/tree
[ "$(names --recursive s3://files/tree/)" = "file+1.txt tree/empty tree/sub/large " ] || fail "listed: $(names --recursive s3://files/tree/)"
[ "$(names s3://files/tree/)" = "sub/ file+1.txt empty " ] || fail "listed: $(names s3://files/tree/)"
aws s3 sync --only-show-errors s3://files/tree back
diff -r tree back >&2 || fail "what was synchronised is not the same"
[ -z "$(aws s3 sync s3://files/tree back)" ] || fail "synchronised again, though nothing has changed"

aws s3 cp --only-show-errors s3://files/tree/sub/large s3://files/copy # is copied in parts
aws s3 cp --only-show-errors s3://files/copy copy
same tree/sub/large copy
aws s3 mv --only-show-errors s3://files/copy s3://files/moved
refused "404" aws s3 cp s3://files/copy gone
aws s3api get-object --bucket files --key moved --range bytes=1000-1999 part >/dev/null
tail -c +1001 copy | head -c 1000 >wanted
same wanted part

curl --silent --show-error --fail --cacert "$AWS_CA_BUNDLE" "$(aws s3 presign s3://files/one)" -o signed
same one signed

upload=$(aws s3api create-multipart-upload --bucket files --key unfinished --query UploadId --output text)
[ "$(aws s3api list-multipart-uploads --bucket files --query 'Uploads[].Key' --output text)" = unfinished ] || fail "the upload is not listed"
aws s3api abort-multipart-upload --bucket files --key unfinished --upload-id "$upload"
refused NoSuchUpload aws s3api list-parts --bucket files --key unfinished --upload-id "$upload"
refused NotImplemented aws s3api put-bucket-versioning --bucket files --versioning-configuration Status=Enabled

refused BucketNotEmpty aws s3 rb s3://files
aws s3 rm --only-show-errors s3://files/one
aws s3 rm --only-show-errors --recursive s3://files
aws s3 rb s3://files >/dev/null
[ -z "$(aws s3 ls)" ] || fail "there are still buckets"
echo "every file is what it was"
