// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"sesame/internal/proto/smtpserver"
)

// SMTP counts what the SMTP servers of a process report, all together. It is safe for
// concurrent use.
type SMTP struct {
	limit    atomic.Int64 // sessions that all servers together may have
	sessions prometheus.Gauge
	refused  *prometheus.CounterVec
	panics   prometheus.Counter
}

// NewSMTP returns counters at zero.
func NewSMTP() *SMTP {
	s := &SMTP{
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{Name: "sesame_smtp_sessions", Help: "SMTP connections open."}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sesame_smtp_refused_total", Help: "Times that an SMTP client hit a limit.",
		}, []string{"limit"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "sesame_smtp_panics_total", Help: "SMTP sessions that ended by a defect."}),
	}
	for _, limit := range []smtpserver.Limit{ // so that a rate can be taken of the first refusal, too
		smtpserver.LimitIdle, smtpserver.LimitSession, smtpserver.LimitMessage, smtpserver.LimitRecipients, smtpserver.LimitLine,
		smtpserver.LimitSessions, smtpserver.LimitSessionsPerIP, smtpserver.LimitErrors, smtpserver.LimitInFlight,
	} {
		s.refused.WithLabelValues(string(limit))
	}
	return s
}

// Metrics is what one more server reports to; it has at most maxSessions sessions.
func (s *SMTP) Metrics(maxSessions int) smtpserver.Metrics {
	s.limit.Add(int64(maxSessions))
	return smtpserver.Metrics{
		Session: func(delta int) { s.sessions.Add(float64(delta)) },
		Refused: func(limit smtpserver.Limit) { s.refused.WithLabelValues(string(limit)).Inc() },
		Panic:   s.panics.Inc,
	}
}

// Collectors are for Sources.Extra.
func (s *SMTP) Collectors() []prometheus.Collector {
	limit := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sesame_smtp_sessions_limit", Help: "Bound of sesame_smtp_sessions."},
		func() float64 { return float64(s.limit.Load()) })
	return []prometheus.Collector{s.sessions, limit, s.refused, s.panics}
}
