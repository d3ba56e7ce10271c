// SPDX-License-Identifier: Apache-2.0

// Package smtpcred derives SMTP passwords from secret access keys by SES's
// algorithm, so that the credentials that existing tools derive log in unchanged.
// The password holds for one region. Temporary credentials have none. (SES:
// Obtaining SMTP credentials.)
package smtpcred

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"sesame/internal/proto/sigv4"
)

// The algorithm's constants: a signing key of Signature Version 4 for a day that
// never was, and a message signed with it.
const (
	day     = "11111111"
	service = "ses"
	message = "SendRawEmail"
	version = 4
)

// Len is the length of every password.
const Len = (1 + sha256.Size + 2) / 3 * 4

// Password returns the SMTP password of the secret access key in region, Len
// characters of Base64.
func Password(secret, region string) string {
	key := sigv4.DeriveKey(secret, day, region, service)
	mac := sigv4.MAC(key[:], message)
	return base64.StdEncoding.EncodeToString(append([]byte{version}, mac[:]...))
}

// Matches reports whether password is the SMTP password of secret in region. Its
// time tells nothing about where they differ.
func Matches(password, secret, region string) bool {
	return subtle.ConstantTimeCompare([]byte(password), []byte(Password(secret, region))) == 1
}
