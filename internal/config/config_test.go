// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/config"
)

const base = `
hostname = "mail.example.com"
[tls]
cert_file = "c.pem"
key_file = "k.pem"
`

const acme = `
hostname = "mail.example.com"
[tls]
acme_domains = ["mail.example.com"]
`

func TestDefaultsAndValues(t *testing.T) {
	t.Parallel()
	c, err := config.Parse(base + `
[delivery]
max_age = "2h30m"
retry = ["1s", "1m"]
[[routes]]
domain = ".example.com"
hosts = ["10.0.0.1:25"]
tls = "require"
`)
	if err != nil {
		t.Fatal(err)
	}
	if c.Delivery.MaxAge.Duration != 150*time.Minute || len(c.Delivery.Retry) != 2 || c.Delivery.PerDestination != 20 ||
		c.Routes[0].TLS != "require" || c.Regions[0] != "us-east-1" || len(c.Listen.SMTP) != 3 {
		t.Errorf("%+v", c)
	}
}

func TestEachBadConfigurationFailsForItsReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", base + "[delivery]\nmax_agee = \"1h\"", "unknown key delivery.max_agee"},
		{"not TOML", "hostname = ", "toml"},
		{"a number for a string", "hostname = 5", "string"},
		{"no duration", base + "[delivery]\nmax_age = \"soon\"", "invalid duration"},
		{"no certificate", `hostname = "mail.example.com"`, "need cert_file and key_file, or acme_domains"},
		{"half a certificate", "hostname = \"a.example\"\n[tls]\ncert_file = \"c\"", "give both cert_file and key_file"},
		{"two kinds of certificate", base + "acme_domains = [\"a.example\"]", "not both"},
		{"an ACME server for nobody", base + "acme_directory = \"https://ca.example/directory\"", "of no use without acme_domains"},
		{"a CA of no ACME server", base + "acme_ca_file = \"ca.pem\"", "of no use without acme_domains"},
		{"an ACME server in clear text", acme + "acme_directory = \"http://ca.example/directory\"", "is no https:// URL"},
		{"an ACME server without a host", acme + "acme_directory = \"https:///directory\"", "is no https:// URL"},
		{"no address of the service", base + "[service]\nfrom = \"nobody\"", "service.from \"nobody\" is no address"},
		{"a URL of the service with a path", base + "[service]\nurl = \"https://example.com/mail\"", "is no http:// or https:// URL of a host alone"},
		{"a URL of the service with a user", base + "[service]\nurl = \"https://a@example.com\"", "is no http:// or https:// URL of a host alone"},
		{"a URL of the service of another kind", base + "[service]\nurl = \"ftp://example.com\"", "is no http:// or https:// URL of a host alone"},
		{"host name", "hostname = \"a b\"", "is no host name"},
		{"a short name of the system", strings.TrimPrefix(base, "\nhostname = \"mail.example.com\""), "the system's \"build7\" is no full name"},
		{"region", "regions = [\"US\"]\n" + base, "is no region name"},
		{"no region", "regions = []\n" + base, "at least one region"},
		{"address without port", base + "[listen]\nhttps = [\"localhost\"]", "listen.https: \"localhost\" is not host:port"},
		{"no slots", base + "[delivery]\nmax_concurrent = 0", "must be at least 1"},
		{"no retries", base + "[delivery]\nretry = []", "at least one wait"},
		{"a retry at once", base + "[delivery]\nretry = [\"0s\"]", "at least 1ms"},
		{"port", base + "[delivery]\nsmtp_port = 70000", "1 to 65535"},
		{"return domain", base + "[delivery]\nreturn_domain = \"a b\"", "is no domain"},
		{"route without hosts", base + "[[routes]]\ndomain = \"*\"", "hosts is empty"},
		{"route with an odd pattern", base + "[[routes]]\ndomain = \"*.x\"\nhosts = [\"a:1\"]", "is not *, a domain or .domain"},
		{"route with an odd policy", base + "[[routes]]\ndomain = \"*\"\nhosts = [\"a:1\"]\ntls = \"maybe\"", "is not none, opportunistic or require"},
		{"route host without port", base + "[[routes]]\ndomain = \"*\"\nhosts = [\"a\"]", "is not host:port"},
		{"negative limit", base + "[limits]\ndaily_quota = -1", "must not be negative"},
		{"a delay that clients would not wait for", base + "[limits]\nmax_delay = \"2m\"", "limits.max_delay must be 0s to 1m0s"},
		{"a negative number of mails", base + "[limits]\nverification_mails = -1", "must not be negative"},
		{"a word for the rate of calls", base + "[limits]\napi_calls = \"many\"", "\"off\", \"ses\" or a number"},
		{"a negative rate of calls", base + "[limits]\napi_calls = -1", "must not be negative"},
		{"a maximum below the minimum", base + "[limits.reputation]\nmax_daily_quota = 10", "not above the maxima"},
		{"a minimum of nothing", base + "[limits.reputation]\nmin_send_rate = 0", "above 0"},
		{"keys that would run out", base + "[dkim]\nrotate_every = \"1h\"", "0 or at least 168h"},
		{"log level", base + "[log]\nlevel = \"loud\"", "is not debug, info, warn or error"},
		{"log format", base + "[log]\nformat = \"xml\"", "is not text or json"},
	} {
		if _, err := config.ParseOn("build7", c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// TestWhereMailToTheServiceComesIn is about listen.mx, which shares the listeners of
// submission that have port 25.
func TestWhereMailToTheServiceComesIn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		mx     []string
		shared bool // its first address
	}{
		"":                               {[]string{":25"}, true},
		"smtp = [\"10.0.0.1:25\"]":       {[]string{"10.0.0.1:25"}, true},
		"smtp = [\":587\"]":              {nil, false},
		"mx = []":                        {[]string{}, false},
		"mx = [\":2525\"]":               {[]string{":2525"}, false},
		"smtp = [\":0\"]\nmx = [\":0\"]": {[]string{":0"}, true},
	} {
		c, err := config.Parse(base + "[listen]\n" + text)
		if err != nil || !slices.Equal(c.Listen.MX, want.mx) || c.TakesMail() != (len(want.mx) > 0) {
			t.Errorf("%q: %q, %v", text, c.Listen.MX, err)
			continue
		}
		if shared := c.TakesMail() && slices.Contains(c.Listen.SMTP, want.mx[0]) && c.SharesMX(want.mx[0]); shared != want.shared {
			t.Errorf("%q: shared: %v", text, shared)
		}
	}
}

func TestTheSystemsName(t *testing.T) {
	t.Parallel()
	unnamed := strings.TrimPrefix(base, "\nhostname = \"mail.example.com\"")
	if c, err := config.ParseOn("mx.example.net", unnamed); err != nil || c.Hostname != "mx.example.net" {
		t.Errorf("a full name: %q, %v", c.Hostname, err)
	}
	if c, err := config.ParseOn("build7", unnamed+"[delivery]\nreturn_domain = \"example.com\""); err != nil || c.Hostname != "build7" {
		t.Errorf("a short name, with a domain for the return paths: %q, %v", c.Hostname, err)
	}
	if _, err := config.ParseOn("build7", "hostname = \"localhost\""+unnamed); err != nil {
		t.Errorf("a short name that the file asks for: %v", err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.CallRate{"": 0, `api_calls = "off"`: 0, `api_calls = "ses"`: 1, "api_calls = 5": 5, "api_calls = 0.5": 0.5} {
		c, err := config.Parse(base + "[limits]\n" + text)
		if err != nil || c.Limits.APICalls != want || c.Limits.DailyQuota != 50_000 || c.Limits.MaxDelay.Duration != 20*time.Second {
			t.Errorf("%s: %+v, %v", text, c.Limits, err)
		}
	}
	c, err := config.Parse(base + "[limits]\nsandbox = true\n[limits.reputation]\nadjust = true\nmax_send_rate = 50")
	if r := c.Limits.Reputation; err != nil || !c.Limits.Sandbox || !r.Adjust || r.MaxSendRate != 50 || r.MinDailyQuota != 200 || r.MaxDailyQuota != 1_000_000 {
		t.Errorf("%+v, %v", c.Limits, err)
	}
}
