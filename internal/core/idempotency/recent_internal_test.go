// SPDX-License-Identifier: Apache-2.0

package idempotency

import "testing"

func TestWhatIsKeptInMindIsBounded(t *testing.T) {
	t.Parallel()
	r := newRecent(3)
	for n := range byte(5) {
		r.put(digest{n}, attempt{at: int64(n), answer: "a"})
		r.put(digest{n}, attempt{at: int64(n), answer: "b"}) // the same again takes no room
	}
	for n := range byte(5) {
		if a, ok := r.get(digest{n}); ok != (n >= 2) || ok && a.answer != "b" {
			t.Errorf("%d: %+v, %t", n, a, ok)
		}
	}
	if len(r.entries) != 3 || len(r.order) != 3 {
		t.Errorf("%d entries, %d in order", len(r.entries), len(r.order))
	}
}
