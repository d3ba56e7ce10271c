// SPDX-License-Identifier: Apache-2.0

// Package account holds AWS accounts and what IAM and STS keep of them: users, access
// keys, roles, policies, temporary credentials, and the SMTP credentials that follow
// from the keys or are made up. Secret keys are sealed at rest; they are kept
// recoverable since SigV4 and the SMTP password are both computed from them.
//
// What is refused is a fault with IAM's own text. A fault whose Field is one of the
// Field constants is an error of that member; the API has codes of its own for these.
package account

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/fresh"
	"sesame/internal/core/store"
)

// Keyring keeps secrets unreadable at rest and authenticates what is handed out; aad
// binds a secret to its row, purpose a MAC to its use.
type Keyring interface {
	Seal(plaintext, aad []byte) []byte
	Open(sealed, aad []byte) ([]byte, error)
	MAC(purpose string, data []byte) []byte
	CheckMAC(purpose string, data, mac []byte) bool
}

// Principal is who a request comes from: an IAM user, or the session of a role.
type Principal struct {
	Account string
	User    string // IAM user; "" for a role's session
	Path    string // of the user or the role; "" is "/"
	Role    string // the role of a session that STS AssumeRole made
	Session string // that session's name
	ID      string // unique id: "AIDA..." of a user, "AROA...:SESSION" of a role's session
	KeyID   string

	Temporary     bool      // the key is one of STS: it signs the API and never works for SMTP
	IssuedAt      time.Time // of a temporary key, in whole seconds
	SessionPolicy string    // JSON of the policy that narrows the session; "" if none does
}

// ARN is the principal's ARN, as SES names it in denials.
func (p Principal) ARN() string {
	if p.Role != "" {
		return "arn:aws:sts::" + p.Account + ":assumed-role/" + p.Role + "/" + p.Session
	}
	return entityARN(p.Account, KindUser, p.Path, p.User)
}

// RoleARN is the ARN of the role that a session is of, "" for a user.
func (p Principal) RoleARN() string {
	if p.Role == "" {
		return ""
	}
	return entityARN(p.Account, KindRole, p.Path, p.Role)
}

// entityARN is the ARN of a user, a role or a policy.
func entityARN(account string, kind Kind, path, name string) string {
	if path == "" {
		path = "/"
	}
	return "arn:aws:iam::" + account + ":" + string(kind) + path + name
}

// entity is whose policies hold for the principal.
func (p Principal) entity() Entity {
	if p.Role != "" {
		return Entity{p.Account, KindRole, p.Role}
	}
	return Entity{p.Account, KindUser, p.User}
}

// Key is an access key with its secret.
type Key struct {
	Principal
	Secret string
	Active bool
}

// Accounts serves the accounts of one server. It is safe for concurrent use. A
// change made by another node or by the command line is seen within fresh.Within.
type Accounts struct {
	db     *store.DB
	ring   Keyring
	now    clock.Clock
	random io.Reader
	uses   uses

	caches
	defaults Defaults
}

// New returns the accounts kept in db.
func New(db *store.DB, ring Keyring, now clock.Clock, random io.Reader) *Accounts {
	return &Accounts{db: db, ring: ring, now: now, random: random, uses: newUses(), caches: newCaches(db, now)}
}

// change applies fn to an account in a commit. The account's row is held meanwhile, so
// that no two changes of one account meet and limits can be checked. A fault of fn is a
// refusal, and nothing of fn is kept then; one that comes before its first change costs
// those who share the commit nothing. An account that is being purged is as good as gone.
func (a *Accounts) change(ctx context.Context, account string, fn func(*store.Tx) error) error {
	var refusal error
	err := a.db.Write(ctx, func(tx *store.Tx) error {
		refusal = nil
		if err := fresh.Changed(tx, account); err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE accounts SET created_at = created_at WHERE id = ? AND state <> ?`, account, string(purging))
		if err != nil {
			return err
		}
		if n == 0 {
			refusal = noAccount(account)
			return nil
		}
		held := tx.Changed()
		err = fn(tx)
		var f *fault.Error
		if errors.As(err, &f) && tx.Changed() == held {
			refusal = err
			return nil
		}
		return err
	})
	a.changes.Forget(account)
	return cmp.Or(err, refusal)
}

// EnsureAccount creates the account unless it exists.
func (a *Accounts) EnsureAccount(ctx context.Context, id string) error {
	if !scope.ValidAccount(id) {
		return fault.InField(fault.Invalid, "account", "An account id has 12 digits.")
	}
	err := a.db.Write(ctx, func(tx *store.Tx) error {
		if err := fresh.Changed(tx, id); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO accounts (id, created_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`, id, store.Millis(a.now()))
		return err
	})
	a.changes.Forget(id)
	return err
}

// Tag is a tag of a user, a role or a policy.
type Tag struct {
	Key   string `json:"k"`
	Value string `json:"v"`
}

// Kind says what kind of resource an Entity is.
type Kind string

// The kinds.
const (
	KindUser   Kind = "user"
	KindRole   Kind = "role"
	KindPolicy Kind = "policy"
)

// Entity names a user, a role or a customer managed policy.
type Entity struct {
	Account string
	Kind    Kind
	Name    string
}

// notFound is IAM's refusal of an entity that is not there.
func (e Entity) notFound() error {
	return fault.New(fault.NotFound, "The %s with name %s cannot be found.", e.Kind, e.Name)
}

// exists refuses an entity that is not there.
func (e Entity) exists(tx *store.Tx) error {
	_, err := e.id(tx)
	return err
}

// id is the unique id of an entity, or the refusal of one that is not there.
func (e Entity) id(tx *store.Tx) (string, error) {
	query := map[Kind]string{
		KindUser:   `SELECT id FROM users WHERE account = ? AND name = ?`,
		KindRole:   `SELECT id FROM roles WHERE account = ? AND name = ?`,
		KindPolicy: `SELECT id FROM managed_policies WHERE account = ? AND name = ?`,
	}[e.Kind]
	var id string
	err := tx.Get([]any{&id}, query, e.Account, e.Name)
	if isNoRows(err) {
		return "", e.notFound()
	}
	return id, err
}
