# SPDX-License-Identifier: Apache-2.0
"""Builds a message with email.mime, sends it over SMTP with TLS, takes the id from the
reply to DATA and finds it in the Message-ID of the mail that arrived.

Prints one line of JSON for the mail.
"""

import email
import email.policy
import json
import os
import re
import smtplib
import ssl
import subprocess
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import make_msgid

message = MIMEMultipart("mixed")
message["Subject"] = "Prüfbericht"
message["From"] = "Python <sender@example.com>"
message["To"] = "to@example.net"
message["Message-ID"] = make_msgid(domain="example.com")
body = MIMEMultipart("alternative")
body.attach(MIMEText("Alles in Ordnung: 5 €.", "plain", "utf-8"))
body.attach(MIMEText("<p>Alles in Ordnung: 5 €.</p>", "html", "utf-8"))
message.attach(body)
report = MIMEApplication(b"a;b\r\n1;2\r\n", "octet-stream")
report.add_header("Content-Disposition", "attachment", filename="report.csv")
message.attach(report)

port = int(os.environ["SESAME_SMTPS"].rpartition(":")[2])
with smtplib.SMTP_SSL("localhost", port, context=ssl.create_default_context(), timeout=60) as server:
    server.login(os.environ["SESAME_SMTP_USER"], os.environ["SESAME_SMTP_PASSWORD"])
    assert server.mail("sender@example.com")[0] == 250
    assert server.rcpt("to@example.net")[0] == 250
    code, reply = server.data(message.as_bytes())
assert code == 250, reply
sent_id = re.fullmatch(r"Ok (\S+)", reply.decode()).group(1)


def sesame(*arguments):
    return subprocess.run(["sesame", *arguments], check=True, capture_output=True).stdout


arrived = json.loads(sesame("mail", "wait", "--to", "to@example.net", "--subject", "Prüfbericht", "--timeout", "30s", "--json"))
source = sesame("mail", "raw", arrived["Id"])
delivered = email.message_from_bytes(source, policy=email.policy.default)
assert delivered["Message-ID"] == f"<{sent_id}@email.amazonses.com>", delivered["Message-ID"]
assert delivered["Subject"] == "Prüfbericht"
assert delivered.get_body(("plain",)).get_content().strip() == "Alles in Ordnung: 5 €."
assert [(a.get_filename(), a.get_content()) for a in delivered.iter_attachments()] == [("report.csv", b"a;b\r\n1;2\r\n")]
print(json.dumps({"case": "email.mime", "MessageId": sent_id}))
