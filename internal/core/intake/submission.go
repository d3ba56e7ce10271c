// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"sesame/internal/base/address"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/spool"
)

// Submission is a message at a door. Every door brings it in this form.
type Submission struct {
	Scope     scope.Scope
	Principal account.Principal
	Operation string // SendEmail, SendRawEmail or SMTP
	Action    string // what policies call it: ses:SendEmail, ses:SendRawEmail, ses:SendTemplatedEmail
	SourceIP  string
	MaxBytes  int // of this message; 0: what its APIVersion may have

	// For the conditions of policies.
	UserAgent  string
	Secure     bool   // it came under TLS
	APIVersion string // "1" or "2"; SMTP is "2" (SES: controlling access)

	Raw []byte // header section and body; line ends need not be CRLF

	// Envelope. A zero Source is taken from the message's Return-Path or From field,
	// and without Recipients those of To, Cc and Bcc are used.
	Source     address.Address
	Recipients []address.Address

	ReturnPath address.Address // where feedback goes, if not to the source
	ARNs       ARNs            // identities of others; those of the message's header where it has none
	ConfigSet  string
	Tags       []spool.Tag
	List       List // that of the message's header where it has none

	Idempotency Idempotency // how it is known again

	// SourceFirst names a Source that is not verified before anything that is wrong with
	// the message: API v2 asks who sends before it reads what is sent, v1 does not.
	SourceFirst bool

	// HeaderOptional lets a message without From through: the source is put in (SMTP
	// takes messages without any header section).
	HeaderOptional bool

	// Untracked keeps the message's links and adds no picture, whatever its configuration
	// set says (SES: verification mails are not tracked).
	Untracked bool

	// template is the name of the stored template that the message is made of.
	template string

	// desk has the places of a message that is made of a template.
	desk *desk

	// unrendered says why the message could not be made: it has no content then.
	unrendered *unrendered

	// System marks mail of the service itself: it is sent in the service's account,
	// whatever Scope's is, and no identity, permission or quota is asked for. No door may
	// set it.
	System bool
}

// systemUser is the name under which the service's own mail is on record.
const systemUser = "sesame"

// asSystem puts the submission into the service's account.
func (s Submission) asSystem() Submission {
	s.Scope.Account = scope.ServiceAccount
	s.Principal = account.Principal{Account: scope.ServiceAccount, User: systemUser}
	return s
}
