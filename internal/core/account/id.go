// SPDX-License-Identifier: Apache-2.0

package account

import (
	"crypto/sha256"
	"encoding/base64"
	"io"

	"sesame/internal/core/store"
)

// The letters that ids of IAM begin with, by what they are of.
const (
	prefixUser      = "AIDA"
	prefixRole      = "AROA"
	prefixPolicy    = "ANPA"
	prefixKey       = "AKIA"
	prefixTemporary = "ASIA"
)

const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// newID makes an id up: 16 random letters and digits (80 bits) behind a prefix.
func (a *Accounts) newID(prefix string) (string, error) {
	var b [10]byte
	if err := a.fill(b[:]); err != nil {
		return "", err
	}
	return formID(prefix, b), nil
}

func formID(prefix string, b [10]byte) string {
	id := []byte(prefix)
	for i := range 16 {
		bit := i * 5
		v := uint(b[bit/8])<<8 | uint(b[min(bit/8+1, 9)])
		id = append(id, idAlphabet[v>>(11-bit%8)&31])
	}
	return string(id)
}

// userID is a user's unique id. Users from before ids were kept have one that follows
// from the name.
func userID(kept, account, name string) string {
	if kept != "" {
		return kept
	}
	sum := sha256.Sum256([]byte(account + "/" + name))
	return formID(prefixUser, [10]byte(sum[:10]))
}

// newSecret makes a secret of 40 characters up (240 bits).
func (a *Accounts) newSecret() (string, error) {
	var b [30]byte
	err := a.fill(b[:])
	return base64.StdEncoding.EncodeToString(b[:]), err
}

func (a *Accounts) fill(b []byte) error {
	_, err := io.ReadFull(a.random, b)
	return store.Wrap("account: random source", err)
}
