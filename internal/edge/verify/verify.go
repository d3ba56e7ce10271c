// SPDX-License-Identifier: Apache-2.0

// Package verify is where the links of verification mails lead: following one verifies
// the address (SES: creating and verifying an email address identity). Its pages need no
// script, load nothing, and tell no other site where the browser came from. Only GET
// verifies: programs that look at links first ask with HEAD, or say that they prefetch.
package verify

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"sesame/internal/core/verification"
)

//go:embed assets/page.html
var pageHTML string

//go:embed assets/page.css
var pageCSS string

// Confirmer follows links.
type Confirmer interface {
	Confirm(ctx context.Context, token string) (verification.Result, error)
}

// handler serves the pages.
type handler struct {
	confirm Confirmer
	log     *slog.Logger
	page    *template.Template
	policy  string // Content-Security-Policy
}

// New returns the handler of verification.Path and what is below it.
func New(confirm Confirmer, log *slog.Logger) http.Handler {
	// The sheet is in the page; its hash lets it alone be used (CSP Level 3 §8.2).
	sum := sha256.Sum256([]byte(pageCSS))
	h := &handler{confirm: confirm, log: log, page: template.Must(template.New("page").Parse(pageHTML)),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
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
	return h.secured(mux)
}

// secured puts the headers on every answer that keep the token, which is in the address of
// the page, where it is, and the page from being more than shown.
func (h *handler) secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", h.policy)
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cache-Control", "no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("X-Frame-Options", "DENY")
		head.Set("X-Robots-Tag", "noindex, nofollow")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
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
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		remote = r.RemoteAddr
	}
	h.log.Info("a verification link was followed", "outcome", got.Outcome.String(), "account", got.Link.Scope.Account, "region", got.Link.Scope.Region,
		"address", got.Link.Address, "template", got.Link.Template, "remote", remote)
}

func (h *handler) show(w http.ResponseWriter, status int, p page) {
	p.Style = template.CSS(pageCSS)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := h.page.Execute(w, p); err != nil {
		h.log.Debug("a verification page was cut off", "error", err) // the client is gone
	}
}
