// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"testing"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// TestSuppressionList has the guide's commands on the suppression list.
func TestSuppressionList(t *testing.T) {
	t.Parallel()
	need.Program(t, need.AWSCLI)
	r := script(t, harness.Dev(t), "/bin/sh", "suppression.sh")
	if r.Code != 0 || r.Stdout != "every address is where it was put\n" {
		t.Errorf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.Code, r.Stdout, r.Stderr)
	}
}
