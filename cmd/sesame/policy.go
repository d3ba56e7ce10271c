// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sesame/internal/config"
	"sesame/internal/core/account"
)

// policyCmd is `sesame policy`.
type policyCmd struct {
	List   policyListCmd   `cmd:"" help:"List managed policies, or the policies of a user or a role."`
	Create policyCreateCmd `cmd:"" help:"Create a managed policy; a name that is taken gets a new default version."`
	Attach policyAttachCmd `cmd:"" help:"Attach a managed policy to a user or a role."`
	Detach policyDetachCmd `cmd:"" help:"Detach a managed policy from a user or a role."`
	Put    policyPutCmd    `cmd:"" help:"Give a user or a role an inline policy, or replace it."`
	Remove policyRemoveCmd `cmd:"" help:"Remove an inline policy from a user or a role."`
	Delete policyDeleteCmd `cmd:"" help:"Delete a managed policy that is attached to nobody."`
}

// policyARNs are the ARNs of policies that an operator names.
func policyARNs(ctx context.Context, a *account.Accounts, id string, names []string) ([]string, error) {
	var arns []string
	for _, name := range names {
		arn, err := a.PolicyARN(ctx, id, name)
		if err != nil {
			return nil, err
		}
		arns = append(arns, arn)
	}
	return arns, nil
}

// anEntity is the user or the role that a command is about.
type anEntity struct {
	place
	Account string `required:"" help:"Account id."`
	User    string `xor:"entity" help:"User name."`
	Role    string `xor:"entity" help:"Role name."`
}

// entity is it, if there is one.
func (c *anEntity) entity() (e account.Entity, ok bool) {
	if c.Role != "" {
		return account.Entity{Account: c.Account, Kind: account.KindRole, Name: c.Role}, true
	}
	return account.Entity{Account: c.Account, Kind: account.KindUser, Name: c.User}, c.User != ""
}

// change does something with the user or the role.
func (c *anEntity) change(operation, policy string, fn func(ctx context.Context, a *account.Accounts, e account.Entity) error) error {
	e, ok := c.entity()
	if !ok {
		return errors.New("give --user or --role")
	}
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		if err := fn(ctx, a, e); err != nil {
			return err
		}
		return audit(cfg.DataDir, operation, "account", e.Account, string(e.Kind), e.Name, "policy", policy)
	}))
}

type policyListCmd struct{ anEntity }

// Run lists policies.
func (c *policyListCmd) Run(out io.Writer) error {
	return c.open(withAccounts(func(ctx context.Context, _ config.Config, a *account.Accounts) error {
		if e, ok := c.entity(); ok {
			return listSources(ctx, out, a, e)
		}
		all, err := a.ManagedPolicies(ctx, c.Account, true, true)
		if err != nil {
			return err
		}
		for _, p := range all {
			fmt.Fprintf(out, "%s  %s  attached to %d\n", p.ARN(), account.VersionID(p.Version), p.Attached)
		}
		return nil
	}))
}

func listSources(ctx context.Context, out io.Writer, a *account.Accounts, e account.Entity) error {
	sources, err := a.Sources(ctx, e)
	if err != nil {
		return err
	}
	for _, s := range sources {
		name := s.ARN
		if name == "" {
			name = "inline " + s.Name
		}
		fmt.Fprintf(out, "%s\n%s\n", name, s.Document)
	}
	return nil
}

type policyCreateCmd struct {
	place
	Account  string `required:"" help:"Account id."`
	Name     string `required:"" help:"Name of the policy."`
	Document []byte `required:"" type:"filecontent" placeholder:"FILE" help:"File with the policy's JSON; - is standard input."`
}

// Run creates the policy, or its next version.
func (c *policyCreateCmd) Run(out io.Writer) error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		p := account.Policy{Account: c.Account, Name: c.Name, Path: "/", Document: string(c.Document)}
		if _, err := a.Policy(ctx, c.Account, p.ARN()); err == nil {
			v, err := a.CreateVersion(ctx, c.Account, p.ARN(), p.Document, true)
			if err != nil {
				return err
			}
			if err := audit(cfg.DataDir, "policy create", "account", c.Account, "policy", p.ARN(), "version", account.VersionID(v.Number)); err != nil {
				return err
			}
			_, err = fmt.Fprintln(out, p.ARN())
			return err
		}
		if _, err := a.CreatePolicy(ctx, p); err != nil {
			return err
		}
		if err := audit(cfg.DataDir, "policy create", "account", c.Account, "policy", p.ARN()); err != nil {
			return err
		}
		_, err := fmt.Fprintln(out, p.ARN())
		return err
	}))
}

type policyAttachCmd struct {
	Policy string `arg:"" help:"ARN or name of the managed policy."`
	anEntity
}

// Run attaches the policy.
func (c *policyAttachCmd) Run() error {
	return c.change("policy attach", c.Policy, func(ctx context.Context, a *account.Accounts, e account.Entity) error {
		arn, err := a.PolicyARN(ctx, e.Account, c.Policy)
		if err != nil {
			return err
		}
		return a.Attach(ctx, e, arn)
	})
}

type policyDetachCmd struct {
	Policy string `arg:"" help:"ARN or name of the managed policy."`
	anEntity
}

// Run detaches the policy.
func (c *policyDetachCmd) Run() error {
	return c.change("policy detach", c.Policy, func(ctx context.Context, a *account.Accounts, e account.Entity) error {
		arn, err := a.PolicyARN(ctx, e.Account, c.Policy)
		if err != nil {
			return err
		}
		return a.Detach(ctx, e, arn)
	})
}

type policyPutCmd struct {
	anEntity
	Name     string `required:"" help:"Name of the inline policy."`
	Document []byte `required:"" type:"filecontent" placeholder:"FILE" help:"File with the policy's JSON; - is standard input."`
}

// Run puts the policy.
func (c *policyPutCmd) Run() error {
	return c.change("policy put", c.Name, func(ctx context.Context, a *account.Accounts, e account.Entity) error {
		return a.PutInline(ctx, e, c.Name, string(c.Document))
	})
}

type policyRemoveCmd struct {
	anEntity
	Name string `required:"" help:"Name of the inline policy."`
}

// Run removes the policy.
func (c *policyRemoveCmd) Run() error {
	return c.change("policy remove", c.Name, func(ctx context.Context, a *account.Accounts, e account.Entity) error {
		return a.DeleteInline(ctx, e, c.Name)
	})
}

type policyDeleteCmd struct {
	place
	Account string `required:"" help:"Account id."`
	Policy  string `arg:"" help:"ARN or name of the managed policy."`
}

// Run deletes the policy with all its versions.
func (c *policyDeleteCmd) Run() error {
	return c.open(withAccounts(func(ctx context.Context, cfg config.Config, a *account.Accounts) error {
		arn, err := a.PolicyARN(ctx, c.Account, c.Policy)
		if err != nil {
			return err
		}
		versions, err := a.Versions(ctx, c.Account, arn)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if v.Default {
				continue
			}
			if err := a.DeleteVersion(ctx, c.Account, arn, v.Number); err != nil {
				return err
			}
		}
		if err := a.DeletePolicy(ctx, c.Account, arn); err != nil {
			return err
		}
		return audit(cfg.DataDir, "policy delete", "account", c.Account, "policy", arn)
	}))
}
