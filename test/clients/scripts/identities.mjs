// SPDX-License-Identifier: Apache-2.0
//
// Every operation on identities of SES API v1 and v2 with the AWS SDK for JavaScript v3:
// what is set is read back field by field, and each error is caught by its own class.
// Nothing but the environment names the server.

import assert from "node:assert/strict";
import * as v1 from "@aws-sdk/client-ses";
import * as v2 from "@aws-sdk/client-sesv2";

const ses = new v1.SESClient();
const sesv2 = new v2.SESv2Client();
const region = process.env.AWS_REGION;
const account = "123456789012";

// call("GetEmailIdentity", {...}) sends the command of that name; one("ListIdentities") is
// for version 1. The answers come without what the SDK adds to them.
const sender = (client, commands) => async (operation, input = {}) => {
  const { $metadata, ...answer } = await client.send(new commands[operation + "Command"](input));
  assert.equal($metadata.httpStatusCode, 200);
  return answer;
};
const one = sender(ses, v1);
const call = sender(sesv2, v2);
const refused = (error, promise) =>
  assert.rejects(promise, (e) => {
    assert.ok(e instanceof error, `${e} is no ${error.name}`);
    assert.ok(e.message && e.$metadata.requestId);
    return true;
  });

// Version 2

const domain = "js.example.com";
const created = await call("CreateEmailIdentity", { EmailIdentity: domain, Tags: [{ Key: "team", Value: "mail" }] });
assert.equal(created.IdentityType, "DOMAIN");
const get = () => call("GetEmailIdentity", { EmailIdentity: domain });

const whole = await get();
const { LastKeyGenerationTimestamp: made, SigningHostedZone: zone, ...dkim } = whole.DkimAttributes;
assert.ok(made instanceof Date && made.getTime() > 1.6e12);
assert.match(zone, /^dkim\./);
assert.deepEqual(dkim, {
  SigningEnabled: true, Status: "SUCCESS", Tokens: created.DkimAttributes.Tokens, SigningAttributesOrigin: "AWS_SES",
  CurrentSigningKeyLength: "RSA_2048_BIT", NextSigningKeyLength: "RSA_2048_BIT",
});
assert.equal(dkim.Tokens.length, 3);
assert.deepEqual(
  [whole.VerifiedForSendingStatus, whole.VerificationStatus, whole.FeedbackForwardingStatus, whole.Policies, whole.Tags, whole.MailFromAttributes],
  [true, "SUCCESS", true, {}, [{ Key: "team", Value: "mail" }], { BehaviorOnMxFailure: "USE_DEFAULT_VALUE" }],
);
assert.ok(whole.VerificationInfo.LastSuccessTimestamp instanceof Date);

await call("PutEmailIdentityDkimAttributes", { EmailIdentity: domain, SigningEnabled: false });
assert.equal((await get()).DkimAttributes.SigningEnabled, false);
const signing = await call("PutEmailIdentityDkimSigningAttributes", {
  EmailIdentity: domain, SigningAttributesOrigin: "AWS_SES", SigningAttributes: { NextSigningKeyLength: "RSA_1024_BIT" },
});
assert.deepEqual([signing.DkimStatus, signing.SigningHostedZone], ["SUCCESS", zone]);
assert.equal((await get()).DkimAttributes.NextSigningKeyLength, "RSA_1024_BIT");
await call("PutEmailIdentityFeedbackAttributes", { EmailIdentity: domain, EmailForwardingEnabled: false });
assert.equal((await get()).FeedbackForwardingStatus, false);
await call("PutEmailIdentityMailFromAttributes", { EmailIdentity: domain, MailFromDomain: "bounce." + domain, BehaviorOnMxFailure: "REJECT_MESSAGE" });
assert.deepEqual((await get()).MailFromAttributes, { MailFromDomain: "bounce." + domain, MailFromDomainStatus: "SUCCESS", BehaviorOnMxFailure: "REJECT_MESSAGE" });
await call("PutEmailIdentityMailFromAttributes", { EmailIdentity: domain });
assert.deepEqual((await get()).MailFromAttributes, { BehaviorOnMxFailure: "USE_DEFAULT_VALUE" });
await call("PutEmailIdentityConfigurationSetAttributes", { EmailIdentity: domain });
assert.equal((await get()).ConfigurationSetName, undefined);

const arn = `arn:aws:ses:${region}:${account}:identity/${domain}`;
const policy = (action, resource = arn) =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { AWS: "210987654321" }, Action: action, Resource: resource }] });
const put = (operation, PolicyName, Policy) => call(operation, { EmailIdentity: domain, PolicyName, Policy });
await put("CreateEmailIdentityPolicy", "p", policy("ses:SendEmail"));
await refused(v2.AlreadyExistsException, put("CreateEmailIdentityPolicy", "p", policy("ses:SendEmail")));
await put("UpdateEmailIdentityPolicy", "p", policy("ses:SendRawEmail"));
await refused(v2.NotFoundException, put("UpdateEmailIdentityPolicy", "q", policy("ses:SendEmail")));
await refused(v2.BadRequestException, put("UpdateEmailIdentityPolicy", "p", policy("ses:SendEmail", arn + ".other")));
assert.deepEqual(await call("GetEmailIdentityPolicies", { EmailIdentity: domain }), { Policies: { p: policy("ses:SendRawEmail") } });
for (let n = 0; n < 19; n++) await put("CreateEmailIdentityPolicy", "p" + n, policy("ses:SendEmail"));
await refused(v2.LimitExceededException, put("CreateEmailIdentityPolicy", "p19", policy("ses:SendEmail")));
await call("DeleteEmailIdentityPolicy", { EmailIdentity: domain, PolicyName: "p" });
await refused(v2.NotFoundException, call("DeleteEmailIdentityPolicy", { EmailIdentity: domain, PolicyName: "p" }));

await call("TagResource", { ResourceArn: arn, Tags: [{ Key: "team", Value: "post" }, { Key: "x", Value: "" }] });
await call("UntagResource", { ResourceArn: arn, TagKeys: ["x", "gone"] });
assert.deepEqual(await call("ListTagsForResource", { ResourceArn: arn }), { Tags: [{ Key: "team", Value: "post" }] });
await refused(v2.NotFoundException, call("ListTagsForResource", { ResourceArn: arn + ".gone" }));
await refused(v2.BadRequestException, call("TagResource", { ResourceArn: arn, Tags: [{ Key: "a!", Value: "" }] }));

assert.deepEqual((await call("ListEmailIdentities")).EmailIdentities, [
  { IdentityName: domain, IdentityType: "DOMAIN", SendingEnabled: true, VerificationStatus: "SUCCESS" },
]);
await refused(v2.AlreadyExistsException, call("CreateEmailIdentity", { EmailIdentity: domain.toUpperCase() }));
await refused(v2.BadRequestException, call("CreateEmailIdentity", { EmailIdentity: "no name" }));
await refused(v2.NotFoundException, call("CreateEmailIdentity", { EmailIdentity: "x@example.com", ConfigurationSetName: "gone" }));
await call("DeleteEmailIdentity", { EmailIdentity: domain });
for (const operation of ["GetEmailIdentity", "DeleteEmailIdentity", "GetEmailIdentityPolicies", "PutEmailIdentityFeedbackAttributes", "PutEmailIdentityMailFromAttributes"])
  await refused(v2.NotFoundException, call(operation, { EmailIdentity: domain }));

// Version 1

const name = "js.example.org";
await one("VerifyEmailIdentity", { EmailAddress: "a+b@" + name });
await v1.waitUntilIdentityExists({ client: ses, maxWaitTime: 10, minDelay: 1 }, { Identities: ["a+b@" + name] });
const { VerificationToken } = await one("VerifyDomainIdentity", { Domain: name });
assert.deepEqual(await one("GetIdentityVerificationAttributes", { Identities: [name, "a+b@" + name, "gone.example"] }), {
  VerificationAttributes: { [name]: { VerificationStatus: "Success", VerificationToken }, ["a+b@" + name]: { VerificationStatus: "Success" } },
});
const { DkimTokens } = await one("VerifyDomainDkim", { Domain: name });
await one("SetIdentityDkimEnabled", { Identity: name, DkimEnabled: false });
assert.deepEqual(await one("GetIdentityDkimAttributes", { Identities: [name] }), {
  DkimAttributes: { [name]: { DkimEnabled: false, DkimVerificationStatus: "Success", DkimTokens } },
});
await one("SetIdentityMailFromDomain", { Identity: name, MailFromDomain: "m." + name, BehaviorOnMXFailure: "RejectMessage" });
assert.deepEqual(await one("GetIdentityMailFromDomainAttributes", { Identities: [name] }), {
  MailFromDomainAttributes: { [name]: { MailFromDomain: "m." + name, MailFromDomainStatus: "Success", BehaviorOnMXFailure: "RejectMessage" } },
});
const topic = `arn:aws:sns:${region}:${account}:feedback`;
await refused(v1.SESServiceException, one("SetIdentityFeedbackForwardingEnabled", { Identity: name, ForwardingEnabled: false }));
for (const NotificationType of ["Bounce", "Complaint"]) await one("SetIdentityNotificationTopic", { Identity: name, NotificationType, SnsTopic: topic });
await one("SetIdentityHeadersInNotificationsEnabled", { Identity: name, NotificationType: "Complaint", Enabled: true });
await one("SetIdentityFeedbackForwardingEnabled", { Identity: name, ForwardingEnabled: false });
assert.deepEqual(await one("GetIdentityNotificationAttributes", { Identities: [name] }), {
  NotificationAttributes: {
    [name]: {
      BounceTopic: topic, ComplaintTopic: topic, ForwardingEnabled: false, HeadersInBounceNotificationsEnabled: false,
      HeadersInComplaintNotificationsEnabled: true, HeadersInDeliveryNotificationsEnabled: false,
    },
  },
});
const own = policy("ses:SendEmail", arn.replace(domain, name));
await one("PutIdentityPolicy", { Identity: name, PolicyName: "p", Policy: own });
await refused(v1.InvalidPolicyException, one("PutIdentityPolicy", { Identity: name, PolicyName: "p", Policy: "{}" }));
assert.deepEqual(await one("ListIdentityPolicies", { Identity: name }), { PolicyNames: ["p"] });
assert.deepEqual(await one("GetIdentityPolicies", { Identity: name, PolicyNames: ["p", "q"] }), { Policies: { p: own } });
await one("DeleteIdentityPolicy", { Identity: name, PolicyName: "p" });
assert.deepEqual(await one("ListIdentities", { IdentityType: "EmailAddress" }), { Identities: ["a+b@" + name] });
for (const Identity of [name, "a+b@" + name, name]) await one("DeleteIdentity", { Identity });
assert.deepEqual(await one("ListIdentities"), { Identities: [] });

console.log("every identity is as it was set");
