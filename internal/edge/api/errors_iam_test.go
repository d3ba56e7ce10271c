// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"strings"

	"sesame/internal/core/account"
)

// Some of what the furnished server has (furnish), and some that no server has.
const (
	ownPolicy   = "arn:aws:iam::123456789012:policy/Send"
	largePolicy = "arn:aws:iam::123456789012:policy/Large"
	gonePolicy  = "arn:aws:iam::123456789012:policy/gone"
	noPolicyARN = "arn:aws:iam::123456789012:Send"
	mailerARN   = "arn:aws:iam::123456789012:role/mailer"
	readOnly    = account.SESReadOnlyAccess
)

// padded is a policy with so many characters more.
func padded(document string, more int) string {
	return strings.Replace(document, `"Action":`, `"Sid":"`+strings.Repeat("x", more)+`","Action":`, 1)
}

// oneTag is a list of one tag, without a value.
func oneTag(key string) []input { return []input{{"Key": key, "Value": ""}} }

func producedByIAM() []produced {
	twice := append(oneTag("a"), oneTag("A")...)
	return []produced{
		{"iam", "NoSuchEntityException", "", []asked{
			{"AttachRolePolicy", input{"RoleName": "gone", "PolicyArn": readOnly}},
			{"AttachUserPolicy", input{"UserName": "alice", "PolicyArn": gonePolicy}},
			{"CreateAccessKey", input{"UserName": "gone"}},
			{"CreatePolicyVersion", input{"PolicyArn": gonePolicy, "PolicyDocument": sendPolicy}},
			{"DeleteAccessKey", input{"UserName": "alice", "AccessKeyId": "AKIAUNKNOWNUNKNOWN00"}},
			{"DeletePolicy", input{"PolicyArn": gonePolicy}},
			{"DeletePolicyVersion", input{"PolicyArn": ownPolicy, "VersionId": "v9"}},
			{"DeleteRole", input{"RoleName": "gone"}},
			{"DeleteRolePolicy", input{"RoleName": "mailer", "PolicyName": "gone"}},
			{"DeleteUser", input{"UserName": "gone"}},
			{"DeleteUserPolicy", input{"UserName": "alice", "PolicyName": "gone"}},
			{"DetachRolePolicy", input{"RoleName": "mailer", "PolicyArn": gonePolicy}},
			{"DetachUserPolicy", input{"UserName": "alice", "PolicyArn": gonePolicy}},
			{"GetPolicy", input{"PolicyArn": gonePolicy}},
			{"GetPolicyVersion", input{"PolicyArn": ownPolicy, "VersionId": "v9"}},
			{"GetRole", input{"RoleName": "gone"}},
			{"GetRolePolicy", input{"RoleName": "mailer", "PolicyName": "gone"}},
			{"GetUser", input{"UserName": "gone"}},
			{"GetUserPolicy", input{"UserName": "alice", "PolicyName": "gone"}},
			{"ListAccessKeys", input{"UserName": "gone"}},
			{"ListAttachedRolePolicies", input{"RoleName": "gone"}},
			{"ListAttachedUserPolicies", input{"UserName": "gone"}},
			{"ListEntitiesForPolicy", input{"PolicyArn": gonePolicy}},
			{"ListGroupsForUser", input{"UserName": "gone"}},
			{"ListInstanceProfilesForRole", input{"RoleName": "gone"}},
			{"ListPolicyTags", input{"PolicyArn": gonePolicy}},
			{"ListPolicyVersions", input{"PolicyArn": gonePolicy}},
			{"ListRolePolicies", input{"RoleName": "gone"}},
			{"ListRoleTags", input{"RoleName": "gone"}},
			{"ListUserPolicies", input{"UserName": "gone"}},
			{"ListUserTags", input{"UserName": "gone"}},
			{"PutRolePolicy", input{"RoleName": "gone", "PolicyName": "p", "PolicyDocument": sendPolicy}},
			{"PutUserPolicy", input{"UserName": "gone", "PolicyName": "p", "PolicyDocument": sendPolicy}},
			{"SetDefaultPolicyVersion", input{"PolicyArn": ownPolicy, "VersionId": "v9"}},
			{"SimulatePrincipalPolicy", input{"PolicySourceArn": "arn:aws:iam::123456789012:user/gone", "ActionNames": []string{"ses:SendEmail"}}},
			{"TagPolicy", input{"PolicyArn": gonePolicy, "Tags": oneTag("a")}},
			{"TagRole", input{"RoleName": "gone", "Tags": oneTag("a")}},
			{"TagUser", input{"UserName": "gone", "Tags": oneTag("a")}},
			{"UntagPolicy", input{"PolicyArn": gonePolicy, "TagKeys": []string{"a"}}},
			{"UntagRole", input{"RoleName": "gone", "TagKeys": []string{"a"}}},
			{"UntagUser", input{"UserName": "gone", "TagKeys": []string{"a"}}},
			{"UpdateAccessKey", input{"UserName": "alice", "AccessKeyId": "AKIAUNKNOWNUNKNOWN00", "Status": "Active"}},
			{"UpdateAssumeRolePolicy", input{"RoleName": "gone", "PolicyDocument": trustPolicy}},
			{"UpdateRole", input{"RoleName": "gone", "Description": "x"}},
			{"UpdateRoleDescription", input{"RoleName": "gone", "Description": "x"}},
			{"UpdateUser", input{"UserName": "gone", "NewPath": "/x/"}},
		}},
		{"iam", "EntityAlreadyExistsException", "", []asked{
			{"CreatePolicy", input{"PolicyName": "Send", "PolicyDocument": sendPolicy}},
			{"CreateRole", input{"RoleName": "Mailer", "AssumeRolePolicyDocument": trustPolicy}},
			{"CreateUser", input{"UserName": "Alice"}},
			{"UpdateUser", input{"UserName": "alice", "NewUserName": "Tester"}},
		}},
		{"iam", "DeleteConflictException", "", []asked{
			{"DeletePolicy", input{"PolicyArn": ownPolicy}},
			{"DeletePolicyVersion", input{"PolicyArn": ownPolicy, "VersionId": "v1"}},
			{"DeleteRole", input{"RoleName": "mailer"}},
			{"DeleteUser", input{"UserName": "alice"}},
		}},
		{"iam", "LimitExceededException", "", []asked{
			{"AttachRolePolicy", input{"RoleName": "mailer", "PolicyArn": readOnly}},
			{"AttachUserPolicy", input{"UserName": "alice", "PolicyArn": readOnly}},
			{"CreateAccessKey", input{"UserName": "alice"}},
			{"CreatePolicy", input{"PolicyName": "OneMore", "PolicyDocument": sendPolicy}},
			{"CreatePolicyVersion", input{"PolicyArn": ownPolicy, "PolicyDocument": sendPolicy}},
			{"CreateRole", input{"RoleName": "OneMore", "AssumeRolePolicyDocument": trustPolicy}},
			{"CreateUser", input{"UserName": "OneMore"}},
			{"PutRolePolicy", input{"RoleName": "mailer", "PolicyName": "p", "PolicyDocument": padded(sendPolicy, account.MaxRoleInline)}},
			{"PutUserPolicy", input{"UserName": "alice", "PolicyName": "p", "PolicyDocument": padded(sendPolicy, account.MaxUserInline)}},
			{"TagPolicy", input{"PolicyArn": ownPolicy, "Tags": oneTag("OneMore")}},
			{"TagRole", input{"RoleName": "mailer", "Tags": oneTag("OneMore")}},
			{"TagUser", input{"UserName": "alice", "Tags": oneTag("OneMore")}},
			{"UpdateAssumeRolePolicy", input{"RoleName": "mailer", "PolicyDocument": padded(trustPolicy, account.MaxTrustSize)}},
		}},
		{"iam", "MalformedPolicyDocumentException", "", []asked{
			{"CreatePolicy", input{"PolicyName": "x", "PolicyDocument": "{}"}},
			{"CreatePolicyVersion", input{"PolicyArn": ownPolicy, "PolicyDocument": trustPolicy}},
			{"CreateRole", input{"RoleName": "x", "AssumeRolePolicyDocument": sendPolicy}},
			{"PutRolePolicy", input{"RoleName": "mailer", "PolicyName": "x", "PolicyDocument": "{"}},
			{"PutUserPolicy", input{"UserName": "alice", "PolicyName": "x", "PolicyDocument": "[]"}},
			{"UpdateAssumeRolePolicy", input{"RoleName": "mailer", "PolicyDocument": "{}"}},
		}},
		{"iam", "InvalidInputException", "", []asked{
			{"AttachRolePolicy", input{"RoleName": "mailer", "PolicyArn": noPolicyARN}},
			{"AttachUserPolicy", input{"UserName": "alice", "PolicyArn": noPolicyARN}},
			{"CreatePolicy", input{"PolicyName": "x", "PolicyDocument": sendPolicy, "Tags": twice}},
			{"CreatePolicyVersion", input{"PolicyArn": noPolicyARN, "PolicyDocument": sendPolicy}},
			{"CreateRole", input{"RoleName": "x", "AssumeRolePolicyDocument": trustPolicy, "Tags": twice}},
			{"CreateUser", input{"UserName": "x", "Tags": oneTag("aws:x")}},
			{"DeletePolicy", input{"PolicyArn": noPolicyARN}},
			{"DeletePolicyVersion", input{"PolicyArn": noPolicyARN, "VersionId": "v1"}},
			{"DetachRolePolicy", input{"RoleName": "mailer", "PolicyArn": noPolicyARN}},
			{"DetachUserPolicy", input{"UserName": "alice", "PolicyArn": noPolicyARN}},
			{"GetPolicy", input{"PolicyArn": noPolicyARN}},
			{"GetPolicyVersion", input{"PolicyArn": noPolicyARN, "VersionId": "v1"}},
			{"ListEntitiesForPolicy", input{"PolicyArn": noPolicyARN}},
			{"ListPolicyTags", input{"PolicyArn": noPolicyARN}},
			{"ListPolicyVersions", input{"PolicyArn": noPolicyARN}},
			{"SetDefaultPolicyVersion", input{"PolicyArn": noPolicyARN, "VersionId": "v1"}},
			{"SimulateCustomPolicy", input{"PolicyInputList": []string{"{}"}, "ActionNames": []string{"ses:SendEmail"}}},
			{"SimulatePrincipalPolicy", input{"PolicySourceArn": mailerARN, "PolicyInputList": []string{"{}"}, "ActionNames": []string{"ses:SendEmail"}}},
			{"TagPolicy", input{"PolicyArn": noPolicyARN, "Tags": oneTag("a")}},
			{"TagRole", input{"RoleName": "mailer", "Tags": twice}},
			{"TagUser", input{"UserName": "alice", "Tags": twice}},
			{"UntagPolicy", input{"PolicyArn": noPolicyARN, "TagKeys": []string{"a"}}},
		}},
		{"sts", "MalformedPolicyDocumentException", "", []asked{
			{"AssumeRole", input{"RoleArn": mailerARN, "RoleSessionName": "job", "Policy": "{}"}},
		}},
		{"sts", "PackedPolicyTooLargeException", "", []asked{
			{"AssumeRole", input{"RoleArn": mailerARN, "RoleSessionName": "job", "PolicyArns": []input{{"arn": largePolicy}, {"arn": readOnly}}}},
		}},
	}
}

// neverProduced are the errors that can't occur here.
var neverProduced = []excused{
	{"iam", "ServiceFailureException", "the answer is an empty list, without a look at the database", "ListAccountAliases"},
	{"iam", "ConcurrentModificationException", "the changes of an account are made one after the other, each on what the one before it left", ""},
	{"iam", "EntityTemporarilyUnmodifiableException", "a name that a user has given up is free at once", "UpdateUser"},
	{"iam", "UnmodifiableEntityException", "it is for the roles of AWS's own services, and there are none",
		"AttachRolePolicy DeleteRole DeleteRolePolicy DetachRolePolicy PutRolePolicy UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription"},
	{"iam", "PolicyNotAttachableException", "it is for policies of AWS's own services, and every policy here can be attached", "AttachRolePolicy AttachUserPolicy"},
	{"iam", "NoSuchEntityException", "it is for a permissions boundary that is not there, and boundaries are refused altogether", "CreateUser"},
	{"iam", "LimitExceededException", "the operation adds nothing that has a quota",
		"DeleteAccessKey DeletePolicy DeletePolicyVersion DeleteRole DeleteRolePolicy DeleteUser DeleteUserPolicy DetachRolePolicy DetachUserPolicy " +
			"SetDefaultPolicyVersion UpdateAccessKey UpdateUser"},
	{"iam", "InvalidInputException", "what the operation takes has a form, and what has not is a ValidationError",
		"ListAttachedRolePolicies ListAttachedUserPolicies UpdateAccessKey"},
	{"iam", "PolicyEvaluationException", "a policy is compiled when it comes, and evaluation can't fail after that", "SimulateCustomPolicy SimulatePrincipalPolicy"},
	{"sts", "RegionDisabledException", "no region is ever disabled", "AssumeRole GetSessionToken"},
	{"sts", "ExpiredTokenException", "it is for tokens of identity providers, which the operation does not take", "AssumeRole"},
	{"ses", "ConfigurationSetSendingPausedException", "there are no configuration sets", "SendEmail SendRawEmail"},
	{"ses", "MessageRejected", "a sender that is not verified has an error of its own here", "SendCustomVerificationEmail"},
	{"sesv2", "MessageRejected", "a sender that is not verified is a NotFoundException here", "SendCustomVerificationEmail"},
	{"sesv2", "LimitExceededException", "mail has quotas, which are TooManyRequestsException", "SendCustomVerificationEmail SendEmail"},
	{"sesv2", "AccountSuspendedException", "an account that its operator has stopped is told SendingPausedException", "SendEmail"},
	{"sesv2", "ConcurrentModificationException", "the changes of a resource are made one after the other, each on what the one before it left", ""},
	{"sesv2", "NotFoundException", "there are no tenants, whose lists these could be about", "ListSuppressedDestinations PutSuppressedDestination"},
	{"sesv2", "AlreadyExistsException", "a second list is one too many, whatever its name, which is a BadRequestException", "CreateContactList"},
	{"sesv2", "LimitExceededException", "a second list is a BadRequestException", "CreateContactList"},
	{"sesv2", "BadRequestException", "what could not be the name of a template is that of none, which is a NotFoundException",
		"DeleteCustomVerificationEmailTemplate GetCustomVerificationEmailTemplate"},
	{"sesv2", "BadRequestException", "the operation takes nothing but a Boolean value, or nothing at all", "GetAccount PutAccountSendingAttributes"},
}
