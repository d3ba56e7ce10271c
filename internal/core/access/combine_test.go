// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"testing"

	"sesame/internal/core/access"
	"sesame/internal/proto/policy"
)

func TestCombine(t *testing.T) {
	t.Parallel()
	const (
		none  = policy.NotApplicable
		allow = policy.Allow
		deny  = policy.Deny
	)
	for _, c := range []struct{ iam, resource, own, other policy.Decision }{
		{none, none, none, none},
		{allow, none, allow, none},
		{none, allow, allow, none},
		{allow, allow, allow, allow},
		{deny, none, deny, deny},
		{deny, allow, deny, deny},
		{none, deny, deny, deny},
		{allow, deny, deny, deny},
		{deny, deny, deny, deny},
	} {
		if got := access.Combine(true, c.iam, c.resource); got != c.own {
			t.Errorf("own account, IAM %v, resource %v: %v, want %v", c.iam, c.resource, got, c.own)
		}
		if got := access.Combine(false, c.iam, c.resource); got != c.other {
			t.Errorf("another account, IAM %v, resource %v: %v, want %v", c.iam, c.resource, got, c.other)
		}
	}
}
