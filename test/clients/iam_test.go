// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"strings"
	"testing"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// TestBoto3IAM runs a user's and a role's whole life.
func TestBoto3IAM(t *testing.T) {
	t.Parallel()
	python := need.Module(t, need.Boto3)
	s := harness.Dev(t)
	if r := script(t, s, python, "iam.py"); r.Code != 0 || r.Stdout != "done\n" {
		t.Errorf("%d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// TestJavaScriptIAM and TestJavaScriptAccount set and read back all that there is of users,
// roles, policies and tokens, and of the account with its verification mails.
func TestJavaScriptIAM(t *testing.T) {
	t.Parallel()
	node := npm(t, "@aws-sdk/client-iam", "@aws-sdk/client-sts")
	s := harness.Dev(t)
	if r := script(t, s, node, "iam.mjs"); r.Code != 0 || r.Stdout != "done\n" {
		t.Errorf("%d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
}

func TestJavaScriptAccount(t *testing.T) {
	t.Parallel()
	node := npm(t, "@aws-sdk/client-ses", "@aws-sdk/client-sesv2")
	s := harness.Dev(t)
	if r := script(t, s, node, "account.mjs"); r.Code != 0 || r.Stdout != "done\n" {
		t.Errorf("%d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// TestAWSCLIIAM compares what each step prints.
func TestAWSCLIIAM(t *testing.T) {
	t.Parallel()
	need.Program(t, need.AWSCLI)
	s := harness.Dev(t)
	account := s.Env["SESAME_ACCOUNT"]
	want := []string{
		"arn:aws:iam::" + account + ":user/dev", "shop", "ses:Send*", "allowed\timplicitDeny", "AccessDenied", "dev\tshop",
	}
	r := script(t, s, "/bin/sh", "iam.sh")
	if got := strings.Split(strings.TrimSuffix(r.Stdout, "\n"), "\n"); r.Code != 0 || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d\n got %q\nwant %q\n%s", r.Code, got, want, r.Stderr)
	}
}
