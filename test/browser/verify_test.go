// SPDX-License-Identifier: Apache-2.0

// Package browser_test looks at the pages that Sesame serves to people through a real
// browser, as they do: on a laptop, on a phone, in the dark, by keyboard, without scripts.
//
//	test --API--> sesame dev --mail--> mailbox
//	  |                ^
//	  +--> Chromium ---+--> a customer's site, on loopback
//	           |
//	           +--> whatever else a page wants: nobody answers, and the test sees it
package browser_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/keyring"
	"sesame/internal/core/verification"
	"sesame/test/harness"
)

// minText is how small text of a page for everybody may be on a phone.
const minText = 16

var linkForm = regexp.MustCompile(`http://\S+/verify/\S+`)

// invite has the server mail a verification link to the address, and returns the link.
func invite(t *testing.T, s *harness.Server, address string) string {
	t.Helper()
	if status, body := s.Call(t, "POST", "/v2/email/identities", map[string]string{"EmailIdentity": address}); status != http.StatusOK {
		t.Fatalf("CreateEmailIdentity: HTTP %d: %s", status, body)
	}
	return linkTo(t, s, address, "Email Address Verification Request")
}

func linkTo(t *testing.T, s *harness.Server, address, subject string) string {
	t.Helper()
	m := s.WaitMail(t, address, subject)
	link := linkForm.FindString(m.Text)
	if link == "" {
		t.Fatalf("no link in %q", m.Text)
	}
	return link
}

// verified reports what GetEmailIdentity says.
func verified(t *testing.T, s *harness.Server, address string) bool {
	t.Helper()
	status, body := s.Call(t, "GET", "/v2/email/identities/"+address, nil)
	var id struct{ VerifiedForSendingStatus bool }
	if err := json.Unmarshal(body, &id); status != http.StatusOK || err != nil {
		t.Fatalf("GetEmailIdentity: HTTP %d: %s", status, body)
	}
	return id.VerifiedForSendingStatus
}

// forge makes a link as the server would have made it at that time: it has its keys.
func forge(t *testing.T, s *harness.Server, address, template string, at time.Time) string {
	t.Helper()
	ring, err := keyring.Load(filepath.Join(s.Dir, "keyring"))
	if err != nil {
		t.Fatal(err)
	}
	links := verification.Links{Wrap: ring, Clock: func() time.Time { return at }, Base: s.Endpoint}
	link, err := links.URL(scope.Scope{Account: harness.Account, Region: harness.Region}, address, template)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// wantFit demands a page that everybody can use and that tells nobody of it.
func wantFit(t *testing.T, tab *harness.Tab) {
	t.Helper()
	for _, flaw := range tab.Flaws(minText) {
		t.Errorf("%s: %s", tab.URL(), flaw)
	}
	for _, stop := range tab.Walk() {
		if !stop.Visible {
			t.Errorf("%s: the focus on %q is not seen", tab.URL(), stop.Name)
		}
	}
}

// wantClosed demands the headers that keep a page, and the secret in its address, where
// they are.
func wantClosed(t *testing.T, a harness.Answer) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "X-Robots-Tag": "noindex, nofollow",
		"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	policy := a.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("no %s in the policy %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
		t.Errorf("the policy is %s", policy)
	}
}

// wantOnly demands that the browser asked for these and for nothing else, of anybody.
func wantOnly(t *testing.T, b *harness.Browser, tab *harness.Tab, requests ...string) {
	t.Helper()
	if got := tab.Requests(); !slices.Equal(got, requests) {
		t.Errorf("the browser asked for %q, want %q", got, requests)
	}
	if got := tab.Complaints(); len(got) > 0 {
		t.Errorf("the browser complains: %q", got)
	}
	if got := b.Outside(); len(got) > 0 {
		t.Errorf("the browser dialled %q", got)
	}
}

func TestVerificationLinks(t *testing.T) {
	t.Parallel()
	s := harness.Dev(t, "--verify=dns")
	b := harness.StartBrowser(t, nil)
	for _, look := range harness.Looks() {
		t.Run(look.String(), func(t *testing.T) {
			address := look.String() + "-with-a-rather-long-name.and.more.of.it@department.example.net"
			link := invite(t, s, address)
			tab := b.Tab(t, look)
			if verified(t, s, address) {
				t.Fatal("verified before anybody followed the link")
			}
			for _, c := range []struct {
				name, link string
				status     int
				says       string
			}{
				{"forged", link[:len(link)-4] + "AAAA", http.StatusNotFound, "This link does not work"},
				{"expired", forge(t, s, address, "", time.Now().Add(-25*time.Hour)), http.StatusGone, "This link has expired"},
				{"gone", forge(t, s, "nobody@example.net", "", time.Now()), http.StatusGone, "This address can't be verified"},
				{"verified", link, http.StatusOK, "Your address is verified"},
				{"already", link, http.StatusOK, "Your address is verified already"},
			} {
				t.Run(c.name, func(t *testing.T) {
					answer := tab.Open(c.link)
					if text := tab.Text(); answer.Status != c.status || !strings.Contains(text, c.says) {
						t.Errorf("HTTP %d: %s", answer.Status, text)
					}
					if got, want := verified(t, s, address), c.status == http.StatusOK; got != want {
						t.Errorf("verified: %v, want %v", got, want)
					}
					tab.Shot("verify-" + c.name)
					wantClosed(t, answer)
					wantFit(t, tab)
					wantOnly(t, b, tab, "GET "+c.link)
				})
			}
		})
	}
}

func TestCustomVerificationLeadsToTheCustomersSite(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><p>%s by %q</p>`, r.URL, r.Header.Get("Referer"))
	}))
	t.Cleanup(site.Close)
	s := harness.Dev(t, "--verify=dns")
	b := harness.StartBrowser(t, map[string]string{"www.example.com": site.Listener.Addr().String()})
	b.Tab(t, harness.Look{}).Open(invite(t, s, "hello@example.com"))
	template := map[string]string{
		"TemplateName": "welcome", "FromEmailAddress": "hello@example.com", "TemplateSubject": "Please confirm", "TemplateContent": "<p>One last step:</p>",
		"SuccessRedirectionURL": "http://www.example.com/verified?a=b", "FailureRedirectionURL": "http://www.example.com/failed",
	}
	if status, body := s.Call(t, "POST", "/v2/email/custom-verification-email-templates", template); status != http.StatusOK {
		t.Fatalf("CreateCustomVerificationEmailTemplate: HTTP %d: %s", status, body)
	}
	if status, body := s.Call(t, "POST", "/v2/email/outbound-custom-verification-emails", map[string]string{"EmailAddress": "you@example.net", "TemplateName": "welcome"}); status != http.StatusOK {
		t.Fatalf("SendCustomVerificationEmail: HTTP %d: %s", status, body)
	}
	link := linkTo(t, s, "you@example.net", "Please confirm")
	for _, c := range []struct{ name, link, leads string }{
		{"in time", link, template["SuccessRedirectionURL"]},
		{"once more", link, template["SuccessRedirectionURL"]},
		{"too late", forge(t, s, "late@example.net", "welcome", time.Now().Add(-25*time.Hour)), template["FailureRedirectionURL"]},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab := b.Tab(t, harness.Look{})
			answer := tab.Open(c.link)
			path := strings.TrimPrefix(c.leads, "http://www.example.com")
			if text := tab.Text(); answer.Status != http.StatusOK || tab.URL() != c.leads || text != path+` by ""` {
				t.Errorf("HTTP %d at %s: %s", answer.Status, tab.URL(), text)
			}
			wantOnly(t, b, tab, "GET "+c.link, "GET "+c.leads)
		})
	}
	if !verified(t, s, "you@example.net") {
		t.Error("not verified")
	}
	t.Run("a forged link leads nowhere", func(t *testing.T) {
		tab := b.Tab(t, harness.Look{})
		if answer := tab.Open(link + "A"); answer.Status != http.StatusNotFound || tab.URL() != link+"A" {
			t.Errorf("HTTP %d at %s", answer.Status, tab.URL())
		}
	})
}
