// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"fmt"
	"testing"
	"time"

	"sesame/internal/base/scope"
)

func scopeOf(n int) scope.Scope {
	return scope.Scope{Account: fmt.Sprintf("%012d", n), Region: "us-east-1"}
}

// TestAScopeInUseIsNotDropped, however many others come, and however long its use takes:
// who begins to use it meanwhile counts in the same place.
func TestAScopeInUseIsNotDropped(t *testing.T) {
	t.Parallel()
	var s scopes[int]
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	used := s.use(scopeOf(0), now)
	idle := s.use(scopeOf(1), now)
	idle.done()
	now = now.Add(holdFor + time.Second)
	for n := range maxScopes {
		s.use(scopeOf(2+n), now).done()
	}
	if s.use(scopeOf(0), now) != used {
		t.Error("what is in use was dropped")
	}
	if s.use(scopeOf(1), now) == idle {
		t.Error("what nobody uses was kept")
	}
}

// TestWhatWasUsedLatelyIsKept: its buckets are not full yet.
func TestWhatWasUsedLatelyIsKept(t *testing.T) {
	t.Parallel()
	var s scopes[int]
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first := s.use(scopeOf(0), now)
	first.done()
	for n := range 3 * maxScopes {
		s.use(scopeOf(1+n), now).done()
	}
	if s.use(scopeOf(0), now) != first {
		t.Error("its debt is forgotten")
	}
}
