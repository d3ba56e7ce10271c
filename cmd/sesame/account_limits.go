// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/account"
)

// inRegion is an account in a region, which a command is about.
type inRegion struct {
	anAccount
	Region string `help:"Region (default: the server's first)."`
}

// change runs a change of the account in the region.
func (c *inRegion) change(fn func(context.Context, *account.Accounts, scope.Scope) error) error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		a.SetDefaults(account.Defaults{Sandbox: cfg.Limits.Sandbox})
		sc := scope.Scope{Account: c.ID, Region: c.Region}
		if sc.Region == "" {
			sc.Region = cfg.Regions[0]
		}
		if !scope.ValidRegion(sc.Region) {
			return fmt.Errorf("%q is no region name", sc.Region)
		}
		return fn(ctx, a, sc)
	}))
}

type accountSandboxCmd struct {
	inRegion
	State string `arg:"" enum:"on,off" help:"on or off."`
}

// Run moves the account.
func (c *accountSandboxCmd) Run() error {
	return c.change(func(ctx context.Context, a *account.Accounts, sc scope.Scope) error {
		return a.SetSandbox(ctx, sc, account.Operator, c.State == "on")
	})
}

type accountReviewCmd struct {
	inRegion
	Grant bool   `xor:"answer" help:"Grant production access."`
	Deny  bool   `xor:"answer" help:"Deny it."`
	Text  string `help:"What the account's owner is told."`
}

// Run ends the review; without an answer it shows what there is to review.
func (c *accountReviewCmd) Run(out io.Writer) error {
	return c.change(func(ctx context.Context, a *account.Accounts, sc scope.Scope) error {
		if c.Grant || c.Deny {
			return a.EndReview(ctx, sc, account.Operator, c.Grant, c.Text)
		}
		d, err := a.Current(ctx, sc)
		if err != nil {
			return err
		}
		if d.Review != account.ReviewPending {
			return fmt.Errorf("no review of the account %s is pending in %s", sc.Account, sc.Region)
		}
		return printJSON(out, map[string]any{
			"case": d.CaseID, "mailType": d.Profile.MailType, "website": d.Profile.WebsiteURL, "language": d.Profile.Language,
			"useCase": d.Profile.UseCase, "contacts": d.Profile.Contacts,
		})
	})
}

type accountLimitsCmd struct {
	inRegion
	Daily   *float64 `help:"Recipients in 24 hours; 0 is no limit."`
	Rate    *float64 `help:"Recipients a second; 0 is no limit."`
	Default bool     `help:"Use the server's quotas again."`
	Reason  string   `default:"set by the operator" help:"What the account's owner is told."`
}

// Run sets the quotas that are given and keeps the other.
func (c *accountLimitsCmd) Run() error {
	if (c.Daily != nil || c.Rate != nil) == c.Default {
		return errors.New("give --daily, --rate or both, or else --default")
	}
	return c.change(func(ctx context.Context, a *account.Accounts, sc scope.Scope) error {
		d, err := a.Current(ctx, sc)
		if err != nil {
			return err
		}
		l := d.Limits
		if c.Default {
			l = account.Limits{Daily: account.ServerDefault, Rate: account.ServerDefault}
		}
		if c.Daily != nil {
			l.Daily = *c.Daily
		}
		if c.Rate != nil {
			l.Rate = *c.Rate
		}
		return a.SetLimits(ctx, sc, account.Operator, l, c.Reason)
	})
}

type accountEnforceCmd struct {
	inRegion
	Status string `arg:"" enum:"HEALTHY,PROBATION,SHUTDOWN" help:"HEALTHY, PROBATION or SHUTDOWN."`
	Reason string `help:"What the account's owner is told."`
}

// Run sets the status.
func (c *accountEnforceCmd) Run() error {
	return c.change(func(ctx context.Context, a *account.Accounts, sc scope.Scope) error {
		return a.Enforce(ctx, sc, account.Operator, account.Enforcement(c.Status), c.Reason)
	})
}

type accountHistoryCmd struct {
	anAccount
	Limit int `default:"100" help:"How many changes at most."`
}

// Run lists the changes, the newest first.
func (c *accountHistoryCmd) Run(out io.Writer) error {
	return c.open(withAccounts(func(ctx context.Context, _ config.Config, a *account.Accounts) error {
		changes, err := a.Changes(ctx, c.ID, c.Limit)
		if err != nil {
			return err
		}
		for _, x := range changes {
			fmt.Fprintf(out, "%s  %s  %s  %s\n", x.At.Format(time.RFC3339), x.Scope.Region, x.Actor, x.Text)
		}
		return nil
	}))
}
