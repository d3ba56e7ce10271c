// SPDX-License-Identifier: Apache-2.0

package netaddr_test

import (
	"net/netip"
	"testing"

	"sesame/internal/base/netaddr"
)

func TestPrivate(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"192.0.2.1": false, "8.8.8.8": false, "2001:db8::1": false, "::ffff:192.0.2.1": false, "100.63.255.255": false, "100.128.0.0": false,
		"127.0.0.1": true, "::1": true, "::ffff:127.0.0.1": true, "10.1.2.3": true, "172.16.0.1": true, "192.168.0.1": true, "fd00::1": true,
		"169.254.169.254": true, "fe80::1": true, "224.0.0.1": true, "ff01::1": true, "ff02::1": true, "0.0.0.0": true, "::": true,
		"100.64.0.1": true, "100.127.255.255": true,
	} {
		if got := netaddr.Private(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	if !netaddr.Private(netip.Addr{}) {
		t.Error("no address at all is taken for a public one")
	}
}
