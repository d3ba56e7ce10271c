// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/event"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/mailbox"
	"sesame/internal/proto/message"
)

// TestALinkIsFollowedFromMessageToEvent sends a message with a set that publishes opens and
// clicks, and looks at it as its recipient does, by way of a proxy.
func TestALinkIsFollowedFromMessageToEvent(t *testing.T) {
	t.Parallel()
	cfg := devConfig(t)
	cfg.Listen.TrustedProxies = []string{"127.0.0.1"}
	s, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	sc := scope.Scope{Account: s.cfg.DevAccount, Region: "us-east-1"}
	set := configset.Set{Scope: sc, Name: "tracked", Options: configset.Default()}
	destination := configset.Destination{Name: "d", Enabled: true, Events: []event.Kind{event.Open, event.Click}, EventBus: "arn:aws:events:us-east-1:123456789012:event-bus/default"}
	for _, err := range []error{s.accounts.EnsureAccount(ctx, sc.Account), s.configSets.Create(ctx, set), s.configSets.AddDestination(ctx, sc, set.Name, destination)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.identities.Create(ctx, sc, "example.com", identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	user, err := s.accounts.CreateUser(ctx, account.NewUser{Account: sc.Account, Name: "u", Policies: []string{account.AdministratorAccess}})
	if err != nil {
		t.Fatal(err)
	}
	const target = "https://www.example.com/?a=1&b=2"
	id, err := s.intake.AcceptFormatted(ctx, intake.Submission{
		Scope: sc, Principal: user.Principal, Operation: "SendEmail", Action: "ses:SendEmail", MaxBytes: intake.MaxBytesV2, ConfigSet: set.Name,
	}, intake.Formatted{From: "a@example.com", To: []string{"user@example.net"}, Subject: message.Content{Data: "News"},
		HTML: &message.Content{Data: `<p>ä</p>{{ses:openTracker}}<a ses:tags="k:v" href="` + strings.ReplaceAll(target, "&", "&amp;") + `">news</a>`}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.mailbox.Wait(ctx, mailbox.Query{To: "user@example.net"})
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`<p>ä</p><img alt="" src="(http://[\d.:]+/I0/[\w-]+)"[^>]*><a href="(http://[\d.:]+/L0/[\w-]+)">news</a>`).FindStringSubmatch(m.Mail.HTML)
	if links == nil {
		t.Fatalf("the message is\n%s", m.Mail.HTML)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Transport: &http.Transport{DisableKeepAlives: true}}
	for i, want := range []struct{ status, to string }{{"200 OK", ""}, {"302 Found", target}} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, links[i+1], nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Forwarded-For", "203.0.113.9, 198.51.100.7") // of which the proxy wrote the last
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.Status != want.status || res.Header.Get("Location") != want.to {
			t.Errorf("%s leads to %q", res.Status, res.Header.Get("Location"))
		}
	}
	if err := s.recorder.Flush(ctx, 0); err != nil {
		t.Fatal(err)
	}
	for kind, link := range map[event.Kind]string{event.Open: "", event.Click: target} {
		var payload string
		if err := s.db.QueryRow(ctx, `SELECT payload FROM outbox WHERE kind = ? AND message_id = ?`, string(kind), id).Scan(&payload); err != nil {
			t.Fatal(err)
		}
		var d event.Detail
		if err := json.Unmarshal([]byte(payload), &d); err != nil {
			t.Fatal(err)
		}
		if d.Engagement.Link != link || d.Engagement.IPAddress != "198.51.100.7" || d.Engagement.Verdict != event.Automated || len(d.Recipients) != 1 || d.Recipients[0] != "user@example.net" {
			t.Errorf("%s: %s", kind, payload)
		}
	}
	if status, _ := get(t, links[2][:len(links[2])-3], "www.example.com"); status != 404 {
		t.Errorf("a broken link answers %d", status)
	}
	if _, body := get(t, "http://"+s.Addresses().Ops[0]+"/metrics", ""); !strings.Contains(body, "\nsesame_track_clicks_total 1\n") {
		t.Error("the click is not counted on /metrics")
	}
}

func TestWhereLinksLead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config config.Config
		host   string
		hosts  int
	}{
		"below the zone":                 {config.Config{Hostname: "mail.example.com", Regions: []string{"us-east-1", "eu-west-1"}, Zone: config.Zone{Name: "Svc.example.com"}}, "r.eu-west-1.svc.example.com", 2},
		"without a zone, to the service": {config.Config{Hostname: "mail.example.com", Service: config.Service{URL: "https://www.example.com/"}}, "www.example.com", 0},
		"or to the host":                 {config.Config{Hostname: "mail.example.com"}, "mail.example.com", 0},
	} {
		s := &Server{cfg: c.config}
		if host := s.trackingHost("eu-west-1"); host != c.host {
			t.Errorf("%s: %s", name, host)
		}
		if n := len(trackingHosts(c.config)); n != c.hosts {
			t.Errorf("%s: certificates for %d hosts", name, n)
		}
	}
}
