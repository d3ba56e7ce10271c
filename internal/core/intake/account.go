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

// settings finds the settings that hold for the message. They are the account's that sends:
// an identity that is another's has none among them.
func (i *Intake) settings(ctx context.Context, d *draft) (err error) {
	if i.o.Settings == nil {
		d.settings = setting.Default()
		return nil
	}
	own := ""
	if d.identity.Owner == d.Scope {
		own = d.identity.Identity
	}
	d.settings, err = i.o.Settings.Effective(ctx, d.Scope, own, d.ConfigSet)
	return err
}

// reserve takes what the message needs of the account's quotas. Who waits for them has no
// place meanwhile that others could use.
func (i *Intake) reserve(ctx context.Context, d *draft) (held quota.Hold, err error) {
	load := quota.Load{
		Recipients: len(d.recipients), Simulated: quota.ToSimulator(d.recipients), Bytes: len(d.Raw), Delay: d.settings.QuotaMode == setting.Delay,
	}
	if !load.Delay || d.desk == nil {
		return i.o.Quotas.Reserve(ctx, d.Scope, load)
	}
	now := load
	now.Delay = false
	if held, err = i.o.Quotas.Reserve(ctx, d.Scope, now); !fault.Is(err, fault.Throttled) {
		return held, err
	}
	taken := false
	err = d.desk.away(ctx, func() (err error) {
		held, err = i.o.Quotas.Reserve(ctx, d.Scope, load)
		taken = err == nil
		return err
	})
	if err != nil && taken {
		i.o.Quotas.Settle(held, false)
	}
	return held, err
}
