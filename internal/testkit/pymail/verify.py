# SPDX-License-Identifier: Apache-2.0
"""Verifies DKIM signatures with dkimpy.

Standard input is a JSON object: Record is the TXT record of the one key, Messages are in
base64. The answer is a list of verdicts, one for a message: "pass", or why not.
"""

import base64
import json
import sys

import dkim


def verdict(message, record):
    try:
        if dkim.DKIM(message, minkey=1024).verify(dnsfunc=lambda name, timeout=5: record):
            return "pass"
        return "fail"
    except dkim.DKIMException as e:
        return f"fail({e})"


asked = json.load(sys.stdin)
record = asked["Record"].encode()
json.dump([verdict(base64.b64decode(m), record) for m in asked["Messages"]], sys.stdout)
