// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// startHaraka returns the starter of Haraka from the npm packages in cache. It relays
// for loopback, signs with the dkim plugin and queues on disk; everything else is as
// it comes. That is one process, unless cluster asks for one per processor. It logs
// warnings only, which is kinder to it than its default.
func startHaraka(cache string, cluster bool) starter {
	return func(ctx context.Context, s *site, sink string) (door, error) {
		addr, err := freePort()
		if err != nil {
			return door{}, err
		}
		module := filepath.Join(cache, "node_modules", "Haraka")
		// Haraka cannot do without this file of its distribution.
		connection, err := os.ReadFile(filepath.Join(module, "config", "connection.ini"))
		if err != nil {
			return door{}, err
		}
		smtp := "listen=" + addr + "\n"
		if cluster {
			smtp += "nodes=cpus\n"
		}
		domain := "haraka/config/dkim/" + benchDomain + "/"
		files := map[string]string{
			"haraka/config/me":                     "haraka.example\n",
			"haraka/config/plugins":                "rdns_local\nrelay\ndkim\n",
			"haraka/plugins/rdns_local.js":         harakaRDNS,
			"haraka/config/connection.ini":         string(connection),
			"haraka/config/smtp.ini":               smtp,
			"haraka/config/relay.ini":              "[relay]\nacl=true\nforce_routing=true\ndest_domains=true\n",
			"haraka/config/relay_acl_allow":        "127.0.0.0/8\n",
			"haraka/config/relay_dest_domains.ini": fmt.Sprintf("[domains]\nany = {\"action\":\"accept\",\"nexthop\":%q}\n", sink),
			"haraka/config/outbound.ini":           "enable_tls=false\nlocal_mx_ok=true\n",
			"haraka/config/dkim.ini":               harakaDKIM,
			domain + "selector":                    "bench",
			"haraka/config/log.ini":                "[main]\nlevel=warn\n",
		}
		for name, text := range files {
			if err := s.write(name, text); err != nil {
				return door{}, err
			}
		}
		if err := writeKey(s.path(domain, "private")); err != nil {
			return door{}, err
		}
		bin := filepath.Join(module, "bin", "haraka")
		if err := s.spawn("haraka", "node", bin, "-c", s.path("haraka")); err != nil {
			return door{}, err
		}
		return door{smtp: addr}, s.await(ctx, "Haraka", func() error { return greeted(addr) })
	}
}

// harakaRDNS spares the name server, which is not on this machine, the question who
// 127.0.0.1 is.
const harakaRDNS = `exports.hook_lookup_rdns = (next) => next(OK, 'localhost')
`

const harakaDKIM = `[sign]
enabled = true
headers = From, Sender, Reply-To, Subject, Date, Message-ID, To, Cc, MIME-Version, Content-Type, Content-Transfer-Encoding

[verify]
enabled = false
`
