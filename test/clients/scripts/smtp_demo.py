# SPDX-License-Identifier: Apache-2.0
"""The way SES documents SMTP for people who have only their access keys: the user name
is the access key id, the password is derived from the secret key and the region. The
certificate is verified. The message has no header section at all: what looks like a
Subject stands after the empty line.

Prints the server's reply to the message.
"""

import base64
import hashlib
import hmac
import os
import smtplib
import ssl


def smtp_password(secret, region):
    """The password for SES's SMTP interface (SES: "Obtaining SES SMTP credentials")."""
    key = ("AWS4" + secret).encode()
    for step in ("11111111", region, "ses", "aws4_request", "SendRawEmail"):
        key = hmac.digest(key, step.encode(), hashlib.sha256)
    return base64.b64encode(b"\x04" + key).decode()


user = os.environ["AWS_ACCESS_KEY_ID"]
password = smtp_password(os.environ["AWS_SECRET_ACCESS_KEY"], os.environ["AWS_REGION"])
assert user == os.environ["SESAME_SMTP_USER"]
assert password == os.environ["SESAME_SMTP_PASSWORD"]

port = int(os.environ["SESAME_SMTP"].rpartition(":")[2])
with smtplib.SMTP("localhost", port, timeout=60) as server:
    server.starttls(context=ssl.create_default_context())
    server.login(user, password)
    server.ehlo_or_helo_if_needed()
    assert server.mail("sender@example.com")[0] == 250
    assert server.rcpt("sender@example.com")[0] == 250
    code, reply = server.data("\nSubject: Hi there\n\nThis message was sent with Python.\n")
    print(code, reply.decode())
