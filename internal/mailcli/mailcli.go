// SPDX-License-Identifier: Apache-2.0

// Package mailcli is `sesame mail`: it lists, shows and waits for the mail that a
// development server has caught. It is a client of the admin API and nothing else: it
// finds the server and the keys in the environment, where the server's dev.env puts
// them.
//
// What is in a mail was written by others, so what is printed for people holds no
// control characters that a terminal would obey; JSON and raw output are as they are.
package mailcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"sesame/internal/adminclient"
	"sesame/internal/edge/api/admin"
)

// Cmd are the commands below `sesame mail`, for kong. Each Run writes to out, and its
// error is the text to print before leaving with 1.
type Cmd struct {
	List ListCmd `cmd:"" help:"List the mail, the newest first."`
	Show ShowCmd `cmd:"" help:"Show one mail."`
	Raw  RawCmd  `cmd:"" help:"Print the source of one mail."`
	Wait WaitCmd `cmd:"" help:"Wait for a mail and show it; leaves with 1 if none comes in time."`
}

// search are the flags that select mail.
type search struct {
	To      string `help:"Only mail to recipients that contain this; an address finds the copies that were for it."`
	Subject string `help:"Only mail whose subject contains this."`
	Query   string `help:"Only mail with this in the subject, the people or the message id."`
	Since   string `help:"Only mail received since this time (2026-03-01T12:00:00Z) or within this duration (5m)."`
}

// values are the parameters of the request.
func (s search) values(now time.Time) (url.Values, error) {
	q := url.Values{}
	for name, value := range map[string]string{"to": s.To, "subject": s.Subject, "query": s.Query} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if s.Since == "" {
		return q, nil
	}
	at, err := time.Parse(time.RFC3339, s.Since)
	if err != nil {
		ago, err := time.ParseDuration(s.Since)
		if err != nil {
			return nil, fmt.Errorf("--since %q is neither a time such as 2026-03-01T12:00:00Z nor a duration such as 5m", s.Since)
		}
		at = now.Add(-ago)
	}
	q.Set("since", strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64))
	return q, nil
}

// String is the search in words, for an error.
func (s search) String() string {
	var words []string
	for _, w := range []struct{ word, value string }{{"to", s.To}, {"with subject", s.Subject}, {"with", s.Query}, {"since", s.Since}} {
		if w.value != "" {
			words = append(words, " "+w.word+" "+strconv.Quote(w.value))
		}
	}
	return "mail" + strings.Join(words, "")
}

// ListCmd is `sesame mail list`.
type ListCmd struct {
	search
	Limit int  `default:"50" help:"How many mails at most; 0 means all."`
	JSON  bool `name:"json" help:"Print JSON: {\"Messages\": [...]}."`
}

// Run lists the mail.
func (c *ListCmd) Run(out io.Writer) error {
	client, err := adminclient.New(os.Getenv)
	if err != nil {
		return err
	}
	q, err := c.values(time.Now())
	if err != nil {
		return err
	}
	all := admin.MailList{Messages: []admin.MailSummary{}}
	for {
		q.Set("limit", strconv.Itoa(pageSize(c.Limit, len(all.Messages))))
		var page admin.MailList
		if err := client.Get(context.Background(), "/mailbox/messages", q, &page); err != nil {
			return err
		}
		all.Messages = append(all.Messages, page.Messages...)
		if page.NextToken == "" || c.Limit > 0 && len(all.Messages) >= c.Limit {
			break
		}
		q.Set("nextToken", page.NextToken)
	}
	if c.JSON {
		return printJSON(out, all)
	}
	return printList(out, all.Messages)
}

// pageSize is how many mails to ask for when have are there; the server gives at most
// 500 at once.
func pageSize(limit, have int) int {
	if limit <= 0 {
		return 500
	}
	return min(limit-have, 500)
}

// ShowCmd is `sesame mail show`.
type ShowCmd struct {
	ID   string `arg:"" name:"id" help:"Id of the mail, as the list has it."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run shows one mail.
func (c *ShowCmd) Run(out io.Writer) error {
	client, err := adminclient.New(os.Getenv)
	if err != nil {
		return err
	}
	var m admin.MailMessage
	if err := client.Get(context.Background(), "/mailbox/messages/"+url.PathEscape(c.ID), nil, &m); err != nil {
		return err
	}
	return show(out, m, c.JSON)
}

// RawCmd is `sesame mail raw`.
type RawCmd struct {
	ID string `arg:"" name:"id" help:"Id of the mail, as the list has it."`
}

// Run prints the source of one mail, byte for byte.
func (c *RawCmd) Run(out io.Writer) error {
	client, err := adminclient.New(os.Getenv)
	if err != nil {
		return err
	}
	raw, err := client.Do(context.Background(), http.MethodGet, "/mailbox/messages/"+url.PathEscape(c.ID)+"/raw", nil)
	if err != nil {
		return err
	}
	_, err = out.Write(raw)
	return err
}

// WaitCmd is `sesame mail wait`.
type WaitCmd struct {
	search
	Timeout time.Duration `default:"10s" help:"How long to wait."`
	JSON    bool          `name:"json" help:"Print JSON."`
}

// maxWait is how long one request waits; the server cuts longer ones.
const maxWait = 50 * time.Second

// Run waits for a mail and shows it. A mail that is there already is one.
func (c *WaitCmd) Run(out io.Writer) error {
	client, err := adminclient.New(os.Getenv)
	if err != nil {
		return err
	}
	q, err := c.values(time.Now())
	if err != nil {
		return err
	}
	for end := time.Now().Add(c.Timeout); ; {
		left := min(max(time.Until(end), 0), maxWait)
		q.Set("timeout", strconv.FormatFloat(left.Seconds(), 'f', 3, 64))
		asked := time.Now()
		var m admin.MailMessage
		err := client.Get(context.Background(), "/mailbox/wait", q, &m)
		var refused *adminclient.Error
		switch {
		case err == nil:
			return show(out, m, c.JSON)
		case !errors.As(err, &refused) || refused.Status != 404 || time.Since(asked) < left/2:
			return err // a server without a mailbox says so at once
		case !time.Now().Before(end):
			return fmt.Errorf("no %s came within %s", c.search, c.Timeout)
		}
	}
}

func show(out io.Writer, m admin.MailMessage, asJSON bool) error {
	if asJSON {
		return printJSON(out, m)
	}
	return printMail(out, m)
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
