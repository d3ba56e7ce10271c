// SPDX-License-Identifier: Apache-2.0
//
// nodemailer's SES transport over SES API v2. The environment of dev.env names the
// server. Prints one line of JSON for each mail that it sends.

import assert from "node:assert/strict";
import { CreateEmailIdentityCommand, SendEmailCommand, SESv2Client } from "@aws-sdk/client-sesv2";
import nodemailer from "nodemailer";

const sesClient = new SESv2Client();
const transport = nodemailer.createTransport({ SES: { sesClient, SendEmailCommand } });

// verify() sends from an address that is nobody's and takes just one refusal for good:
// that the message was rejected. Any other means that the set-up is wrong.
assert.equal(await transport.verify(), true);

await sesClient.send(new CreateEmailIdentityCommand({ EmailIdentity: "example.com" }));
const info = await transport.sendMail({
  from: "Node Mailer <sender@example.com>",
  to: "to@example.net",
  cc: "cc@example.net",
  bcc: "hidden@example.net",
  replyTo: "answers@example.com",
  subject: "Viele Grüße",
  text: "Schöne Grüße von nodemailer.",
  html: "<p>Schöne Grüße von <b>nodemailer</b>.</p>",
  attachments: [{ filename: "hello.txt", content: "Hello!\n" }],
});
assert.equal(info.messageId, `<${info.response}@email.amazonses.com>`);
console.log(JSON.stringify({ case: "nodemailer ses", MessageId: info.response }));
