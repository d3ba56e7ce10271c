// SPDX-License-Identifier: Apache-2.0

package iam

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/proto/policy"
)

// maxSimulated bounds the pairs of action and resource of one simulation.
const maxSimulated = 5000

// maxInput bounds the policies that come with a request, in bytes together: each of them
// is asked for every pair.
const maxInput = 256 << 10

// source is a policy that takes part in a simulation.
type source struct {
	id       string // as IAM calls it: the managed policy's name, user_NAME_POLICY, PolicyInputList.1
	document *policy.Document
}

// simulation is what both simulators have in common.
type simulation struct {
	sources   []source // IAM policies
	resource  *source  // the policy of every resource; nil if there is none
	owner     string   // account of the resources whose ARNs name none
	actions   []string
	resources []string
	caller    policy.Caller // zero if nobody is named
	keys      policy.Keys
	page      page
	input     int // bytes of the policies that came with the request
}

// SimulateCustomPolicy is the operation of its name.
func (a *API) SimulateCustomPolicy(ctx context.Context, in *iam.SimulateCustomPolicyInput) (*iam.SimulateCustomPolicyOutput, error) {
	if len(in.OrderedOrganizationPolicyInputList) > 0 {
		return nil, fault.New(fault.NotImplemented, "Policies of organizations are not implemented by this server.")
	}
	if len(in.PermissionsBoundaryPolicyInputList) > 0 {
		return nil, unbounded(&in.PermissionsBoundaryPolicyInputList[0])
	}
	s := simulation{
		actions: in.ActionNames, resources: in.ResourceArns, keys: a.keys(in.ContextEntries), page: page{"SimulateCustomPolicy", in.Marker, in.MaxItems},
	}
	if err := s.between(in.CallerArn, in.ResourceOwner); err != nil {
		return nil, err
	}
	if err := s.add(in.PolicyInputList, in.ResourcePolicy); err != nil {
		return nil, err
	}
	results, next, err := s.run()
	if err != nil {
		return nil, err
	}
	return &iam.SimulateCustomPolicyOutput{EvaluationResults: results, Marker: next, IsTruncated: next != nil}, nil
}

// SimulatePrincipalPolicy is the operation of its name, for users and roles.
func (a *API) SimulatePrincipalPolicy(ctx context.Context, in *iam.SimulatePrincipalPolicyInput) (*iam.SimulatePrincipalPolicyOutput, error) {
	if len(in.PermissionsBoundaryPolicyInputList) > 0 {
		return nil, unbounded(&in.PermissionsBoundaryPolicyInputList[0])
	}
	arn := aws.ToString(in.PolicySourceArn)
	e, err := a.principal(ctx, arn)
	if err != nil {
		return nil, err
	}
	s := simulation{
		actions: in.ActionNames, resources: in.ResourceArns, keys: a.keys(in.ContextEntries), page: page{"SimulatePrincipalPolicy", in.Marker, in.MaxItems},
	}
	if err := s.between(cmp.Or(in.CallerArn, &arn), in.ResourceOwner); err != nil {
		return nil, err
	}
	if s.caller.Role == "" {
		s.assume("aws:username", s.caller.ARN[strings.LastIndexByte(s.caller.ARN, '/')+1:])
	}
	s.assume("aws:principalarn", s.caller.ARN)
	s.assume("aws:principalaccount", s.caller.Account)
	if err := a.addOwn(ctx, &s, e, in.PolicyExclusionList); err != nil {
		return nil, err
	}
	if err := s.add(in.PolicyInputList, in.ResourcePolicy); err != nil {
		return nil, err
	}
	results, next, err := s.run()
	if err != nil {
		return nil, err
	}
	return &iam.SimulatePrincipalPolicyOutput{EvaluationResults: results, Marker: next, IsTruncated: next != nil}, nil
}

// principal is the user or role of an ARN.
func (a *API) principal(ctx context.Context, arn string) (account.Entity, error) {
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	prefix := "arn:aws:iam::" + own(ctx) + ":"
	switch {
	case strings.HasPrefix(arn, prefix+"user/"):
		u, err := a.Accounts.User(ctx, own(ctx), name)
		if err != nil || u.ARN() == arn {
			return user(ctx, &name), err
		}
	case strings.HasPrefix(arn, prefix+"role/"):
		r, err := a.Accounts.Role(ctx, own(ctx), name)
		if err != nil || r.ARN() == arn {
			return role(ctx, &name), err
		}
	}
	return account.Entity{}, fault.New(fault.NotFound, "The entity with ARN %s cannot be found.", arn)
}

// addOwn adds the policies that an entity has, but those that are excluded.
func (a *API) addOwn(ctx context.Context, s *simulation, e account.Entity, excluded []types.PolicyIdentifier) error {
	sources, err := a.Accounts.Sources(ctx, e)
	if err != nil {
		return err
	}
	for _, own := range sources {
		if slices.ContainsFunc(excluded, func(x types.PolicyIdentifier) bool { return excludes(x, e, own) }) {
			continue
		}
		id := string(e.Kind) + "_" + e.Name + "_" + own.Name
		if own.ARN != "" {
			_, id = splitPolicy(own.ARN)
		}
		d, err := policy.Parse([]byte(own.Document))
		if err != nil {
			return fault.Wrap("iam.SimulatePrincipalPolicy", err)
		}
		s.sources = append(s.sources, source{id, d})
	}
	return nil
}

// excludes reports whether an identifier means a policy of an entity.
func excludes(x types.PolicyIdentifier, e account.Entity, p account.Source) bool {
	switch x := x.(type) {
	case *types.PolicyIdentifierMemberPolicyArn:
		return p.ARN != "" && x.Value == p.ARN
	case *types.PolicyIdentifierMemberPolicyType:
		fromAWS := strings.HasPrefix(p.ARN, "arn:aws:iam::aws:")
		switch x.Value {
		case types.PolicyIdentifierPolicyTypeInline:
			return p.ARN == ""
		case types.PolicyIdentifierPolicyTypeAwsManaged:
			return fromAWS
		case types.PolicyIdentifierPolicyTypeUserManaged:
			return p.ARN != "" && !fromAWS
		}
	case *types.PolicyIdentifierMemberInlinePolicyIdentifier:
		v := x.Value
		return p.ARN == "" && aws.ToString(v.PolicyName) == p.Name && aws.ToString(v.AttachmentName) == e.Name &&
			string(v.AttachmentType) == string(e.Kind)
	}
	return false
}

// add adds the policies that came with the request.
func (s *simulation) add(iam []string, resource *string) error {
	for i, text := range iam {
		d, err := s.parse(policy.IdentityBased, "PolicyInputList", text)
		if err != nil {
			return err
		}
		s.sources = append(s.sources, source{"PolicyInputList." + strconv.Itoa(i+1), d})
	}
	if resource == nil {
		return nil
	}
	if s.caller.ARN == "" {
		return fault.InField(fault.Invalid, account.FieldInput, "CallerArn is required with a ResourcePolicy.")
	}
	d, err := s.parse(policy.ResourceBased, "ResourcePolicy", *resource)
	s.resource = &source{"ResourcePolicy", d}
	return err
}

// parse reads a document that came as a member of the request.
func (s *simulation) parse(kind policy.Kind, member, text string) (*policy.Document, error) {
	if s.input += len(text); s.input > maxInput {
		return nil, fault.InField(fault.Invalid, account.FieldInput, "The policies of a simulation have at most %d bytes together.", maxInput)
	}
	d, err := policy.Parse([]byte(text))
	if err == nil {
		err = d.Validate(kind)
	}
	if err != nil {
		return nil, fault.InField(fault.Invalid, account.FieldInput, "%s: %s", member, err)
	}
	return d, nil
}

// between says who calls, a user or a role, and whose the resources are (IAM: CallerArn
// and ResourceOwner, which is an account's id or its ARN).
func (s *simulation) between(caller, owner *string) error {
	if caller != nil {
		id, entity, ok := ofIAM(*caller)
		kind, name, _ := strings.Cut(entity, "/")
		if !ok || name == "" || kind != "user" && kind != "role" {
			return fault.InField(fault.Invalid, account.FieldInput, "CallerArn is not the ARN of a user or a role.")
		}
		s.caller = policy.Caller{Account: id, ARN: *caller}
		if kind == "role" {
			s.caller.Role = *caller
		}
	}
	s.owner = s.caller.Account
	if owner != nil {
		id, entity, ok := ofIAM(*owner)
		if s.owner = id; scope.ValidAccount(*owner) {
			s.owner = *owner
		} else if !ok || entity != "root" {
			return fault.InField(fault.Invalid, account.FieldInput, "ResourceOwner is not the ARN of an account.")
		}
	}
	return nil
}

// ofIAM takes the ARN of something in IAM apart.
func ofIAM(arn string) (id, entity string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	id, entity, found := strings.Cut(rest, ":")
	return id, entity, ok && found && scope.ValidAccount(id)
}

// keys are the condition keys of a simulation: those that it is given, and the time.
func (a *API) keys(entries []types.ContextEntry) policy.Keys {
	keys := policy.Keys{}
	for _, e := range entries {
		keys[strings.ToLower(aws.ToString(e.ContextKeyName))] = e.ContextKeyValues
	}
	if keys["aws:currenttime"] == nil {
		keys["aws:currenttime"] = []string{a.Clock().UTC().Format(time.RFC3339)}
	}
	return keys
}

// assume sets a key unless the request says it.
func (s *simulation) assume(key, value string) {
	if s.keys[key] == nil {
		s.keys[key] = []string{value}
	}
}

// pair is an action on a resource.
type pair struct {
	index            string // its place, in a form that sorts
	action, resource string
}

// run evaluates the page's pairs.
func (s *simulation) run() ([]types.EvaluationResult, *string, error) {
	if len(s.resources) == 0 {
		s.resources = []string{"*"}
	}
	if len(s.actions)*len(s.resources) > maxSimulated {
		return nil, nil, fault.InField(fault.Invalid, account.FieldInput, "A simulation has at most %d pairs of action and resource.", maxSimulated)
	}
	var pairs []pair
	for _, action := range s.actions {
		for _, resource := range s.resources {
			pairs = append(pairs, pair{fmt.Sprintf("%06d", len(pairs)), action, resource})
		}
	}
	pairs, next, err := cut(s.page, pairs, func(p pair) string { return p.index })
	if err != nil {
		return nil, nil, err
	}
	results := make([]types.EvaluationResult, len(pairs))
	for i, p := range pairs {
		results[i] = s.evaluate(p)
	}
	return results, next, nil
}

// evaluate decides one pair.
func (s *simulation) evaluate(p pair) types.EvaluationResult {
	seen := &witness{keys: s.keys}
	q := &policy.Request{Caller: s.caller, Action: p.action, Resource: p.resource, Context: seen}
	result := types.EvaluationResult{
		EvalActionName: aws.String(p.action), EvalResourceName: aws.String(p.resource), MatchedStatements: []types.Statement{},
	}
	ask := func(src source) policy.Decision {
		d := src.document.Evaluate(q)
		if d != policy.NotApplicable {
			result.MatchedStatements = append(result.MatchedStatements, types.Statement{
				SourcePolicyId: aws.String(src.id), SourcePolicyType: "IAM Policy",
			})
		}
		return d
	}
	byIAM, byResource := policy.NotApplicable, policy.NotApplicable
	for _, src := range s.sources {
		byIAM = max(byIAM, ask(src))
	}
	own := s.own(p.resource)
	if s.resource != nil {
		q.Direct = own
		byResource = ask(*s.resource)
	}
	result.EvalDecision = map[policy.Decision]types.PolicyEvaluationDecisionType{
		policy.NotApplicable: types.PolicyEvaluationDecisionTypeImplicitDeny,
		policy.Allow:         types.PolicyEvaluationDecisionTypeAllowed,
		policy.Deny:          types.PolicyEvaluationDecisionTypeExplicitDeny,
	}[access.Combine(own, byIAM, byResource)]
	slices.Sort(seen.missing)
	result.MissingContextValues = append([]string{}, slices.Compact(seen.missing)...)
	return result
}

// own reports whether a resource is of the caller's account. So is every one where nobody is
// named as the caller, and what is AWS's own has no policy of its own.
func (s *simulation) own(resource string) bool {
	owner := s.owner
	if parts := strings.SplitN(resource, ":", 6); len(parts) == 6 && parts[4] != "" {
		owner = parts[4]
	}
	return s.caller.Account == "" || owner == s.caller.Account || owner == "aws"
}

// witness is a context that notes which keys were asked for in vain.
type witness struct {
	keys    policy.Keys
	missing []string
}

// Values implements policy.Context.
func (w *witness) Values(key string) ([]string, bool) {
	v, ok := w.keys.Values(key)
	if !ok {
		w.missing = append(w.missing, key)
	}
	return v, ok
}
