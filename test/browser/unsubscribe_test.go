// SPDX-License-Identifier: Apache-2.0

package browser_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"sesame/test/harness"
)

// newsletter makes a sender and a contact list with topics, one of them with a long name.
func newsletter(t *testing.T, s *harness.Server) {
	t.Helper()
	for _, c := range []struct {
		path string
		body any
	}{
		{"/v2/email/identities", map[string]any{"EmailIdentity": "example.com"}},
		{"/v2/email/contact-lists", map[string]any{"ContactListName": "News", "Topics": []map[string]string{
			{"TopicName": "Sports", "DisplayName": "Sports Newsletter", "Description": "What happened, once a week", "DefaultSubscriptionStatus": "OPT_IN"},
			{"TopicName": "Offers", "DisplayName": "Offers that are nowhere else, whenever there is one, and that may be often", "DefaultSubscriptionStatus": "OPT_OUT"},
		}}},
	} {
		if status, body := s.Call(t, "POST", c.path, c.body); status != http.StatusOK {
			t.Fatalf("%s: HTTP %d: %s", c.path, status, body)
		}
	}
}

// issue mails the newsletter's topic to an address, and returns the mail as it arrived.
func issue(t *testing.T, s *harness.Server, to string) harness.Message {
	t.Helper()
	text := "Something happened.\n\nUnsubscribe: {{amazonSESUnsubscribeUrl}}\n"
	status, body := s.Call(t, "POST", "/v2/email/outbound-emails", map[string]any{
		"FromEmailAddress": "news@example.com", "Destination": map[string]any{"ToAddresses": []string{to}},
		"ListManagementOptions": map[string]string{"ContactListName": "News", "TopicName": "Sports"},
		"Content":               map[string]any{"Simple": map[string]any{"Subject": map[string]string{"Data": "News for " + to}, "Body": map[string]any{"Text": map[string]string{"Data": text}}}},
	})
	if status != http.StatusOK {
		t.Fatalf("SendEmail: HTTP %d: %s", status, body)
	}
	return s.WaitMail(t, to, "News for "+to)
}

// wants is what the list has of a contact: the topics that it has said yes and no to.
func wants(t *testing.T, s *harness.Server, address string) string {
	t.Helper()
	status, body := s.Call(t, "GET", "/v2/email/contact-lists/News/contacts/"+address, nil)
	var c struct {
		UnsubscribeAll   bool
		TopicPreferences []struct{ TopicName, SubscriptionStatus string }
	}
	if err := json.Unmarshal(body, &c); status != http.StatusOK || err != nil {
		t.Fatalf("GetContact: HTTP %d: %s", status, body)
	}
	var words []string
	if c.UnsubscribeAll {
		words = append(words, "nothing")
	}
	for _, p := range c.TopicPreferences {
		words = append(words, p.TopicName+" "+p.SubscriptionStatus)
	}
	return strings.Join(words, ", ")
}

// TestUnsubscribing follows the link of a caught mail and chooses, by touch and by
// keyboard.
func TestUnsubscribing(t *testing.T) {
	t.Parallel()
	s := harness.Dev(t)
	newsletter(t, s)
	b := harness.StartBrowser(t, nil)
	for _, look := range harness.Looks() {
		t.Run(look.String(), func(t *testing.T) {
			address := look.String() + "-with-a-rather-long-name.and.more.of.it@department.example.net"
			m := issue(t, s, address)
			tab := b.Tab(t, look)
			tab.Open(s.Endpoint + "/mail/" + m.Id + "?tab=text")
			harness.Eval[string](tab, `document.querySelector("pre a").target = ""`) // it would open another tab
			answer := tab.ClickThrough("pre a")
			if text := tab.Text(); answer.Status != http.StatusOK || !strings.Contains(text, "Which mail do you want?") || !strings.Contains(text, "What happened, once a week") {
				t.Fatalf("HTTP %d: %s", answer.Status, text)
			}
			url := tab.URL()
			if strings.Contains(url, "example.net") || strings.Contains(url, "@") {
				t.Errorf("the link shows the address: %s", url)
			}
			tab.Shot("unsubscribe-ask")
			wantClosed(t, answer)
			tab.Open(url)
			wantFit(t, tab)
			wantOnly(t, b, tab, "GET "+url)
			if got := wants(t, s, address); got != "" {
				t.Errorf("looking has changed something: %s", got)
			}

			tab.Open(url)
			tab.Press(kb.Tab, " ", kb.Tab, " ", kb.Tab) // not Sports, but Offers; on to Save
			answer = tab.PressThrough(kb.Enter)
			if got := wants(t, s, address); got != "Sports OPT_OUT, Offers OPT_IN" || !strings.Contains(tab.Text(), "Your choice is saved") {
				t.Errorf("by keyboard: %s, and the page says %s", got, tab.Text())
			}
			tab.Shot("unsubscribe-saved")
			wantClosed(t, answer)
			wantFit(t, tab)

			tab.Open(url)
			if on := harness.Eval[[]bool](tab, `[...document.querySelectorAll("input[type=checkbox]")].map(b => b.checked)`); !slices.Equal(on, []bool{false, true}) {
				t.Errorf("the page shows %v", on)
			}
			tab.Click("label:first-of-type")
			tab.ClickThrough("button:not(.quiet)")
			if got := wants(t, s, address); got != "Sports OPT_IN, Offers OPT_IN" {
				t.Errorf("by touch: %s", got)
			}
			tab.ClickThrough("main a") // and back
			tab.ClickThrough("button.quiet")
			if got := wants(t, s, address); got != "nothing, Sports OPT_IN, Offers OPT_IN" || !strings.Contains(tab.Text(), "You are unsubscribed") {
				t.Errorf("from everything: %s, and the page says %s", got, tab.Text())
			}
			wantFit(t, tab)

			answer = tab.Open(url[:len(url)-4] + "aaaa")
			if answer.Status != http.StatusNotFound || !strings.Contains(tab.Text(), "This link does not work") || strings.Contains(tab.Text(), "@") {
				t.Errorf("a forged link: HTTP %d: %s", answer.Status, tab.Text())
			}
			tab.Shot("unsubscribe-forged")
			wantFit(t, tab)
		})
	}
}
