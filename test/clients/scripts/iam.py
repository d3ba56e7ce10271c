# SPDX-License-Identifier: Apache-2.0
"""IAM and STS with Debian's boto3: a team's user with a policy of its own, keys that are
rotated, a role and temporary credentials that send mail.

Prints "done" when all was as with AWS.
"""

import json
import os

import boto3
import botocore.exceptions

endpoint = {"endpoint_url": os.environ["AWS_ENDPOINT_URL"], "region_name": os.environ["AWS_REGION"]}
iam = boto3.client("iam", **endpoint)
sts = boto3.client("sts", **endpoint)


def client(service, key):
    """A client that signs with an access key, or with temporary credentials."""
    return boto3.client(
        service,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
        **endpoint,
    )


def refused(code, call, **arguments):
    """Calls what must be refused with the code, and returns the message."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as e:
        assert e.response["Error"]["Code"] == code, e
        return e.response["Error"]["Message"]
    raise AssertionError(f"not refused: {arguments}")


me = sts.get_caller_identity()
account = me["Account"]
assert me["Arn"] == f"arn:aws:iam::{account}:user/dev"
assert iam.get_user()["User"]["Arn"] == me["Arn"]

# A user that may do one thing

send_only = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}]}
user = iam.create_user(UserName="shop", Path="/team/", Tags=[{"Key": "team", "Value": "shop"}])["User"]
assert user["Arn"] == f"arn:aws:iam::{account}:user/team/shop"
assert iam.list_user_tags(UserName="shop")["Tags"] == [{"Key": "team", "Value": "shop"}]
iam.put_user_policy(UserName="shop", PolicyName="send", PolicyDocument=json.dumps(send_only))
assert iam.get_user_policy(UserName="shop", PolicyName="send")["PolicyDocument"] == send_only
assert iam.list_user_policies(UserName="shop")["PolicyNames"] == ["send"]
key = iam.create_access_key(UserName="shop")["AccessKey"]
assert key["Status"] == "Active"

boto3.client("sesv2", **endpoint).create_email_identity(EmailIdentity="example.com")
message = {
    "Source": "shop@example.com",
    "Destination": {"ToAddresses": ["to@example.net"]},
    "Message": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello."}}},
}
ses = client("ses", key)
assert ses.send_email(**message)["MessageId"]
assert "ses:ListIdentities" in refused("AccessDenied", ses.list_identities)
assert "iam:ListUsers" in refused("AccessDenied", client("iam", key).list_users)
used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
assert used["UserName"] == "shop" and used["AccessKeyLastUsed"]["ServiceName"] in ("ses", "iam")

decisions = iam.simulate_principal_policy(PolicySourceArn=user["Arn"], ActionNames=["ses:SendEmail", "ses:GetAccount"])
assert [d["EvalDecision"] for d in decisions["EvaluationResults"]] == ["allowed", "implicitDeny"]

# Managed policies

read_only = "arn:aws:iam::aws:policy/AmazonSESReadOnlyAccess"
iam.attach_user_policy(UserName="shop", PolicyArn=read_only)
assert ses.list_identities()["Identities"] == ["example.com"]
policy = iam.create_policy(PolicyName="send", PolicyDocument=json.dumps(send_only))["Policy"]
version = iam.create_policy_version(PolicyArn=policy["Arn"], PolicyDocument=json.dumps(send_only), SetAsDefault=True)["PolicyVersion"]
assert version["VersionId"] == "v2" and version["IsDefaultVersion"]
assert iam.get_policy_version(PolicyArn=policy["Arn"], VersionId="v2")["PolicyVersion"]["Document"] == send_only
names = [p["PolicyName"] for page in iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 2}) for p in page["Policies"]]
assert names == ["AdministratorAccess", "AmazonS3FullAccess", "AmazonS3ReadOnlyAccess", "AmazonSESFullAccess", "AmazonSESReadOnlyAccess", "IAMFullAccess", "IAMReadOnlyAccess", "send"], names

# A role, and credentials for an hour

trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": user["Arn"]}, "Action": "sts:AssumeRole"}]}
role = iam.create_role(RoleName="mailer", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
assert role["AssumeRolePolicyDocument"] == trust
iam.attach_role_policy(RoleName="mailer", PolicyArn=policy["Arn"])
assert iam.list_entities_for_policy(PolicyArn=policy["Arn"])["PolicyRoles"][0]["RoleName"] == "mailer"
assumed = client("sts", key).assume_role(RoleArn=role["Arn"], RoleSessionName="job-1")
session = client("ses", assumed["Credentials"])
assert session.send_email(**message)["MessageId"]
assert client("sts", assumed["Credentials"]).get_caller_identity()["Arn"] == assumed["AssumedRoleUser"]["Arn"]
temporary = client("ses", client("sts", key).get_session_token(DurationSeconds=900)["Credentials"])
assert temporary.send_email(**message)["MessageId"]

# All of it ends

iam.update_access_key(UserName="shop", AccessKeyId=key["AccessKeyId"], Status="Inactive")
refused("InvalidClientTokenId", ses.send_email, **message)
refused("InvalidClientTokenId", temporary.send_email, **message)
refused("DeleteConflict", iam.delete_user, UserName="shop")
refused("DeleteConflict", iam.delete_policy, PolicyArn=policy["Arn"])
iam.detach_role_policy(RoleName="mailer", PolicyArn=policy["Arn"])
iam.delete_role(RoleName="mailer")
refused("InvalidClientTokenId", session.send_email, **message)
iam.delete_policy_version(PolicyArn=policy["Arn"], VersionId="v1")
iam.delete_policy(PolicyArn=policy["Arn"])
iam.delete_access_key(UserName="shop", AccessKeyId=key["AccessKeyId"])
iam.delete_user_policy(UserName="shop", PolicyName="send")
iam.detach_user_policy(UserName="shop", PolicyArn=read_only)
iam.delete_user(UserName="shop")
try:
    iam.get_user(UserName="shop")
    raise AssertionError("a deleted user is there")
except iam.exceptions.NoSuchEntityException as e:
    assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 404
refused("MalformedPolicyDocument", iam.create_policy, PolicyName="x", PolicyDocument="{}")
print("done")
