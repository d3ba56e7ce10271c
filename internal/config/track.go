// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"slices"
)

// Tracking is how links and pictures of mail are asked for.
type Tracking struct {
	// HTTP says that port 80 of the tracking hosts leads to a listener of listen.http, by
	// way of something else. One that listens there itself need not be told of.
	HTTP bool `toml:"http"`
}

// ServesHTTP reports whether browsers that ask by http:// come to this server.
func (c Config) ServesHTTP() bool {
	return c.Tracking.HTTP || slices.ContainsFunc(c.Listen.HTTP, func(addr string) bool {
		_, port, err := net.SplitHostPort(addr)
		return err == nil && (port == "80" || port == "http")
	})
}
