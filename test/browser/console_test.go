// SPDX-License-Identifier: Apache-2.0

package browser_test

import (
	"errors"
	"net/smtp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"sesame/test/harness"
)

// minConsole is how small text of the page for developers may be on a phone.
const minConsole = 14

// arrive puts a mail into the mailbox by its own SMTP door, and returns its path.
func arrive(t *testing.T, s *harness.Server, subject, body string) string {
	t.Helper()
	to := strings.ReplaceAll(strings.ToLower(subject), " ", "-") + "@example.net"
	mail := "From: A Sender <sender@example.com>\r\nTo: " + to + "\r\nSubject: " + subject + "\r\n" + body
	c, err := smtp.Dial(s.MX)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = errors.Join(c.Mail("bounce@example.com"), c.Rcpt(to))
	w, fail := c.Data()
	if err = errors.Join(err, fail); err != nil {
		t.Fatal(err)
	}
	_, err = w.Write([]byte(mail))
	if err = errors.Join(err, w.Close(), c.Quit()); err != nil {
		t.Fatal(err)
	}
	return "/mail/" + s.WaitMail(t, to, subject).Id
}

// ordinary is a mail with both forms and an attachment.
const ordinary = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n" +
	"--a\r\nContent-Type: text/plain\r\n\r\nHello, see https://example.com/a/rather/long/address/that/has/no/place/to/break/at/all?in=it\r\n" +
	"--a\r\nContent-Type: text/html\r\n\r\n<h1>Hello</h1><p>It <a href=\"https://example.com/\">works</a>.</p>\r\n--a--\r\n" +
	"--m\r\nContent-Type: application/pdf; name=\"A report.pdf\"\r\nContent-Disposition: attachment\r\n\r\n%PDF\r\n--m--\r\n"

func TestConsole(t *testing.T) {
	t.Parallel()
	s := harness.Dev(t)
	b := harness.StartBrowser(t, nil)
	tabs := map[harness.Look]*harness.Tab{}
	for _, look := range []harness.Look{{}, {Phone: true}, {Phone: true, Dark: true}} {
		tabs[look] = b.Tab(t, look)
		t.Run("empty "+look.String(), func(t *testing.T) { wantFitConsole(t, tabs[look], s.Endpoint+"/", "console-empty") })
	}
	path := arrive(t, s, "Ordinary", ordinary)
	arrive(t, s, "A subject that is longer than a line of a phone and goes on", "\r\nShort\r\n")
	for look, tab := range tabs {
		t.Run(look.String(), func(t *testing.T) {
			for _, c := range []struct{ name, path string }{
				{"list", "/"}, {"search", "/?q=ordinary"}, {"nothing", "/?q=nothing"}, {"error", "/mail/999"},
				{"html", path + "?tab=html"}, {"text", path + "?tab=text"}, {"headers", path + "?tab=headers"},
				{"source", path + "?tab=source"}, {"attachments", path + "?tab=attachments"},
			} {
				t.Run(c.name, func(t *testing.T) { wantFitConsole(t, tab, s.Endpoint+c.path, "console-"+c.name) })
			}
		})
	}
	if got := b.Outside(); len(got) > 0 {
		t.Errorf("the browser dialled %q", got)
	}
	t.Run("read and deleted by keyboard, without scripts", func(t *testing.T) {
		tab := b.Tab(t, harness.Look{NoScript: true})
		tab.Open(s.Endpoint + "/")
		to := func(name string) {
			t.Helper()
			for range 20 {
				tab.Press(kb.Tab)
				if strings.Contains(harness.Eval[string](tab, "document.activeElement.textContent"), name) {
					return
				}
			}
			t.Fatalf("the focus never comes to %s", name)
		}
		to("Ordinary")
		if a := tab.PressThrough(kb.Enter); a.URL != s.Endpoint+path {
			t.Fatalf("at %s", a.URL)
		}
		to("Delete")
		if a := tab.PressThrough(kb.Enter); a.URL != s.Endpoint+"/" || len(s.Mails(t)) != 1 {
			t.Fatalf("at %s, %d mails", a.URL, len(s.Mails(t)))
		}
		to("Delete all")
		tab.Press(kb.Enter) // which asks
		to("Delete all mail")
		if tab.PressThrough(kb.Enter); len(s.Mails(t)) != 0 {
			t.Errorf("%d mails", len(s.Mails(t)))
		}
	})
	t.Run("new mail is shown by itself", func(t *testing.T) {
		for _, look := range []harness.Look{{}, {NoScript: true}} {
			tab := b.Tab(t, look)
			tab.Open(s.Endpoint + "/")
			arrive(t, s, "News for "+look.String(), "\r\nx\r\n")
			harness.Eventually(t, "the list to show it", func() bool { return strings.Contains(tab.Text(), "News for "+look.String()) })
		}
	})
}

func wantFitConsole(t *testing.T, tab *harness.Tab, url, name string) {
	t.Helper()
	tab.Open(url)
	tab.Shot(name)
	for _, flaw := range tab.Flaws(minConsole) {
		t.Error(flaw)
	}
	for _, stop := range tab.Walk() {
		if !stop.Visible {
			t.Errorf("the focus on %q is not seen", stop.Name)
		}
	}
	if got := tab.Complaints(); len(got) > 0 {
		t.Errorf("the browser complains: %q", got)
	}
}

// TestHostileMail shows mail that wants out of its frame. Whatever it tries is forbidden,
// and nobody is dialled unless the reader clicks, so that its sender does not even learn
// that it was read.
func TestHostileMail(t *testing.T) {
	t.Parallel()
	s := harness.Dev(t)
	b := harness.StartBrowser(t, nil)
	tab := b.Tab(t, harness.Look{})
	const evil = "http://evil.example"
	wide := `style="position:fixed;inset:0;width:100%;height:100%;display:block"`
	for _, c := range []struct {
		name, html string
		click      bool // the mail has its reader click on it
	}{
		{"a script", `<script>top.document.title="owned";location="` + evil + `/script"</script>`, false},
		{"a handler", `<img src="data:," onerror="top.document.title='owned'"><svg onload="top.document.title='owned'"></svg><body onload="top.document.title='owned'">`, false},
		{"a remote picture", `<img src="` + evil + `/a.png"><img srcset="` + evil + `/b.png 2x"><picture><source srcset="` + evil + `/c.png"><img></picture><input type="image" src="` + evil + `/d.png">`, false},
		{"a picture in a style", `<style>@import "` + evil + `/a.css"; body { background: url(` + evil + `/b.png) } @font-face { font-family: f; src: url(` + evil + `/f.woff) } p { font-family: f }</style><p style="background:url(` + evil + `/c.png)">x</p>`, false},
		{"media", `<video src="` + evil + `/v.mp4" poster="` + evil + `/p.png" autoplay></video><audio src="` + evil + `/a.mp3" autoplay></audio><track src="` + evil + `/t">`, false},
		{"a page inside", `<iframe src="` + evil + `/f"></iframe><object data="` + evil + `/o"></object><embed src="` + evil + `/e"><iframe srcdoc="<script>top.document.title='owned'</script>"></iframe>`, false},
		{"a refresh", `<meta http-equiv="refresh" content="0;url=` + evil + `/refresh">`, false},
		{"a policy of its own", `<meta http-equiv="Content-Security-Policy" content="img-src *"><img src="` + evil + `/a.png">`, false},
		{"a connection ahead", `<link rel="preconnect" href="` + evil + `"><link rel="dns-prefetch" href="//evil.example"><link rel="prefetch" href="` + evil + `/a"><link rel="preload" as="image" href="` + evil + `/b"><link rel="icon" href="` + evil + `/i.png"><link rel="stylesheet" href="` + evil + `/s.css">`, false},
		{"another base", `<base href="` + evil + `/"><img src="a.png">`, false},
		{"a form to another site", `<form method="post" action="` + evil + `/form"><button ` + wide + `>Win</button></form>`, true},
		{"a form to the page", `<form method="post" action="` + s.Endpoint + `/mail/delete"><button ` + wide + `>Win</button></form>`, true},
		{"a form to the API", `<form method="post" action="` + s.Endpoint + `/?Action=DeleteIdentity&Identity=example.com"><button ` + wide + `>Win</button></form>`, true},
		{"a form to the admin API", `<form method="post" target="_top" action="` + s.Endpoint + `/_sesame/v1/mailbox/messages"><button ` + wide + `>Win</button></form>`, true},
		{"a link to the whole window", `<a target="_top" href="` + evil + `/top" ` + wide + `>Win</a>`, true},
		{"a link to the frame", `<a target="_self" href="` + evil + `/self" ` + wide + `>Win</a>`, true},
		{"a link that runs", `<a href="javascript:top.document.title='owned'" ` + wide + `>Win</a>`, true},
		{"an end of the frame", `"></iframe><script>document.title="owned"</script><img src="` + evil + `/out.png">`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := arrive(t, s, c.name, "Content-Type: text/html\r\n\r\n"+c.html+"\r\n")
			before := len(b.Outside())
			tab.Open(s.Endpoint + path)
			if c.click {
				box := harness.Eval[[]float64](tab, `(b => [b.x + b.width / 2, b.y + 100])(document.querySelector("iframe").getBoundingClientRect())`)
				tab.ClickAt(box[0], box[1])
			}
			harness.Eventually(t, "the browser to forbid it", func() bool {
				said := strings.Join(tab.Complaints(), "\n")
				return strings.Contains(said, "sandboxed") || strings.Contains(said, "Content Security Policy")
			})
			if title := harness.Eval[string](tab, "document.title"); title != c.name+" · Sesame" || tab.URL() != s.Endpoint+path {
				t.Errorf("the page is %q at %s", title, tab.URL())
			}
			for _, call := range b.Outside()[before:] {
				if !c.click || call != "a connection" { // Chromium dials what was clicked before it looks at the policy
					t.Errorf("the browser dialled %q", call)
				}
			}
			for _, r := range tab.Requests() {
				if !strings.HasPrefix(r, "GET "+s.Endpoint) && !strings.HasPrefix(r, "GET data:") {
					t.Errorf("the page asked for %s", r)
				}
			}
			if !slices.ContainsFunc(s.Mails(t), func(m harness.Message) bool { return m.Subject == c.name }) {
				t.Error("the mail is gone")
			}
		})
	}
}
