// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"testing"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// TestConfigurationSets has the AWS CLI run the commands of SES's guide, in both versions.
func TestConfigurationSets(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			need.Program(t, need.AWSCLI)
			r := script(t, harness.Dev(t), "/bin/sh", "configsets.sh", version)
			if r.Code != 0 || r.Stdout != "every configuration set is as it was set\n" {
				t.Errorf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.Code, r.Stdout, r.Stderr)
			}
		})
	}
}
