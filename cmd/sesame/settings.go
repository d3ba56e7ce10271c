// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"sesame/internal/app"
	"sesame/internal/base/clock"
	"sesame/internal/config"
	"sesame/internal/core/configset"
	"sesame/internal/core/identity"
	"sesame/internal/core/keyring"
	"sesame/internal/core/setting"
	"sesame/internal/core/store"
)

// settingsCmd is `sesame settings`.
type settingsCmd struct {
	Get settingsGetCmd `cmd:"" help:"Show the settings of an account, identity or configuration set, and who sets them."`
	Set settingsSetCmd `cmd:"" help:"Set settings; those that are not named stay as they are."`
}

// aResource is the resource that a command is about.
type aResource struct {
	place
	Arn string `arg:"" help:"arn:aws:ses:REGION:ACCOUNT:account, or :identity/NAME, or :configuration-set/NAME."`
}

// with calls fn with the settings of the server and the resource.
func (c *aResource) with(fn func(context.Context, *setting.Settings, setting.Resource) error) error {
	return c.open(func(ctx context.Context, _ config.Config, db *store.DB, ring *keyring.Ring) error {
		r, err := setting.ParseARN(c.Arn)
		if err != nil {
			return err
		}
		ids := identity.New(identity.Options{DB: db, Seal: ring, Clock: clock.System})
		return fn(ctx, setting.New(setting.Options{DB: db, Clock: clock.System, Exists: app.Exists(ids, configset.New(db, clock.System, ids))}), r)
	})
}

type settingsGetCmd struct{ aResource }

// Run shows the settings.
func (c *settingsGetCmd) Run(out io.Writer) error {
	return c.with(func(ctx context.Context, s *setting.Settings, r setting.Resource) error {
		report, err := s.Get(ctx, r)
		if err != nil {
			return err
		}
		return printJSON(out, report)
	})
}

type settingsSetCmd struct {
	aResource
	Settings []string `arg:"" help:"NAME=VALUE, such as QuotaMode=delay or Ed25519Signature=true; without a value it is inherited again."`
}

// Run sets the settings and shows all of them.
func (c *settingsSetCmd) Run(out io.Writer) error {
	return c.with(func(ctx context.Context, s *setting.Settings, r setting.Resource) error {
		report, err := s.Get(ctx, r)
		if err != nil {
			return err
		}
		own, err := assign(report.Own, c.Settings)
		if err != nil {
			return err
		}
		if err := s.Put(ctx, r, own); err != nil {
			return err
		}
		if report, err = s.Get(ctx, r); err != nil {
			return err
		}
		return printJSON(out, report)
	})
}

// assign is own with the assignments NAME=VALUE made. The names are those of the admin
// API's JSON, so that this needs no list of its own.
func assign(own setting.Own, assignments []string) (setting.Own, error) {
	members := map[string]json.RawMessage{}
	text, err := json.Marshal(own)
	if err == nil {
		err = json.Unmarshal(text, &members)
	}
	if err != nil {
		return own, err
	}
	for _, a := range assignments {
		name, value, ok := strings.Cut(a, "=")
		switch {
		case !ok:
			return own, fmt.Errorf("%q is not NAME=VALUE", a)
		case value == "":
			value = "null"
		case value != "true" && value != "false":
			quoted, err := json.Marshal(value)
			if err != nil {
				return own, err
			}
			value = string(quoted)
		}
		members[name] = json.RawMessage(value)
	}
	if text, err = json.Marshal(members); err != nil {
		return own, err
	}
	var changed setting.Own
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&changed); err != nil {
		return own, fmt.Errorf("settings are %s: %w", setting.Members, err)
	}
	return changed, nil
}
