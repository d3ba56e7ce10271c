// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/store"
)

// Attach attaches a managed policy to a user or a role. Doing it again changes nothing.
func (a *Accounts) Attach(ctx context.Context, e Entity, arn string) error {
	return a.change(ctx, e.Account, func(tx *store.Tx) error {
		if err := e.exists(tx); err != nil {
			return err
		}
		if _, err := findPolicy(tx, e.Account, arn); err != nil {
			return err
		}
		n, err := count(tx, `SELECT count(*) FROM policy_attachments WHERE account = ? AND kind = ? AND entity = ? AND arn <> ?`,
			e.Account, string(e.Kind), e.Name, arn)
		if err != nil {
			return err
		}
		if n >= MaxAttached {
			return overQuota(map[Kind]string{KindUser: "PoliciesPerUser", KindRole: "PoliciesPerRole"}[e.Kind], MaxAttached)
		}
		return attach(tx, e, arn, a.now())
	})
}

func attach(tx *store.Tx, e Entity, arn string, at time.Time) error {
	_, err := tx.Exec(`INSERT INTO policy_attachments (account, kind, entity, arn, created_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (account, kind, entity, arn) DO NOTHING`, e.Account, string(e.Kind), e.Name, arn, store.Millis(at))
	return err
}

// Detach takes a managed policy from a user or a role.
func (a *Accounts) Detach(ctx context.Context, e Entity, arn string) error {
	if err := checkPolicyARN(arn); err != nil {
		return err
	}
	return a.change(ctx, e.Account, func(tx *store.Tx) error {
		if err := e.exists(tx); err != nil {
			return err
		}
		n, err := tx.Exec(`DELETE FROM policy_attachments WHERE account = ? AND kind = ? AND entity = ? AND arn = ?`,
			e.Account, string(e.Kind), e.Name, arn)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "Policy %s was not found.", arn)
		}
		return err
	})
}

// Attached lists the ARNs of the managed policies of a user or a role.
func (a *Accounts) Attached(ctx context.Context, e Entity) ([]string, error) {
	if err := a.mustExist(ctx, e); err != nil {
		return nil, err
	}
	return a.texts(ctx, `SELECT arn FROM policy_attachments WHERE account = ? AND kind = ? AND entity = ? ORDER BY arn`,
		e.Account, string(e.Kind), e.Name)
}

// AttachedTo lists the names of the users, or the roles, that have a managed policy.
func (a *Accounts) AttachedTo(ctx context.Context, account, arn string, kind Kind) ([]string, error) {
	if _, err := a.Policy(ctx, account, arn); err != nil {
		return nil, err
	}
	return a.texts(ctx, `SELECT entity FROM policy_attachments WHERE account = ? AND kind = ? AND arn = ? ORDER BY entity`,
		account, string(kind), arn)
}

// mustExist refuses a user or role that is not there.
func (a *Accounts) mustExist(ctx context.Context, e Entity) error {
	var err error
	if e.Kind == KindRole {
		_, err = a.Role(ctx, e.Account, e.Name)
	} else {
		_, err = a.User(ctx, e.Account, e.Name)
	}
	return err
}

// texts are the values of a query with one column.
func (a *Accounts) texts(ctx context.Context, sql string, args ...any) ([]string, error) {
	return list(ctx, a.db, query{"account", sql, args}, func(scan func(...any) error) (s string, err error) {
		err = scan(&s)
		return s, err
	})
}
