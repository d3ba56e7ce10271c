# SPDX-License-Identifier: Apache-2.0
"""Import jobs of SES API v2 with boto3: the file goes into a bucket, the job is waited for,
and the records that failed are read from the URL that it shows.

Keys come from the environment; the endpoint must be told, since Debian's boto3 is older than
AWS_ENDPOINT_URL.
"""

import json
import os
import time
import urllib.error
import urllib.request

import boto3

endpoint, region = os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_REGION"]
sesv2 = boto3.client("sesv2", endpoint_url=endpoint, region_name=region)
s3 = boto3.client("s3", endpoint_url=endpoint, region_name=region)


def same(got, want):
    assert got == want, f"got {got}, want {want}"


def run(destination, key, text, form):
    """Imports a file and returns the finished job."""
    s3.put_object(Bucket="lists", Key=key, Body=text.encode())
    job = sesv2.create_import_job(
        ImportDestination=destination, ImportDataSource={"S3Url": f"s3://lists/{key}", "DataFormat": form}
    )["JobId"]
    end = time.monotonic() + 60
    while time.monotonic() < end:
        got = sesv2.get_import_job(JobId=job)
        if got["JobStatus"] in ("COMPLETED", "FAILED"):
            return got
        time.sleep(0.2)
    raise AssertionError(f"{job} does not end")


s3.create_bucket(Bucket="lists")
many = "".join(f"r{n}@example.com,BOUNCE\n" for n in range(5000))
job = run({"SuppressionListDestination": {"SuppressionListImportAction": "PUT"}}, "2026/many.csv", many + "nobody,BOUNCE\n", "CSV")
same((job["JobStatus"], job["ProcessedRecordsCount"], job["FailedRecordsCount"]), ("COMPLETED", 5001, 1))
same(job["ImportDataSource"], {"S3Url": "s3://lists/2026/many.csv", "DataFormat": "CSV"})
same(job["CompletedTimestamp"] >= job["CreatedTimestamp"], True)
url = job["FailureInfo"]["FailedRecordsS3Url"]
with urllib.request.urlopen(url) as report:
    same(json.load(report), {"record": 5001, "content": "nobody,BOUNCE", "errorMessage": "The email address is not valid."})
try:
    urllib.request.urlopen(url.replace(job["JobId"], "other"))
    raise AssertionError("the URL is good for another object")
except urllib.error.HTTPError as e:
    same(e.code, 403)
same(sesv2.get_suppressed_destination(EmailAddress="r4999@example.com")["SuppressedDestination"]["Reason"], "BOUNCE")

sesv2.create_contact_list(ContactListName="News", Topics=[{"TopicName": "Sports", "DisplayName": "Sports", "DefaultSubscriptionStatus": "OPT_OUT"}])
contacts = "\n".join(
    json.dumps({"emailAddress": f"c{n}@example.com", "topicPreferences": [{"topicName": "Sports", "subscriptionStatus": "OPT_IN"}]}) for n in range(700)
)
job = run({"ContactListDestination": {"ContactListName": "News", "ContactListImportAction": "PUT"}}, "contacts.json", contacts, "JSON")
same((job["JobStatus"], job["ProcessedRecordsCount"], job.get("FailureInfo")), ("COMPLETED", 700, None))
same(sesv2.get_contact(ContactListName="News", EmailAddress="c699@example.com")["TopicPreferences"], [{"TopicName": "Sports", "SubscriptionStatus": "OPT_IN"}])
job = run({"ContactListDestination": {"ContactListName": "News", "ContactListImportAction": "DELETE"}}, "headless.csv", "c1@example.com\n", "CSV")
same((job["JobStatus"], job["FailureInfo"]), ("FAILED", {"ErrorMessage": "The header has an unknown or repeated column <c1@example.com>."}))

try:
    sesv2.get_import_job(JobId="755380d7-fbdb-4ed2-a9a3-06866220f5b5")
    raise AssertionError("a job that is not there")
except sesv2.exceptions.NotFoundException:
    pass
print("every list is as its files say")
