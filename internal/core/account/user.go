// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"slices"
	"strings"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
	"sesame/internal/proto/smtpcred"
)

// User is an IAM user.
type User struct {
	Account, Name string
	Path, ID      string
	Tags          []Tag
	Keys          []string // access key ids
	CreatedAt     time.Time
}

// ARN is the user's ARN.
func (u User) ARN() string { return entityARN(u.Account, KindUser, u.Path, u.Name) }

// NewUser says what to create. KeyID and Secret are made up where empty, Path is "/".
type NewUser struct {
	Account, Name string
	Path          string
	Tags          []Tag
	Policies      []string // ARNs of managed policies to attach
	KeyID, Secret string
}

// Credentials are what a new key's user needs. They are shown once.
type Credentials struct {
	Principal
	Secret string
}

// SMTPPassword is the SMTP password that follows from the key for region; the SMTP
// user name is the key id (SES: obtaining SMTP credentials).
func (c Credentials) SMTPPassword(region string) string { return smtpcred.Password(c.Secret, region) }

// CreateUser creates the account if need be, the user with its policies, and one access
// key.
func (a *Accounts) CreateUser(ctx context.Context, u NewUser) (Credentials, error) {
	if !scope.ValidAccount(u.Account) {
		return Credentials{}, fault.InField(fault.Invalid, "account", "An account id has 12 digits.")
	}
	user, err := a.prepareUser(u)
	if err != nil {
		return Credentials{}, err
	}
	key, err := a.newKey(u.KeyID, u.Secret)
	if err != nil {
		return Credentials{}, err
	}
	if err := a.EnsureAccount(ctx, u.Account); err != nil {
		return Credentials{}, err
	}
	err = a.change(ctx, u.Account, func(tx *store.Tx) error {
		if err := a.mayInsertUser(tx, user, u.Policies); err != nil {
			return err
		}
		if err := key.isFree(tx); err != nil {
			return err
		}
		if err := a.insertUser(tx, user, u.Policies); err != nil {
			return err
		}
		return a.insertKey(tx, user, key)
	})
	return Credentials{user.principal(key.id), key.secret}, err
}

func (u User) principal(key string) Principal {
	return Principal{Account: u.Account, User: u.Name, Path: u.Path, ID: u.ID, KeyID: key}
}

// AddUser creates a user without a key in an account that is there (IAM CreateUser).
func (a *Accounts) AddUser(ctx context.Context, u NewUser) (User, error) {
	user, err := a.prepareUser(u)
	if err != nil {
		return User{}, err
	}
	err = a.change(ctx, u.Account, func(tx *store.Tx) error {
		if err := a.mayInsertUser(tx, user, u.Policies); err != nil {
			return err
		}
		return a.insertUser(tx, user, u.Policies)
	})
	return user, err
}

func (a *Accounts) prepareUser(u NewUser) (User, error) {
	user := User{Account: u.Account, Name: u.Name, Path: u.Path, Tags: u.Tags, CreatedAt: a.now()}
	if user.Path == "" {
		user.Path = "/"
	}
	if err := checkName("userName", u.Name, 64); err != nil {
		return user, err
	}
	if err := checkPath(user.Path); err != nil {
		return user, err
	}
	if err := checkTags(u.Tags); err != nil {
		return user, err
	}
	if len(u.Policies) > MaxAttached {
		return user, overQuota("PoliciesPerUser", MaxAttached)
	}
	var err error
	user.ID, err = a.newID(prefixUser)
	return user, err
}

func (a *Accounts) mayInsertUser(tx *store.Tx, u User, policies []string) error {
	if err := freeUserName(tx, u.Account, u.Name); err != nil {
		return err
	}
	if err := roomFor(tx, "users", u.Account, "UsersPerAccount", MaxUsers); err != nil {
		return err
	}
	for _, arn := range policies {
		if _, err := findPolicy(tx, u.Account, arn); err != nil {
			return err
		}
	}
	return nil
}

// freeUserName refuses a name that is taken.
func freeUserName(tx *store.Tx, account, name string) error {
	is, err := taken(tx, "users", account, name)
	if err == nil && is {
		return fault.New(fault.AlreadyExists, "User with name %s already exists.", name)
	}
	return err
}

func (a *Accounts) insertUser(tx *store.Tx, u User, policies []string) error {
	if _, err := tx.Exec(`INSERT INTO users (account, name, created_at, id, path, tags) VALUES (?, ?, ?, ?, ?, ?)`,
		u.Account, u.Name, store.Millis(u.CreatedAt), u.ID, u.Path, encodeTags(u.Tags)); err != nil {
		return err
	}
	for _, arn := range policies {
		if err := attach(tx, Entity{u.Account, KindUser, u.Name}, arn, u.CreatedAt); err != nil {
			return err
		}
	}
	return nil
}

const selectUsers = `SELECT u.account, u.name, u.id, u.path, u.tags, u.created_at, COALESCE(k.id, '') FROM users u
	LEFT JOIN access_keys k ON k.account = u.account AND k.user_name = u.name `

// User returns a user, or NotFound.
func (a *Accounts) User(ctx context.Context, account, name string) (User, error) {
	users, err := a.selectUsers(ctx, selectUsers+`WHERE u.account = ? AND u.name = ?`, account, name)
	if err != nil {
		return User{}, err
	}
	if len(users) == 0 {
		return User{}, Entity{account, KindUser, name}.notFound()
	}
	return users[0], nil
}

// Users lists the users of account, or of all accounts if it is "", by name.
func (a *Accounts) Users(ctx context.Context, account string) ([]User, error) {
	return a.selectUsers(ctx, selectUsers+`WHERE ? = '' OR u.account = ?`, account, account)
}

func (a *Accounts) selectUsers(ctx context.Context, query string, args ...any) ([]User, error) {
	rows, err := a.db.Query(ctx, query+` ORDER BY u.account, u.name, k.created_at, k.id`, args...)
	if err != nil {
		return nil, store.Wrap("account.Users", err)
	}
	defer rows.Close()
	var users []User
	for rows.Next() {
		var u User
		var created int64
		var tags, key string
		if err := rows.Scan(&u.Account, &u.Name, &u.ID, &u.Path, &tags, &created, &key); err != nil {
			return nil, store.Wrap("account.Users", err)
		}
		if u.Tags, err = decodeTags(tags); err != nil {
			return nil, store.Wrap("account.Users", err)
		}
		u.ID, u.CreatedAt = userID(u.ID, u.Account, u.Name), store.Time(created)
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

// UpdateUser gives a user another name, another path, or both; empty ones stay (IAM
// UpdateUser). Keys and policies stay the user's.
func (a *Accounts) UpdateUser(ctx context.Context, account, name, newName, newPath string) error {
	if newName == "" {
		newName = name
	}
	if err := checkName("newUserName", newName, 64); err != nil {
		return err
	}
	if newPath != "" {
		if err := checkPath(newPath); err != nil {
			return err
		}
	}
	return a.change(ctx, account, func(tx *store.Tx) error {
		id, err := Entity{account, KindUser, name}.id(tx)
		if err != nil {
			return err
		}
		if !strings.EqualFold(name, newName) {
			if err := freeUserName(tx, account, newName); err != nil {
				return err
			}
		}
		if newPath != "" {
			if _, err := tx.Exec(`UPDATE users SET path = ? WHERE account = ? AND name = ?`, newPath, account, name); err != nil {
				return err
			}
		}
		// The id of a user from before ids were kept follows from the name; it must not change.
		if _, err := tx.Exec(`UPDATE users SET name = ?, id = ? WHERE account = ? AND name = ?`, newName, userID(id, account, name), account, name); err != nil {
			return err
		}
		return exec(tx, []string{
			`UPDATE access_keys SET user_name = ? WHERE account = ? AND user_name = ?`,
			`UPDATE smtp_credentials SET user_name = ? WHERE account = ? AND user_name = ?`,
			`UPDATE policy_attachments SET entity = ? WHERE account = ? AND entity = ? AND kind = 'user'`,
			`UPDATE inline_policies SET entity = ? WHERE account = ? AND entity = ? AND kind = 'user'`,
		}, newName, account, name)
	})
}

// exec runs statements that take the same parameters.
func exec(tx *store.Tx, statements []string, args ...any) error {
	for _, s := range statements {
		if _, err := tx.Exec(s, args...); err != nil {
			return err
		}
	}
	return nil
}

// DeleteUser removes the user with its keys, SMTP credentials and policies; what it
// signs is refused at once on this node and within fresh.Within on others.
func (a *Accounts) DeleteUser(ctx context.Context, account, name string) error {
	return a.change(ctx, account, func(tx *store.Tx) error {
		if err := (Entity{account, KindUser, name}).exists(tx); err != nil {
			return err
		}
		return exec(tx, []string{
			`DELETE FROM users WHERE account = ? AND name = ?`,
			`DELETE FROM access_keys WHERE account = ? AND user_name = ?`,
			`DELETE FROM smtp_credentials WHERE account = ? AND user_name = ?`,
			`DELETE FROM policy_attachments WHERE account = ? AND entity = ? AND kind = 'user'`,
			`DELETE FROM inline_policies WHERE account = ? AND entity = ? AND kind = 'user'`,
		}, account, name)
	})
}

// RemoveUser removes a user that has neither keys nor policies left, and refuses with
// Conflict otherwise (IAM DeleteUser).
func (a *Accounts) RemoveUser(ctx context.Context, account, name string) error {
	return a.change(ctx, account, func(tx *store.Tx) error {
		e := Entity{account, KindUser, name}
		if err := e.exists(tx); err != nil {
			return err
		}
		if err := e.mustBeBare(tx); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM users WHERE account = ? AND name = ?`, account, name)
		return err
	})
}

// mustBeBare refuses to delete a user or role that something hangs on.
func (e Entity) mustBeBare(tx *store.Tx) error {
	type check struct{ query, text string }
	checks := []check{
		{`SELECT count(*) FROM inline_policies WHERE account = ? AND entity = ? AND kind = ?`, "Cannot delete entity, must delete policies first."},
		{`SELECT count(*) FROM policy_attachments WHERE account = ? AND entity = ? AND kind = ?`, "Cannot delete entity, must detach all policies first."},
	}
	if e.Kind == KindUser {
		checks = slices.Insert(checks, 0,
			check{`SELECT count(*) FROM access_keys WHERE account = ? AND user_name = ? AND ? <> ''`, "Cannot delete entity, must delete access keys first."},
			check{`SELECT count(*) FROM smtp_credentials WHERE account = ? AND user_name = ? AND ? <> ''`, "Cannot delete entity, must delete SMTP credentials first."})
	}
	for _, c := range checks {
		n, err := count(tx, c.query, e.Account, e.Name, string(e.Kind))
		if err != nil {
			return err
		}
		if n > 0 {
			return fault.New(fault.Conflict, "%s", c.text)
		}
	}
	return nil
}
