// SPDX-License-Identifier: Apache-2.0

// Package console is the page of dev mode: it lists and shows the mail that the
// built-in mailbox holds. It is rendered on the server and needs no script.
//
// The mail that it shows is hostile: HTML of a mail runs in a frame without scripts,
// and the page's Content-Security-Policy keeps whatever it names from being loaded.
// The page itself asks nobody who they are, so it must be served to this machine
// alone and under its own host names alone.
package console

import (
	"context"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/mailbox"
)

//go:embed assets
var assets embed.FS

// Mailbox is what the console shows.
type Mailbox interface {
	List(ctx context.Context, q mailbox.Query) (mailbox.Page, error)
	Get(ctx context.Context, id string) (mailbox.Message, error)
	Raw(ctx context.Context, id string) ([]byte, error)
	Delete(ctx context.Context, id string) error
	DeleteAll(ctx context.Context) (int, error)
}

// Options are all optional.
type Options struct {
	EnvFile  string         // what an empty list tells to source; default ./.sesame/dev.env
	Clock    clock.Clock    // decides whether a mail came today; default the machine's
	Location *time.Location // of times; default the machine's
	Log      *slog.Logger
}

// Policies of the pages (Content Security Policy Level 3).
const (
	policy      = "default-src 'none'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; style-src 'self'"
	policyList  = policy + "; script-src 'self'; connect-src 'self'"
	policyHTML  = policy + " 'unsafe-inline'; font-src data:" // the frame has the page's policy, and mail is styled in place
	policyFiles = "default-src 'none'; frame-ancestors 'none'; sandbox"
)

// console serves the pages.
type console struct {
	box   Mailbox
	o     Options
	pages *template.Template
}

// New returns the handler of the page: of / and of what is below /mail/ and /assets/.
func New(box Mailbox, o Options) http.Handler {
	if o.EnvFile == "" {
		o.EnvFile = "./.sesame/dev.env"
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	if o.Location == nil {
		o.Location = time.Local
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &console{box: box, o: o, pages: template.Must(template.ParseFS(assets, "assets/*.html"))}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", c.page(c.list))
	mux.Handle("GET /mail/{id}", c.page(c.message))
	mux.Handle("GET /mail/{id}/source.eml", c.page(c.source))
	mux.Handle("GET /mail/{id}/attachments/{index}", c.page(c.attachment))
	mux.Handle("POST /mail/{id}/delete", c.page(c.delete))
	mux.Handle("POST /mail/delete", c.page(c.deleteAll))
	mux.Handle("GET /assets/newest", c.page(c.newest))
	for _, name := range []string{"console.css", "console.js"} {
		mux.Handle("GET /assets/"+name, asset(name))
	}
	mux.Handle("/", c.page(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, "There is no such page.")
	}))
	// A form of another site must not delete mail: Sec-Fetch-Site and Origin tell.
	return secured(http.NewCrossOriginProtection().Handler(mux))
}

// secured puts the headers on every answer that keep a browser from doing more with it
// than showing it.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-DNS-Prefetch-Control", "off") // looking up a name in a mail would tell its sender
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// page answers the errors of handle with a page of their own. An error must come
// before anything has been written.
func (c *console) page(handle func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := handle(w, r)
		if err == nil {
			return
		}
		status := http.StatusInternalServerError
		switch fault.KindOf(err) {
		case fault.NotFound:
			status = http.StatusNotFound
		case fault.Invalid:
			status = http.StatusBadRequest
		case fault.Unavailable:
			status = http.StatusServiceUnavailable
		}
		if status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
			c.o.Log.Error("console", "path", r.URL.Path, "error", err)
		}
		w.Header().Set("Content-Security-Policy", policy)
		c.render(w, status, "error", struct {
			Status     int
			Name, Text string
		}{status, http.StatusText(status), fault.PeerText(err)})
	})
}

// render writes a page. What fails while writing is the client's connection, or a
// defect of a template that its tests show.
func (c *console) render(w http.ResponseWriter, status int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := c.pages.ExecuteTemplate(w, name, data); err != nil {
		c.o.Log.Debug("console", "page", name, "error", err)
	}
}

// asset serves a file of the page itself.
func asset(name string) http.Handler {
	body, err := fs.ReadFile(assets, "assets/"+name)
	if err != nil {
		panic(err) // the list in New is wrong
	}
	kind := mime.TypeByExtension(name[strings.LastIndexByte(name, '.'):])
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the client may be gone
	})
}
