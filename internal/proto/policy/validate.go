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

// CheckKeys refuses conditions and variables on tags, of principals, resources, requests or
// sessions: no request has keys of these here, and a Deny that waits for one would never
// come. What is wrong is an *Error.
func (d *Document) CheckKeys() error {
	for i := range d.Statements {
		s := &d.Statements[i]
		var pieces []piece // of what has variables in it
		for _, c := range s.conditions {
			if isTagKey(c.key) {
				return noKey(c.key)
			}
			pieces = append(pieces, c.pieces()...)
		}
		for _, r := range s.resources {
			pieces = append(pieces, r.pieces()...)
		}
		for _, p := range pieces {
			if p.kind == variable && isTagKey(p.text) {
				return noKey(p.text)
			}
		}
	}
	return nil
}

// isTagKey reports whether a key, in lower case, is about tags.
func isTagKey(key string) bool {
	_, name, _ := strings.Cut(key, ":")
	kind, _, _ := strings.Cut(name, "/")
	switch kind {
	case "principaltag", "resourcetag", "requesttag", "tagkeys", "transitivetagkeys":
		return true
	}
	return false
}

func noKey(key string) error {
	return invalid("The condition key %s is not supported by this server.", quoted(key))
}
