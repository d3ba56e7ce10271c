// SPDX-License-Identifier: Apache-2.0
//
// Makes calls that are refused with the AWS SDK for JavaScript v3, and catches each error by
// its own class. The calls come as JSON on the standard input.

import { readFileSync } from "node:fs";
import * as iam from "@aws-sdk/client-iam";
import * as sts from "@aws-sdk/client-sts";
import * as ses from "@aws-sdk/client-ses";
import * as sesv2 from "@aws-sdk/client-sesv2";

const services = { iam, sts, ses, sesv2 };
const classes = { iam: iam.IAMClient, sts: sts.STSClient, ses: ses.SESClient, sesv2: sesv2.SESv2Client };
const clients = {};
const client = (service, endpoint) => (clients[service + endpoint] ??= new classes[service]({ endpoint, maxAttempts: 1 }));

let caught = 0;
for (const { Service, Operation, Error, Input, Endpoint } of JSON.parse(readFileSync(0, "utf8"))) {
  const known = services[Service];
  if (Input.RawMessage) Input.RawMessage.Data = Buffer.from(Input.RawMessage.Data, "base64");
  try {
    await client(Service, Endpoint).send(new known[Operation + "Command"](Input));
    console.log(`${Service} ${Operation}: not refused with ${Error}`);
  } catch (e) {
    if (e instanceof known[Error] && e.$metadata.requestId) caught++;
    else console.log(`${Service} ${Operation}: ${e} is no ${Error}`);
  }
}
console.log(`${caught} errors were caught by their types`);
