// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestDevAnswersPagesToThisMachineAlone is about a name that is made to lead here by a
// page of somebody else (DNS rebinding).
func TestDevAnswersPagesToThisMachineAlone(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), devConfig(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, c := range []struct {
		method, path, host string
		status             int
	}{
		{"GET", "/metrics", "evil.example", 403},
		{"GET", "/healthz", "evil.example", 403},
		{"GET", "/readyz", "evil.example", 403},
		{"GET", "/", "evil.example", 403},
		{"GET", "/metrics", "localhost", 200},
		{"GET", "/healthz", "127.0.0.1:8025", 200},
		{"GET", "/debug/pprof/", "localhost", 404},
		{"GET", "/v2/email/account", "email.us-east-1.amazonaws.com", 403}, // for its signature
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+s.Addresses().HTTP[0]+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if api := resp.Header.Get("X-Amzn-Requestid") != ""; resp.StatusCode != c.status || api != (c.path[1:] == "v2/email/account") {
			t.Errorf("%s for %s: %d, by the API: %t", c.path, c.host, resp.StatusCode, api)
		}
	}
}

// TestMetricsOfEveryDoor asks the real server: each bound is beside its value.
func TestMetricsOfEveryDoor(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), devConfig(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	s.ops().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	text, err := io.ReadAll(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"sesame_smtp_sessions 0", "sesame_smtp_sessions_limit 3000", `sesame_smtp_refused_total{limit="sessions_per_ip"} 0`,
		"sesame_delivery_idle_connections 0", "sesame_delivery_idle_connections_limit 500",
		`sesame_link_requests_total{result="broken",to="tracking"} 0`, `sesame_link_requests_total{result="one_click",to="unsubscribe"} 0`,
		"sesame_api_body_bytes 0", "sesame_api_body_bytes_limit 2.68435456e+08",
	} {
		if !strings.Contains(string(text), "\n"+want+"\n") {
			t.Errorf("no line %q", want)
		}
	}
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}
