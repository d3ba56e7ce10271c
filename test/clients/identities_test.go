// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"testing"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// TestIdentities has programs of three clients go through every operation on identities of
// both versions: they set, read back, compare field by field, and catch each error by the
// client's own type of it. The Python one ends with the program of SES's guide that copies
// identities from one region to another.
func TestIdentities(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(t *testing.T, s *harness.Server) harness.Result{
		"boto3": func(t *testing.T, s *harness.Server) harness.Result {
			return script(t, s, need.Module(t, need.Boto3), "identities.py")
		},
		"JavaScript": func(t *testing.T, s *harness.Server) harness.Result {
			return script(t, s, npm(t, "@aws-sdk/client-ses", "@aws-sdk/client-sesv2"), "identities.mjs")
		},
		"AWS CLI, v1": func(t *testing.T, s *harness.Server) harness.Result {
			need.Program(t, need.AWSCLI)
			return script(t, s, "/bin/sh", "identities.sh", "v1")
		},
		"AWS CLI, v2": func(t *testing.T, s *harness.Server) harness.Result {
			need.Program(t, need.AWSCLI)
			return script(t, s, "/bin/sh", "identities.sh", "v2")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, harness.Dev(t))
			if r.Code != 0 || r.Stdout != "every identity is as it was set\n" {
				t.Errorf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.Code, r.Stdout, r.Stderr)
			}
		})
	}
}
