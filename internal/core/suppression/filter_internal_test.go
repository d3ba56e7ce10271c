// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sesame/internal/base/clock"
)

// changes are a list of n addresses that were put there a millisecond apart.
func changes(from time.Time, n int) (all []position) {
	for i := range n {
		all = append(all, position{from.UnixMilli() + int64(i), "us-east-1", fmt.Sprintf("r%d@example.com", i)})
	}
	return all
}

// reader reads changes, and counts.
type reader struct {
	all   []position
	reads int
	err   error
}

func (r *reader) read(_ context.Context, behind position) (out []position, err error) {
	r.reads++
	for _, p := range r.all {
		if p.at > behind.at && len(out) < readAtOnce {
			out = append(out, p)
		}
	}
	return out, r.err
}

func TestAFilterKnowsWhoIsNotOnTheList(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	l, f := New(Options{Clock: now.Now}), newFilter()
	r := &reader{all: changes(now.Now().Add(-time.Hour), readAtOnce+10)}
	may := func(address string) bool {
		t.Helper()
		if err := l.follow(t.Context(), f, r.read); err != nil && r.err == nil {
			t.Fatal(err)
		}
		return f.may(l.hash("us-east-1", address))
	}
	if !may("free@example.com") || !may("r0@example.com") {
		t.Error("it says no of a list that it has not read to the end")
	}
	now.Advance(keepFor)
	if may("free@example.com") || !may("r0@example.com") || !may(fmt.Sprintf("r%d@example.com", readAtOnce+9)) {
		t.Error("it does not know a list that it has read to the end")
	}
	for range 100 {
		may("free@example.com")
	}
	if r.reads != 2 {
		t.Errorf("%d reads within a second", r.reads)
	}
	// Another node's clock is slow, and its commit was late.
	r.all = append(r.all, position{now.Now().Add(-time.Minute).UnixMilli(), "us-east-1", "late@example.com"})
	if may("late@example.com") {
		t.Error("it knows what it has not read")
	}
	now.Advance(keepFor)
	if !may("late@example.com") {
		t.Error("it does not know another node's change after a second")
	}
	f.add(l.hash("us-east-1", "own@example.com"))
	if !may("own@example.com") || f.may(l.hash("eu-west-1", "own@example.com")) {
		t.Error("it does not tell this node's change at once, or tells of another region")
	}
	now.Advance(keepFor)
	if r.err = errors.New("boom"); l.follow(t.Context(), f, r.read) == nil {
		t.Error("a list that can't be read is taken for known")
	}
}

func TestAFilterOfALongListIsNone(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	l, f := New(Options{Clock: now.Now}), newFilter()
	r := &reader{all: changes(now.Now().Add(-time.Hour), maxFiltered+1)}
	for range 20 {
		if err := l.follow(t.Context(), f, r.read); err != nil {
			t.Fatal(err)
		}
		now.Advance(keepFor)
	}
	if !f.may(l.hash("us-east-1", "free@example.com")) || len(f.hashes) != 0 {
		t.Error("it filters, and holds more than it may")
	}
	if r.reads != maxFiltered/readAtOnce+1 {
		t.Errorf("%d reads", r.reads)
	}
}
