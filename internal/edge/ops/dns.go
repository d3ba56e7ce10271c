// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"github.com/prometheus/client_golang/prometheus"

	"sesame/internal/core/zone"
)

// DNS counts what the name servers of a process report, all together. It is safe for
// concurrent use.
type DNS struct {
	answered, limited *prometheus.CounterVec
	panics            prometheus.Counter
}

// NewDNS returns counters at zero.
func NewDNS() *DNS {
	return &DNS{
		answered: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sesame_dns_answers_total", Help: "Answers of the name server."}, []string{"rcode"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sesame_dns_limited_total", Help: "Queries that met a limit and got no answer, or one that says to use TCP.",
		}, []string{"limit"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "sesame_dns_panics_total", Help: "Queries that ended by a defect."}),
	}
}

// Answered counts an answer with the code.
func (d *DNS) Answered(rcode string) { d.answered.WithLabelValues(rcode).Inc() }

// Limited counts a query that met the limit.
func (d *DNS) Limited(limit string) { d.limited.WithLabelValues(limit).Inc() }

// Panic counts a defect.
func (d *DNS) Panic() { d.panics.Inc() }

// Collectors are for Sources.Extra; push is nil where no zone is pushed to anybody.
func (d *DNS) Collectors(push func() zone.PushStats) []prometheus.Collector {
	all := []prometheus.Collector{d.answered, d.limited, d.panics}
	if push == nil {
		return all
	}
	counter := func(name, help string, f func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(f()) })
	}
	return append(all,
		counter("sesame_zone_push_changes_total", "Records added to or removed from the zone at another server.", func() int64 { return push().Changes }),
		counter("sesame_zone_push_failures_total", "Updates of the zone at another server that failed.", func() int64 { return push().Failures }))
}
