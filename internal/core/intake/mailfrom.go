// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"

	"sesame/internal/base/fault"
	"sesame/internal/core/identity"
)

// mailFrom refuses mail whose custom MAIL FROM domain is not set up, if the domain's
// owner wants that instead of the default domain (SES: behavior on MX failure).
func (i *Intake) mailFrom(ctx context.Context, d *draft) error {
	mf, err := i.o.Identities.MailFrom(ctx, d.identity.Owner, d.sender)
	if err != nil {
		return err
	}
	if mf.Domain != "" && mf.Status != identity.Success && mf.Behavior == identity.RejectMessage {
		return fault.New(fault.MailFromNotVerified, "Mail FROM domain is not verified")
	}
	return nil
}
