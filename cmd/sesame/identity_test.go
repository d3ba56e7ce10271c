// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sesame/internal/app"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/identity"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/proto/dns/dnstest"
)

// serverWith makes the data of a server that has one pending domain, whose DNS is z, and
// returns its configuration file, its data folder and the domain.
func serverWith(t *testing.T, z func(identity.Identity) dnstest.Zone) (file, data string, id identity.Identity) {
	t.Helper()
	dir := t.TempDir()
	file, data = filepath.Join(dir, "sesame.toml"), filepath.Join(dir, "data")
	srv := dnstest.New(t, dnstest.Zone{})
	text := "data_dir = \"" + data + "\"\nhostname = \"mail.example.org\"\n[dns]\nservers = [\"" + srv.Addr() + "\"]\n[listen]\nhttps = []\nsmtp = []\nsmtps = []\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	err = openData(c, func(ctx context.Context, c config.Config, db *store.DB, ring *keyring.Ring) error {
		ids, err := app.NewIdentities(c, db, ring, clock.System)
		if err != nil {
			return err
		}
		id, err = ids.Create(ctx, scope.Scope{Account: "123456789012", Region: "us-east-1"}, "example.com", identity.Settings{DKIM: identity.DKIMSetup{NextBits: 1024}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Set(z(id)); err != nil {
		t.Fatal(err)
	}
	return file, data, id
}

func keysInDNS(id identity.Identity) (z dnstest.Zone) {
	for _, r := range id.Records() {
		z.Records += r.Name + ". IN TXT \"" + r.Value[:200] + "\" \"" + r.Value[200:] + "\"\n"
	}
	z.NXDomain = []string{"example.com", "_amazonses.example.com"}
	return z
}

func TestIdentityCheckAndRotate(t *testing.T) {
	t.Parallel()
	file, _, id := serverWith(t, keysInDNS)
	at := []string{"example.com", "--account", "123456789012", "--config", file}
	code, out, errOut := execute(append([]string{"identity", "check"}, at...)...)
	if want := regexp.MustCompile(`^identity   SUCCESS since \S+\nDKIM       SUCCESS since \S+, signing true\nnext look  \S+\n$`); code != 0 || !want.MatchString(out) || errOut != "" {
		t.Errorf("%d, %q, %q", code, out, errOut)
	}
	code, out, errOut = execute(append([]string{"identity", "rotate"}, at...)...)
	if want := "A key of 1024 bits waits at " + id.Tokens()[1] + "._domainkey.example.com.\n"; code != 0 || out != want || errOut != "" {
		t.Errorf("%d, %q, %q", code, out, errOut)
	}
	if code, _, errOut = execute(append([]string{"identity", "rotate"}, at...)...); code != 1 || !strings.Contains(errOut, "waits to be found in DNS") {
		t.Errorf("%d, %q", code, errOut)
	}
	if code, _, errOut = execute("identity", "check", "example.com", "--account", "123456789012", "--dir", t.TempDir()); code != 1 || !strings.Contains(errOut, "give --config") {
		t.Errorf("%d, %q", code, errOut)
	}
}

func TestTheOperatorsWordIsWrittenDown(t *testing.T) {
	t.Parallel()
	file, data, id := serverWith(t, func(identity.Identity) dnstest.Zone { return dnstest.Zone{} })
	code, out, errOut := execute("identity", "verify", "example.com", "--account", "123456789012", "--config", file)
	if code != 0 || !strings.HasPrefix(out, "example.com is verified in us-east-1.\n"+id.Tokens()[0]+"._domainkey.example.com. TXT \"v=DKIM1; k=rsa; p=") {
		t.Errorf("%d, %q, %q", code, out, errOut)
	}
	text, err := os.ReadFile(filepath.Join(data, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	var line struct{ Time, Msg, By, Resource string }
	if err := json.Unmarshal(text, &line); err != nil || line.Time == "" || line.By == "" || line.Msg != "identity verify" ||
		line.Resource != "arn:aws:ses:us-east-1:123456789012:identity/example.com" {
		t.Errorf("%s, %v", text, err)
	}
}
