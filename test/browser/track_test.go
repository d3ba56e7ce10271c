// SPDX-License-Identifier: Apache-2.0

package browser_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"sesame/internal/core/event"
	"sesame/test/harness"
)

// tracked makes a sender and a configuration set that publishes opens and clicks.
func tracked(t *testing.T, s *harness.Server) {
	t.Helper()
	for _, c := range []struct {
		path string
		body any
	}{
		{"/v2/email/identities", map[string]any{"EmailIdentity": "example.com"}},
		{"/v2/email/configuration-sets", map[string]any{"ConfigurationSetName": "news"}},
		{"/v2/email/configuration-sets/news/event-destinations", map[string]any{"EventDestinationName": "all", "EventDestination": map[string]any{
			"Enabled": true, "MatchingEventTypes": []string{"OPEN", "CLICK"},
			"EventBridgeDestination": map[string]string{"EventBusArn": "arn:aws:events:" + harness.Region + ":" + harness.Account + ":event-bus/default"},
		}}},
	} {
		if status, body := s.Call(t, "POST", c.path, c.body); status != http.StatusOK {
			t.Fatalf("%s: HTTP %d: %s", c.path, status, body)
		}
	}
}

// told waits for the one event of a kind that a message has, and returns what it says.
func told(t *testing.T, s *harness.Server, kind event.Kind, id string) event.Detail {
	t.Helper()
	var payload string
	harness.Eventually(t, "the event "+string(kind), func() (ok bool) {
		payload, ok = s.Stored(t, "SELECT payload FROM outbox WHERE kind = ? AND message_id = ?", string(kind), id)
		return ok
	})
	if n, _ := s.Stored(t, "SELECT count(*) FROM outbox WHERE kind = ? AND message_id = ?", string(kind), id); n != "1" {
		t.Errorf("%s events of %s: %s", n, id, kind)
	}
	var d event.Detail
	if err := json.Unmarshal([]byte(payload), &d); err != nil || d.Engagement == nil {
		t.Fatalf("%s: %s", kind, payload)
	}
	return d
}

// target is what the tracked link is to.
const target = "http://www.example.com/sale?a=1&b=%C3%A4&next=http%3A%2F%2Fexample.net%2F#top"

// inbox is where the mail program on the web shows a mail.
const inbox = "http://webmail.example.net/inbox"

// web is a browser with what else there is on the web: the sender's site, which says what
// was asked for, and the mail program, which shows the HTML that is stored in shown.
func web(t *testing.T, hosts map[string]string, trusted ...harness.Certificate) (b *harness.Browser, shown *atomic.Value) {
	t.Helper()
	shown = &atomic.Value{}
	all := map[string]string{}
	for host, serve := range map[string]http.HandlerFunc{
		"www.example.com": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><p>%s by %q</p>`, r.URL, r.Header.Get("Referer"))
		},
		"webmail.example.net": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,">%s`, shown.Load())
		},
	} {
		s := httptest.NewServer(serve)
		t.Cleanup(s.Close)
		all[host] = s.Listener.Addr().String()
	}
	maps.Copy(all, hosts)
	return harness.StartBrowser(t, all, trusted...), shown
}

// sale mails the link to target to an address.
func sale(t *testing.T, s *harness.Server, to string) {
	t.Helper()
	status, body := s.Call(t, "POST", "/v2/email/outbound-emails", map[string]any{
		"FromEmailAddress": "news@example.com", "Destination": map[string]any{"ToAddresses": []string{to}}, "ConfigurationSetName": "news",
		"Content": map[string]any{"Simple": map[string]any{"Subject": map[string]string{"Data": "Sale"}, "Body": map[string]any{"Html": map[string]string{
			"Data": `<p>Everything must go: <a ses:tags="place:top" href="` + strings.ReplaceAll(target, "&", "&amp;") + `">see what</a></p>`,
		}}}},
	})
	if status != http.StatusOK {
		t.Fatalf("SendEmail: HTTP %d: %s", status, body)
	}
}

// follows has the reader look at the mail in the inbox and follow its link, both at the
// host, and returns the link.
func follows(t *testing.T, b *harness.Browser, tab *harness.Tab, host string) (link string) {
	t.Helper()
	tab.Open(inbox)
	if size := harness.Eval[[]int](tab, `(i => [i.naturalWidth, i.naturalHeight, i.getBoundingClientRect().height])(document.querySelector("img"))`); !slices.Equal(size, []int{1, 1, 0}) {
		t.Errorf("the picture is %v", size)
	}
	link, picture := harness.Eval[string](tab, `document.querySelector("a").href`), harness.Eval[string](tab, `document.querySelector("img").src`)
	if !strings.HasPrefix(link, host+"/L0/") || !strings.HasPrefix(picture, host+"/I0/") {
		t.Fatalf("the link is %s, the picture %s", link, picture)
	}
	answer := tab.ClickThrough("a")
	path, _, _ := strings.Cut(strings.TrimPrefix(target, "http://www.example.com"), "#")
	if text := tab.Text(); answer.Status != http.StatusOK || tab.URL() != target || text != path+` by ""` {
		t.Errorf("HTTP %d at %s: %s", answer.Status, tab.URL(), text)
	}
	wantOnly(t, b, tab, "GET "+inbox, "GET "+picture, "GET "+link, "GET "+strings.TrimSuffix(target, "#top"))
	return link
}

// wantTold checks the events of a message that was read and followed by the tab.
func wantTold(t *testing.T, s *harness.Server, tab *harness.Tab, id, to string) {
	t.Helper()
	agent := harness.Eval[string](tab, "navigator.userAgent")
	for kind, want := range map[event.Kind]event.Engagement{event.Open: {}, event.Click: {Link: target, LinkTags: map[string][]string{"place": {"top"}}}} {
		want.IPAddress, want.UserAgent, want.Verdict, want.Reason = "127.0.0.1", agent, event.Automated, "agent: headlesschrome"
		if d := told(t, s, kind, id); !reflect.DeepEqual(*d.Engagement, want) || !slices.Equal(d.Recipients, []string{to}) {
			t.Errorf("%s: %+v of %q", kind, *d.Engagement, d.Recipients)
		}
	}
}

// TestTrackedMail is read by its recipient in a mail program on the web, who follows its
// link to the sender's site. The developer who looks at it in the mailbox has not opened it.
func TestTrackedMail(t *testing.T) {
	t.Parallel()
	s := harness.Dev(t)
	tracked(t, s)
	b, shown := web(t, nil)
	for _, look := range harness.Looks() {
		t.Run(look.String(), func(t *testing.T) {
			to := look.String() + "@example.net"
			sale(t, s, to)
			m := s.WaitMail(t, to, "Sale")
			tab := b.Tab(t, look)
			tab.Open(s.Endpoint + "/mail/" + m.Id)
			if slices.ContainsFunc(tab.Requests(), func(r string) bool { return strings.Contains(r, "/I0/") }) {
				t.Error("the mailbox has loaded the picture")
			}
			shown.Store(m.Html)
			link := follows(t, b, tab, s.Endpoint)
			wantTold(t, s, tab, m.MessageId, to)
			if answer := tab.Open(link[:len(link)-4] + "aaaa"); answer.Status != http.StatusNotFound || strings.Contains(tab.Text(), "example.com") {
				t.Errorf("a forged link: HTTP %d: %s", answer.Status, tab.Text())
			}
		})
	}
}

// TestMailTrackedByHTTPS is sent by a real server with the sender's own tracking domain,
// which has a certificate; a dev server catches it.
func TestMailTrackedByHTTPS(t *testing.T) {
	t.Parallel()
	const host = "go.example.com"
	catcher, ca := harness.Dev(t), harness.NewCA(t, harness.Dir(t))
	cert := ca.Issue(t, "localhost", "127.0.0.1", host)
	c := harness.ServeConfig(t)
	c.TLS = harness.TLS{CertFile: cert.CertFile, KeyFile: cert.KeyFile}
	c.Routes = []harness.Route{{Domain: "*", Hosts: []string{catcher.MX}, TLS: "none"}}
	s := harness.Serve(t, c)
	tracked(t, s)
	s.VerifyIdentity(t, "example.com")
	if status, body := s.Call(t, "PUT", "/v2/email/configuration-sets/news/tracking-options", map[string]string{"CustomRedirectDomain": host, "HttpsPolicy": "REQUIRE"}); status != http.StatusOK {
		t.Fatalf("PutConfigurationSetTrackingOptions: HTTP %d: %s", status, body)
	}
	address := "127.0.0.1" + strings.TrimPrefix(s.Secure, "https://localhost")
	wantValid(t, ca, address, host)

	b, shown := web(t, map[string]string{host: address}, cert)
	const to = "reader@example.net"
	sale(t, s, to)
	m := catcher.WaitMail(t, to, "Sale")
	shown.Store(m.Html)
	tab := b.Tab(t, harness.Look{})
	follows(t, b, tab, "https://"+host)
	wantTold(t, s, tab, m.MessageId, to)
}

// wantValid checks what the browser does not: whose certificate the host has.
func wantValid(t *testing.T, ca *harness.CA, address, host string) {
	t.Helper()
	text, err := os.ReadFile(ca.File)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: host})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
