// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
	"sesame/internal/proto/dkim"
)

// Algorithm is what a key signs with, as the k= of its DNS record names it.
type Algorithm string

// The algorithms.
const (
	RSA     Algorithm = "rsa"     // RFC 6376 §3.3.3
	Ed25519 Algorithm = "ed25519" // RFC 8463
)

// Key is a DKIM key of a domain identity. The private part stays in this package.
type Key struct {
	Selector  string // also the token that SES shows
	Algorithm Algorithm
	PublicKey string // the p= of the TXT record
	Bits      int    // of RSA
	External  bool   // the customer brought it (BYODKIM)
	CreatedAt time.Time

	// Active says that the key signs.
	Active      bool
	ActiveSince time.Time
	RetiredAt   time.Time // when it last stopped signing

	// Replaces is the public key that stood at the selector before, while this one waits
	// for its turn: "" if it does not. SeenAt is since when DNS has shown this one.
	Replaces string
	SeenAt   time.Time

	position int
	home     scope.Scope // whose row it is: a replica's keys are its parent's
	sealed   string
}

// Record is the key's DNS record.
func (k Key) Record() string { return record(k.Algorithm, k.PublicKey) }

func record(a Algorithm, public string) string {
	return dkim.Record{KeyType: string(a), Public: public}.String()
}

const (
	tokens      = 3    // SES gives three, so that keys can be rotated without a gap
	defaultBits = 2048 // SES's default, RSA_2048_BIT
	edPosition  = tokens
)

// newKeys makes the tokens of a domain. They share one key until rotation gives a
// token a key of its own.
func (s *Identities) newKeys(sc scope.Scope, domain string, bits int) ([]Key, error) {
	der, err := s.generate(bits)
	if err != nil {
		return nil, err
	}
	keys := make([]Key, tokens)
	for n := range keys {
		selector, err := newToken(s.o.Random)
		if err != nil {
			return nil, err
		}
		if keys[n], err = s.sealKey(sc, domain, selector, der); err != nil {
			return nil, err
		}
		keys[n].position = n
	}
	return keys, nil
}

// generate makes an RSA key, with few others at the same time: it is the dearest thing
// that a caller can ask for.
func (s *Identities) generate(bits int) ([]byte, error) {
	s.generating <- struct{}{}
	defer func() { <-s.generating }()
	return dkim.GenerateRSA(bits)
}

// sealKey is the key of a private key in DER, at selector.
func (s *Identities) sealKey(sc scope.Scope, domain, selector string, der []byte) (Key, error) {
	r, err := dkim.RecordOf(der)
	if err != nil {
		return Key{}, err
	}
	return Key{
		Selector: selector, Algorithm: Algorithm(r.KeyType), PublicKey: r.Public, Bits: r.Bits, CreatedAt: s.o.Clock(),
		home: sc, sealed: string(s.o.Seal.Seal(der, keyAAD(sc, domain, selector))),
	}, nil
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

const (
	keyColumns = `selector, private_key, public_key, bits, position, created_at, algorithm, external, active, active_since, replaces, seen_at, retired_at`
	keysQuery  = `SELECT ` + keyColumns + ` FROM dkim_keys WHERE account = ? AND region = ? AND identity = ? ORDER BY position, created_at`
)

// putKeys writes the rows of keys, new or changed.
func putKeys(tx *store.Tx, sc scope.Scope, domain string, keys ...Key) error {
	for _, k := range keys {
		_, err := tx.Exec(`INSERT INTO dkim_keys (account, region, identity, `+keyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (account, region, identity, selector) DO UPDATE SET private_key = excluded.private_key, public_key = excluded.public_key,
			bits = excluded.bits, position = excluded.position, created_at = excluded.created_at, algorithm = excluded.algorithm, external = excluded.external,
			active = excluded.active, active_since = excluded.active_since, replaces = excluded.replaces, seen_at = excluded.seen_at, retired_at = excluded.retired_at`,
			sc.Account, sc.Region, domain, k.Selector, []byte(k.sealed), k.PublicKey, k.Bits, k.position, store.Millis(k.CreatedAt), string(k.Algorithm),
			store.Flag(k.External), store.Flag(k.Active), store.Millis(k.ActiveSince), k.Replaces, store.Millis(k.SeenAt), store.Millis(k.RetiredAt))
		if err != nil {
			return fmt.Errorf("dkim_keys: %w", err)
		}
	}
	return nil
}

// saveKeys writes what differs between the identity's keys and those that it had before.
func saveKeys(tx *store.Tx, id Identity, before []Key) error {
	for _, k := range id.stored {
		if slices.Contains(before, k) {
			continue
		}
		if err := putKeys(tx, id.Scope, id.Name, k); err != nil {
			return err
		}
	}
	for _, selector := range id.dropped {
		_, err := tx.Exec(`DELETE FROM dkim_keys WHERE account = ? AND region = ? AND identity = ? AND selector = ?`,
			id.Scope.Account, id.Scope.Region, id.Name, selector)
		if err != nil {
			return fmt.Errorf("dkim_keys: %w", err)
		}
	}
	return nil
}

func (s *Identities) loadKeys(ctx context.Context, sc scope.Scope, domain string) ([]Key, error) {
	rows, err := s.o.DB.Query(ctx, keysQuery, sc.Account, sc.Region, domain)
	if err != nil {
		return nil, err
	}
	return scanKeys(rows, sc)
}

// scanKeys reads and closes rows.
func scanKeys(rows *sql.Rows, sc scope.Scope) ([]Key, error) {
	defer rows.Close()
	var keys []Key
	for rows.Next() {
		k := Key{home: sc}
		var external, active int
		var sealed []byte
		var created, activeSince, seen, retired int64
		err := rows.Scan(&k.Selector, &sealed, &k.PublicKey, &k.Bits, &k.position, &created, &k.Algorithm, &external, &active, &activeSince,
			&k.Replaces, &seen, &retired)
		if err != nil {
			return nil, err
		}
		k.CreatedAt, k.ActiveSince, k.SeenAt, k.RetiredAt = store.Time(created), store.Time(activeSince), store.Time(seen), store.Time(retired)
		k.External, k.Active, k.sealed = external != 0, active != 0, string(sealed)
		keys = append(keys, k)
	}
	return keys, errors.Join(rows.Err(), rows.Close())
}

// activate makes the key at n the only one of its algorithm that signs.
func activate(keys []Key, n int, now time.Time) {
	for i := range keys {
		if i != n && keys[i].Algorithm == keys[n].Algorithm {
			keys[i].stop(now)
		}
	}
	k := &keys[n]
	k.Active, k.ActiveSince, k.Replaces = true, now, ""
}

// stop ends a key's signing.
func (k *Key) stop(now time.Time) {
	if k.Active {
		k.Active, k.RetiredAt = false, now
	}
}

// signing is the index of the key that signs with a, or -1.
func signing(keys []Key, a Algorithm) int {
	return slices.IndexFunc(keys, func(k Key) bool { return k.Active && k.Algorithm == a })
}

// CurrentBits is the length of the RSA key that signs, or would sign first; 0 where it
// is not ours to say (SES shows none for keys that customers bring).
func (i Identity) CurrentBits() int {
	if i.DKIMInfo.Origin == OriginExternal {
		return 0
	}
	if n := signing(i.Keys, RSA); n >= 0 {
		return i.Keys[n].Bits
	}
	for _, k := range i.Keys {
		if k.Algorithm == RSA {
			return k.Bits
		}
	}
	return 0
}

// KeyMadeAt is when the newest RSA key was made; zero for keys that customers bring.
func (i Identity) KeyMadeAt() (at time.Time) {
	if i.DKIMInfo.Origin == OriginExternal {
		return at
	}
	for _, k := range i.Keys {
		if k.Algorithm == RSA && k.CreatedAt.After(at) {
			at = k.CreatedAt
		}
	}
	return at
}

// orDefault is bits, or the length of keys where nothing is said.
func orDefault(bits int) int { return cmp.Or(bits, defaultBits) }
