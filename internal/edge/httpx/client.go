// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of reverse proxies whose word is taken on who asks. The zero
// value is none.
type Proxies []netip.Prefix

// maxHops bounds the proxies that one request may have come over.
const maxHops = 16

// Handler returns next for requests whose RemoteAddr is the client's: that of the connection,
// or if a proxy of these has made it, the last address of X-Forwarded-For that is none of
// theirs. What stands before it there anybody may have written.
func (p Proxies) Handler(next http.Handler) http.Handler {
	if len(p) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, ok := readAddr(ClientIP(r))
		if !ok || !p.has(peer) {
			next.ServeHTTP(w, r)
			return
		}
		theirs := r.WithContext(r.Context()) // a copy, which may be changed
		theirs.RemoteAddr = p.client(peer, r.Header.Values("X-Forwarded-For")).String()
		next.ServeHTTP(w, theirs)
	})
}

// client is who asks the first of the proxies, of which peer is the last. Where it said
// nothing that can be read, it is the proxy itself.
func (p Proxies) client(peer netip.Addr, forwarded []string) netip.Addr {
	client, hops := peer, 0
	for _, field := range slices.Backward(forwarded) {
		for more := true; more; hops++ {
			var last string
			if at := strings.LastIndexByte(field, ','); at >= 0 {
				field, last = field[:at], field[at+1:]
			} else {
				last, more = field, false
			}
			a, ok := readAddr(strings.TrimSpace(last))
			if !ok || hops == maxHops {
				return client
			}
			if client = a; !p.has(a) {
				return client
			}
		}
	}
	return client
}

func (p Proxies) has(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(a) })
}

// readAddr reads an address, with a port or without.
func readAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		var with netip.AddrPort
		if with, err = netip.ParseAddrPort(s); err == nil {
			a = with.Addr()
		} else if inner, ok := strings.CutPrefix(s, "["); ok {
			a, err = netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		}
	}
	return a.Unmap().WithZone(""), err == nil
}

// ClientIP is the address of who asks, without the port.
func ClientIP(r *http.Request) string {
	if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return ip
	}
	return r.RemoteAddr
}
