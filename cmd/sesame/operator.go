// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"sesame/internal/app"
	"sesame/internal/config"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/edge/api/iam"
	"sesame/internal/edge/api/ses"
	"sesame/internal/edge/api/sesv2"
	"sesame/internal/edge/api/sts"
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

// apiCmd is `sesame api`.
type apiCmd struct{}

// Run lists the operations: of SES all, of IAM and STS those that are answered.
func (*apiCmd) Run(out io.Writer) error {
	v1, v2, err := app.APIs(&ses.API{}, &sesv2.API{})
	if err != nil {
		return err
	}
	users, tokens, err := app.IdentityAPIs(&iam.API{}, &sts.API{})
	if err != nil {
		return err
	}
	return errors.Join(v1.List(out), v2.List(out), users.ListAnswered(out), tokens.ListAnswered(out))
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
