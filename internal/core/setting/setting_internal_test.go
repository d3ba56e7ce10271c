// SPDX-License-Identifier: Apache-2.0

package setting

import (
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/testkit/storetest"
)

// TestWhatWasReadBeforeAPutIsNotKept: a change comes between the read of the old value and
// its way into the cache.
func TestWhatWasReadBeforeAPutIsNotKept(t *testing.T) {
	t.Parallel()
	sc := scope.Scope{Account: "123456789012", Region: "us-east-1"}
	now := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)).Now
	s := New(Options{DB: storetest.SQLite(t), Clock: now})
	k := key{scope: sc}
	_, puts, ok := s.lookup(k, now())
	if ok {
		t.Fatal("an empty cache has it")
	}
	on := true
	if err := s.Put(t.Context(), Resource{Scope: sc, Kind: Account}, Own{Ed25519Signature: &on}); err != nil {
		t.Fatal(err)
	}
	s.keep(k, cached{Default(), now().Add(cacheFor)}, puts)
	if v, err := s.Effective(t.Context(), sc, "", ""); err != nil || !v.Ed25519Signature {
		t.Errorf("%+v, %v", v, err)
	}
}
