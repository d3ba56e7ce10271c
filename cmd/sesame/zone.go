// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"

	"sesame/internal/app"
	"sesame/internal/base/clock"
	"sesame/internal/config"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
)

// zoneCmd is `sesame zone`.
type zoneCmd struct {
	Export zoneExportCmd `cmd:"" help:"Print the service's zone as a zone file."`
}

type zoneExportCmd struct {
	Config string `required:"" type:"existingfile" help:"Configuration file of the server."`
}

// Run prints the zone.
func (c *zoneExportCmd) Run(out io.Writer) error {
	return place{Config: c.Config}.open(func(ctx context.Context, cfg config.Config, db *store.DB, ring *keyring.Ring) error {
		ids, err := app.NewIdentities(cfg, db, ring, clock.System)
		if err != nil {
			return err
		}
		z := app.NewZone(cfg, ids, clock.System)
		switch {
		case z == nil:
			return errors.New("there is no zone: set zone.name")
		case len(cfg.Zone.NameServers) == 0:
			return errors.New("zone.name_servers is empty: no server would load the zone")
		}
		return z.Export(ctx, out)
	})
}
