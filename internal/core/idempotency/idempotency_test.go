// SPDX-License-Identifier: Apache-2.0

package idempotency_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/idempotency"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

var (
	ctx   = context.Background()
	sc    = scope.Scope{Account: "123456789012", Region: "us-east-1"}
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// node does things on a database: each adds one to a counter.
type node struct {
	*idempotency.Keys
	region string // where it does them
	db     *store.DB
	clock  *clock.Fake
	n      atomic.Int64
}

func newNode(db *store.DB, c *clock.Fake) *node {
	return &node{Keys: idempotency.New(db, c.Now), region: sc.Region, db: db, clock: c}
}

func (n *node) once(keys ...idempotency.Key) (string, error) {
	return n.Once(ctx, keys, func(remember idempotency.Remember) (string, error) {
		answer := fmt.Sprint("answer-", n.n.Add(1))
		return answer, n.db.Write(ctx, func(tx *store.Tx) error {
			tx.Count(scope.Scope{Account: sc.Account, Region: n.region}, "done", n.clock.Now(), 1)
			return remember(tx, answer)
		})
	})
}

func (n *node) done(t *testing.T) int {
	t.Helper()
	var count int
	if err := n.db.QueryRow(ctx, `SELECT COALESCE(sum(value), 0) FROM counters WHERE name = 'done' AND region = ?`, n.region).Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}

func key(name, hash string) idempotency.Key {
	return idempotency.Key{Scope: sc, Operation: "SendEmail", Name: name, Hash: hash, Keep: idempotency.KeepKey}
}

func with(k idempotency.Key, change func(*idempotency.Key)) idempotency.Key {
	change(&k)
	return k
}

func each(t *testing.T, test func(t *testing.T, n *node)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(t, newNode(db, clock.NewFake(start))) })
}

func TestOnce(t *testing.T) {
	first := key("k", "h")
	cases := []struct {
		name   string
		again  []idempotency.Key
		later  time.Duration
		answer string
		kind   fault.Kind // of the refusal; 0 for none
	}{
		{name: "the same key gets the first answer", again: []idempotency.Key{first}, answer: "answer-1"},
		{name: "it does so until its time is over", again: []idempotency.Key{first}, later: idempotency.KeepKey - time.Millisecond, answer: "answer-1"},
		{name: "then the key is good for another request", again: []idempotency.Key{key("k", "other")}, later: idempotency.KeepKey, answer: "answer-2"},
		{name: "other content with the same key is refused", again: []idempotency.Key{key("k", "other")}, kind: fault.Invalid},
		{name: "another key is another request", again: []idempotency.Key{key("k2", "h")}, answer: "answer-2"},
		{name: "another operation is another request", again: []idempotency.Key{with(first, func(k *idempotency.Key) { k.Operation = "SendRawEmail" })}, answer: "answer-2"},
		{name: "another account is another request", again: []idempotency.Key{with(first, func(k *idempotency.Key) { k.Scope.Account = "210987654321" })}, answer: "answer-2"},
		{name: "another region is another request", again: []idempotency.Key{with(first, func(k *idempotency.Key) { k.Scope.Region = "eu-west-1" })}, answer: "answer-2"},
		{name: "one known key of two is enough", again: []idempotency.Key{key("new", "h"), first}, answer: "answer-1"},
		{name: "a key that should be new, and is not, gets the first answer, too", again: []idempotency.Key{with(first, func(k *idempotency.Key) { k.New = true })}, answer: "answer-1"},
		{name: "without a key all is done again", answer: "answer-2"},
	}
	each(t, func(t *testing.T, all *node) {
		for i, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				n := newNode(all.db, clock.NewFake(start))
				n.region = fmt.Sprint("region-", i) // each case is in a region of its own
				there := func(k idempotency.Key) idempotency.Key {
					if k.Scope.Region == sc.Region {
						k.Scope.Region = n.region
					}
					return k
				}
				if answer, err := n.once(there(first)); err != nil || answer != "answer-1" {
					t.Fatal(answer, err)
				}
				n.clock.Advance(c.later)
				var again []idempotency.Key
				for _, k := range c.again {
					again = append(again, there(k))
				}
				answer, err := n.once(again...)
				if c.kind != 0 {
					if !fault.Is(err, c.kind) || n.done(t) != 1 {
						t.Errorf("%q, %v, done %d times", answer, err, n.done(t))
					}
					return
				}
				if err != nil || answer != c.answer {
					t.Errorf("%q, %v; want %q", answer, err, c.answer)
				}
				if want := map[string]int{"answer-1": 1, "answer-2": 2}[c.answer]; n.done(t) != want {
					t.Errorf("done %d times, want %d", n.done(t), want)
				}
			})
		}
	})
}

func TestWhatWasRefusedIsNotRemembered(t *testing.T) {
	refused := errors.New("refused")
	each(t, func(t *testing.T, n *node) {
		_, err := n.Once(ctx, []idempotency.Key{key("k", "h")}, func(idempotency.Remember) (string, error) { return "", refused })
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if answer, err := n.once(key("k", "h")); err != nil || answer != "answer-1" || n.done(t) != 1 {
			t.Errorf("%q, %v, done %d times", answer, err, n.done(t))
		}
	})
}

// The nodes share a database and nothing else.
func TestOfTwinsOnSeveralNodesOneIsDone(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		nodes := []*node{n, newNode(n.db, n.clock), newNode(n.db, n.clock)}
		for round := range 10 {
			var all sync.WaitGroup
			answers := make([]string, 12)
			for i := range answers {
				all.Go(func() {
					name := fmt.Sprint("k", round)
					answer, err := nodes[i%len(nodes)].once(key(name, "h"), key("second "+name, "h"))
					if err != nil {
						t.Error(err)
					}
					answers[i] = answer
				})
			}
			all.Wait()
			for _, a := range answers {
				if a != answers[0] {
					t.Fatalf("round %d: answers %v", round, answers)
				}
			}
			if n.done(t) != round+1 {
				t.Fatalf("done %d times after %d rounds", n.done(t), round+1)
			}
		}
	})
}

func TestATwinThatGivesUpWaitingIsToldSo(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		_, err := n.Once(ctx, []idempotency.Key{key("k", "h")}, func(idempotency.Remember) (string, error) {
			gone, cancel := context.WithCancel(ctx)
			cancel()
			_, err := n.Once(gone, []idempotency.Key{key("k", "h")}, func(idempotency.Remember) (string, error) {
				t.Error("done beside its twin")
				return "", nil
			})
			return "", err
		})
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("%v", err)
		}
	})
}

func TestPurgeRemovesWhatRanOut(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		var all sync.WaitGroup
		for i := range 2500 { // more than one commit removes
			all.Go(func() {
				k := key(fmt.Sprint("k", i), "h")
				if i%2 == 0 {
					k.Keep = idempotency.KeepRetry
				}
				if _, err := n.once(k); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		n.clock.Advance(idempotency.KeepRetry)
		if gone, err := n.Purge(ctx); err != nil || gone != 1250 {
			t.Errorf("purged %d, %v", gone, err)
		}
		if answer, err := n.once(key("k1", "h")); err != nil || n.done(t) != 2500 {
			t.Errorf("a key that has time left: %q, %v", answer, err)
		}
	})
}
