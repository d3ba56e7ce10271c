// SPDX-License-Identifier: Apache-2.0

package api_test

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
	{"ses", "MessageRejected", "a sender that is not verified has an error of its own here", "SendCustomVerificationEmail"},
	{"sesv2", "MessageRejected", "a sender that is not verified is a NotFoundException here", "SendCustomVerificationEmail"},
	{"sesv2", "LimitExceededException", "mail has quotas, which are TooManyRequestsException", "SendBulkEmail SendCustomVerificationEmail SendEmail"},
	{"sesv2", "AccountSuspendedException", "an account that its operator has stopped is told SendingPausedException", "SendBulkEmail SendEmail"},
	{"sesv2", "ConcurrentModificationException", "changes of one thing are made one after the other, each on what the one before it left", ""},
	{"sesv2", "BadRequestException", "what could not be the name of a template is that of none, which is a NotFoundException",
		"DeleteCustomVerificationEmailTemplate DeleteEmailTemplate GetCustomVerificationEmailTemplate GetEmailTemplate"},
	{"sesv2", "BadRequestException", "what could not be the id of a job is that of none, which is a NotFoundException", "GetImportJob"},
	{"sesv2", "BadRequestException", "the operation takes nothing but a Boolean value, or nothing at all", "GetAccount PutAccountSendingAttributes"},
	{"sesv2", "NotFoundException", "a pool that is not there is a BadRequestException", "CreateConfigurationSet"},
	{"sesv2", "AlreadyExistsException", "a second list is one too many, whatever its name, which is a BadRequestException", "CreateContactList"},
	{"sesv2", "LimitExceededException", "a second list is a BadRequestException", "CreateContactList"},
	{"sesv2", "NotFoundException", "it is for a tenant that is not there, and there are none", "ListSuppressedDestinations PutSuppressedDestination"},
	{"ses", "InvalidConfigurationSetException", "a name that can't be is an InvalidParameterValue, as with SES", "CreateConfigurationSet"},
	{"ses", "InvalidDeliveryOptionsException", "a TLS policy that is none is a ValidationError", "PutConfigurationSetDeliveryOptions"},
}
