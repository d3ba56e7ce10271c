// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"sesame/internal/app"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/account"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/edge/api/ses"
	"sesame/internal/edge/api/sesv2"
	"sesame/internal/proto/smtpcred"
)

// place says which server's data a command works on. The server may run meanwhile: it
// sees the change within a second.
type place struct {
	Config string `xor:"place" type:"existingfile" help:"Configuration file of the server."`
	Dir    string `xor:"place" type:"existingdir" help:"Data folder of a development server (default ./.sesame)."`
}

func (p place) config() (config.Config, error) {
	if p.Config != "" {
		return config.Load(p.Config)
	}
	return app.DevConfig(cmp.Or(p.Dir, "./.sesame"))
}

// work is what a command does with a server's data.
type work = func(context.Context, config.Config, *store.DB, *keyring.Ring) error

// open calls fn with the database and the keyring. The data folder must be there: a
// new one, with a keyring of its own, is never what an operator looks for.
func (p place) open(fn work) error {
	c, err := p.config()
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.DataDir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no data folder at %s: give --config or --dir", c.DataDir)
	}
	return openData(c, fn)
}

// create is open, except that a server's data folder is made if a configuration file
// names it: its first user may come before its first start.
func (p place) create(fn work) error {
	if p.Config == "" {
		return p.open(fn)
	}
	c, err := p.config()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return err
	}
	return openData(c, fn)
}

func openData(c config.Config, fn work) (err error) {
	ring, err := keyring.LoadOrCreate(filepath.Join(c.DataDir, "keyring"), time.Now())
	if err != nil {
		return err
	}
	ctx := context.Background()
	db, err := store.Open(ctx, app.StoreOptions(c, nil))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return fn(ctx, c, db, ring)
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// userCmd is `sesame user`.
type userCmd struct {
	Create userCreateCmd `cmd:"" help:"Create a user with an access key and SMTP credentials. They are shown once."`
	List   userListCmd   `cmd:"" help:"List users."`
	Delete userDeleteCmd `cmd:"" help:"Delete a user with its keys."`
}

type userCreateCmd struct {
	place
	Account   string `required:"" help:"Account id, 12 digits; made if it does not exist."`
	Name      string `required:"" help:"User name."`
	AccessKey string `help:"Access key id, instead of a made-up one."`
	SecretKey string `help:"Secret access key that goes with --access-key."`
	Region    string `help:"Region of the SMTP password (default: the server's first)."`
}

// Run creates the user.
func (c *userCreateCmd) Run(out io.Writer) error {
	return c.create(func(ctx context.Context, cfg config.Config, db *store.DB, ring *keyring.Ring) error {
		region := c.Region
		if region == "" {
			region = cfg.Regions[0]
		}
		if !scope.ValidRegion(region) {
			return fmt.Errorf("%q is no region name", region)
		}
		if c.Config != "" && !slices.Contains(cfg.Regions, region) {
			return fmt.Errorf("region %s is not among the regions of %s", region, c.Config)
		}
		accounts := account.New(db, ring, clock.System, rand.Reader)
		cred, err := accounts.CreateUser(ctx, account.NewUser{Account: c.Account, Name: c.Name, KeyID: c.AccessKey, Secret: c.SecretKey})
		if err != nil {
			return err
		}
		return printJSON(out, map[string]string{
			"account": cred.Account, "user": cred.User, "accessKeyId": cred.KeyID, "secretAccessKey": cred.Secret,
			"region": region, "smtpUser": cred.KeyID, "smtpPassword": cred.SMTPPassword(region),
		})
	})
}

type userListCmd struct {
	place
	Account string `help:"Only this account's."`
}

// Run lists the users.
func (c *userListCmd) Run(out io.Writer) error {
	return c.open(func(ctx context.Context, _ config.Config, db *store.DB, ring *keyring.Ring) error {
		users, err := account.New(db, ring, clock.System, rand.Reader).Users(ctx, c.Account)
		if err != nil {
			return err
		}
		for _, u := range users {
			fmt.Fprintf(out, "%s  %s  %v  %s\n", u.Account, u.Name, u.Keys, u.CreatedAt.Format(time.RFC3339))
		}
		return nil
	})
}

type userDeleteCmd struct {
	place
	Account string `required:"" help:"Account id."`
	Name    string `required:"" help:"User name."`
}

// Run deletes the user.
func (c *userDeleteCmd) Run() error {
	return c.open(func(ctx context.Context, _ config.Config, db *store.DB, ring *keyring.Ring) error {
		return account.New(db, ring, clock.System, rand.Reader).DeleteUser(ctx, c.Account, c.Name)
	})
}

// smtpPasswordCmd is `sesame smtp-credentials`.
type smtpPasswordCmd struct {
	Secret string `arg:"" help:"The secret access key to convert."`
	Region string `arg:"" help:"The region where the password will be used."`
}

// Run prints the password.
func (c *smtpPasswordCmd) Run(out io.Writer) error {
	if !scope.ValidRegion(c.Region) {
		return fmt.Errorf("%q is no region name", c.Region)
	}
	_, err := fmt.Fprintln(out, smtpcred.Password(c.Secret, c.Region))
	return err
}

// apiCmd is `sesame api`.
type apiCmd struct{}

// Run lists the operations.
func (*apiCmd) Run(out io.Writer) error {
	v1, v2, err := app.APIs(&ses.API{}, &sesv2.API{})
	if err != nil {
		return err
	}
	for _, b := range []interface{ List(io.Writer) error }{v1, v2} {
		if err := b.List(out); err != nil {
			return err
		}
	}
	return nil
}

// versionCmd is `sesame version`.
type versionCmd struct{}

// Run prints the module's version and the commit that the binary was built from.
func (*versionCmd) Run(out io.Writer) error {
	version, commit := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" && info.Main.Version != "(devel)" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = " " + s.Value
			}
		}
	}
	_, err := fmt.Fprintf(out, "sesame %s%s\n", version, commit)
	return err
}
