// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/store"
	"sesame/internal/proto/policy"
)

// Role is an IAM role.
type Role struct {
	Account, Name string
	Path, ID      string
	Trust         string // JSON of the policy that says who may assume it
	Description   string
	MaxSession    time.Duration // of a session; one hour to twelve
	Tags          []Tag
	CreatedAt     time.Time
}

// ARN is the role's ARN.
func (r Role) ARN() string { return entityARN(r.Account, KindRole, r.Path, r.Name) }

// CreateRole creates a role in an account that is there. Path is "/" and MaxSession one
// hour where they are empty.
func (a *Accounts) CreateRole(ctx context.Context, r Role) (Role, error) {
	if r.Path == "" {
		r.Path = "/"
	}
	if r.MaxSession == 0 {
		r.MaxSession = time.Hour
	}
	if err := r.check(); err != nil {
		return Role{}, err
	}
	var err error
	if r.ID, err = a.newID(prefixRole); err != nil {
		return Role{}, err
	}
	r.CreatedAt = a.now()
	err = a.change(ctx, r.Account, func(tx *store.Tx) error {
		is, err := taken(tx, "roles", r.Account, r.Name)
		if err != nil {
			return err
		}
		if is {
			return fault.New(fault.AlreadyExists, "Role with name %s already exists.", r.Name)
		}
		if err := roomFor(tx, "roles", r.Account, "RolesPerAccount", MaxRoles); err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO roles (account, name, id, path, trust, description, max_session, tags, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, r.Account, r.Name, r.ID, r.Path, r.Trust, r.Description,
			int64(r.MaxSession/time.Second), encodeTags(r.Tags), store.Millis(r.CreatedAt))
		return err
	})
	return r, err
}

func (r Role) check() error {
	if err := checkName("roleName", r.Name, 64); err != nil {
		return err
	}
	if err := checkPath(r.Path); err != nil {
		return err
	}
	if err := checkSession(r.MaxSession); err != nil {
		return err
	}
	if err := checkDescription(r.Description); err != nil {
		return err
	}
	if err := checkTags(r.Tags); err != nil {
		return err
	}
	return checkTrust(r.Trust)
}

func checkTrust(document string) error {
	return checkDocument(policy.Trust, document, MaxTrustSize, overQuota("ACLSizePerRole", MaxTrustSize))
}

func checkSession(d time.Duration) error {
	if d < minMaxSession || d > maxMaxSession {
		return fault.InField(fault.Invalid, "maxSessionDuration", "The specified value for maxSessionDuration is invalid. It must be between %d and %d seconds.",
			minMaxSession/time.Second, maxMaxSession/time.Second)
	}
	return nil
}

const selectRoles = `SELECT account, name, id, path, trust, description, max_session, tags, created_at FROM roles `

// Role returns a role, or NotFound. It may be a second old.
func (a *Accounts) Role(ctx context.Context, account, name string) (Role, error) {
	e := Entity{account, KindRole, name}
	return a.roles.Get(ctx, account, e, func() (Role, error) {
		roles, err := a.selectRoles(ctx, selectRoles+`WHERE account = ? AND name = ?`, account, name)
		if err == nil && len(roles) == 0 {
			err = e.notFound()
		}
		if err != nil {
			return Role{}, err
		}
		return roles[0], nil
	})
}

// Roles lists the account's roles by name.
func (a *Accounts) Roles(ctx context.Context, account string) ([]Role, error) {
	return a.selectRoles(ctx, selectRoles+`WHERE account = ? ORDER BY name`, account)
}

func (a *Accounts) selectRoles(ctx context.Context, sql string, args ...any) ([]Role, error) {
	return list(ctx, a.db, query{"account.Roles", sql, args}, func(scan func(...any) error) (r Role, err error) {
		var seconds, created int64
		var tags string
		if err := scan(&r.Account, &r.Name, &r.ID, &r.Path, &r.Trust, &r.Description, &seconds, &tags, &created); err != nil {
			return r, err
		}
		r.MaxSession, r.CreatedAt = time.Duration(seconds)*time.Second, store.Time(created)
		r.Tags, err = decodeTags(tags)
		return r, err
	})
}

// SetTrust replaces a role's trust policy (IAM UpdateAssumeRolePolicy).
func (a *Accounts) SetTrust(ctx context.Context, account, name, document string) error {
	if err := checkTrust(document); err != nil {
		return err
	}
	return a.updateRole(ctx, account, name, `UPDATE roles SET trust = ? WHERE account = ? AND name = ?`, document)
}

// SetDescription replaces a role's description.
func (a *Accounts) SetDescription(ctx context.Context, account, name, text string) error {
	if err := checkDescription(text); err != nil {
		return err
	}
	return a.updateRole(ctx, account, name, `UPDATE roles SET description = ? WHERE account = ? AND name = ?`, text)
}

// SetMaxSession says how long a role's sessions may be.
func (a *Accounts) SetMaxSession(ctx context.Context, account, name string, d time.Duration) error {
	if err := checkSession(d); err != nil {
		return err
	}
	return a.updateRole(ctx, account, name, `UPDATE roles SET max_session = ? WHERE account = ? AND name = ?`, int64(d/time.Second))
}

func (a *Accounts) updateRole(ctx context.Context, account, name, query string, value any) error {
	return a.change(ctx, account, func(tx *store.Tx) error {
		n, err := tx.Exec(query, value, account, name)
		if err == nil && n == 0 {
			return Entity{account, KindRole, name}.notFound()
		}
		return err
	})
}

// RemoveRole removes a role that has no policies left, and refuses with Conflict
// otherwise (IAM DeleteRole). Its sessions end with it.
func (a *Accounts) RemoveRole(ctx context.Context, account, name string) error {
	return a.change(ctx, account, func(tx *store.Tx) error {
		e := Entity{account, KindRole, name}
		if err := e.exists(tx); err != nil {
			return err
		}
		if err := e.mustBeBare(tx); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM roles WHERE account = ? AND name = ?`, account, name)
		return err
	})
}

// DeleteRole removes a role with its policies.
func (a *Accounts) DeleteRole(ctx context.Context, account, name string) error {
	return a.change(ctx, account, func(tx *store.Tx) error {
		if err := (Entity{account, KindRole, name}).exists(tx); err != nil {
			return err
		}
		return exec(tx, []string{
			`DELETE FROM roles WHERE account = ? AND name = ?`,
			`DELETE FROM policy_attachments WHERE account = ? AND entity = ? AND kind = 'role'`,
			`DELETE FROM inline_policies WHERE account = ? AND entity = ? AND kind = 'role'`,
		}, account, name)
	})
}
