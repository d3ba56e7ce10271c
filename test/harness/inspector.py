# SPDX-License-Identifier: Apache-2.0
"""Inspects messages as a receiver does: DKIM with dkimpy, SPF with pyspf.

Usage: inspector.py NAMESERVER PORT [NAME...]
Each line of standard input is a message in JSON: IP, Helo, From (of the envelope), Data
(base64). Each is answered by one line. What DNS said is remembered for its TTL, also of
the NAMEs, whose TXT records somebody else, so to speak, asks for with every message.
"""

import base64
import json
import sys

import dkim
import dns.resolver
import spf

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = [sys.argv[1]]
resolver.port = int(sys.argv[2])
resolver.cache = dns.resolver.Cache()
dns.resolver.default_resolver = resolver  # which pyspf asks


def txt(name, timeout=5):
    try:
        answer = resolver.resolve(name if isinstance(name, str) else name.decode(), "TXT", lifetime=timeout)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    return b"".join(answer[0].strings)


def signatures(message):
    fields = [value for name, value in dkim.rfc822_parse(message)[0] if name.lower() == b"dkim-signature"]
    for index, field in enumerate(fields):
        tags = dkim.util.parse_tag_value(field)
        try:
            verdict = dkim.DKIM(message, minkey=1024).verify(idx=index, dnsfunc=txt)
        except dkim.DKIMException as e:
            verdict = e
        yield {
            "Pass": verdict is True, "Verdict": "pass" if verdict is True else f"fail({verdict})",
            "Domain": tags[b"d"].decode(), "Selector": tags[b"s"].decode(),
        }


for line in sys.stdin:
    m = json.loads(line)
    for name in sys.argv[3:]:
        txt(name)
    answer = {
        "Signatures": list(signatures(base64.b64decode(m["Data"]))),
        "SPF": spf.check2(i=m["IP"], s=m["From"], h=m["Helo"])[0],
    }
    print(json.dumps(answer), flush=True)
