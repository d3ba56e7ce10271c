// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/store"
)

// AccessKey is an access key as listed, without its secret.
type AccessKey struct {
	ID            string
	Account, User string
	Active        bool
	CreatedAt     time.Time
	Used          Use // zero: never
}

// ErrNoKey says that no active key has the id.
var ErrNoKey = errors.New("account: no such access key")

var keyForm = regexp.MustCompile(`^[A-Z0-9]{16,128}$`) // IAM AccessKey

// secretKey is a key to be stored.
type secretKey struct{ id, secret string }

// newKey checks the key that is asked for, or makes one up.
func (a *Accounts) newKey(id, secret string) (k secretKey, err error) {
	switch {
	case (id == "") != (secret == ""):
		return k, fault.New(fault.Invalid, "Give both the access key id and the secret key, or neither.")
	case id == "":
		if k.id, err = a.newID(prefixKey); err == nil {
			k.secret, err = a.newSecret()
		}
		return k, err
	case !keyForm.MatchString(id) || strings.HasPrefix(id, prefixTemporary):
		return k, fault.InField(fault.Invalid, "accessKeyId",
			"An access key id has 16 to 128 capital letters and digits, and does not begin with %s.", prefixTemporary)
	case len(secret) < 8 || len(secret) > 128:
		return k, fault.InField(fault.Invalid, "secretKey", "A secret key has 8 to 128 characters.")
	}
	return secretKey{id, secret}, nil
}

// isFree refuses an id that a key or an SMTP credential has.
func (k secretKey) isFree(tx *store.Tx) error {
	for _, query := range []string{`SELECT count(*) FROM access_keys WHERE id = ?`, `SELECT count(*) FROM smtp_credentials WHERE id = ?`} {
		n, err := count(tx, query, k.id)
		if err != nil {
			return err
		}
		if n > 0 {
			return fault.New(fault.AlreadyExists, "The access key id %s is taken.", k.id)
		}
	}
	return nil
}

func (a *Accounts) insertKey(tx *store.Tx, u User, k secretKey) error {
	_, err := tx.Exec(`INSERT INTO access_keys (id, account, user_name, secret, created_at) VALUES (?, ?, ?, ?, ?)`,
		k.id, u.Account, u.Name, a.ring.Seal([]byte(k.secret), keyAAD(k.id)), store.Millis(a.now()))
	return err
}

func keyAAD(id string) []byte { return []byte("access-key/" + id) }

// CreateKey gives a user another access key (IAM CreateAccessKey).
func (a *Accounts) CreateKey(ctx context.Context, account, user string) (Credentials, error) {
	k, err := a.newKey("", "")
	if err != nil {
		return Credentials{}, err
	}
	u := User{Account: account, Name: user}
	err = a.change(ctx, account, func(tx *store.Tx) error {
		id, err := Entity{account, KindUser, user}.id(tx)
		if err != nil {
			return err
		}
		u.ID = userID(id, account, user)
		if err := tx.Get([]any{&u.Path}, `SELECT path FROM users WHERE account = ? AND name = ?`, account, user); err != nil {
			return err
		}
		n, err := count(tx, `SELECT count(*) FROM access_keys WHERE account = ? AND user_name = ?`, account, user)
		if err != nil {
			return err
		}
		if n >= MaxKeys {
			return overQuota("AccessKeysPerUser", MaxKeys)
		}
		if err := k.isFree(tx); err != nil {
			return err
		}
		return a.insertKey(tx, u, k)
	})
	return Credentials{u.principal(k.id), k.secret}, err
}

const selectKeys = `SELECT id, account, user_name, active, created_at, used_at, used_service, used_region FROM access_keys `

// AccessKeys lists a user's keys, the oldest first.
func (a *Accounts) AccessKeys(ctx context.Context, account, user string) ([]AccessKey, error) {
	if _, err := a.User(ctx, account, user); err != nil {
		return nil, err
	}
	return a.selectKeys(ctx, selectKeys+`WHERE account = ? AND user_name = ? ORDER BY created_at, id`, account, user)
}

// AccessKey returns a key of the account, active or not, or NotFound.
func (a *Accounts) AccessKey(ctx context.Context, account, id string) (AccessKey, error) {
	keys, err := a.selectKeys(ctx, selectKeys+`WHERE account = ? AND id = ?`, account, id)
	if err == nil && len(keys) == 0 {
		err = noSuchKey(id)
	}
	if err != nil {
		return AccessKey{}, err
	}
	return keys[0], nil
}

func noSuchKey(id string) error {
	return fault.New(fault.NotFound, "The Access Key with id %s cannot be found.", id)
}

func (a *Accounts) selectKeys(ctx context.Context, sql string, args ...any) ([]AccessKey, error) {
	return list(ctx, a.db, query{"account.AccessKeys", sql, args}, func(scan func(...any) error) (k AccessKey, err error) {
		var active int
		var created, used int64
		err = scan(&k.ID, &k.Account, &k.User, &active, &created, &used, &k.Used.Service, &k.Used.Region)
		k.Active, k.CreatedAt, k.Used.At = active != 0, store.Time(created), store.Time(used)
		k.Used = a.uses.latest(k.ID, k.Used)
		return k, err
	})
}

// SetKeyActive enables or disables a user's key. What a disabled key signs is refused at
// once on this node and within fresh.Within on others (IAM UpdateAccessKey).
func (a *Accounts) SetKeyActive(ctx context.Context, account, user, id string, active bool) error {
	return a.changeKey(ctx, account, user, id, func(tx *store.Tx) (int64, error) {
		return tx.Exec(`UPDATE access_keys SET active = ? WHERE account = ? AND user_name = ? AND id = ?`, store.Flag(active), account, user, id)
	})
}

// DeleteKey removes a user's key.
func (a *Accounts) DeleteKey(ctx context.Context, account, user, id string) error {
	return a.changeKey(ctx, account, user, id, func(tx *store.Tx) (int64, error) {
		return tx.Exec(`DELETE FROM access_keys WHERE account = ? AND user_name = ? AND id = ?`, account, user, id)
	})
}

func (a *Accounts) changeKey(ctx context.Context, account, user, id string, fn func(*store.Tx) (int64, error)) error {
	return a.change(ctx, account, func(tx *store.Tx) error {
		if err := (Entity{account, KindUser, user}).exists(tx); err != nil {
			return err
		}
		n, err := fn(tx)
		if err == nil && n == 0 {
			return noSuchKey(id)
		}
		return err
	})
}

// Key returns the access key with id. It returns ErrNoKey for unknown and disabled
// keys, and for those of closed accounts.
func (a *Accounts) Key(ctx context.Context, id string) (Key, error) {
	return a.keys.Get(ctx, "", id, func() (Key, error) { return a.loadKey(ctx, id) })
}

func (a *Accounts) loadKey(ctx context.Context, id string) (Key, error) {
	if !keyForm.MatchString(id) {
		return Key{}, ErrNoKey
	}
	var k Key
	var sealed []byte
	var user string
	err := a.db.QueryRow(ctx, `SELECT k.account, k.user_name, k.secret, u.id, u.path FROM access_keys k
		JOIN users u ON u.account = k.account AND u.name = k.user_name JOIN accounts a ON a.id = k.account
		WHERE k.id = ? AND k.active = 1 AND a.state NOT IN (?, ?)`, id, string(Closed), string(purging)).
		Scan(&k.Account, &k.User, &sealed, &user, &k.Path)
	if isNoRows(err) {
		return Key{}, ErrNoKey
	}
	if err != nil {
		return Key{}, store.Wrap("account.Key", err)
	}
	secret, err := a.ring.Open(sealed, keyAAD(id))
	if err != nil {
		return Key{}, store.Wrap("account.Key", fmt.Errorf("key %s: %w", id, err))
	}
	k.ID, k.KeyID, k.Secret, k.Active = userID(user, k.Account, k.User), id, string(secret), true
	return k, nil
}
