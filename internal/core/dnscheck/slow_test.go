// SPDX-License-Identifier: Apache-2.0

package dnscheck_test

import (
	"context"
	"net/netip"
	"time"

	"sesame/internal/proto/dns"
)

// slow gives up a question that gets no answer soon, as the real asker does after a few
// seconds.
type slow struct{ world }

func (s slow) Ask(ctx context.Context, server netip.AddrPort, name string, t dns.Type) ([]dns.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	return s.world.Ask(ctx, server, name, t)
}
