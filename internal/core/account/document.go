// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"

	"sesame/internal/core/store"
	"sesame/internal/proto/policy"
)

// Source is where a policy of a user or a role comes from.
type Source struct {
	Name     string // of an inline policy; else ""
	ARN      string // of a managed policy; else ""
	Document string
}

// Policies returns the policies that hold for a user, or for the role of a session:
// inline and managed ones. The policy that narrows a session is not among them: it is in
// the Principal. A change made by another node is seen within a second.
func (a *Accounts) Policies(ctx context.Context, who Principal) (*policy.Set, error) {
	e := who.entity()
	return a.policies.Get(ctx, e.Account, e, func() (*policy.Set, error) {
		sources, err := a.Sources(ctx, e)
		if err != nil {
			return nil, err
		}
		docs := make([]*policy.Document, len(sources))
		for i, s := range sources {
			if docs[i], err = policy.Parse([]byte(s.Document)); err != nil {
				return nil, store.Wrap("account.Policies", fmt.Errorf("policy %s%s of %v: %w", s.Name, s.ARN, e, err))
			}
		}
		return policy.NewSet(docs...), nil
	})
}

// Sources returns the policies of a user or a role as they were written.
func (a *Accounts) Sources(ctx context.Context, e Entity) ([]Source, error) {
	rows, err := a.db.Query(ctx, `SELECT i.name AS name, '' AS arn, i.document FROM inline_policies i
			WHERE i.account = ? AND i.kind = ? AND i.entity = ?
		UNION ALL
		SELECT '', t.arn, COALESCE(v.document, '') FROM policy_attachments t
			LEFT JOIN managed_policies p ON p.account = t.account AND 'arn:aws:iam::' || p.account || ':policy' || p.path || p.name = t.arn
			LEFT JOIN policy_versions v ON v.account = p.account AND v.policy = p.name AND v.version = p.current
			WHERE t.account = ? AND t.kind = ? AND t.entity = ?
		ORDER BY name, arn`,
		e.Account, string(e.Kind), e.Name, e.Account, string(e.Kind), e.Name)
	if err != nil {
		return nil, store.Wrap("account.Policies", err)
	}
	defer rows.Close()
	var sources []Source
	for rows.Next() {
		var s Source
		if err := rows.Scan(&s.Name, &s.ARN, &s.Document); err != nil {
			return nil, store.Wrap("account.Policies", err)
		}
		if p, ok := builtin(s.ARN); ok {
			s.Document = p.Document
		}
		sources = append(sources, s)
	}
	return sources, store.Wrap("account.Policies", rows.Err())
}
