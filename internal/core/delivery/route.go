// SPDX-License-Identifier: Apache-2.0

package delivery

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/proto/smtpclient"
)

// Route sends the mail for some domains to given hosts instead of their MX.
type Route struct {
	// Pattern is a domain, ".domain" for those below it, or "*" for all.
	Pattern string
	// Hosts are tried in this order: name or IP address, with ":port" or for port 25
	// without.
	Hosts []string
	TLS   smtpclient.TLSPolicy
	Auth  *smtpclient.Auth // nil sends none; needs TLS to be required, but for loopback addresses
}

// route is a Route that has been read.
type route struct {
	pattern string
	key     string // of its connections in the pool
	hosts   []host
}

func (r *route) matches(d address.Domain) bool {
	switch {
	case r.pattern == "*":
		return true
	case r.pattern[0] == '.':
		return strings.HasSuffix(string(d), r.pattern)
	}
	return string(d) == r.pattern
}

func parseRoute(i int, r Route) (route, error) {
	p := strings.ToLower(r.Pattern)
	if p != "*" {
		if _, err := address.ParseDomain(strings.TrimPrefix(p, ".")); err != nil {
			return route{}, fmt.Errorf("delivery: route %q: %w", r.Pattern, err)
		}
	}
	if len(r.Hosts) == 0 {
		return route{}, fmt.Errorf("delivery: route %q has no hosts", r.Pattern)
	}
	// The key is no domain name, so it can't be a destination's.
	parsed := route{pattern: p, key: "route " + strconv.Itoa(i)}
	for _, s := range r.Hosts {
		h, err := parseHost(s)
		if err != nil {
			return route{}, fmt.Errorf("delivery: route %q: host %q: %w", r.Pattern, s, err)
		}
		strict := r.TLS == smtpclient.TLSRequire || r.TLS == smtpclient.TLSVerify
		if local := len(h.addrs) > 0 && h.addrs[0].IsLoopback(); r.Auth != nil && !strict && !local {
			return route{}, fmt.Errorf("delivery: route %q: host %q: credentials need TLS to be required", r.Pattern, s)
		}
		h.tls, h.auth, h.routed = r.TLS, r.Auth, true
		parsed.hosts = append(parsed.hosts, h)
	}
	return parsed, nil
}

func parseHost(s string) (host, error) {
	name, port := strings.Trim(s, "[]"), "25"
	if _, err := netip.ParseAddr(name); err != nil && strings.Contains(s, ":") {
		if name, port, err = net.SplitHostPort(s); err != nil {
			return host{}, err
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return host{}, fmt.Errorf("port %q", port)
	}
	h := host{name: name, port: uint16(n)}
	if ip, err := netip.ParseAddr(name); err == nil {
		h.addrs = []netip.Addr{ip.Unmap()}
		return h, nil
	}
	d, err := address.ParseDomain(strings.TrimSuffix(name, "."))
	h.name = string(d)
	return h, err
}
