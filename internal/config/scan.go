// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Scan names the programs that look at content before it leaves. Without them nobody does.
type Scan struct {
	Clamd       string `toml:"clamd"`       // host:port, or the path of a Unix socket
	Rspamd      string `toml:"rspamd"`      // http://host:port of a normal worker
	Spam        string `toml:"spam"`        // "record" (default), or "reject"
	Unavailable string `toml:"unavailable"` // what mail does while a scanner is away: "wait" (default), or "pass"
}

func (c Config) checkScan() error {
	s := c.Scan
	if s.Clamd != "" && !strings.HasPrefix(s.Clamd, "/") {
		if _, _, err := net.SplitHostPort(s.Clamd); err != nil {
			return fmt.Errorf("scan.clamd: %q is neither host:port nor the path of a socket", s.Clamd)
		}
	}
	if s.Rspamd != "" {
		u, err := url.Parse(s.Rspamd)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return errors.New("scan.rspamd is no http:// URL of a host and a port")
		}
	}
	switch {
	case s.Spam != "" && s.Spam != "record" && s.Spam != "reject":
		return fmt.Errorf("scan.spam %q is not record or reject", s.Spam)
	case s.Spam == "reject" && s.Rspamd == "":
		return errors.New("scan.spam: there is nobody to judge: set scan.rspamd")
	case s.Unavailable != "" && s.Unavailable != "wait" && s.Unavailable != "pass":
		return fmt.Errorf("scan.unavailable %q is not wait or pass", s.Unavailable)
	}
	return nil
}
