// SPDX-License-Identifier: Apache-2.0

package dkim

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Record is the DNS record that publishes a key (RFC 6376 §3.6.1), the TXT record at
// SELECTOR._domainkey.DOMAIN.
type Record struct {
	KeyType string // k=: "rsa" or "ed25519"
	Public  string // p=: the public key in base64
	Bits    int    // of an RSA key; known where the record was made from a key
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
		return Record{KeyType: "rsa", Public: base64.StdEncoding.EncodeToString(public), Bits: k.N.BitLen()}, nil
	case ed25519.PrivateKey:
		// RFC 8463 §4: the key itself, without a structure around it.
		return Record{KeyType: "ed25519", Public: base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey))}, nil
	}
	return Record{}, ErrKey
}

// maxRecord bounds the text that ParseRecord reads; an RSA key of 8192 bits takes 1.4 KB.
const maxRecord = 4 << 10

// ErrRecord says that a text is no key record, or one that no signature of ours would
// verify with.
var ErrRecord = errors.New("dkim: not a usable key record")

// ParseRecord reads the text of a TXT record as a verifier of mail does (RFC 6376 §3.6.1).
// A record that does not allow signatures with SHA-256 of mail, or whose key is revoked,
// is an error like any other.
func ParseRecord(txt string) (Record, error) {
	if len(txt) > maxRecord {
		return Record{}, fmt.Errorf("%w: longer than %d octets", ErrRecord, maxRecord)
	}
	r := Record{KeyType: "rsa"}
	seen := map[string]bool{}
	for n, spec := range strings.Split(txt, ";") {
		name, value, ok := strings.Cut(spec, "=")
		name, value = strings.Trim(name, wsp), strings.Trim(value, wsp)
		if !ok {
			if name == "" {
				continue // after the last semicolon
			}
			return Record{}, fmt.Errorf("%w: %q is no tag", ErrRecord, name)
		}
		if seen[name] { // RFC 6376 §3.2: tags MUST NOT occur twice
			return Record{}, fmt.Errorf("%w: %s= twice", ErrRecord, name)
		}
		seen[name] = true
		if err := r.tag(n, name, value); err != nil {
			return Record{}, err
		}
	}
	if r.Public == "" {
		return Record{}, fmt.Errorf("%w: no key in p=", ErrRecord)
	}
	return r, nil
}

// wsp is white space, folded or not, around and within values (RFC 6376 §3.2).
const wsp = " \t\r\n"

func (r *Record) tag(n int, name, value string) error {
	fits := true
	switch name {
	case "v":
		fits = n == 0 && value == "DKIM1"
	case "k":
		r.KeyType = value
		fits = value == "rsa" || value == "ed25519"
	case "p":
		r.Public = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(value)
	case "h":
		fits = listed(value, "sha256")
	case "s":
		fits = listed(value, "email") || listed(value, "*")
	}
	if !fits {
		return fmt.Errorf("%w: %s=%.40q", ErrRecord, name, value)
	}
	return nil
}

func listed(list, want string) bool {
	return slices.ContainsFunc(strings.Split(list, ":"), func(s string) bool { return strings.Trim(s, wsp) == want })
}

// Publishes reports whether the record's key is the one of o, however either is written
// in base64 or in DER.
func (r Record) Publishes(o Record) bool {
	if r.KeyType != o.KeyType {
		return false
	}
	a, errA := base64.StdEncoding.DecodeString(r.Public)
	b, errB := base64.StdEncoding.DecodeString(o.Public)
	if errA != nil || errB != nil {
		return false
	}
	if bytes.Equal(a, b) {
		return true
	}
	x, y := rsaPublic(a), rsaPublic(b)
	return x != nil && y != nil && x.Equal(y)
}

// rsaPublic reads a public key as RFC 6376 §3.6.1 has it (SubjectPublicKeyInfo) or as its
// text has it (RSAPublicKey); verifiers take both. It is nil for anything else.
func rsaPublic(der []byte) *rsa.PublicKey {
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		k, _ := key.(*rsa.PublicKey)
		return k
	}
	k, _ := x509.ParsePKCS1PublicKey(der)
	return k
}
