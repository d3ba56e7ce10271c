// SPDX-License-Identifier: Apache-2.0

// Package track is where tracked links and pictures of mail lead, on every host that is
// ours (SES: awstrack.me and custom redirect domains). It waits for nothing but the
// client: the token says where the browser goes, and what happened is stored later.
package track

import (
	"encoding/base64"
	"net/http"
	"strings"

	"sesame/internal/core/event"
	core "sesame/internal/core/track"
	"sesame/internal/edge/httpx"
)

// Reader tells what tokens stand for.
type Reader interface {
	ReadLink(token string) (core.Link, error)
	ReadPixel(token string) (core.Ref, error)
}

// Recorder takes what happened, without a wait.
type Recorder interface {
	Record(h core.Hit)
}

// What comes of a request, for metrics.
const (
	Followed = "followed" // a link
	Seen     = "seen"     // a picture
	Broken   = "broken"   // a token that is none of ours
	Refused  = "refused"  // a method that does nothing here
)

// Results lists what can come of a request.
func Results() []string { return []string{Followed, Seen, Broken, Refused} }

// maxAgent is how much of a User-Agent field is kept, in octets.
const maxAgent = 512

// picture is a GIF of one transparent pixel, 43 octets.
const picture = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=="

// IsPath reports whether a path is of a tracked link or a picture.
func IsPath(path string) bool {
	return strings.HasPrefix(path, core.ClickPath) || strings.HasPrefix(path, core.OpenPath)
}

// handler serves both.
type handler struct {
	reader   Reader
	recorder Recorder
	count    func(result string)
	picture  []byte
}

// New returns the handler of the paths that IsPath knows. A link redirects with 302 Found,
// which every program knows; with GET and HEAD it means what 307 does. A token that this
// server has not made leads nowhere. count is told what comes of each request.
func New(reader Reader, recorder Recorder, count func(result string)) (http.Handler, error) {
	gif, err := base64.StdEncoding.DecodeString(picture)
	return &handler{reader: reader, recorder: recorder, count: count, picture: gif}, err
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Cache-Control", "no-store, no-cache, must-revalidate, private, max-age=0")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("X-Robots-Tag", "noindex, nofollow")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		h.count(Refused)
		plain(w, http.StatusMethodNotAllowed, "A link is followed with GET.\n")
		return
	}
	if token, ok := strings.CutPrefix(r.URL.Path, core.ClickPath); ok {
		h.click(w, r, token)
		return
	}
	h.open(w, r, strings.TrimPrefix(r.URL.Path, core.OpenPath))
}

// click sends the browser on.
func (h *handler) click(w http.ResponseWriter, r *http.Request, token string) {
	link, err := h.reader.ReadLink(token)
	if err != nil {
		h.broken(w)
		return
	}
	h.count(Followed)
	w.Header().Set("Location", link.URL)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusFound)
	hit := hitOf(r, link.Ref, event.Click)
	hit.URL, hit.Index, hit.Tags = link.URL, link.Index, link.Tags
	h.recorder.Record(hit)
}

// open shows the picture, to pages of any other site.
func (h *handler) open(w http.ResponseWriter, r *http.Request, token string) {
	ref, err := h.reader.ReadPixel(token)
	if err != nil {
		h.broken(w)
		return
	}
	h.count(Seen)
	head := w.Header()
	head.Set("Content-Type", "image/gif")
	head.Set("Content-Length", "43")
	head.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method == http.MethodGet {
		_, _ = w.Write(h.picture) // the client may be gone; it has asked all the same
	}
	h.recorder.Record(hitOf(r, ref, event.Open))
}

func hitOf(r *http.Request, ref core.Ref, kind event.Kind) core.Hit {
	agent := r.UserAgent()
	agent = strings.ToValidUTF8(strings.ReplaceAll(agent[:min(len(agent), maxAgent)], "\x00", ""), "")
	return core.Hit{Ref: ref, Kind: kind, Method: r.Method, Prefetch: prefetch(r.Header), IP: httpx.ClientIP(r), UserAgent: agent}
}

// prefetch reports whether a browser asks ahead of its user (Fetch: Sec-Purpose), or for
// a preview, in the fields that browsers have had for it.
func prefetch(h http.Header) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if v := h.Get(name); strings.HasPrefix(v, "prefetch") || v == "preview" {
			return true
		}
	}
	return false
}

func (h *handler) broken(w http.ResponseWriter) {
	h.count(Broken)
	plain(w, http.StatusNotFound, "This link does not work: it is not complete, or it was not made by this server.\n")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client may be gone
}
