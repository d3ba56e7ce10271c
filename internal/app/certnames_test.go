// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sesame/internal/base/clock"
)

// TestWhoGetsACertificate: hosts that are ours and have an address, not too often.
func TestWhoGetsACertificate(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	addresses := map[string]bool{"go.example.com": true, "other.example": true}
	var down error
	n := &certNames{now: now.Now, tried: map[string]time.Time{},
		ours:     func(_ context.Context, host string) (bool, error) { return host != "other.example", down },
		resolves: func(_ context.Context, host string) bool { return addresses[host] },
	}
	for _, step := range []struct {
		name, host string
		kept       bool
		wait       time.Duration
		allowed    bool
	}{
		{"nobody's tracking domain", "other.example", false, 0, false},
		{"nobody's any more, though it has a certificate", "other.example", true, 0, false},
		{"its CNAME is not published", "new.example.com", false, 0, false},
		{"a tracking domain", "go.example.com", false, 0, true},
		{"it failed, and is tried again too soon", "go.example.com", false, certAgain - 1, false},
		{"a certificate that is there is no try", "go.example.com", true, 0, true},
		{"later", "go.example.com", false, 1, true},
	} {
		now.Advance(step.wait)
		if err := n.allow(t.Context(), step.host, step.kept); (err == nil) != step.allowed {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	now.Advance(24 * time.Hour)
	allowed := 0
	for i := range 2 * certsPerDay {
		host := fmt.Sprintf("h%d.example.com", i)
		addresses[host] = true
		if n.allow(t.Context(), host, false) == nil {
			allowed++
		}
	}
	if allowed != certsPerDay || len(n.day) != certsPerDay {
		t.Errorf("%d tries in a day, %d remembered", allowed, len(n.day))
	}
	if down = errors.New("the database is down"); n.allow(t.Context(), "go.example.com", true) == nil {
		t.Error("allowed without knowing")
	}
}
