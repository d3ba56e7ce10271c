// SPDX-License-Identifier: Apache-2.0

package notice_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/notice"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func add(t *testing.T, db *store.DB, n notice.Notice) {
	t.Helper()
	if err := db.Write(t.Context(), func(tx *store.Tx) error { return notice.Append(tx, n) }); err != nil {
		t.Fatal(err)
	}
}

func example(identity string) notice.Notice {
	return notice.Notice{
		Scope: scope.Scope{Account: "123456789012", Region: "eu-west-1"}, Kind: notice.MailFromTemporary, Identity: identity,
		Detail: notice.Detail{Domain: "bounce.example.com", Until: start.Add(72 * time.Hour), Text: "MX"}, At: start,
	}
}

func lease(t *testing.T, q *notice.Queue, limit int) []notice.Leased {
	t.Helper()
	got, err := q.Lease(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestANoticeIsLeasedUntilItIsDone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := clock.NewFake(start)
		q := &notice.Queue{DB: db, Clock: now.Now, LeaseFor: time.Minute}
		add(t, db, example("example.com"))
		add(t, db, example("example.net"))

		first := lease(t, q, 1)
		if len(first) != 1 || first[0].Notice != example("example.com") || first[0].Attempt != 1 {
			t.Fatalf("leased %+v", first)
		}
		if second := lease(t, q, 10); len(second) != 1 || second[0].Identity != "example.net" {
			t.Errorf("what is leased was leased again, or something else: %+v", second)
		}
		if none := lease(t, q, 10); none != nil {
			t.Errorf("leased %+v", none)
		}

		// The lease runs out: the node died, or could not say Done.
		now.Advance(time.Minute)
		again := lease(t, q, 1)
		if len(again) != 1 || again[0].Identity != "example.com" || again[0].Attempt != 2 {
			t.Fatalf("after the lease: %+v", again)
		}
		if err := q.Later(t.Context(), first[0], start); err != nil { // a lease that is over ends no other
			t.Fatal(err)
		}
		if err := q.Later(t.Context(), again[0], now.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		for _, l := range lease(t, q, 10) {
			if l.Identity == "example.com" {
				t.Error("a notice that was put off is due")
			}
			if err := q.Done(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
		now.Advance(time.Hour)
		last := lease(t, q, 10)
		if len(last) != 1 || last[0].Identity != "example.com" || last[0].Attempt != 3 {
			t.Errorf("after the wait: %+v", last)
		}
	})
}

func TestNodesShareTheNotices(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const all = 40
		for i := range all {
			add(t, db, example(fmt.Sprintf("n%d.example.com", i)))
		}
		var mu sync.Mutex
		times := map[string]int{}
		var nodes sync.WaitGroup
		for range 4 {
			q := &notice.Queue{DB: db, Clock: clock.NewFake(start).Now, LeaseFor: time.Hour}
			nodes.Go(func() {
				for {
					got, err := q.Lease(t.Context(), 3)
					if err != nil {
						t.Error(err)
					}
					if len(got) == 0 {
						return
					}
					mu.Lock()
					for _, l := range got {
						times[l.Identity]++
					}
					mu.Unlock()
				}
			})
		}
		nodes.Wait()
		for name, n := range times {
			if n != 1 {
				t.Errorf("%s was leased %d times", name, n)
			}
		}
		if len(times) != all {
			t.Errorf("%d notices were leased, want %d", len(times), all)
		}
	})
}

func TestTheBellRingsForWhatIsCommitted(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	q := &notice.Queue{DB: db, Clock: clock.NewFake(start).Now, LeaseFor: time.Minute}
	refused := errors.New("refused")
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		return errors.Join(notice.Append(tx, example("example.com")), refused)
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	select {
	case <-q.Bell():
		t.Error("rung for a change that was undone")
	default:
	}
	add(t, db, example("example.com"))
	add(t, db, example("example.net"))
	select {
	case <-q.Bell():
	default:
		t.Error("not rung after the commit")
	}
	select {
	case <-q.Bell():
		t.Error("two rings that nobody heard are not one")
	default:
	}
}
