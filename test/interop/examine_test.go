// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sesame/test/harness"
)

// TestDNSOfAnIdentity publishes the records of an identity wrongly and then rightly, and
// reads what `sesame dns` says of it, through the server and on its store:
//
//	sesame dns --admin API--> sesame serve --> the test's name server
//	sesame dns --config --> store          --> the test's name server
func TestDNSOfAnIdentity(t *testing.T) {
	t.Parallel()
	// The name server's own port is not the 53 of the delegation: that one is silent.
	dns := harness.StartDNS(t, "example.com. 60 IN NS ns1.example.com.", "ns1.example.com. 60 IN A 127.0.0.1")
	config := harness.ServeConfig(t)
	config.DNS.Servers = []string{dns.Addr}
	s := harness.Serve(t, config)
	if status, body := s.Call(t, http.MethodPost, "/v2/email/identities", map[string]string{"EmailIdentity": "example.com"}); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	var list struct {
		Records []struct {
			Name, Type, Value string
			Required          bool
		}
	}
	status, body := s.Call(t, http.MethodGet, "/_sesame/v1/identities/example.com/records", nil)
	if err := json.Unmarshal(body, &list); err != nil || status != http.StatusOK || len(list.Records) < 4 {
		t.Fatalf("%d %s", status, body)
	}
	sesame := func(args ...string) harness.Result { return s.Run(t, harness.Binary(t), args...) }
	local := []string{"dns", "example.com", "--config", s.Config, "--account", harness.Account}

	first := list.Records[0]
	dns.AddTXT(first.Name, first.Value[:100]) // cut
	r := sesame("dns", "example.com")
	for _, want := range []string{"WRONG       TXT   " + first.Name, "The value of " + first.Name + " is cut", "MISSING     TXT   " + list.Records[1].Name, "resolver  no such name"} {
		if !strings.Contains(r.Stdout, want) {
			t.Errorf("no %q in\n%s%s", want, r.Stdout, r.Stderr)
		}
	}
	if r.Code != 1 || !strings.Contains(r.Stderr, "example.com: 3 of 3 required records are not in order") {
		t.Errorf("%d, %s", r.Code, r.Stderr)
	}
	if over := sesame(local...); over.Stdout != r.Stdout || over.Code != 1 {
		t.Errorf("on the store it says\n%s%s\nnot\n%s", over.Stdout, over.Stderr, r.Stdout)
	}

	dns.Remove(first.Name)
	for _, rec := range list.Records {
		if rec.Type == "TXT" {
			dns.AddTXT(rec.Name, rec.Value)
		}
	}
	if r = sesame("dns", "example.com"); r.Code != 0 || strings.Contains(r.Stdout, "MISSING") || !strings.Contains(r.Stdout, "DKIM aligned (relaxed)") {
		t.Errorf("%d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	var report struct{ Verdict string }
	if r = sesame(append(local, "--json")...); r.Code != 0 || json.Unmarshal([]byte(r.Stdout), &report) != nil || report.Verdict != "ok" {
		t.Errorf("%d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if r = sesame("dns", "example.com", "--zonefile"); r.Code != 0 || !strings.HasPrefix(r.Stdout, first.Name+`. 3600 IN TXT "v=DKIM1;`) {
		t.Errorf("%d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	// The server may remember for some seconds what it saw before.
	harness.Eventually(t, "example.com to be verified", func() bool {
		status, body := s.Call(t, http.MethodPost, "/_sesame/v1/identities/example.com/check", nil)
		return status == http.StatusOK && strings.Contains(string(body), `"VerificationStatus":"SUCCESS"`)
	})
}

// TestDoctorOfAServer examines a server that runs, one whose names are wrong, and one that
// is gone.
func TestDoctorOfAServer(t *testing.T) {
	t.Parallel()
	dns := harness.StartDNS(t, "mail.example.com. 60 IN A 203.0.113.9", "9.113.0.203.in-addr.arpa. 60 IN PTR mail.example.com.",
		`mail.example.com. 60 IN TXT "v=spf1 ip4:203.0.113.9 -all"`)
	config := harness.ServeConfig(t)
	config.DNS.Servers = []string{dns.Addr}
	s := harness.Serve(t, config)
	examine := func(address string) (harness.Result, map[string]string) {
		r := s.Run(t, harness.Binary(t), "doctor", "--config", s.Config, "--json", "--address", address, "--ntp", "none", "--outbound", "none")
		var list []struct{ Check, Verdict, Seen, Do string }
		if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil {
			t.Fatalf("%v\n%s%s", err, r.Stdout, r.Stderr)
		}
		verdicts := map[string]string{}
		for _, c := range list {
			door, _, _ := strings.Cut(c.Check, " 127.0.0.1:")
			verdicts[door] = c.Verdict
		}
		return r, verdicts
	}
	r, got := examine("203.0.113.9")
	for check, want := range map[string]string{
		"configuration": "ok", "https": "ok", "http": "ok", "smtp": "ok", "smtps": "ok", "ops": "ok", "open relay": "ok", "host name": "ok", "host address": "ok",
		"reverse DNS": "ok", "return path": "ok", "outgoing port": "skip", "clock": "skip", "database": "ok", "keyring": "ok",
	} {
		if got[check] != want {
			t.Errorf("%s is %q, want %s", check, got[check], want)
		}
	}
	if r.Code != 0 {
		t.Errorf("exit code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if r, got = examine("203.0.113.10"); r.Code != 1 || got["reverse DNS"] != "fail" || got["return path"] != "fail" || got["host address"] != "fail" || got["smtp"] != "ok" {
		t.Errorf("another address: %d, %v", r.Code, got)
	}
	s.Stop()
	if r, got = examine("203.0.113.9"); r.Code != 1 || got["https"] != "fail" || got["ops"] != "fail" || got["open relay"] != "skip" || got["database"] != "ok" {
		t.Errorf("after its end: %d, %v\n%s", r.Code, got, r.Stdout)
	}
}
