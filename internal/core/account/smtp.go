// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
	"sesame/internal/proto/smtpcred"
)

// SMTPCredential is a made-up SMTP credential as listed. It holds for one region, and
// does nothing but SMTP.
type SMTPCredential struct {
	ID            string // the SMTP user name
	Account, User string
	Region        string
	Active        bool
	CreatedAt     time.Time
	UsedAt        time.Time
}

// smtpCredential is what a log-in is checked against.
type smtpCredential struct {
	Principal
	region string
	mac    []byte
}

// SMTP authenticates an SMTP session. The user name is an access key id, and the
// password the one that follows from its secret for region; or both are those of a
// made-up credential of the region. It returns ErrNoKey for an unknown user and for a
// wrong password alike, after the same work. Temporary credentials never log in.
func (a *Accounts) SMTP(ctx context.Context, user, password, region string) (Principal, error) {
	k, keyErr := a.Key(ctx, user)
	if keyErr != nil && !errors.Is(keyErr, ErrNoKey) {
		return Principal{}, keyErr
	}
	c, credErr := a.smtpCredential(ctx, user)
	if credErr != nil && !errors.Is(credErr, ErrNoKey) {
		return Principal{}, credErr
	}
	derived := subtle.ConstantTimeCompare([]byte(smtpcred.Password(k.Secret, region)), []byte(password)) == 1
	madeUp := a.ring.CheckMAC(smtpPurpose, smtpData(user, region, password), c.mac)
	switch {
	case keyErr == nil && derived:
		a.Used(user, "ses", region)
		return k.Principal, nil
	case credErr == nil && madeUp && c.region == region:
		a.Used(user, "ses", region)
		return c.Principal, nil
	}
	return Principal{}, ErrNoKey
}

const smtpPurpose = "smtp credential"

// smtpData is what the MAC of a password is of. User names and regions hold no zero
// byte.
func smtpData(user, region, password string) []byte {
	return []byte(user + "\x00" + region + "\x00" + password)
}

// Check tells whether the credential that proved who is still good, for sessions that
// last longer than that: nil or ErrNoKey.
func (a *Accounts) Check(ctx context.Context, who Principal) error {
	k, err := a.Key(ctx, who.KeyID)
	now := k.Principal
	if errors.Is(err, ErrNoKey) {
		var c smtpCredential
		c, err = a.smtpCredential(ctx, who.KeyID)
		now = c.Principal
	}
	if err == nil && now != who {
		return ErrNoKey
	}
	return err
}

func (a *Accounts) smtpCredential(ctx context.Context, id string) (smtpCredential, error) {
	return a.smtp.Get(ctx, "", id, func() (c smtpCredential, err error) {
		if !keyForm.MatchString(id) {
			return c, ErrNoKey
		}
		var user string
		err = a.db.QueryRow(ctx, `SELECT s.account, s.user_name, s.region, s.mac, u.id, u.path FROM smtp_credentials s
			JOIN users u ON u.account = s.account AND u.name = s.user_name JOIN accounts a ON a.id = s.account
			WHERE s.id = ? AND s.active = 1 AND a.state NOT IN (?, ?)`, id, string(Closed), string(purging)).
			Scan(&c.Account, &c.User, &c.region, &c.mac, &user, &c.Path)
		if isNoRows(err) {
			return smtpCredential{}, ErrNoKey
		}
		c.KeyID, c.ID = id, userID(user, c.Account, c.User)
		return c, store.Wrap("account.SMTP", err)
	})
}

// CreateSMTPCredential makes up an SMTP user name and password for a user and a region.
// The password is shown once: it is kept as a MAC.
func (a *Accounts) CreateSMTPCredential(ctx context.Context, account, user, region string) (c SMTPCredential, password string, err error) {
	if !scope.ValidRegion(region) {
		return c, "", fault.InField(fault.Invalid, "region", "The region's name is not valid.")
	}
	c = SMTPCredential{Account: account, User: user, Region: region, Active: true, CreatedAt: a.now()}
	if c.ID, err = a.newID(prefixKey); err != nil {
		return c, "", err
	}
	var b [33]byte
	if err := a.fill(b[:]); err != nil {
		return c, "", err
	}
	password = base64.StdEncoding.EncodeToString(b[:])
	mac := a.ring.MAC(smtpPurpose, smtpData(c.ID, region, password))
	err = a.change(ctx, account, func(tx *store.Tx) error {
		if err := (Entity{account, KindUser, user}).exists(tx); err != nil {
			return err
		}
		n, err := count(tx, `SELECT count(*) FROM smtp_credentials WHERE account = ? AND user_name = ?`, account, user)
		if err != nil {
			return err
		}
		if n >= maxSMTPPerUser {
			return overQuota("SMTPCredentialsPerUser", maxSMTPPerUser)
		}
		if err := (secretKey{id: c.ID}).isFree(tx); err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO smtp_credentials (id, account, region, user_name, mac, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
			c.ID, account, region, user, mac, store.Millis(c.CreatedAt))
		return err
	})
	return c, password, err
}

// SMTPCredentials lists the made-up credentials of an account's users, by user.
func (a *Accounts) SMTPCredentials(ctx context.Context, account string) ([]SMTPCredential, error) {
	const sql = `SELECT id, user_name, region, active, created_at, used_at FROM smtp_credentials
		WHERE account = ? ORDER BY user_name, created_at, id`
	return list(ctx, a.db, query{"account.SMTPCredentials", sql, []any{account}}, func(scan func(...any) error) (c SMTPCredential, err error) {
		c.Account = account
		var active int
		var created, used int64
		err = scan(&c.ID, &c.User, &c.Region, &active, &created, &used)
		c.Active, c.CreatedAt = active != 0, store.Time(created)
		c.UsedAt = a.uses.latest(c.ID, Use{At: store.Time(used)}).At
		return c, err
	})
}

// SetSMTPCredentialActive enables or disables a made-up credential.
func (a *Accounts) SetSMTPCredentialActive(ctx context.Context, account, id string, active bool) error {
	return a.changeSMTPCredential(ctx, account, id, func(tx *store.Tx) (int64, error) {
		return tx.Exec(`UPDATE smtp_credentials SET active = ? WHERE account = ? AND id = ?`, store.Flag(active), account, id)
	})
}

// DeleteSMTPCredential removes a made-up credential.
func (a *Accounts) DeleteSMTPCredential(ctx context.Context, account, id string) error {
	return a.changeSMTPCredential(ctx, account, id, func(tx *store.Tx) (int64, error) {
		return tx.Exec(`DELETE FROM smtp_credentials WHERE account = ? AND id = ?`, account, id)
	})
}

func (a *Accounts) changeSMTPCredential(ctx context.Context, account, id string, fn func(*store.Tx) (int64, error)) error {
	return a.change(ctx, account, func(tx *store.Tx) error {
		n, err := fn(tx)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "The SMTP credential %s cannot be found.", id)
		}
		return err
	})
}
