// SPDX-License-Identifier: Apache-2.0

package ops_test

import (
	"strings"
	"testing"

	"sesame/internal/core/zone"
	"sesame/internal/edge/ops"
)

func TestDNSMetrics(t *testing.T) {
	t.Parallel()
	for _, push := range []bool{true, false} {
		d, s := ops.NewDNS(), sources()
		d.Answered("NXDOMAIN")
		d.Answered("NXDOMAIN")
		d.Limited("rate")
		d.Panic()
		stats := func() zone.PushStats { return zone.PushStats{Changes: 5, Failures: 6} }
		if !push {
			stats = nil
		}
		s.Extra = d.Collectors(stats)
		body := get(t, ops.New(s), "GET", "/metrics").Body.String()
		for _, line := range []string{`sesame_dns_answers_total{rcode="NXDOMAIN"} 2`, `sesame_dns_limited_total{limit="rate"} 1`, "sesame_dns_panics_total 1"} {
			if !strings.Contains(body, line+"\n") {
				t.Errorf("no %s", line)
			}
		}
		for _, line := range []string{"sesame_zone_push_changes_total 5", "sesame_zone_push_failures_total 6"} {
			if strings.Contains(body, line+"\n") != push {
				t.Errorf("%s, pushing %v", line, push)
			}
		}
	}
}
