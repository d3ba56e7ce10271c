// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"sync"
	"sync/atomic"
	"time"

	"sesame/internal/base/scope"
)

// maxScopes is how many accounts and regions are kept in memory before those that nobody
// uses are dropped, to be read again when need be. Those in use are kept beyond it.
const maxScopes = 10_000

// scopes is what a node keeps in memory of each account in a region, a T. The zero value
// is empty and ready, and it is safe for concurrent use; what guards a T is T's matter.
type scopes[T any] struct {
	mu    sync.Mutex
	known map[scope.Scope]*kept[T]
	full  int // how many make the unused be looked for
}

// kept is the T of one scope.
type kept[T any] struct {
	of    T
	users atomic.Int64 // raised under scopes.mu alone, so that nobody begins with what is being dropped
	last  time.Time    // when a use began
}

// use returns what is kept of sc, which stays the same for all until done is called.
func (s *scopes[T]) use(sc scope.Scope, now time.Time) *kept[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.known[sc]
	if k == nil {
		s.evict(now)
		k = &kept[T]{}
		s.known[sc] = k
	}
	k.users.Add(1)
	k.last = now
	return k
}

// done ends a use.
func (k *kept[T]) done() { k.users.Add(-1) }

// evict drops, when there are many, what nobody uses and nobody began to use for holdFor:
// its buckets are full again, and nothing of it is held. The next look is when there are
// twice as many as were found to be in use.
func (s *scopes[T]) evict(now time.Time) {
	if s.known == nil {
		s.known, s.full = map[scope.Scope]*kept[T]{}, maxScopes
	}
	if len(s.known) < s.full {
		return
	}
	for sc, k := range s.known {
		if k.users.Load() == 0 && now.Sub(k.last) > holdFor {
			delete(s.known, sc)
		}
	}
	s.full = max(maxScopes, 2*len(s.known))
}
