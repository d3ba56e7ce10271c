// SPDX-License-Identifier: Apache-2.0

// Package content knows what a message may be and what is done to it before it leaves:
// which header fields are refused, read, overwritten or taken out, which attachments
// are not sent, and what SES says about each. It looks at a message once, never
// changes its body, and knows nothing of accounts, identities or storage.
package content

import "strings"

// Rule says what is done about a header field.
type Rule uint8

// The rules. A field can have several.
const (
	Unique      Rule = 1 << iota // refused if it occurs more than once
	Overwritten                  // replaced by a value of ours, or added
	Removed                      // not in the message that leaves
	Added                        // added if it is missing
	Addresses                    // refused if its addresses can't be read
	Reserved                     // refused among the custom headers of SendEmail
)

// Row is a row of the table of header rules.
type Row struct {
	Rule   Rule
	Source string   // where SES, or the standard, says so
	Fields []string // names; one that ends with "*" stands for all that begin so
}

// HeaderRules is the table of all header rules.
func HeaderRules() []Row { return headerRules[:] }

var headerRules = [...]Row{
	{Unique, "SES: header fields, fields that can't appear more than once", []string{
		"Accept-Language", "acceptLanguage", "Archived-At", "Auto-Submitted", "Bounces-to", "Comments",
		"Content-Alternative", "Content-Base", "Content-Class", "Content-Description", "Content-Disposition",
		"Content-Duration", "Content-ID", "Content-Language", "Content-Length", "Content-Location",
		"Content-MD5", "Content-Transfer-Encoding", "Content-Type", "Date", "Delivered-To",
		"Disposition-Notification-Options", "Disposition-Notification-To", "DKIM-Signature",
		"DomainKey-Signature", "Errors-To", "From", "Importance", "In-Reply-To", "Keywords", "List-Archive",
		"List-Help", "List-Id", "List-Owner", "List-Post", "List-Subscribe", "List-Unsubscribe",
		"List-Unsubscribe-Post", "Message-Context", "Message-ID", "MIME-Version", "Organization",
		"Original-From", "Original-Message-ID", "Original-Recipient", "Original-Subject", "Precedence",
		"Priority", "References", "Reply-To", "Return-Path", "Return-Receipt-To", "Sender", "Solicitation",
		"Sensitivity", "Subject", "Thread-Index", "Thread-Topic", "User-Agent", "VBR-Info",
	}},
	{Overwritten, "SES: header fields, Date", []string{"Date"}},
	{Overwritten, "SES: header fields, Message-ID", []string{"Message-ID"}},
	{Overwritten, "SES: feedback loops of mailbox providers", []string{"Feedback-ID"}},
	{Removed, "SES: header fields, Return-Path", []string{"Return-Path"}},
	{Removed, "SES: SendRawEmail, blind recipients", []string{"Bcc"}},
	{Removed, "SES: event publishing, sending authorization, list management", []string{"X-SES-*"}},
	{Added, "RFC 2045 §4", []string{"MIME-Version"}},
	{Addresses, "SES: SendRawEmail, envelope and identities", []string{
		"From", "Sender", "Return-Path", "Reply-To", "To", "Cc", "Bcc",
	}},
	{Reserved, "SES: header fields, custom headers of SendEmail and SendBulkEmail", []string{
		"Bcc", "Cc", "Content-Disposition", "Content-Type", "Date", "From", "Message-ID", "MIME-Version",
		"Reply-To", "Return-Path", "Subject", "To",
	}},
}

// ruleSet is what the table says of one field.
type ruleSet struct {
	rules Rule
	index int    // different for each named field; -1 for others
	name  string // as the table spells it
}

// rulesByName is the table by lower-case name. It is not changed.
var rulesByName = indexRules(headerRules[:])

const controlPrefix = "x-ses-"

// maxRuleName is more than the longest name that the table has.
const maxRuleName = 64

func indexRules(rows []Row) map[string]ruleSet {
	m := make(map[string]ruleSet)
	for _, row := range rows {
		for _, name := range row.Fields {
			key := strings.ToLower(name)
			set, ok := m[key]
			if !ok {
				set = ruleSet{index: len(m), name: name}
			}
			set.rules |= row.Rule
			m[key] = set
		}
	}
	return m
}

// rulesOf is what the table says of the field with this name.
func rulesOf(name []byte) ruleSet {
	if isControl(name) {
		return rulesByName[controlPrefix+"*"]
	}
	if len(name) > maxRuleName {
		return ruleSet{index: -1}
	}
	var lower [maxRuleName]byte
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	if set, ok := rulesByName[string(lower[:len(name)])]; ok {
		return set
	}
	return ruleSet{index: -1}
}

// isControl reports whether the name is one of those that SES keeps to itself.
func isControl(name []byte) bool {
	return len(name) >= len(controlPrefix) && strings.EqualFold(string(name[:len(controlPrefix)]), controlPrefix)
}
