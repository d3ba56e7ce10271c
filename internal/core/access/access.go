// SPDX-License-Identifier: Apache-2.0

// Package access decides who may do what: it puts together the IAM policies of a
// principal, the policy of its session, and the policies of the identities that a call is
// about, and says no in SES's words.
//
// An explicit deny wins in every policy that counts. The policies of an address take
// precedence over those of its domain: where they apply, the domain's do not count, a deny
// included. In one account either the IAM policies or the policy of the identity, where it
// names the principal, have to allow; between accounts both have to (SES: sending
// authorization; IAM: cross-account policy evaluation). A session's policy narrows whatever
// the others allow.
package access

import (
	"context"
	"strings"
	"sync"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/proto/policy"
)

// Policies gives the IAM policies of a principal, without that of its session. A change
// is seen within a second.
type Policies interface {
	Policies(ctx context.Context, p account.Principal) (*policy.Set, error)
}

// Identities gives the policies of an identity, none if there is no such identity, and
// the identities that mail is sent under. A change is seen within a second.
type Identities interface {
	PolicySet(ctx context.Context, sc scope.Scope, name string) (*policy.Set, error)
	Resolve(ctx context.Context, sc scope.Scope, a address.Address) (identity.Identity, error)
	ResolveDomain(ctx context.Context, sc scope.Scope, d address.Domain) (identity.Identity, error)
}

// Organizations tells which organization an account belongs to: aws:PrincipalOrgID. ""
// means none.
type Organizations interface {
	Organization(ctx context.Context, account string) (string, error)
}

// Options configure an Authorizer.
type Options struct {
	Policies      Policies
	Identities    Identities
	Organizations Organizations // nil: no account belongs to any
	Clock         clock.Clock
}

// Authorizer is safe for concurrent use.
type Authorizer struct {
	o Options

	mu       sync.RWMutex
	sessions map[string]*policy.Document // compiled session policies by their text
}

// New returns an authorizer.
func New(o Options) *Authorizer {
	return &Authorizer{o: o, sessions: map[string]*policy.Document{}}
}

// Request is what is known of any call.
type Request struct {
	Scope      scope.Scope // the caller's account, and the region that is called
	Principal  account.Principal
	SourceIP   string
	UserAgent  string
	Secure     bool   // it came under TLS
	APIVersion string // of SES: "1", "2"; "" for another service's call
}

// Resource is what a call is about.
type Resource struct {
	ARN      string // "*" where the operation has none
	Identity string // name of the identity of the caller's account that it is; "" if it is none
}

// Any is the resource of operations that have none.
func Any() []Resource { return []Resource{{ARN: "*"}} }

// Call is a call of an operation.
type Call struct {
	Request
	Action    string      // as policies name it: "ses:GetEmailIdentity"
	Resources []Resource  // all must be allowed; at least one
	Keys      policy.Keys // condition keys that only this operation has; nil for none
}

// Authorize returns nil if the call is allowed, and else an error of kind AccessDenied
// that names user, action and resource.
func (a *Authorizer) Authorize(ctx context.Context, c Call) error {
	granted, err := a.grants(ctx, c.Principal)
	if err != nil {
		return err
	}
	org, err := a.organization(ctx, c.Principal.Account)
	if err != nil {
		return err
	}
	r := &policy.Request{Caller: caller(c.Principal), Action: c.Action, Context: &keys{Request: &c.Request, now: a.o.Clock(), organization: org, own: c.Keys}}
	for _, res := range c.Resources {
		r.SetResource(res.ARN)
		decision := granted.iam.Evaluate(r)
		if res.Identity != "" {
			own, err := a.o.Identities.PolicySet(ctx, c.Scope, res.Identity)
			if err != nil {
				return err
			}
			r.Direct = true
			decision = Combine(true, decision, own.Evaluate(r))
			r.Direct = false
		}
		if decision != policy.Allow || !granted.session(r) {
			return fault.New(fault.AccessDenied, "User: %s is not authorized to perform: %s on resource: %s", c.Principal.ARN(), c.Action, res.ARN)
		}
	}
	return nil
}

func caller(p account.Principal) policy.Caller {
	return policy.Caller{Account: p.Account, ARN: p.ARN(), Role: p.RoleARN()}
}

// grants are the policies that a principal brings along.
type grants struct {
	iam      *policy.Set
	narrowed *policy.Document // the session's policy; nil if it has none
}

// deny reports whether a policy of the principal or of its session denies the request.
func (g *grants) deny(r *policy.Request) bool {
	return g.iam.Evaluate(r) == policy.Deny || g.narrowed != nil && g.narrowed.Evaluate(r) == policy.Deny
}

// session reports whether the session's policy lets the request through.
func (g *grants) session(r *policy.Request) bool {
	return g.narrowed == nil || g.narrowed.Evaluate(r) == policy.Allow
}

func (a *Authorizer) grants(ctx context.Context, p account.Principal) (g grants, err error) {
	if g.iam, err = a.o.Policies.Policies(ctx, p); err != nil {
		return g, err
	}
	if p.SessionPolicy != "" {
		g.narrowed, err = a.sessionPolicy(p.SessionPolicy)
	}
	return g, err
}

// maxSessions bounds the compiled session policies; at the bound they start anew.
const maxSessions = 1000

// sessionPolicy compiles a session's policy once. STS has checked it.
func (a *Authorizer) sessionPolicy(text string) (*policy.Document, error) {
	a.mu.RLock()
	d := a.sessions[text]
	a.mu.RUnlock()
	if d != nil {
		return d, nil
	}
	d, err := policy.Parse([]byte(text))
	if err != nil {
		return nil, fault.Wrap("access.sessionPolicy", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.sessions) >= maxSessions {
		clear(a.sessions)
	}
	a.sessions[strings.Clone(text)] = d
	return d, nil
}

func (a *Authorizer) organization(ctx context.Context, account string) (string, error) {
	if a.o.Organizations == nil {
		return "", nil
	}
	return a.o.Organizations.Organization(ctx, account)
}
