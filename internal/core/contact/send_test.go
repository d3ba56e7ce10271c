// SPDX-License-Identifier: Apache-2.0

package contact_test

import (
	"slices"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

func TestWhoGetsMail(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		w.withList(t, others...)
		w.add(t, "silent", "")
		w.add(t, "in", "Sports+ Cycling+")
		w.add(t, "out", "Sports- Cycling-")
		w.add(t, "none", "none")
		w.add(t, "none-in", "none Sports+ Cycling+")
		all := []string{"silent", "in", "out", "none", "none-in", "new"}
		var recipients []address.Address
		for _, local := range all {
			recipients = append(recipients, mailbox(t, local))
		}
		for _, c := range []struct {
			name, topic string
			want        []string // who gets it
		}{
			{"mail of the list in general: whoever wants something of it", "", []string{"silent", "in", "out", "new"}},
			{"a topic that is wanted by default: who has not said no", "Sports", []string{"silent", "in", "new"}},
			{"a topic that is not: who has said yes", "Cycling", []string{"in"}},
		} {
			t.Run(c.name, func(t *testing.T) {
				s, err := w.ForSend(ctx, sc, "News", c.topic, recipients)
				must(t, err)
				var got []string
				for n, local := range all {
					if !slices.Contains(s.Unwanted, n) {
						got = append(got, local)
					}
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%q, want %q", got, c.want)
				}
			})
		}
	})
}

// TestWhoIsNewIsPutOnTheList in the commit that accepts the message, and not before.
func TestWhoIsNewIsPutOnTheList(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		w.withList(t)
		w.add(t, "old", "Sports-")
		recipients := []address.Address{mailbox(t, "old"), mailbox(t, "new"), mailbox(t, "newer")}
		s, err := w.ForSend(ctx, sc, "News", "", recipients)
		must(t, err)
		if got := w.state(t, "new"); got != "nobody" {
			t.Errorf("before the commit: %s", got)
		}
		must(t, w.db.Write(ctx, s.Enlist))
		must(t, w.db.Write(ctx, s.Enlist)) // it may run more than once
		if got := w.state(t, "old") + "," + w.state(t, "new") + "," + w.state(t, "newer"); got != "Sports-,," {
			t.Errorf("after it: %s", got)
		}
		if s, err = w.ForSend(ctx, sc, "News", "", recipients); err != nil || s.Enlist != nil {
			t.Errorf("the second message enlists again: %v", err)
		}
	})
}

func TestMailOfNoList(t *testing.T) {
	t.Parallel()
	w := newWorld(storetest.SQLite(t))
	to := []address.Address{mailbox(t, "a")}
	_, err := w.ForSend(ctx, sc, "News", "", to)
	refused(t, err, fault.NotFound, "List with name: News doesn't exist.")
	w.withList(t)
	_, err = w.ForSend(ctx, sc, "news", "", to)
	refused(t, err, fault.NotFound, "List with name: news doesn't exist.")
	_, err = w.ForSend(ctx, sc, "News", "X", to)
	refused(t, err, fault.Invalid, "List: News doesn't contain Topic: X")
	_, err = w.ForSend(ctx, sc, "a b", "", to)
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}

// TestAnotherNodesChangeIsSeen: of contacts at once, of the list within a second.
func TestAnotherNodesChangeIsSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(storetest.SQLite(t))
	w.withList(t)
	node := w.node()
	to := []address.Address{mailbox(t, "a")}
	_, err := node.ForSend(ctx, sc, "News", "Sports", to)
	must(t, err)
	w.add(t, "a", "Sports-")
	if s, err := node.ForSend(ctx, sc, "News", "Sports", to); err != nil || len(s.Unwanted) != 1 {
		t.Errorf("the contact: %+v, %v", s, err)
	}
	fewer := topics()[1:]
	must(t, w.UpdateList(ctx, sc, "News", nil, &fewer))
	w.clock.Advance(time.Second)
	_, err = node.ForSend(ctx, sc, "News", "Sports", to)
	refused(t, err, fault.Invalid, "List: News doesn't contain Topic: Sports")
}

// BenchmarkForSend is what a message to a list costs besides.
func BenchmarkForSend(b *testing.B) {
	w := newWorld(storetest.SQLite(b))
	w.withList(b)
	w.add(b, "a", "Sports+")
	to := []address.Address{mailbox(b, "a")}
	for b.Loop() {
		if _, err := w.ForSend(ctx, sc, "News", "Sports", to); err != nil {
			b.Fatal(err)
		}
	}
}
