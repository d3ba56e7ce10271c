// SPDX-License-Identifier: Apache-2.0

// Package account holds AWS accounts, their IAM users and access keys, and the SMTP
// credentials that follow from the keys. Secrets are sealed at rest; they are kept
// recoverable since SigV4 and the SMTP password are both computed from them.
package account

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
	"sesame/internal/proto/smtpcred"
)

// Sealer keeps secrets unreadable at rest; aad binds a secret to its row.
type Sealer interface {
	Seal(plaintext, aad []byte) []byte
	Open(sealed, aad []byte) ([]byte, error)
}

// Principal is who a request comes from: an IAM user, or the session of a role.
type Principal struct {
	Account string
	User    string // IAM user; "" for a role's session
	Role    string // the role of a session that STS AssumeRole made
	Session string // that session's name
	KeyID   string

	Temporary     bool   // the key is one of STS: it signs the API and never works for SMTP
	SessionPolicy string // JSON of the policy that narrows the session; "" if none does
}

// ARN is the principal's ARN, as SES names it in denials.
func (p Principal) ARN() string {
	if p.Role != "" {
		return "arn:aws:sts::" + p.Account + ":assumed-role/" + p.Role + "/" + p.Session
	}
	return "arn:aws:iam::" + p.Account + ":user/" + p.User
}

// Key is an access key with its secret.
type Key struct {
	Principal
	Secret string
	Active bool
}

// Accounts serves the accounts of one server. It is safe for concurrent use. A
// change made by another node or by the command line is seen within cacheFor.
type Accounts struct {
	db     *store.DB
	seal   Sealer
	now    clock.Clock
	random io.Reader
	cache  keyCache

	regions regions
}

// New returns the accounts kept in db.
func New(db *store.DB, seal Sealer, now clock.Clock, random io.Reader) *Accounts {
	return &Accounts{db: db, seal: seal, now: now, random: random, cache: newKeyCache()}
}

// EnsureAccount creates the account unless it exists.
func (a *Accounts) EnsureAccount(ctx context.Context, id string) error {
	if !scope.ValidAccount(id) {
		return fault.New(fault.Invalid, "An account id has 12 digits.")
	}
	return a.db.Write(ctx, func(tx *store.Tx) error { return ensureAccount(tx, id, a.now()) })
}

func ensureAccount(tx *store.Tx, id string, now time.Time) error {
	_, err := tx.Exec(`INSERT INTO accounts (id, created_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`, id, store.Millis(now))
	return err
}

// Credentials are what a new user needs. They are shown once.
type Credentials struct {
	Principal
	Secret string
}

// SMTPPassword is the SMTP password that follows from the key for region; the SMTP
// user name is the key id (SES: obtaining SMTP credentials).
func (c Credentials) SMTPPassword(region string) string { return smtpcred.Password(c.Secret, region) }

// NewUser says what to create. KeyID and Secret are made up where empty.
type NewUser struct {
	Account, Name string
	KeyID, Secret string
}

var (
	userName = regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]{1,64}$`) // IAM CreateUser
	keyID    = regexp.MustCompile(`^[A-Z0-9]{16,128}$`)         // IAM AccessKey
)

// CreateUser creates the account if need be, the user, and one access key.
func (a *Accounts) CreateUser(ctx context.Context, u NewUser) (Credentials, error) {
	if !scope.ValidAccount(u.Account) {
		return Credentials{}, fault.InField(fault.Invalid, "account", "An account id has 12 digits.")
	}
	if !userName.MatchString(u.Name) {
		return Credentials{}, fault.InField(fault.Invalid, "name", "A user name has 1 to 64 letters, digits or +=,.@_-.")
	}
	c, err := a.newCredentials(u)
	if err != nil {
		return Credentials{}, err
	}
	sealed := a.seal.Seal([]byte(c.Secret), keyAAD(c.KeyID))
	now := a.now()
	err = a.db.Write(ctx, func(tx *store.Tx) error {
		if err := ensureAccount(tx, u.Account, now); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO users (account, name, created_at) VALUES (?, ?, ?)`, u.Account, u.Name, store.Millis(now)); err != nil {
			return conflict(err, "User with name %s already exists.", u.Name)
		}
		_, err := tx.Exec(`INSERT INTO access_keys (id, account, user_name, secret, created_at) VALUES (?, ?, ?, ?, ?)`,
			c.KeyID, u.Account, u.Name, sealed, store.Millis(now))
		return conflict(err, "The access key id %s is taken.", c.KeyID)
	})
	if err != nil {
		return Credentials{}, err
	}
	a.cache.drop(c.KeyID)
	return c, nil
}

func conflict(err error, format, name string) error {
	if store.IsConflict(err) {
		return fault.New(fault.AlreadyExists, format, name)
	}
	return err
}

func (a *Accounts) newCredentials(u NewUser) (Credentials, error) {
	c := Credentials{Principal: Principal{Account: u.Account, User: u.Name, KeyID: u.KeyID}, Secret: u.Secret}
	if (u.KeyID == "") != (u.Secret == "") {
		return c, fault.New(fault.Invalid, "Give both the access key id and the secret key, or neither.")
	}
	if u.KeyID != "" {
		if !keyID.MatchString(u.KeyID) {
			return c, fault.InField(fault.Invalid, "accessKeyId", "An access key id has 16 to 128 capital letters and digits.")
		}
		if len(u.Secret) < 8 || len(u.Secret) > 128 {
			return c, fault.InField(fault.Invalid, "secretKey", "A secret key has 8 to 128 characters.")
		}
		return c, nil
	}
	var b [40]byte // 10 for the id, 30 for the secret
	if _, err := io.ReadFull(a.random, b[:]); err != nil {
		return c, store.Wrap("account.newCredentials", err)
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	id := []byte("AKIA")
	for i := range 16 {
		bit := i * 5
		v := uint(b[bit/8])<<8 | uint(b[min(bit/8+1, 9)])
		id = append(id, alphabet[v>>(11-bit%8)&31])
	}
	c.KeyID, c.Secret = string(id), base64.StdEncoding.EncodeToString(b[10:])
	return c, nil
}

func keyAAD(id string) []byte { return []byte("access-key/" + id) }

// User is an IAM user as listed.
type User struct {
	Account, Name string
	Keys          []string // access key ids
	CreatedAt     time.Time
}

// Users lists the users of account, or of all accounts if it is "", by name.
func (a *Accounts) Users(ctx context.Context, account string) ([]User, error) {
	rows, err := a.db.Query(ctx, `SELECT u.account, u.name, u.created_at, COALESCE(k.id, '') FROM users u
		LEFT JOIN access_keys k ON k.account = u.account AND k.user_name = u.name
		WHERE ? = '' OR u.account = ? ORDER BY u.account, u.name, k.id`, account, account)
	if err != nil {
		return nil, store.Wrap("account.Users", err)
	}
	defer rows.Close()
	var users []User
	for rows.Next() {
		var u User
		var created int64
		var key string
		if err := rows.Scan(&u.Account, &u.Name, &created, &key); err != nil {
			return nil, store.Wrap("account.Users", err)
		}
		u.CreatedAt = store.Time(created)
		if n := len(users); n > 0 && users[n-1].Account == u.Account && users[n-1].Name == u.Name {
			users[n-1].Keys = append(users[n-1].Keys, key)
			continue
		}
		if key != "" {
			u.Keys = []string{key}
		}
		users = append(users, u)
	}
	return users, store.Wrap("account.Users", rows.Err())
}

// DeleteUser removes the user and its keys; what it signs is refused at once on this
// node and within cacheFor on others.
func (a *Accounts) DeleteUser(ctx context.Context, account, name string) error {
	var n int64
	err := a.db.Write(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.Exec(`DELETE FROM users WHERE account = ? AND name = ?`, account, name)
		if err == nil {
			_, err = tx.Exec(`DELETE FROM access_keys WHERE account = ? AND user_name = ?`, account, name)
		}
		return err
	})
	a.cache.clear()
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "The user with name %s cannot be found.", name)
	}
	return err
}

// ErrNoKey says that no active key has the id.
var ErrNoKey = errors.New("account: no such access key")

// Key returns the access key with id. It returns ErrNoKey for unknown and disabled
// keys.
func (a *Accounts) Key(ctx context.Context, id string) (Key, error) {
	now := a.now()
	if k, err, ok := a.cache.get(id, now); ok {
		return k, err
	}
	k, err := a.loadKey(ctx, id)
	if err != nil && !errors.Is(err, ErrNoKey) {
		return Key{}, err
	}
	a.cache.put(id, k, err, now)
	return k, err
}

func (a *Accounts) loadKey(ctx context.Context, id string) (Key, error) {
	if !keyID.MatchString(id) {
		return Key{}, ErrNoKey
	}
	var k Key
	var sealed []byte
	var active int
	err := a.db.QueryRow(ctx, `SELECT account, user_name, secret, active FROM access_keys WHERE id = ?`, id).
		Scan(&k.Account, &k.User, &sealed, &active)
	if errors.Is(err, sql.ErrNoRows) || err == nil && active == 0 {
		return Key{}, ErrNoKey
	}
	if err != nil {
		return Key{}, store.Wrap("account.Key", err)
	}
	secret, err := a.seal.Open(sealed, keyAAD(id))
	if err != nil {
		return Key{}, store.Wrap("account.Key", fmt.Errorf("key %s: %w", id, err))
	}
	k.KeyID, k.Secret, k.Active = id, string(secret), true
	return k, nil
}

// SMTP authenticates an SMTP session: the user name is an access key id, the
// password the one that follows from its secret for region. It returns ErrNoKey for
// an unknown user and for a wrong password alike, after the same work.
func (a *Accounts) SMTP(ctx context.Context, user, password, region string) (Principal, error) {
	k, err := a.Key(ctx, user)
	if err != nil && !errors.Is(err, ErrNoKey) {
		return Principal{}, err
	}
	want := smtpcred.Password(k.Secret, region)
	match := subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
	if err != nil || !match {
		return Principal{}, ErrNoKey
	}
	return k.Principal, nil
}
