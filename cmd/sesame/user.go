// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/account"
)

// userCmd is `sesame user`.
type userCmd struct {
	Create userCreateCmd `cmd:"" help:"Create a user with an access key and SMTP credentials. They are shown once."`
	List   userListCmd   `cmd:"" help:"List users."`
	Delete userDeleteCmd `cmd:"" help:"Delete a user with its keys and policies."`
}

type userCreateCmd struct {
	place
	Account   string   `required:"" help:"Account id, 12 digits; made if it does not exist."`
	Name      string   `required:"" help:"User name."`
	Path      string   `default:"/" help:"Path of the user, such as /team/."`
	Policy    []string `sep:"none" placeholder:"ARN" help:"Managed policy that says what the user may do, by ARN or name; may be repeated (default: AmazonSESFullAccess)."`
	Admin     bool     `help:"The user may do everything in the account: AdministratorAccess."`
	AccessKey string   `help:"Access key id, instead of a made-up one."`
	SecretKey string   `help:"Secret access key that goes with --access-key."`
	Region    string   `help:"Region of the SMTP password (default: the server's first)."`
}

// Run creates the user.
func (c *userCreateCmd) Run(out io.Writer) error {
	return c.create(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		region, err := c.regionOf(cfg, c.Region)
		if err != nil {
			return err
		}
		policies, err := c.policies(ctx, a)
		if err != nil {
			return err
		}
		cred, err := a.CreateUser(ctx, account.NewUser{
			Account: c.Account, Name: c.Name, Path: c.Path, Policies: policies, KeyID: c.AccessKey, Secret: c.SecretKey,
		})
		if err != nil {
			return err
		}
		return errors.Join(printCredentials(out, cred, region),
			audit(cfg.DataDir, "user create", "account", cred.Account, "user", cred.User, "key", cred.KeyID, "policies", policies))
	}))
}

// regionOf is the region that a command means, which the server must have.
func (p place) regionOf(cfg config.Config, region string) (string, error) {
	if region == "" {
		region = cfg.Regions[0]
	}
	if !scope.ValidRegion(region) {
		return "", fmt.Errorf("%q is no region name", region)
	}
	if p.Config != "" && !slices.Contains(cfg.Regions, region) {
		return "", fmt.Errorf("region %s is not among the regions of %s", region, p.Config)
	}
	return region, nil
}

func (c *userCreateCmd) policies(ctx context.Context, a *account.Accounts) ([]string, error) {
	names := c.Policy
	if c.Admin {
		names = append(names, account.AdministratorAccess)
	}
	if len(names) == 0 {
		names = []string{account.SESFullAccess}
	}
	return policyARNs(ctx, a, c.Account, names)
}

func printCredentials(out io.Writer, c account.Credentials, region string) error {
	return printJSON(out, map[string]string{
		"account": c.Account, "user": c.User, "accessKeyId": c.KeyID, "secretAccessKey": c.Secret,
		"region": region, "smtpUser": c.KeyID, "smtpPassword": c.SMTPPassword(region),
	})
}

type userListCmd struct {
	place
	Account string `help:"Only this account's."`
}

// Run lists the users.
func (c *userListCmd) Run(out io.Writer) error {
	return c.open(withAccounts(func(ctx context.Context, _ config.Config, a *account.Accounts) error {
		users, err := a.Users(ctx, c.Account)
		if err != nil {
			return err
		}
		for _, u := range users {
			fmt.Fprintf(out, "%s  %s  %v  %s\n", u.Account, u.Name, u.Keys, u.CreatedAt.Format(time.RFC3339))
		}
		return nil
	}))
}

type userDeleteCmd struct {
	place
	Account string `required:"" help:"Account id."`
	Name    string `required:"" help:"User name."`
}

// Run deletes the user.
func (c *userDeleteCmd) Run() error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		err := a.DeleteUser(ctx, c.Account, c.Name)
		if err != nil {
			return err
		}
		return audit(cfg.DataDir, "user delete", "account", c.Account, "user", c.Name)
	}))
}
