// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"testing"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// TestBuckets has the AWS CLI's commands for S3 keep files in buckets: small ones, and large
// ones in parts.
func TestBuckets(t *testing.T) {
	t.Parallel()
	need.Program(t, need.AWSCLI)
	need.Program(t, need.Curl)
	s := harness.Dev(t)
	s.Env["AWS_ENDPOINT_URL"] = s.Secure
	r := script(t, s, "/bin/sh", "buckets.sh")
	if r.Code != 0 || r.Stdout != "every file is what it was\n" {
		t.Errorf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.Code, r.Stdout, r.Stderr)
	}
}
