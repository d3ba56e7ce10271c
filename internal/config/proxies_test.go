// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"fmt"
	"strings"
	"testing"

	"sesame/internal/config"
)

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, written string
		want          string // or else
		refused       string
	}{
		{"none", ``, "[]", ""},
		{"an address and networks", `"192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "::1"`, "[192.0.2.1/32 10.0.0.0/8 2001:db8::/32 ::1/128]", ""},
		{"a host name", `"proxy.example.com"`, "", "neither an address nor a network"},
		{"an address with a port", `"192.0.2.1:80"`, "", "neither an address nor a network"},
		{"an address with a zone", `"fe80::1%eth0"`, "", "neither an address nor a network"},
		{"IPv4 in IPv6", `"::ffff:10.0.0.0/104"`, "", "write"},
		{"an address with the length of a network", `"10.1.2.3/8"`, "", "that would be 10.0.0.0/8"},
		{"everybody", `"0.0.0.0/0"`, "", "everybody could say to be anybody"},
	} {
		got, err := config.Parse("hostname = \"mail.example.com\"\n[tls]\ncert_file = \"c\"\nkey_file = \"k\"\n[listen]\ntrusted_proxies = [" + c.written + "]\n")
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), "listen.trusted_proxies") || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if proxies, err := got.Listen.Proxies(); err != nil || fmt.Sprint(proxies) != c.want {
			t.Errorf("%s: %v, %v", c.name, proxies, err)
		}
	}
}
