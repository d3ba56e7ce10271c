// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"slices"
	"strings"

	"sesame/internal/proto/smtpclient"
)

// NoRecipient reports whether a delivery's outcome says that the address itself can't get
// mail: there is no such mailbox, or no such domain. A refusal for what the message says,
// who sends it or how says nothing of the address, and neither does one that leaves its
// reason open: a list of suppressed addresses must not grow by a spam filter's mood.
//
// The enhanced status code (RFC 3463) decides where it says anything. Where it leaves the
// detail open, or there is none, the reply to RCPT decides by its words.
func NoRecipient(o *smtpclient.Outcome) bool {
	if o.Class != smtpclient.Permanent {
		return false
	}
	if o.Cause == smtpclient.CauseNullMX {
		return true
	}
	aboutRecipient := o.Command == smtpclient.CommandRcpt || o.Command == smtpclient.CommandDot || o.Command == smtpclient.CommandData
	if o.Cause != smtpclient.CauseReply || !aboutRecipient {
		return false
	}
	if slices.Contains(absent(), o.Enhanced) {
		return true
	}
	text := strings.ToLower(o.Text())
	if o.Enhanced == (smtpclient.Enhanced{5, 4, 1}) { // Exchange Online's word for an unknown recipient
		return o.Command == smtpclient.CommandRcpt && strings.Contains(text, "recipient address rejected: access denied")
	}
	open := o.Enhanced == (smtpclient.Enhanced{}) || o.Enhanced[1] <= 5 && o.Enhanced[2] == 0
	return open && o.Command == smtpclient.CommandRcpt && (o.Code == 550 || o.Code == 551 || o.Code == 553) &&
		says(text, "user unknown", "unknown user", "no such user", "no such recipient", "no such mailbox", "no such address", "no mailbox",
			"unknown recipient", "recipient unknown", "unknown mailbox", "mailbox unknown", "mailbox not found", "user not found", "recipient not found",
			"does not exist", "doesn't exist", "invalid recipient", "invalid mailbox", "not a valid mailbox", "unknown or illegal alias",
			"mailbox unavailable", "user unavailable", "no longer exists", "account has been disabled", "account is disabled") &&
		!says(text, "spam", "block", "blacklist", "reputation", "policy", "dnsbl", "rbl", "spf", "dkim", "dmarc", "relay", "sender", "authenticat")
}

// absent are the codes of addresses that can't get mail (RFC 3463 §3.2, §3.3, RFC 7505).
// 5.1.7 and 5.1.8 are about the sender's.
func absent() []smtpclient.Enhanced {
	return []smtpclient.Enhanced{
		{5, 1, 1},  // bad destination mailbox address
		{5, 1, 2},  // bad destination system address
		{5, 1, 3},  // bad destination mailbox address syntax
		{5, 1, 6},  // the mailbox has moved
		{5, 1, 10}, // the domain accepts no mail
		{5, 2, 1},  // the mailbox is disabled
	}
}

func says(text string, phrases ...string) bool {
	return slices.ContainsFunc(phrases, func(p string) bool { return strings.Contains(text, p) })
}
