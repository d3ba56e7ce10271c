// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"path"
	"regexp"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/fresh"
	"sesame/internal/core/store"
	"sesame/internal/proto/policy"
)

// Bounds of the policies of an identity (SES: identity authorization policies).
const (
	MaxPolicies    = 20
	MaxPolicyBytes = 4 << 10 // without white space that means nothing
	maxPolicyName  = 64
)

// PolicyField is the field of the faults that are about a policy's document.
const PolicyField = "Policy"

// Put says what a policy that is put may find under its name.
type Put int

// The ways of putting.
const (
	Create Put = iota // nothing: else AlreadyExists (SES API v2: CreateEmailIdentityPolicy)
	Update            // a policy: else NotFound (UpdateEmailIdentityPolicy)
	Upsert            // either (SES API v1: PutIdentityPolicy)
)

// Policy is a policy of an identity.
type Policy struct {
	Name     string
	Document string // JSON, without white space that means nothing
}

// PutPolicy attaches a policy to an identity. A document that is not fit for the
// identity is Invalid, with PolicyField for its field; the policy above MaxPolicies is
// LimitExceeded.
func (s *Identities) PutPolicy(ctx context.Context, sc scope.Scope, name string, how Put, p Policy) error {
	norm, _, err := ParseName(name)
	if err != nil {
		return err
	}
	if _, err := s.load(ctx, sc, norm); err != nil { // before what is wrong with the policy
		return err
	}
	if err := checkPolicyName(p.Name); err != nil {
		return err
	}
	doc, err := p.compile(sc, norm)
	if err != nil {
		return err
	}
	err = s.configure(ctx, sc, norm, func(tx *store.Tx, id *Identity) (refusal, err error) {
		if id.ConfigSet != "" && delegates(doc, sc.Account) {
			return shared(PolicyField, norm), nil
		}
		return s.putPolicy(tx, *id, how, p)
	})
	s.changes.Forget(sc.Account)
	return err
}

func (s *Identities) putPolicy(tx *store.Tx, id Identity, how Put, p Policy) (refusal, err error) {
	var there, all int64
	err = tx.Get([]any{&all, &there}, `SELECT count(*), coalesce(sum(CASE WHEN name = ? THEN 1 ELSE 0 END), 0) FROM identity_policies
		WHERE account = ? AND region = ? AND identity = ?`, p.Name, id.Scope.Account, id.Scope.Region, id.Name)
	switch {
	case err != nil:
		return nil, err
	case how == Create && there > 0:
		return fault.InField(fault.AlreadyExists, "PolicyName", "Policy <%s> already exists", p.Name), nil
	case how == Update && there == 0:
		return noPolicy(p.Name), nil
	case there == 0 && all >= MaxPolicies:
		return fault.New(fault.LimitExceeded, "Number of policies for <%s> exceeds max allowed number of policies per resource", id.Name), nil
	}
	now := store.Millis(s.o.Clock())
	_, err = tx.Exec(`INSERT INTO identity_policies (account, region, identity, name, document, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account, region, identity, name) DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at`,
		id.Scope.Account, id.Scope.Region, id.Name, p.Name, p.Document, now, now)
	return nil, err
}

func noPolicy(name string) error {
	return fault.InField(fault.NotFound, "PolicyName", "Policy <%s> does not exist", name)
}

var policyName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func checkPolicyName(name string) error {
	if len(name) > maxPolicyName || !policyName.MatchString(name) {
		return fault.InField(fault.Invalid, "PolicyName",
			"PolicyName is invalid. Policy names must only include alpha-numeric characters, dashes, and underscores.")
	}
	return nil
}

// compile checks the document for an identity and takes its white space out, as SES does.
func (p *Policy) compile(sc scope.Scope, name string) (*policy.Document, error) {
	doc, err := parsePolicy(p.Document)
	if err == nil {
		err = doc.CheckKeys()
	}
	if err != nil {
		return nil, unfit("%s", err.Error())
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(p.Document)); err != nil {
		return nil, unfit("%s", err.Error())
	}
	if p.Document = b.String(); len(p.Document) > MaxPolicyBytes {
		return nil, unfit("The policy is longer than %d bytes.", MaxPolicyBytes)
	}
	if len(doc.Statements) == 0 {
		return nil, unfit("The policy must have at least one statement.")
	}
	arn := sc.ARN("identity/" + name)
	for i := range doc.Statements {
		if err := checkStatement(&doc.Statements[i], arn); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

// parsePolicy reads a document of the kind that identities have.
func parsePolicy(text string) (*policy.Document, error) {
	doc, err := policy.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(policy.ResourceBased)
}

func unfit(format string, args ...any) error {
	return fault.InField(fault.Invalid, PolicyField, format, args...)
}

// checkStatement demands what SES demands beyond the language: the identity itself as the
// one resource, principals that may call SES, and actions of SES.
func checkStatement(s *policy.Statement, arn string) error {
	if s.NotResource || len(s.Resources) != 1 || s.Resources[0] != arn {
		return unfit("The resource of a policy must be the identity that it is attached to: %s.", arn)
	}
	if len(s.Principals) == 0 {
		return unfit("The policy must have at least one principal.")
	}
	for _, p := range s.Principals {
		if p.Type == policy.Federated || p.Type == policy.CanonicalUser {
			return unfit("Invalid principal in policy: %s principals can't call Amazon SES.", p.Type)
		}
	}
	for _, a := range s.Actions {
		if service, _, _ := strings.Cut(a, ":"); a != "*" && !strings.EqualFold(service, "ses") {
			return unfit("Invalid action in policy: %s is no action of Amazon SES.", safe(a))
		}
	}
	return nil
}

// delegates reports whether the document lets anyone outside the account send (SES:
// sending authorization; an account, its users, or an AWS service).
func delegates(doc *policy.Document, account string) bool {
	for i := range doc.Statements {
		s := &doc.Statements[i]
		if s.Effect == policy.EffectAllow && sends(s) && (s.NotPrincipal || hasStranger(s.Principals, account)) {
			return true
		}
	}
	return false
}

func hasStranger(principals []policy.Principal, account string) bool {
	for _, p := range principals {
		// An entry is the account's id, or an ARN with it.
		if p.ID != account && !strings.Contains(p.ID, ":"+account+":") {
			return true
		}
	}
	return false
}

// sends reports whether the statement is about an operation that sends.
func sends(s *policy.Statement) bool {
	for _, operation := range []string{"ses:sendemail", "ses:sendrawemail", "ses:sendtemplatedemail", "ses:sendbulktemplatedemail"} {
		named := false
		for _, a := range s.Actions {
			// The language's wildcards are those of path, and no operation has a slash.
			ok, err := path.Match(strings.ToLower(a), operation)
			named = named || ok && err == nil
		}
		if named != s.NotAction {
			return true
		}
	}
	return false
}

// Policies returns the policies of an identity by name, or NotFound where there is no
// such identity.
func (s *Identities) Policies(ctx context.Context, sc scope.Scope, name string) ([]Policy, error) {
	id, err := s.Read(ctx, sc, name)
	if err != nil {
		return nil, err
	}
	return s.loadPolicies(ctx, sc, id.Name)
}

func (s *Identities) loadPolicies(ctx context.Context, sc scope.Scope, name string) ([]Policy, error) {
	rows, err := s.o.DB.Query(ctx, `SELECT name, document FROM identity_policies
		WHERE account = ? AND region = ? AND identity = ? ORDER BY name`, sc.Account, sc.Region, name)
	if err != nil {
		return nil, store.Wrap("identity.Policies", err)
	}
	defer rows.Close()
	var all []Policy
	for rows.Next() {
		var p Policy
		if err := rows.Scan(&p.Name, &p.Document); err != nil {
			return nil, store.Wrap("identity.Policies", err)
		}
		all = append(all, p)
	}
	return all, store.Wrap("identity.Policies", rows.Err())
}

// PolicySet returns the policies of the identity with this name, none if there is no such
// identity. A change made by another node is seen within a second.
func (s *Identities) PolicySet(ctx context.Context, sc scope.Scope, name string) (*policy.Set, error) {
	return s.policies.Get(ctx, sc.Account, cacheKey{sc, name}, func() (*policy.Set, error) {
		norm, _, err := ParseName(name)
		if err != nil {
			return nil, err
		}
		all, err := s.loadPolicies(ctx, sc, norm)
		if err != nil {
			return nil, err
		}
		docs := make([]*policy.Document, len(all))
		for i, p := range all {
			if docs[i], err = parsePolicy(p.Document); err != nil { // to go on without it would let through what it denies
				return nil, fault.Wrap("identity.PolicySet", errors.Join(errors.New("policy "+p.Name+" of "+norm), err))
			}
		}
		return policy.NewSet(docs...), nil
	})
}

// DeletePolicy removes a policy of an identity, or returns NotFound for either.
func (s *Identities) DeletePolicy(ctx context.Context, sc scope.Scope, name, policyName string) error {
	norm, _, err := ParseName(name)
	if err != nil {
		return err
	}
	if _, err := s.load(ctx, sc, norm); err != nil {
		return err
	}
	var n int64
	err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if err := fresh.Changed(tx, sc.Account); err != nil {
			return err
		}
		n, err = tx.Exec(`DELETE FROM identity_policies WHERE account = ? AND region = ? AND identity = ? AND name = ?`,
			sc.Account, sc.Region, norm, policyName)
		return err
	})
	s.changes.Forget(sc.Account)
	if err == nil && n == 0 {
		return noPolicy(policyName)
	}
	return err
}

func deletePolicies(tx *store.Tx, sc scope.Scope, name string) error {
	_, err := tx.Exec(`DELETE FROM identity_policies WHERE account = ? AND region = ? AND identity = ?`, sc.Account, sc.Region, name)
	return err
}

// policiesIn reads the documents of an identity's policies in a transaction.
func policiesIn(tx *store.Tx, sc scope.Scope, name string) (documents []string, err error) {
	rows, err := tx.Query(`SELECT document FROM identity_policies WHERE account = ? AND region = ? AND identity = ?`, sc.Account, sc.Region, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		documents = append(documents, text)
	}
	return documents, cmp.Or(rows.Err(), rows.Close())
}
