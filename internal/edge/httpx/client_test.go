// SPDX-License-Identifier: Apache-2.0

package httpx_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"sesame/internal/edge/httpx"
)

// clientOf is who asks, for a server with these proxies.
func clientOf(proxies httpx.Proxies, peer string, forwarded ...string) (ip string) {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = peer
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	proxies.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ip = httpx.ClientIP(r) })).ServeHTTP(httptest.NewRecorder(), r)
	return ip
}

func TestClientIP(t *testing.T) {
	t.Parallel()
	proxies := httpx.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	const proxy = "10.1.2.3:4000"
	for _, c := range []struct {
		name      string
		peer      string
		forwarded []string
		want      string
	}{
		{"a client without a proxy", "192.0.2.1:5000", nil, "192.0.2.1"},
		{"a client that says to be another", "192.0.2.1:5000", []string{"198.51.100.7"}, "192.0.2.1"},
		{"a proxy", proxy, []string{"198.51.100.7"}, "198.51.100.7"},
		{"a proxy by IPv6", "[2001:db8:1::1]:4000", []string{"2001:db8:2::7"}, "2001:db8:2::7"},
		{"a proxy by IPv4 in IPv6", "[::ffff:10.1.2.3]:4000", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"what the client wrote before the proxy's word", proxy, []string{"127.0.0.1, 203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
		{"proxies one behind the other", proxy, []string{"203.0.113.9, 198.51.100.7, 10.9.9.9,10.8.8.8"}, "198.51.100.7"},
		{"in several fields", proxy, []string{"203.0.113.9", "198.51.100.7, 10.9.9.9", "10.8.8.8"}, "198.51.100.7"},
		{"with a port", proxy, []string{"198.51.100.7:1234"}, "198.51.100.7"},
		{"with a port, by IPv6", proxy, []string{"[2001:db8:2::7]:1234"}, "2001:db8:2::7"},
		{"in brackets", proxy, []string{"[2001:db8:2::7]"}, "2001:db8:2::7"},
		{"with a zone", proxy, []string{"fe80::1%eth0"}, "fe80::1"},
		{"a proxy that says nothing", proxy, nil, "10.1.2.3"},
		{"a proxy that says nothing of use", proxy, []string{"unknown"}, "10.1.2.3"},
		{"something that is no address before a proxy", proxy, []string{"203.0.113.9, _hidden, 10.9.9.9"}, "10.9.9.9"},
		{"an empty word", proxy, []string{"203.0.113.9,"}, "10.1.2.3"},
		{"a request of a proxy itself", proxy, []string{"10.9.9.9"}, "10.9.9.9"},
		{"more proxies than there can be", proxy, []string{"203.0.113.9" + strings.Repeat(",10.9.9.9", 20)}, "10.9.9.9"},
		{"a connection without a port", "192.0.2.1", nil, "192.0.2.1"},
		{"a socket", "@", []string{"198.51.100.7"}, "@"},
	} {
		if got := clientOf(proxies, c.peer, c.forwarded...); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if got := clientOf(nil, proxy, "198.51.100.7"); got != "10.1.2.3" {
		t.Errorf("without proxies the client is %s", got)
	}
}

func FuzzForwarded(f *testing.F) {
	proxies := httpx.Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	for _, s := range []string{"198.51.100.7", "203.0.113.9, 10.9.9.9", "[2001:db8::7]:1", "unknown", ",", "fe80::1%eth0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, forwarded string) {
		if _, err := netip.ParseAddr(clientOf(proxies, "10.1.2.3:1", forwarded)); err != nil {
			t.Errorf("%q makes a client that is no address: %v", forwarded, err)
		}
	})
}
