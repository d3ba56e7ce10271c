// SPDX-License-Identifier: Apache-2.0

package dkim

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
)

// Errors of keys.
var (
	ErrKeySize = errors.New("dkim: RSA keys have 1024 or 2048 bits")
	ErrKey     = errors.New("dkim: not a private key in PKCS #8 or PKCS #1 DER")
)

// GenerateRSA makes a key of 1024 or 2048 bits and returns it in PKCS #8 DER.
func GenerateRSA(bits int) ([]byte, error) {
	if bits != 1024 && bits != 2048 {
		return nil, fmt.Errorf("%w, not %d", ErrKeySize, bits)
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, fmt.Errorf("dkim: generate key: %w", err)
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// Record is the DNS record that publishes a key (RFC 6376 §3.6.1), the TXT record at
// SELECTOR._domainkey.DOMAIN.
type Record struct {
	KeyType string // k=: "rsa" or "ed25519"
	Public  string // p=: the public key in base64
}

// String is the record's text. It can be longer than the 255 octets of one character
// string in DNS.
func (r Record) String() string { return "v=DKIM1; k=" + r.KeyType + "; " + r.Short() }

// Short is the text that SES shows for keys that customers bring: p= alone.
func (r Record) Short() string { return "p=" + r.Public }

// TXT is the record's text for an RSA key that is known by its p= value.
func TXT(public string) string { return Record{KeyType: "rsa", Public: public}.String() }

// RecordOf is the record for a private key in PKCS #8 or PKCS #1 DER.
func RecordOf(der []byte) (Record, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if key, err = x509.ParsePKCS1PrivateKey(der); err != nil {
			return Record{}, ErrKey
		}
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		public, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
		if err != nil {
			return Record{}, fmt.Errorf("%w: %w", ErrKey, err)
		}
		return Record{KeyType: "rsa", Public: base64.StdEncoding.EncodeToString(public)}, nil
	case ed25519.PrivateKey:
		// RFC 8463 §4: the key itself, without a structure around it.
		return Record{KeyType: "ed25519", Public: base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey))}, nil
	}
	return Record{}, ErrKey
}

// Ed25519 is a Key of RFC 8463. It is safe for concurrent use.
type Ed25519 struct{ key ed25519.PrivateKey }

var _ Key = Ed25519{}

// LoadEd25519 reads a key in PKCS #8 DER.
func LoadEd25519(der []byte) (Ed25519, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return Ed25519{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	k, ok := key.(ed25519.PrivateKey)
	if !ok {
		return Ed25519{}, ErrKey
	}
	return Ed25519{k}, nil
}

// SignDigest signs the digest itself, as RFC 8463 §3 has it.
func (k Ed25519) SignDigest(sum [sha256.Size]byte) ([]byte, error) {
	return ed25519.Sign(k.key, sum[:]), nil
}

// Algorithm is "ed25519-sha256".
func (k Ed25519) Algorithm() string { return "ed25519-sha256" }
