// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"io"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/keyring"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/edge/api/admin"
)

// messageCmd is `sesame message`.
type messageCmd struct {
	Show messageShowCmd `cmd:"" help:"Show what became of a message: recipients, attempts with their reasons, scanners, events."`
}

type messageShowCmd struct {
	place
	Account string `required:"" help:"Account id."`
	Region  string `help:"Region (default: the server's first)."`
	ID      string `arg:"" name:"id" help:"Id of the message, or a Message-ID: the one it left with, or the caller's."`
}

// Run shows the record.
func (c *messageShowCmd) Run(out io.Writer) error {
	return c.open(func(ctx context.Context, cfg config.Config, db *store.DB, _ *keyring.Ring) error {
		sc := scope.Scope{Account: c.Account, Region: cmp.Or(c.Region, cfg.Regions[0])}
		record, err := spool.New(spool.Options{DB: db, Clock: clock.System}).Record(ctx, sc, c.ID)
		if err != nil {
			return err
		}
		return printJSON(out, admin.NewMessageRecord(record))
	})
}
