// SPDX-License-Identifier: Apache-2.0
//
// The account, its templates of verification mails and their tags, by SES API v1 and v2 with
// the AWS SDK for JavaScript v3: what is set is read back field by field.

import assert from "node:assert/strict";
import * as v1 from "@aws-sdk/client-ses";
import * as v2 from "@aws-sdk/client-sesv2";

const sender = (client, commands) => async (operation, input = {}) => {
  const { $metadata, ...answer } = await client.send(new commands[operation + "Command"](input));
  assert.equal($metadata.httpStatusCode, 200);
  return answer;
};
const one = sender(new v1.SESClient(), v1);
const two = sender(new v2.SESv2Client(), v2);
const same = (got, want) => assert.deepEqual(got, want);

// The account

const quota = await one("GetSendQuota");
const account = await two("GetAccount");
same(account.SendQuota, quota);
same([account.EnforcementStatus, account.ProductionAccessEnabled, account.SendingEnabled, account.Details], ["HEALTHY", true, true, undefined]);
const details = {
  MailType: "TRANSACTIONAL", WebsiteURL: "https://example.com", ContactLanguage: "EN", UseCaseDescription: "Receipts",
  AdditionalContactEmailAddresses: ["postmaster@example.com"],
};
await two("PutAccountDetails", details);
same((await two("GetAccount")).Details, details);
await two("PutAccountSendingAttributes", { SendingEnabled: false });
same(await one("GetAccountSendingEnabled"), { Enabled: false });
await one("UpdateAccountSendingEnabled", { Enabled: true });
same((await two("GetAccount")).SendingEnabled, true);

// A template of either version, read by the other

await two("CreateEmailIdentity", { EmailIdentity: "example.com" });
const template = {
  TemplateName: "welcome", FromEmailAddress: "hello@example.com", TemplateSubject: "Please confirm", TemplateContent: "<p>Is it you?</p>",
  SuccessRedirectionURL: "https://example.com/yes", FailureRedirectionURL: "https://example.com/no",
};
const { TemplateContent, ...listed } = template;
await one("CreateCustomVerificationEmailTemplate", template);
same(await two("GetCustomVerificationEmailTemplate", { TemplateName: "welcome" }), { ...template, Tags: [] });
await two("UpdateCustomVerificationEmailTemplate", { ...template, TemplateSubject: "Confirm" });
same(await one("GetCustomVerificationEmailTemplate", { TemplateName: "welcome" }), { ...template, TemplateSubject: "Confirm" });
await one("UpdateCustomVerificationEmailTemplate", { TemplateName: "welcome", TemplateSubject: "Please confirm" });
same((await two("ListCustomVerificationEmailTemplates")).CustomVerificationEmailTemplates, [listed]);
same((await one("ListCustomVerificationEmailTemplates")).CustomVerificationEmailTemplates, [listed]);

const ResourceArn = `arn:aws:ses:${process.env.AWS_REGION}:${process.env.SESAME_ACCOUNT}:custom-verification-email-template/welcome`;
await two("TagResource", { ResourceArn, Tags: [{ Key: "team", Value: "mail" }, { Key: "x", Value: "y" }] });
await two("UntagResource", { ResourceArn, TagKeys: ["x"] });
same(await two("ListTagsForResource", { ResourceArn }), { Tags: [{ Key: "team", Value: "mail" }] });
for (const send of [one, two]) {
  const { MessageId } = await send("SendCustomVerificationEmail", { EmailAddress: "new@example.net", TemplateName: "welcome" });
  assert.match(MessageId, /^[0-9a-f]{16}-/);
}
await one("DeleteCustomVerificationEmailTemplate", { TemplateName: "welcome" });
await two("CreateCustomVerificationEmailTemplate", { ...template, Tags: [{ Key: "a", Value: "b" }] });
same((await two("GetCustomVerificationEmailTemplate", { TemplateName: "welcome" })).Tags, [{ Key: "a", Value: "b" }]);
await two("DeleteCustomVerificationEmailTemplate", { TemplateName: "welcome" });
same((await two("ListCustomVerificationEmailTemplates")).CustomVerificationEmailTemplates, []);
same((await one("GetSendStatistics")).SendDataPoints instanceof Array, true);

// The older names

await one("VerifyEmailAddress", { EmailAddress: "old@example.org" });
same(await one("ListVerifiedEmailAddresses"), { VerifiedEmailAddresses: ["old@example.org"] });
await one("DeleteVerifiedEmailAddress", { EmailAddress: "old@example.org" });
same(await one("ListVerifiedEmailAddresses"), { VerifiedEmailAddresses: [] });

console.log("done");
