// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"sesame/internal/app"
	"sesame/internal/base/scope"
	"sesame/internal/config"
)

// devCmd is `sesame dev`.
type devCmd struct {
	Dir       string `default:"./.sesame" help:"Data folder."`
	HTTP      string `default:"127.0.0.1:8025" name:"http" help:"API and page, http and https."`
	SMTP      string `default:"127.0.0.1:1587" name:"smtp" help:"SMTP submission with STARTTLS."`
	SMTPS     string `default:"127.0.0.1:1465" name:"smtps" help:"SMTP submission with TLS from the first byte."`
	MX        string `default:"127.0.0.1:1025" name:"mx" help:"Catch-all SMTP server of the mailbox."`
	DNS       string `default:"127.0.0.1:8053" name:"dns" help:"Name server, UDP and TCP; takes dynamic updates. Empty: none."`
	Verify    string `default:"at-once" enum:"at-once,dns" help:"at-once: identities are verified when they are created. dns: when their records are found."`
	Region    string `default:"us-east-1" help:"Region of the SMTP endpoint and of dev.env."`
	Account   string `default:"123456789012" help:"Account id, 12 digits."`
	AccessKey string `help:"Access key id, instead of a made-up one."`
	SecretKey string `help:"Secret access key that goes with --access-key."`
	Database  string `help:"postgres:// URL, instead of SQLite in the data folder."`
	LogLevel  string `default:"warn" enum:"debug,info,warn,error" help:"debug, info, warn or error."`
}

// Run runs the development server until SIGTERM or SIGINT.
func (c *devCmd) Run(out io.Writer) error {
	if (c.AccessKey == "") != (c.SecretKey == "") {
		return errors.New("give both --access-key and --secret-key, or neither")
	}
	if !scope.ValidAccount(c.Account) {
		return fmt.Errorf("--account %q does not have 12 digits", c.Account)
	}
	if c.Verify == "dns" && c.DNS == "" {
		return errors.New("--verify dns needs --dns: there would be nobody to ask")
	}
	cfg := config.Default()
	cfg.Dev, cfg.DevAccount, cfg.DataDir, cfg.Hostname, cfg.Regions = true, c.Account, c.Dir, "localhost", []string{c.Region}
	cfg.Database.URL = c.Database
	cfg.Listen = config.Listen{HTTP: []string{c.HTTP}, SMTP: []string{c.SMTP}, SMTPS: []string{c.SMTPS}, MX: []string{c.MX}}
	cfg.Zone, cfg.VerifyDNS = config.DevZone(), c.Verify == "dns"
	if c.DNS != "" {
		cfg.Listen.DNS = []string{c.DNS}
	}
	cfg.Limits.DailyQuota, cfg.Limits.MaxSendRate = 1_000_000, 5_000
	cfg.Log.Level = c.LogLevel
	if err := cfg.Check(); err != nil {
		return err
	}
	return serve(cfg, func(ctx context.Context, s *app.Server) error {
		d, err := s.DevUser(ctx, app.DevKeys{AccessKey: c.AccessKey, SecretKey: c.SecretKey})
		if err != nil {
			return err
		}
		if err := s.WriteListening(); err != nil {
			return err
		}
		d.Print(out, os.Args[0])
		return nil
	})
}

// serveCmd is `sesame serve`.
type serveCmd struct {
	Config string `required:"" type:"existingfile" help:"Configuration file (TOML)."`
}

// Run runs the server until SIGTERM or SIGINT.
func (c *serveCmd) Run() error {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	return serve(cfg, func(_ context.Context, s *app.Server) error { return s.WriteListening() })
}

// serve starts a server, lets ready tell the world, and stops it on a signal.
func serve(cfg config.Config, ready func(context.Context, *app.Server) error) error {
	tuneGC()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	log := newLog(cfg.Log)
	s, err := app.Start(ctx, cfg, log)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		log.Info("stopped before it was ready")
		return nil
	}
	if err != nil {
		return err
	}
	if err := ready(ctx, s); err != nil {
		return errors.Join(err, s.Stop(context.Background()))
	}
	log.Info("ready", "addresses", s.Addresses())
	<-ctx.Done()
	cancel() // a second signal ends the process at once
	log.Info("stopping")
	return s.Stop(context.Background())
}

// tuneGC trades memory for time: what lives is small beside what passes through, so
// that the collector would run all the time. Measured: a fifth less CPU time for an
// accepted message, for 15 MB more memory. Near gcLimit the collector runs as often as
// it must. GOGC and GOMEMLIMIT say otherwise where they are set.
func tuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(gcLimit)
	}
}

const gcLimit = 1 << 30 // bytes

func newLog(c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
