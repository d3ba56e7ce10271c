// SPDX-License-Identifier: Apache-2.0

package scope_test

import (
	"strings"
	"testing"

	"sesame/internal/base/scope"
)

func TestARNs(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"us-east-1":     "arn:aws:ses:us-east-1:123456789012:identity/example.com",
		"us-gov-west-1": "arn:aws-us-gov:ses:us-gov-west-1:123456789012:identity/example.com",
		"cn-north-1":    "arn:aws-cn:ses:cn-north-1:123456789012:identity/example.com",
	} {
		if got := (scope.Scope{Account: "123456789012", Region: region}).ARN("identity/example.com"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"us-east-1": true, "local": true, "": false, "x": false, "US-EAST-1": false, "-a": false, "a-": false, "a/b": false,
		strings.Repeat("a", 33): false} {
		if scope.ValidRegion(s) != want {
			t.Errorf("region %q: %v", s, !want)
		}
	}
	for s, want := range map[string]bool{"123456789012": true, "12345678901": false, "1234567890123": false, "12345678901x": false, "": false, scope.ServiceAccount: false} {
		if scope.ValidAccount(s) != want {
			t.Errorf("account %q: %v", s, !want)
		}
	}
}
