// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sesame/internal/edge/page"
)

func show(t *testing.T, text string, p page.Page) (*http.Response, string) {
	t.Helper()
	tmpl := page.Must(text)
	rec := httptest.NewRecorder()
	tmpl.Secure(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := tmpl.Show(w, http.StatusGone, p); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	return rec.Result(), rec.Body.String()
}

func TestAPageIsItsTemplateInTheLayout(t *testing.T) {
	t.Parallel()
	res, body := show(t, `<p class="address">{{breakable .}}</p><p>{{.}}</p>`, page.Page{Mark: page.Bad, Title: "It's <gone>", Body: `<b>&"x"@a.example`})
	if res.StatusCode != http.StatusGone || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("HTTP %d, %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	for _, want := range []string{
		"<!doctype html>\n<html lang=\"en\">", "<title>It&#39;s &lt;gone&gt;</title>", "<h1>It&#39;s &lt;gone&gt;</h1>", `<main class="bad">`,
		`<p class="address">&lt;b&gt;&amp;&#34;x&#34;@<wbr>a.<wbr>example</p>`, `<p>&lt;b&gt;&amp;&#34;x&#34;@a.example</p>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
}

func TestAPageIsClosed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, action string }{
		{"a page that tells", "<p>Done</p>", "'none'"},
		{"a page that asks", `<form method="post"><button>Go</button></form>`, "'self'"},
	} {
		res, body := show(t, c.text, page.Page{Title: c.name})
		_, sheet, _ := strings.Cut(body, "<style>")
		sheet, _, _ = strings.Cut(sheet, "</style>")
		sum := sha256.Sum256([]byte(sheet))
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
				"'; img-src data:; base-uri 'none'; form-action " + c.action + "; frame-ancestors 'none'",
			"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"X-Robots-Tag": "noindex, nofollow", "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", c.name, name, got, want)
			}
		}
	}
}
