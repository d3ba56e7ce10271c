// SPDX-License-Identifier: Apache-2.0

package account

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"sesame/internal/base/fault"
)

// ErrExpired says that temporary credentials have had their time.
var ErrExpired = errors.New("account: temporary credentials have expired")

// maxToken bounds a session token, in characters.
const maxToken = 8192

// Temporary are temporary credentials. Nothing of them is stored: the token is all that
// this server, and every other with the same keyring, needs to know them again.
type Temporary struct {
	Principal
	Secret  string
	Token   string
	Expires time.Time
}

// sessionToken is what a token says, sealed for its key id.
type sessionToken struct {
	Account string `json:"a"`
	User    string `json:"u,omitempty"`
	Role    string `json:"r,omitempty"`
	Name    string `json:"n,omitempty"` // of a role's session
	ID      string `json:"i"`           // the user's or the role's, which a new one of that name has not
	Key     string `json:"k,omitempty"` // that the user asked with, without which the session ends
	Policy  string `json:"p,omitempty"`
	Secret  string `json:"s"`
	Issued  int64  `json:"t"` // Unix seconds
	Expires int64  `json:"x"` // Unix seconds
}

func tokenAAD(keyID string) []byte { return []byte("session-token/" + keyID) }

// issue makes the credentials for a session of a user or a role up.
func (a *Accounts) issue(t sessionToken, d time.Duration) (Temporary, error) {
	id, err := a.newID(prefixTemporary)
	if err != nil {
		return Temporary{}, err
	}
	if t.Secret, err = a.newSecret(); err != nil {
		return Temporary{}, err
	}
	now := a.now()
	expires := now.Add(d).Truncate(time.Second)
	t.Issued, t.Expires = now.Unix(), expires.Unix()
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false) // policies have < and > in them
	if err := enc.Encode(t); err != nil {
		return Temporary{}, err
	}
	token := base64.StdEncoding.EncodeToString(a.ring.Seal(plain.Bytes(), tokenAAD(id)))
	if len(token) > maxToken {
		return Temporary{}, fault.InField(fault.Invalid, FieldPacked, "Packed size of session policy consumes %d%% of allotted space.", len(token)*100/maxToken)
	}
	return Temporary{Principal: t.principal(id), Secret: t.Secret, Token: token, Expires: expires.UTC()}, nil
}

func (t sessionToken) principal(keyID string) Principal {
	p := Principal{
		Account: t.Account, User: t.User, Role: t.Role, Session: t.Name, ID: t.ID, KeyID: keyID,
		Temporary: true, IssuedAt: time.Unix(t.Issued, 0).UTC(), SessionPolicy: t.Policy,
	}
	if t.Role != "" {
		p.ID += ":" + t.Name
	}
	return p
}

// open reads a token of a key id, or gives ErrNoKey.
func (a *Accounts) open(keyID, token string) (t sessionToken, err error) {
	if len(token) > maxToken || !IsTemporary(keyID) || strings.ContainsAny(token, "\r\n") { // which Base64 would skip
		return t, ErrNoKey
	}
	sealed, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return t, ErrNoKey
	}
	plain, err := a.ring.Open(sealed, tokenAAD(keyID))
	if err != nil || json.Unmarshal(plain, &t) != nil {
		return sessionToken{}, ErrNoKey
	}
	return t, nil
}

// IsTemporary reports whether an access key id is one of temporary credentials, which
// are nothing without their token.
func IsTemporary(keyID string) bool {
	return strings.HasPrefix(keyID, prefixTemporary) && keyForm.MatchString(keyID)
}

// SessionKey returns the key of temporary credentials. It returns ErrExpired when their
// time is over, and ErrNoKey for a token that is not the key's and for sessions whose
// user, key, role or account is gone or disabled.
func (a *Accounts) SessionKey(ctx context.Context, keyID, token string) (Key, error) {
	t, err := a.open(keyID, token)
	if err != nil {
		return Key{}, err
	}
	if !a.now().Before(time.Unix(t.Expires, 0)) {
		return Key{}, ErrExpired
	}
	k := Key{Principal: t.principal(keyID), Secret: t.Secret, Active: true}
	if t.Role == "" {
		issuer, err := a.Key(ctx, t.Key)
		if err == nil && (issuer.Account != t.Account || issuer.ID != t.ID) {
			err = ErrNoKey
		}
		// The user may have another name or path by now.
		k.User, k.Path = issuer.User, issuer.Path
		return k, err
	}
	role, err := a.liveRole(ctx, t.Account, t.Role)
	if err == nil && role.ID != t.ID {
		err = ErrNoKey
	}
	k.Path = role.Path
	return k, err
}

// liveRole returns a role of an account that is not closed, or ErrNoKey.
func (a *Accounts) liveRole(ctx context.Context, account, name string) (Role, error) {
	owner, err := a.Account(ctx, account)
	if err == nil && (owner.State == Closed || owner.State == purging) || fault.Is(err, fault.NotFound) {
		return Role{}, ErrNoKey
	}
	if err != nil {
		return Role{}, err
	}
	role, err := a.Role(ctx, account, name)
	if fault.Is(err, fault.NotFound) {
		return Role{}, ErrNoKey
	}
	return role, err
}

// UserSession makes temporary credentials for a user (STS GetSessionToken): they can do
// what the user can, until the time is over, or the user or the key that asked is gone.
func (a *Accounts) UserSession(_ context.Context, who Principal, d time.Duration) (Temporary, error) {
	if who.Temporary {
		return Temporary{}, fault.New(fault.AccessDenied, "Cannot call GetSessionToken with session credentials")
	}
	t, err := a.issue(sessionToken{Account: who.Account, User: who.User, ID: who.ID, Key: who.KeyID}, d)
	t.Path = who.Path
	return t, err
}
