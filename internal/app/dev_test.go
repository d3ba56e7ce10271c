// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/config"
	"sesame/internal/proto/smtpcred"
)

// session starts a server of dev, gives what its user is told, and stops it.
func session(t *testing.T, c config.Config, keys DevKeys) (DevSession, Addresses) {
	t.Helper()
	s, err := Start(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.DevUser(t.Context(), keys)
	if err != nil {
		t.Error(err)
	}
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	return d, s.Addresses()
}

func (d DevSession) get(name string) string {
	for _, v := range d.Variables {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// sourced is what a shell has set after it has read the file.
func sourced(t *testing.T, path string) map[string]string {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", `. "$1"; env`, "sh", path)
	cmd.Env = []string{}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok && name != "PWD" && name != "_" && name != "SHLVL" {
			env[name] = value
		}
	}
	return env
}

func TestDevEnvHasWhatAClientNeeds(t *testing.T) {
	t.Parallel()
	c := devConfig(t)
	c.DataDir = filepath.Join(t.TempDir(), "it's here") // which a shell must not take for a quote
	d, at := session(t, c, DevKeys{})
	path := filepath.Join(c.DataDir, "dev.env")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: it holds secrets", info.Mode().Perm())
	}
	got := sourced(t, path)
	ca := filepath.Join(c.DataDir, "ca.pem")
	want := map[string]string{
		"AWS_ENDPOINT_URL": "http://" + at.HTTP[0], "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "SESAME_ACCOUNT": "123456789012",
		"SESAME_SMTP": at.SMTP[0], "SESAME_SMTPS": at.SMTPS[0], "SESAME_MX": at.MX[0], "SESAME_DNS": at.DNS[0],
		"AWS_CA_BUNDLE": ca, "SSL_CERT_FILE": ca, "NODE_EXTRA_CA_CERTS": ca,
		// Made up, and told to the user in the same words.
		"AWS_ACCESS_KEY_ID": d.get("AWS_ACCESS_KEY_ID"), "AWS_SECRET_ACCESS_KEY": d.get("AWS_SECRET_ACCESS_KEY"),
		"SESAME_SMTP_USER": d.get("AWS_ACCESS_KEY_ID"), "SESAME_SMTP_PASSWORD": smtpcred.Password(d.get("AWS_SECRET_ACCESS_KEY"), "us-east-1"),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if len(got["AWS_ACCESS_KEY_ID"]) < 16 || len(got["AWS_SECRET_ACCESS_KEY"]) < 30 {
		t.Errorf("keys %q, %q", got["AWS_ACCESS_KEY_ID"], got["AWS_SECRET_ACCESS_KEY"])
	}
	var printed bytes.Buffer
	d.Print(&printed, "sesame")
	for _, v := range []string{"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "SESAME_SMTP", "SESAME_SMTPS", "SESAME_SMTP_PASSWORD"} {
		if !strings.Contains(printed.String(), got[v]) {
			t.Errorf("%s is not printed:\n%s", v, &printed)
		}
	}
}

func TestCredentialsOfDevAreKeptOverRestarts(t *testing.T) {
	t.Parallel()
	c := devConfig(t)
	mine := DevKeys{AccessKey: "AKIAEXAMPLE000000001", SecretKey: "a/secret+that/was/given0000000000000000000"}
	others := DevKeys{AccessKey: "AKIAEXAMPLE000000002", SecretKey: "another/secret/that/was/given000000000000"}
	made := DevKeys{}
	for _, step := range []struct {
		name string
		give DevKeys
		want *DevKeys
	}{
		{"the first start makes them up", DevKeys{}, nil},
		{"the next keeps them", DevKeys{}, &made},
		{"given ones replace them", mine, &mine},
		{"the same again change nothing", mine, &mine},
		{"without any, the last ones stay", DevKeys{}, &mine},
		{"others replace those", others, &others},
		{"a new secret for the same key counts", DevKeys{others.AccessKey, mine.SecretKey}, &DevKeys{others.AccessKey, mine.SecretKey}},
	} {
		d, _ := session(t, c, step.give)
		got := DevKeys{d.get("AWS_ACCESS_KEY_ID"), d.get("AWS_SECRET_ACCESS_KEY")}
		if step.want == nil {
			made = got
			continue
		}
		if got != *step.want {
			t.Errorf("%s: %v, want %v", step.name, got, *step.want)
		}
	}
}

func TestKeysThatWereReplacedOpenNothing(t *testing.T) {
	t.Parallel()
	c := devConfig(t)
	first, _ := session(t, c, DevKeys{})
	s, err := Start(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	old := first.get("AWS_ACCESS_KEY_ID")
	if _, err := s.accounts.Key(t.Context(), old); err != nil {
		t.Fatalf("before: %v", err)
	}
	if _, err := s.DevUser(t.Context(), DevKeys{"AKIAEXAMPLE000000001", "a/secret+that/was/given0000000000000000000"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.accounts.Key(t.Context(), old); err == nil {
		t.Error("the old key is good still")
	}
}

func TestKeysThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), devConfig(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if _, err := s.DevUser(t.Context(), DevKeys{"not a key", "x"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(s.cfg.DataDir, "dev.env")); err == nil {
		t.Error("dev.env says that the server is ready")
	}
}

func TestListenJSONTellsTheDoors(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), devConfig(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if err := s.WriteListening(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(s.cfg.DataDir, "listen.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string][]string
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	at := s.Addresses()
	for name, want := range map[string][]string{"http": at.HTTP, "https": nil, "smtp": at.SMTP, "smtps": at.SMTPS, "mx": at.MX, "ops": at.Ops, "dns": at.DNS} {
		if list, ok := got[name]; !ok || !reflect.DeepEqual(list, want) {
			t.Errorf("%s: %v, want %v", name, list, want)
		}
		for _, a := range want {
			if strings.HasSuffix(a, ":0") {
				t.Errorf("%s: %s is no port", name, a)
			}
		}
	}
}
