// SPDX-License-Identifier: Apache-2.0

package console

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sesame/internal/core/mailbox"
)

// perPage is how many mails the list shows at once.
const perPage = 50

// listPage is what the list's template shows.
type listPage struct {
	Search string
	Rows   []listRow
	Next   string // address of the next page
	Newest string // of the whole mailbox, for the script; "" switches it off
	Later  bool   // not the first page
	Hint   hint
}

type listRow struct {
	ID, From, To, Subject string
	Size                  string
	At                    moment
}

// hint is how to send the first mail.
type hint struct{ EnvFile, Endpoint string }

// moment is a time in the forms that the page needs.
type moment struct{ Short, Long, Machine string }

func (c *console) moment(t time.Time) moment {
	t = t.In(c.o.Location)
	short := t.Format("2 Jan 15:04")
	switch now := c.o.Clock().In(c.o.Location); {
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		short = t.Format(time.TimeOnly)
	case t.Year() != now.Year():
		short = t.Format(time.DateOnly)
	}
	return moment{short, t.Format("Mon, 2 Jan 2006 15:04:05 MST"), t.Format(time.RFC3339)}
}

func (c *console) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	search, token := q.Get("q"), q.Get("next")
	page, err := c.box.List(r.Context(), mailbox.Query{Text: search, NextToken: token, Limit: perPage})
	if err != nil {
		return err
	}
	p := listPage{Search: search, Later: token != "", Hint: hint{c.o.EnvFile, endpoint(r)}}
	for _, s := range page.Messages {
		p.Rows = append(p.Rows, listRow{s.ID, s.From, recipients(s), s.Subject, size(s.Size), c.moment(s.ReceivedAt)})
	}
	if page.NextToken != "" {
		p.Next = "/?" + url.Values{"q": {search}, "next": {page.NextToken}}.Encode()
	}
	if !p.Later {
		if p.Newest, err = c.newestID(r); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Security-Policy", policyList)
	c.render(w, http.StatusOK, "list", p)
	return nil
}

// newest tells the script whether the list has changed.
func (c *console) newest(w http.ResponseWriter, r *http.Request) error {
	id, err := c.newestID(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, id) // the client may be gone
	return nil
}

// newestID is "0" for an empty mailbox.
func (c *console) newestID(r *http.Request) (string, error) {
	page, err := c.box.List(r.Context(), mailbox.Query{Limit: 1})
	if err != nil || len(page.Messages) == 0 {
		return "0", err
	}
	return page.Messages[0].ID, nil
}

// recipients are those of the envelope, since blind copies are in no header.
func recipients(s mailbox.Summary) string {
	var to []string
	for _, a := range s.Envelope.To {
		to = append(to, a.String())
	}
	return strings.Join(to, ", ")
}

// endpoint is the address that the browser has the page from.
func endpoint(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func size(n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1_000_000:
		return strconv.FormatFloat(float64(n)/1000, 'f', 1, 64) + " kB"
	}
	return strconv.FormatFloat(float64(n)/1_000_000, 'f', 1, 64) + " MB"
}
