// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"strings"
	"testing"
	"time"

	"sesame/internal/core/bucket"
)

// TestReportsAreReadByTheirURLAlone has the URL that a job shows read its object, and
// nothing else.
func TestReportsAreReadByTheirURLAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sc := scopeOf(accountID)
	must(t, w.buckets.Create(ctx, sc, "reports"))
	for _, key := range []string{"b.json", "c.json"} {
		_, err := w.buckets.Put(ctx, sc, "reports", bucket.Draft{Key: key, Size: -1}, strings.NewReader("content"))
		must(t, err)
	}
	url := w.reports.Presign(sc, "reports", "b.json")
	for _, c := range []struct {
		what, method, url string
		status            int
	}{
		{"the object", "GET", url, 200},
		{"another object", "GET", strings.Replace(url, "b.json", "c.json", 1), 403},
		{"writing", "PUT", url, 403},
		{"removing", "DELETE", url, 403},
		{"another account", "GET", strings.Replace(url, accountID, otherID, 1), 403},
		{"longer", "GET", strings.Replace(url, "3600", "7200", 1), 403},
		{"one that is gone", "GET", w.reports.Presign(sc, "reports", "gone"), 403},
		{"the bucket", "GET", w.reports.Presign(sc, "reports", ""), 403},
	} {
		resp, body := w.ask(t, c.method, c.url, nil, nil)
		if resp.StatusCode != c.status || c.status == 200 && body != "content" {
			t.Errorf("%s: %d %s", c.what, resp.StatusCode, body)
		}
	}
	w.clock.Advance(time.Hour + time.Second)
	if resp, _ := w.ask(t, "GET", url, nil, nil); resp.StatusCode != 403 {
		t.Errorf("after an hour: %d", resp.StatusCode)
	}
}
