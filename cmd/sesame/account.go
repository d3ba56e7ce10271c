// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/account"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
)

// accounts is what a command does with a server's accounts.
type accounts = func(context.Context, config.Config, *account.Accounts) error

// withAccounts makes work of it.
func withAccounts(fn accounts) work {
	return func(ctx context.Context, c config.Config, db *store.DB, ring *keyring.Ring) error {
		return fn(ctx, c, account.New(db, ring, clock.System, rand.Reader))
	}
}

// accountCmd is `sesame account`.
type accountCmd struct {
	Create  accountCreateCmd  `cmd:"" help:"Create an account."`
	List    accountListCmd    `cmd:"" help:"List accounts: id, state, contact, since when."`
	Contact accountContactCmd `cmd:"" help:"Set the address that notices to the account go to."`
	Org     accountOrgCmd     `cmd:"" help:"Set the organization that the account counts as part of (aws:PrincipalOrgID)."`
	Pause   accountPauseCmd   `cmd:"" help:"Refuse the account's mail; all else goes on."`
	Resume  accountResumeCmd  `cmd:"" help:"Make a paused or closed account active again."`
	Close   accountCloseCmd   `cmd:"" help:"Refuse all of the account's credentials, and purge its data after 90 days."`

	Sandbox accountSandboxCmd `cmd:"" help:"Put the account into the sandbox of a region, or take it out."`
	Review  accountReviewCmd  `cmd:"" help:"Answer the account's request for production access."`
	Limits  accountLimitsCmd  `cmd:"" help:"Give the account sending quotas of its own in a region."`
	Enforce accountEnforceCmd `cmd:"" help:"Set the account's reputation status in a region; SHUTDOWN refuses its mail."`
	History accountHistoryCmd `cmd:"" help:"List who changed the account's limits and status, and how."`
}

// anAccount is the account that a command is about.
type anAccount struct {
	place
	ID string `arg:"" help:"Account id, 12 digits."`
}

type accountCreateCmd struct {
	anAccount
	Contact string `help:"Address that notices to the account go to."`
}

// Run creates the account.
func (c *accountCreateCmd) Run() error {
	return c.create(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		if err := a.EnsureAccount(ctx, c.ID); err != nil {
			return err
		}
		if c.Contact != "" {
			if err := a.SetContact(ctx, c.ID, c.Contact); err != nil {
				return err
			}
		}
		return audit(cfg.DataDir, "account create", "account", c.ID)
	}))
}

type accountListCmd struct{ place }

// Run lists the accounts.
func (c *accountListCmd) Run(out io.Writer) error {
	return c.open(withAccounts(func(ctx context.Context, _ config.Config, a *account.Accounts) error {
		all, err := a.List(ctx)
		if err != nil {
			return err
		}
		for _, x := range all {
			contact := x.Contact
			if contact == "" {
				contact = "-"
			}
			fmt.Fprintf(out, "%s  %-6s  %s  %s\n", x.ID, x.State, contact, x.CreatedAt.Format(time.RFC3339))
		}
		return nil
	}))
}

type accountContactCmd struct {
	anAccount
	Address string `arg:"" optional:"" help:"The address; without one, notices go nowhere."`
}

// Run sets the contact.
func (c *accountContactCmd) Run() error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		err := a.SetContact(ctx, c.ID, c.Address)
		if err != nil {
			return err
		}
		return audit(cfg.DataDir, "account contact", "account", c.ID, "contact", c.Address)
	}))
}

type accountOrgCmd struct {
	anAccount
	Org string `arg:"" optional:"" help:"Organization id, such as o-a1b2c3d4e5; without one, none."`
}

// Run sets the organization.
func (c *accountOrgCmd) Run() error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		err := a.SetOrg(ctx, c.ID, c.Org)
		if err != nil {
			return err
		}
		return audit(cfg.DataDir, "account org", "account", c.ID, "org", c.Org)
	}))
}

// toState is a change of what an account may do.
type toState struct {
	anAccount
	Reason string `help:"What the account's owner is told of a pause and of its end; kept in the history."`
}

type accountPauseCmd struct{ toState }

// Run pauses the account.
func (c *accountPauseCmd) Run() error {
	return c.set("account pause", account.Paused)
}

type accountResumeCmd struct{ toState }

// Run makes the account active.
func (c *accountResumeCmd) Run() error {
	return c.set("account resume", account.Active)
}

type accountCloseCmd struct{ toState }

// Run closes the account.
func (c *accountCloseCmd) Run() error {
	return c.set("account close", account.Closed)
}

func (c *toState) set(operation string, to account.State) error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		err := a.SetState(ctx, scope.Scope{Account: c.ID, Region: cfg.Regions[0]}, account.Operator, to, c.Reason)
		if err != nil {
			return err
		}
		return audit(cfg.DataDir, operation, "account", c.ID)
	}))
}
