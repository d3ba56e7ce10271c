// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/account"
	"sesame/internal/proto/smtpcred"
)

// smtpCmd is `sesame smtp-credentials`.
type smtpCmd struct {
	Derive  smtpDeriveCmd  `cmd:"" default:"withargs" help:"Print the SMTP password that follows from a secret access key."`
	Create  smtpCreateCmd  `cmd:"" help:"Make up an SMTP user name and password for a user. They are shown once, and do nothing but SMTP."`
	List    smtpListCmd    `cmd:"" help:"List made-up SMTP credentials."`
	Disable smtpDisableCmd `cmd:"" help:"Refuse a made-up SMTP credential, until it is enabled."`
	Enable  smtpEnableCmd  `cmd:"" help:"Take a disabled SMTP credential again."`
	Delete  smtpDeleteCmd  `cmd:"" help:"Delete a made-up SMTP credential."`
}

type smtpDeriveCmd struct {
	Secret string `arg:"" help:"The secret access key to convert."`
	Region string `arg:"" help:"The region where the password will be used."`
}

// Run prints the password.
func (c *smtpDeriveCmd) Run(out io.Writer) error {
	if !scope.ValidRegion(c.Region) {
		return fmt.Errorf("%q is no region name", c.Region)
	}
	_, err := fmt.Fprintln(out, smtpcred.Password(c.Secret, c.Region))
	return err
}

type smtpCreateCmd struct {
	aUser
	Region string `help:"Region where they will be used (default: the server's first)."`
}

// Run makes the credentials.
func (c *smtpCreateCmd) Run(out io.Writer) error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		region, err := c.regionOf(cfg, c.Region)
		if err != nil {
			return err
		}
		cred, password, err := a.CreateSMTPCredential(ctx, c.Account, c.User, region)
		if err != nil {
			return err
		}
		shown := printJSON(out, map[string]string{
			"account": c.Account, "user": c.User, "region": region, "smtpUser": cred.ID, "smtpPassword": password,
		})
		return errors.Join(shown, audit(cfg.DataDir, "smtp-credentials create", "account", c.Account, "user", c.User, "credential", cred.ID, "region", region))
	}))
}

type smtpListCmd struct {
	place
	Account string `required:"" help:"Account id."`
}

// Run lists the credentials.
func (c *smtpListCmd) Run(out io.Writer) error {
	return c.open(withAccounts(func(ctx context.Context, _ config.Config, a *account.Accounts) error {
		all, err := a.SMTPCredentials(ctx, c.Account)
		if err != nil {
			return err
		}
		for _, x := range all {
			fmt.Fprintf(out, "%s  %s  %s  %-8s  %s\n", x.User, x.ID, x.Region, state(x.Active), lastUse(account.Use{At: x.UsedAt, Service: "ses", Region: x.Region}))
		}
		return nil
	}))
}

// aCredential is the made-up credential that a command is about.
type aCredential struct {
	place
	Account string `required:"" help:"Account id."`
	ID      string `arg:"" help:"SMTP user name."`
}

// change does something with the credential.
func (c *aCredential) change(operation string, fn func(ctx context.Context, a *account.Accounts) error) error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		if err := fn(ctx, a); err != nil {
			return err
		}
		return audit(cfg.DataDir, operation, "account", c.Account, "credential", c.ID)
	}))
}

type smtpDisableCmd struct{ aCredential }

// Run disables the credential.
func (c *smtpDisableCmd) Run() error {
	return c.change("smtp-credentials disable", func(ctx context.Context, a *account.Accounts) error {
		return a.SetSMTPCredentialActive(ctx, c.Account, c.ID, false)
	})
}

type smtpEnableCmd struct{ aCredential }

// Run enables the credential.
func (c *smtpEnableCmd) Run() error {
	return c.change("smtp-credentials enable", func(ctx context.Context, a *account.Accounts) error {
		return a.SetSMTPCredentialActive(ctx, c.Account, c.ID, true)
	})
}

type smtpDeleteCmd struct{ aCredential }

// Run deletes the credential.
func (c *smtpDeleteCmd) Run() error {
	return c.change("smtp-credentials delete", func(ctx context.Context, a *account.Accounts) error {
		return a.DeleteSMTPCredential(ctx, c.Account, c.ID)
	})
}
