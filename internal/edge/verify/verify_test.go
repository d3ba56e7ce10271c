// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"sesame/internal/base/scope"
	"sesame/internal/core/verification"
	"sesame/internal/edge/verify"
)

var update = flag.Bool("update", false, "write the golden pages")

// confirmer answers every token with the same, and counts.
type confirmer struct {
	result verification.Result
	err    error
	tokens []string
}

func (c *confirmer) Confirm(_ context.Context, token string) (verification.Result, error) {
	c.tokens = append(c.tokens, token)
	return c.result, c.err
}

// link is one of an address that would be markup.
var link = verification.Link{Scope: scope.Scope{Account: "123456789012", Region: "eu-west-1"}, Address: "<b>&user@example.com"}

func ask(t *testing.T, c *confirmer, method, path string, header ...string) (*http.Response, string, string) {
	t.Helper()
	var log bytes.Buffer
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	verify.New(c, slog.New(slog.NewTextHandler(&log, nil))).ServeHTTP(rec, r)
	return rec.Result(), rec.Body.String(), log.String()
}

func TestPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		result verification.Result
		err    error
		status int
	}{
		{"verified", verification.Result{Outcome: verification.Verified, Link: link}, nil, 200},
		{"already", verification.Result{Outcome: verification.Already, Link: link}, nil, 200},
		{"expired", verification.Result{Outcome: verification.Expired, Link: link}, nil, 410},
		{"gone", verification.Result{Outcome: verification.Gone, Link: link, Reason: "Nobody asks for this address to be verified any more."}, nil, 410},
		{"broken", verification.Result{}, nil, 404},
		{"later", verification.Result{}, errors.New("the database is down"), 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			con := &confirmer{result: c.result, err: c.err}
			res, body, log := ask(t, con, "GET", "/verify/TOKEN")
			if res.StatusCode != c.status || !slices.Equal(con.tokens, []string{"TOKEN"}) {
				t.Errorf("status %d for %v", res.StatusCode, con.tokens)
			}
			if strings.Contains(log, "TOKEN") || strings.Contains(body, "TOKEN") || strings.Contains(body, "database") {
				t.Errorf("what is secret shows: %s%s", log, body)
			}
			wantClosed(t, res, body)
			golden := filepath.Join("testdata", c.name+".html")
			if *update {
				if err := os.WriteFile(golden, []byte(body), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || body != string(want) {
				t.Errorf("the page is not %s (%v):\n%s", golden, err, body)
			}
		})
	}
}

// wantClosed demands headers and a page that load nothing, run nothing and tell nobody.
func wantClosed(t *testing.T, res *http.Response, body string) {
	t.Helper()
	_, sheet, _ := strings.Cut(body, "<style>")
	sheet, _, _ = strings.Cut(sheet, "</style>")
	sum := sha256.Sum256([]byte(sheet))
	for name, want := range map[string]string{
		"Content-Type":           "text/html; charset=utf-8",
		"Referrer-Policy":        "no-referrer",
		"Cache-Control":          "no-store",
		"X-Content-Type-Options": "nosniff",
		"X-Frame-Options":        "DENY",
		"Content-Security-Policy": "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	viewport := false
	for n := range doc.Descendants() {
		switch n.DataAtom {
		case atom.Script, atom.Img, atom.Iframe, atom.Form, atom.A, atom.B:
			t.Errorf("the page has a %s", n.Data)
		}
		for _, a := range n.Attr {
			viewport = viewport || a.Val == "width=device-width, initial-scale=1"
			if a.Key == "src" || a.Key == "href" && a.Val != "data:," || strings.HasPrefix(a.Key, "on") {
				t.Errorf("the page has a %s", a.Key)
			}
		}
	}
	if !viewport {
		t.Error("the page is not made for a phone's width")
	}
}

func TestOnlyGETVerifies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method, path string
		header             []string
		status             int
	}{
		{"a look at the link first", "HEAD", "/verify/TOKEN", nil, 200},
		{"a browser ahead of its user", "GET", "/verify/TOKEN", []string{"Sec-Purpose", "prefetch;prerender"}, 503},
		{"an older browser ahead of its user", "GET", "/verify/TOKEN", []string{"Purpose", "prefetch"}, 503},
		{"a form", "POST", "/verify/TOKEN", nil, 405},
		{"no token", "GET", "/verify/", nil, 404},
		{"more than a token", "GET", "/verify/TOKEN/x", nil, 404},
	} {
		con := &confirmer{result: verification.Result{Outcome: verification.Verified, Link: link}}
		res, _, _ := ask(t, con, c.method, c.path, c.header...)
		if res.StatusCode != c.status || con.tokens != nil {
			t.Errorf("%s: status %d, followed %v", c.name, res.StatusCode, con.tokens)
		}
		if res.Header.Get("Referrer-Policy") != "no-referrer" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", c.name, res.Header)
		}
	}
}

func TestATemplateSaysWhereTheBrowserGoes(t *testing.T) {
	t.Parallel()
	con := &confirmer{result: verification.Result{Outcome: verification.Verified, Link: link, To: "https://example.com/ok?a=b"}}
	res, _, log := ask(t, con, "GET", "/verify/TOKEN?SuccessRedirectionURL=https://evil.example", "Referer", "https://evil.example")
	if res.StatusCode != 302 || res.Header.Get("Location") != "https://example.com/ok?a=b" || res.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	for _, want := range []string{`outcome=verified`, `account=123456789012`, `region=eu-west-1`, `address=<b>&user@example.com`, "remote=192.0.2.1"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in the line about it: %s", want, log)
		}
	}
}
