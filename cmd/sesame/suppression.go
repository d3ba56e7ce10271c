// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"sesame/internal/adminclient"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/configset"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
)

// suppressionCmd is `sesame suppression`.
type suppressionCmd struct {
	List   suppressionListCmd   `cmd:"" help:"List the addresses on a suppression list, and why they are there."`
	Why    suppressionWhyCmd    `cmd:"" help:"Tell whether mail to an address would be sent, and why."`
	Remove suppressionRemoveCmd `cmd:"" help:"Take an address off a suppression list."`
	Export suppressionExportCmd `cmd:"" help:"Write an account's suppression list in a format that an import takes."`
}

// aList is whose list a command is about.
type aList struct {
	place
	Account string `help:"Account id."`
	Region  string `help:"Region (default: the server's first)."`
}

// with calls fn with the lists of the server, the scope and the data folder.
func (c aList) with(fn func(ctx context.Context, l *suppression.Lists, sc scope.Scope, dir string) error) error {
	return c.open(func(ctx context.Context, cfg config.Config, db *store.DB, _ *keyring.Ring) error {
		sc := scope.Scope{Account: c.Account, Region: c.Region}
		if sc.Region == "" {
			sc.Region = cfg.Regions[0]
		}
		lists := suppression.New(suppression.Options{DB: db, Clock: clock.System, Random: rand.Reader, ConfigSets: configset.New(db, clock.System, nil)})
		return fn(ctx, lists, sc, cfg.DataDir)
	})
}

// needAccount refuses a command that is about an account's list and names none.
func (c aList) needAccount() error {
	if !scope.ValidAccount(c.Account) {
		return fmt.Errorf("give --account, an account id of 12 digits")
	}
	return nil
}

type suppressionListCmd struct {
	aList
	Global bool `help:"The global list of the region; with --account what that account's mail put there."`
}

// Run lists a list, a page at a time.
func (c *suppressionListCmd) Run(out io.Writer) error {
	if !c.Global {
		if err := c.needAccount(); err != nil {
			return err
		}
	}
	return c.with(func(ctx context.Context, l *suppression.Lists, sc scope.Scope, _ string) error {
		t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
		for behind, more := (suppression.Position{}), true; more; {
			var page []suppression.Entry
			var err error
			if c.Global {
				page, more, err = l.ListGlobal(ctx, sc, behind.Address, suppression.MaxPage)
			} else {
				page, more, err = l.List(ctx, sc, suppression.Filter{}, behind, suppression.MaxPage)
			}
			if err != nil {
				return err
			}
			for _, e := range page {
				behind = suppression.Position{At: e.UpdatedAt, Address: e.Address}
				printEntry(t, e)
			}
			if err := t.Flush(); err != nil {
				return err
			}
		}
		return nil
	})
}

// printEntry writes an entry as a line. What a remote server said is fit for a terminal.
func printEntry(w io.Writer, e suppression.Entry) {
	until := "-"
	if !e.ExpiresAt.IsZero() {
		until = e.ExpiresAt.UTC().Format(time.RFC3339)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\tby %s\tsince %s\tuntil %s\t%s\t%s\n", e.Address, e.List, e.Reason, e.Source,
		e.UpdatedAt.UTC().Format(time.RFC3339), until, e.MessageID, adminclient.Printable(e.Response))
}

type suppressionWhyCmd struct {
	aList
	Address          string `arg:"" help:"Address of the recipient."`
	ConfigurationSet string `help:"Tell of this configuration set alone."`
}

// Run tells what would become of mail to the address.
func (c *suppressionWhyCmd) Run(out io.Writer) error {
	if err := c.needAccount(); err != nil {
		return err
	}
	return c.with(func(ctx context.Context, l *suppression.Lists, sc scope.Scope, _ string) error {
		x, err := l.Explain(ctx, sc, c.Address, c.ConfigurationSet)
		if err != nil {
			return err
		}
		for _, e := range x.Entries {
			fmt.Fprintf(out, "%s is %s\n", x.Address, adminclient.Printable(e.Why()))
		}
		for _, v := range x.Verdicts {
			with, sent := "without a configuration set", "sent"
			if v.ConfigSet != "" {
				with = "with " + v.ConfigSet
			}
			if !v.Sent {
				sent = "not sent"
			}
			fmt.Fprintf(out, "%s: %s (%s)\n", with, sent, v.Rule)
		}
		return nil
	})
}

type suppressionRemoveCmd struct {
	aList
	Address string `arg:"" help:"Address to take off."`
	Global  bool   `help:"Off the global list of the region, on the operator's word."`
}

// Run takes the address off and leaves a line in the audit log.
func (c *suppressionRemoveCmd) Run(out io.Writer) error {
	if !c.Global {
		if err := c.needAccount(); err != nil {
			return err
		}
	}
	return c.with(func(ctx context.Context, l *suppression.Lists, sc scope.Scope, dir string) error {
		list, err := suppression.AccountList, error(nil)
		if c.Global {
			list, err = suppression.GlobalList, l.RemoveGlobal(ctx, sc, c.Address)
		} else {
			err = l.Delete(ctx, sc, c.Address)
		}
		if err != nil {
			return err
		}
		if err := audit(dir, "suppression remove", "list", string(list), "account", sc.Account, "region", sc.Region, "address", c.Address); err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s is off the list %s in %s.\n", c.Address, list, sc.Region)
		return err
	})
}

type suppressionExportCmd struct {
	aList
	Format string `enum:"csv,json" default:"csv" help:"csv, or json: one object on each line."`
}

// Run writes the list.
func (c *suppressionExportCmd) Run(out io.Writer) error {
	if err := c.needAccount(); err != nil {
		return err
	}
	format := suppression.CSV
	if c.Format == "json" {
		format = suppression.JSON
	}
	return c.with(func(ctx context.Context, l *suppression.Lists, sc scope.Scope, _ string) error {
		return l.Export(ctx, sc, format, out)
	})
}
