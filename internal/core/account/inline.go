// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"

	"sesame/internal/base/fault"
	"sesame/internal/core/store"
	"sesame/internal/proto/policy"
)

// PutInline gives a user or a role an inline policy, or replaces the one of that name.
// All of one entity together have a size (IAM quotas: inline policies).
func (a *Accounts) PutInline(ctx context.Context, e Entity, name, document string) error {
	if err := checkName("policyName", name, 128); err != nil {
		return err
	}
	most := map[Kind]int{KindUser: MaxUserInline, KindRole: MaxRoleInline}[e.Kind]
	tooLong := fault.New(fault.LimitExceeded, "Maximum policy size of %d bytes exceeded for %s %s", most, e.Kind, e.Name)
	if err := checkDocument(policy.IdentityBased, document, most, tooLong); err != nil {
		return err
	}
	return a.change(ctx, e.Account, func(tx *store.Tx) error {
		if err := e.exists(tx); err != nil {
			return err
		}
		others, err := e.inlineSize(tx, name)
		if err != nil {
			return err
		}
		if others+size(document) > most {
			return tooLong
		}
		_, err = tx.Exec(`INSERT INTO inline_policies (account, kind, entity, name, document) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (account, kind, entity, name) DO UPDATE SET document = excluded.document`,
			e.Account, string(e.Kind), e.Name, name, document)
		return err
	})
}

// inlineSize is the size of an entity's inline policies, but for the one of a name.
func (e Entity) inlineSize(tx *store.Tx, but string) (n int, err error) {
	rows, err := tx.Query(`SELECT document FROM inline_policies WHERE account = ? AND kind = ? AND entity = ? AND name <> ?`,
		e.Account, string(e.Kind), e.Name, but)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var document string
		if err := rows.Scan(&document); err != nil {
			return 0, err
		}
		n += size(document)
	}
	return n, rows.Err()
}

// Inline returns an inline policy's document, or NotFound.
func (a *Accounts) Inline(ctx context.Context, e Entity, name string) (string, error) {
	if err := a.mustExist(ctx, e); err != nil {
		return "", err
	}
	found, err := a.texts(ctx, `SELECT document FROM inline_policies WHERE account = ? AND kind = ? AND entity = ? AND name = ?`,
		e.Account, string(e.Kind), e.Name, name)
	if err == nil && len(found) == 0 {
		err = e.noInline(name)
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

func (e Entity) noInline(name string) error {
	return fault.New(fault.NotFound, "The %s policy with name %s cannot be found.", e.Kind, name)
}

// InlineNames lists the names of an entity's inline policies.
func (a *Accounts) InlineNames(ctx context.Context, e Entity) ([]string, error) {
	if err := a.mustExist(ctx, e); err != nil {
		return nil, err
	}
	return a.texts(ctx, `SELECT name FROM inline_policies WHERE account = ? AND kind = ? AND entity = ? ORDER BY name`,
		e.Account, string(e.Kind), e.Name)
}

// DeleteInline removes an inline policy.
func (a *Accounts) DeleteInline(ctx context.Context, e Entity, name string) error {
	return a.change(ctx, e.Account, func(tx *store.Tx) error {
		if err := e.exists(tx); err != nil {
			return err
		}
		n, err := tx.Exec(`DELETE FROM inline_policies WHERE account = ? AND kind = ? AND entity = ? AND name = ?`,
			e.Account, string(e.Kind), e.Name, name)
		if err == nil && n == 0 {
			return e.noInline(name)
		}
		return err
	})
}
