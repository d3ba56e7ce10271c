// SPDX-License-Identifier: Apache-2.0
//
// SES API v2 with the AWS SDK for JavaScript v3. Nothing but the environment names the
// server: AWS_ENDPOINT_URL, AWS_REGION and the keys, as dev.env sets them.
// Prints one line of JSON for each mail that it sends.

import assert from "node:assert/strict";
import {
  AlreadyExistsException,
  CreateEmailIdentityCommand,
  DeleteEmailIdentityCommand,
  GetAccountCommand,
  GetEmailIdentityCommand,
  MessageRejected,
  NotFoundException,
  paginateListEmailIdentities,
  SendEmailCommand,
  SESv2Client,
} from "@aws-sdk/client-sesv2";

const ses = new SESv2Client();

async function send(name, input) {
  const { MessageId } = await ses.send(new SendEmailCommand(input));
  console.log(JSON.stringify({ case: name, MessageId }));
}

// Identities

const created = await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: "example.com" }));
assert.equal(created.IdentityType, "DOMAIN");
assert.equal(created.DkimAttributes.Tokens.length, 3);

await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: "a+b@example.org", Tags: [{ Key: "team", Value: "mail" }] }));
const identity = await ses.send(new GetEmailIdentityCommand({ EmailIdentity: "a+b@example.org" }));
assert.equal(identity.IdentityType, "EMAIL_ADDRESS");
assert.equal(identity.VerifiedForSendingStatus, true);
assert.deepEqual(identity.Tags, [{ Key: "team", Value: "mail" }]);

const listed = [];
for await (const page of paginateListEmailIdentities({ client: ses, pageSize: 1 }, {})) {
  assert.ok(page.EmailIdentities.length <= 1);
  listed.push(...page.EmailIdentities.map((i) => i.IdentityName));
}
assert.deepEqual(listed.sort(), ["a+b@example.org", "example.com"]);

await assert.rejects(ses.send(new CreateEmailIdentityCommand({ EmailIdentity: "example.com" })), AlreadyExistsException);
await ses.send(new DeleteEmailIdentityCommand({ EmailIdentity: "a+b@example.org" }));
await assert.rejects(ses.send(new GetEmailIdentityCommand({ EmailIdentity: "a+b@example.org" })), (e) => {
  assert.ok(e instanceof NotFoundException);
  assert.equal(e.$metadata.httpStatusCode, 404);
  assert.ok(e.$metadata.requestId);
  assert.ok(e.message);
  return true;
});

// Simple messages: SES puts them together

await send("v2 text", {
  FromEmailAddress: "sender@example.com",
  Destination: { ToAddresses: ["to@example.net"] },
  Content: {
    Simple: {
      Subject: { Data: "Plain and simple" },
      Body: { Text: { Data: "Hello from SES v2." } },
    },
  },
});

await send("v2 html", {
  FromEmailAddress: "sender@example.com",
  Destination: { ToAddresses: ["to@example.net"], CcAddresses: [], BccAddresses: [] },
  Content: {
    Simple: {
      Subject: { Data: "HTML alone", Charset: "UTF-8" },
      Body: { Html: { Data: "<p>Hello from <b>SES v2</b>.</p>", Charset: "UTF-8" } },
    },
  },
});

await send("v2 everything", {
  FromEmailAddress: "Sesame Test <sender@example.com>",
  Destination: {
    ToAddresses: ["to@example.net", '"Second Reader" <second@example.net>'],
    CcAddresses: ["cc@example.net"],
    BccAddresses: ["hidden@example.net"],
  },
  ReplyToAddresses: ["answers@example.com", "more@example.com"],
  Content: {
    Simple: {
      Subject: { Data: "Grüße aus Köln, 100 % – ✓", Charset: "UTF-8" },
      Body: {
        Text: { Data: "Käse kostet 3 €.\nZweite Zeile.", Charset: "UTF-8" },
        Html: { Data: "<h1>Käse</h1>\n<p>kostet 3 €.</p>", Charset: "UTF-8" },
      },
    },
  },
  EmailTags: [{ Name: "campaign", Value: "spring" }],
});

await send("v2 attachments", {
  FromEmailAddress: "sender@example.com",
  Destination: { ToAddresses: ["to@example.net"] },
  Content: {
    Simple: {
      Subject: { Data: "With two files" },
      Body: { Text: { Data: "See the files." }, Html: { Data: '<img src="cid:pixel">' } },
      Attachments: [
        { FileName: "notes.txt", ContentType: "text/plain", RawContent: Buffer.from("line one\nline two\n") },
        {
          FileName: "pixel.png",
          ContentType: "image/png",
          ContentDisposition: "INLINE",
          ContentId: "pixel",
          RawContent: Buffer.from(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
            "base64",
          ),
        },
      ],
    },
  },
});

await send("v2 headers", {
  FromEmailAddress: "sender@example.com",
  Destination: { ToAddresses: ["to@example.net"] },
  Content: {
    Simple: {
      Subject: { Data: "With header fields of its own" },
      Body: { Text: { Data: "Look at the headers." } },
      Headers: [
        { Name: "X-Campaign", Value: "spring-26" },
        { Name: "List-Unsubscribe", Value: "<https://example.com/unsubscribe?id=1>" },
      ],
    },
  },
});

// Raw messages: the client has put them together

await send("v2 raw", {
  FromEmailAddress: "sender@example.com",
  Destination: { ToAddresses: ["to@example.net", "unnamed@example.net"] },
  Content: {
    Raw: {
      Data: Buffer.from(
        [
          "From: Raw Sender <sender@example.com>",
          "To: to@example.net",
          "Subject: Raw, recipients given",
          "X-Kept: as it was",
          "Message-ID: <replaced@example.com>",
          "",
          "The envelope has one reader more than the header.",
          "",
        ].join("\r\n"),
      ),
    },
  },
});

await send("v2 raw alone", {
  Content: {
    Raw: {
      Data: Buffer.from(
        [
          "From: sender@example.com",
          "To: to@example.net",
          "Cc: cc@example.net",
          "Subject: Raw, nothing else given",
          "MIME-Version: 1.0",
          "Content-Type: text/plain; charset=utf-8",
          "",
          "Sender and recipients are those of the header.",
          "",
        ].join("\r\n"),
      ),
    },
  },
});

// What the account may send, and has sent

const account = await ses.send(new GetAccountCommand());
assert.equal(account.SendingEnabled, true);
assert.equal(account.ProductionAccessEnabled, true);
assert.equal(typeof account.SendQuota.Max24HourSend, "number");
assert.equal(typeof account.SendQuota.MaxSendRate, "number");
assert.ok(account.SendQuota.SentLast24Hours >= 7);

// Refusals

const text = { Simple: { Subject: { Data: "x" }, Body: { Text: { Data: "x" } } } };
await assert.rejects(
  ses.send(
    new SendEmailCommand({
      FromEmailAddress: "stranger@unverified.example",
      Destination: { ToAddresses: ["to@example.net"] },
      Content: text,
    }),
  ),
  (e) => {
    assert.ok(e instanceof MessageRejected);
    assert.equal(e.$metadata.httpStatusCode, 400);
    assert.match(e.message, /^Email address is not verified\. The following identities failed the check in region us-east-1: stranger@unverified\.example$/i);
    return true;
  },
);
await assert.rejects(
  ses.send(new SendEmailCommand({ FromEmailAddress: "sender@example.com", Destination: {}, Content: text })),
  { name: "BadRequestException", $fault: "client" },
);

for (const wrong of [
  { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "not the secret" },
  { accessKeyId: "AKIANOBODYKNOWSTHIS0", secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY },
]) {
  const stranger = new SESv2Client({ credentials: wrong });
  await assert.rejects(stranger.send(new GetAccountCommand()), (e) => {
    assert.equal(e.$metadata.httpStatusCode, 403);
    assert.ok(e.name && e.name !== "Error" && e.message);
    return true;
  });
}
