// SPDX-License-Identifier: Apache-2.0

// Package unsubscribe is where the links of mail to contact lists lead (SES: subscription
// management): a page shows a recipient what it gets and lets it choose, and the
// unsubscribe button of mail programs does its work with one request (RFC 8058). Programs
// that look at links first change nothing: only POST acts.
package unsubscribe

import (
	"context"
	_ "embed" // the pages
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sesame/internal/core/contact"
	"sesame/internal/edge/httpx"
	"sesame/internal/edge/page"
)

//go:embed assets/choose.html
var chooseHTML string

//go:embed assets/tell.html
var tellHTML string

// Bounds of what strangers can take.
const (
	maxBody   = 64 << 10
	maxAtOnce = 32 // requests that ask the database; others are told to come back
)

// Subscriptions are what links are about. Their errors are contact.ErrBroken,
// contact.ErrGone, and those of the database.
type Subscriptions interface {
	Look(ctx context.Context, token string) (contact.Subscription, error)
	Unsubscribe(ctx context.Context, token string) (contact.Subscription, error)
	Choose(ctx context.Context, token string, c contact.Choice) (contact.Subscription, error)
}

// IsPath reports whether a path is of such a link.
func IsPath(path string) bool { return strings.HasPrefix(path, contact.Path) }

// What comes of a request, for metrics.
const (
	Looked  = "looked"    // at the choices
	Chosen  = "chosen"    // by the page
	Clicked = "one_click" // by a mail program's button
	Broken  = "broken"    // a token that is none of ours, or a method that does nothing here
	Gone    = "gone"      // a contact that is on the list no more
	Unclear = "unclear"   // a form that says nothing
	Busy    = "busy"      // too many at once
	Failed  = "failed"    // a failure of the server
)

// Results lists what can come of a request; HEAD, which says nothing, is not counted.
func Results() []string {
	return []string{Looked, Chosen, Clicked, Broken, Gone, Unclear, Busy, Failed}
}

// handler serves the pages.
type handler struct {
	lists Subscriptions
	log   *slog.Logger
	count func(result string)
	slots chan struct{}

	choose, tell *page.Template
}

// New returns the handler of contact.Path and what is below it. count is told what comes of
// each request.
func New(lists Subscriptions, log *slog.Logger, count func(result string)) http.Handler {
	h := &handler{lists: lists, log: log, count: count, slots: make(chan struct{}, maxAtOnce), choose: page.Must(chooseHTML), tell: page.Must(tellHTML)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+contact.Path+"{token}", h.look)
	mux.HandleFunc("POST "+contact.Path+"{token}", h.act)
	mux.HandleFunc(contact.Path, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
			w.Header().Set("Allow", "GET, HEAD, POST")
			h.show(w, h.tell, http.StatusMethodNotAllowed, broken, Broken)
			return
		}
		h.show(w, h.tell, http.StatusNotFound, broken, Broken)
	})
	return h.choose.Secure(mux)
}

// look shows the choices.
func (h *handler) look(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		return // it says nothing about the link
	}
	if !h.enter() {
		h.fail(w, nil)
		return
	}
	defer h.leave()
	s, err := h.lists.Look(r.Context(), r.PathValue("token"))
	if err != nil {
		h.fail(w, err)
		return
	}
	h.show(w, h.choose, http.StatusOK, ask(s), Looked)
}

// act does what the form says, or a mail program's button.
func (h *handler) act(w http.ResponseWriter, r *http.Request) {
	form, ok := h.form(w, r)
	if !ok {
		h.show(w, h.tell, http.StatusBadRequest, unclear, Unclear)
		return
	}
	if !h.enter() {
		h.fail(w, nil)
		return
	}
	defer h.leave()
	token, do, result := r.PathValue("token"), form.Get("do"), Chosen
	var s contact.Subscription
	var err error
	switch {
	case form.Get("List-Unsubscribe") == "One-Click": // RFC 8058 §3.2
		result = Clicked
		s, err = h.lists.Unsubscribe(r.Context(), token)
	case do == "leave":
		s, err = h.lists.Choose(r.Context(), token, contact.Choice{UnsubscribeAll: true})
	case do == "save":
		s, err = h.save(r.Context(), token, form["shown"], form["topic"])
	default:
		h.show(w, h.tell, http.StatusBadRequest, unclear, Unclear)
		return
	}
	if err != nil {
		h.fail(w, err)
		return
	}
	h.audit(r, s)
	h.show(w, h.tell, http.StatusOK, done(s, r.URL.Path), result)
}

// save says of each topic that was shown whether it is wanted. Who wants nothing of the
// list, and then none of its topics either, goes on to want nothing.
func (h *handler) save(ctx context.Context, token string, shown, on []string) (contact.Subscription, error) {
	var c contact.Choice
	for _, name := range shown[:min(len(shown), contact.MaxTopics)] {
		p := contact.Preference{Topic: name, Status: contact.OptOut}
		if slices.Contains(on, name) {
			p.Status = contact.OptIn
		}
		c.Topics = append(c.Topics, p)
	}
	if len(c.Topics) > 0 && len(on) == 0 {
		now, err := h.lists.Look(ctx, token)
		if err != nil {
			return contact.Subscription{}, err
		}
		c.UnsubscribeAll = now.UnsubscribeAll
	}
	return h.lists.Choose(ctx, token, c)
}

// form reads the body of a request, which has one of the two encodings of forms. Nothing
// of the address line counts.
func (h *handler) form(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return nil, false
	case kind == "multipart/form-data":
		err = r.ParseMultipartForm(maxBody)
	case kind == "application/x-www-form-urlencoded":
		err = r.ParseForm()
	default:
		return nil, false
	}
	return r.PostForm, err == nil
}

// enter takes a slot, if there is one.
func (h *handler) enter() bool {
	select {
	case h.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (h *handler) leave() { <-h.slots }

// fail shows why nothing came of a request; nil is that there are too many. A program that
// asks for what is so already is not told of an error.
func (h *handler) fail(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, contact.ErrBroken):
		h.show(w, h.tell, http.StatusNotFound, broken, Broken)
	case errors.Is(err, contact.ErrGone):
		h.show(w, h.tell, http.StatusOK, gone, Gone)
	default:
		result := Busy
		if err != nil {
			result = Failed
			h.log.Error("an unsubscribe link could not be followed", "error", err)
		}
		w.Header().Set("Retry-After", "30")
		h.show(w, h.tell, http.StatusServiceUnavailable, later, result)
	}
}

// audit leaves a line about who changed what somebody gets, without the link's token.
func (h *handler) audit(r *http.Request, s contact.Subscription) {
	h.log.Info("a recipient changed its subscriptions", "account", s.List.Scope.Account, "region", s.List.Scope.Region, "list", s.List.Name,
		"address", s.Address, "unsubscribed", s.UnsubscribeAll, "remote", httpx.ClientIP(r))
}

// show answers a request, and counts what came of it.
func (h *handler) show(w http.ResponseWriter, t *page.Template, status int, p page.Page, result string) {
	h.count(result)
	if err := t.Show(w, status, p); err != nil {
		h.log.Debug("a page of subscriptions was cut off", "error", err) // the client is gone
	}
}
