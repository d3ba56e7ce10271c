// SPDX-License-Identifier: Apache-2.0
//
// nodemailer's SES transport over SES API v2. The environment of dev.env names the
// server. Prints one line of JSON for each mail that it sends.

import assert from "node:assert/strict";
import { CreateConfigurationSetCommand, CreateEmailIdentityCommand, SendEmailCommand, SESv2Client } from "@aws-sdk/client-sesv2";
import nodemailer from "nodemailer";

const sesClient = new SESv2Client();
const transport = nodemailer.createTransport({ SES: { sesClient, SendEmailCommand } });

async function send(name, mail) {
  const info = await transport.sendMail(mail);
  assert.equal(info.messageId, `<${info.response}@email.amazonses.com>`);
  console.log(JSON.stringify({ case: name, MessageId: info.response }));
}

// verify() sends from an address that is nobody's and takes just two refusals for good: that
// the message was rejected, or a parameter was wrong. Any other means that the set-up is wrong.
assert.equal(await transport.verify(), true);

await sesClient.send(new CreateEmailIdentityCommand({ EmailIdentity: "example.com" }));
await sesClient.send(new CreateConfigurationSetCommand({ ConfigurationSetName: "mailer" }));
assert.equal(await transport.verify(), true);

const credentials = { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "not the secret" };
const stranger = nodemailer.createTransport({ SES: { sesClient: new SESv2Client({ credentials }), SendEmailCommand } });
await assert.rejects(stranger.verify(), { name: "InvalidSignatureException" });

await send("nodemailer ses", {
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

// What is below "ses" goes into SendEmail as it is.
await send("nodemailer options", {
  from: { name: "Jörg Müller", address: "sender@example.com" },
  to: { name: "Zoë", address: "to@example.net" },
  subject: "With a set, tags and a picture",
  text: "See the picture.",
  html: '<img src="cid:pixel">',
  headers: { "X-Campaign": "spring-26" },
  attachments: [{ filename: "pixel.png", cid: "pixel", encoding: "base64", content: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==" }],
  ses: {
    ConfigurationSetName: "mailer",
    EmailTags: [
      { Name: "campaign", Value: "spring" },
      { Name: "kind", Value: "news" },
    ],
  },
});

await send("nodemailer envelope", {
  from: "sender@example.com",
  to: "to@example.net",
  envelope: { from: "sender@example.com", to: ["elsewhere@example.net"] },
  subject: "An envelope of its own",
  text: "Only the envelope counts.",
});

await assert.rejects(
  transport.sendMail({ from: "stranger@unverified.example", to: "to@example.net", subject: "x", text: "x" }),
  (e) => e.name === "MessageRejected" && e.message.includes("stranger@unverified.example"),
);
