// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/proto/policy"
)

// Assume is what is asked of a role (STS AssumeRole).
type Assume struct {
	RoleARN    string
	Session    string // the session's name
	Duration   time.Duration
	Policy     string   // JSON of a policy that narrows the session; "" for none
	PolicyARNs []string // managed policies of the role's account that narrow it, too
	ExternalID string
	Context    policy.Context // the condition keys that every request of the caller has
}

// maxChained is how long a session may be that a role's session asks for.
const maxChained = time.Hour

// AssumeRole makes temporary credentials for a role, of any account of this server, if
// its trust policy and the caller's own policies let the caller have them. Within an
// account a trust policy that names the caller is enough; a trust in the account leaves
// it to the account's policies.
func (a *Accounts) AssumeRole(ctx context.Context, who Principal, r Assume) (Temporary, error) {
	role, err := a.findRole(ctx, r.RoleARN)
	if errors.Is(err, ErrNoKey) {
		return Temporary{}, mayNotAssume(who, r.RoleARN)
	}
	if err != nil {
		return Temporary{}, err
	}
	allowed, err := a.mayAssume(ctx, who, role, r)
	if err != nil {
		return Temporary{}, err
	}
	if !allowed {
		return Temporary{}, mayNotAssume(who, r.RoleARN)
	}
	switch {
	case r.Duration > role.MaxSession:
		return Temporary{}, fault.InField(fault.Invalid, "durationSeconds", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	case r.Duration > maxChained && who.Role != "":
		return Temporary{}, fault.InField(fault.Invalid, "durationSeconds",
			"The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	narrow, err := a.sessionPolicy(ctx, role.Account, r)
	if err != nil {
		return Temporary{}, err
	}
	t, err := a.issue(sessionToken{Account: role.Account, Role: role.Name, Name: r.Session, ID: role.ID, Policy: narrow}, r.Duration)
	t.Path = role.Path
	return t, err
}

// findRole is the live role of an ARN, or ErrNoKey.
func (a *Accounts) findRole(ctx context.Context, arn string) (Role, error) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	account, path, found := strings.Cut(rest, ":role/")
	if !ok || !found {
		return Role{}, ErrNoKey
	}
	role, err := a.liveRole(ctx, account, path[strings.LastIndexByte(path, '/')+1:])
	if err == nil && role.ARN() != arn {
		err = ErrNoKey
	}
	return role, err
}

func mayNotAssume(who Principal, arn string) error {
	return fault.New(fault.AccessDenied, "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", who.ARN(), arn)
}

// mayAssume decides by the role's trust policy and by the caller's policies.
func (a *Accounts) mayAssume(ctx context.Context, who Principal, role Role, r Assume) (bool, error) {
	trust, err := policy.Parse([]byte(role.Trust))
	if err != nil {
		return false, fault.Wrap("account.AssumeRole", err)
	}
	own, err := a.Policies(ctx, who)
	if err != nil {
		return false, err
	}
	q := assumeRequest(who, role, r)
	trusts, allows := trust.Evaluate(q), own.Evaluate(q)
	if trusts != policy.Allow || allows == policy.Deny {
		return false, nil
	}
	if who.SessionPolicy != "" {
		narrow, err := policy.Parse([]byte(who.SessionPolicy))
		if err != nil {
			return false, fault.Wrap("account.AssumeRole", err)
		}
		if narrow.Evaluate(q) != policy.Allow {
			return false, nil
		}
	}
	if allows == policy.Allow {
		return true, nil
	}
	q.Direct = true
	return who.Account == role.Account && trust.Evaluate(q) == policy.Allow, nil
}

// assumeRequest is the request with the condition keys of STS and those of the caller.
func assumeRequest(who Principal, role Role, r Assume) *policy.Request {
	return &policy.Request{
		Caller: policy.Caller{Account: who.Account, ARN: who.ARN(), Role: who.RoleARN()},
		Action: "sts:AssumeRole", Resource: role.ARN(), Context: assumeKeys{r},
	}
}

// assumeKeys are the condition keys of AssumeRole.
type assumeKeys struct{ Assume }

// Values implements policy.Context.
func (k assumeKeys) Values(key string) ([]string, bool) {
	switch key {
	case "sts:rolesessionname":
		return []string{k.Session}, true
	case "sts:externalid":
		return []string{k.ExternalID}, k.ExternalID != ""
	}
	return k.Context.Values(key)
}

// sessionPolicy joins the policies that narrow a session into one document.
func (a *Accounts) sessionPolicy(ctx context.Context, account string, r Assume) (string, error) {
	var documents []string
	if r.Policy != "" {
		tooLong := fault.InField(fault.Invalid, FieldPacked, "The session policy is longer than %d characters.", maxInlineSession)
		if err := checkDocument(policy.IdentityBased, r.Policy, maxInlineSession, tooLong); err != nil {
			return "", err
		}
		documents = append(documents, r.Policy)
	}
	for _, arn := range r.PolicyARNs {
		p, err := a.Policy(ctx, account, arn)
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
			return "", fault.InField(fault.Invalid, FieldPolicy, "%s", fault.PeerText(err))
		}
		if err != nil {
			return "", err
		}
		documents = append(documents, p.Document)
	}
	return join(documents)
}

const maxInlineSession = 2048 // characters (STS AssumeRole, Policy)

// join makes one document of the statements of several, which have been checked. The
// session may do what any of them allows, as with several policies.
func join(documents []string) (string, error) {
	if len(documents) < 2 {
		return strings.Join(documents, ""), nil
	}
	type document struct{ Version, Statement json.RawMessage }
	all := struct {
		Version   string
		Statement []json.RawMessage
	}{Version: policy.Version}
	for _, text := range documents {
		var d document
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return "", fault.Wrap("account.AssumeRole", err)
		}
		var list []json.RawMessage
		if json.Unmarshal(d.Statement, &list) != nil {
			list = []json.RawMessage{d.Statement}
		}
		all.Statement = append(all.Statement, list...)
	}
	b, err := json.Marshal(all)
	return string(b), err
}
