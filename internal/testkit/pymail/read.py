# SPDX-License-Identifier: Apache-2.0
"""Reads messages with Python's email package.

Standard input is a JSON list of messages in base64; the answer is a list of their
subjects and parts, each part before those that are in it.
"""

import base64
import email
import email.header
import json
import sys


def subject(message):
    for name, value in message.raw_items():
        if name.lower() == "subject":
            value = value.replace("\r\n", "").strip()
            raw = value.encode("ascii", "surrogateescape")
            if max(raw, default=0) > 127:
                return raw.decode("utf-8")
            return str(email.header.make_header(email.header.decode_header(value)))
    return ""


def entities(part, depth):
    data = b"" if part.is_multipart() else part.get_payload(decode=True)
    entity = {
        "Depth": depth,
        "Type": part.get_content_type(),
        "Charset": part.get_content_charset(""),
        "Disposition": part.get_content_disposition() or "",
        "FileName": part.get_filename(""),
        "ContentID": (part["Content-ID"] or "").strip("<>"),
        "Data": base64.b64encode(data).decode(),
        "Text": "",
    }
    if part.get_content_maintype() == "text":
        entity["Text"] = data.decode(entity["Charset"] or "ascii", "replace")
    yield entity
    if part.is_multipart():
        for inner in part.get_payload():
            yield from entities(inner, depth + 1)


answer = []
for text in json.load(sys.stdin):
    message = email.message_from_bytes(base64.b64decode(text))
    answer.append({"Subject": subject(message), "Entities": list(entities(message, 0))})
json.dump(answer, sys.stdout)
