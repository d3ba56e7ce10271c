// SPDX-License-Identifier: Apache-2.0

package smtpserver_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"sesame/internal/base/address"
	"sesame/internal/proto/smtpserver"
)

// echo is a Backend that answers each message with its digest.
type echo struct{}

func (echo) NewSession(context.Context, smtpserver.ConnInfo) (smtpserver.Session, error) {
	return echo{}, nil
}
func (echo) Auth(context.Context, string, string) error { return nil }
func (echo) Mail(context.Context, address.Address, smtpserver.MailParams) error {
	return nil
}
func (echo) Rcpt(context.Context, address.Address) error { return nil }
func (echo) Data(_ context.Context, message []byte) (string, error) {
	return sum(string(message)), nil
}
func (echo) Reset() {}
func (echo) Close() {}

func sum(s string) string {
	digest := sha256.Sum256([]byte(s))
	return hex.EncodeToString(digest[:])
}
