// SPDX-License-Identifier: Apache-2.0

// Package page is what the pages for people have in common that mail leads to: one
// layout, one style sheet, and the headers that keep a page from doing more than being
// shown. A page is one file with HTML of what it says:
//
//	//go:embed assets/left.html
//	var leftHTML string
//	// <p class="address">{{breakable .Address}}</p>
//	// <form method="post"><button>Unsubscribe</button></form>
//
//	left := page.Must(leftHTML)
//	handler := left.Secure(mux)
//	err := left.Show(w, http.StatusOK, page.Page{Title: "Unsubscribe?", Body: list})
//
// The sheet dresses headings, paragraphs, links, button, input, fieldset with legend and
// label, and the classes address (what a page is about), facts (what few will read) and
// quiet (the lesser of two buttons).
//
// A page runs no script, loads nothing and is in no frame; its form, if its file has one,
// leads to the server that it came from. The address of such a page may be a secret: no
// other site hears of it, and nothing keeps it.
package page

import (
	"crypto/sha256"
	_ "embed" // the layout and the style sheet
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
)

//go:embed assets/layout.html
var layoutHTML string

//go:embed assets/page.css
var pageCSS string

// Mark is what a page is at first sight: a colour and a sign.
type Mark string

// The marks.
const (
	Neutral Mark = ""     // it asks or tells something
	Good    Mark = "good" // it is done
	Bad     Mark = "bad"  // it can't be done
)

// Page is what one page says.
type Page struct {
	Mark  Mark
	Title string // of the window, and the heading
	Body  any    // what the template is executed with
}

// Template is the HTML below the heading of pages, in the layout. It is safe for
// concurrent use.
type Template struct {
	layout *template.Template
	policy string
}

// Must returns the template of a page, in the language of html/template with one more
// function: breakable marks where a long address may be broken into lines. It panics if
// the text is no template, so it is for files that are part of the program.
func Must(text string) *Template {
	t := template.New("layout").Funcs(template.FuncMap{"breakable": breakable, "sheet": sheet})
	t = template.Must(t.Parse(layoutHTML))
	template.Must(t.New("content").Parse(text))
	return &Template{layout: t, policy: policy(strings.Contains(text, "<form"))}
}

// policy is the Content-Security-Policy (CSP Level 3). The sheet is in the page; its
// hash lets it alone be used (§8.2).
func policy(form bool) string {
	action := "'none'"
	if form {
		action = "'self'"
	}
	sum := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; base-uri 'none'; form-action " + action + "; frame-ancestors 'none'"
}

func sheet() template.CSS { return template.CSS(pageCSS) }

// breakable lets the lines of an address break behind its signs.
func breakable(address string) template.HTML {
	behind := strings.NewReplacer("@", "@<wbr>", ".", ".<wbr>", "-", "-<wbr>", "_", "_<wbr>", "+", "+<wbr>")
	return template.HTML(behind.Replace(template.HTMLEscapeString(address)))
}

// Secure puts the headers on every answer of next that keep a page, and the secret in
// its address, where they are.
func (t *Template) Secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", t.policy)
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

// Show answers with a page. The error is that of writing it: the client is gone, or the
// template does not fit the body.
func (t *Template) Show(w http.ResponseWriter, status int, p Page) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	return t.layout.Execute(w, p)
}
