# SPDX-License-Identifier: Apache-2.0
"""Makes calls that are refused with boto3, and catches each error by its own class.

The calls come as JSON on the standard input.
"""

import base64
import functools
import json
import sys

import boto3
import botocore
from botocore.config import Config


@functools.lru_cache(maxsize=None)
def client(service, endpoint):
    return boto3.client(service, endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))


caught = 0
for call in json.load(sys.stdin):
    aws = client(call["Service"], call["Endpoint"])
    arguments = call["Input"]
    if "RawMessage" in arguments:
        arguments["RawMessage"]["Data"] = base64.b64decode(arguments["RawMessage"]["Data"])
    expected = getattr(aws.exceptions, call["Error"])
    try:
        getattr(aws, botocore.xform_name(call["Operation"]))(**arguments)
        print(call["Service"], call["Operation"], "not refused with", call["Error"])
    except expected as e:
        assert e.response["ResponseMetadata"]["RequestId"], e
        caught += 1
    except Exception as e:
        print(call["Service"], call["Operation"], repr(e), "is no", call["Error"])
print(caught, "errors were caught by their types")
