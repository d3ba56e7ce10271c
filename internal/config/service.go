// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/mail"
	"net/url"
	"strings"

	"sesame/internal/base/address"
)

// Service is how the service shows itself in mail of its own.
type Service struct {
	From string `toml:"from"` // a mailbox; default no-reply@ and the zone, or else hostname
	URL  string `toml:"url"`  // where browsers reach this server; default https:// and hostname
}

func (c Config) checkService() error {
	if c.Service.From != "" {
		m, err := mail.ParseAddress(c.Service.From)
		if err == nil {
			_, err = address.Parse(m.Address)
		}
		if err != nil {
			return fmt.Errorf("service.from %q is no address", c.Service.From)
		}
	}
	if c.Service.URL != "" {
		u, err := url.Parse(c.Service.URL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" ||
			u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return fmt.Errorf("service.url: %q is no http:// or https:// URL of a host alone", c.Service.URL)
		}
	}
	return nil
}
