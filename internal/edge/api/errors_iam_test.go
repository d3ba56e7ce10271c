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
