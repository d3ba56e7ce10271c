// SPDX-License-Identifier: Apache-2.0

package app

import (
	"time"

	"sesame/internal/core/dispatch"
	"sesame/internal/core/scan"
)

// scanTimeout bounds what one scanner may take for one message. Both together end before an
// attempt does.
const scanTimeout = 30 * time.Second

// contentChecker is what looks at content before it leaves, nil if nothing is configured.
func (s *Server) contentChecker() dispatch.Checker {
	c := s.cfg.Scan
	if c.Clamd == "" && c.Rspamd == "" {
		return nil
	}
	o := scan.Options{Spool: s.spool, RejectSpam: c.Spam == "reject", PassUnseen: c.Unavailable == "pass", Clock: s.clock, Log: s.log}
	if c.Clamd != "" {
		o.Viruses = &scan.Clamd{Address: c.Clamd, Timeout: scanTimeout}
	}
	if c.Rspamd != "" {
		o.Spam = &scan.Rspamd{URL: c.Rspamd, Timeout: scanTimeout}
	}
	return scan.New(o)
}
