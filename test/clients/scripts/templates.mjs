// SPDX-License-Identifier: Apache-2.0
//
// Templates with the AWS SDK for JavaScript v3, in the way of SES's code examples. Nothing
// but the environment names the server. Prints one line of JSON for each mail that it sends.

import assert from "node:assert/strict";
import * as v1 from "@aws-sdk/client-ses";
import * as v2 from "@aws-sdk/client-sesv2";

const ses = new v1.SESClient();
const sesv2 = new v2.SESv2Client();
const sent = (name, MessageId) => console.log(JSON.stringify({ case: name, MessageId }));
const Source = "Mary Major <mary.major@example.com>";

await sesv2.send(new v2.CreateEmailIdentityCommand({ EmailIdentity: "example.com" }));

// Without a text part, and nested data.
await ses.send(
  new v1.CreateTemplateCommand({
    Template: {
      TemplateName: "Tip",
      SubjectPart: "Amazon Tip",
      HtmlPart: `
        <h1>Hello, {{contact.firstName}}!</h1>
        <p>Did you know Amazon has a mascot named Peccy?</p>`,
    },
  }),
);
const listed = await ses.send(new v1.ListTemplatesCommand({ MaxItems: 10 }));
assert.deepEqual(listed.TemplatesMetadata.map((t) => t.Name), ["Tip"]);
assert.ok(listed.TemplatesMetadata[0].CreatedTimestamp instanceof Date);
const templated = await ses.send(
  new v1.SendTemplatedEmailCommand({
    Source,
    Destination: { ToAddresses: ["bilbo@example.net"] },
    Template: "Tip",
    TemplateData: JSON.stringify({ contact: { firstName: "Bilbo" } }),
  }),
);
sent("nested", templated.MessageId);

await ses.send(
  new v1.CreateTemplateCommand({ Template: { TemplateName: "Hello", SubjectPart: "Hello {{name}}", TextPart: "Hello {{name}}!" } }),
);
const bulk = await ses.send(
  new v1.SendBulkTemplatedEmailCommand({
    Source,
    Template: "Hello",
    DefaultTemplateData: JSON.stringify({ name: "Shireling" }),
    Destinations: ["Bilbo", "Frodo"].map((name) => ({
      Destination: { ToAddresses: [`${name.toLowerCase()}@example.net`] },
      ReplacementTemplateData: JSON.stringify({ name }),
    })),
  }),
);
for (const [n, status] of bulk.Status.entries()) {
  assert.equal(status.Status, "Success");
  sent(`bulk ${n}`, status.MessageId);
}

// As django-anymail sends a mail merge: with a recipient's own headers. Debian's boto3 does
// not know them.
const merge = await sesv2.send(
  new v2.SendBulkEmailCommand({
    FromEmailAddress: Source,
    DefaultEmailTags: [{ Name: "tag", Value: "welcome" }],
    DefaultContent: {
      Template: { TemplateName: "Hello", TemplateData: `{"name":"friend"}`, Headers: [{ Name: "X-Campaign", Value: "default" }] },
    },
    BulkEmailEntries: [
      { Destination: { ToAddresses: ["sam@example.net"] } },
      {
        Destination: { ToAddresses: ["rosie@example.net"] },
        ReplacementEmailContent: { ReplacementTemplate: { ReplacementTemplateData: `{"name":"Rosie"}` } },
        ReplacementHeaders: [{ Name: "X-Campaign", Value: "own" }],
      },
    ],
  }),
);
for (const [n, result] of merge.BulkEmailEntryResults.entries()) {
  assert.equal(result.Status, "SUCCESS");
  sent(`merge ${n}`, result.MessageId);
}

const pages = [];
for await (const page of v2.paginateListEmailTemplates({ client: sesv2, pageSize: 1 }, {})) {
  pages.push(...page.TemplatesMetadata.map((t) => t.TemplateName));
}
assert.deepEqual(pages, ["Hello", "Tip"]);
const rendered = await sesv2.send(new v2.TestRenderEmailTemplateCommand({ TemplateName: "Hello", TemplateData: `{"name":"Sam"}` }));
assert.match(rendered.RenderedTemplate, /^Subject: Hello Sam\r\n/);

await assert.rejects(ses.send(new v1.GetTemplateCommand({ TemplateName: "Gone" })), v1.TemplateDoesNotExistException);
await assert.rejects(
  sesv2.send(new v2.CreateEmailTemplateCommand({ TemplateName: "Bad", TemplateContent: { Subject: "x", Text: "{{#if x}}" } })),
  (e) => e instanceof v2.BadRequestException && e.message.includes("line 1, column 1"),
);
for (const TemplateName of ["Hello", "Tip"]) {
  await ses.send(new v1.DeleteTemplateCommand({ TemplateName }));
}
