// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/proto/message"
	"sesame/internal/proto/policy"
)

// Use is an address that a message is sent with, under an identity.
type Use struct {
	Owner    scope.Scope // whose identity it is
	Identity string      // its name
	Address  address.Address
	Nearest  bool // Identity is what Resolve gave: it need not be asked again
}

// ARN is the identity's.
func (u Use) ARN() string { return u.Owner.ARN("identity/" + u.Identity) }

// Send is a message that is about to be sent.
type Send struct {
	Request
	Action string // "ses:SendEmail", "ses:SendRawEmail" ...
	Uses   []Use  // of From, Source, Sender and Return-Path; all must be allowed

	// Resources are the ARNs of what else is used, such as a template. The principal's own
	// policies must allow them.
	Resources []string

	From       []message.Mailbox // ses:FromAddress and ses:FromDisplayName
	ReturnPath address.Address   // ses:FeedbackAddress
	Recipients []address.Address // ses:Recipients: To, Cc and Bcc
}

// MaySend returns nil if the principal may send the message under all its identities and
// with all its resources, and else an error of kind AccessDenied that names user, action
// and what may not be used.
func (a *Authorizer) MaySend(ctx context.Context, s Send) error {
	granted, err := a.grants(ctx, s.Principal)
	if err != nil {
		return err
	}
	org, err := a.organization(ctx, s.Principal.Account)
	if err != nil {
		return err
	}
	r := &policy.Request{Caller: caller(s.Principal), Action: s.Action,
		Context: &keys{Request: &s.Request, now: a.o.Clock(), organization: org, send: &s}}
	for _, u := range distinct(s.Uses) {
		allowed, err := a.mayUse(ctx, &granted, u, r)
		if err != nil {
			return err
		}
		if !allowed {
			return s.denied(u.ARN())
		}
	}
	for _, arn := range s.Resources {
		r.SetResource(arn)
		if granted.iam.Evaluate(r) != policy.Allow || !granted.session(r) {
			return s.denied(arn)
		}
	}
	return nil
}

func (s *Send) denied(arn string) error {
	return fault.New(fault.AccessDenied, "User `%s' is not authorized to perform `%s' on resource `%s'", s.Principal.ARN(), s.Action, arn)
}

// distinct are the uses, each once: equal ones need one decision. A message may be from any
// number of addresses.
func distinct(uses []Use) []Use {
	if len(uses) < 2 {
		return uses
	}
	seen := make(map[Use]bool, len(uses))
	var once []Use
	for _, u := range uses {
		if !seen[u] {
			seen[u] = true
			once = append(once, u)
		}
	}
	return once
}

// mayUse decides about one identity. Naming it does not get the principal around a deny
// of his own policies on an identity that is nearer to the address.
func (a *Authorizer) mayUse(ctx context.Context, g *grants, u Use, r *policy.Request) (bool, error) {
	own := u.Owner.Account == r.Caller.Account
	names, err := a.precedence(ctx, u)
	if err != nil {
		return false, err
	}
	for _, nearer := range names[:slices.Index(names, u.Identity)] {
		r.SetResource(u.Owner.ARN("identity/" + nearer))
		if g.deny(r) {
			return false, nil
		}
	}
	r.SetResource(u.ARN())
	decision := g.iam.Evaluate(r)
	if decision == policy.Deny || !own && decision != policy.Allow || !g.session(r) {
		return false, nil // whatever the owner says
	}
	r.Direct = own
	owners, err := a.owners(ctx, u.Owner, names, r)
	r.Direct = false
	if err != nil {
		return false, err
	}
	return Combine(own, decision, owners) == policy.Allow, nil
}

// owners decides by the policies of the owner's identities, the most specific first. Its
// policies take precedence: only where they do not apply do those of the next count (SES:
// sending authorization, address-level and domain-level policies).
func (a *Authorizer) owners(ctx context.Context, owner scope.Scope, names []string, r *policy.Request) (policy.Decision, error) {
	for _, name := range names {
		set, err := a.o.Identities.PolicySet(ctx, owner, name)
		if err != nil {
			return policy.Deny, err
		}
		if set.Empty() {
			continue
		}
		r.SetResource(owner.ARN("identity/" + name))
		if d := set.Evaluate(r); d != policy.NotApplicable {
			return d, nil
		}
	}
	return policy.NotApplicable, nil
}

// precedence lists the owner's identities whose policies are about the address: the one
// that is named, and the verified address and domain identities that are nearest to it.
// The most specific comes first.
func (a *Authorizer) precedence(ctx context.Context, u Use) ([]string, error) {
	names := append(make([]string, 0, 3), u.Identity)
	if u.Nearest && !strings.Contains(u.Identity, "@") {
		return names, nil // the nearest identity is the nearest domain
	}
	var nearest identity.Identity
	var err error
	if !u.Nearest {
		if nearest, err = a.o.Identities.Resolve(ctx, u.Owner, u.Address); err == nil {
			names = append(names, nearest.Name)
		}
	}
	if err == nil {
		nearest, err = a.o.Identities.ResolveDomain(ctx, u.Owner, u.Address.Domain)
	}
	switch {
	case err == nil:
		names = append(names, nearest.Name)
	case !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid): // Invalid: nobody's address
		return nil, err
	}
	slices.SortFunc(names, bySpecificity)
	return slices.Compact(names), nil
}

// bySpecificity orders identities that one address is of: addresses before domains, and
// what is longer first, for it is a label or a subdomain of what is shorter.
func bySpecificity(a, b string) int {
	if isAddress := strings.Contains(a, "@"); isAddress != strings.Contains(b, "@") {
		if isAddress {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
}
