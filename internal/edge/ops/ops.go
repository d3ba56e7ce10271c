// SPDX-License-Identifier: Apache-2.0

// Package ops answers the questions of whoever runs the server: is it alive, is it
// ready, what are its numbers.
package ops

import (
	"context"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sesame/internal/core/delivery"
	"sesame/internal/core/dispatch"
	"sesame/internal/core/identity"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
)

// Sources are where the numbers come from.
type Sources struct {
	Ready    func(ctx context.Context) error // nil: ready to serve
	Store    func() store.Stats
	Spool    func() spool.Stats
	Dispatch func() dispatch.Stats

	Transport func() delivery.Stats
	Checks    func() identity.CheckerStats
	MaxIdle   int          // bound of the transport's idle connections
	Bodies    func() int64 // bytes of large request bodies at the API
	MaxBodies int64        // bound of Bodies

	Extra    []prometheus.Collector
	Profiles bool // answer /debug/pprof/ too
}

// readyTimeout bounds the readiness check.
const readyTimeout = 2 * time.Second

// New returns the handler of /healthz, /readyz and /metrics, and of /debug/pprof/ if the
// sources want profiles to be taken.
func New(s Sources) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	r.MustRegister(s.Extra...)
	for _, m := range s.metrics() {
		r.MustRegister(m)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := context.WithTimeout(req.Context(), readyTimeout)
		defer cancel()
		if err := s.Ready(ctx); err != nil {
			text(w, http.StatusServiceUnavailable, "not ready\n")
			return
		}
		text(w, http.StatusOK, "ready\n")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
	if s.Profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func text(w http.ResponseWriter, status int, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(s)) // the client may be gone; there is nobody to tell
}

// metrics is the table of what the parts count. Every bound has its present value
// beside it.
func (s Sources) metrics() []prometheus.Collector {
	counter := func(name, help string, f func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(f()) })
	}
	gauge := func(name, help string, f func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(f()) })
	}
	return []prometheus.Collector{
		counter("sesame_store_commits_total", "Transactions committed.", func() int64 { return s.Store().Commits }),
		counter("sesame_store_writes_total", "Writes in committed transactions.", func() int64 { return s.Store().Ops }),
		counter("sesame_store_failures_total", "Transactions that failed.", func() int64 { return s.Store().Failures }),
		gauge("sesame_store_queue", "Writes waiting for a commit.", func() int { return s.Store().Queued }),
		gauge("sesame_store_queue_limit", "Bound of sesame_store_queue.", func() int { return s.Store().MaxQueue }),
		counter("sesame_spool_lost_leases_total", "Outcomes that came after their lease had gone.", func() int64 { return s.Spool().LostLeases }),
		counter("sesame_spool_recovered_leases_total", "Leases queued again; each may deliver a second copy.", func() int64 { return s.Spool().Recovered }),
		counter("sesame_delivered_total", "Recipients delivered.", func() int64 { return s.Dispatch().Delivered }),
		counter("sesame_bounced_total", "Recipients refused for good.", func() int64 { return s.Dispatch().Bounced }),
		counter("sesame_expired_total", "Recipients given up after the last retry.", func() int64 { return s.Dispatch().Expired }),
		counter("sesame_retried_total", "Attempts that ended in a later retry.", func() int64 { return s.Dispatch().Retried }),
		gauge("sesame_deliveries_active", "Deliveries under way.", func() int { return s.Dispatch().Active }),
		gauge("sesame_deliveries_limit", "Bound of sesame_deliveries_active.", func() int { return s.Dispatch().MaxActive }),
		gauge("sesame_deliveries_slow", "Deliveries that last longer than their share of a slot.", func() int { return s.Dispatch().Slow }),
		gauge("sesame_deliveries_slow_limit", "Bound of sesame_deliveries_slow.", func() int { return s.Dispatch().MaxSlow }),
		gauge("sesame_ready_recipients", "Recipients waiting in memory.", func() int { return s.Dispatch().Held }),
		gauge("sesame_ready_recipients_limit", "Bound of sesame_ready_recipients.", func() int { return s.Dispatch().MaxHeld }),
		gauge("sesame_ready_bytes", "Content waiting in memory.", func() int { return s.Dispatch().HeldBytes }),
		gauge("sesame_ready_bytes_limit", "Bound of sesame_ready_bytes.", func() int { return s.Dispatch().MaxHeldBytes }),
		gauge("sesame_destinations_known", "Destinations with waiting mail that this node knows of.", func() int { return s.Dispatch().Known }),
		counter("sesame_delivery_dials_total", "Connections to other servers tried.", func() int64 { return s.Transport().Dials }),
		counter("sesame_delivery_dial_failures_total", "Connections that did not come to where mail can be sent.", func() int64 { return s.Transport().DialFailures }),
		counter("sesame_delivery_reused_total", "Messages sent over a connection that was idle.", func() int64 { return s.Transport().Reused }),
		counter("sesame_delivery_stale_total", "Idle connections that turned out to be dead.", func() int64 { return s.Transport().Stale }),
		counter("sesame_delivery_clear_text_total", "Connections made in clear after TLS had failed.", func() int64 { return s.Transport().ClearText }),
		gauge("sesame_delivery_idle_connections", "Idle connections kept for the next message.", func() int { return s.Transport().Idle }),
		gauge("sesame_delivery_idle_connections_limit", "Bound of sesame_delivery_idle_connections.", func() int { return s.MaxIdle }),
		counter("sesame_identity_checks_total", "Looks at the DNS records of identities.", func() int64 { return s.Checks().Checks }),
		counter("sesame_identity_check_changes_total", "Checks that an account was told something of.", func() int64 { return s.Checks().Changes }),
		counter("sesame_identity_check_failures_total", "Checks that came to nothing.", func() int64 { return s.Checks().Failures }),
		gauge("sesame_identity_checks_active", "Checks under way.", func() int { return s.Checks().Active }),
		gauge("sesame_identity_checks_limit", "Bound of sesame_identity_checks_active.", func() int { return s.Checks().MaxActive }),
		gauge("sesame_api_body_bytes", "Large request bodies being handled.", func() int { return int(s.Bodies()) }),
		gauge("sesame_api_body_bytes_limit", "Bound of sesame_api_body_bytes.", func() int { return int(s.MaxBodies) }),
	}
}
