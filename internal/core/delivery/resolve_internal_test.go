// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"net/netip"
	"testing"
)

func FuzzParseLiteral(f *testing.F) {
	for _, s := range []string{"[192.0.2.1]", "[ipv6:2001:db8::1]", "[IPv6:::ffff:192.0.2.1]", "[ipv6:fe80::1%eth0]", "[x:y]", "[", "[]", "[2001:db8::1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ip, err := parseLiteral(s)
		if err != nil {
			return
		}
		if !ip.IsValid() || ip.Zone() != "" {
			t.Fatalf("%q gave %v", s, ip)
		}
		form := "[" + ip.String() + "]"
		if !ip.Is4() {
			form = "[ipv6:" + ip.String() + "]"
		}
		if again, err := parseLiteral(form); err != nil || again != ip {
			t.Fatalf("%q gave %v, and that %v, %v", s, ip, again, err)
		}
	})
}

func TestParseLiteral(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{"[192.0.2.1]": "192.0.2.1", "[ipv6:2001:db8::1]": "2001:db8::1", "[IPv6:::1]": "::1"} {
		if ip, err := parseLiteral(s); err != nil || ip != netip.MustParseAddr(want) {
			t.Errorf("%s: %v, %v", s, ip, err)
		}
	}
	for _, s := range []string{"[2001:db8::1]", "[ipv6:192.0.2.1]", "[192.0.2]", "[ipv6:fe80::1%lo]", "[tag:x]"} {
		if ip, err := parseLiteral(s); err == nil {
			t.Errorf("%s was taken as %v", s, ip)
		}
	}
}
