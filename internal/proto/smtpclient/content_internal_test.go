// SPDX-License-Identifier: Apache-2.0

package smtpclient

import (
	"bytes"
	"strings"
	"testing"
)

// stuff runs blocks through a stuffer.
func stuff(t *testing.T, blocks [][]byte) string {
	t.Helper()
	var out bytes.Buffer
	s := newStuffer(func(part []byte) error {
		out.Write(part)
		return nil
	})
	for _, b := range blocks {
		if err := s.add(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// unstuff is RFC 5321 §4.5.2 from the receiver's side, line by line, as a reference.
// It reports whether the content ends where the stream ends, and no earlier.
func unstuff(wire string) (content string, ok bool) {
	var b strings.Builder
	for {
		line, rest, found := strings.Cut(wire, "\r\n")
		switch {
		case !found:
			return "", false
		case line == ".":
			return b.String(), rest == ""
		}
		b.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
		wire = rest
	}
}

func TestDotsAreDoubled(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		in   string // blocks, separated by |
		want string
	}{
		{"nothing", "", ".\r\n"},
		{"a line", "a\r\n", "a\r\n.\r\n"},
		{"a line without its end", "a", "a\r\n.\r\n"},
		{"a dot first", ".a\r\n", "..a\r\n.\r\n"},
		{"a dot in the middle of a line", "a.b\r\n", "a.b\r\n.\r\n"},
		{"a lone dot", ".\r\n", "..\r\n.\r\n"},
		{"a lone dot among lines", "a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"},
		{"dot lines one after the other", ".\r\n.\r\n..\r\n", "..\r\n..\r\n...\r\n.\r\n"},
		{"a dot at the border of blocks", "a\r\n|.b\r\n", "a\r\n..b\r\n.\r\n"},
		{"the border within the line end", "a\r|\n.b\r\n", "a\r\n..b\r\n.\r\n"},
		{"an octet in each block", "a|\r|\n|.|.|\r|\n|.", "a\r\n...\r\n..\r\n.\r\n"},
		{"empty blocks between", "a\r\n||.||b", "a\r\n..b\r\n.\r\n"},
		{"a border that is no line end", "a|.b\r\n", "a.b\r\n.\r\n"},
		{"a line feed first", "\n|.a\r\n", "\n.a\r\n.\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var blocks [][]byte
			for s := range strings.SplitSeq(tc.in, "|") {
				blocks = append(blocks, []byte(s)[:len(s):len(s)])
			}
			if got := stuff(t, blocks); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func FuzzDotStuffing(f *testing.F) {
	for _, s := range []string{"", "a\r\n.\r\n", ".", "..", "\r\n.\r\n", ".\r\n\r\n..\r\n", "a\r\n.b"} {
		f.Add(s, uint8(1), uint8(3))
		f.Add(s, uint8(2), uint8(0))
	}
	f.Fuzz(func(t *testing.T, s string, first, step uint8) {
		// Only clean lines are promised to the client.
		s = strings.ReplaceAll(strings.NewReplacer("\r\n", "\n", "\r", "").Replace(s), "\n", "\r\n")
		var blocks [][]byte
		rest, n := s, int(first)
		for len(rest) > 0 {
			n = min(n, len(rest))
			blocks = append(blocks, []byte(rest[:n])[:n:n])
			rest, n = rest[n:], int(step)+1
		}
		want := s
		if want != "" && !strings.HasSuffix(want, "\r\n") {
			want += "\r\n"
		}
		if got, ok := unstuff(stuff(t, blocks)); !ok || got != want {
			t.Fatalf("%q came out as %q (%v)", want, got, ok)
		}
	})
}
