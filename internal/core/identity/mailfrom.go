// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
)

// SetMailFrom gives an identity a custom MAIL FROM domain, or takes it away with "" (SES
// API v2: PutEmailIdentityMailFromAttributes).
func (s *Identities) SetMailFrom(context.Context, scope.Scope, string, string, Behavior) error {
	return fault.New(fault.NotImplemented, "The MAIL FROM domain can't be changed yet.")
}
