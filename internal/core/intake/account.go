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

// account refuses what comes from an account that may not send.
func (i *Intake) account(ctx context.Context, d *draft) error {
	details, err := i.details(ctx, d.Scope)
	if err == nil {
		err = details.Paused()
	}
	if err == nil && !details.SendingEnabled {
		err = fault.New(fault.AccountPaused, "Account is paused")
	}
	return err
}

func (i *Intake) details(ctx context.Context, sc scope.Scope) (account.Details, error) {
	if i.o.Accounts == nil {
		return account.Details{SendingEnabled: true}, nil
	}
	return i.o.Accounts.Details(ctx, sc)
}

// strangers are the recipients that are no verified identities, if the account is in
// the sandbox: it may write to no others but the mailbox simulator (SES: the sandbox).
// That holds for the account that sends and for those whose identities it sends with.
func (i *Intake) strangers(ctx context.Context, d *draft, of scope.Scope) (unverified []string, err error) {
	details, err := i.details(ctx, of)
	if err != nil || !details.Sandbox {
		return nil, err
	}
	for _, r := range d.recipients {
		if r.Domain == quota.SimulatorDomain {
			continue
		}
		_, err := i.use(ctx, d.Scope, claim{address: r})
		switch {
		case fault.Is(err, fault.NotFound):
			unverified = append(unverified, r.String())
		case err != nil:
			return nil, err
		}
	}
	return unverified, nil
}

// effective are the settings that hold for the message. They are those of the account, too:
// an identity that is another's has none among them.
func (i *Intake) effective(ctx context.Context, d *draft) (setting.Values, error) {
	if i.o.Settings == nil {
		return setting.Default(), nil
	}
	own := ""
	if d.identity.Owner == d.Scope {
		own = d.identity.Identity
	}
	return i.o.Settings.Effective(ctx, d.Scope, own, d.ConfigSet)
}

// reserve takes what the message needs of the account's quotas.
func (i *Intake) reserve(ctx context.Context, d *draft) (quota.Hold, error) {
	v, err := i.effective(ctx, d)
	if err != nil {
		return quota.Hold{}, err
	}
	return i.o.Quotas.Reserve(ctx, d.Scope, quota.Load{
		Recipients: len(d.recipients), Simulated: quota.ToSimulator(d.recipients), Bytes: len(d.Raw), Delay: v.QuotaMode == setting.Delay,
	})
}
