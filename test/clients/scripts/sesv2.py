# SPDX-License-Identifier: Apache-2.0
"""SES API v2 with boto3, as far as the boto3 of Debian 12 knows it (no attachments and
no header fields in simple messages yet).

It reads the keys from the environment by itself; the endpoint and the region it must
be told, since it is older than AWS_ENDPOINT_URL. Prints one line of JSON for each mail.
"""

import json
import os

import boto3

ses = boto3.client("sesv2", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"])


def send(case, **message):
    print(json.dumps({"case": case, "MessageId": ses.send_email(**message)["MessageId"]}))


def refused(error, call, **arguments):
    """Calls what must be refused with the error, and returns what the error says."""
    try:
        call(**arguments)
    except error as e:
        return e.response
    raise AssertionError(f"not refused: {arguments}")


# Identities

created = ses.create_email_identity(EmailIdentity="example.com")
assert created["IdentityType"] == "DOMAIN"
assert len(created["DkimAttributes"]["Tokens"]) == 3

ses.create_email_identity(EmailIdentity="a+b@example.org", Tags=[{"Key": "team", "Value": "mail"}])
identity = ses.get_email_identity(EmailIdentity="a+b@example.org")
assert identity["IdentityType"] == "EMAIL_ADDRESS"
assert identity["VerifiedForSendingStatus"] is True
assert identity["Tags"] == [{"Key": "team", "Value": "mail"}]

names, page = [], ses.list_email_identities(PageSize=1)
while True:
    assert len(page["EmailIdentities"]) <= 1
    names += [i["IdentityName"] for i in page["EmailIdentities"]]
    if not page.get("NextToken"):
        break
    page = ses.list_email_identities(PageSize=1, NextToken=page["NextToken"])
assert sorted(names) == ["a+b@example.org", "example.com"]

refused(ses.exceptions.AlreadyExistsException, ses.create_email_identity, EmailIdentity="example.com")
ses.delete_email_identity(EmailIdentity="a+b@example.org")
answer = refused(ses.exceptions.NotFoundException, ses.get_email_identity, EmailIdentity="a+b@example.org")
assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404
assert answer["ResponseMetadata"]["RequestId"]
assert answer["Error"]["Message"]

# Simple messages: SES puts them together

send(
    "v2 text",
    FromEmailAddress="sender@example.com",
    Destination={"ToAddresses": ["to@example.net"]},
    Content={"Simple": {"Subject": {"Data": "Plain and simple"}, "Body": {"Text": {"Data": "Hello from SES v2."}}}},
)
send(
    "v2 html",
    FromEmailAddress="sender@example.com",
    Destination={"ToAddresses": ["to@example.net"], "CcAddresses": [], "BccAddresses": []},
    Content={
        "Simple": {
            "Subject": {"Data": "HTML alone", "Charset": "UTF-8"},
            "Body": {"Html": {"Data": "<p>Hello from <b>SES v2</b>.</p>", "Charset": "UTF-8"}},
        }
    },
)
send(
    "v2 everything",
    FromEmailAddress="Sesame Test <sender@example.com>",
    Destination={
        "ToAddresses": ["to@example.net", '"Second Reader" <second@example.net>'],
        "CcAddresses": ["cc@example.net"],
        "BccAddresses": ["hidden@example.net"],
    },
    ReplyToAddresses=["answers@example.com", "more@example.com"],
    Content={
        "Simple": {
            "Subject": {"Data": "Grüße aus Köln, 100 % – ✓", "Charset": "UTF-8"},
            "Body": {
                "Text": {"Data": "Käse kostet 3 €.\nZweite Zeile.", "Charset": "UTF-8"},
                "Html": {"Data": "<h1>Käse</h1>\n<p>kostet 3 €.</p>", "Charset": "UTF-8"},
            },
        }
    },
    EmailTags=[{"Name": "campaign", "Value": "spring"}],
)

# Raw messages: the client has put them together

send(
    "v2 raw",
    FromEmailAddress="sender@example.com",
    Destination={"ToAddresses": ["to@example.net", "unnamed@example.net"]},
    Content={
        "Raw": {
            "Data": b"From: Raw Sender <sender@example.com>\r\nTo: to@example.net\r\n"
            b"Subject: Raw, recipients given\r\nX-Kept: as it was\r\nMessage-ID: <replaced@example.com>\r\n\r\n"
            b"The envelope has one reader more than the header.\r\n"
        }
    },
)
send(
    "v2 raw alone",
    Content={
        "Raw": {
            "Data": b"From: sender@example.com\r\nTo: to@example.net\r\nCc: cc@example.net\r\n"
            b"Subject: Raw, nothing else given\r\n\r\nSender and recipients are those of the header.\r\n"
        }
    },
)

# What the account may send, and has sent

account = ses.get_account()
assert account["SendingEnabled"] is True
assert account["ProductionAccessEnabled"] is True
assert account["SendQuota"]["SentLast24Hours"] >= 5
assert {"Max24HourSend", "MaxSendRate"} <= account["SendQuota"].keys()

# Refusals

text = {"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}}
answer = refused(
    ses.exceptions.MessageRejected,
    ses.send_email,
    FromEmailAddress="stranger@unverified.example",
    Destination={"ToAddresses": ["to@example.net"]},
    Content=text,
)
assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
assert answer["Error"]["Message"].lower() == (
    "email address is not verified. the following identities failed the check in region us-east-1: stranger@unverified.example"
)
refused(
    ses.exceptions.BadRequestException,
    ses.send_email,
    FromEmailAddress="sender@example.com",
    Destination={},
    Content=text,
)
