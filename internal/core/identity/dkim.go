// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
)

// DKIMSetup is what a caller wants of an identity's DKIM (SES API v2: DkimSigningAttributes).
type DKIMSetup struct {
	Origin     Origin
	NextBits   int    // Easy DKIM: 1024 or 2048; 0 for what is set, or 2048
	PrivateKey string // external: base64 of PKCS #1 or PKCS #8, without header, footer and line breaks
	Selector   string // external
}

// SetDKIM sets up DKIM for a domain anew, or changes the length of the next key (SES API
// v2: PutEmailIdentityDkimSigningAttributes; v1: VerifyDomainDkim).
func (s *Identities) SetDKIM(context.Context, scope.Scope, string, DKIMSetup) (Identity, error) {
	return Identity{}, fault.New(fault.NotImplemented, "DKIM can't be changed yet.")
}

// SetSigning switches DKIM signing on or off (SES API v2: PutEmailIdentityDkimAttributes).
func (s *Identities) SetSigning(context.Context, scope.Scope, string, bool) error {
	return fault.New(fault.NotImplemented, "DKIM can't be changed yet.")
}
