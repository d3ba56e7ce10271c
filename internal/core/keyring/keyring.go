// SPDX-License-Identifier: Apache-2.0

// Package keyring seals the secrets that the database holds (secret access keys,
// private DKIM keys) and authenticates what Sesame hands out and takes back (signed
// links, return paths). Its keys live in one file beside the configuration and never
// in the database: a stolen copy of the database alone opens nothing. Losing the file
// loses the secrets.
//
// A ring holds several keys. The newest seals, all of them open, so that a new key
// can be added at any time. The keys that work are derived from the ring's by purpose
// (HKDF-SHA256, RFC 5869): no key is used for two things.
package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	keySize    = 32 // AES-256 and HMAC-SHA256
	version    = 1
	headerSize = 1 + 4 // version, key id
	// Overhead is how much longer a sealed secret is than the secret.
	Overhead = headerSize + 12 + 16 // nonce and tag of GCM

	// MinMAC is the shortest truncated MAC that CheckMAC accepts, in bytes.
	MinMAC = 8

	maxPurposes = 64 // of which derived keys are kept; more are derived at each use
)

// The errors of Open.
var (
	ErrUnknownKey = errors.New("keyring: sealed with a key that is not in the ring")
	ErrTampered   = errors.New("keyring: the sealed secret or its place was changed")
)

// Ring is a set of keys. It is safe for concurrent use.
type Ring struct {
	file  string // "" for a ring without a file
	state atomic.Pointer[state]
}

// state is what a ring holds at one time; it does not change but for its caches.
type state struct {
	keys []*key // ascending ids, at least one
}

// key is one key of a ring.
type key struct {
	id      uint32
	created time.Time
	secret  [keySize]byte
	aead    cipher.AEAD

	mu       sync.Mutex
	macs     map[string][]byte   // by purpose, at most maxPurposes
	wrappers map[string]*wrapper // likewise
}

func newKey(id uint32, created time.Time, secret []byte) (*key, error) {
	if len(secret) != keySize {
		return nil, fmt.Errorf("keyring: key %d has %d bytes, want %d", id, len(secret), keySize)
	}
	k := &key{id: id, created: created.UTC(), macs: map[string][]byte{}, wrappers: map[string]*wrapper{}}
	copy(k.secret[:], secret)
	sealing, err := k.derive("seal")
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if k.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return k, nil
}

// randomKey returns a new key from the system's random source.
func randomKey(id uint32, created time.Time) (*key, error) {
	var secret [keySize]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return nil, fmt.Errorf("keyring: random source: %w", err)
	}
	return newKey(id, created, secret[:])
}

// derive returns the key for one use.
func (k *key) derive(use string) ([]byte, error) {
	sub, err := hkdf.Key(sha256.New, k.secret[:], nil, "sesame keyring v1 "+use, keySize)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return sub, nil
}

// Ephemeral returns a ring of one random key without a file. What it seals is lost
// with the process: it is for tests.
func Ephemeral() *Ring {
	k, err := randomKey(1, time.Time{})
	if err != nil {
		panic(err) // the system has no random source: crypto/rand ends the process itself
	}
	r := &Ring{}
	r.state.Store(&state{keys: []*key{k}})
	return r
}

// Seal encrypts plaintext with the newest key. The result is Overhead longer and
// different each time. aad says where the secret belongs (table, row and column, for
// example): the result opens with the same aad alone, so a secret that is moved to
// another row does not open there. One key is good for 2^32 seals.
func (r *Ring) Seal(plaintext, aad []byte) []byte {
	keys := r.state.Load().keys
	k := keys[len(keys)-1]
	out := make([]byte, headerSize, Overhead+len(plaintext))
	out[0] = version
	binary.BigEndian.PutUint32(out[1:], k.id)
	return k.aead.Seal(out, nil, plaintext, bind(out, aad))
}

// Open decrypts what Seal gave for aad, with whichever key sealed it. A ring with a
// file looks there for a key that it does not know: another process may have added
// it. The error is ErrUnknownKey, ErrTampered, or of reading the file.
func (r *Ring) Open(sealed, aad []byte) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, ErrTampered
	}
	id := binary.BigEndian.Uint32(sealed[1:])
	k := r.state.Load().find(id)
	if k == nil && r.file != "" {
		if err := r.reload(); err != nil {
			return nil, err
		}
		k = r.state.Load().find(id)
	}
	if k == nil {
		return nil, ErrUnknownKey
	}
	plain, err := k.aead.Open(nil, nil, sealed[headerSize:], bind(sealed[:headerSize], aad))
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}

// bind is the additional data that GCM authenticates: our header and the caller's.
func bind(header, aad []byte) []byte {
	return slices.Concat(header, aad)
}

// MAC returns the HMAC-SHA256 of data, 32 bytes, with the newest key's subkey for
// purpose. Purposes are constants of the code ("verp", "unsubscribe link"): one
// purpose's MACs are worth nothing for another.
func (r *Ring) MAC(purpose string, data []byte) []byte {
	keys := r.state.Load().keys
	return keys[len(keys)-1].mac(purpose, data)
}

// CheckMAC reports whether mac, or what a caller has truncated it to (MinMAC bytes at
// least), is the MAC of data for purpose by any key of the ring. It takes the same
// time wherever they differ.
func (r *Ring) CheckMAC(purpose string, data, mac []byte) bool {
	if len(mac) < MinMAC || len(mac) > sha256.Size {
		return false
	}
	found := false
	for _, k := range r.state.Load().keys {
		if hmac.Equal(k.mac(purpose, data)[:len(mac)], mac) {
			found = true
		}
	}
	return found
}

func (k *key) mac(purpose string, data []byte) []byte {
	h := hmac.New(sha256.New, k.macKey(purpose))
	h.Write(data)
	return h.Sum(nil)
}

func (k *key) macKey(purpose string) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	if sub, ok := k.macs[purpose]; ok {
		return sub
	}
	sub, err := k.derive("mac " + purpose)
	if err != nil {
		panic(err) // HKDF fails for lengths that are not ours alone
	}
	if len(k.macs) < maxPurposes {
		k.macs[purpose] = sub
	}
	return sub
}

func (s *state) find(id uint32) *key {
	i, ok := slices.BinarySearchFunc(s.keys, id, func(k *key, id uint32) int {
		switch {
		case k.id < id:
			return -1
		case k.id > id:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return s.keys[i]
}

// KeyIDs lists the ids of the ring's keys, the newest last.
func (r *Ring) KeyIDs() []uint32 {
	var ids []uint32
	for _, k := range r.state.Load().keys {
		ids = append(ids, k.id)
	}
	return ids
}
