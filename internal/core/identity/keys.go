// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
	"sesame/internal/proto/dkim"
	"sesame/internal/proto/rsasign"
)

// Key is a DKIM key of a domain identity. The private part stays in this package.
type Key struct {
	Selector  string // also the token that SES shows
	PublicKey string // base64 of the SubjectPublicKeyInfo: the p= of the TXT record
	Bits      int
	CreatedAt time.Time

	sealed []byte
}

const (
	tokens  = 3    // SES gives three, so that keys can be rotated without a gap
	keyBits = 2048 // SES's default, RSA_2048_BIT
)

// newKeys makes the tokens of a domain. They share one key until rotation gives a
// token a key of its own.
func (s *Identities) newKeys(sc scope.Scope, domain string) ([]Key, error) {
	s.generating <- struct{}{}
	priv, err := rsa.GenerateKey(rand.Reader, keyBits)
	<-s.generating
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return nil, err
	}
	pub, err := x509.MarshalPKIXPublicKey(&priv.PublicKey)
	if err != nil {
		return nil, err
	}
	keys := make([]Key, tokens)
	for n := range keys {
		k := Key{PublicKey: base64.StdEncoding.EncodeToString(pub), Bits: keyBits, CreatedAt: s.o.Clock()}
		if k.Selector, err = newToken(s.o.Random); err != nil {
			return nil, err
		}
		k.sealed = s.o.Seal.Seal(der, keyAAD(sc, domain, k.Selector))
		keys[n] = k
	}
	return keys, nil
}

// newToken makes a DKIM token of SES's form: 32 lower-case letters and digits.
func newToken(random io.Reader) (string, error) {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	var b [32]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return string(b[:]), nil
}

func keyAAD(sc scope.Scope, domain, selector string) []byte {
	return []byte(strings.Join([]string{"dkim", sc.Account, sc.Region, domain, selector}, "/"))
}

func insertKeys(tx *store.Tx, id Identity) error {
	for n, k := range id.Keys {
		if _, err := tx.Exec(`INSERT INTO dkim_keys (account, region, identity, selector, private_key, public_key, bits, position, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, id.Scope.Account, id.Scope.Region, id.Name, k.Selector, k.sealed, k.PublicKey, k.Bits, n,
			store.Millis(k.CreatedAt)); err != nil {
			return fmt.Errorf("dkim_keys: %w", err)
		}
	}
	return nil
}

func (s *Identities) loadKeys(ctx context.Context, sc scope.Scope, domain string) ([]Key, error) {
	rows, err := s.o.DB.Query(ctx, `SELECT selector, private_key, public_key, bits, created_at FROM dkim_keys
		WHERE account = ? AND region = ? AND identity = ? ORDER BY position`, sc.Account, sc.Region, domain)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []Key
	for rows.Next() {
		var k Key
		var created int64
		if err := rows.Scan(&k.Selector, &k.sealed, &k.PublicKey, &k.Bits, &created); err != nil {
			return nil, err
		}
		k.CreatedAt = store.Time(created)
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// signerCache bounds the parsed private keys in memory; at the bound it starts anew.
const signerCache = 10_000

// Signers gives the keys that sign. It parses each private key once. It is safe for
// concurrent use.
type Signers struct {
	ids  *Identities
	rsa  *rsasign.Engine
	mu   sync.Mutex
	keys map[string]*rsasign.Key
}

// NewSigners returns the signers of ids.
func NewSigners(ids *Identities, rsa *rsasign.Engine) *Signers {
	return &Signers{ids: ids, rsa: rsa, keys: map[string]*rsasign.Key{}}
}

// Signer says how to sign for a domain.
type Signer struct {
	Domain   string // d=
	Selector string // s=
	Key      *rsasign.Key
}

// ForDomain returns the signer for mail from d: the most specific verified domain
// identity's, if it signs. ok is false where mail goes unsigned.
func (g *Signers) ForDomain(ctx context.Context, sc scope.Scope, d address.Domain) (signer Signer, ok bool, err error) {
	id, err := g.ids.ResolveDomain(ctx, sc, d)
	if fault.Is(err, fault.NotFound) {
		return Signer{}, false, nil
	}
	if err != nil {
		return Signer{}, false, err
	}
	if !id.Signing || id.DKIM != Success || len(id.Keys) == 0 {
		return Signer{}, false, nil
	}
	key, err := g.parsed(id, id.Keys[0])
	if err != nil {
		return Signer{}, false, fault.Wrap("identity.ForDomain", err)
	}
	return Signer{Domain: id.Name, Selector: id.Keys[0].Selector, Key: key}, true, nil
}

func (g *Signers) parsed(id Identity, k Key) (*rsasign.Key, error) {
	aad := keyAAD(id.Scope, id.Name, k.Selector)
	g.mu.Lock()
	defer g.mu.Unlock()
	if key := g.keys[string(aad)]; key != nil {
		return key, nil
	}
	der, err := g.ids.o.Seal.Open(k.sealed, aad)
	if err != nil {
		return nil, fmt.Errorf("DKIM key %s of %s: %w", k.Selector, id.Name, err)
	}
	key, err := g.rsa.Load(der)
	if err != nil {
		return nil, fmt.Errorf("DKIM key %s of %s: %w", k.Selector, id.Name, err)
	}
	if len(g.keys) >= signerCache {
		clear(g.keys)
	}
	g.keys[string(aad)] = key
	return key, nil
}

// Record is a DNS record that the owner of a domain publishes.
type Record struct{ Name, Type, Value string }

// Records are the DKIM records of a domain identity: a TXT record with the key at
// each token's name (RFC 6376 §3.6.2).
func (i Identity) Records() []Record {
	var rs []Record
	for _, k := range i.Keys {
		rs = append(rs, Record{Name: k.Selector + "._domainkey." + i.Name, Type: "TXT", Value: dkim.TXT(k.PublicKey)})
	}
	return rs
}
