// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/bucket"
	"sesame/internal/core/keyring"
	"sesame/internal/edge/s3"
	"sesame/internal/testkit/storetest"
)

// TestReportsAreReadByTheirURLAlone has the URL that a job shows read its object, and
// nothing else.
func TestReportsAreReadByTheirURLAlone(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	buckets, err := bucket.New(bucket.Options{DB: storetest.SQLite(t), Dir: t.TempDir(), Clock: now.Now, Random: rand.Reader, MaxObject: 1 << 20})
	must(t, err)
	sc := scope.Scope{Account: "123456789012", Region: "us-east-1"}
	must(t, buckets.Create(t.Context(), sc, "reports"))
	_, err = buckets.Put(t.Context(), sc, "reports", bucket.Draft{Key: "a/../b", Size: -1}, strings.NewReader("content"))
	must(t, err)
	reports := &s3.Reports{MAC: keyring.Ephemeral().MAC, Clock: now.Now}
	server := httptest.NewServer(s3.New(s3.Options{Buckets: buckets, Reports: reports, Clock: now.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	reports.Base = server.URL
	url := reports.Presign(sc, "reports", "b.json")
	_, err = buckets.Put(t.Context(), sc, "reports", bucket.Draft{Key: "b.json", Size: -1}, strings.NewReader("content"))
	must(t, err)
	for _, c := range []struct {
		what, method, url string
		status            int
	}{
		{"the object", "GET", url, 200},
		{"another object", "GET", strings.Replace(url, "b.json", "c.json", 1), 403},
		{"writing", "PUT", url, 403},
		{"another account", "GET", strings.Replace(url, "123456789012", "210987654321", 1), 403},
		{"longer", "GET", strings.Replace(url, "3600", "7200", 1), 403},
	} {
		if status, body := ask(t, c.method, c.url); status != c.status || status == 200 && body != "content" {
			t.Errorf("%s: %d %s", c.what, status, body)
		}
	}
	now.Advance(time.Hour + time.Second)
	if status, _ := ask(t, "GET", url); status != 403 {
		t.Errorf("after an hour: %d", status)
	}
}

func ask(t *testing.T, method, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	must(t, err)
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(body)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
