# SPDX-License-Identifier: Apache-2.0
"""Makes calls that are refused with the AWS CLI, which tells an error by its code.

The calls come as JSON on the standard input. The CLI takes a second to start, and so is
started once: what its command does is to call this driver.
"""

import contextlib
import io
import json
import re
import sys

from awscli.clidriver import create_clidriver

aws = create_clidriver()
caught = 0
for call in json.load(sys.stdin):
    operation = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", call["Operation"]).lower()
    command = [call["Service"], operation, "--endpoint-url", call["Endpoint"], "--cli-input-json", json.dumps(call["Input"])]
    with contextlib.redirect_stderr(io.StringIO()) as told:
        code = aws.main(command)
    if code == 254 and f"An error occurred ({call['Code']}) when calling the {call['Operation']} operation" in told.getvalue():
        caught += 1
    else:
        print("aws", *command, f"ended with {code}: {told.getvalue()}")
print(caught, "errors were caught by their types")
