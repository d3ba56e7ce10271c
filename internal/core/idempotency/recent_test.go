// SPDX-License-Identifier: Apache-2.0

package idempotency_test

import (
	"fmt"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/idempotency"
	"sesame/internal/core/store"
)

// retry is what an SDK calls a call.
func retry(name string) idempotency.Key {
	k := key(name, "h")
	k.Retry, k.Keep = true, idempotency.KeepRetry
	return k
}

func TestAnAttemptGetsTheAnswerOfTheFirst(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		first := retry("call")
		first.New = true
		for what, k := range map[string]idempotency.Key{"the first": first, "the second": retry("call"), "one more": retry("call")} {
			if _, err := n.once(k, key("own", "h")); err != nil || n.done(t) != 1 {
				t.Errorf("%s attempt: %v, done %d times", what, err, n.done(t))
			}
		}
		if _, err := n.once(retry("another call")); err != nil || n.done(t) != 2 {
			t.Errorf("another call: %v, done %d times", err, n.done(t))
		}
		n.clock.Advance(idempotency.KeepRetry)
		if _, err := n.once(retry("call")); err != nil || n.done(t) != 3 {
			t.Errorf("after its time: %v, done %d times", err, n.done(t))
		}
	})
}

func TestAttemptsAreKnownAfterARestart(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		answers := map[string]string{}
		for _, name := range []string{"a", "b", "c"} {
			answer, err := n.once(retry(name))
			if err != nil {
				t.Fatal(err)
			}
			answers[name] = answer
		}
		again := newNode(n.db, n.clock)
		for name, want := range answers {
			if answer, err := again.once(retry(name)); err != nil || answer != want {
				t.Errorf("%s: %q, %v; want %q", name, answer, err, want)
			}
		}
		if n.done(t) != 3 {
			t.Errorf("done %d times", n.done(t))
		}
	})
}

// The database may have committed, though it could not say so, or though a panic came after it.
func TestAnAttemptAfterOneWithoutAnOutcome(t *testing.T) {
	for _, committed := range []bool{true, false} {
		for _, panics := range []bool{true, false} {
			t.Run(fmt.Sprint("committed ", committed, ", panics ", panics), func(t *testing.T) {
				each(t, func(t *testing.T, n *node) {
					if err := n.unheard(t, committed, panics); panics != (err == nil) || !panics && !fault.Is(err, fault.Unavailable) {
						t.Fatal(err)
					}
					n.clock.Advance(time.Second)
					answer, err := n.once(retry("call"))
					if err != nil || (answer == "unheard") != committed || n.done(t) != 1 {
						t.Errorf("%q, %v, done %d times", answer, err, n.done(t))
					}
				})
			})
		}
	}
}

// unheard is an attempt that does not tell its answer.
func (n *node) unheard(t *testing.T, commit, panics bool) (err error) {
	t.Helper()
	defer func() { _ = recover() }()
	_, err = n.Once(ctx, []idempotency.Key{retry("call")}, func(remember idempotency.Remember) (string, error) {
		if commit {
			if err := n.db.Write(ctx, func(tx *store.Tx) error {
				tx.Count(sc, "done", n.clock.Now(), 1)
				return remember(tx, "unheard")
			}); err != nil {
				t.Error(err)
			}
		}
		if panics {
			panic("on the way back")
		}
		return "unheard", fault.New(fault.Unavailable, "nobody knows")
	})
	return err
}
