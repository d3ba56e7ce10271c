// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sesame/internal/core/dnscheck"
)

// TestDNSSaysWhereToAsk is not parallel: it sets the environment.
func TestDNSSaysWhereToAsk(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "")
	dir := t.TempDir()
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"no server and no store", nil, "AWS_ENDPOINT_URL"},
		{"a store without an account", []string{"--dir", dir}, "give --account with --config or --dir"},
		{"no such identity", []string{"--dir", dir, "--account", "123456789012"}, "Email identity example.com does not exist."},
	} {
		code, out, errOut := execute(append([]string{"dns", "example.com"}, tc.args...)...)
		if code != 1 || out != "" || !strings.Contains(errOut, tc.want) {
			t.Errorf("%s: %d, %q, %q", tc.name, code, out, errOut)
		}
	}
}

func TestDoctorOfABrokenConfiguration(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sesame.toml")
	if err := os.WriteFile(file, []byte("colour = \"blue\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := execute("doctor", "--config", file)
	if code != 1 || !strings.Contains(out, "fail  configuration  ") || !strings.Contains(out, "unknown key colour") || !strings.Contains(errOut, "1 check failed") {
		t.Errorf("%d, %q, %q", code, out, errOut)
	}
	if code, _, errOut = execute("doctor", "--dir", t.TempDir(), "--address", "here"); code != 1 || !strings.Contains(errOut, "--address") {
		t.Errorf("an address that is none: %d, %q", code, errOut)
	}
}

// TestAReportForPeople has strangers' records in it, which a terminal must not obey.
func TestAReportForPeople(t *testing.T) {
	t.Parallel()
	r := dnscheck.Report{Domain: "example.com", Verdict: dnscheck.Wrong, Records: []dnscheck.Record{{
		Wanted: dnscheck.Wanted{Name: "a._domainkey.example.com", Type: "CNAME", Value: "a.dkim.ses.example.net", Purpose: "DKIM", Required: true}, Verdict: dnscheck.Wrong,
		Servers:  []dnscheck.Found{{Server: "ns1.example.com", Address: "192.0.2.1", Alias: "b.example.net"}, {Error: "can't be found: no such name"}},
		Resolver: dnscheck.Found{Values: []string{"p=\x1b[2J"}}, Mistakes: []dnscheck.Mistake{{Code: "x", Text: "Something is wrong."}},
	}, {Wanted: dnscheck.Wanted{Name: "_dmarc.example.com", Type: "TXT", Purpose: "DMARC"}, Verdict: dnscheck.Advice}},
		SPF: &dnscheck.SPF{Domain: "bounce.example.com", Record: "v=spf1 ~all", Result: "softfail"}}
	text := describe(r)
	for _, want := range []string{
		"WRONG       CNAME a._domainkey.example.com  (DKIM)\n    wanted    a.dkim.ses.example.net\n    ns1.example.com 192.0.2.1  CNAME b.example.net\n    name servers  can't be found: no such name\n    resolver  p=",
		"    -> Something is wrong.\n", "ADVICE      TXT   _dmarc.example.com  (DMARC, advice)", "SPF of bounce.example.com: v=spf1 ~all\n    0 of 10 look-ups; mail from here: softfail\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if got := summary(r); got != "1 of 1 required records are not in order" {
		t.Error(got)
	}
}
