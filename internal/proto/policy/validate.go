// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// Kind is what a policy is attached to, which decides what it has to say.
type Kind int

// The kinds.
const (
	// IdentityBased policies belong to a user or a role, or narrow a session: who they are
	// about is no part of them.
	IdentityBased Kind = iota
	// ResourceBased policies belong to a resource and name principals and the resource
	// (SES: identity authorization policies).
	ResourceBased
	// Trust policies say who may assume the role that has them.
	Trust
)

// Validate checks that the document is fit to be of a kind. What is wrong is an *Error.
func (d *Document) Validate(k Kind) error {
	// SES takes any string for the version and for a Sid (SES: policy anatomy).
	if k != ResourceBased {
		if err := d.validateIAM(); err != nil {
			return err
		}
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		switch {
		case k == IdentityBased && s.Principals != nil:
			return invalid("Policy document should not specify a principal.")
		case k != IdentityBased && s.Principals == nil:
			return invalid("Missing required field Principal")
		case k == Trust && s.Resources != nil:
			return invalid("Has prohibited field Resource")
		case k != Trust && s.Resources == nil:
			return invalid("Policy statement must contain resources.")
		}
	}
	return nil
}

// validateIAM checks what IAM alone demands.
func (d *Document) validateIAM() error {
	if d.Version != "" && d.Version != Version && d.Version != oldVersion {
		return invalid("%s Version must be %s or %s.", syntaxErrors, Version, oldVersion)
	}
	seen := map[string]bool{}
	for i := range d.Statements {
		sid := d.Statements[i].Sid
		switch {
		case strings.Trim(sid, lettersAndDigits) != "":
			return invalid("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
		case sid != "" && seen[sid]:
			return invalid("Statement IDs (SID) in a single policy must be unique.")
		}
		seen[sid] = true
	}
	return nil
}
