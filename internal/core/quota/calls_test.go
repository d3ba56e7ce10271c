// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"fmt"
	"testing"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/quota"
)

func TestCallsAreThrottledByOperation(t *testing.T) {
	t.Parallel()
	c := newClock()
	calls := quota.NewCalls(c.Now, 1)
	for range 2 {
		if !calls.Allow(sc, "GetAccount") {
			t.Fatal("the burst was refused")
		}
	}
	if calls.Allow(sc, "GetAccount") {
		t.Error("a third call at once was let through")
	}
	for _, other := range []struct {
		scope     scope.Scope
		operation string
	}{
		{sc, "GetEmailIdentity"},
		{scope.Scope{Account: sc.Account, Region: "eu-west-1"}, "GetAccount"},
		{scope.Scope{Account: "210987654321", Region: sc.Region}, "GetAccount"},
	} {
		if !calls.Allow(other.scope, other.operation) {
			t.Errorf("%v %s was refused for another's calls", other.scope, other.operation)
		}
	}
	c.Advance(time.Second)
	if !calls.Allow(sc, "GetAccount") || calls.Allow(sc, "GetAccount") {
		t.Error("want one call a second")
	}
}

func TestARateBelowOneLetsACallThrough(t *testing.T) {
	t.Parallel()
	c := newClock()
	calls := quota.NewCalls(c.Now, 0.1)
	if !calls.Allow(sc, "A") || calls.Allow(sc, "A") {
		t.Error("want one call at first")
	}
	c.Advance(10 * time.Second)
	if !calls.Allow(sc, "A") {
		t.Error("refused after ten seconds")
	}
}

// TestCallsOfManyAreBounded: the memory of the throttle does not grow with the callers.
func TestCallsOfManyAreBounded(t *testing.T) {
	t.Parallel()
	c := newClock()
	calls := quota.NewCalls(c.Now, 1)
	for i := range 50_000 {
		if i == 30_000 {
			c.Advance(time.Minute)
		}
		if !calls.Allow(sc, fmt.Sprint("Op", i)) {
			t.Fatalf("call %d was refused", i)
		}
		if n := quota.CallBuckets(calls); n > 20_000 {
			t.Fatalf("%d buckets", n)
		}
	}
}

// TestABucketInUseOutlivesNewOnes: whoever makes many buckets does not get a fresh one.
func TestABucketInUseOutlivesNewOnes(t *testing.T) {
	t.Parallel()
	calls := quota.NewCalls(newClock().Now, 1)
	for range 2 {
		if !calls.Allow(sc, "GetAccount") {
			t.Fatal("the burst was refused")
		}
	}
	for i := range 50_000 {
		calls.Allow(sc, fmt.Sprint("Op", i))
		if i%5000 == 0 && calls.Allow(sc, "GetAccount") {
			t.Fatalf("after %d others the bucket was full again", i)
		}
	}
}
