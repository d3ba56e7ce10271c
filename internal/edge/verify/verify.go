// SPDX-License-Identifier: Apache-2.0

// Package verify is where the links of verification mails lead: following one verifies
// the address (SES: creating and verifying an email address identity). Its pages need no
// script, load nothing, and tell no other site where the browser came from. Only GET
// verifies: programs that look at links first ask with HEAD, or say that they prefetch.
package verify

import (
	"context"
	_ "embed" // the page
	"log/slog"
	"net/http"
	"strings"

	"sesame/internal/core/verification"
	"sesame/internal/edge/httpx"
	"sesame/internal/edge/page"
)

//go:embed assets/verify.html
var verifyHTML string

// Confirmer follows links.
type Confirmer interface {
	Confirm(ctx context.Context, token string) (verification.Result, error)
}

// handler serves the pages.
type handler struct {
	confirm Confirmer
	log     *slog.Logger
	page    *page.Template
}

// New returns the handler of verification.Path and what is below it.
func New(confirm Confirmer, log *slog.Logger) http.Handler {
	h := &handler{confirm: confirm, log: log, page: page.Must(verifyHTML)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+verification.Path+"{token}", h.follow)
	mux.HandleFunc(verification.Path, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			h.show(w, http.StatusMethodNotAllowed, broken)
			return
		}
		h.show(w, http.StatusNotFound, broken)
	})
	return h.page.Secure(mux)
}

// follow answers a link.
func (h *handler) follow(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead || prefetch(r) {
		// Neither says anything about the link, nor uses it up.
		if prefetch(r) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return
	}
	got, err := h.confirm.Confirm(r.Context(), r.PathValue("token"))
	if err != nil {
		h.log.Error("a verification link could not be followed", "error", err)
		w.Header().Set("Retry-After", "30")
		h.show(w, http.StatusServiceUnavailable, later)
		return
	}
	if got.Outcome != verification.Broken {
		h.audit(r, got)
	}
	if got.To != "" {
		http.Redirect(w, r, got.To, http.StatusFound)
		return
	}
	status, p := pageOf(got)
	h.show(w, status, p)
}

// prefetch reports whether a browser asks ahead of its user (Fetch: Sec-Purpose).
func prefetch(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Sec-Purpose"), "prefetch") || r.Header.Get("Purpose") == "prefetch"
}

// audit leaves a line about who followed which link, without its token.
func (h *handler) audit(r *http.Request, got verification.Result) {
	h.log.Info("a verification link was followed", "outcome", got.Outcome.String(), "account", got.Link.Scope.Account, "region", got.Link.Scope.Region,
		"address", got.Link.Address, "template", got.Link.Template, "remote", httpx.ClientIP(r))
}

func (h *handler) show(w http.ResponseWriter, status int, p page.Page) {
	if err := h.page.Show(w, status, p); err != nil {
		h.log.Debug("a verification page was cut off", "error", err) // the client is gone
	}
}
