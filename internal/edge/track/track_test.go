// SPDX-License-Identifier: Apache-2.0

package track_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/gif"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/content"
	"sesame/internal/core/event"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	core "sesame/internal/core/track"
	"sesame/internal/edge/track"
	"sesame/internal/testkit/storetest"
)

const id = "0100018f3c2a9b10-5b1f8c2e-6f0d-4a5e-9d7a-0c1b2a3d4e5f-000000"

var home = scope.Scope{Account: "123456789012", Region: "us-east-1"}

// hits keeps what it is told.
type hits []core.Hit

func (h *hits) Record(hit core.Hit) { *h = append(*h, hit) }

// newTracker returns a tracker, and the paths of a link to https://x.test/?a=1&b=2#c, with
// a tag, and of the picture.
func newTracker(t *testing.T) (tr *core.Tracker, link, pixel string) {
	t.Helper()
	tr = &core.Tracker{Wrap: keyring.Ephemeral(), Host: func(string) string { return "r.example.com" }, HTTPS: true}
	html, err := tr.Editor(core.Message{Scope: home, ID: id, Recipients: 1}, core.Options{Opens: true, Clicks: true})(
		content.TextPart{HTML: true, Text: []byte(`<a href="https://x.test/?a=1&amp;b=2#c" ses:tags="k:v">`)})
	if err != nil {
		t.Fatal(err)
	}
	paths := regexp.MustCompile(`https://r\.example\.com(/[LI]0/[\w-]+)`).FindAllStringSubmatch(string(html), -1)
	if len(paths) != 2 {
		t.Fatalf("%s", html)
	}
	return tr, paths[0][1], paths[1][1]
}

func newHandler(t *testing.T, tr *core.Tracker, r track.Recorder) http.Handler {
	return counting(t, tr, r, func(string) {})
}

func counting(t *testing.T, tr *core.Tracker, r track.Recorder, count func(string)) http.Handler {
	t.Helper()
	h, err := track.New(tr, r, count)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(t *testing.T, h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if c := rec.Header().Get("Cache-Control"); !strings.Contains(c, "no-store") {
		t.Errorf("%s %s may be cached: %q", method, path, c)
	}
	return rec
}

func TestALinkLeadsOn(t *testing.T) {
	t.Parallel()
	tr, link, _ := newTracker(t)
	for _, c := range []struct {
		method   string
		header   []string
		prefetch bool
	}{
		{"GET", nil, false}, {"HEAD", nil, false}, {"GET", []string{"Sec-Purpose", "prefetch;prerender"}, true}, {"GET", []string{"X-Purpose", "preview"}, true},
	} {
		var got hits
		rec := ask(t, newHandler(t, tr, &got), c.method, link+"?x=y", append(c.header, "User-Agent", "Browser/1", "Host", "evil.example")...)
		if rec.Code != 302 || rec.Header().Get("Location") != "https://x.test/?a=1&b=2#c" || rec.Body.Len() != 0 {
			t.Errorf("%s: %d %v", c.method, rec.Code, rec.Header())
		}
		want := core.Hit{Ref: core.Ref{Scope: home, MessageID: id}, Kind: event.Click, URL: "https://x.test/?a=1&b=2#c", Tags: []core.Tag{{Key: "k", Value: "v"}},
			Method: c.method, Prefetch: c.prefetch, IP: "192.0.2.1", UserAgent: "Browser/1"}
		if len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
			t.Errorf("%+v", got)
		}
	}
}

func TestThePicture(t *testing.T) {
	t.Parallel()
	tr, _, pixel := newTracker(t)
	var got hits
	rec := ask(t, newHandler(t, tr, &got), "GET", pixel)
	picture, err := gif.Decode(bytes.NewReader(rec.Body.Bytes()))
	if err != nil || rec.Body.Len() != 43 || rec.Header().Get("Content-Type") != "image/gif" || rec.Header().Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Fatalf("%v, %v, %d octets", err, rec.Header(), rec.Body.Len())
	}
	if _, _, _, alpha := picture.At(0, 0).RGBA(); picture.Bounds().Dx() != 1 || picture.Bounds().Dy() != 1 || alpha != 0 {
		t.Errorf("the picture is %v with alpha %d", picture.Bounds(), alpha)
	}
	if rec := ask(t, newHandler(t, tr, &got), "HEAD", pixel); rec.Code != 200 || rec.Body.Len() != 0 {
		t.Errorf("HEAD: %d, %d octets", rec.Code, rec.Body.Len())
	}
	if len(got) != 2 || got[0].Kind != event.Open || got[0].MessageID != id || got[1].Method != "HEAD" {
		t.Errorf("%+v", got)
	}
}

func TestWhatLeadsNowhere(t *testing.T) {
	t.Parallel()
	tr, link, pixel := newTracker(t)
	_, other, _ := newTracker(t)
	for name, c := range map[string]struct {
		method, path string
		status       int
	}{
		"a link cut off":              {"GET", link[:len(link)-2], 404},
		"another server's link":       {"GET", other, 404},
		"a link in place of an open":  {"GET", strings.Replace(link, "/L0/", "/I0/", 1), 404},
		"an open in place of a link":  {"GET", strings.Replace(pixel, "/I0/", "/L0/", 1), 404},
		"a URL in place of a token":   {"GET", "/L0/https://evil.example/", 404},
		"nothing":                     {"GET", "/L0/", 404},
		"a form":                      {"POST", link, 405},
		"something behind the token":  {"GET", link + "/https://evil.example", 404},
		"something behind an open":    {"GET", pixel + ".gif", 404},
		"a token in another encoding": {"GET", link + "=", 404},
	} {
		var got hits
		rec := ask(t, newHandler(t, tr, &got), c.method, c.path)
		if rec.Code != c.status || rec.Header().Get("Location") != "" || len(got) != 0 || strings.Contains(rec.Body.String(), "evil") {
			t.Errorf("%s: %d, to %q, %d hits", name, rec.Code, rec.Header().Get("Location"), len(got))
		}
	}
}

func TestWhatComesOfARequestIsCounted(t *testing.T) {
	t.Parallel()
	tr, link, pixel := newTracker(t)
	for name, c := range map[string]struct{ method, path, want string }{
		"a link":                   {"GET", link, track.Followed},
		"looked at by a program":   {"HEAD", link, track.Followed},
		"a picture":                {"GET", pixel, track.Seen},
		"a link that is no link":   {"GET", link + "x", track.Broken},
		"a picture that is a link": {"GET", strings.Replace(link, "/L0/", "/I0/", 1), track.Broken},
		"a form":                   {"POST", link, track.Refused},
	} {
		var got []string
		ask(t, counting(t, tr, &hits{}, func(r string) { got = append(got, r) }), c.method, c.path)
		if !slices.Equal(got, []string{c.want}) || !slices.Contains(track.Results(), c.want) {
			t.Errorf("%s: counted as %q, want %q", name, got, c.want)
		}
	}
}

func TestLongAgentsAreCut(t *testing.T) {
	t.Parallel()
	tr, link, _ := newTracker(t)
	var got hits
	ask(t, newHandler(t, tr, &got), "GET", link, "User-Agent", strings.Repeat("ä", 2000)+"\x00")
	if n := len(got[0].UserAgent); n != 512 {
		t.Errorf("%d octets are kept", n)
	}
}

// TestAHangingDatabaseHoldsNobodyUp: links lead on and pictures show at once while nothing
// can be stored; what there is room for is stored later, the rest is counted.
func TestAHangingDatabaseHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	db, now := storetest.SQLite(t), clock.NewFake(core.Ref{MessageID: id}.SentAt().Add(time.Hour))
	hang, hanging, hung := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		hung <- db.Write(context.WithoutCancel(t.Context()), func(*store.Tx) error {
			close(hanging)
			<-hang
			return nil
		})
	}()
	<-hanging

	judge, err := core.NewJudge()
	if err != nil {
		t.Fatal(err)
	}
	r := core.NewRecorder(core.RecorderOptions{DB: db, Clock: now.Now, Log: slog.New(slog.DiscardHandler), Judge: judge, MaxHits: 20})
	tr, link, pixel := newTracker(t)
	server := httptest.NewServer(newHandler(t, tr, r))
	t.Cleanup(server.Close)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	follow := func(n int) {
		t.Helper()
		for i := range n {
			res, err := client.Get(server.URL + []string{link, pixel}[i%2])
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if want := []int{302, 200}[i%2]; res.StatusCode != want {
				t.Fatalf("status %d", res.StatusCode)
			}
		}
	}
	follow(10)
	now.Advance(3 * time.Second)
	stored := make(chan error, 1)
	go func() { stored <- r.Flush(t.Context(), 0) }()
	follow(40) // whether or not the write hangs by now
	if s := r.Stats(); s.Waiting != 20 || s.Lost != 30 || s.Opens+s.Clicks != 0 {
		t.Errorf("%+v", s)
	}
	close(hang)
	if err := errors.Join(<-hung, <-stored, r.Flush(t.Context(), 0)); err != nil {
		t.Fatal(err)
	}
	if s := r.Stats(); s.Waiting != 0 || s.Lost != 30 || s.Opens != 10 || s.Clicks != 10 {
		t.Errorf("%+v", s)
	}
}
