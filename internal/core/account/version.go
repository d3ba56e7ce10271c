// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"strconv"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/core/store"
)

// VersionID is a version's number as IAM writes it: "v1".
func VersionID(number int) string { return "v" + strconv.Itoa(number) }

// ParseVersionID reads VersionID, or gives 0.
func ParseVersionID(id string) int {
	digits, ok := strings.CutPrefix(id, "v")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 1 || VersionID(n) != id {
		return 0
	}
	return n
}

// CreateVersion adds a version to a customer managed policy, which has MaxVersions at
// most.
func (a *Accounts) CreateVersion(ctx context.Context, account, arn, document string, makeDefault bool) (PolicyVersion, error) {
	if err := checkManaged(document); err != nil {
		return PolicyVersion{}, err
	}
	v := PolicyVersion{Document: document, Default: makeDefault, CreatedAt: a.now()}
	err := a.changePolicy(ctx, account, arn, func(tx *store.Tx, name string) error {
		n, err := count(tx, `SELECT count(*) FROM policy_versions WHERE account = ? AND policy = ?`, account, name)
		if err != nil {
			return err
		}
		if n >= MaxVersions {
			return fault.New(fault.LimitExceeded,
				"A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", MaxVersions)
		}
		var current int
		if err := tx.Get([]any{&v.Number, &current}, `SELECT newest + 1, current FROM managed_policies WHERE account = ? AND name = ?`, account, name); err != nil {
			return err
		}
		if makeDefault {
			current = v.Number
		}
		if _, err := tx.Exec(`UPDATE managed_policies SET newest = ?, current = ?, updated_at = ? WHERE account = ? AND name = ?`,
			v.Number, current, store.Millis(v.CreatedAt), account, name); err != nil {
			return err
		}
		return insertVersion(tx, account, name, v)
	})
	return v, err
}

func noVersion(arn string, number int) error {
	return fault.New(fault.NotFound, "Policy %s version %s does not exist or is not attachable.", arn, VersionID(number))
}

// Versions lists the versions of a policy that the account sees, the newest first.
func (a *Accounts) Versions(ctx context.Context, account, arn string) ([]PolicyVersion, error) {
	p, err := a.Policy(ctx, account, arn)
	if err != nil {
		return nil, err
	}
	if p.IsAWS() {
		return []PolicyVersion{{Number: p.Version, Document: p.Document, Default: true, CreatedAt: p.CreatedAt}}, nil
	}
	const sql = `SELECT version, document, created_at FROM policy_versions WHERE account = ? AND policy = ? ORDER BY version DESC`
	return list(ctx, a.db, query{"account.Versions", sql, []any{account, p.Name}}, func(scan func(...any) error) (v PolicyVersion, err error) {
		var created int64
		err = scan(&v.Number, &v.Document, &created)
		v.Default, v.CreatedAt = v.Number == p.Version, store.Time(created)
		return v, err
	})
}

// Version returns one version of a policy that the account sees.
func (a *Accounts) Version(ctx context.Context, account, arn string, number int) (PolicyVersion, error) {
	versions, err := a.Versions(ctx, account, arn)
	if err != nil {
		return PolicyVersion{}, err
	}
	for _, v := range versions {
		if v.Number == number {
			return v, nil
		}
	}
	return PolicyVersion{}, noVersion(arn, number)
}

// DeleteVersion removes a version that is not the default.
func (a *Accounts) DeleteVersion(ctx context.Context, account, arn string, number int) error {
	return a.changePolicy(ctx, account, arn, func(tx *store.Tx, name string) error {
		n, err := count(tx, `SELECT count(*) FROM managed_policies WHERE account = ? AND name = ? AND current = ?`, account, name, number)
		if err != nil {
			return err
		}
		if n > 0 {
			return fault.New(fault.Conflict, "Cannot delete the default version of a policy.")
		}
		gone, err := tx.Exec(`DELETE FROM policy_versions WHERE account = ? AND policy = ? AND version = ?`, account, name, number)
		if err == nil && gone == 0 {
			return noVersion(arn, number)
		}
		return err
	})
}

// SetDefaultVersion makes a version the one that counts.
func (a *Accounts) SetDefaultVersion(ctx context.Context, account, arn string, number int) error {
	return a.changePolicy(ctx, account, arn, func(tx *store.Tx, name string) error {
		n, err := count(tx, `SELECT count(*) FROM policy_versions WHERE account = ? AND policy = ? AND version = ?`, account, name, number)
		if err != nil {
			return err
		}
		if n == 0 {
			return noVersion(arn, number)
		}
		_, err = tx.Exec(`UPDATE managed_policies SET current = ?, updated_at = ? WHERE account = ? AND name = ?`, number, store.Millis(a.now()), account, name)
		return err
	})
}
