// SPDX-License-Identifier: Apache-2.0
//
// Every operation of IAM and STS that the server has, with the AWS SDK for JavaScript v3: what
// is set is read back field by field. Nothing but the environment names the server.

import assert from "node:assert/strict";
import * as iam from "@aws-sdk/client-iam";
import * as sts from "@aws-sdk/client-sts";

// sender(client, commands)("GetUser", {...}) sends the command of that name. The answers come
// without what the SDK adds to them.
const sender = (client, commands) => async (operation, input = {}) => {
  const { $metadata, ...answer } = await client.send(new commands[operation + "Command"](input));
  assert.ok($metadata.requestId);
  return answer;
};
const call = sender(new iam.IAMClient(), iam);
const token = sender(new sts.STSClient(), sts);
const as = (c) => sender(new sts.STSClient({ credentials: { accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretAccessKey, sessionToken: c.SessionToken } }), sts);
const same = (got, want) => assert.deepEqual(got, want);
const isDate = (d) => assert.ok(d instanceof Date && d.getTime() > 1.6e12, `${d}`);
const document = (encoded) => JSON.parse(decodeURIComponent(encoded));
const allow = (Action) => ({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource: "*" }] });
const text = JSON.stringify;

const { Account, Arn } = await token("GetCallerIdentity");
const mine = (rest) => `arn:aws:iam::${Account}:${rest}`;
same(Arn, mine("user/dev"));

// A user

const tags = [{ Key: "team", Value: "shop + co" }];
const { User: made } = await call("CreateUser", { UserName: "shop", Path: "/team/", Tags: tags });
const { CreateDate, UserId, ...user } = made;
isDate(CreateDate);
assert.match(UserId, /^AIDA/);
same(user, { UserName: "shop", Path: "/team/", Arn: mine("user/team/shop"), Tags: tags });
same((await call("GetUser", { UserName: "shop" })).User, made);
same((await call("ListUsers", { PathPrefix: "/team/" })).Users.map((u) => [u.UserName, u.UserId]), [["shop", UserId]]);
await call("TagUser", { UserName: "shop", Tags: [{ Key: "a", Value: "" }, { Key: "b", Value: "c" }] });
await call("UntagUser", { UserName: "shop", TagKeys: ["a"] });
same((await call("ListUserTags", { UserName: "shop" })).Tags, [{ Key: "b", Value: "c" }, ...tags]);
await call("UpdateUser", { UserName: "shop", NewUserName: "store", NewPath: "/" });
same((await call("GetUser", { UserName: "store" })).User.Arn, mine("user/store"));
same((await call("ListGroupsForUser", { UserName: "store" })).Groups, []);

// Its keys

const { AccessKey: key } = await call("CreateAccessKey", { UserName: "store" });
same([key.UserName, key.Status, key.SecretAccessKey.length], ["store", "Active", 40]);
isDate(key.CreateDate);
same((await as(key)("GetCallerIdentity")).Arn, mine("user/store"));
const { UserName: owner, AccessKeyLastUsed: used } = await call("GetAccessKeyLastUsed", { AccessKeyId: key.AccessKeyId });
same([owner, used.ServiceName, used.Region], ["store", "sts", process.env.AWS_REGION]);
isDate(used.LastUsedDate);
const session = await as(key)("GetSessionToken", { DurationSeconds: 900 });
isDate(session.Credentials.Expiration);
same((await as(session.Credentials)("GetCallerIdentity")).Arn, mine("user/store"));
await call("UpdateAccessKey", { UserName: "store", AccessKeyId: key.AccessKeyId, Status: "Inactive" });
same((await call("ListAccessKeys", { UserName: "store" })).AccessKeyMetadata.map((k) => [k.AccessKeyId, k.Status]), [[key.AccessKeyId, "Inactive"]]);
await call("DeleteAccessKey", { UserName: "store", AccessKeyId: key.AccessKeyId });
same((await call("ListAccessKeys", { UserName: "store" })).AccessKeyMetadata, []);

// Its policies, and a managed one

await call("PutUserPolicy", { UserName: "store", PolicyName: "send", PolicyDocument: text(allow("ses:SendEmail")) });
const inline = await call("GetUserPolicy", { UserName: "store", PolicyName: "send" });
same([inline.UserName, inline.PolicyName, document(inline.PolicyDocument)], ["store", "send", allow("ses:SendEmail")]);
same((await call("ListUserPolicies", { UserName: "store" })).PolicyNames, ["send"]);
const { Policy: created } = await call("CreatePolicy", { PolicyName: "read", Path: "/mail/", Description: "may read", PolicyDocument: text(allow("ses:Get*")), Tags: tags });
const PolicyArn = mine("policy/mail/read");
same([created.Arn, created.DefaultVersionId, created.AttachmentCount, created.IsAttachable, created.Tags], [PolicyArn, "v1", 0, true, tags]);
await call("AttachUserPolicy", { UserName: "store", PolicyArn });
same((await call("ListAttachedUserPolicies", { UserName: "store" })).AttachedPolicies, [{ PolicyName: "read", PolicyArn }]);
const { Policy: read } = await call("GetPolicy", { PolicyArn });
same([read.PolicyName, read.Path, read.Description, read.AttachmentCount], ["read", "/mail/", "may read", 1]);
same((await call("ListPolicies", { Scope: "Local", OnlyAttached: true })).Policies.map((p) => p.Arn), [PolicyArn]);
const { PolicyVersion: second } = await call("CreatePolicyVersion", { PolicyArn, PolicyDocument: text(allow("ses:List*")) });
same([second.VersionId, second.IsDefaultVersion], ["v2", false]);
await call("SetDefaultPolicyVersion", { PolicyArn, VersionId: "v2" });
same((await call("ListPolicyVersions", { PolicyArn })).Versions.map((v) => [v.VersionId, v.IsDefaultVersion]), [["v2", true], ["v1", false]]);
same(document((await call("GetPolicyVersion", { PolicyArn, VersionId: "v2" })).PolicyVersion.Document), allow("ses:List*"));
await call("DeletePolicyVersion", { PolicyArn, VersionId: "v1" });
await call("TagPolicy", { PolicyArn, Tags: [{ Key: "x", Value: "y" }] });
await call("UntagPolicy", { PolicyArn, TagKeys: ["team"] });
same((await call("ListPolicyTags", { PolicyArn })).Tags, [{ Key: "x", Value: "y" }]);

// What it may do

const decisions = (answer) => answer.EvaluationResults.map((r) => [r.EvalActionName, r.EvalDecision, r.MatchedStatements.map((s) => s.SourcePolicyId)]);
same(decisions(await call("SimulatePrincipalPolicy", { PolicySourceArn: mine("user/store"), ActionNames: ["ses:SendEmail", "ses:ListIdentities", "ses:GetAccount"] })), [
  ["ses:SendEmail", "allowed", ["user_store_send"]], ["ses:ListIdentities", "allowed", ["read"]], ["ses:GetAccount", "implicitDeny", []],
]);
same(decisions(await call("SimulateCustomPolicy", { PolicyInputList: [text(allow("ses:Send*"))], ActionNames: ["ses:SendEmail"] })), [["ses:SendEmail", "allowed", ["PolicyInputList.1"]]]);

// A role

const trust = (principal) => ({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { AWS: principal }, Action: "sts:AssumeRole" }] });
const RoleName = "mailer";
const { Role: role } = await call("CreateRole", { RoleName, AssumeRolePolicyDocument: text(trust("210987654321")), Description: "sends", MaxSessionDuration: 7200, Tags: tags });
same([role.Arn, role.Path, role.Description, role.MaxSessionDuration, role.Tags], [mine("role/mailer"), "/", "sends", 7200, tags]);
await call("UpdateAssumeRolePolicy", { RoleName, PolicyDocument: text(trust(Account)) });
await call("UpdateRole", { RoleName, Description: "posts", MaxSessionDuration: 3600 });
const { Role: changed } = await call("GetRole", { RoleName });
same([changed.RoleId, changed.Description, changed.MaxSessionDuration, document(changed.AssumeRolePolicyDocument)], [role.RoleId, "posts", 3600, trust(Account)]);
same((await call("UpdateRoleDescription", { RoleName, Description: "writes" })).Role.Description, "writes");
same((await call("ListRoles")).Roles.map((r) => r.RoleName), [RoleName]);
await call("TagRole", { RoleName, Tags: [{ Key: "x", Value: "y" }] });
await call("UntagRole", { RoleName, TagKeys: ["team"] });
same((await call("ListRoleTags", { RoleName })).Tags, [{ Key: "x", Value: "y" }]);
await call("PutRolePolicy", { RoleName, PolicyName: "send", PolicyDocument: text(allow("ses:Send*")) });
same(document((await call("GetRolePolicy", { RoleName, PolicyName: "send" })).PolicyDocument), allow("ses:Send*"));
same((await call("ListRolePolicies", { RoleName })).PolicyNames, ["send"]);
await call("AttachRolePolicy", { RoleName, PolicyArn });
same((await call("ListAttachedRolePolicies", { RoleName })).AttachedPolicies, [{ PolicyName: "read", PolicyArn }]);
same((await call("ListInstanceProfilesForRole", { RoleName })).InstanceProfiles, []);
const entities = await call("ListEntitiesForPolicy", { PolicyArn });
same([entities.PolicyUsers, entities.PolicyRoles], [[{ UserName: "store", UserId }], [{ RoleName, RoleId: role.RoleId }]]);
const assumed = await token("AssumeRole", { RoleArn: role.Arn, RoleSessionName: "job-1" });
same(assumed.AssumedRoleUser, { Arn: `arn:aws:sts::${Account}:assumed-role/mailer/job-1`, AssumedRoleId: role.RoleId + ":job-1" });
same(await as(assumed.Credentials)("GetCallerIdentity"), { Account, Arn: assumed.AssumedRoleUser.Arn, UserId: assumed.AssumedRoleUser.AssumedRoleId });

// The account, and the end of all

const { SummaryMap: summary } = await call("GetAccountSummary");
same([summary.Users, summary.Roles, summary.Policies], [2, 1, 1]);
same((await call("ListAccountAliases")).AccountAliases, []);
await call("DetachRolePolicy", { RoleName, PolicyArn });
await call("DeleteRolePolicy", { RoleName, PolicyName: "send" });
await call("DeleteRole", { RoleName });
await call("DetachUserPolicy", { UserName: "store", PolicyArn });
await call("DeleteUserPolicy", { UserName: "store", PolicyName: "send" });
await call("DeleteUser", { UserName: "store" });
await call("DeletePolicy", { PolicyArn });
same([(await call("ListUsers")).Users.map((u) => u.UserName), (await call("ListRoles")).Roles, (await call("ListPolicies", { Scope: "Local" })).Policies], [["dev"], [], []]);

console.log("done");
