# SPDX-License-Identifier: Apache-2.0
"""Templates with boto3, in the way of SES's code examples: one is made, read, sent with
both versions of the API, changed and deleted.

Keys come from the environment; the endpoint must be told, since Debian's boto3 is older
than AWS_ENDPOINT_URL. Prints one line of JSON for each mail that it sends.
"""

import json
import os
import re

import boto3

ses, sesv2 = (
    boto3.client(name, endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"]) for name in ("ses", "sesv2")
)
sesv2.create_email_identity(EmailIdentity="example.com")


def sent(case, message_id):
    print(json.dumps({"case": case, "MessageId": message_id}))


template = {
    "TemplateName": "MyTemplate",
    "SubjectPart": "Greetings, {{name}}!",
    "TextPart": "Dear {{name}},\r\nYour favorite animal is {{favoriteanimal}}.",
    "HtmlPart": "<h1>Hello {{name}},</h1><p>Your favorite animal is {{favoriteanimal}}.</p>",
}
ses.create_template(Template=template)
stored = ses.get_template(TemplateName="MyTemplate")["Template"]
assert stored == template, stored
tags = set(re.findall("{{(.*?)}}", stored["SubjectPart"] + stored["TextPart"] + stored["HtmlPart"]))
assert tags == {"name", "favoriteanimal"}, tags
assert [t["Name"] for t in ses.list_templates()["TemplatesMetadata"]] == ["MyTemplate"]

sender = "Mary Major <mary.major@example.com>"
to = {"ToAddresses": ["alejandro.rosalez@example.net"]}
data = json.dumps({"name": "Alejandro", "favoriteanimal": "alligator"})
sent("v1 templated", ses.send_templated_email(Source=sender, Destination=to, Template="MyTemplate", TemplateData=data)["MessageId"])
sent(
    "v2 templated",
    sesv2.send_email(
        FromEmailAddress=sender, Destination=to, Content={"Template": {"TemplateName": "MyTemplate", "TemplateData": data}}
    )["MessageId"],
)

# As django-anymail sends a mail merge, with a recipient's own tags.
results = sesv2.send_bulk_email(
    FromEmailAddress=sender,
    DefaultEmailTags=[{"Name": "tag", "Value": "welcome"}],
    DefaultContent={
        "Template": {
            "TemplateName": "MyTemplate",
            "TemplateData": json.dumps({"name": "friend", "favoriteanimal": "unknown"}),
        }
    },
    BulkEmailEntries=[
        {
            "Destination": {"ToAddresses": ["anaya.iyengar@example.net"]},
            "ReplacementEmailContent": {
                "ReplacementTemplate": {"ReplacementTemplateData": json.dumps({"name": "Anaya", "favoriteanimal": "angelfish"})}
            },
            "ReplacementTags": [{"Name": "tag", "Value": "own"}],
        },
        {"Destination": {"ToAddresses": ["richard.roe@example.net"]}},
    ],
)["BulkEmailEntryResults"]
assert [r["Status"] for r in results] == ["SUCCESS", "SUCCESS"], results
sent("v2 merge own", results[0]["MessageId"])
sent("v2 merge default", results[1]["MessageId"])

try:
    ses.test_render_template(TemplateName="MyTemplate", TemplateData='{"name": "x"}')
except ses.exceptions.MissingRenderingAttributeException as e:
    assert e.response["Error"]["Message"] == "Attribute 'favoriteanimal' is not present in the rendering data.", e
else:
    raise AssertionError("it was rendered without an attribute")

ses.update_template(Template={**template, "SubjectPart": "Bye"})
assert ses.get_template(TemplateName="MyTemplate")["Template"]["SubjectPart"] == "Bye"
ses.delete_template(TemplateName="MyTemplate")
try:
    ses.send_templated_email(Source=sender, Destination=to, Template="MyTemplate", TemplateData=data)
except ses.exceptions.TemplateDoesNotExistException:
    pass
else:
    raise AssertionError("a deleted template was sent")
