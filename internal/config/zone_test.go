// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/config"
)

const (
	quiet = "hostname = \"mail.example.net\"\n[listen]\nhttps = []\nsmtp = []\nsmtps = []\n"
	zone  = "[zone]\nname = \"ses.example.net\"\nname_servers = [\"ns1.example.net\"]\naddresses = [\"192.0.2.1\", \"2001:db8::1\"]\n"
)

func TestZone(t *testing.T) {
	t.Parallel()
	c, err := config.Parse(quiet + zone + `sending_addresses = ["192.0.2.9/28", "192.0.2.50"]` + "\n" + `key_ttl = "1m"`)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Listen.DNS, []string{":53"}) {
		t.Errorf("who has a zone serves it: %v", c.Listen.DNS)
	}
	if s := c.Zone.SendingAddresses; len(s) != 2 || s[0].String() != "192.0.2.0/28" || s[1].String() != "192.0.2.50/32" {
		t.Errorf("%v", s)
	}
	if c.Zone.KeyTTL.Duration != time.Minute {
		t.Errorf("key_ttl: %v", c.Zone.KeyTTL)
	}
	for why, text := range map[string]string{
		"without a zone":                quiet,
		"if it is switched off":         quiet + "dns = []\n" + zone,
		"if it is at somebody else's":   quiet + zone + "[zone.update]\nserver = \"192.0.2.53\"\n",
		"if it is pushed to a parent":   quiet + zone + "[zone.update]\nserver = \"ns.example.net:53\"\nzone = \"Example.net\"\ntsig_name = \"k\"\ntsig_secret_file = \"f\"\n",
		"without a server of that zone": strings.Replace(quiet+"dns = []\n"+zone, `["ns1.example.net"]`, "[]", 1),
	} {
		if c, err := config.Parse(text); err != nil || len(c.Listen.DNS) > 0 {
			t.Errorf("no name server %s: %v, %v", why, c.Listen.DNS, err)
		}
	}
}

func TestZoneIsChecked(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ why, text, want string }{
		{"addresses of no zone", quiet + "[zone]\naddresses = [\"192.0.2.1\"]\n", "zone: name is missing"},
		{"a name server for no zone", quiet + "dns = [\":53\"]\n", "listen.dns: there is no zone"},
		{"a name that is none", quiet + "[zone]\nname = \"localhost\"\n", "zone.name"},
		{"no addresses", quiet + "[zone]\nname = \"a.b\"\nname_servers = [\"ns.a.b\"]\n", "zone.addresses is empty"},
		{"no name servers", quiet + "[zone]\nname = \"a.b\"\naddresses = [\"192.0.2.1\"]\n", "zone.name_servers is empty"},
		{"a name server that is an address", strings.Replace(quiet+zone, "ns1.example.net", "192.0.2.1:53", 1), "zone.name_servers"},
		{"an address that is none", strings.Replace(quiet+zone, "192.0.2.1", "192.0.2.300", 1), "192.0.2.300"},
		{"a network that is none", quiet + zone + "sending_addresses = [\"192.0.2.0/33\"]\n", "no address and no network"},
		{"a policy that is none", quiet + zone + "dmarc = \"p=none\"\n", "zone.dmarc"},
		{"a policy of two lines", quiet + zone + "dmarc = \"v=DMARC1;\\np=none\"\n", "zone.dmarc"},
		{"a life of keys without a zone", quiet + "[zone]\nkey_ttl = \"1m\"\n", "zone: name is missing"},
		{"a life of keys that DNS can't say", quiet + zone + "key_ttl = \"1500ms\"\n", "zone.key_ttl"},
		{"a life of keys that nobody would want to wait for", quiet + zone + "key_ttl = \"25h\"\n", "zone.key_ttl"},
		{"a life of keys that has passed", quiet + zone + "key_ttl = \"-1s\"\n", "zone.key_ttl"},
		{"a key without a server", quiet + zone + "[zone.update]\ntsig_name = \"k\"\n", "zone.update: server is missing"},
		{"a key without its secret", quiet + zone + "[zone.update]\nserver = \"192.0.2.1\"\ntsig_name = \"k\"\n", "both tsig_name and tsig_secret_file"},
		{"an algorithm without a key", quiet + zone + "[zone.update]\nserver = \"192.0.2.1\"\nalgorithm = \"hmac-sha512\"\n", "zone.update: algorithm"},
		{"another zone", quiet + zone + "[zone.update]\nserver = \"192.0.2.1\"\nzone = \"example.org\"\n", "ses.example.net is not in example.org"},
	} {
		if _, err := config.Parse(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.why, err)
		}
	}
}
