// SPDX-License-Identifier: Apache-2.0

package browser_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"sesame/internal/edge/page"
	"sesame/test/harness"
)

// asking has all that page's sheet dresses.
const asking = `<p class="address">{{breakable .Address}}</p>
{{if .Kept}}<p>You still get: {{range .Kept}}{{.}} {{end}}</p>{{else}}<p>Choose what you want, or <a href="/help">read more</a>.</p>
<form method="post">
<fieldset><legend>Mail about</legend>
<label><input type="checkbox" name="topic" value="news" checked> News, once a month</label>
<label><input type="checkbox" name="topic" value="offers"> Offers that are nowhere else, whenever there is one, and that may be often</label>
</fieldset>
<button>Save</button> <button class="quiet" name="all" value="none">Unsubscribe from everything</button>
</form>{{end}}
<p class="facts">Sent by Example Ltd.</p>`

type asked struct {
	Address string
	Kept    []string
}

// form serves asking: GET asks, POST does it.
func form(t *testing.T) string {
	t.Helper()
	pages := page.Must(asking)
	s := httptest.NewServer(pages.Secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, a := page.Page{Title: "What may we send you?"}, asked{Address: "you.and.your.long.name@department.example.net"}
		if r.Method == http.MethodPost {
			if err := r.ParseForm(); err != nil {
				t.Error(err)
			}
			p.Mark, p.Title = page.Good, "That is noted"
			a.Kept = append(r.PostForm["topic"], "that")
		}
		p.Body = a
		if err := pages.Show(w, http.StatusOK, p); err != nil {
			t.Error(err)
		}
	})))
	t.Cleanup(s.Close)
	return s.URL + "/"
}

func TestPagesThatAsk(t *testing.T) {
	t.Parallel()
	url := form(t)
	b := harness.StartBrowser(t, nil)
	for _, look := range harness.Looks() {
		t.Run(look.String(), func(t *testing.T) {
			tab := b.Tab(t, look)
			wantClosed(t, tab.Open(url))
			tab.Shot("page-ask")
			wantFit(t, tab)
			wantOnly(t, b, tab, "GET "+url)
			var stops []string
			for _, stop := range tab.Walk() {
				stops = append(stops, stop.Name)
			}
			if len(stops) != 5 || !slices.Contains(stops, "Unsubscribe from everything") {
				t.Errorf("the focus comes by %q", stops)
			}

			tab.Open(url)
			tab.Press(kb.Tab, kb.Tab, kb.Tab, " ", kb.Tab) // past the link and News to Offers, and on to Save
			wantClosed(t, tab.PressThrough(kb.Enter))
			if text := tab.Text(); !strings.Contains(text, "You still get: news offers that") {
				t.Errorf("by keyboard: %s", text)
			}
			wantFit(t, tab)

			tab.Open(url)
			tab.Click("label:first-of-type")
			tab.ClickThrough("button:not(.quiet)")
			if text := tab.Text(); !strings.Contains(text, "You still get: that") {
				t.Errorf("by touch: %s", text)
			}
		})
	}
}
