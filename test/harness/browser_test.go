// SPDX-License-Identifier: Apache-2.0

package harness_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"sesame/test/harness"
)

// pages are served by site at their paths.
var pages = map[string]string{
	"/good": `<!doctype html><html lang="en"><title>Good</title><meta name="viewport" content="width=device-width">
<style>body { font: 16px sans-serif } a, button, input { font: inherit; min-height: 44px; min-width: 44px; display: inline-block } :focus { outline: 2px solid }</style>
<main><h1>Good</h1><p>Some <a href="/other" style="display: inline">text</a>.<form action="/other"><label>Name <input name="n"></label><button>Go</button></form></main>`,
	"/bad": `<html><title></title><body style="width: 500px; font: 16px sans-serif">
<h3>Deep</h3><p id="x" style="color: #999">pale</p><p id="x" style="font-size: 12px">small</p>
<img src="data:,"><svg></svg><iframe srcdoc="" tabindex="-1"></iframe><input style="outline: none"><button style="width: 20px; height: 20px; outline: none">b</button>`,
	"/loud": `<!doctype html><html lang="en"><title>Loud</title><p id="said">quiet</p><script>document.getElementById("said").textContent = "loud"</script>
<img src="http://pictures.example/a?b=c"><link rel="stylesheet" href="https://styles.example/s.css">`,
	"/other": `<!doctype html><title>Other</title>`,
}

func site(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, pages[r.URL.Path])
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// The browser is tried on a page with every flaw, or pages without one mean little.
func TestBrowser(t *testing.T) {
	t.Parallel()
	addr := site(t)
	b := harness.StartBrowser(t, map[string]string{"site.example": addr})

	t.Run("a good page has no flaw", func(t *testing.T) {
		for _, look := range harness.Looks() {
			tab := b.Tab(t, look)
			if a := tab.Open("http://site.example/good"); a.Status != 200 || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("%v: %+v", look, a)
			}
			if got := tab.Flaws(16); len(got) > 0 {
				t.Errorf("%v: %q", look, got)
			}
			stops := tab.Walk()
			names := []string{}
			for _, s := range stops {
				if names = append(names, s.Name); !s.Visible {
					t.Errorf("%v: the focus on %s is not seen", look, s.Name)
				}
			}
			if want := []string{"text", "Name", "Go"}; !slices.Equal(names, want) {
				t.Errorf("%v: the focus comes by %q, want %q", look, names, want)
			}
		}
	})
	t.Run("a form is sent by mouse and by keyboard", func(t *testing.T) {
		tab := b.Tab(t, harness.Look{NoScript: true})
		tab.Open("http://site.example/good")
		tab.Press(kb.Tab, kb.Tab, "you")
		if a := tab.PressThrough(kb.Enter); a.URL != "http://site.example/other?n=you" {
			t.Errorf("at %s", a.URL)
		}
		tab.Open("http://site.example/good")
		if a := tab.ClickThrough("button"); a.URL != "http://site.example/other?n=" || tab.URL() != a.URL {
			t.Errorf("at %s", a.URL)
		}
	})
	t.Run("a bad page has them all", func(t *testing.T) {
		tab := b.Tab(t, harness.Look{Phone: true})
		tab.Open("http://" + addr + "/bad")
		got := strings.Join(tab.Flaws(16), "\n")
		for _, want := range []string{
			"no doctype", "no lang", "no title", "no viewport", "not one main", "not one h1", "skips a level", "id is there twice", "has no alt", "iframe> “” has no title",
			"<svg> “” is neither", "<input> “” has no label", "is a target of 20 × 20", "has a contrast of 2.85", "has text of 12", "the page needs a window of",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
		for _, stop := range tab.Walk() {
			if stop.Visible {
				t.Errorf("the focus is seen on %+v", stop)
			}
		}
	})
	t.Run("what a page wants of others is seen and not reached", func(t *testing.T) {
		tab := b.Tab(t, harness.Look{})
		tab.Open("http://site.example/loud")
		if tab.Text() != "loud" {
			t.Errorf("says %q", tab.Text())
		}
		for _, want := range []string{"GET http://pictures.example/a?b=c", "https://styles.example"} {
			if got := b.Outside(); !slices.Contains(got, want) {
				t.Errorf("%q, want %s", got, want)
			}
		}
		quiet := b.Tab(t, harness.Look{NoScript: true})
		quiet.Open("http://site.example/loud")
		if quiet.Text() != "quiet" {
			t.Errorf("without scripts: %q", quiet.Text())
		}
	})
}
