// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// serviceZone is the zone of these tests' servers.
const serviceZone = "ses.example.net"

// nameServers are the programs that the tests of zones go through.
var nameServers = []struct {
	name  string
	start func(testing.TB, harness.NameServerOptions) *harness.NameServer
}{
	{"BIND", harness.StartBIND},
	{"Knot", harness.StartKnot},
}

// create makes an identity and returns its DKIM tokens.
func create(t *testing.T, s *harness.Server, name string) []string {
	t.Helper()
	status, body := s.Call(t, "POST", "/v2/email/identities", map[string]string{"EmailIdentity": name})
	var made struct{ DkimAttributes struct{ Tokens []string } }
	if err := json.Unmarshal(body, &made); err != nil || status != 200 || len(made.DkimAttributes.Tokens) != 3 {
		t.Fatalf("create %s: HTTP %d, %v: %s", name, status, err, body)
	}
	return made.DkimAttributes.Tokens
}

// TestPushingTheZone has an operator whose zone is served by another server: keys appear
// there as identities are made, and go with them.
func TestPushingTheZone(t *testing.T) {
	t.Parallel()
	for _, program := range nameServers {
		t.Run(program.name, func(t *testing.T) {
			t.Parallel()
			n := program.start(t, harness.NameServerOptions{Zones: []string{serviceZone}, Signed: true})
			n.Update("update add foreign."+serviceZone+" 5 TXT \"not ours\"", "update add "+serviceZone+" 5 TXT \"site-verification=x\"")
			s := harness.Serve(t, pushConfig(t, n, harness.TSIGSecret))
			tokens := create(t, s, "example.com")
			key := tokens[0] + ".dkim." + serviceZone
			harness.Eventually(t, "the key to be published", func() bool {
				txt := n.Lookup(key, dns.TypeTXT)
				return len(txt) == 1 && strings.HasPrefix(txt[0], "v=DKIM1;")
			})
			for _, want := range []struct {
				name, value string
				qtype       uint16
			}{
				{"feedback-smtp.us-east-1." + serviceZone, "192.0.2.10", dns.TypeA},
				{"email.us-east-1." + serviceZone, "192.0.2.10", dns.TypeA},
				{serviceZone, "10 feedback-smtp.us-east-1." + serviceZone + ".", dns.TypeMX},
				{serviceZone, "v=spf1 ip4:192.0.2.10 ~all", dns.TypeTXT},
				{serviceZone, "site-verification=x", dns.TypeTXT},
				{"foreign." + serviceZone, "not ours", dns.TypeTXT},
			} {
				if got := n.Lookup(want.name, want.qtype); !slices.Contains(got, want.value) {
					t.Errorf("%s %s: %q, want %q", want.name, dns.TypeToString[want.qtype], got, want.value)
				}
			}
			if status, body := s.Call(t, "DELETE", "/v2/email/identities/"+url.PathEscape("example.com"), nil); status != 200 {
				t.Fatalf("delete: HTTP %d: %s", status, body)
			}
			harness.Eventually(t, "the key to be taken back", func() bool { return len(n.Lookup(key, dns.TypeTXT)) == 0 })
			if got := n.Lookup("foreign."+serviceZone, dns.TypeTXT); len(got) != 1 {
				t.Errorf("somebody else's record: %q", got)
			}
		})
	}
}

func pushConfig(t *testing.T, n *harness.NameServer, secret string) harness.Config {
	t.Helper()
	config := harness.ServeConfig(t)
	file := filepath.Join(filepath.Dir(config.DataDir), "tsig")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config.DNS.Servers = []string{n.Addr}
	config.Zone = &harness.Zone{
		Name: serviceZone, Addresses: []string{"192.0.2.10"},
		Update: &harness.ZoneUpdate{Server: n.Addr, TSIGName: n.Key, TSIGSecretFile: file},
	}
	return config
}

// TestPushingWithAWrongSecret changes nothing, says so without the secret, and goes on.
func TestPushingWithAWrongSecret(t *testing.T) {
	t.Parallel()
	n := harness.StartBIND(t, harness.NameServerOptions{Zones: []string{serviceZone}, Signed: true})
	const wrong = "YW5vdGhlciBzZWNyZXQ="
	s := harness.Serve(t, pushConfig(t, n, wrong))
	create(t, s, "example.com")
	harness.Eventually(t, "a warning", func() bool { return strings.Contains(s.Log(), "zone update") })
	if log := s.Log(); !strings.Contains(log, "NOTAUTH (BADSIG: the secret differs)") || strings.Contains(log, wrong) {
		t.Errorf("the log:\n%s", log)
	}
	if got := n.Lookup("email.us-east-1."+serviceZone, dns.TypeA); len(got) > 0 {
		t.Errorf("published: %q", got)
	}
}

// TestTheExportedZoneIsServed loads what `sesame zone export` prints into the other
// servers' own checkers.
func TestTheExportedZoneIsServed(t *testing.T) {
	t.Parallel()
	config := harness.ServeConfig(t)
	config.Zone = &harness.Zone{Name: serviceZone, NameServers: []string{"ns." + serviceZone}, Addresses: []string{"192.0.2.10", "2001:db8::10"}}
	config.Listen.DNS = []string{"127.0.0.1:0"}
	s := harness.Serve(t, config)
	tokens := create(t, s, "example.com")
	text := s.CLI(t, "zone", "export", "--config", s.Config)
	if !strings.Contains(text, tokens[0]+".dkim."+serviceZone+". 300 IN TXT \"v=DKIM1;") {
		t.Errorf("no key in the zone:\n%s", text)
	}
	file := filepath.Join(filepath.Dir(s.Dir), "zone")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, check := range []struct {
		tool need.Tool
		args []string
	}{
		{need.NamedCheckzone, []string{"-i", "local", "-k", "fail", "-n", "fail", "-m", "fail", serviceZone, file}},
		{need.KZoneCheck, []string{"-o", serviceZone, file}},
	} {
		if out, err := exec.Command(need.Program(t, check.tool), check.args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", check.tool.Name, err, out)
		}
	}
	for _, over := range []string{"udp", "tcp"} {
		m, _, err := (&dns.Client{Net: over}).Exchange(new(dns.Msg).SetQuestion(tokens[0]+".dkim."+serviceZone+".", dns.TypeTXT), s.DNS)
		if err != nil || over == "tcp" && (len(m.Answer) != 1 || !m.Authoritative) {
			t.Errorf("our own name server over %s: %v, %v", over, m, err)
		}
	}
}
