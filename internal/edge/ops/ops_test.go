// SPDX-License-Identifier: Apache-2.0

package ops_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sesame/internal/core/delivery"
	"sesame/internal/core/dispatch"
	"sesame/internal/core/identity"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/edge/ops"
	"sesame/internal/proto/smtpserver"
)

// sources have a different number everywhere.
func sources() ops.Sources {
	return ops.Sources{
		Ready: func(context.Context) error { return nil },
		Store: func() store.Stats { return store.Stats{Commits: 1, Ops: 2, Failures: 3, Queued: 4, MaxQueue: 5} },
		Spool: func() spool.Stats { return spool.Stats{LostLeases: 6, Recovered: 7} },
		Dispatch: func() dispatch.Stats {
			return dispatch.Stats{Delivered: 8, Bounced: 9, Expired: 10, Retried: 11, Active: 12, Held: 13, HeldBytes: 14, Known: 15,
				MaxActive: 16, MaxHeld: 17, MaxHeldBytes: 18}
		},
		Transport: func() delivery.Stats {
			return delivery.Stats{Idle: 19, Dials: 20, DialFailures: 21, Reused: 22, Stale: 23, ClearText: 24}
		},
		Checks: func() identity.CheckerStats {
			return identity.CheckerStats{Checks: 28, Changes: 29, Failures: 30, Active: 31, MaxActive: 32}
		},
		MaxIdle: 25, Bodies: func() int64 { return 26 }, MaxBodies: 27,
		Extra: []prometheus.Collector{prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "extra_total", Help: "More."}, func() float64 { return 99 })},
	}
}

func get(t *testing.T, h http.Handler, method, target string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, target, nil))
	return rec
}

func TestHealthAndReadiness(t *testing.T) {
	t.Parallel()
	down := sources()
	down.Ready = func(context.Context) error { return errors.New("dial tcp: password=hunter2") }
	stuck := sources()
	stuck.Ready = func(ctx context.Context) error {
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > 5*time.Second {
			return nil // nobody would end the wait
		}
		return context.DeadlineExceeded
	}
	for _, tc := range []struct {
		name, method, path string
		s                  ops.Sources
		status             int
		body               string
	}{
		{"alive", "GET", "/healthz", sources(), 200, "ok\n"},
		{"alive, asked with HEAD", "HEAD", "/healthz", sources(), 200, "ok\n"},
		{"alive without its database", "GET", "/healthz", down, 200, "ok\n"},
		{"ready", "GET", "/readyz", sources(), 200, "ready\n"},
		{"not ready, and why is nobody's business", "GET", "/readyz", down, 503, "not ready\n"},
		{"a check that hangs is ended", "GET", "/readyz", stuck, 503, "not ready\n"},
		{"another method", "POST", "/healthz", sources(), 405, "Method Not Allowed\n"},
		{"another path", "GET", "/", sources(), 404, "404 page not found\n"},
		{"profiles that are not wanted", "GET", "/debug/pprof/", sources(), 404, "404 page not found\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if rec := get(t, ops.New(tc.s), tc.method, tc.path); rec.Code != tc.status || rec.Body.String() != tc.body {
				t.Errorf("%d %q", rec.Code, rec.Body)
			}
		})
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	s := sources()
	s.Profiles = true
	if rec := get(t, ops.New(s), "GET", "/debug/pprof/"); rec.Code != 200 || !strings.Contains(rec.Body.String(), "goroutine") {
		t.Errorf("%d", rec.Code)
	}
	if rec := get(t, ops.New(s), "POST", "/debug/pprof/profile"); rec.Code != 405 {
		t.Errorf("POST: %d", rec.Code)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s, smtp := sources(), ops.NewSMTP()
	s.Extra = append(s.Extra, smtp.Collectors()...)
	one, two := smtp.Metrics(100), smtp.Metrics(20)
	for range 5 {
		one.Session(+1)
	}
	two.Session(+1)
	one.Session(-1)
	one.Refused(smtpserver.LimitSessions)
	two.Refused(smtpserver.LimitSessions)
	two.Panic()
	rec := get(t, ops.New(s), "GET", "/metrics")
	values, helps := map[string]string{}, map[string]bool{}
	for lines := bufio.NewScanner(rec.Body); lines.Scan(); {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) > 3 && f[1] == "HELP":
			helps[f[2]] = true
		case len(f) == 2:
			values[f[0]] = f[1]
		}
	}
	for name, want := range map[string]string{
		"sesame_store_commits_total": "1", "sesame_store_writes_total": "2", "sesame_store_failures_total": "3",
		"sesame_store_queue": "4", "sesame_store_queue_limit": "5",
		"sesame_spool_lost_leases_total": "6", "sesame_spool_recovered_leases_total": "7",
		"sesame_delivered_total": "8", "sesame_bounced_total": "9", "sesame_expired_total": "10", "sesame_retried_total": "11",
		"sesame_deliveries_active": "12", "sesame_deliveries_limit": "16",
		"sesame_ready_recipients": "13", "sesame_ready_recipients_limit": "17", "sesame_ready_bytes": "14", "sesame_ready_bytes_limit": "18",
		"sesame_destinations_known": "15", "extra_total": "99",
		"sesame_delivery_idle_connections": "19", "sesame_delivery_idle_connections_limit": "25", "sesame_delivery_dials_total": "20",
		"sesame_delivery_dial_failures_total": "21", "sesame_delivery_reused_total": "22", "sesame_delivery_stale_total": "23",
		"sesame_delivery_clear_text_total": "24", "sesame_api_body_bytes": "26", "sesame_api_body_bytes_limit": "27",
		"sesame_identity_checks_total": "28", "sesame_identity_check_changes_total": "29", "sesame_identity_check_failures_total": "30",
		"sesame_identity_checks_active": "31", "sesame_identity_checks_limit": "32",
		"sesame_smtp_sessions": "5", "sesame_smtp_sessions_limit": "120", "sesame_smtp_panics_total": "1",
		`sesame_smtp_refused_total{limit="sessions"}`: "2", `sesame_smtp_refused_total{limit="errors"}`: "0",
	} {
		if values[name] != want {
			t.Errorf("%s is %q, want %s", name, values[name], want)
		}
	}
	for name := range values {
		if base, ok := strings.CutSuffix(name, "_limit"); ok && values[base]+values[base+"_active"] == "" {
			t.Errorf("%s bounds nothing that is shown", name)
		}
		if bare, _, _ := strings.Cut(name, "{"); strings.HasPrefix(name, "sesame_") && !helps[bare] {
			t.Errorf("%s has no help", name)
		}
	}
	if values["go_goroutines"] == "" || values["process_open_fds"] == "" {
		t.Error("the process itself is missing")
	}
}
