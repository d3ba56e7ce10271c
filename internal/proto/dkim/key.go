// SPDX-License-Identifier: Apache-2.0

package dkim

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
)

// Errors of keys.
var (
	ErrKeySize = errors.New("dkim: RSA keys have 1024 to 2048 bits")
	ErrKey     = errors.New("dkim: not a private key in PKCS #8 or PKCS #1 DER")
)

// GenerateRSA makes a key of 1024 or 2048 bits, the lengths of Easy DKIM, and returns it in PKCS #8 DER.
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

// GenerateEd25519 makes a key of RFC 8463 and returns it in PKCS #8 DER.
func GenerateEd25519() ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("dkim: generate key: %w", err)
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// maxKeyText bounds the text of a key that ParseRSA reads; one of 2048 bits takes 1,650 octets.
const maxKeyText = 2560

// ParseRSA reads an RSA private key of 1024 to 2048 bits that is given as the base64 text
// of PKCS #8 or PKCS #1 DER, without header, footer, spaces and line breaks (SES:
// BYODKIM). It returns the DER. Its errors tell nothing of the key.
//
// A whole PEM file in base64 once more is read, too: Terraform's provider sends that for
// a key in PEM, and SES takes it.
func ParseRSA(text string) (der []byte, err error) {
	if len(text) > maxKeyText {
		return nil, ErrKey
	}
	if der, err = base64.StdEncoding.Strict().DecodeString(text); err != nil || len(text) == 0 || hasSpace(text) {
		return nil, ErrKey
	}
	if block, rest := pem.Decode(der); block != nil && len(bytes.TrimSpace(rest)) == 0 {
		der = block.Bytes
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if key, err = x509.ParsePKCS1PrivateKey(der); err != nil {
			return nil, ErrKey
		}
	}
	k, ok := key.(*rsa.PrivateKey)
	if !ok || k.Validate() != nil {
		return nil, ErrKey
	}
	if bits := k.N.BitLen(); bits < 1024 || bits > 2048 {
		return nil, fmt.Errorf("%w, not %d", ErrKeySize, bits)
	}
	return der, nil
}

// hasSpace reports line breaks, which the decoder of base64 would pass over.
func hasSpace(s string) bool {
	for i := range len(s) {
		if s[i] == '\r' || s[i] == '\n' {
			return true
		}
	}
	return false
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
