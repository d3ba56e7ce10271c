// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"testing"
	"time"

	"sesame/test/ledger"
)

// book plays a story, one step a second: a, b accept; A, B arrive; O is a copy of a that
// the life before sent; k kills; space passes a second.
func book(story string) ledger.Report {
	now := time.Unix(0, 0)
	l := ledger.New(func() time.Time { return now })
	for _, c := range story {
		switch c {
		case 'a', 'b':
			l.Accept(string(c), "u@example.com")
		case 'A', 'B':
			l.Arrive(string(c-'A'+'a'), "U@example.com", l.Life())
		case 'O':
			l.Arrive("a", "u@example.com", l.Life()-1)
		case 'k':
			l.Kill()
		}
		now = now.Add(time.Second)
	}
	return l.Balance(2 * time.Second)
}

func TestBalance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, story                               string
		lost, duplicates, unexplained, unanswered int
	}{
		{"all arrive", "aAbB", 0, 0, 0, 0},
		{"one is lost", "abA", 1, 0, 0, 0},
		{"a copy may arrive before the answer", "Aa", 0, 0, 0, 0},
		{"the answer was lost in a kill", "Ak", 0, 0, 0, 1},
		{"a kill right after the first copy explains the second", "aAkA", 0, 1, 0, 0},
		{"a duplicate without a kill is a defect", "aAA", 0, 1, 1, 0},
		{"a kill before the first copy explains nothing", "akAA", 0, 1, 1, 0},
		{"a kill long after the first copy explains nothing", "aA    kA", 0, 1, 1, 0},
		{"what was on the wire when the server died is of its life", "akOA", 0, 1, 0, 0},
		{"twice from one life, the second over the wire's end, is a defect", "aAkO", 0, 1, 1, 0},
		{"each duplicate needs its own kill", "aAkAA", 0, 2, 1, 0},
	} {
		r := book(c.story)
		if len(r.Lost) != c.lost || r.Duplicates != c.duplicates || len(r.Unexplained) != c.unexplained || r.Unanswered != c.unanswered {
			t.Errorf("%s: %v", c.name, r)
		}
		if r.Balanced() != (c.lost+c.unexplained == 0) {
			t.Errorf("%s: balanced %v", c.name, r.Balanced())
		}
	}
}
