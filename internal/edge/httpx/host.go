// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// AllowHosts returns next for the requests alone whose Host is localhost, a name under
// localhost, a loopback address or one of hosts (names or addresses, without a port);
// the port does not count. Others are answered with 403. It keeps a page that is
// meant for this machine from scripts of other sites: a name of theirs that is made to
// lead here (DNS rebinding) still shows in Host.
func AllowHosts(hosts []string, next http.Handler) http.Handler {
	allowed := map[string]bool{"localhost": true}
	for _, h := range hosts {
		allowed[bareHost(h)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := bareHost(r.Host)
		if !allowed[host] && !strings.HasSuffix(host, ".localhost") && !isLoopback(host) {
			http.Error(w, "This host name is not served here.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// bareHost is the name or address of a Host header without port, brackets, final dot
// and case; "" if it is malformed.
func bareHost(s string) string {
	if ip, err := netip.ParseAddr(s); err == nil { // a bare IPv6 address is no host:port
		return ip.Unmap().String()
	}
	if host, port, err := net.SplitHostPort(s); err == nil {
		if strings.Trim(port, "0123456789") != "" {
			return ""
		}
		s = host
	} else if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
	}
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(s, "."))
}
