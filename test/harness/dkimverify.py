# SPDX-License-Identifier: Apache-2.0
"""Verifies every DKIM signature of the message on standard input with dkimpy.

Usage: dkimverify.py NAMESERVER PORT
Prints one line a signature: the verdict, its domain, its selector. The keys are
looked up with dnspython at the name server named, and nowhere else.
"""

import sys

import dkim
import dns.resolver

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = [sys.argv[1]]
resolver.port = int(sys.argv[2])


def txt(name, timeout=5):
    try:
        answer = resolver.resolve(name.decode(), "TXT", lifetime=timeout)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    return b"".join(answer[0].strings)


message = sys.stdin.buffer.read()
signatures = [value for name, value in dkim.rfc822_parse(message)[0] if name.lower() == b"dkim-signature"]
for index, signature in enumerate(signatures):
    tags = dkim.util.parse_tag_value(signature)
    try:
        # dkimpy refuses signatures that expect more of a key than minkey says.
        verdict = dkim.DKIM(message, minkey=1024).verify(idx=index, dnsfunc=txt)
    except dkim.DKIMException as e:
        verdict = e
    print("pass" if verdict is True else f"fail({verdict})", tags[b"d"].decode(), tags[b"s"].decode())
