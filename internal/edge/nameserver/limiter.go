// SPDX-License-Identifier: Apache-2.0

package nameserver

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"sesame/internal/base/clock"
)

// verdict is what to do with a query over UDP.
type verdict uint8

const (
	pass verdict = iota
	slip         // say that the answer is cut: who really asked comes again over TCP
	drop
)

// buckets is how many networks are counted apart; those beyond share. Which share is not
// known to anybody outside.
const buckets = 1 << 14

// limiter bounds the answers over UDP to one network. A query's sender may be forged, so
// that the answer goes to a victim; so who is over the rate gets, for every other query,
// an answer no larger than it, and else none (as response rate limiting of BIND and Knot).
type limiter struct {
	rate  float64 // a second; as many at once
	clock clock.Clock
	seed  maphash.Seed
	table []bucket
}

type bucket struct {
	mu    sync.Mutex
	used  float64 // answers lately
	at    time.Time
	slips bool // the next one over the rate slips
}

func newLimiter(rate int, now clock.Clock) *limiter {
	return &limiter{rate: float64(rate), clock: now, seed: maphash.MakeSeed(), table: make([]bucket, buckets)}
}

// take counts an answer to a, and says whether it may be given. This machine is not
// limited.
func (l *limiter) take(a netip.Addr) verdict {
	if a.IsLoopback() {
		return pass
	}
	bits := 56
	if a.Is4() {
		bits = 24
	}
	network, err := a.Prefix(bits)
	if err != nil || !a.IsValid() {
		return drop // there is nobody to answer
	}
	b := &l.table[maphash.Comparable(l.seed, network)%buckets]
	now := l.clock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used = max(0, b.used-now.Sub(b.at).Seconds()*l.rate)
	b.at = now
	if b.used+1 <= l.rate {
		b.used++
		return pass
	}
	if b.slips = !b.slips; b.slips {
		return slip
	}
	return drop
}
