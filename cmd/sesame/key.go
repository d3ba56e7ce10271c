// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sesame/internal/config"
	"sesame/internal/core/account"
)

// keyCmd is `sesame key`.
type keyCmd struct {
	Create  keyCreateCmd  `cmd:"" help:"Give a user another access key, the second at most. It is shown once."`
	Rotate  keyRotateCmd  `cmd:"" help:"Give a user a new access key in place of its disabled one, if it has one; the active one stays until it is disabled."`
	List    keyListCmd    `cmd:"" help:"List access keys: user, id, state, last use."`
	Disable keyDisableCmd `cmd:"" help:"Refuse what a key signs, until it is enabled."`
	Enable  keyEnableCmd  `cmd:"" help:"Take what a disabled key signs again."`
	Delete  keyDeleteCmd  `cmd:"" help:"Delete an access key."`
}

// aUser is the user that a command is about.
type aUser struct {
	place
	Account string `required:"" help:"Account id."`
	User    string `required:"" help:"User name."`
}

type keyCreateCmd struct {
	aUser
	Region string `help:"Region of the SMTP password (default: the server's first)."`
}

// Run creates the key.
func (c *keyCreateCmd) Run(out io.Writer) error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		return c.make(ctx, cfg, a, output{out, "key create", c.Region})
	}))
}

// output is where a new key goes.
type output struct {
	out       io.Writer
	operation string
	region    string // of the SMTP password
}

func (c *aUser) make(ctx context.Context, cfg config.Config, a *account.Accounts, o output) error {
	region, err := c.regionOf(cfg, o.region)
	if err != nil {
		return err
	}
	cred, err := a.CreateKey(ctx, c.Account, c.User)
	if err != nil {
		return err
	}
	return errors.Join(printCredentials(o.out, cred, region),
		audit(cfg.DataDir, o.operation, "account", c.Account, "user", c.User, "key", cred.KeyID))
}

type keyRotateCmd struct {
	aUser
	Region string `help:"Region of the SMTP password (default: the server's first)."`
}

// Run deletes what is disabled, and creates the new key.
func (c *keyRotateCmd) Run(out io.Writer) error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		keys, err := a.AccessKeys(ctx, c.Account, c.User)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if k.Active {
				continue
			}
			if err := a.DeleteKey(ctx, c.Account, c.User, k.ID); err != nil {
				return err
			}
			if err := audit(cfg.DataDir, "key delete", "account", c.Account, "user", c.User, "key", k.ID); err != nil {
				return err
			}
		}
		return c.make(ctx, cfg, a, output{out, "key rotate", c.Region})
	}))
}

type keyListCmd struct {
	place
	Account string `required:"" help:"Account id."`
	User    string `help:"Only this user's."`
}

// Run lists the keys.
func (c *keyListCmd) Run(out io.Writer) error {
	return c.open(withAccounts(func(ctx context.Context, _ config.Config, a *account.Accounts) error {
		users, err := a.Users(ctx, c.Account)
		if err != nil {
			return err
		}
		for _, u := range users {
			if c.User != "" && u.Name != c.User {
				continue
			}
			keys, err := a.AccessKeys(ctx, c.Account, u.Name)
			if err != nil {
				return err
			}
			for _, k := range keys {
				fmt.Fprintf(out, "%s  %s  %-8s  %s\n", k.User, k.ID, state(k.Active), lastUse(k.Used))
			}
		}
		return nil
	}))
}

func state(active bool) string {
	if active {
		return "active"
	}
	return "disabled"
}

func lastUse(u account.Use) string {
	if u.At.IsZero() {
		return "never used"
	}
	return fmt.Sprintf("used %s (%s, %s)", u.At.Format(time.RFC3339), u.Service, u.Region)
}

// aKey is the key that a command is about.
type aKey struct {
	place
	Account string `required:"" help:"Account id."`
	ID      string `arg:"" help:"Access key id."`
}

// change does something with the key.
func (c *aKey) change(operation string, fn func(ctx context.Context, a *account.Accounts, k account.AccessKey) error) error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		k, err := a.AccessKey(ctx, c.Account, c.ID)
		if err != nil {
			return err
		}
		if err := fn(ctx, a, k); err != nil {
			return err
		}
		return audit(cfg.DataDir, operation, "account", k.Account, "user", k.User, "key", k.ID)
	}))
}

type keyDisableCmd struct{ aKey }

// Run disables the key.
func (c *keyDisableCmd) Run() error {
	return c.change("key disable", func(ctx context.Context, a *account.Accounts, k account.AccessKey) error {
		return a.SetKeyActive(ctx, k.Account, k.User, k.ID, false)
	})
}

type keyEnableCmd struct{ aKey }

// Run enables the key.
func (c *keyEnableCmd) Run() error {
	return c.change("key enable", func(ctx context.Context, a *account.Accounts, k account.AccessKey) error {
		return a.SetKeyActive(ctx, k.Account, k.User, k.ID, true)
	})
}

type keyDeleteCmd struct{ aKey }

// Run deletes the key.
func (c *keyDeleteCmd) Run() error {
	return c.change("key delete", func(ctx context.Context, a *account.Accounts, k account.AccessKey) error {
		return a.DeleteKey(ctx, k.Account, k.User, k.ID)
	})
}
