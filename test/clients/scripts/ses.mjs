// SPDX-License-Identifier: Apache-2.0
//
// SES API v1 with the AWS SDK for JavaScript v3. Nothing but the environment names the
// server: AWS_ENDPOINT_URL, AWS_REGION and the keys, as dev.env sets them.
// Prints one line of JSON for each mail that it sends.

import assert from "node:assert/strict";
import {
  DeleteIdentityCommand,
  GetIdentityDkimAttributesCommand,
  GetIdentityVerificationAttributesCommand,
  GetSendQuotaCommand,
  GetSendStatisticsCommand,
  ListIdentitiesCommand,
  MessageRejected,
  SendEmailCommand,
  SendRawEmailCommand,
  SESClient,
  VerifyDomainDkimCommand,
  VerifyDomainIdentityCommand,
  VerifyEmailIdentityCommand,
  waitUntilIdentityExists,
} from "@aws-sdk/client-ses";

const ses = new SESClient();

async function send(name, command) {
  const { MessageId } = await ses.send(command);
  console.log(JSON.stringify({ case: name, MessageId }));
}

// Identities

await ses.send(new VerifyEmailIdentityCommand({ EmailAddress: "sender@example.org" }));
const { state } = await waitUntilIdentityExists({ client: ses, maxWaitTime: 30 }, { Identities: ["sender@example.org"] });
assert.equal(state, "SUCCESS");

const { VerificationToken } = await ses.send(new VerifyDomainIdentityCommand({ Domain: "other.example" }));
assert.ok(VerificationToken);

const domains = await ses.send(new ListIdentitiesCommand({ IdentityType: "Domain" }));
assert.deepEqual(domains.Identities, ["other.example"]);
assert.equal(domains.NextToken || undefined, undefined);

const { VerificationAttributes } = await ses.send(
  new GetIdentityVerificationAttributesCommand({ Identities: ["sender@example.org", "other.example", "unknown.example"] }),
);
assert.equal(VerificationAttributes["sender@example.org"].VerificationStatus, "Success");
assert.equal(VerificationAttributes["other.example"].VerificationToken, VerificationToken);
assert.equal(VerificationAttributes["unknown.example"], undefined);

await ses.send(new DeleteIdentityCommand({ Identity: "other.example" }));
const left = await ses.send(new ListIdentitiesCommand({}));
assert.deepEqual(left.Identities, ["sender@example.org"]);

// With a key of the domain, the address's mail is signed.
const { DkimTokens } = await ses.send(new VerifyDomainDkimCommand({ Domain: "example.org" }));
assert.equal(DkimTokens.length, 3);
const { DkimAttributes } = await ses.send(new GetIdentityDkimAttributesCommand({ Identities: ["example.org"] }));
assert.deepEqual(DkimAttributes["example.org"], { DkimEnabled: true, DkimVerificationStatus: "Success", DkimTokens });

// Messages that SES puts together

await send(
  "v1 everything",
  new SendEmailCommand({
    Source: "sender@example.org",
    Destination: {
      ToAddresses: ["to@example.net"],
      CcAddresses: ["cc@example.net"],
      BccAddresses: ["hidden@example.net"],
    },
    ReplyToAddresses: ["answers@example.org"],
    Message: {
      Subject: { Charset: "UTF-8", Data: "Crème brûlée" },
      Body: {
        Text: { Charset: "UTF-8", Data: "Déjà vu." },
        Html: { Charset: "UTF-8", Data: "<p>Déjà vu.</p>" },
      },
    },
    Tags: [{ Name: "campaign", Value: "spring" }],
  }),
);

// Empty lists stand for none.
await send(
  "v1 html",
  new SendEmailCommand({
    Source: "sender@example.org",
    Destination: { ToAddresses: ["to@example.net"], CcAddresses: [] },
    ReplyToAddresses: [],
    Message: { Subject: { Data: "HTML alone, no charset" }, Body: { Html: { Data: "<p>Hello from SES v1.</p>" } } },
  }),
);

// Messages that the client has put together. This one has plain line feeds, a media
// type in mixed case, a semicolon too many and no line end after the last boundary.

await send(
  "v1 raw alone",
  new SendRawEmailCommand({
    RawMessage: {
      Data: Buffer.from(
        [
          "From: sender@example.org",
          "To: to@example.net",
          "Subject: Raw data only",
          "MIME-Version: 1.0",
          'Content-type: Multipart/Mixed; boundary="NextPart"',
          "",
          "--NextPart",
          "Content-Type: text/plain",
          "",
          "This is the message body.",
          "",
          "--NextPart",
          "Content-Type: text/plain;",
          'Content-Disposition: attachment; filename="attachment.txt"',
          "",
          "This is the text in the attachment.",
          "--NextPart--",
        ].join("\n"),
      ),
    },
  }),
);

await send(
  "v1 raw",
  new SendRawEmailCommand({
    Source: "sender@example.org",
    Destinations: ["elsewhere@example.net"],
    RawMessage: {
      Data: Buffer.from(
        "From: sender@example.org\r\nTo: to@example.net\r\nSubject: Raw, Source and Destinations given\r\n\r\n" +
          "Only the Destinations get this.\r\n",
      ),
    },
  }),
);

// What the account may send, and has sent

const quota = await ses.send(new GetSendQuotaCommand());
assert.equal(typeof quota.Max24HourSend, "number");
assert.equal(typeof quota.MaxSendRate, "number");
assert.ok(quota.SentLast24Hours >= 6);

const { SendDataPoints } = await ses.send(new GetSendStatisticsCommand());
assert.ok(SendDataPoints.length >= 1);
assert.ok(SendDataPoints[0].Timestamp instanceof Date);
assert.ok(SendDataPoints[0].DeliveryAttempts >= 1);
assert.equal(SendDataPoints[0].Bounces, 0);

// Refusals

const message = { Subject: { Data: "x" }, Body: { Text: { Data: "x" } } };
await assert.rejects(
  ses.send(
    new SendEmailCommand({
      Source: "stranger@unverified.example",
      Destination: { ToAddresses: ["to@example.net"] },
      Message: message,
    }),
  ),
  (e) => {
    assert.ok(e instanceof MessageRejected);
    assert.equal(e.$metadata.httpStatusCode, 400);
    assert.ok(e.$metadata.requestId);
    assert.match(e.message, /^Email address is not verified\. The following identities failed the check in region us-east-1: stranger@unverified\.example$/i);
    return true;
  },
);
await assert.rejects(
  ses.send(new SendEmailCommand({ Source: "", Destination: { ToAddresses: ["to@example.net"] }, Message: message })),
  (e) => {
    assert.equal(e.$metadata.httpStatusCode, 400);
    assert.ok(e.name !== "Error" && e.message);
    return true;
  },
);

for (const wrong of [
  { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "not the secret" },
  { accessKeyId: "AKIANOBODYKNOWSTHIS0", secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY },
]) {
  const stranger = new SESClient({ credentials: wrong });
  await assert.rejects(stranger.send(new GetSendQuotaCommand()), (e) => {
    assert.equal(e.$metadata.httpStatusCode, 403);
    assert.ok(e.name && e.name !== "Error" && e.message);
    return true;
  });
}
