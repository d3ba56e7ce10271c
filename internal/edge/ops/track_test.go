// SPDX-License-Identifier: Apache-2.0

package ops_test

import (
	"strings"
	"testing"

	"sesame/internal/core/track"
	"sesame/internal/edge/ops"
)

func TestTrackingMetrics(t *testing.T) {
	t.Parallel()
	s := sources()
	s.Extra = ops.Tracking(func() track.RecorderStats {
		return track.RecorderStats{Opens: 1, Clicks: 2, Late: 3, Lost: 4, Failures: 5, Waiting: 6, MaxWaiting: 7}
	})
	body := get(t, ops.New(s), "GET", "/metrics").Body.String()
	for _, line := range []string{
		"sesame_track_opens_total 1", "sesame_track_clicks_total 2", "sesame_track_late_total 3", "sesame_track_lost_total 4",
		"sesame_track_failures_total 5", "sesame_track_waiting 6", "sesame_track_waiting_limit 7",
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("no %s", line)
		}
	}
}
