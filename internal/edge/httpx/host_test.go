// SPDX-License-Identifier: Apache-2.0

package httpx_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"sesame/internal/edge/httpx"
)

func TestAllowHosts(t *testing.T) {
	t.Parallel()
	h := httpx.AllowHosts([]string{"sesame.test", "Mail.Example.com.", "192.0.2.1", "2001:db8::1"},
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for host, ok := range map[string]bool{
		"localhost": true, "localhost:8025": true, "LOCALHOST": true, "localhost.": true, "app.localhost:1": true,
		"127.0.0.1": true, "127.0.0.1:8025": true, "127.8.9.10": true, "[::1]": true, "[::1]:8025": true, "::1": true,
		"[::ffff:127.0.0.1]:80": true,
		"sesame.test":           true, "Sesame.Test:443": true, "mail.example.com": true, "192.0.2.1:8025": true,
		"[2001:db8::1]": true, "[2001:0DB8:0::1]:443": true,
		"": false, "evil.example": false, "evil.example:8025": false, "localhost.evil.example": false,
		"evillocalhost": false, "xsesame.test": false, "10.0.0.1": false, "0.0.0.0": false, "[::]": false,
		"127.0.0.1.evil.example": false, "127.1": false, "2130706433": false, "localhost:80:80": false,
		"localhost:80@evil.example": false, "[localhost": false, "::1]": false, ".": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Code == http.StatusNoContent; got != ok || !ok && w.Code != http.StatusForbidden {
			t.Errorf("%q: status %d, want allowed %v", host, w.Code, ok)
		}
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	id, err := httpx.RequestID(bytes.NewReader(bytes.Repeat([]byte{0xff}, 16)))
	if err != nil || id != "ffffffff-ffff-4fff-bfff-ffffffffffff" {
		t.Errorf("got %s, %v", id, err)
	}
	id, err = httpx.RequestID(bytes.NewReader(noise(16)))
	if err != nil || !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("got %s, %v", id, err)
	}
	if _, err := httpx.RequestID(bytes.NewReader(noise(15))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a dry source: %v", err)
	}
}
