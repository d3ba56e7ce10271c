// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/identity"
	"sesame/internal/proto/dns"
	"sesame/internal/testkit/need"
)

// running starts a server that the end of the test stops.
func running(t *testing.T, c config.Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// nsupdate runs BIND's program with the lines as its commands.
func nsupdate(t *testing.T, addr string, lines ...string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(need.Program(t, need.NSUpdate))
	cmd.Stdin = strings.NewReader(fmt.Sprintf("server %s %s\n%s\nsend\n", host, port, strings.Join(lines, "\n")))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nsupdate: %v\n%s", err, out)
	}
}

func dig(t *testing.T, addr string, args ...string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(need.Program(t, need.Dig), append([]string{"@" + host, "-p", port, "+short", "+tries=1"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("dig %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestDevAnswersForSESsNames asks for what clients build themselves, and for what they
// are told here.
func TestDevAnswersForSESsNames(t *testing.T) {
	t.Parallel()
	s := running(t, devConfig(t))
	id, err := s.identities.Create(t.Context(), scope.Scope{Account: "123456789012", Region: "eu-west-1"}, "example.com", identity.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	token := id.Tokens()[0]
	for _, tc := range []struct{ name, qtype, want string }{
		{"feedback-smtp.eu-west-1.amazonses.com", "A", "127.0.0.1"},
		{"feedback-smtp.eu-west-1.sesame.test", "A", "127.0.0.1"},
		{"inbound-smtp.us-east-1.amazonaws.com", "A", "127.0.0.1"},
		{"email-smtp.us-east-1.amazonaws.com", "A", "127.0.0.1"},
		{"email.ap-south-1.amazonaws.com", "A", "127.0.0.1"},
		{"r.us-east-1.awstrack.me", "A", "127.0.0.1"},
		{"ns.sesame.test", "A", "127.0.0.1"},
		{"amazonses.com", "TXT", `"v=spf1 ip4:127.0.0.1 ~all"`},
		{"sesame.test", "TXT", `"v=spf1 ip4:127.0.0.1 ~all"`},
		{"_dmarc.sesame.test", "TXT", `"v=DMARC1; p=none"`},
		{"gmail.com", "MX", ""},
	} {
		if got := dig(t, s.addresses.DNS[0], tc.name, tc.qtype); got != tc.want {
			t.Errorf("%s %s: %q, want %q", tc.name, tc.qtype, got, tc.want)
		}
	}
	for _, zone := range []string{"sesame.test", "amazonses.com", "eu-west-1.amazonses.com"} {
		name := token + ".dkim." + zone
		if zone == "eu-west-1.amazonses.com" {
			name = token + ".dkim.eu-west-1.amazonses.com"
		}
		if got := dig(t, s.addresses.DNS[0], "+tcp", name, "TXT"); !strings.Contains(strings.ReplaceAll(got, `" "`, ""), "p="+id.Keys[0].PublicKey) {
			t.Errorf("%s: %q", name, got)
		}
	}
	own, err := s.identities.ServiceKeys(t.Context())
	if err != nil || len(own) == 0 {
		t.Fatalf("the service has no keys: %v", err)
	}
	if got := dig(t, s.addresses.DNS[0], own[0].Selector+"._domainkey.sesame.test", "TXT"); !strings.Contains(strings.ReplaceAll(got, `" "`, ""), own[0].TXT) {
		t.Errorf("the service's key: %q", got)
	}
	if got := dig(t, s.addresses.DNS[0], token+"._domainkey.sesame.test", "TXT"); got != "" {
		t.Errorf("a customer's key speaks for the service: %q", got)
	}
}

// TestDevTakesUpdatesAndAnswersChecks has nsupdate find the zone by itself, and our
// resolver ask over UDP and TCP.
func TestDevTakesUpdatesAndAnswersChecks(t *testing.T) {
	t.Parallel()
	s := running(t, devConfig(t))
	addr := s.addresses.DNS[0]
	long := strings.Repeat("0123456789", 25)
	nsupdate(t, addr,
		"update add mail.example.org 300 MX 10 mx.example.org.",
		`update add small.example.org 60 TXT "x"`,
		fmt.Sprintf("update add big.example.org 60 TXT %q %q %q %q %q %q", long, long, long, long, long, long))
	nsupdate(t, addr, "prereq yxrrset small.example.org TXT", `update add second.example.org 60 TXT "y"`)
	nsupdate(t, addr, "update delete small.example.org TXT")
	r, err := dns.New(dns.Options{Servers: []string{addr}, Port: 1, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	if mx, err := r.LookupMX(t.Context(), "mail.example.org"); err != nil || !slices.Equal(mx, []dns.MX{{Host: "mx.example.org", Preference: 10}}) {
		t.Errorf("over UDP: %v, %v", mx, err)
	}
	if txt, err := r.LookupTXT(t.Context(), "big.example.org"); err != nil || !slices.Equal(txt, []string{strings.Repeat(long, 6)}) {
		t.Errorf("over TCP: %v", err)
	}
	if txt, err := r.LookupTXT(t.Context(), "second.example.org"); err != nil || !slices.Equal(txt, []string{"y"}) {
		t.Errorf("with a prerequisite: %v, %v", txt, err)
	}
	if _, err := r.LookupTXT(t.Context(), "small.example.org"); dns.KindOf(err) != dns.NotExist {
		t.Errorf("deleted: %v", err)
	}
	d, err := r.Authoritatives(t.Context(), "mail.example.org")
	if err != nil || d.Zone != "example.org" || len(d.Servers) != 1 || d.Servers[0].Host != "ns.sesame.test" || len(d.Servers[0].Addrs) != 1 {
		t.Errorf("authoritatives: %+v, %v", d, err)
	}
}

// TestDevProvesIdentitiesByDNS goes the way of a customer whose program builds SES's
// names itself, as SES's examples do.
func TestDevProvesIdentitiesByDNS(t *testing.T) {
	t.Parallel()
	c := devConfig(t)
	c.VerifyDNS = true
	s := running(t, c)
	sc := scope.Scope{Account: "123456789012", Region: "us-east-1"}
	id, err := s.identities.Create(t.Context(), sc, "example.com", identity.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.identities.SetMailFrom(t.Context(), sc, "example.com", "bounce.example.com", identity.UseDefault); err != nil {
		t.Fatal(err)
	}
	check := func() identity.Identity {
		t.Helper()
		id, err := s.identities.CheckNow(t.Context(), sc, "example.com")
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	if id := check(); id.DKIM != identity.Pending || id.Verified() || id.MailFrom.Status != identity.Pending {
		t.Errorf("before anything is published: %s, DKIM %s, MAIL FROM %s", id.Verification, id.DKIM, id.MailFrom.Status)
	}
	lines := []string{
		"update add bounce.example.com 60 MX 10 feedback-smtp.us-east-1.amazonses.com.",
		`update add bounce.example.com 60 TXT "v=spf1 include:amazonses.com ~all"`,
	}
	for _, token := range id.Tokens() {
		lines = append(lines, fmt.Sprintf("update add %s._domainkey.example.com 60 CNAME %s.dkim.amazonses.com.", token, token))
	}
	nsupdate(t, s.addresses.DNS[0], lines...)
	deadline(t, func() bool {
		id := check()
		return id.Verified() && id.DKIM == identity.Success && id.MailFrom.Status == identity.Success
	})
	nsupdate(t, s.addresses.DNS[0], "update delete bounce.example.com MX")
	deadline(t, func() bool { return check().MailFrom.Status == identity.TemporaryFailure })
}

// deadline waits until done: what DNS said is remembered for seconds.
func deadline(t *testing.T, done func() bool) {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(end) {
			t.Fatal("it did not come to that")
		}
		<-time.After(100 * time.Millisecond)
	}
}
