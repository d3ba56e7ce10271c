// SPDX-License-Identifier: Apache-2.0

// Package netaddr tells addresses of the Internet from those that only mean something
// near us. Whoever may name a host, in DNS or in a URL, could otherwise talk to the
// machines behind us.
package netaddr

import "net/netip"

// sharedSpace is the carriers' own address space (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// Private reports whether a must not be talked to on a stranger's word: loopback,
// private, link-local, multicast, shared and unspecified addresses, and the zero Addr.
func Private(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() ||
		sharedSpace.Contains(a)
}
