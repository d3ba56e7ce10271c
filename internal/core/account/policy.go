// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"regexp"
	"strings"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/store"
	"sesame/internal/proto/policy"
)

// Policy is a managed policy, with the document of its default version.
type Policy struct {
	Account     string // "aws" for AWS's own
	Name        string
	Path, ID    string
	Description string
	Tags        []Tag
	Version     int // the default version's number
	Document    string
	Attached    int // to how many users and roles of the account that asks
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// ARN is the policy's ARN.
func (p Policy) ARN() string { return entityARN(p.Account, KindPolicy, p.Path, p.Name) }

// IsAWS reports whether the policy is AWS's own, which nobody changes.
func (p Policy) IsAWS() bool { return p.Account == "aws" }

// PolicyVersion is a version of a managed policy.
type PolicyVersion struct {
	Number    int // 1 is "v1"
	Document  string
	Default   bool
	CreatedAt time.Time
}

// CreatePolicy creates a customer managed policy with its first version. Path is "/"
// where it is empty.
func (a *Accounts) CreatePolicy(ctx context.Context, p Policy) (Policy, error) {
	if p.Path == "" {
		p.Path = "/"
	}
	if err := p.check(); err != nil {
		return Policy{}, err
	}
	var err error
	if p.ID, err = a.newID(prefixPolicy); err != nil {
		return Policy{}, err
	}
	p.Version, p.CreatedAt = 1, a.now()
	p.UpdatedAt = p.CreatedAt
	err = a.change(ctx, p.Account, func(tx *store.Tx) error {
		is, err := taken(tx, "managed_policies", p.Account, p.Name)
		if err != nil {
			return err
		}
		if is {
			return fault.New(fault.AlreadyExists, "A policy called %s already exists. Duplicate names are not allowed.", p.Name)
		}
		if err := roomFor(tx, "managed_policies", p.Account, "PoliciesPerAccount", MaxPolicies); err != nil {
			return err
		}
		at := store.Millis(p.CreatedAt)
		if _, err := tx.Exec(`INSERT INTO managed_policies (account, name, id, path, description, tags, current, newest, created_at, updated_at)
			VALUES (?, ?, ?, ?, ?, ?, 1, 1, ?, ?)`, p.Account, p.Name, p.ID, p.Path, p.Description, encodeTags(p.Tags), at, at); err != nil {
			return err
		}
		return insertVersion(tx, p.Account, p.Name, PolicyVersion{Number: 1, Document: p.Document, CreatedAt: p.CreatedAt})
	})
	return p, err
}

func (p Policy) check() error {
	if err := checkName("policyName", p.Name, 128); err != nil {
		return err
	}
	if err := checkPath(p.Path); err != nil {
		return err
	}
	if err := checkDescription(p.Description); err != nil {
		return err
	}
	if err := checkTags(p.Tags); err != nil {
		return err
	}
	return checkManaged(p.Document)
}

func checkManaged(document string) error {
	return checkDocument(policy.IdentityBased, document, MaxPolicySize, overQuota("PolicySize", MaxPolicySize))
}

func insertVersion(tx *store.Tx, account, name string, v PolicyVersion) error {
	_, err := tx.Exec(`INSERT INTO policy_versions (account, policy, version, document, created_at) VALUES (?, ?, ?, ?, ?)`,
		account, name, v.Number, v.Document, store.Millis(v.CreatedAt))
	return err
}

func noPolicy(arn string) error {
	return fault.New(fault.NotFound, "Policy %s does not exist or is not attachable.", arn)
}

// policyForm is the form of a managed policy's ARN.
var policyForm = regexp.MustCompile(`^arn:aws:iam::(aws|[0-9]{12}):policy/([!-~]+/)?[A-Za-z0-9_+=,.@-]{1,128}$`)

// checkPolicyARN refuses what no policy can have for its ARN.
func checkPolicyARN(arn string) error {
	if !policyForm.MatchString(arn) {
		return fault.InField(fault.Invalid, FieldInput, "ARN %s is not valid.", arn)
	}
	return nil
}

// policyName is the name in the ARN of an account's customer managed policy.
func policyName(account, arn string) (path, name string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::"+account+":policy/")
	i := strings.LastIndexByte(rest, '/')
	return "/" + rest[:i+1], rest[i+1:], ok
}

// findPolicy returns the name of a customer managed policy, or "" for AWS's own, or
// NotFound, or Invalid for what is no policy's ARN. Policies of other accounts are not to be found.
func findPolicy(tx *store.Tx, account, arn string) (string, error) {
	if err := checkPolicyARN(arn); err != nil {
		return "", err
	}
	if _, ok := builtin(arn); ok {
		return "", nil
	}
	path, name, ok := policyName(account, arn)
	if !ok {
		return "", noPolicy(arn)
	}
	var kept string
	err := tx.Get([]any{&kept}, `SELECT path FROM managed_policies WHERE account = ? AND name = ?`, account, name)
	if isNoRows(err) || err == nil && kept != path {
		return "", noPolicy(arn)
	}
	return name, err
}

// changePolicy is change for a customer managed policy: fn gets its name.
func (a *Accounts) changePolicy(ctx context.Context, account, arn string, fn func(tx *store.Tx, name string) error) error {
	if strings.HasPrefix(arn, awsPolicy) {
		return outside()
	}
	return a.change(ctx, account, func(tx *store.Tx) error {
		name, err := findPolicy(tx, account, arn)
		if err != nil {
			return err
		}
		return fn(tx, name)
	})
}

func outside() error {
	return fault.New(fault.AccessDenied, "Policy is outside your own account.")
}

const selectPolicies = `SELECT p.name, p.id, p.path, p.description, p.tags, p.current, v.document, p.created_at, p.updated_at,
	(SELECT count(*) FROM policy_attachments t WHERE t.account = p.account AND t.arn = 'arn:aws:iam::' || p.account || ':policy' || p.path || p.name)
	FROM managed_policies p JOIN policy_versions v ON v.account = p.account AND v.policy = p.name AND v.version = p.current `

// Policy returns a managed policy that the account sees, its own or AWS's, or NotFound, or
// Invalid for what is no policy's ARN.
func (a *Accounts) Policy(ctx context.Context, account, arn string) (Policy, error) {
	if err := checkPolicyARN(arn); err != nil {
		return Policy{}, err
	}
	if p, ok := builtin(arn); ok {
		uses, err := a.attachments(ctx, account)
		p.Attached = uses[arn]
		return p, err
	}
	path, name, ok := policyName(account, arn)
	if !ok {
		return Policy{}, noPolicy(arn)
	}
	all, err := a.selectPolicies(ctx, account, selectPolicies+`WHERE p.account = ? AND p.name = ? AND p.path = ?`, account, name, path)
	if err == nil && len(all) == 0 {
		err = noPolicy(arn)
	}
	if err != nil {
		return Policy{}, err
	}
	return all[0], nil
}

// ManagedPolicies lists the account's managed policies, or AWS's, or both, by name.
func (a *Accounts) ManagedPolicies(ctx context.Context, account string, own, aws bool) ([]Policy, error) {
	var all []Policy
	if aws {
		uses, err := a.attachments(ctx, account)
		if err != nil {
			return nil, err
		}
		for _, p := range builtins() {
			p.Attached = uses[p.ARN()]
			all = append(all, p)
		}
	}
	if !own {
		return all, nil
	}
	mine, err := a.selectPolicies(ctx, account, selectPolicies+`WHERE p.account = ? ORDER BY p.name`, account)
	return append(all, mine...), err
}

// PolicyARN is the ARN of a managed policy that the account sees, by its name or by the
// ARN itself; an account's own policy goes before AWS's of that name.
func (a *Accounts) PolicyARN(ctx context.Context, account, name string) (string, error) {
	if strings.HasPrefix(name, "arn:") {
		p, err := a.Policy(ctx, account, name)
		return p.ARN(), err
	}
	all, err := a.ManagedPolicies(ctx, account, true, true)
	if err != nil {
		return "", err
	}
	arn := ""
	for _, p := range all {
		if p.Name == name { // AWS's come first
			arn = p.ARN()
		}
	}
	if arn == "" {
		return "", noPolicy(name)
	}
	return arn, nil
}

// attachments counts the account's users and roles by the policy that they have.
func (a *Accounts) attachments(ctx context.Context, account string) (map[string]int, error) {
	rows, err := a.db.Query(ctx, `SELECT arn, count(*) FROM policy_attachments WHERE account = ? GROUP BY arn`, account)
	if err != nil {
		return nil, store.Wrap("account.Policies", err)
	}
	defer rows.Close()
	uses := map[string]int{}
	for rows.Next() {
		var arn string
		var n int
		if err := rows.Scan(&arn, &n); err != nil {
			return nil, store.Wrap("account.Policies", err)
		}
		uses[arn] = n
	}
	return uses, store.Wrap("account.Policies", rows.Err())
}

func (a *Accounts) selectPolicies(ctx context.Context, account, sql string, args ...any) ([]Policy, error) {
	return list(ctx, a.db, query{"account.Policies", sql, args}, func(scan func(...any) error) (p Policy, err error) {
		p.Account = account
		var tags string
		var created, updated int64
		if err := scan(&p.Name, &p.ID, &p.Path, &p.Description, &tags, &p.Version, &p.Document, &created, &updated, &p.Attached); err != nil {
			return p, err
		}
		p.CreatedAt, p.UpdatedAt = store.Time(created), store.Time(updated)
		p.Tags, err = decodeTags(tags)
		return p, err
	})
}

// DeletePolicy removes a policy that is attached to nobody and has no version but its
// default, and refuses with Conflict otherwise.
func (a *Accounts) DeletePolicy(ctx context.Context, account, arn string) error {
	return a.changePolicy(ctx, account, arn, func(tx *store.Tx, name string) error {
		n, err := count(tx, `SELECT count(*) FROM policy_attachments WHERE account = ? AND arn = ?`, account, arn)
		if err != nil {
			return err
		}
		if n > 0 {
			return fault.New(fault.Conflict, "Cannot delete a policy attached to entities.")
		}
		if n, err = count(tx, `SELECT count(*) FROM policy_versions WHERE account = ? AND policy = ?`, account, name); err != nil {
			return err
		}
		if n > 1 {
			return fault.New(fault.Conflict, "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		return exec(tx, []string{
			`DELETE FROM policy_versions WHERE account = ? AND policy = ?`,
			`DELETE FROM managed_policies WHERE account = ? AND name = ?`,
		}, account, name)
	})
}
