// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"sesame/test/harness"
)

// proof is what GetEmailIdentity says of a domain.
type proof struct {
	VerificationStatus string
	DkimAttributes     struct{ Status, SigningHostedZone string }
	MailFromAttributes struct{ MailFromDomainStatus string }
}

func (p proof) String() string {
	return fmt.Sprintf("identity %s, DKIM %s, MAIL FROM %s", p.VerificationStatus, p.DkimAttributes.Status, p.MailFromAttributes.MailFromDomainStatus)
}

// look has the server look at the domain's records, and returns what it then says.
func look(t *testing.T, s *harness.Server, domain string) proof {
	t.Helper()
	s.CLI(t, "identity", "check", domain, "--config", s.Config, "--account", harness.Account)
	status, body := s.Call(t, "GET", "/v2/email/identities/"+domain, nil)
	var p proof
	if err := json.Unmarshal(body, &p); err != nil || status != 200 {
		t.Fatalf("GetEmailIdentity: HTTP %d, %v: %s", status, err, body)
	}
	return p
}

// TestIdentitiesAreProvenByDNS has the customer's zone at a server that the customer runs.
// The records lead into the service's zone, which Sesame serves itself:
//
//	customer --nsupdate--> BIND or Knot: example.com
//	                           ^
//	sesame serve --look-ups----+--CNAME--> sesame serve: ses.example.net
//
// BIND is asked as a resolver and follows the CNAMEs; Knot gives them alone, and the rest
// is asked of the next server.
func TestIdentitiesAreProvenByDNS(t *testing.T) {
	t.Parallel()
	for _, program := range nameServers {
		t.Run(program.name, func(t *testing.T) {
			t.Parallel()
			own := harness.FreeAddr(t, "127.0.0.1")
			o := harness.NameServerOptions{Zones: []string{"example.com"}}
			if program.name == "BIND" {
				o.Forward = map[string]string{serviceZone: own}
			}
			customer := program.start(t, o)
			config := harness.ServeConfig(t)
			config.Listen.DNS = []string{own}
			config.Zone = &harness.Zone{Name: serviceZone, NameServers: []string{"ns." + serviceZone}, Addresses: []string{"127.0.0.1"}}
			if config.DNS.Servers = []string{customer.Addr}; o.Forward == nil {
				config.DNS.Servers = append(config.DNS.Servers, own)
			}
			s := harness.Serve(t, config)
			proveByDNS(t, s, customer)
		})
	}
}

func proveByDNS(t *testing.T, s *harness.Server, customer *harness.NameServer) {
	t.Helper()
	tokens := create(t, s, "example.com")
	status, body := s.Call(t, "PUT", "/v2/email/identities/example.com/mail-from", map[string]string{"MailFromDomain": "bounce.example.com"})
	if status != 200 {
		t.Fatalf("PutEmailIdentityMailFromAttributes: HTTP %d: %s", status, body)
	}
	wait := func(want string) {
		t.Helper()
		var last proof
		harness.Eventually(t, want, func() bool {
			last = look(t, s, "example.com")
			return last.String() == want
		})
		if zone := "dkim." + serviceZone; last.DkimAttributes.SigningHostedZone != zone {
			t.Errorf("SigningHostedZone is %q, want %q", last.DkimAttributes.SigningHostedZone, zone)
		}
	}
	wait("identity PENDING, DKIM PENDING, MAIL FROM PENDING")

	var add, remove []string
	for _, token := range tokens {
		name := token + "._domainkey.example.com."
		add = append(add, fmt.Sprintf("update add %s 5 CNAME %s.dkim.%s.", name, token, serviceZone))
		remove = append(remove, "update delete "+name+" CNAME")
	}
	customer.Update(append(add,
		"update add bounce.example.com. 5 MX 10 feedback-smtp."+harness.Region+"."+serviceZone+".",
		`update add bounce.example.com. 5 TXT "v=spf1 include:`+serviceZone+` ~all"`)...)
	wait("identity SUCCESS, DKIM SUCCESS, MAIL FROM SUCCESS")

	customer.Update("update add bounce.example.com. 5 MX 20 ns.example.com.") // there must be one alone
	wait("identity SUCCESS, DKIM SUCCESS, MAIL FROM TEMPORARY_FAILURE")
	customer.Update("update delete bounce.example.com. MX 20 ns.example.com.")
	wait("identity SUCCESS, DKIM SUCCESS, MAIL FROM SUCCESS")

	customer.Update(append(remove, "update delete bounce.example.com. MX")...)
	wait("identity TEMPORARY_FAILURE, DKIM TEMPORARY_FAILURE, MAIL FROM TEMPORARY_FAILURE")
	customer.Update(append(add, "update add bounce.example.com. 5 MX 10 feedback-smtp."+harness.Region+"."+serviceZone+".")...)
	wait("identity SUCCESS, DKIM SUCCESS, MAIL FROM SUCCESS")

	if got := customer.Lookup("bounce.example.com", dns.TypeTXT); !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, serviceZone) }) {
		t.Errorf("SPF: %q", got)
	}
}
