// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"sesame/internal/config"
	"sesame/internal/core/account"
)

// roleCmd is `sesame role`.
type roleCmd struct {
	Create roleCreateCmd `cmd:"" help:"Create a role."`
	List   roleListCmd   `cmd:"" help:"List roles: ARN, longest session, since when."`
	Delete roleDeleteCmd `cmd:"" help:"Delete a role with its policies; its sessions end."`
}

type roleCreateCmd struct {
	place
	Account    string        `required:"" help:"Account id."`
	Name       string        `required:"" help:"Role name."`
	Path       string        `default:"/" help:"Path of the role, such as /app/."`
	Trust      []byte        `required:"" type:"filecontent" placeholder:"FILE" help:"File with the JSON of the policy that says who may assume the role; - is standard input."`
	Policy     []string      `sep:"none" placeholder:"ARN" help:"Managed policy that says what the role may do, by ARN or name; may be repeated."`
	MaxSession time.Duration `default:"1h" help:"How long a session may be, one to twelve hours."`
}

// Run creates the role.
func (c *roleCreateCmd) Run(out io.Writer) error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		policies, err := policyARNs(ctx, a, c.Account, c.Policy)
		if err != nil {
			return err
		}
		r, err := a.CreateRole(ctx, account.Role{Account: c.Account, Name: c.Name, Path: c.Path, Trust: string(c.Trust), MaxSession: c.MaxSession})
		if err != nil {
			return err
		}
		for _, arn := range policies {
			if err := a.Attach(ctx, account.Entity{Account: c.Account, Kind: account.KindRole, Name: c.Name}, arn); err != nil {
				return err
			}
		}
		if err := audit(cfg.DataDir, "role create", "account", c.Account, "role", r.ARN(), "policies", policies); err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, r.ARN())
		return err
	}))
}

type roleListCmd struct {
	place
	Account string `required:"" help:"Account id."`
}

// Run lists the roles.
func (c *roleListCmd) Run(out io.Writer) error {
	return c.open(withAccounts(func(ctx context.Context, _ config.Config, a *account.Accounts) error {
		roles, err := a.Roles(ctx, c.Account)
		if err != nil {
			return err
		}
		for _, r := range roles {
			fmt.Fprintf(out, "%s  %s  %s\n", r.ARN(), r.MaxSession, r.CreatedAt.Format(time.RFC3339))
		}
		return nil
	}))
}

type roleDeleteCmd struct {
	place
	Account string `required:"" help:"Account id."`
	Name    string `required:"" help:"Role name."`
}

// Run deletes the role.
func (c *roleDeleteCmd) Run() error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		err := a.DeleteRole(ctx, c.Account, c.Name)
		if err != nil {
			return err
		}
		return audit(cfg.DataDir, "role delete", "account", c.Account, "role", c.Name)
	}))
}
