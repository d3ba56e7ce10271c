# SPDX-License-Identifier: Apache-2.0
"""The requests that the mailers of Django and Laravel make, with boto3 where it is boto3
that makes them, and else signed by hand, as the PHP SDK does: that sends what Debian's boto3
does not know.

Keys come from the environment; the endpoint must be told, since Debian's boto3 is older
than AWS_ENDPOINT_URL. Prints one line of JSON for each mail that it sends.
"""

import base64
import json
import os
import urllib.request
from email.message import EmailMessage
from email.policy import SMTP

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

endpoint, region = os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_REGION"]
session = boto3.Session(region_name=region)
ses, sesv2 = (session.client(name, endpoint_url=endpoint) for name in ("ses", "sesv2"))


def post(path, body):
    """Sends a call of API v2 as it stands, and returns the answer."""
    request = AWSRequest("POST", endpoint + path, {"Content-Type": "application/json"}, json.dumps(body).encode())
    SigV4Auth(session.get_credentials(), "ses", region).add_auth(request)
    with urllib.request.urlopen(urllib.request.Request(request.url, request.data, dict(request.headers))) as answer:
        return json.load(answer)


def sent(case, response):
    assert response["MessageId"], response
    print(json.dumps({"case": case, "MessageId": response["MessageId"]}))


def mail(headers, text, html=None):
    """A message without Bcc, which frameworks leave out of it."""
    message = EmailMessage(policy=SMTP)
    for name, value in headers:
        message[name] = value
    message.set_content(text, cte="quoted-printable")
    if html:
        message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


sesv2.create_email_identity(EmailIdentity="example.com")
sesv2.create_configuration_set(ConfigurationSetName="web")

# django-ses: recipients are To, Cc and Bcc in one list; the set is a header of the message;
# how fast it may send it asks first.


def django(subject, kind):
    headers = [
        ("Subject", subject), ("From", "Django <django@example.com>"), ("To", "to@example.net"), ("Cc", "cc@example.net"),
        ("Reply-To", "answers@example.com"), ("X-SES-CONFIGURATION-SET", "web"), ("X-SES-MESSAGE-TAGS", f"app=shop, kind={kind}"),
    ]
    return {"Data": mail(headers, "Schöne Grüße.", "<p>Schöne Grüße.</p>")}


recipients = ["to@example.net", "cc@example.net", "hidden@example.net"]
assert float(ses.get_send_quota()["MaxSendRate"]) > 0
response = ses.send_raw_email(Source="django@example.com", Destinations=recipients, RawMessage=django("Grüße von Django", "order"))
assert response["ResponseMetadata"]["RequestId"]
sent("django-ses v1", response)

assert float(sesv2.get_account()["SendQuota"]["MaxSendRate"]) > 0
response = sesv2.send_email(
    FromEmailAddress="django@example.com", Destination={"ToAddresses": recipients}, Content={"Raw": django("Und wieder", "again")}
)
sent("django-ses v2", response)

# django-anymail: the sender is only in the message, the lists are apart, and metadata and
# tags are headers. A mail merge has headers and data of its own for each recipient.

sent(
    "anymail raw",
    sesv2.send_email(
        ConfigurationSetName="web",
        Destination={"ToAddresses": ['"Reader" <reader@example.net>'], "CcAddresses": ["copy@example.net"], "BccAddresses": ["blind@example.net"]},
        FeedbackForwardingEmailAddress="bounces@example.com",
        EmailTags=[{"Name": "Type", "Value": "welcome"}],
        Content={
            "Raw": {
                "Data": mail(
                    [
                        ("Subject", "Welcome"), ("From", "Any Mail <anymail@example.com>"), ("To", "Reader <reader@example.net>"),
                        ("Cc", "copy@example.net"), ("X-Tag", "welcome"), ("X-Tag", "second"), ("X-Metadata", '{"user": 7}'),
                    ],
                    "Welcome aboard.",
                )
            }
        },
    ),
)

content = {"Subject": "Order {{order_no}}", "Text": "Hello {{name}}, your order is {{order_no}}.", "Html": "<p>Hello {{name}}.</p>"}
sesv2.create_email_template(TemplateName="order", TemplateContent=content)


def entry(address, data, headers):
    return {
        "Destination": {"ToAddresses": [address], "BccAddresses": ["archive@example.net"]},
        "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": json.dumps(data)}},
        "ReplacementHeaders": headers,
    }


merge = post(
    "/v2/email/outbound-bulk-emails",
    {
        "ConfigurationSetName": "web",
        "FromEmailAddress": "Shop <shop@example.com>",
        "ReplyToAddresses": ["help@example.com"],
        "DefaultEmailTags": [{"Name": "Type", "Value": "order"}],
        "DefaultContent": {
            "Template": {
                "TemplateName": "order",
                "TemplateData": json.dumps({"name": "friend"}),
                "Headers": [{"Name": "X-Tag", "Value": "order"}],
            }
        },
        "BulkEmailEntries": [
            entry("alice@example.net", {"name": "Alice", "order_no": 12345}, [{"Name": "List-Unsubscribe", "Value": "<https://example.com/a/>"}]),
            entry("bob@example.net", {"order_no": "B-7"}, []),
        ],
    },
)
for name, result in zip(("anymail merge alice", "anymail merge bob"), merge["BulkEmailEntryResults"], strict=True):
    assert result["Status"] == "SUCCESS", result
    sent(name, result)

# Laravel, v1: Source is the envelope's sender, Tags come from the mail's metadata.

laravel = [("From", "Laravel <hello@example.com>"), ("To", "Taylor <taylor@example.net>"), ("Subject", "Invoice paid")]
metadata = ("X-Metadata-order", "12")
sent(
    "laravel v1",
    ses.send_raw_email(
        ConfigurationSetName="web",
        Source="Laravel <hello@example.com>",
        Destinations=['Taylor <taylor@example.net>', "books@example.net"],
        Tags=[{"Name": "order", "Value": "12"}],
        RawMessage={"Data": mail([*laravel, metadata], "Thank you.")},
    ),
)

# Laravel, v2: no FromEmailAddress, but a Source that SES does not know; Bcc is one of
# ToAddresses; the list's header stays in the message.

sent(
    "laravel v2",
    post(
        "/v2/email/outbound-emails",
        {
            "ConfigurationSetName": "web",
            "Source": "Laravel <hello@example.com>",
            "Destination": {"ToAddresses": ["Taylor <otwell@example.net>", "books@example.net"]},
            "EmailTags": [{"Name": "order", "Value": "13"}],
            "Content": {"Raw": {"Data": base64.b64encode(mail([*laravel[:1], ("To", "Taylor <otwell@example.net>"), ("Subject", "Invoice sent")], "Thanks.")).decode()}},
        },
    ),
)

sesv2.create_contact_list(
    ContactListName="News", Topics=[{"TopicName": "Offers", "DisplayName": "Offers", "DefaultSubscriptionStatus": "OPT_IN"}]
)
newsletter = [*laravel[:1], ("To", "member@example.net"), ("Subject", "Offers"), ("X-SES-LIST-MANAGEMENT-OPTIONS", "contactListName=News; topicName=Offers")]
sent(
    "laravel v2 list",
    post(
        "/v2/email/outbound-emails",
        {
            "Source": "hello@example.com",
            "Destination": {"ToAddresses": ["member@example.net"]},
            "ListManagementOptions": {"ContactListName": "News", "TopicName": "Offers"},
            "Content": {"Raw": {"Data": base64.b64encode(mail(newsletter, "Cheap.")).decode()}},
        },
    ),
)
assert [c["EmailAddress"] for c in sesv2.list_contacts(ContactListName="News")["Contacts"]] == ["member@example.net"]

# What Laravel shows to people when the call is refused.
try:
    ses.send_raw_email(
        Source="stranger@unverified.example",
        Destinations=["to@example.net"],
        RawMessage={"Data": mail([("From", "stranger@unverified.example"), ("Subject", "x")], "x")},
    )
except ses.exceptions.MessageRejected as e:
    assert "not verified" in e.response["Error"]["Message"], e
else:
    raise AssertionError("an unverified sender was not refused")
