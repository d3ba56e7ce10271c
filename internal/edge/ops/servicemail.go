// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"github.com/prometheus/client_golang/prometheus"

	"sesame/internal/core/servicemail"
)

// ServiceMail are the counters of the service's own mail, for Sources.Extra.
func ServiceMail(stats func() servicemail.Stats) []prometheus.Collector {
	counter := func(name, help string, f func(servicemail.Stats) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(f(stats())) })
	}
	return []prometheus.Collector{
		counter("sesame_notices_sent_total", "Mails of the service itself that were accepted for delivery.",
			func(s servicemail.Stats) int64 { return s.Sent }),
		counter("sesame_notices_dropped_total", "Notices that there was nobody to tell, or nothing to tell any more.",
			func(s servicemail.Stats) int64 { return s.Dropped }),
		counter("sesame_notices_failed_total", "Tries to send a notice that failed; it is tried again.",
			func(s servicemail.Stats) int64 { return s.Failed }),
	}
}
