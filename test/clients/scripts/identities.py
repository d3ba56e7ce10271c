# SPDX-License-Identifier: Apache-2.0
"""Every operation on identities of SES API v1 and v2 with boto3: what is set is read back
field by field, and each error is caught by its own type.

It ends with the program of SES's guide that copies identities to another region. Keys come
from the environment; the endpoint must be told, since Debian's boto3 is older than
AWS_ENDPOINT_URL.
"""

import json
import os

import boto3


def clients(region):
    return [boto3.client(name, endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=region) for name in ("ses", "sesv2")]


home = os.environ["AWS_REGION"]
ses, sesv2 = clients(home)
account = "123456789012"


def refused(error, call, **arguments):
    """Calls what must be refused with the error, and returns what the error says."""
    try:
        call(**arguments)
    except error as e:
        assert e.response["Error"]["Message"], e
        return e.response
    raise AssertionError(f"not refused: {arguments}")


def same(got, want):
    assert got == want, f"got {got}, want {want}"


def get(name, *members):
    value = sesv2.get_email_identity(EmailIdentity=name)
    for member in members:
        value = value.get(member)
    return value


# Version 2

DOMAIN = "py.example.com"
created = sesv2.create_email_identity(EmailIdentity=DOMAIN, Tags=[{"Key": "team", "Value": "mail"}])
same(created["IdentityType"], "DOMAIN")
tokens = created["DkimAttributes"]["Tokens"]
same(len(tokens), 3)
whole = get(DOMAIN)
same(whole["IdentityType"], "DOMAIN")
same(whole["VerifiedForSendingStatus"], True)
same(whole["FeedbackForwardingStatus"], True)
same(whole["Policies"], {})
same(whole["Tags"], [{"Key": "team", "Value": "mail"}])
same(whole["MailFromAttributes"], {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"})
dkim = whole["DkimAttributes"]
assert dkim.pop("LastKeyGenerationTimestamp").timestamp() > 1_600_000_000
dkim.pop("SigningHostedZone", None)  # which old clients do not know
same(
    dkim,
    {
        "SigningEnabled": True,
        "Status": "SUCCESS",
        "Tokens": tokens,
        "SigningAttributesOrigin": "AWS_SES",
        "CurrentSigningKeyLength": "RSA_2048_BIT",
        "NextSigningKeyLength": "RSA_2048_BIT",
    },
)

sesv2.put_email_identity_dkim_attributes(EmailIdentity=DOMAIN, SigningEnabled=False)
same(get(DOMAIN, "DkimAttributes", "SigningEnabled"), False)
sesv2.put_email_identity_dkim_attributes(EmailIdentity=DOMAIN, SigningEnabled=True)
same(get(DOMAIN, "DkimAttributes", "SigningEnabled"), True)
out = sesv2.put_email_identity_dkim_signing_attributes(
    EmailIdentity=DOMAIN, SigningAttributesOrigin="AWS_SES", SigningAttributes={"NextSigningKeyLength": "RSA_1024_BIT"}
)
same(out["DkimStatus"], "SUCCESS")
same(get(DOMAIN, "DkimAttributes", "NextSigningKeyLength"), "RSA_1024_BIT")

sesv2.put_email_identity_feedback_attributes(EmailIdentity=DOMAIN, EmailForwardingEnabled=False)
same(get(DOMAIN, "FeedbackForwardingStatus"), False)

sesv2.put_email_identity_mail_from_attributes(
    EmailIdentity=DOMAIN, MailFromDomain="bounce." + DOMAIN, BehaviorOnMxFailure="REJECT_MESSAGE"
)
mail_from = get(DOMAIN, "MailFromAttributes")
same(mail_from["MailFromDomain"], "bounce." + DOMAIN)
same(mail_from["BehaviorOnMxFailure"], "REJECT_MESSAGE")
sesv2.put_email_identity_mail_from_attributes(EmailIdentity=DOMAIN)
same(get(DOMAIN, "MailFromAttributes"), {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"})

sesv2.put_email_identity_configuration_set_attributes(EmailIdentity=DOMAIN)
assert "ConfigurationSetName" not in get(DOMAIN)

ARN = f"arn:aws:ses:{home}:{account}:identity/{DOMAIN}"


def policy(*actions):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": list(actions), "Resource": ARN}
            ],
        },
        separators=(",", ":"),
    )


one, two = policy("ses:SendEmail", "ses:SendRawEmail"), policy("ses:GetEmailIdentity")
sesv2.create_email_identity_policy(EmailIdentity=DOMAIN, PolicyName="p", Policy=one)
same(sesv2.get_email_identity_policies(EmailIdentity=DOMAIN)["Policies"], {"p": one})
refused(sesv2.exceptions.AlreadyExistsException, sesv2.create_email_identity_policy, EmailIdentity=DOMAIN, PolicyName="p", Policy=two)
sesv2.update_email_identity_policy(EmailIdentity=DOMAIN, PolicyName="p", Policy=two)
same(get(DOMAIN, "Policies"), {"p": two})
refused(sesv2.exceptions.NotFoundException, sesv2.update_email_identity_policy, EmailIdentity=DOMAIN, PolicyName="q", Policy=two)
refused(sesv2.exceptions.BadRequestException, sesv2.update_email_identity_policy, EmailIdentity=DOMAIN, PolicyName="p", Policy="{}")
for n in range(19):
    sesv2.create_email_identity_policy(EmailIdentity=DOMAIN, PolicyName=f"p{n}", Policy=one)
refused(sesv2.exceptions.LimitExceededException, sesv2.create_email_identity_policy, EmailIdentity=DOMAIN, PolicyName="p19", Policy=one)
sesv2.delete_email_identity_policy(EmailIdentity=DOMAIN, PolicyName="p")
refused(sesv2.exceptions.NotFoundException, sesv2.delete_email_identity_policy, EmailIdentity=DOMAIN, PolicyName="p")

sesv2.tag_resource(ResourceArn=ARN, Tags=[{"Key": "team", "Value": "post"}, {"Key": "x", "Value": ""}])
same(sesv2.list_tags_for_resource(ResourceArn=ARN)["Tags"], [{"Key": "team", "Value": "post"}, {"Key": "x", "Value": ""}])
sesv2.untag_resource(ResourceArn=ARN, TagKeys=["x", "team"])
same(sesv2.list_tags_for_resource(ResourceArn=ARN)["Tags"], [])
refused(sesv2.exceptions.NotFoundException, sesv2.list_tags_for_resource, ResourceArn=ARN + ".gone")
refused(sesv2.exceptions.BadRequestException, sesv2.list_tags_for_resource, ResourceArn="gone")

refused(sesv2.exceptions.AlreadyExistsException, sesv2.create_email_identity, EmailIdentity=DOMAIN.upper())
refused(sesv2.exceptions.BadRequestException, sesv2.create_email_identity, EmailIdentity="no name")
refused(sesv2.exceptions.NotFoundException, sesv2.create_email_identity, EmailIdentity="x@example.com", ConfigurationSetName="gone")
sesv2.delete_email_identity(EmailIdentity=DOMAIN)
refused(sesv2.exceptions.NotFoundException, sesv2.get_email_identity, EmailIdentity=DOMAIN)
refused(sesv2.exceptions.NotFoundException, sesv2.get_email_identity_policies, EmailIdentity=DOMAIN)

# Version 1

ses.verify_email_identity(EmailAddress="a+b@py.example.org")
ses.get_waiter("identity_exists").wait(Identities=["a+b@py.example.org"], WaiterConfig={"Delay": 1, "MaxAttempts": 5})
token = ses.verify_domain_identity(Domain="py.example.org")["VerificationToken"]
same(len(token), 44)
attributes = ses.get_identity_verification_attributes(Identities=["PY.example.org", "a+b@py.example.org", "gone.example.org"])
same(
    attributes["VerificationAttributes"],
    {
        "PY.example.org": {"VerificationStatus": "Success", "VerificationToken": token},
        "a+b@py.example.org": {"VerificationStatus": "Success"},
    },
)
tokens = ses.verify_domain_dkim(Domain="py.example.org")["DkimTokens"]
same(
    ses.get_identity_dkim_attributes(Identities=["py.example.org"])["DkimAttributes"],
    {"py.example.org": {"DkimEnabled": True, "DkimVerificationStatus": "Success", "DkimTokens": tokens}},
)
ses.set_identity_dkim_enabled(Identity="py.example.org", DkimEnabled=False)
same(ses.get_identity_dkim_attributes(Identities=["py.example.org"])["DkimAttributes"]["py.example.org"]["DkimEnabled"], False)
ses.set_identity_mail_from_domain(Identity="py.example.org", MailFromDomain="m.py.example.org", BehaviorOnMXFailure="RejectMessage")
same(
    ses.get_identity_mail_from_domain_attributes(Identities=["py.example.org"])["MailFromDomainAttributes"],
    {
        "py.example.org": {
            "MailFromDomain": "m.py.example.org",
            "MailFromDomainStatus": "Success",
            "BehaviorOnMXFailure": "RejectMessage",
        }
    },
)
refused(ses.exceptions.ClientError, ses.set_identity_feedback_forwarding_enabled, Identity="py.example.org", ForwardingEnabled=False)
TOPIC = f"arn:aws:sns:{home}:{account}:feedback"
for kind in ("Bounce", "Complaint"):
    ses.set_identity_notification_topic(Identity="py.example.org", NotificationType=kind, SnsTopic=TOPIC)
ses.set_identity_headers_in_notifications_enabled(Identity="py.example.org", NotificationType="Bounce", Enabled=True)
ses.set_identity_feedback_forwarding_enabled(Identity="py.example.org", ForwardingEnabled=False)
same(
    ses.get_identity_notification_attributes(Identities=["py.example.org"])["NotificationAttributes"],
    {
        "py.example.org": {
            "BounceTopic": TOPIC,
            "ComplaintTopic": TOPIC,
            "ForwardingEnabled": False,
            "HeadersInBounceNotificationsEnabled": True,
            "HeadersInComplaintNotificationsEnabled": False,
            "HeadersInDeliveryNotificationsEnabled": False,
        }
    },
)
text = one.replace(DOMAIN, "py.example.org")
ses.put_identity_policy(Identity="py.example.org", PolicyName="p", Policy=two.replace(DOMAIN, "py.example.org"))
ses.put_identity_policy(Identity="py.example.org", PolicyName="p", Policy=text)
same(ses.list_identity_policies(Identity="py.example.org")["PolicyNames"], ["p"])
same(ses.get_identity_policies(Identity="py.example.org", PolicyNames=["p", "q"])["Policies"], {"p": text})
refused(ses.exceptions.InvalidPolicyException, ses.put_identity_policy, Identity="py.example.org", PolicyName="p", Policy="{}")
for _ in range(2):
    ses.delete_identity_policy(Identity="py.example.org", PolicyName="p")
same(ses.list_identity_policies(Identity="py.example.org")["PolicyNames"], [])

# The copy of all identities to another region

target = "ap-southeast-2" if home != "ap-southeast-2" else "us-west-2"
there, _ = clients(target)


def listed(client):
    pages = client.get_paginator("list_identities").paginate(PaginationConfig={"PageSize": 20})
    return [name for page in pages for name in page["Identities"]]


names = listed(ses)
same(names, ["a+b@py.example.org", "py.example.org"])
domains = set()
for name in names:
    if "@" in name:
        there.verify_email_identity(EmailAddress=name)
        domains.add(name.split("@")[1])
    else:
        assert there.verify_domain_identity(Domain=name)["VerificationToken"]
        domains.add(name)
for domain in domains:
    same(len(there.verify_domain_dkim(Domain=domain)["DkimTokens"]), 3)
for name in names:
    for kind in ("Bounce", "Delivery", "Complaint"):
        there.set_identity_notification_topic(
            Identity=name, NotificationType=kind, SnsTopic=f"arn:aws:sns:{target}:{account}:feedback"
        )
same(listed(there), names)
for client in (ses, there):
    for name in listed(client):
        client.delete_identity(Identity=name)
    same(listed(client), [])

print("every identity is as it was set")
