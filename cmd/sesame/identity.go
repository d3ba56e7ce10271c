// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sesame/internal/app"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/identity"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
)

// identityCmd is `sesame identity`.
type identityCmd struct {
	Verify identityVerifyCmd `cmd:"" help:"Take an identity as verified, on the operator's word."`
	Check  identityCheckCmd  `cmd:"" help:"Look at an identity's DNS records now, and move its status."`
	Rotate identityRotateCmd `cmd:"" help:"Give a domain with Easy DKIM a new key, which signs once DNS has shown it for as long as verifiers may remember the old one."`
}

// named is the identity that a command is about.
type named struct {
	place
	Name    string `arg:"" help:"Domain or address."`
	Account string `required:"" help:"Account id."`
	Region  string `help:"Region (default: the server's first)."`
}

// open calls fn with the identities and the scope of the named one.
func (c named) open(fn func(ctx context.Context, ids *identity.Identities, sc scope.Scope, dir string) error) error {
	return c.place.open(func(ctx context.Context, cfg config.Config, db *store.DB, ring *keyring.Ring) error {
		ids, err := app.NewIdentities(cfg, db, ring, clock.System)
		if err != nil {
			return err
		}
		sc := scope.Scope{Account: c.Account, Region: c.Region}
		if sc.Region == "" {
			sc.Region = cfg.Regions[0]
		}
		return fn(ctx, ids, sc, cfg.DataDir)
	})
}

type identityVerifyCmd struct{ named }

// Run verifies the identity, leaves a line in the audit log, and prints the DKIM records.
func (c *identityVerifyCmd) Run(out io.Writer) error {
	return c.open(func(ctx context.Context, ids *identity.Identities, sc scope.Scope, dir string) error {
		id, err := ids.MarkVerified(ctx, sc, c.Name)
		if err != nil {
			return err
		}
		if err := audit(dir, "identity verify", "resource", sc.ARN("identity/"+id.Name)); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s is verified in %s.\n", id.Name, sc.Region)
		for _, r := range id.Records() {
			fmt.Fprintf(out, "%s. %s %q\n", r.Name, r.Type, r.Value)
		}
		return nil
	})
}

type identityCheckCmd struct{ named }

// Run checks the identity and prints its statuses.
func (c *identityCheckCmd) Run(out io.Writer) error {
	if c.Config == "" {
		return errors.New("give --config: a development server verifies by itself")
	}
	return c.open(func(ctx context.Context, ids *identity.Identities, sc scope.Scope, _ string) error {
		id, err := ids.CheckNow(ctx, sc, c.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "identity   %s since %s\n", id.Verification, id.Check.StatusSince.Format(time.RFC3339))
		fmt.Fprintf(out, "DKIM       %s since %s, signing %v\n", id.DKIM, id.DKIMInfo.Since.Format(time.RFC3339), id.Signing)
		if id.MailFrom.Domain != "" {
			fmt.Fprintf(out, "MAIL FROM  %s %s since %s\n", id.MailFrom.Domain, id.MailFrom.Status, id.MailFrom.Since.Format(time.RFC3339))
		}
		if id.Check.Error != "" {
			fmt.Fprintf(out, "missing    %s\n", id.Check.Error)
		}
		if !id.Check.Next.IsZero() {
			fmt.Fprintf(out, "next look  %s\n", id.Check.Next.Format(time.RFC3339))
		}
		return nil
	})
}

type identityRotateCmd struct{ named }

// Run makes the key and says where it waits.
func (c *identityRotateCmd) Run(out io.Writer) error {
	return c.open(func(ctx context.Context, ids *identity.Identities, sc scope.Scope, _ string) error {
		id, err := ids.RotateKeys(ctx, sc, c.Name)
		if err != nil {
			return err
		}
		for _, k := range id.Keys {
			if k.Replaces != "" {
				fmt.Fprintf(out, "A key of %d bits waits at %s._domainkey.%s.\n", k.Bits, k.Selector, id.Name)
			}
		}
		return nil
	})
}
