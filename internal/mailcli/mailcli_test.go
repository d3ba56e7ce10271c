// SPDX-License-Identifier: Apache-2.0

package mailcli_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/mailbox"
	"sesame/internal/core/store"
	"sesame/internal/edge/api/admin"
	"sesame/internal/mailcli"
	"sesame/internal/proto/sigv4"
)

const (
	account = "123456789012"
	secret  = "not-a-real-secret"
)

// server is the admin API behind a door that checks signatures for real.
type server struct {
	box *mailbox.Mailbox
	url string
}

func newServer(t *testing.T, start func(http.Handler) *httptest.Server) *server {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	box, err := mailbox.New(mailbox.Options{DB: db, Clock: clock.System, Account: account, Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	door := start(&door{sigv4.New(sigv4.Options{}), admin.New(admin.Mailbox(box))})
	t.Cleanup(door.Close)
	t.Setenv("AWS_ENDPOINT_URL", door.URL+"/")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_CA_BUNDLE", "")
	t.Setenv("SSL_CERT_FILE", "")
	if door.Certificate() != nil {
		ca := filepath.Join(t.TempDir(), "ca.pem")
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: door.Certificate().Raw})
		if err := os.WriteFile(ca, block, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("AWS_CA_BUNDLE", ca)
	}
	return &server{box, door.URL}
}

type door struct {
	verifier *sigv4.Verifier
	router   *admin.Router
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	claim, err := d.verifier.Parse(r)
	if err == nil {
		err = claim.Check(r, sha256.Sum256(nil), secret, time.Now())
	}
	if err != nil {
		answerError(w, http.StatusForbidden, "InvalidSignatureException", err.Error())
		return
	}
	var resp admin.Response
	route, vars, err := d.router.Find(r.Method, r.URL.EscapedPath())
	if err == nil {
		resp, err = route.Answer(r.Context(), admin.Request{
			Scope: scope.Scope{Account: account, Region: claim.Region}, Path: vars, Query: r.URL.Query(),
		})
	}
	var f *fault.Error
	if errors.As(err, &f) {
		status := map[fault.Kind]int{fault.NotFound: 404, fault.Invalid: 400}[f.Kind]
		answerError(w, status, map[int]string{404: "NotFoundException", 400: "BadRequestException"}[status], f.Text)
		return
	}
	w.Header().Set("Content-Type", resp.ContentType)
	_, _ = w.Write(resp.Body)
}

func answerError(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": text})
}

func (s *server) deliver(t *testing.T, to, message string) string {
	t.Helper()
	a, err := address.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.box.Deliver(context.Background(), mailbox.Envelope{
		From: address.Address{Local: "bounce", Domain: "example.com"}, To: []address.Address{a}, RemoteIP: netip.MustParseAddr("127.0.0.1"),
	}, []byte(message))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// run is the command line, as cmd/sesame has it.
func run(args ...string) (string, error) {
	var cli struct {
		Mail mailcli.Cmd `cmd:""`
	}
	var out bytes.Buffer
	parser, err := kong.New(&cli, kong.BindTo(&out, (*io.Writer)(nil)), kong.Exit(func(int) {}))
	if err != nil {
		return "", err
	}
	ctx, err := parser.Parse(append([]string{"mail"}, args...))
	if err != nil {
		return "", err
	}
	err = ctx.Run()
	return out.String(), err
}

const first = "From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject: first\r\n\r\nHello \x1b[31mBob\r\n"

const second = "From: c@example.com\r\nTo: zoe@example.net\r\nCc: d@example.net\r\nSubject: =?utf-8?q?two=1B=E2=80=AEx?=\r\n" +
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Hi\r\n--b\r\nContent-Type: text/csv; name=a.csv\r\n\r\n1,2\r\n--b--\r\n"

func TestCommands(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	s.deliver(t, "bob@example.net", first)
	s.deliver(t, "zoe@example.net", second)
	for _, c := range []struct {
		name string
		args []string
		want []string // what the output has
		not  string
	}{
		{"the list is a table", []string{"list"}, []string{"ID  RECEIVED", "Alice <alice@example.com>  bob@example.net  first\n", "2   ", "two �x\n"}, "\x1b"},
		{"a search", []string{"list", "--to", "bob@example.net", "--subject", "FIRST", "--query", "alice", "--since", "1h"}, []string{"first"}, "zoe"},
		{"since a time", []string{"list", "--since", "2100-01-01T00:00:00Z"}, []string{"SUBJECT\n"}, "first"},
		{"a limit", []string{"list", "--limit", "1"}, []string{"zoe"}, "bob"},
		{"one mail for people", []string{"show", "1"}, []string{"From:        Alice <alice@example.com>\n", "Subject:     first\n", "Envelope:    <bounce@example.com> -> bob@example.net\n", "\n\nHello �[31mBob\n"}, "\x1b"},
		{"a mail in HTML with attachments", []string{"show", "2"}, []string{"Cc:          d@example.net\n", "Attachment:  0 a.csv (text/csv, 3 bytes)\n", "\n\n<p>Hi\n"}, "\u202e"},
		{"the source", []string{"raw", "1"}, []string{first}, ""},
		{"a wait for mail that is there", []string{"wait", "--to", "bob@example.net", "--subject", "first", "--timeout", "5s"}, []string{"Hello"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := run(c.args...)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%q", want, out)
				}
			}
			if c.not != "" && strings.Contains(out, c.not) {
				t.Errorf("%q in\n%q", c.not, out)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	s := newServer(t, httptest.NewTLSServer)
	if !strings.HasPrefix(s.url, "https://") {
		t.Fatal(s.url)
	}
	s.deliver(t, "bob@example.net", first)
	s.deliver(t, "zoe@example.net", second)
	var list admin.MailList
	decode(t, &list, "list", "--json")
	if len(list.Messages) != 2 || list.Messages[1].Subject != "first" {
		t.Errorf("%+v", list)
	}
	var m admin.MailMessage
	decode(t, &m, "show", "2", "--json")
	if m.Id != "2" || m.Html != "<p>Hi" || len(m.Attachments) != 1 {
		t.Errorf("%+v", m)
	}
	m = admin.MailMessage{}
	decode(t, &m, "wait", "--to", "bob", "--json")
	if m.Id != "1" || m.Text != "Hello \x1b[31mBob\n" {
		t.Errorf("%+v", m)
	}
}

func decode(t *testing.T, v any, args ...string) {
	t.Helper()
	out, err := run(args...)
	if err == nil {
		err = json.Unmarshal([]byte(out), v)
	}
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

func TestListTakesAllPages(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	for range 501 {
		s.deliver(t, "bob@example.net", "\r\n")
	}
	for limit, want := range map[string]int{"0": 501, "500": 500, "501": 501, "3": 3} {
		var list admin.MailList
		decode(t, &list, "list", "--json", "--limit", limit)
		if len(list.Messages) != want || list.NextToken != "" {
			t.Errorf("limit %s: %d mails, want %d", limit, len(list.Messages), want)
		}
	}
}

func TestWaitIsWoken(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	came := make(chan error, 1)
	go func() {
		out, err := run("wait", "--to", "later@example.com", "--timeout", "1m")
		if err == nil && !strings.Contains(out, "Subject:     late") {
			err = errors.New(out)
		}
		came <- err
	}()
	s.deliver(t, "later@example.com", "Subject: late\r\n\r\n")
	if err := <-came; err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	s := newServer(t, httptest.NewServer)
	s.deliver(t, "bob@example.net", first)
	for _, c := range []struct {
		name string
		env  [2]string
		args []string
		want string
	}{
		{"no mail in time", [2]string{}, []string{"wait", "--to", "nobody", "--subject", "x", "--timeout", "50ms"}, `no mail to "nobody" with subject "x" came within 50ms`},
		{"no time at all", [2]string{}, []string{"wait", "--timeout", "0s", "--query", "nothing"}, `no mail with "nothing" came within 0s`},
		{"an unknown mail", [2]string{}, []string{"show", "99"}, "the server answered 404 NotFoundException: Message 99 does not exist."},
		{"an id with a slash", [2]string{}, []string{"raw", "1/raw"}, "the server answered 404 NotFoundException: Message 1/raw does not exist."},
		{"a bad search", [2]string{}, []string{"list", "--to", strings.Repeat("x", 600)}, "the server answered 400 BadRequestException: A search has at most 500 characters."},
		{"a bad time", [2]string{}, []string{"list", "--since", "noon"}, `--since "noon" is neither a time such as 2026-03-01T12:00:00Z nor a duration such as 5m`},
		{"no endpoint", [2]string{"AWS_ENDPOINT_URL", ""}, []string{"list"}, "AWS_ENDPOINT_URL not set: source the environment"},
		{"no region", [2]string{"AWS_REGION", ""}, []string{"wait"}, "AWS_REGION not set"},
		{"an endpoint that is no address", [2]string{"AWS_ENDPOINT_URL", "localhost:8025"}, []string{"raw", "1"}, `AWS_ENDPOINT_URL is "localhost:8025", which is no http or https address`},
		{"a server that is not there", [2]string{"AWS_ENDPOINT_URL", "http://127.0.0.1:1"}, []string{"show", "1"}, "cannot reach http://127.0.0.1:1: "},
		{"a wrong secret", [2]string{"AWS_SECRET_ACCESS_KEY", "wrong"}, []string{"list"}, "the server answered 403 InvalidSignatureException: "},
		{"a CA bundle that is not there", [2]string{"AWS_CA_BUNDLE", "/nonexistent"}, []string{"list"}, "AWS_CA_BUNDLE: open /nonexistent"},
		{"a CA bundle that is none", [2]string{"SSL_CERT_FILE", os.DevNull}, []string{"list"}, "SSL_CERT_FILE: /dev/null holds no certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.env[0] != "" {
				t.Setenv(c.env[0], c.env[1])
			}
			if c.env[0] == "AWS_REGION" {
				t.Setenv("AWS_DEFAULT_REGION", "")
			}
			out, err := run(c.args...)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || out != "" {
				t.Errorf("error %v, want %s\n%s", err, c.want, out)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is in %v", err)
			}
		})
	}
}

func TestAServerWithoutAMailboxIsNamedAtOnce(t *testing.T) {
	newServer(t, httptest.NewServer)
	for name, h := range map[string]http.HandlerFunc{
		"the server answered 404 NotFoundException: The admin API has no such operation.": func(w http.ResponseWriter, _ *http.Request) {
			answerError(w, 404, "NotFoundException", "The admin API has no such operation.")
		},
		"the server answered 302":         func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/else", http.StatusFound) },
		"the server answered 500 X: �[2J": func(w http.ResponseWriter, _ *http.Request) { answerError(w, 500, "X", "\x1b[2J") },
		"the answer of http://127.0.0.1":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
	} {
		other := httptest.NewServer(h)
		t.Setenv("AWS_ENDPOINT_URL", other.URL)
		if _, err := run("wait", "--timeout", "1h"); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("error %v, want %s", err, name)
		}
		other.Close()
	}
}
