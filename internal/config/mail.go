// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"slices"
)

// mailDefaults has mail to the service itself come in at port 25, where submission listens
// too, unless the file says where.
func (c *Config) mailDefaults() {
	if c.Listen.MX != nil {
		return
	}
	for _, addr := range c.Listen.SMTP {
		if _, port, err := net.SplitHostPort(addr); err == nil && (port == "25" || port == "smtp") {
			c.Listen.MX = append(c.Listen.MX, addr)
		}
	}
}

// SharesMX reports whether a listener of listen.smtp takes mail to the service, too.
func (c Config) SharesMX(addr string) bool { return !c.Dev && slices.Contains(c.Listen.MX, addr) }

// TakesMail reports whether mail to the service comes in anywhere.
func (c Config) TakesMail() bool { return len(c.Listen.MX) > 0 }
