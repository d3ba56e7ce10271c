// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

func TestAccountLimits(t *testing.T) {
	t.Parallel()
	s := &shell{t: t, dir: t.TempDir()}
	const id = "123456789012"
	s.ok("account", "create", id)
	s.ok("account", "sandbox", id, "on")
	s.ok("account", "sandbox", id, "off", "--region", "eu-west-1")
	s.ok("account", "limits", id, "--daily", "1000")
	s.ok("account", "limits", id, "--rate", "0", "--reason", "a test")
	s.ok("account", "enforce", id, "SHUTDOWN", "--reason", "spam")
	s.refused("no review of the account", "account", "review", id)
	s.refused("No review of the account", "account", "review", id, "--grant")
	s.refused("does not exist", "account", "sandbox", "210987654321", "on")
	s.refused("is no region name", "account", "sandbox", id, "on", "--region", "X")
	s.refused("give --daily, --rate or both", "account", "limits", id)
	s.refused("give --daily, --rate or both", "account", "limits", id, "--default", "--rate", "1")
	s.refused("A sending quota is a number from 0", "account", "limits", id, "--daily=-5")
	s.ok("account", "limits", id, "--default")
	s.matches(`(?m)`+
		`\S+  us-east-1  operator  sending quotas: the server's default in 24 hours and the server's default a second, formerly 1000 recipients in 24 hours and no limit a second: set by the operator\n`+
		`\S+  us-east-1  operator  status HEALTHY to SHUTDOWN: spam\n`+
		`\S+  us-east-1  operator  sending quotas: 1000 recipients in 24 hours and no limit a second, formerly 1000 .*: a test\n`+
		`\S+  us-east-1  operator  sending quotas: 1000 recipients in 24 hours and the server's default a second, formerly .*\n`+
		`\S+  eu-west-1  operator  sandbox: false\n`+
		`\S+  us-east-1  operator  sandbox: true\n`, "account", "history", id)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s := &shell{t: t, dir: t.TempDir()}
	const arn = "arn:aws:ses:us-east-1:123456789012:account"
	s.ok("settings", "set", arn, "QuotaMode=delay", "Ed25519Signature=true")
	out := s.ok("settings", "set", arn, "Ed25519Signature=")
	for _, want := range []string{`"QuotaMode": "delay"`, `"QuotaMode": "` + arn + `"`, `"Ed25519Signature": "server"`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
	if got := s.ok("settings", "get", arn); got != out {
		t.Errorf("set shows\n%s\nand get\n%s", out, got)
	}
	s.refused("QuotaMode is reject or delay", "settings", "set", arn, "QuotaMode=park")
	s.refused("settings are QuotaMode", "settings", "set", arn, "Colour=true")
	s.refused("is not NAME=VALUE", "settings", "set", arn, "QuotaMode")
	s.refused("An ARN of settings is", "settings", "get", "account")
	s.refused("does not exist", "settings", "get", "arn:aws:ses:us-east-1:123456789012:identity/example.com")
}
