// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/mailbox"
	"sesame/internal/core/store"
	"sesame/internal/edge/console"
)

// site is the console with a mailbox behind it.
type site struct {
	box     *mailbox.Mailbox
	handler http.Handler
	clock   *clock.Fake
}

func newSite(t testing.TB) *site {
	t.Helper()
	db, err := store.Open(context.Background(), store.Options{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	now := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	box, err := mailbox.New(mailbox.Options{DB: db, Clock: now.Now, Account: "123456789012", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return &site{box, console.New(box, console.Options{Clock: now.Now, Location: time.UTC}), now}
}

func (s *site) deliver(t testing.TB, message string) string {
	t.Helper()
	id, err := s.box.Deliver(context.Background(), mailbox.Envelope{
		From: address.Address{Local: "bounce", Domain: "example.com"}, To: []address.Address{{Local: "bob", Domain: "example.net"}},
		RemoteIP: netip.MustParseAddr("127.0.0.1"), TLS: "TLS 1.3",
	}, []byte(message))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (s *site) do(method, target string, headers ...string) (*http.Response, string) {
	r := httptest.NewRequest(method, "http://localhost:8025"+target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	resp := w.Result()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(err) // a recorder's body is in memory
	}
	return resp, string(body)
}

// get asks for a page that must be there.
func (s *site) get(t *testing.T, target string) (*http.Response, string) {
	t.Helper()
	resp, body := s.do("GET", target)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %d\n%s", target, resp.StatusCode, body)
	}
	return resp, body
}

func contains(t *testing.T, body string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
}

const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`

// hostile is a mail with markup in all that the page shows.
const hostile = "From: " + evil + "\r\nTo: " + evil + "\r\nCc: " + evil + "\r\nSubject: " + evil + "\r\nMessage-ID: <" + evil + ">\r\nX-" +
	"Evil: " + evil + "\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + evil +
	" https://example.com/\"onclick=alert(1) javascript:alert(1)\r\n--b\r\nContent-Type: text/html\r\n\r\n" + evil +
	"'\"</iframe><script>alert(2)</script>\r\n--b\r\nContent-Type: text/<script>; name=\"<script>alert(1)< script>\"\r\n\r\nx\r\n--b--\r\n"

func TestMarkupOfAMailIsShownAsText(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.deliver(t, hostile)
	frame := regexp.MustCompile(`(?s)srcdoc="[^"]*"`)
	for _, target := range []string{
		"/", "/?q=" + "%3Cscript%3E", "/?q=%22%3E%3Cscript%3Enothing", "/mail/" + id, "/mail/" + id + "?tab=html", "/mail/" + id + "?tab=text",
		"/mail/" + id + "?tab=headers", "/mail/" + id + "?tab=source", "/mail/" + id + "?tab=attachments",
	} {
		t.Run(target, func(t *testing.T) {
			_, body := s.get(t, target)
			body = frame.ReplaceAllString(body, "")
			scripts := strings.Count(body, "<script") - strings.Count(body, `<script src="/assets/console.js" defer>`)
			if scripts != 0 || strings.Contains(body, "<img") || regexp.MustCompile(`<[^>]*\son\w+\s*=`).MatchString(body) || strings.Contains(body, `href="javascript`) {
				t.Errorf("markup got through:\n%s", body)
			}
		})
	}
}

func TestHTMLRunsInASandbox(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.deliver(t, hostile)
	resp, body := s.get(t, "/mail/"+id)

	found := regexp.MustCompile(`<iframe[^>]*>`).FindAllString(body, -1)
	if len(found) != 1 {
		t.Fatalf("%d frames in\n%s", len(found), body)
	}
	sandbox := regexp.MustCompile(` sandbox="([^"]*)"`).FindStringSubmatch(found[0])
	if sandbox == nil {
		t.Fatalf("no sandbox: %s", found[0])
	}
	for token := range strings.FieldsSeq(sandbox[1]) {
		switch token {
		case "allow-popups", "allow-popups-to-escape-sandbox": // links open in a window of their own
		default:
			t.Errorf("the sandbox has %s", token)
		}
	}
	srcdoc := regexp.MustCompile(` srcdoc="([^"]*)"`).FindStringSubmatch(found[0])
	if srcdoc == nil || strings.Contains(strings.Replace(found[0], srcdoc[0], "", 1), " src=") {
		t.Fatalf("the frame's content is not in place: %s", found[0])
	}
	doc := html.UnescapeString(srcdoc[1])
	if want := `<!doctype html><base target="_blank">` + evil + `'"</x-iframe><script>alert(2)</script>`; doc != want {
		t.Errorf("the frame has %q, want %q", doc, want)
	}

	// The frame has the policy of the page: no script, nothing from anywhere.
	p := policy(t, resp)
	want := map[string]string{
		"default-src": "'none'", "img-src": "data:", "font-src": "data:", "style-src": "'self' 'unsafe-inline'",
		"form-action": "'self'", "base-uri": "'none'", "frame-ancestors": "'none'",
	}
	for name, value := range p {
		if want[name] != value {
			t.Errorf("the policy has %s %s", name, value)
		}
	}
	for name := range want {
		if _, ok := p[name]; !ok {
			t.Errorf("the policy has no %s", name)
		}
	}
}

// policy takes the Content-Security-Policy of an answer apart.
func policy(t *testing.T, resp *http.Response) map[string]string {
	t.Helper()
	all := map[string]string{}
	for directive := range strings.SplitSeq(resp.Header.Get("Content-Security-Policy"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), " ")
		all[name] = value
	}
	return all
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.deliver(t, hostile)
	for _, c := range []struct{ method, target string }{
		{"GET", "/"}, {"GET", "/mail/" + id}, {"GET", "/mail/" + id + "?tab=text"}, {"GET", "/mail/" + id + "/source.eml"},
		{"GET", "/mail/" + id + "/attachments/0"}, {"GET", "/assets/console.css"}, {"GET", "/assets/console.js"}, {"GET", "/assets/newest"},
		{"GET", "/nothing"}, {"GET", "/mail/999"}, {"PUT", "/"}, {"HEAD", "/"}, {"POST", "/mail/999/delete"}, {"GET", "/?next=bad"},
	} {
		t.Run(c.method+" "+c.target, func(t *testing.T) {
			resp, _ := s.do(c.method, c.target)
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
				"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store",
				"X-Dns-Prefetch-Control": "off",
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			p := policy(t, resp)
			if p["default-src"] != "'none'" || p["frame-ancestors"] != "'none'" {
				t.Errorf("policy %v", p)
			}
			if script, ok := p["script-src"]; ok && (script != "'self'" || c.target != "/") {
				t.Errorf("scripts are allowed from %s", script)
			}
		})
	}
}

func TestDownloadsAreNeverShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.deliver(t, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; name=\"=?utf-8?q?=C3=A4_=22x=22=2Ehtml?=\"\r\n\r\n<script>\r\n"+
		"--b\r\nContent-Type: image/svg+xml\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nPHN2Zz4=\r\n--b--\r\n")
	for _, c := range []struct{ target, disposition, kind, body string }{
		{"/attachments/0", "attachment; filename*=utf-8''%C3%A4%20%22x%22.html", "application/octet-stream", "<script>"},
		{"/attachments/1", "attachment; filename=attachment-2.svg", "application/octet-stream", "<svg>"},
		{"/source.eml", "attachment; filename=message-1.eml", "message/rfc822", ""},
	} {
		t.Run(c.target, func(t *testing.T) {
			resp, body := s.get(t, "/mail/"+id+c.target)
			if got := resp.Header.Get("Content-Disposition"); got != c.disposition {
				t.Errorf("disposition %q, want %q", got, c.disposition)
			}
			if got := resp.Header.Get("Content-Type"); got != c.kind || c.body != "" && body != c.body {
				t.Errorf("%s %q", got, body)
			}
			if _, ok := policy(t, resp)["sandbox"]; !ok {
				t.Error("no sandbox")
			}
		})
	}
	for _, target := range []string{"/mail/1/attachments/2", "/mail/1/attachments/-1", "/mail/1/attachments/x", "/mail/2/attachments/0", "/mail/2/source.eml", "/mail/x"} {
		if resp, _ := s.do("GET", target); resp.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", target, resp.StatusCode)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, body := s.get(t, "/")
	contains(t, body, "No mail yet", "http://localhost:8025", ". ./.sesame/dev.env", `data-newest="0"`)

	s.deliver(t, "From: Old <old@example.com>\r\nSubject: last year\r\n\r\n")
	s.clock.Advance(400 * 24 * time.Hour)
	s.deliver(t, "From: Alice <alice@example.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n")
	s.clock.Advance(48 * time.Hour)
	s.deliver(t, "")
	_, body = s.get(t, "/")
	contains(t, body, "Alice &lt;alice@example.com&gt;", "Grüße", "to bob@example.net", "(no subject)", "(no sender)",
		">2026-03-01<", ">5 Apr 12:00<", ">12:00:00<", `datetime="2027-04-07T12:00:00Z"`, `data-newest="3"`, "Delete all")
	if strings.Index(body, "Grüße") > strings.Index(body, "last year") {
		t.Error("the newest mail is not first")
	}
	_, body = s.get(t, "/?q=GR%C3%9C")
	contains(t, body, "Grüße", `value="GRÜ"`)
	if strings.Contains(body, "last year") {
		t.Error("the search finds what does not match")
	}
	_, body = s.get(t, "/?q=nothing")
	contains(t, body, "Nothing found")
	if _, body = s.get(t, "/assets/newest"); body != "3" {
		t.Errorf("the newest is %q", body)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 51 {
		s.deliver(t, fmt.Sprintf("Subject: mail no. %d.\r\n\r\n", i))
	}
	_, body := s.get(t, "/?q=mail+no")
	older := regexp.MustCompile(`href="(/\?next=[^"]*)"`).FindStringSubmatch(body)
	if older == nil || strings.Contains(body, "mail no. 0.") {
		t.Fatalf("first page:\n%s", body)
	}
	_, body = s.get(t, html.UnescapeString(older[1]))
	contains(t, body, "mail no. 0.", `href="/?q=mail%20no"`)
	if strings.Contains(body, "mail no. 1.") || strings.Contains(body, "console.js") {
		t.Errorf("second page:\n%s", body)
	}
}

func TestTabs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	picture := base64.StdEncoding.EncodeToString([]byte("pixels"))
	id := s.deliver(t, "From: a@example.com\r\nX-Folded: one\r\n two\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"+
		"--b\r\n\r\nGo to https://example.com/a?b=c&d=e.\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src=\"cid:a%40b\"><img src='CID:none'>\r\n"+
		"--b\r\nContent-Type: image/png\r\nContent-ID: <a@b>\r\nContent-Transfer-Encoding: base64\r\n\r\n"+picture+"\r\n--b--\r\n")
	for _, c := range []struct {
		name, tab string
		want      []string
	}{
		{"HTML comes first, with its own pictures in place", "", []string{html.EscapeString(`<img src="`) + "data:image/png;base64," + picture, "CID:none"}},
		{"an unknown tab is the first", "?tab=none", []string{"<iframe"}},
		{"text, whose links can be followed", "?tab=text", []string{`Go to <a href="https://example.com/a?b=c&amp;d=e" target="_blank" rel="noopener noreferrer">https://example.com/a?b=c&amp;d=e</a>.`}},
		{"header fields, unfolded", "?tab=headers", []string{`<th scope="row">X-Folded</th><td>one two</td>`}},
		{"the source", "?tab=source", []string{"<pre>From: a@example.com\r\nX-Folded: one\r\n two"}},
		{"attachments", "?tab=attachments", []string{`<a href="/mail/1/attachments/0">attachment-1.png</a> <span>image/png</span> <span>6 B</span>`}},
		{"the envelope", "", []string{"&lt;bounce@example.com&gt;", "from 127.0.0.1 over TLS 1.3", "Attachments <b>1</b>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, body := s.get(t, "/mail/"+id+c.tab)
			contains(t, body, c.want...)
		})
	}
}

func TestLongMailIsCut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.deliver(t, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"+strings.Repeat("ä ", 1<<20)+
		"\r\n--b\r\nContent-Type: text/html\r\n\r\n"+strings.Repeat("cid:big ", 1<<18)+
		"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <big>\r\n\r\n"+strings.Repeat("x", 1<<20)+"\r\n--b--\r\n")
	for _, tab := range []string{"html", "text", "source"} {
		_, body := s.get(t, "/mail/"+id+"?tab="+tab)
		if !strings.Contains(body, "only the beginning") || len(body) > 15<<20 {
			t.Errorf("%s: %d bytes", tab, len(body))
		}
	}
}

func TestDeletion(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for range 3 {
		s.deliver(t, "Subject: x\r\n\r\n")
	}
	left := func(want int) {
		t.Helper()
		p, err := s.box.List(t.Context(), mailbox.Query{})
		if err != nil || len(p.Messages) != want {
			t.Fatalf("%d mails are left, %v, want %d", len(p.Messages), err, want)
		}
	}
	for _, c := range []struct {
		name, target string
		headers      []string
		status, left int
	}{
		{"a form of another site", "/mail/delete", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden, 3},
		{"a form of another site of this machine", "/mail/delete", []string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden, 3},
		{"a form of another site in an old browser", "/mail/delete", []string{"Origin", "http://evil.example"}, http.StatusForbidden, 3},
		{"a form out of a sandbox", "/mail/1/delete", []string{"Origin", "null"}, http.StatusForbidden, 3},
		{"the page's own form for one mail", "/mail/1/delete", []string{"Sec-Fetch-Site", "same-origin"}, http.StatusSeeOther, 2},
		{"a mail that is gone", "/mail/1/delete", []string{"Sec-Fetch-Site", "same-origin"}, http.StatusSeeOther, 2},
		{"the page's own form for all, in an old browser", "/mail/delete", []string{"Origin", "http://localhost:8025"}, http.StatusSeeOther, 0},
	} {
		resp, body := s.do("POST", c.target, c.headers...)
		if resp.StatusCode != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, resp.StatusCode, body, c.status)
		}
		left(c.left)
	}
	s.deliver(t, "\r\n")
	for _, target := range []string{"/mail/delete", "/mail/4/delete"} { // a link must not delete
		if resp, _ := s.do("GET", target); resp.StatusCode == http.StatusOK {
			t.Errorf("GET %s: %d", target, resp.StatusCode)
		}
	}
	left(1)
}

// broken is a mailbox whose database is away.
type broken struct{ console.Mailbox }

func (broken) List(context.Context, mailbox.Query) (mailbox.Page, error) {
	return mailbox.Page{}, &fault.Error{Kind: fault.Unavailable, Text: "Temporary service failure", Err: fmt.Errorf("secret detail")}
}

func TestErrorsHaveAPage(t *testing.T) {
	t.Parallel()
	s := &site{handler: console.New(broken{}, console.Options{})}
	resp, body := s.do("GET", "/")
	if resp.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "secret") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	contains(t, body, "Temporary service failure")
	s = newSite(t)
	for target, want := range map[string]int{"/nothing": 404, "/mail/7": 404, "/?next=x": 400, "/?q=" + strings.Repeat("x", 600): 400} {
		resp, body := s.do("GET", target)
		if resp.StatusCode != want || !strings.Contains(body, "To the mailbox") {
			t.Errorf("GET %.20s: %d %s", target, resp.StatusCode, body)
		}
	}
}

func FuzzMessagePage(f *testing.F) {
	s := newSite(f)
	f.Add([]byte(hostile))
	f.Add([]byte("Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\ncid:a\r\n--b\r\nContent-Type: image/x\"y\r\nContent-ID: a\r\n\r\n--b--"))
	f.Add([]byte("\xff\x00"))
	outside := regexp.MustCompile(`(?s)srcdoc="[^"]*"`)
	f.Fuzz(func(t *testing.T, message []byte) {
		id := s.deliver(t, string(message))
		defer func() {
			if err := s.box.Delete(context.Background(), id); err != nil {
				t.Error(err)
			}
		}()
		for _, tab := range []string{"html", "text", "headers", "source", "attachments"} {
			resp, body := s.do("GET", "/mail/"+id+"?tab="+tab)
			body = outside.ReplaceAllString(body, "")
			if resp.StatusCode != http.StatusOK || strings.Contains(body, "<script") || strings.Contains(body, "<img") {
				t.Errorf("%s: %d %s", tab, resp.StatusCode, body)
			}
		}
	})
}
