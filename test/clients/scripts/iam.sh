#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# IAM and STS with the AWS CLI: a user with a key of its own, and a session. Prints what
# each step shows.
set -eu

aws() { /usr/bin/aws --endpoint-url "$AWS_ENDPOINT_URL" --output text "$@"; }

aws sts get-caller-identity --query Arn
aws iam create-user --user-name shop --query User.UserName
aws iam put-user-policy --user-name shop --policy-name send --policy-document \
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ses:Send*","Resource":"*"}]}'
aws iam get-user-policy --user-name shop --policy-name send --query 'PolicyDocument.Statement[0].Action'
aws iam simulate-principal-policy --policy-source-arn "arn:aws:iam::$SESAME_ACCOUNT:user/shop" \
    --action-names ses:SendEmail ses:DeleteIdentity --query 'EvaluationResults[].EvalDecision'

# shellcheck disable=SC2046 # the words are the key, its secret and the token
set -- $(aws iam create-access-key --user-name shop --query 'AccessKey.[AccessKeyId,SecretAccessKey]')
AWS_ACCESS_KEY_ID=$1 AWS_SECRET_ACCESS_KEY=$2 aws ses delete-identity --identity example.com 2>&1 | grep -o AccessDenied

# shellcheck disable=SC2046
set -- $(aws sts get-session-token --duration-seconds 900 --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]')
AWS_ACCESS_KEY_ID=$1 AWS_SECRET_ACCESS_KEY=$2 AWS_SESSION_TOKEN=$3 aws iam list-users --query 'Users[].UserName'
