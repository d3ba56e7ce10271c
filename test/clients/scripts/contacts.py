# SPDX-License-Identifier: Apache-2.0
"""A newsletter with boto3, in the way of SES's code examples: a contact list with topics is
made, readers join, the newsletter goes to those who want it, and all is deleted.

Keys come from the environment; the endpoint must be told, since Debian's boto3 is older
than AWS_ENDPOINT_URL. Prints one line of JSON for each mail that somebody gets.
"""

import json
import os

import boto3

sesv2 = boto3.client("sesv2", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"])
sesv2.create_email_identity(EmailIdentity="example.com")


def refused(error, call, **arguments):
    """Makes a call that must be refused with an error, which is caught by its own class."""
    try:
        call(**arguments)
    except getattr(sesv2.exceptions, error):
        return
    raise AssertionError(f"not refused with {error}")


news, topic = {"ContactListName": "weekly-coupons-newsletter"}, "coupons"
sesv2.create_contact_list(
    **news,
    Description="Coupons of the week",
    Topics=[
        {"TopicName": topic, "DisplayName": "Coupons", "Description": "Once a week", "DefaultSubscriptionStatus": "OPT_IN"},
        {"TopicName": "events", "DisplayName": "Events", "DefaultSubscriptionStatus": "OPT_OUT"},
    ],
    Tags=[{"Key": "team", "Value": "marketing"}],
)
refused("BadRequestException", sesv2.create_contact_list, **news)  # an account has one list
assert [l["ContactListName"] for l in sesv2.list_contact_lists()["ContactLists"]] == [news["ContactListName"]]
stored = sesv2.get_contact_list(**news)
assert [t["TopicName"] for t in stored["Topics"]] == [topic, "events"], stored
assert stored["Tags"] == [{"Key": "team", "Value": "marketing"}], stored
assert stored["CreatedTimestamp"] <= stored["LastUpdatedTimestamp"], stored

readers = [f"reader+ses-weekly-newsletter-{i}@example.net" for i in range(1, 4)]
for reader in readers:
    sesv2.create_contact(**news, EmailAddress=reader, AttributesData=json.dumps({"reader": reader}))
refused("AlreadyExistsException", sesv2.create_contact, **news, EmailAddress=readers[0])
sesv2.update_contact(**news, EmailAddress=readers[1], TopicPreferences=[{"TopicName": topic, "SubscriptionStatus": "OPT_OUT"}])
sesv2.update_contact(**news, EmailAddress=readers[2], UnsubscribeAll=True)
contact = sesv2.get_contact(**news, EmailAddress=readers[1])
assert contact["TopicPreferences"] == [{"TopicName": topic, "SubscriptionStatus": "OPT_OUT"}], contact
assert contact["TopicDefaultPreferences"] == [{"TopicName": "events", "SubscriptionStatus": "OPT_OUT"}], contact

# Debian's boto3 asks for contacts by GET, which has no place for a filter.
seen, token = [], None
while True:
    page = sesv2.list_contacts(**news, PageSize=2, **({"NextToken": token} if token else {}))
    seen += page["Contacts"]
    token = page.get("NextToken")
    if not token:
        break
assert sorted(c["EmailAddress"] for c in seen) == readers, seen
assert [c["EmailAddress"] for c in seen if c["UnsubscribeAll"]] == [readers[2]], seen

for reader in [*readers, "new@example.net"]:
    sent = sesv2.send_email(
        FromEmailAddress="Coupons <coupons@example.com>",
        Destination={"ToAddresses": [reader]},
        ListManagementOptions={**news, "TopicName": topic},
        Content={
            "Simple": {
                "Subject": {"Data": "Weekly coupons"},
                "Body": {"Text": {"Data": "Ten for the price of nine."}},
            }
        },
    )
    if reader in (readers[0], "new@example.net"):  # the others have not asked for it
        print(json.dumps({"case": "new" if reader == "new@example.net" else "reader", "MessageId": sent["MessageId"]}))
assert sesv2.get_contact(**news, EmailAddress="new@example.net")["UnsubscribeAll"] is False
refused(
    "BadRequestException",
    sesv2.send_email,
    FromEmailAddress="coupons@example.com",
    Destination={"ToAddresses": [readers[0]]},
    ListManagementOptions={**news, "TopicName": "nothing"},
    Content={"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}},
)

sesv2.update_contact_list(**news, Description="No more coupons", Topics=[])
stored = sesv2.get_contact_list(**news)
assert stored["Description"] == "No more coupons" and not stored.get("Topics"), stored
sesv2.delete_contact(**news, EmailAddress=readers[0])
refused("NotFoundException", sesv2.get_contact, **news, EmailAddress=readers[0])
sesv2.delete_contact_list(**news)
refused("NotFoundException", sesv2.get_contact_list, **news)
