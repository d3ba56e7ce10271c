# SPDX-License-Identifier: Apache-2.0
"""The code examples of SES's guide that send, in every language's shape, with boto3: what
some leave out, and what they give where others give nothing, is as it is there.

Keys come from the environment; the endpoint must be told, since Debian's boto3 is older
than AWS_ENDPOINT_URL. Prints one line of JSON for each mail that it sends.
"""

import json
import os
from email.message import EmailMessage
from email.policy import SMTP

import boto3

ses, sesv2 = (
    boto3.client(name, endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"]) for name in ("ses", "sesv2")
)
sender = "sender@example.com"


def sent(case, response):
    print(json.dumps({"case": case, "MessageId": response["MessageId"]}))


def to(*addresses):
    return {"ToAddresses": [*addresses]}


sesv2.create_email_identity(EmailIdentity="example.com")
sesv2.create_configuration_set(ConfigurationSetName="ConfigSet")

# SendEmail of v1. Python has no Charset; C++ and .NET have every list; Ruby has a set.

sent(
    "v1 python",
    ses.send_email(
        Source=sender,
        Destination={"ToAddresses": ["python@example.net"], "CcAddresses": ["cc@example.net"], "BccAddresses": ["bcc@example.net"]},
        Message={
            "Subject": {"Data": "Python's message"},
            "Body": {"Text": {"Data": "This is a text-only version."}, "Html": {"Data": "<p>This is the HTML version.</p>"}},
        },
        ReplyToAddresses=["one@example.com", "two@example.com"],
    ),
)
sent(
    "v1 ruby",
    ses.send_email(
        Source=sender,
        Destination={**to("ruby@example.net"), "CcAddresses": [], "BccAddresses": []},
        ReplyToAddresses=[],
        ConfigurationSetName="ConfigSet",
        Message={
            "Subject": {"Charset": "UTF-8", "Data": "Ruby's message"},
            "Body": {
                "Text": {"Charset": "UTF-8", "Data": "Sent through Amazon SES – using the SDK."},
                "Html": {"Charset": "UTF-8", "Data": "<h1>Amazon SES – test</h1>"},
            },
        },
    ),
)

# SendRawEmail of v1 as Java does it: a text in two forms and a workbook, and nothing but the
# message says who gets it.

message = EmailMessage(policy=SMTP)
message["Subject"] = "Customer service contact info"
message["From"] = sender
message["To"] = "java@example.net, second@example.net"
message.set_content("Please see the attached file.\r\n")
message.add_alternative("<h1>Hello!</h1><p>Please see the attached file.</p>\r\n", subtype="html")
message.add_attachment(
    b"PK\x03\x04\x00\xff workbook", maintype="application", subtype="vnd.openxmlformats-officedocument.spreadsheetml.sheet", filename="WorkReport.xls"
)
sent("v1 raw java", ses.send_raw_email(RawMessage={"Data": message.as_bytes()}))

# SendTemplatedEmail and SendBulkTemplatedEmail of v1. C++ and Python may give Cc, Bcc and
# Reply-To; JavaScript has nested data, and destinations with capitals.

ses.create_template(Template={"TemplateName": "Tip", "SubjectPart": "Hello, {{contact.firstName}}!", "TextPart": "Peccy greets {{contact.firstName}}."})
sent(
    "v1 templated",
    ses.send_templated_email(
        Source=sender,
        Destination={**to("templated@example.net"), "CcAddresses": ["cc@example.net"], "BccAddresses": ["bcc@example.net"]},
        ReplyToAddresses=["answers@example.com"],
        Template="Tip",
        TemplateData=json.dumps({"contact": {"firstName": 'Ann "A" & B'}}),
    ),
)
ses.create_template(Template={"TemplateName": "Hello", "SubjectPart": "Hello {{name}}", "TextPart": "Hello {{name}}!"})
bulk = ses.send_bulk_templated_email(
    Source=sender,
    Template="Hello",
    DefaultTemplateData=json.dumps({"name": "Shireling"}),
    Destinations=[
        {"Destination": to("Bilbo1@example.net"), "ReplacementTemplateData": json.dumps({"name": "Bilbo"})},
        {"Destination": to("Frodo1@example.net"), "ReplacementTemplateData": json.dumps({"name": "Frodo"})},
        {"Destination": to("Merry1@example.net")},
    ],
)
for name, status in zip(("bilbo", "frodo", "shireling"), bulk["Status"], strict=True):
    assert status["Status"] == "Success", status
    sent("v1 bulk " + name, status)

# SendEmail of v2: Java has HTML alone and Ruby text alone, without Charset; Rust has text
# with one; Java has template data of several lines.

for language, body, charset in (("Java", "Html", {}), ("Ruby", "Text", {}), ("Rust", "Text", {"Charset": "UTF-8"})):
    part = {"Data": f"<b>{language}</b>" if body == "Html" else language, **charset}
    simple = {"Subject": {"Data": f"From {language}", **charset}, "Body": {body: part}}
    sent(f"v2 {language}", sesv2.send_email(FromEmailAddress=sender, Destination=to("v2@example.net"), Content={"Simple": simple}))

sesv2.create_email_template(
    TemplateName="Pet", TemplateContent={"Subject": "Greetings, {{name}}", "Html": "<p>Dear {{name}},</p>", "Text": "Your favorite animal is {{favoriteanimal}}."}
)


def pet(address, data):
    return sesv2.send_email(
        FromEmailAddress=sender, Destination=to(address), Content={"Template": {"TemplateName": "Pet", "TemplateData": data}}
    )


sent("v2 template", pet("jason@example.net", '{\n  "name": "Jason",\n  "favoriteanimal": "Cat"\n}'))
assert pet("incomplete@example.net", '{"name": "Jason"}')["MessageId"]  # it is accepted, and not sent

# The list mailing of Rust: one message to everybody on the first page of a list.

sesv2.create_contact_list(ContactListName="coupons")
try:
    sesv2.send_email(FromEmailAddress=sender, Destination=to(), Content={"Simple": simple})
except sesv2.exceptions.BadRequestException:
    pass
else:
    raise AssertionError("mail to an empty list was not refused")
for name in ("ann", "bert", "cleo"):
    sesv2.create_contact(ContactListName="coupons", EmailAddress=name + "@example.net")
members = [contact["EmailAddress"] for contact in sesv2.list_contacts(ContactListName="coupons")["Contacts"]]
simple = {"Subject": {"Data": "Weekly coupons", "Charset": "UTF-8"}, "Body": {"Text": {"Data": "Here are your coupons.", "Charset": "UTF-8"}}}
sent("v2 list", sesv2.send_email(FromEmailAddress=sender, Destination=to(*members), Content={"Simple": simple}))
