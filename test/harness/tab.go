// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	_ "embed" // the script that looks for flaws
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Look is how somebody looks at a page. The zero value is a laptop.
type Look struct {
	Phone    bool // 390 × 844 points, touch
	Dark     bool // prefers a dark page
	NoScript bool // scripts of pages do not run; those of the test do
}

// String is the look's name, for subtests and pictures.
func (l Look) String() string {
	name := "laptop"
	if l.Phone {
		name = "phone"
	}
	if l.Dark {
		name += "-dark"
	}
	if l.NoScript {
		name += "-noscript"
	}
	return name
}

// Looks are the ways to look at a page that each must stand.
func Looks() []Look {
	return []Look{{}, {Phone: true}, {Phone: true, Dark: true}, {NoScript: true}}
}

// Answer is what the server said to the request for a page, after redirects.
type Answer struct {
	URL    string
	Status int
	Header http.Header
}

// Tab is a page of a browser, with cookies and a cache of its own. It is for one
// goroutine.
type Tab struct {
	t    testing.TB
	ctx  context.Context
	look Look

	mu         sync.Mutex
	requests   []request
	complaints []string
}

// request is "GET http://..." with the browser's name for it, which its redirects share.
type request struct {
	id   network.RequestID
	line string
}

// Tab opens an empty tab that closes with the test.
func (b *Browser) Tab(t testing.TB, look Look) *Tab {
	t.Helper()
	tab := &Tab{t: t, look: look}
	ctx, end := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(tab.note))
	t.Cleanup(end)
	tab.ctx = ctx
	tab.do("open a tab")
	if look.Phone {
		tab.do("be a phone", chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2)))
	} else {
		tab.do("be a laptop", chromedp.EmulateViewport(1280, 800))
	}
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: look.NoScript})
	return tab
}

// note keeps what the browser tells of the tab.
func (tab *Tab) note(event any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		tab.requests = append(tab.requests, request{e.RequestID, e.Request.Method + " " + e.Request.URL})
	case *network.EventLoadingFailed:
		if e.BlockedReason == network.BlockedReasonCsp { // it was never sent
			tab.requests = slices.DeleteFunc(tab.requests, func(r request) bool { return r.id == e.RequestID })
		}
	case *log.EventEntryAdded:
		if e.Entry.Source != log.EntrySourceNetwork { // which is a status like 404
			tab.complaints = append(tab.complaints, e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		tab.complaints = append(tab.complaints, e.ExceptionDetails.Text)
	}
}

// within returns the tab's context with the patience of one step.
func (tab *Tab) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(tab.ctx, patience)
}

func (tab *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx := tab.ctx
	if len(steps) > 0 { // the first call makes the tab, which lives as long as its context
		var end context.CancelFunc
		ctx, end = tab.within()
		defer end()
	}
	if err := chromedp.Do(ctx, steps...); err != nil {
		tab.t.Fatalf("browser: %s: %v", what, err)
	}
}

// call sends one command of the browser's protocol that chromedp has no action for.
func call[P, R any](tab *Tab, command cdp.Command[P, R], params P) R {
	tab.t.Helper()
	ctx, end := tab.within()
	defer end()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		tab.t.Fatalf("browser: %s: %v", command.Method, err)
	}
	return result
}

// Open goes to the address and waits until the page has loaded. What Requests and
// Complaints have said so far is forgotten.
func (tab *Tab) Open(url string) Answer {
	tab.t.Helper()
	tab.mu.Lock()
	tab.requests, tab.complaints = nil, nil
	tab.mu.Unlock()
	return tab.follow("open "+url, chromedp.Navigate(url))
}

// Click clicks the middle of the one element that the CSS selector names, and waits for
// nothing.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// ClickAt clicks a point of the window.
func (tab *Tab) ClickAt(x, y float64) {
	tab.t.Helper()
	tab.do("click", chromedp.MouseClickXY(x, y))
}

// ClickThrough is Click of what leads to another page, which it waits for.
func (tab *Tab) ClickThrough(selector string) Answer {
	tab.t.Helper()
	return tab.follow("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Press presses keys as they are named in chromedp/kb: kb.Tab, kb.Enter, "text".
func (tab *Tab) Press(keys ...string) {
	tab.t.Helper()
	for _, k := range keys {
		tab.do("press a key", chromedp.KeyEvent(k))
	}
}

// PressThrough is Press of what leads to another page, which it waits for.
func (tab *Tab) PressThrough(key string) Answer {
	tab.t.Helper()
	return tab.follow("press a key", chromedp.KeyEvent(key))
}

func (tab *Tab) follow(what string, step chromedp.Action[chromedp.Void]) Answer {
	tab.t.Helper()
	ctx, end := tab.within()
	defer end()
	r, err := chromedp.RunResponse(ctx, step)
	if err != nil || r == nil {
		tab.t.Fatalf("browser: %s: %v (answer %v)", what, err, r)
	}
	a := Answer{URL: r.URL, Status: int(r.Status), Header: http.Header{}}
	for name, value := range r.Headers {
		a.Header.Set(name, fmt.Sprint(value))
	}
	return a
}

// Eval returns the value of a JavaScript expression in the page, which neither the page's
// policy nor Look.NoScript forbids.
func Eval[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	ctx, end := tab.within()
	defer end()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		tab.t.Fatalf("browser: %s: %v", expression, err)
	}
	return value
}

// URL is the address of the page.
func (tab *Tab) URL() string { tab.t.Helper(); return Eval[string](tab, "location.href") }

// Text is what the page says, as it is seen; nothing while another page is loading.
func (tab *Tab) Text() string {
	tab.t.Helper()
	return Eval[string](tab, `document.body?.innerText ?? ""`)
}

// Requests are "GET http://..." of the tab and its frames since Open, in order, without
// those that a policy forbade.
func (tab *Tab) Requests() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	var lines []string
	for _, r := range tab.requests {
		lines = append(lines, r.line)
	}
	return lines
}

// Complaints are what the browser wrote into the page's console: errors, and what a
// policy forbade. Requests that failed are not in it.
func (tab *Tab) Complaints() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return slices.Clone(tab.complaints)
}

// Shot writes a picture of the whole page to NAME-LOOK.png in the folder that the
// environment variable SESAME_SHOTS names, for people; without that it does nothing.
func (tab *Tab) Shot(name string) {
	tab.t.Helper()
	dir := os.Getenv("SESAME_SHOTS")
	if dir == "" {
		return
	}
	ctx, end := tab.within()
	defer end()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+"-"+tab.look.String()+".png"), png, 0o644)
	}
	if err != nil {
		tab.t.Fatalf("take a picture: %v", err)
	}
}

//go:embed flaws.js
var flawsScript string

// Flaws are what is wrong with the page for people, one sentence each: language, title,
// landmark, headings, labels, contrast (WCAG 2.2 AA); and on a phone scrolling sideways,
// targets under 44 points (but for links in running text) and text smaller than minText
// points.
func (tab *Tab) Flaws(minText float64) []string {
	tab.t.Helper()
	return Eval[[]string](tab, fmt.Sprintf("(%s)(%v, %v)", flawsScript, tab.look.Phone, minText))
}

// Stop is where the focus comes to rest on the way through a page by keyboard.
type Stop struct {
	Name    string // what the element is called: its label, else its text
	Visible bool   // the focus can be seen, in the window; inside a frame it is the frame's
	Place   int    // of the element among all of the page
}

//go:embed stop.js
var stopScript string

// Walk presses Tab from the page's beginning until the focus leaves the page, and returns
// where it came to rest, at most 100 places.
func (tab *Tab) Walk() []Stop {
	tab.t.Helper()
	var stops []Stop
	for len(stops) < 100 {
		tab.Press(kb.Tab)
		stop := Eval[*Stop](tab, stopScript)
		if stop == nil || len(stops) > 1 && stops[0].Place == stop.Place {
			break // out of the page, or round it
		}
		if len(stops) == 0 || stops[len(stops)-1].Place != stop.Place { // else it is inside a frame
			stops = append(stops, *stop)
		}
	}
	return stops
}
