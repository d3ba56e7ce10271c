// SPDX-License-Identifier: Apache-2.0

package api_test

import "encoding/base64"

// domainARN is the ARN of an identity that the furnished server has.
const domainARN = "arn:aws:ses:us-east-1:123456789012:identity/d.example.com"

// identityPolicy is a policy that a domain of the furnished server can have.
const identityPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"210987654321"},"Action":"ses:SendEmail","Resource":"` + domainARN + `"}]}`

// mailV1 is a message for API v1.
func mailV1(from string, more input) input {
	m := input{"Source": from, "Destination": input{"ToAddresses": []string{reader}}, "Message": input{"Subject": input{"Data": "Hi"}, "Body": input{"Text": input{"Data": "Ho"}}}}
	for name, value := range more {
		m[name] = value
	}
	return m
}

// rawMailV1 is a whole message for API v1.
func rawMailV1(from string, more input) input {
	data := base64.StdEncoding.EncodeToString([]byte("From: " + from + "\r\nTo: " + reader + "\r\nSubject: Hi\r\n\r\nHo\r\n"))
	m := input{"RawMessage": input{"Data": data}}
	for name, value := range more {
		m[name] = value
	}
	return m
}

// mailV2 is a message for API v2.
func mailV2(from string, more input) input {
	m := input{"FromEmailAddress": from, "Destination": input{"ToAddresses": []string{reader}},
		"Content": input{"Simple": input{"Subject": input{"Data": "Hi"}, "Body": input{"Text": input{"Data": "Ho"}}}}}
	for name, value := range more {
		m[name] = value
	}
	return m
}

// letter is a template of verification mails, otherwise than the usual one.
func letter(change input) input {
	m := input{
		"TemplateName": "new", "FromEmailAddress": sender, "TemplateSubject": "Confirm", "TemplateContent": "<p>Please confirm.</p>",
		"SuccessRedirectionURL": "https://example.com/yes", "FailureRedirectionURL": "https://example.com/no",
	}
	for name, value := range change {
		m[name] = value
	}
	return m
}

// scripted is a content that no template may have.
const scripted = "<p><script>alert(1)</script></p>"

func producedBySES() []produced {
	set := input{"ConfigurationSetName": "gone"}
	custom := func(template string, more input) input {
		m := input{"EmailAddress": reader, "TemplateName": template}
		for name, value := range more {
			m[name] = value
		}
		return m
	}
	return []produced{
		{"ses", "CustomVerificationEmailTemplateAlreadyExistsException", "", []asked{
			{"CreateCustomVerificationEmailTemplate", letter(input{"TemplateName": "t0"})},
		}},
		{"ses", "CustomVerificationEmailTemplateDoesNotExistException", "", []asked{
			{"GetCustomVerificationEmailTemplate", input{"TemplateName": "gone"}},
			{"SendCustomVerificationEmail", custom("gone", nil)},
			{"UpdateCustomVerificationEmailTemplate", input{"TemplateName": "gone", "TemplateSubject": "x"}},
		}},
		{"ses", "CustomVerificationEmailInvalidContentException", "", []asked{
			{"CreateCustomVerificationEmailTemplate", letter(input{"TemplateContent": scripted})},
			{"UpdateCustomVerificationEmailTemplate", input{"TemplateName": "t0", "TemplateContent": scripted}},
		}},
		{"ses", "FromEmailAddressNotVerifiedException", "", []asked{
			{"CreateCustomVerificationEmailTemplate", letter(input{"FromEmailAddress": "a@example.net"})},
			{"SendCustomVerificationEmail", custom("orphan", nil)},
			{"UpdateCustomVerificationEmailTemplate", input{"TemplateName": "t0", "FromEmailAddress": "a@example.net"}},
		}},
		{"ses", "LimitExceededException", "", []asked{{"CreateCustomVerificationEmailTemplate", letter(nil)}}},
		{"ses", "ProductionAccessNotGrantedException", "sandbox", []asked{{"SendCustomVerificationEmail", custom("t", nil)}}},
		{"ses", "InvalidPolicyException", "", []asked{{"PutIdentityPolicy", input{"Identity": "d.example.com", "PolicyName": "p", "Policy": "{}"}}}},
		{"ses", "ConfigurationSetDoesNotExistException", "", []asked{
			{"SendCustomVerificationEmail", custom("t0", set)},
			{"SendEmail", mailV1(sender, set)},
			{"SendRawEmail", rawMailV1(sender, set)},
		}},
		{"ses", "MessageRejected", "", []asked{
			{"SendEmail", mailV1("a@example.net", nil)},
			{"SendRawEmail", rawMailV1("a@example.net", nil)},
		}},
		{"ses", "MailFromDomainNotVerifiedException", "no MAIL FROM", []asked{
			{"SendEmail", mailV1("a@d.example.com", nil)},
			{"SendRawEmail", rawMailV1("a@d.example.com", nil)},
		}},
		{"ses", "AccountSendingPausedException", "paused", []asked{
			{"SendEmail", mailV1(sender, nil)},
			{"SendRawEmail", rawMailV1(sender, nil)},
		}},
	}
}

func producedBySESv2() []produced {
	domain := func(more input) input {
		m := input{"EmailIdentity": "d.example.com"}
		for name, value := range more {
			m[name] = value
		}
		return m
	}
	gone := func(more input) input {
		m := domain(more)
		m["EmailIdentity"] = "gone.example.com"
		return m
	}
	nobody := func(more input) input {
		m := domain(more)
		m["EmailIdentity"] = "no name"
		return m
	}
	on := func(list, address string, more input) input {
		m := input{"ContactListName": list, "EmailAddress": address}
		for name, value := range more {
			m[name] = value
		}
		return m
	}
	topic := input{"TopicPreferences": []input{{"TopicName": "None", "SubscriptionStatus": "OPT_IN"}}}
	policy := input{"PolicyName": "p1", "Policy": identityPolicy}
	details := input{"MailType": "MARKETING", "WebsiteURL": "https://example.com", "ContactLanguage": "EN", "UseCaseDescription": "News", "ProductionAccessEnabled": true}
	return []produced{
		{"sesv2", "NotFoundException", "", []asked{
			{"CreateCustomVerificationEmailTemplate", letter(input{"FromEmailAddress": "a@example.net"})},
			{"CreateEmailIdentity", input{"EmailIdentity": "new.example.com", "ConfigurationSetName": "gone"}},
			{"CreateEmailIdentityPolicy", gone(policy)},
			{"DeleteCustomVerificationEmailTemplate", input{"TemplateName": "gone"}},
			{"DeleteEmailIdentity", gone(nil)},
			{"DeleteEmailIdentityPolicy", domain(input{"PolicyName": "gone"})},
			{"CreateContact", on("Gone", reader, nil)},
			{"DeleteContact", on("News", "gone@example.com", nil)},
			{"DeleteContactList", input{"ContactListName": "Gone"}},
			{"GetContact", on("News", "gone@example.com", nil)},
			{"GetContactList", input{"ContactListName": "Gone"}},
			{"ListContacts", input{"ContactListName": "Gone"}},
			{"UpdateContact", on("News", "gone@example.com", nil)},
			{"UpdateContactList", input{"ContactListName": "Gone"}},
			{"DeleteSuppressedDestination", input{"EmailAddress": "gone@example.com"}},
			{"GetSuppressedDestination", input{"EmailAddress": "gone@example.com"}},
			{"GetCustomVerificationEmailTemplate", input{"TemplateName": "gone"}},
			{"GetEmailIdentity", gone(nil)},
			{"GetEmailIdentityPolicies", gone(nil)},
			{"ListTagsForResource", input{"ResourceArn": domainARN + ".gone"}},
			{"PutEmailIdentityConfigurationSetAttributes", domain(input{"ConfigurationSetName": "gone"})},
			{"PutEmailIdentityDkimAttributes", gone(input{"SigningEnabled": true})},
			{"PutEmailIdentityDkimSigningAttributes", gone(input{"SigningAttributesOrigin": "AWS_SES"})},
			{"PutEmailIdentityFeedbackAttributes", gone(input{"EmailForwardingEnabled": true})},
			{"PutEmailIdentityMailFromAttributes", gone(input{"MailFromDomain": "m.gone.example.com"})},
			{"SendCustomVerificationEmail", input{"EmailAddress": reader, "TemplateName": "gone"}},
			{"SendEmail", mailV2(sender, input{"ConfigurationSetName": "gone"})},
			{"TagResource", input{"ResourceArn": domainARN + ".gone", "Tags": oneTag("a")}},
			{"UntagResource", input{"ResourceArn": domainARN + ".gone", "TagKeys": []string{"a"}}},
			{"UpdateCustomVerificationEmailTemplate", letter(input{"TemplateName": "gone"})},
			{"UpdateEmailIdentityPolicy", domain(input{"PolicyName": "gone", "Policy": identityPolicy})},
		}},
		{"sesv2", "AlreadyExistsException", "", []asked{
			{"CreateCustomVerificationEmailTemplate", letter(input{"TemplateName": "t0"})},
			{"CreateContact", on("News", reader, nil)},
			{"CreateEmailIdentity", input{"EmailIdentity": "D.Example.com"}},
			{"CreateEmailIdentityPolicy", domain(policy)},
		}},
		{"sesv2", "LimitExceededException", "", []asked{
			{"CreateCustomVerificationEmailTemplate", letter(nil)},
			{"CreateEmailIdentity", input{"EmailIdentity": "new.example.com"}},
			{"CreateEmailIdentityPolicy", domain(input{"PolicyName": "OneMore", "Policy": identityPolicy})},
		}},
		{"sesv2", "BadRequestException", "", []asked{
			{"CreateCustomVerificationEmailTemplate", letter(input{"TemplateContent": scripted})},
			{"CreateEmailIdentity", input{"EmailIdentity": "no name"}},
			{"CreateEmailIdentityPolicy", domain(input{"PolicyName": "new", "Policy": "{}"})},
			{"DeleteEmailIdentity", nobody(nil)},
			{"DeleteEmailIdentityPolicy", nobody(input{"PolicyName": "p1"})},
			{"CreateContact", on("News", reader, topic)},
			{"CreateContactList", input{"ContactListName": "Second"}},
			{"DeleteContact", on("News", "nobody", nil)},
			{"DeleteContactList", input{"ContactListName": "a b"}},
			{"GetContact", on("News", "nobody", nil)},
			{"GetContactList", input{"ContactListName": "a b"}},
			{"ListContactLists", input{"NextToken": "nonsense"}},
			{"ListContacts", input{"ContactListName": "News", "Filter": input{"TopicFilter": input{"TopicName": "None"}}}},
			{"UpdateContact", on("News", reader, topic)},
			{"UpdateContactList", input{"ContactListName": "News", "Topics": []input{{"TopicName": "a b", "DisplayName": "x", "DefaultSubscriptionStatus": "OPT_IN"}}}},
			{"DeleteSuppressedDestination", input{"EmailAddress": "nobody"}},
			{"GetSuppressedDestination", input{"EmailAddress": "nobody"}},
			{"ListSuppressedDestinations", input{"PageSize": 1001}},
			{"PutSuppressedDestination", input{"EmailAddress": "nobody", "Reason": "BOUNCE"}},
			{"PutAccountSuppressionAttributes", input{"SuppressedReasons": []string{"SPAM"}}},
			{"GetEmailIdentity", nobody(nil)},
			{"GetEmailIdentityPolicies", nobody(nil)},
			{"ListCustomVerificationEmailTemplates", input{"PageSize": 51}},
			{"ListEmailIdentities", input{"NextToken": "nonsense"}},
			{"ListTagsForResource", input{"ResourceArn": "d.example.com"}},
			{"PutAccountDetails", input{"MailType": "MARKETING", "WebsiteURL": "https://example.com", "UseCaseDescription": "News", "AdditionalContactEmailAddresses": []string{"nobody"}}},
			{"PutEmailIdentityConfigurationSetAttributes", nobody(nil)},
			{"PutEmailIdentityDkimAttributes", nobody(input{"SigningEnabled": true})},
			{"PutEmailIdentityDkimSigningAttributes", domain(input{"SigningAttributesOrigin": "EXTERNAL"})},
			{"PutEmailIdentityFeedbackAttributes", nobody(input{"EmailForwardingEnabled": true})},
			{"PutEmailIdentityMailFromAttributes", domain(input{"MailFromDomain": "elsewhere.example.org"})},
			{"SendCustomVerificationEmail", input{"EmailAddress": "nobody", "TemplateName": "t0"}},
			{"SendEmail", mailV2(sender, input{"Destination": input{}})},
			{"TagResource", input{"ResourceArn": domainARN, "Tags": oneTag("a!")}},
			{"UntagResource", input{"ResourceArn": "d.example.com", "TagKeys": []string{"a"}}},
			{"UpdateCustomVerificationEmailTemplate", letter(input{"TemplateName": "t0", "TemplateContent": scripted})},
			{"UpdateEmailIdentityPolicy", domain(input{"PolicyName": "p1", "Policy": "{}"})},
		}},
		{"sesv2", "InvalidNextTokenException", "", []asked{{"ListSuppressedDestinations", input{"NextToken": "nonsense"}}}},
		{"sesv2", "MessageRejected", "", []asked{{"SendEmail", mailV2("a@example.net", nil)}}},
		{"sesv2", "MailFromDomainNotVerifiedException", "no MAIL FROM", []asked{
			{"SendCustomVerificationEmail", input{"EmailAddress": reader, "TemplateName": "t"}},
			{"SendEmail", mailV2("a@d.example.com", nil)},
		}},
		{"sesv2", "SendingPausedException", "paused", []asked{
			{"SendCustomVerificationEmail", input{"EmailAddress": reader, "TemplateName": "t"}},
			{"SendEmail", mailV2(sender, nil)},
		}},
		{"sesv2", "ConflictException", "sandbox", []asked{{"PutAccountDetails", details}}},
		{"sesv2", "TooManyRequestsException", "spent", []asked{
			{"SendCustomVerificationEmail", input{"EmailAddress": reader, "TemplateName": "t"}},
			{"SendEmail", mailV2(sender, nil)},
		}},
	}
}
