// SPDX-License-Identifier: Apache-2.0

package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/mailbox"
	"sesame/internal/core/store"
	"sesame/internal/edge/api/admin"
)

const account = "123456789012"

// server is the mailbox's API with the mailbox behind it.
type server struct {
	box    *mailbox.Mailbox
	router *admin.Router
	clock  *clock.Fake
}

func newServer(t testing.TB) *server {
	t.Helper()
	db, err := store.Open(context.Background(), store.Options{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	now := clock.NewFake(time.UnixMilli(1_700_000_000_125))
	box, err := mailbox.New(mailbox.Options{DB: db, Clock: now.Now, Account: account, Region: "us-east-1", Poll: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return &server{box, admin.New(admin.Mailbox(box)), now}
}

// call asks as the mailbox's account. target is a path below the prefix, with a query.
func (s *server) call(method, target string) (admin.Response, error) {
	return s.callAs(account, method, target)
}

func (s *server) callAs(account, method, target string) (admin.Response, error) {
	path, query, _ := strings.Cut(target, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return admin.Response{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return run(ctx, s.router, method, admin.Prefix+path, admin.Request{Scope: scope.Scope{Account: account, Region: "us-west-2"}, Query: values})
}

func (s *server) deliver(t testing.TB, to, message string) string {
	t.Helper()
	a, err := address.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.box.Deliver(context.Background(), mailbox.Envelope{
		From: address.Address{Local: "bounce", Domain: "example.com"}, To: []address.Address{a},
		RemoteIP: netip.MustParseAddr("127.0.0.1"), TLS: "TLS 1.3",
	}, []byte(message))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

const source = "From: A <a@example.com>\r\nTo: bob@example.net\r\nSubject: x <&>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\n\r\ntext\r\n--b\r\nContent-Type: text/csv; name=a.csv\r\n\r\n1,2\r\n--b--\r\n"

const listed = `"Id":"1","Region":"us-east-1","MessageId":"","From":"A <a@example.com>","To":["bob@example.net"],"Subject":"x <&>",` +
	`"ReceivedAt":1700000000.125,"Size":175,"Envelope":{"From":"bounce@example.com","To":["bob@example.net"],"RemoteIp":"127.0.0.1","Tls":"TLS 1.3"}`

const read = `{` + listed + `,"Cc":[],"Headers":[{"Name":"From","Value":"A <a@example.com>"},{"Name":"To","Value":"bob@example.net"},` +
	`{"Name":"Subject","Value":"x <&>"},{"Name":"Content-Type","Value":"multipart/mixed; boundary=b"}],"Text":"text","Html":"",` +
	`"Attachments":[{"Index":0,"FileName":"a.csv","ContentType":"text/csv","Size":3}]}` + "\n"

func TestMailboxAnswers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.deliver(t, "bob@example.net", source)
	for _, c := range []struct{ name, target, contentType, want string }{
		{"the list", "/mailbox/messages", "application/json", `{"Messages":[{` + listed + "}]}\n"},
		{"a list of none", "/mailbox/messages?to=nobody", "application/json", `{"Messages":[]}` + "\n"},
		{"all parameters", "/mailbox/messages?to=bob@example.net&subject=X&query=BOUNCE&since=1700000000.125&limit=1", "application/json", `{"Messages":[{` + listed + "}]}\n"},
		{"nothing since a later time", "/mailbox/messages?since=1700000000.126", "application/json", `{"Messages":[]}` + "\n"},
		{"one mail", "/mailbox/messages/1", "application/json", read},
		{"its source", "/mailbox/messages/1/raw", "message/rfc822", source},
		{"its attachment", "/mailbox/messages/1/attachments/0", "application/octet-stream", "1,2"},
		{"a wait for mail that is there", "/mailbox/wait?to=bob&timeout=999", "application/json", read},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			resp, err := s.call("GET", c.target)
			if err != nil || string(resp.Body) != c.want || resp.ContentType != c.contentType || resp.Status != 200 {
				t.Errorf("%s %q, %v\nwant %q", resp.ContentType, resp.Body, err, c.want)
			}
		})
	}
}

func TestMailboxRefusals(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.deliver(t, "bob@example.net", source)
	for _, c := range []struct {
		name, target string
		kind         fault.Kind
		field        string
	}{
		{"a limit that is no number", "/mailbox/messages?limit=x", fault.Invalid, "limit"},
		{"a negative limit", "/mailbox/messages?limit=-1", fault.Invalid, "limit"},
		{"a limit that is too high", "/mailbox/messages?limit=501", fault.Invalid, "Limit"},
		{"a token that is none", "/mailbox/messages?nextToken=x", fault.Invalid, "NextToken"},
		{"a time that is none", "/mailbox/messages?since=yesterday", fault.Invalid, "since"},
		{"a time that is not a number", "/mailbox/messages?since=NaN", fault.Invalid, "since"},
		{"a time without end", "/mailbox/messages?since=1e300", fault.Invalid, "since"},
		{"a timeout that is none", "/mailbox/wait?timeout=soon", fault.Invalid, "timeout"},
		{"a negative timeout", "/mailbox/wait?timeout=-1", fault.Invalid, "timeout"},
		{"a search without end", "/mailbox/wait?to=" + strings.Repeat("x", 600), fault.Invalid, "To"},
		{"no mail in time", "/mailbox/wait?to=nobody&timeout=0.01", fault.NotFound, ""},
		{"no time at all", "/mailbox/wait?to=nobody&timeout=0", fault.NotFound, ""},
		{"an unknown mail", "/mailbox/messages/2", fault.NotFound, ""},
		{"its source", "/mailbox/messages/2/raw", fault.NotFound, ""},
		{"its attachment", "/mailbox/messages/2/attachments/0", fault.NotFound, ""},
		{"an unknown attachment", "/mailbox/messages/1/attachments/1", fault.NotFound, ""},
		{"an attachment that has no such number", "/mailbox/messages/1/attachments/00", fault.NotFound, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := s.call("GET", c.target)
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != c.kind || f.Field != c.field || f.Text == "" {
				t.Errorf("%v, want kind %d of %q", err, c.kind, c.field)
			}
		})
	}
}

func TestAnotherAccountHasNoMailbox(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.deliver(t, "bob@example.net", source)
	for _, r := range s.router.Routes() {
		target := strings.NewReplacer("{Id}", "1", "{Index}", "0").Replace(r.Pattern)
		if _, err := s.callAs("999999999999", r.Method, target); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s %s: %v, want NotFound", r.Method, target, err)
		}
	}
	if _, err := s.call("GET", "/mailbox/messages/1"); err != nil {
		t.Errorf("the mail: %v", err)
	}
}

func TestWaitingIsWoken(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	came := make(chan string, 1)
	go func() {
		resp, err := s.call("GET", "/mailbox/wait?to=later@example.com&timeout=60")
		if err != nil {
			came <- err.Error()
			return
		}
		var m admin.MailMessage
		if err := json.Unmarshal(resp.Body, &m); err != nil {
			came <- err.Error()
			return
		}
		came <- m.Id
	}()
	id := s.deliver(t, "later@example.com", "\r\n")
	if got := <-came; got != id {
		t.Errorf("got %s, want %s", got, id)
	}
}

func TestMailboxPagesAndDeletions(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for range 3 {
		s.deliver(t, "bob@example.net", "\r\n")
	}
	var page admin.MailList
	get := func(target string) {
		t.Helper()
		resp, err := s.call("GET", target)
		page = admin.MailList{}
		if err == nil {
			err = json.Unmarshal(resp.Body, &page)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	get("/mailbox/messages?limit=2")
	if len(page.Messages) != 2 || page.NextToken == "" || page.Messages[0].Id != "3" {
		t.Errorf("first page %+v", page)
	}
	get("/mailbox/messages?limit=2&nextToken=" + url.QueryEscape(page.NextToken))
	if len(page.Messages) != 1 || page.NextToken != "" || page.Messages[0].Id != "1" {
		t.Errorf("second page %+v", page)
	}
	for _, c := range []struct{ target, want string }{
		{"/mailbox/messages/2", `{"Deleted":1}`}, {"/mailbox/messages", `{"Deleted":2}`}, {"/mailbox/messages", `{"Deleted":0}`},
	} {
		if resp, err := s.call("DELETE", c.target); err != nil || string(resp.Body) != c.want+"\n" {
			t.Errorf("DELETE %s: %s, %v", c.target, resp.Body, err)
		}
	}
	if _, err := s.call("DELETE", "/mailbox/messages/2"); !fault.Is(err, fault.NotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

func FuzzHandle(f *testing.F) {
	s := newServer(f)
	s.deliver(f, "bob@example.net", source)
	f.Add("GET", "/mailbox/messages", "limit=1&since=1e9&nextToken=bTE6MQ")
	f.Add("GET", "/mailbox/wait", "timeout=0&to=%00")
	f.Add("GET", "/mailbox/messages/1/attachments/-1", "")
	f.Add("GET", "/mailbox/messages/%31%2f", "")
	f.Fuzz(func(t *testing.T, method, path, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		if path == "/mailbox/wait" {
			values.Set("timeout", "0")
		}
		req := admin.Request{Scope: scope.Scope{Account: account}, Query: values}
		resp, err := run(t.Context(), s.router, method, admin.Prefix+path, req)
		switch {
		case err != nil && fault.KindOf(err) == fault.Internal:
			t.Error(err)
		case err == nil && resp.ContentType == "application/json" && !json.Valid(resp.Body):
			t.Errorf("%q", resp.Body)
		}
	})
}
