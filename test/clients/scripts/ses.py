# SPDX-License-Identifier: Apache-2.0
"""SES API v1 with Debian's boto3.

It reads the keys from the environment by itself; the endpoint and the region it must
be told, since it is older than AWS_ENDPOINT_URL. Prints one line of JSON for each mail.
"""

import datetime
import json
import os

import boto3
import botocore.exceptions

ses = boto3.client("ses", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"])


def sent(case, answer):
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["ResponseMetadata"]["RequestId"]
    print(json.dumps({"case": case, "MessageId": answer["MessageId"]}))


# Identities

ses.verify_email_identity(EmailAddress="sender@example.org")
ses.get_waiter("identity_exists").wait(Identities=["sender@example.org"])
token = ses.verify_domain_identity(Domain="other.example")["VerificationToken"]

pages = ses.get_paginator("list_identities").paginate(PaginationConfig={"PageSize": 1})
assert sorted(name for page in pages for name in page["Identities"]) == ["other.example", "sender@example.org"]
assert ses.list_identities(IdentityType="EmailAddress")["Identities"] == ["sender@example.org"]

attributes = ses.get_identity_verification_attributes(Identities=["sender@example.org", "other.example", "unknown.example"])
attributes = attributes["VerificationAttributes"]
assert attributes["sender@example.org"]["VerificationStatus"] == "Success"
assert attributes["other.example"]["VerificationToken"] == token
assert "unknown.example" not in attributes

ses.delete_identity(Identity="other.example")
assert ses.list_identities()["Identities"] == ["sender@example.org"]

# With a key of the domain, the address's mail is signed.
tokens = ses.verify_domain_dkim(Domain="example.org")["DkimTokens"]
assert len(tokens) == 3
attributes = ses.get_identity_dkim_attributes(Identities=["example.org"])["DkimAttributes"]
assert attributes == {"example.org": {"DkimEnabled": True, "DkimVerificationStatus": "Success", "DkimTokens": tokens}}

# Messages that SES puts together

sent(
    "v1 everything",
    ses.send_email(
        Source="sender@example.org",
        Destination={
            "ToAddresses": ["to@example.net"],
            "CcAddresses": ["cc@example.net"],
            "BccAddresses": ["hidden@example.net"],
        },
        ReplyToAddresses=["answers@example.org"],
        Message={
            "Subject": {"Charset": "UTF-8", "Data": "Crème brûlée"},
            "Body": {
                "Text": {"Charset": "UTF-8", "Data": "Déjà vu."},
                "Html": {"Charset": "UTF-8", "Data": "<p>Déjà vu.</p>"},
            },
        },
        Tags=[{"Name": "campaign", "Value": "spring"}],
    ),
)
sent(
    "v1 html",
    ses.send_email(
        Source="sender@example.org",
        Destination={"ToAddresses": ["to@example.net"], "CcAddresses": []},
        ReplyToAddresses=[],
        Message={
            "Subject": {"Data": "HTML alone, no charset"},
            "Body": {"Html": {"Data": "<p>Hello from SES v1.</p>"}},
        },
    ),
)

# Messages that the client has put together. The first has plain line feeds, a media
# type in mixed case, a semicolon too many and no line end after the last boundary.

sent(
    "v1 raw alone",
    ses.send_raw_email(
        RawMessage={
            "Data": "From: sender@example.org\nTo: to@example.net\nSubject: Raw data only\nMIME-Version: 1.0\n"
            'Content-type: Multipart/Mixed; boundary="NextPart"\n\n'
            "--NextPart\nContent-Type: text/plain\n\nThis is the message body.\n\n"
            '--NextPart\nContent-Type: text/plain;\nContent-Disposition: attachment; filename="attachment.txt"\n\n'
            "This is the text in the attachment.\n--NextPart--"
        }
    ),
)
sent(
    "v1 raw",
    ses.send_raw_email(
        Source="sender@example.org",
        Destinations=["elsewhere@example.net"],
        RawMessage={
            "Data": b"From: sender@example.org\r\nTo: to@example.net\r\n"
            b"Subject: Raw, Source and Destinations given\r\n\r\nOnly the Destinations get this.\r\n"
        },
    ),
)

# What the account may send, and has sent

quota = ses.get_send_quota()
assert quota["SentLast24Hours"] >= 6
assert {"Max24HourSend", "MaxSendRate"} <= quota.keys()

points = ses.get_send_statistics()["SendDataPoints"]
assert isinstance(points[0]["Timestamp"], datetime.datetime)
assert points[0]["DeliveryAttempts"] >= 1

# Refusals

message = {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}
try:
    ses.send_email(
        Source="stranger@unverified.example", Destination={"ToAddresses": ["to@example.net"]}, Message=message
    )
except ses.exceptions.MessageRejected as e:
    assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert e.response["Error"]["Type"] == "Sender"
else:
    raise AssertionError("an unverified sender was not refused")

stranger = boto3.client(
    "ses",
    endpoint_url=os.environ["AWS_ENDPOINT_URL"],
    region_name=os.environ["AWS_REGION"],
    aws_secret_access_key="not the secret",
    aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
)
try:
    stranger.get_send_quota()
except botocore.exceptions.ClientError as e:
    assert e.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert e.response["Error"]["Code"] == "SignatureDoesNotMatch"
else:
    raise AssertionError("a wrong secret was not refused")
