// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shell runs command lines on one data folder.
type shell struct {
	t   *testing.T
	dir string
}

// ok runs a command that must succeed and returns what it printed.
func (s *shell) ok(args ...string) string {
	s.t.Helper()
	code, out, errOut := execute(append(args, "--dir", s.dir)...)
	if code != 0 {
		s.t.Fatalf("%v: %d, %s", args, code, errOut)
	}
	return out
}

// refused runs a command that must fail with a text.
func (s *shell) refused(want string, args ...string) {
	s.t.Helper()
	code, _, errOut := execute(append(args, "--dir", s.dir)...)
	if code == 0 || !strings.Contains(errOut, want) {
		s.t.Errorf("%v: %d, %s", args, code, errOut)
	}
}

// matches compares what a command printed.
func (s *shell) matches(pattern string, args ...string) {
	s.t.Helper()
	if out := s.ok(args...); !regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(out) {
		s.t.Errorf("%v printed\n%s", args, out)
	}
}

func made(t *testing.T, out string) map[string]string {
	t.Helper()
	var m map[string]string
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return m
}

func (s *shell) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

const inAccount = "--account=123456789012"

func TestAnOperatorsDayWithKeys(t *testing.T) {
	t.Parallel()
	s := &shell{t: t, dir: t.TempDir()}
	first := made(t, s.ok("user", "create", inAccount, "--name", "alice"))
	s.matches(`alice  `+first["accessKeyId"]+`  active    never used\n`, "key", "list", inAccount)
	second := made(t, s.ok("key", "rotate", inAccount, "--user", "alice"))
	if second["accessKeyId"] == first["accessKeyId"] || second["smtpUser"] != second["accessKeyId"] || second["smtpPassword"] == first["smtpPassword"] {
		t.Errorf("%v", second)
	}
	s.refused("Cannot exceed quota for AccessKeysPerUser: 2", "key", "rotate", inAccount, "--user", "alice")
	s.ok("key", "disable", inAccount, first["accessKeyId"])
	s.matches(`alice  \S+  (disabled  never used\nalice  \S+  active  |active    never used\nalice  \S+  disabled)  never used\n`, "key", "list", inAccount, "--user", "alice")
	s.ok("key", "enable", inAccount, first["accessKeyId"])
	s.ok("key", "disable", inAccount, first["accessKeyId"])
	third := made(t, s.ok("key", "rotate", inAccount, "--user", "alice"))
	s.refused("cannot be found", "key", "delete", inAccount, first["accessKeyId"])
	s.ok("key", "delete", inAccount, second["accessKeyId"])
	made(t, s.ok("key", "create", inAccount, "--user", "alice"))

	smtp := made(t, s.ok("smtp-credentials", "create", inAccount, "--user", "alice", "--region", "eu-west-1"))
	s.matches(`alice  `+smtp["smtpUser"]+`  eu-west-1  active    never used\n`, "smtp-credentials", "list", inAccount)
	s.ok("smtp-credentials", "disable", inAccount, smtp["smtpUser"])
	s.matches(`alice  \S+  eu-west-1  disabled  never used\n`, "smtp-credentials", "list", inAccount)
	s.ok("smtp-credentials", "enable", inAccount, smtp["smtpUser"])
	s.ok("smtp-credentials", "delete", inAccount, smtp["smtpUser"])
	s.matches(``, "smtp-credentials", "list", inAccount)
	log, err := os.ReadFile(filepath.Join(s.dir, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{first["secretAccessKey"], third["secretAccessKey"], third["smtpPassword"], smtp["smtpPassword"]} {
		if strings.Contains(string(log), secret) {
			t.Error("a secret is in the log")
		}
	}
	if n := strings.Count(string(log), "\n"); n != 13 || !strings.Contains(string(log), `"account":"123456789012","user":"alice","key":"`+third["accessKeyId"]+`"`) {
		t.Errorf("%d audit lines:\n%s", n, log)
	}
}

func TestAnOperatorsDayWithPolicies(t *testing.T) {
	t.Parallel()
	s := &shell{t: t, dir: t.TempDir()}
	const full, admin = "arn:aws:iam::aws:policy/AmazonSESFullAccess", "arn:aws:iam::aws:policy/AdministratorAccess"
	document := func(action string) string {
		return s.file("policy.json", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"`+action+`","Resource":"*"}}`)
	}
	s.ok("user", "create", inAccount, "--name", "alice")
	s.matches(full+`\n\{.*"ses:\*".*\}\n`, "policy", "list", inAccount, "--user", "alice")
	s.ok("user", "create", inAccount, "--name", "root", "--admin")
	s.matches(admin+`\n\{.*\}\n`, "policy", "list", inAccount, "--user", "root")
	s.matches(`arn:aws:iam::123456789012:policy/Team\n`, "policy", "create", inAccount, "--name", "Team", "--document", document("ses:Get*"))
	s.ok("user", "create", inAccount, "--name", "bob", "--policy", "Team", "--policy", "IAMReadOnlyAccess")
	s.matches(`arn:aws:iam::123456789012:policy/Team\n\{.*ses:Get\*.*\}\narn:aws:iam::aws:policy/IAMReadOnlyAccess\n\{.*\}\n`, "policy", "list", inAccount, "--user", "bob")
	s.refused("Policy Nothing does not exist", "user", "create", inAccount, "--name", "eve", "--policy", "Nothing")

	s.ok("policy", "create", inAccount, "--name", "Team", "--document", document("ses:Send*"))
	s.ok("policy", "detach", "IAMReadOnlyAccess", inAccount, "--user", "bob")
	s.ok("policy", "put", inAccount, "--user", "bob", "--name", "more", "--document", document("ses:List*"))
	s.matches(`arn\S+Team\n\{.*ses:Send\*.*\}\ninline more\n\{.*ses:List\*.*\}\n|inline more\n\{.*ses:List\*.*\}\narn\S+Team\n\{.*ses:Send\*.*\}\n`, "policy", "list", inAccount, "--user", "bob")
	s.ok("policy", "remove", inAccount, "--user", "bob", "--name", "more")
	s.ok("policy", "attach", "AmazonSESReadOnlyAccess", inAccount, "--user", "bob")
	s.matches(`(?s).*policy/AmazonSESReadOnlyAccess  v1  attached to 1\n.*policy/Team  v2  attached to 1\n`, "policy", "list", inAccount)
	s.refused("Cannot delete a policy attached to entities", "policy", "delete", "Team", inAccount)
	s.refused("give --user or --role", "policy", "attach", "Team", inAccount)
	s.refused("Syntax errors in policy", "policy", "put", inAccount, "--user", "bob", "--name", "x", "--document", s.file("bad.json", "{"))

	trust := s.file("trust.json", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}`)
	s.matches(`arn:aws:iam::123456789012:role/app/mailer\n`, "role", "create", inAccount, "--name", "mailer", "--path", "/app/", "--trust", trust, "--policy", "Team", "--max-session", "2h")
	s.matches(`arn:aws:iam::123456789012:role/app/mailer  2h0m0s  \S+\n`, "role", "list", inAccount)
	s.matches(`arn\S+Team\n\{.*\}\n`, "policy", "list", inAccount, "--role", "mailer")
	s.ok("role", "delete", inAccount, "--name", "mailer")
	s.matches(``, "role", "list", inAccount)
	s.ok("policy", "detach", "Team", inAccount, "--user", "bob")
	s.matches(``, "policy", "delete", "Team", inAccount)
}

func TestAnOperatorsDayWithAccounts(t *testing.T) {
	t.Parallel()
	s := &shell{t: t, dir: t.TempDir()}
	const id = "123456789012"
	s.ok("account", "create", id, "--contact", "owner@example.com")
	s.matches(id+`  ACTIVE  owner@example\.com  \S+\n`, "account", "list")
	s.ok("account", "pause", id)
	s.matches(id+`  PAUSED  owner@example\.com  \S+\n`, "account", "list")
	s.ok("account", "close", id)
	s.matches(id+`  CLOSED  owner@example\.com  \S+\n`, "account", "list")
	s.ok("account", "resume", id)
	s.ok("account", "contact", id)
	s.ok("account", "org", id, "o-a1b2c3d4e5")
	s.matches(id+`  ACTIVE  -  \S+\n`, "account", "list")
	s.refused("The account 210987654321 does not exist.", "account", "close", "210987654321")
	s.refused("The contact is no email address.", "account", "contact", id, "nobody")
	s.refused("An account id has 12 digits.", "account", "create", "1")
}
