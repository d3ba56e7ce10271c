// SPDX-License-Identifier: Apache-2.0

package browser_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
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

// TestTrackedMail is read by its recipient in a mail program on the web, who follows its
// link to the sender's site. The developer who looks at it in the mailbox has not opened it.
func TestTrackedMail(t *testing.T) {
	t.Parallel()
	const target = "http://www.example.com/sale?a=1&b=%C3%A4&next=http%3A%2F%2Fexample.net%2F#top"
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><p>%s by %q</p>`, r.URL, r.Header.Get("Referer"))
	}))
	t.Cleanup(site.Close)
	s := harness.Dev(t)
	var shown atomic.Value // the HTML of the mail that the mail program shows
	program := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,">%s`, shown.Load())
	}))
	t.Cleanup(program.Close)
	tracked(t, s)
	b := harness.StartBrowser(t, map[string]string{"www.example.com": site.Listener.Addr().String(), "webmail.example.net": program.Listener.Addr().String()})
	for _, look := range harness.Looks() {
		t.Run(look.String(), func(t *testing.T) {
			to := look.String() + "@example.net"
			status, body := s.Call(t, "POST", "/v2/email/outbound-emails", map[string]any{
				"FromEmailAddress": "news@example.com", "Destination": map[string]any{"ToAddresses": []string{to}}, "ConfigurationSetName": "news",
				"Content": map[string]any{"Simple": map[string]any{"Subject": map[string]string{"Data": "Sale"}, "Body": map[string]any{"Html": map[string]string{
					"Data": `<p>Everything must go: <a ses:tags="place:top" href="` + strings.ReplaceAll(target, "&", "&amp;") + `">see what</a></p>`,
				}}}},
			})
			if status != http.StatusOK {
				t.Fatalf("SendEmail: HTTP %d: %s", status, body)
			}
			m := s.WaitMail(t, to, "Sale")
			tab := b.Tab(t, look)
			tab.Open(s.Endpoint + "/mail/" + m.Id)
			if slices.ContainsFunc(tab.Requests(), func(r string) bool { return strings.Contains(r, "/I0/") }) {
				t.Error("the mailbox has loaded the picture")
			}

			const mail = "http://webmail.example.net/inbox"
			shown.Store(m.Html)
			tab.Open(mail)
			if size := harness.Eval[[]int](tab, `(i => [i.naturalWidth, i.naturalHeight, i.getBoundingClientRect().height])(document.querySelector("img"))`); !slices.Equal(size, []int{1, 1, 0}) {
				t.Errorf("the picture is %v", size)
			}
			link, picture := harness.Eval[string](tab, `document.querySelector("a").href`), harness.Eval[string](tab, `document.querySelector("img").src`)
			if !strings.HasPrefix(link, s.Endpoint+"/L0/") || !strings.HasPrefix(picture, s.Endpoint+"/I0/") {
				t.Fatalf("the link is %s, the picture %s", link, picture)
			}
			answer := tab.ClickThrough("a")
			path, _, _ := strings.Cut(strings.TrimPrefix(target, "http://www.example.com"), "#")
			if text := tab.Text(); answer.Status != http.StatusOK || tab.URL() != target || text != path+` by ""` {
				t.Errorf("HTTP %d at %s: %s", answer.Status, tab.URL(), text)
			}
			wantOnly(t, b, tab, "GET "+mail, "GET "+picture, "GET "+link, "GET "+strings.TrimSuffix(target, "#top"))

			agent := harness.Eval[string](tab, "navigator.userAgent")
			for kind, want := range map[event.Kind]event.Engagement{event.Open: {}, event.Click: {Link: target, LinkTags: map[string][]string{"place": {"top"}}}} {
				want.IPAddress, want.UserAgent, want.Verdict, want.Reason = "127.0.0.1", agent, event.Automated, "agent: headlesschrome"
				if d := told(t, s, kind, m.MessageId); !reflect.DeepEqual(*d.Engagement, want) || !slices.Equal(d.Recipients, []string{to}) {
					t.Errorf("%s: %+v of %q", kind, *d.Engagement, d.Recipients)
				}
			}

			if answer = tab.Open(link[:len(link)-4] + "aaaa"); answer.Status != http.StatusNotFound || strings.Contains(tab.Text(), "example.com") {
				t.Errorf("a forged link: HTTP %d: %s", answer.Status, tab.Text())
			}
		})
	}
}
