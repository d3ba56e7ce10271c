// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sesame/internal/app"
	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/configset"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/proto/smtpclient"
)

// suppress fills the lists of a development server's data folder: one address by hand, and
// one whose server says something that a terminal must not see.
func suppress(t *testing.T, dir string) {
	t.Helper()
	c, err := app.DevConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	sc := scope.Scope{Account: "123456789012", Region: "us-east-1"}
	err = openData(c, func(ctx context.Context, _ config.Config, db *store.DB, _ *keyring.Ring) error {
		now := clock.NewFake(time.Now())
		l := suppression.New(suppression.Options{DB: db, Clock: now.Now, Random: rand.Reader, ConfigSets: configset.New(db, now.Now, nil)})
		if err := l.Put(ctx, sc, "hand@example.net", suppression.Complaint); err != nil {
			return err
		}
		now.Advance(time.Millisecond) // entries of one moment are listed by their addresses
		writes := l.Bounced(ctx, suppression.Feedback{Scope: sc, MessageID: "m1", Address: address.Address{Local: "gone", Domain: "example.net"}}, &smtpclient.Outcome{
			Class: smtpclient.Permanent, Cause: smtpclient.CauseReply, Command: smtpclient.CommandRcpt, Code: 550, Enhanced: smtpclient.Enhanced{5, 1, 1},
			Lines: []string{"550 5.1.1 \x1b[2Jno such user"},
		})
		return db.Write(ctx, func(tx *store.Tx) error { return writes[0](tx) })
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSuppression(t *testing.T) {
	t.Parallel()
	s := &shell{t: t, dir: t.TempDir()}
	const id = "123456789012"
	suppress(t, s.dir)
	const when = `\d{4}-\S+Z`
	s.matches(`hand@example\.net +ACCOUNT +COMPLAINT +by MANUAL +since `+when+` +until - *\n`+
		`gone@example\.net +ACCOUNT +BOUNCE +by BOUNCE +since `+when+` +until - +m1 +550 5\.1\.1 \x{FFFD}\[2Jno such user\n`,
		"suppression", "list", "--account", id)
	s.matches(`gone@example\.net +GLOBAL +BOUNCE +by BOUNCE +since `+when+` +until `+when+` +m1 +550 5\.1\.1 .*\n`, "suppression", "list", "--global")
	s.matches(``, "suppression", "list", "--global", "--account", "210987654321")
	s.matches(`gone@example\.net is on the account's suppression list since `+when+`, reason BOUNCE, by message m1: 550 5\.1\.1 .*\n`+
		`gone@example\.net is on the global suppression list until `+when+`, by message m1: 550 5\.1\.1 .*\n`+
		`without a configuration set: not sent \(the account's settings: the account's list holds for BOUNCE and COMPLAINT\)\n`,
		"suppression", "why", "gone@example.net", "--account", id)
	s.matches(`without a configuration set: sent \(.*\)\n`, "suppression", "why", "free@example.net", "--account", id)
	s.matches(`hand@example\.net,COMPLAINT\ngone@example\.net,BOUNCE\n`, "suppression", "export", "--account", id)
	s.matches(`\{"emailAddress":"hand@example\.net","reason":"COMPLAINT"\}\n\{.*\}\n`, "suppression", "export", "--account", id, "--format", "json")
	s.refused("give --account", "suppression", "list")
	s.refused("give --account", "suppression", "export")
	s.refused("Configuration set <none> does not exist.", "suppression", "why", "a@b.example", "--account", id, "--configuration-set", "none")
	s.matches(`gone@example\.net is off the list ACCOUNT in us-east-1\.\n`, "suppression", "remove", "gone@example.net", "--account", id)
	s.matches(`gone@example\.net is off the list GLOBAL in us-east-1\.\n`, "suppression", "remove", "gone@example.net", "--global")
	s.refused("does not exist on your suppression list", "suppression", "remove", "gone@example.net", "--account", id)
	s.refused("is not on the global suppression list", "suppression", "remove", "gone@example.net", "--global")
	log, err := os.ReadFile(filepath.Join(s.dir, "audit.log"))
	if err != nil || strings.Count(string(log), `"msg":"suppression remove"`) != 2 {
		t.Errorf("audit log %s, %v", log, err)
	}
}
