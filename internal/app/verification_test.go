// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/identity"
	"sesame/internal/core/mailbox"
	core "sesame/internal/core/verification"
)

func get(t *testing.T, url, host string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// TestDevMailsALinkThatWorks: with --verify dns an address gets a mail, by the way of all
// mail, and its link leads to the server.
func TestDevMailsALinkThatWorks(t *testing.T) {
	t.Parallel()
	c := devConfig(t)
	c.VerifyDNS = true
	s, err := Start(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	sc := scope.Scope{Account: s.cfg.DevAccount, Region: "us-east-1"}
	if err := s.accounts.EnsureAccount(t.Context(), sc.Account); err != nil { // links of no account are gone
		t.Fatal(err)
	}
	if _, err := s.identities.Create(t.Context(), sc, "user@example.net", identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	m, err := s.mailbox.Wait(ctx, mailbox.Query{To: "user@example.net"})
	if err != nil {
		t.Fatal(err)
	}
	if m.From != "no-reply@sesame.test" {
		t.Errorf("from %s", m.From)
	}
	link := regexp.MustCompile(`http://\S+/verify/\S+`).FindString(m.Mail.Text)
	if !strings.HasPrefix(link, "http://"+s.Addresses().HTTP[0]+core.Path) {
		t.Fatalf("the link is %q in\n%s", link, m.Mail.Text)
	}
	if status, body := get(t, link, "mail.example.com"); status != 200 || !strings.Contains(body, "Your address is verified") {
		t.Errorf("%d %s", status, body)
	}
	if id, err := s.identities.Get(t.Context(), sc, "user@example.net"); err != nil || !id.Verified() {
		t.Errorf("%+v, %v", id, err)
	}
	if status, _ := get(t, link[:len(link)-5], ""); status != 404 {
		t.Errorf("a broken link answers %d", status)
	}
	if status, body := get(t, "http://"+s.Addresses().HTTP[0]+core.Path+"x?Action=SendEmail", ""); status != 404 || strings.Contains(body, "<Error") {
		t.Errorf("a link that looks like a request of the API: %d %s", status, body)
	}
}

// TestDevAsksNobodyToVerify: what is verified at creation gets no mail.
func TestDevAsksNobodyToVerify(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), devConfig(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	sc := scope.Scope{Account: s.cfg.DevAccount, Region: "us-east-1"}
	if _, err := s.identities.Create(t.Context(), sc, "user@example.net", identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := s.db.QueryRow(t.Context(), `SELECT count(*) FROM notices`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d notices, %v", n, err)
	}
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestWhoTheServiceIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		cfg       config.Config
		url, from string
	}{
		{"by its host name", config.Config{Hostname: "mail.example.com"}, "https://mail.example.com", "no-reply@mail.example.com"},
		{"by its zone", config.Config{Hostname: "mail.example.com", Zone: config.Zone{Name: "ses.example.net"}}, "https://mail.example.com", "no-reply@ses.example.net"},
		{"as configured", config.Config{Hostname: "mail.example.com", Service: config.Service{URL: "https://verify.example.com/", From: "Example <hi@example.com>"}},
			"https://verify.example.com", "Example <hi@example.com>"},
		{"in dev", config.Config{Hostname: "localhost", Dev: true}, "http://127.0.0.1:8025", "no-reply@localhost"},
	} {
		s := &Server{cfg: c.cfg, addresses: Addresses{HTTP: []string{"127.0.0.1:8025"}}}
		if s.serviceURL() != c.url || s.serviceFrom() != c.from {
			t.Errorf("%s: %s, %s", c.name, s.serviceURL(), s.serviceFrom())
		}
	}
}
