// SPDX-License-Identifier: Apache-2.0

// Package policy is the policy language of IAM (IAM User Guide, "Grammar of the IAM JSON
// policy language"): Parse reads a document strictly and compiles it, NewSet puts documents
// together, Evaluate decides a request by them. It serves IAM policies, roles' trust policies and the policies of SES
// identities alike; Validate tells the kinds apart.
//
// A Document is read-only once parsed and may be used from any number of goroutines. What
// a document can cost is bounded when it is parsed: its size, its statements, its values,
// and wildcards in a form whose matching would take more than one pass over the value.
package policy

// Effect is what a statement does where it applies.
type Effect string

// The effects.
const (
	EffectAllow Effect = "Allow"
	EffectDeny  Effect = "Deny"
)

// Decision is what policies say of a request. Of several, the greatest counts: an explicit
// deny wins over an allow.
type Decision int

// The decisions.
const (
	NotApplicable Decision = iota // no statement applies, which denies implicitly
	Allow
	Deny
)

// String is the decision's name, for people.
func (d Decision) String() string {
	return [...]string{"not applicable", "allow", "deny"}[d]
}

// Version is the only version of the language that has policy variables.
const Version = "2012-10-17"

// oldVersion is the other version that IAM knows, and the default.
const oldVersion = "2008-10-17"

// Document is a compiled policy.
type Document struct {
	Version    string // as written; "" if it was not
	ID         string
	Statements []Statement
}

// Statement is one statement as written, and compiled.
type Statement struct {
	Sid        string
	Effect     Effect
	Principals []Principal // nil if the statement has no Principal and no NotPrincipal
	Actions    []string
	Resources  []string // nil if the statement has no Resource and no NotResource

	NotPrincipal, NotAction, NotResource bool // the lists say what the statement is not about

	actions    []pattern
	resources  []arnPattern
	conditions []condition
}

// Caller is who makes a request.
type Caller struct {
	Account string // 12 digits; "" for a service
	ARN     string // of the user, of the role's session, or of the account's root user
	Role    string // ARN of the role that the session is of; "" for others
	Service string // "cognito-idp.amazonaws.com" where an AWS service calls; else ""
}

// Context holds the condition keys of a request.
type Context interface {
	// Values returns the values of the key, whose name comes in lower case, or ok ==
	// false if the request does not have it. The caller does not change the values.
	Values(key string) (values []string, ok bool)
}

// Keys is a Context in memory: the values by the key's name in lower case.
type Keys map[string][]string

var _ Context = Keys(nil)

// Values implements Context.
func (k Keys) Values(key string) ([]string, bool) {
	v, ok := k[key]
	return v, ok
}

// Request is what is to be decided. It must not be used by two evaluations at once.
type Request struct {
	Caller   Caller
	Action   string  // "ses:SendEmail"; the case of its letters does not count
	Resource string  // an ARN, or "*" for an operation that has no resource
	Context  Context // nil for none

	// Direct leaves out what statements allow to the caller's account as a whole: that
	// is for the account to pass on by its own policies. What they deny counts all the
	// same, and so does what they allow to everyone.
	Direct bool

	folded string // Action in lower case
	arn    arn    // Resource
}

// SetResource makes the request one about another resource.
func (r *Request) SetResource(text string) { r.Resource, r.arn = text, arn{text: text} }

// Evaluate decides the request by the document alone. Whoever has several documents, or asks
// often, makes a Set of them.
func (d *Document) Evaluate(r *Request) Decision {
	decision := NotApplicable
	for i := range d.Statements {
		s := &d.Statements[i]
		if s.Effect == EffectAllow && decision == Allow || !s.applies(r) {
			continue
		}
		if s.Effect == EffectDeny {
			return Deny
		}
		decision = Allow
	}
	return decision
}

func (s *Statement) applies(r *Request) bool {
	return s.aboutCaller(r) && s.aboutAction(r) && s.aboutResource(r) && s.conditionsHold(r)
}

func (s *Statement) aboutAction(r *Request) bool {
	r.fold()
	for i := range s.actions {
		if s.actions[i].match(r.folded, nil) {
			return !s.NotAction
		}
	}
	return s.NotAction
}

func (s *Statement) aboutResource(r *Request) bool {
	if s.Resources == nil { // a trust policy is about the role that has it
		return true
	}
	if r.arn.text == "" {
		r.arn.text = r.Resource
	}
	for i := range s.resources {
		if s.resources[i].match(&r.arn, r.Context) {
			return !s.NotResource
		}
	}
	return s.NotResource
}

func (s *Statement) conditionsHold(r *Request) bool {
	for i := range s.conditions {
		if !s.conditions[i].holds(r.Context, s.Effect) {
			return false
		}
	}
	return true
}
