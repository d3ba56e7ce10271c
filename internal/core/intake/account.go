// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/quota"
	"sesame/internal/core/setting"
)

// Accounts tells the state of the account that sends.
type Accounts interface {
	Details(ctx context.Context, sc scope.Scope) (account.Details, error)
}

// Settings tells the settings that SES does not have.
type Settings interface {
	Effective(ctx context.Context, sc scope.Scope, identity, configSet string) (setting.Values, error)
}

// account refuses what comes from an account that may not send, and finds which
// recipients must be verified: in the sandbox all but those of the mailbox simulator.
func (i *Intake) account(ctx context.Context, d *draft) error {
	if i.o.Accounts == nil {
		return nil
	}
	details, err := i.o.Accounts.Details(ctx, d.Scope)
	if err != nil {
		return err
	}
	switch {
	case details.Enforcement == account.Shutdown:
		return fault.New(fault.AccountPaused,
			"Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.")
	case !details.SendingEnabled:
		return fault.New(fault.AccountPaused, "Account is paused")
	case details.Sandbox:
		for _, r := range d.recipients {
			if r.Domain != quota.SimulatorDomain {
				d.sandboxed = append(d.sandboxed, r)
			}
		}
	}
	return nil
}

// reserve takes what the message needs of the account's quotas.
func (i *Intake) reserve(ctx context.Context, d *draft) (quota.Hold, error) {
	v := setting.Default()
	if i.o.Settings != nil {
		var err error
		if v, err = i.o.Settings.Effective(ctx, d.Scope, d.identity, d.ConfigSet); err != nil {
			return quota.Hold{}, err
		}
	}
	return i.o.Quotas.Reserve(ctx, d.Scope, quota.Load{
		Recipients: len(d.recipients), Simulated: quota.ToSimulator(d.recipients), Bytes: len(d.Raw), Delay: v.QuotaMode == setting.Delay,
	})
}
