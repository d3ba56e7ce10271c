// SPDX-License-Identifier: Apache-2.0

package fresh_test

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
	"sesame/internal/core/fresh"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

var ctx = context.Background()

// change is a change of an account's things, by a node that tells nobody.
func change(t *testing.T, db *store.DB, account string) {
	t.Helper()
	if err := db.Write(ctx, func(tx *store.Tx) error { return fresh.Changed(tx, account) }); err != nil {
		t.Fatal(err)
	}
}

// counted is a cache whose values are how often each was loaded.
type counted struct {
	*fresh.Cache[string, int]
	loads map[string]int
}

func newCounted(db *store.DB, c clock.Clock, o fresh.Options[int]) counted {
	return counted{fresh.NewCache[string](fresh.NewChanges(db, c), o), map[string]int{}}
}

func (c counted) get(t *testing.T, account, key string) int {
	t.Helper()
	n, err := c.Get(ctx, account, key, func() (int, error) { c.loads[key]++; return c.loads[key], nil })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAValueIsKeptUntilItsAccountChanges(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewFake(time.Now())
		cache := newCounted(db, c.Now, fresh.Options[int]{Size: 100})
		for range 10 {
			if cache.get(t, "a", "x") != 1 || cache.get(t, "b", "y") != 1 {
				t.Fatal("loaded again, and nothing has changed")
			}
			c.Advance(time.Hour)
		}
		cache.get(t, "a", "x")
		change(t, db, "a")
		c.Advance(fresh.Within - time.Nanosecond)
		if cache.get(t, "a", "x") != 1 {
			t.Error("asked twice within a second")
		}
		c.Advance(time.Nanosecond)
		if cache.get(t, "a", "x") != 2 {
			t.Error("a change is not seen after a second")
		}
		if cache.get(t, "b", "y") != 1 {
			t.Error("another account's change counts")
		}
	})
}

func TestWhatBelongsToAnAccountOnlyWhenItIsKnown(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewFake(time.Now())
		changes, loads := fresh.NewChanges(db, c.Now), 0
		cache := fresh.NewCache[string](changes, fresh.Options[string]{Size: 100, Owner: func(s string) string { return s }})
		get := func(key, owner string) int {
			t.Helper()
			_, err := cache.Get(ctx, "", key, func() (string, error) {
				loads++
				if owner == "" {
					return "", fault.New(fault.NotFound, "no")
				}
				return owner, nil
			})
			if (err != nil) != (owner == "") {
				t.Fatal(err)
			}
			return loads
		}
		if get("k", "a"); get("k", "a") != 1 {
			t.Fatal("a value is not kept")
		}
		if get("none", ""); get("none", "") != 2 {
			t.Fatal("it is not kept that there is none")
		}
		change(t, db, "b")
		c.Advance(fresh.Within)
		if get("k", "a") != 2 {
			t.Error("another account's change ends a value whose account is known")
		}
		if get("none", "a") != 3 {
			t.Error("what was not there stays so")
		}
		change(t, db, "a")
		c.Advance(fresh.Within)
		if get("k", "a") != 4 {
			t.Error("a change of the owner does not end a value")
		}
		changes.Forget("a")
		if get("k", "a") != 5 {
			t.Error("a change of this node is not seen at once")
		}
	})
}

func TestWhatWasReadBeforeAChangeIsNotKept(t *testing.T) {
	t.Parallel()
	for _, owner := range []func(string) string{nil, func(string) string { return "a" }} {
		changes := fresh.NewChanges(storetest.SQLite(t), clock.NewFake(time.Now()).Now)
		cache := fresh.NewCache[string](changes, fresh.Options[string]{Size: 100, Owner: owner})
		account := "a"
		if owner != nil {
			account = ""
		}
		if v, err := cache.Get(ctx, account, "k", func() (string, error) { changes.Forget("a"); return "old", nil }); v != "old" || err != nil {
			t.Fatal(v, err)
		}
		if v, err := cache.Get(ctx, account, "k", func() (string, error) { return "new", nil }); v != "new" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
	}
}

func TestOneLoadsWhileOthersWait(t *testing.T) {
	t.Parallel()
	cache := fresh.NewCache[string](fresh.NewChanges(storetest.SQLite(t), clock.System), fresh.Options[int]{Size: 100})
	var loads atomic.Int32
	loading, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	get := func() {
		v, err := cache.Get(ctx, "a", "k", func() (int, error) {
			loads.Add(1)
			close(loading)
			<-release
			return 7, nil
		})
		if v != 7 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
	}
	wg.Go(get)
	<-loading
	for range 50 {
		wg.Go(get)
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := cache.Get(stopped, "a", "k", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up waits: %v", err)
	}
	close(release)
	wg.Wait()
	if loads.Load() != 1 {
		t.Errorf("%d loads", loads.Load())
	}
}

func TestAnErrorThatSaysNothingIsNoAnswer(t *testing.T) {
	t.Parallel()
	cache := fresh.NewCache[string](fresh.NewChanges(storetest.SQLite(t), clock.System), fresh.Options[int]{Size: 100})
	lost := errors.New("no connection")
	loading, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := cache.Get(ctx, "a", "k", func() (int, error) { close(loading); <-release; return 0, lost }); !errors.Is(err, lost) {
			t.Errorf("%v", err)
		}
	})
	<-loading
	for range 10 {
		wg.Go(func() {
			if v, err := cache.Get(ctx, "a", "k", func() (int, error) { return 1, nil }); v != 1 || err != nil {
				t.Errorf("another's error: %d, %v", v, err)
			}
		})
	}
	close(release)
	wg.Wait()
}

func TestACacheStartsAnewAtItsBound(t *testing.T) {
	t.Parallel()
	cache := newCounted(storetest.SQLite(t), clock.System, fresh.Options[int]{Size: 10})
	for n := range 10 {
		cache.get(t, "a", fmt.Sprint(n))
	}
	if cache.get(t, "a", "0") != 1 {
		t.Error("dropped below the bound")
	}
	cache.get(t, "a", "one more")
	if cache.get(t, "a", "0") != 2 {
		t.Error("kept above the bound")
	}
}

// TestNoAccountIsForgottenToBeFollowed: more accounts are asked about than are followed.
func TestNoAccountIsForgottenToBeFollowed(t *testing.T) {
	t.Parallel()
	db, c := storetest.SQLite(t), clock.NewFake(time.Now())
	cache := newCounted(db, c.Now, fresh.Options[int]{Size: 100_000})
	cache.get(t, "a", "x")
	for n := range 10_001 {
		cache.get(t, fmt.Sprint("other ", n), fmt.Sprint(n))
	}
	change(t, db, "a")
	c.Advance(fresh.Within)
	if cache.get(t, "a", "x") == 1 {
		t.Error("a change is not seen")
	}
}

func TestWithoutADatabaseNothingIsKnown(t *testing.T) {
	t.Parallel()
	db, c := storetest.SQLite(t), clock.NewFake(time.Now())
	cache := newCounted(db, c.Now, fresh.Options[int]{Size: 100})
	cache.get(t, "a", "x")
	c.Advance(fresh.Within)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Get(ctx, "a", "x", nil); err == nil {
		t.Error("an answer that may be old")
	}
}
